// Code that asks what people wrote themselves. For searches of the form, the server writes it.

/** A literal of Python that means exactly this text. */
function python(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** A text as one word of a POSIX shell. */
function shell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** How pyVO asks. */
export function pyvoSnippet(url: string, adql: string): string {
  const lines = adql.trim().split("\n");
  const text = lines
    .map((line, index) => `    ${python(index < lines.length - 1 ? `${line}\n` : line)}`)
    .join("\n");
  return `import pyvo

service = pyvo.dal.TAPService(${python(url)})
rows = service.search(
${text}
).to_table()
`;
}

/** How TOPCAT and STILTS ask. */
export function topcatSnippet(url: string, adql: string): string {
  return `stilts tapquery tapurl=${shell(url)} \\
  adql=${shell(adql.trim())} \\
  out=rows.vot
`;
}
