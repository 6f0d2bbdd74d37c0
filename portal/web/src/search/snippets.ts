// Code that asks what people wrote themselves. For searches of the form, the server writes it.

/** A literal of Python that means exactly this text. */
function python(text: string): string {
  // JSON's literals are Python's but for pairs of surrogates, which Python writes as one character.
  return JSON.stringify(text).replace(/[^\x20-\x7e]/gu, (character) => {
    const hex = (character.codePointAt(0) ?? 0).toString(16);
    return hex.length > 4 ? `\\U${hex.padStart(8, "0")}` : `\\u${hex.padStart(4, "0")}`;
  });
}

/** A text as one word of a POSIX shell. */
function shell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** How pyVO asks, for that many rows at most. */
export function pyvoSnippet(url: string, adql: string, rows: number): string {
  const lines = adql.trim().split("\n");
  const text = lines
    .map((line, index) => `    ${python(index < lines.length - 1 ? `${line}\n` : line)}`)
    .join("\n");
  return `import pyvo

service = pyvo.dal.TAPService(${python(url)})
query = (
${text}
)
# pyVO warns if the service has more rows than maxrec.
rows = service.run_sync(query, maxrec=${rows}).to_table()
print(rows)
`;
}

/** How STILTS, the command line of TOPCAT, asks, for that many rows at most. */
export function topcatSnippet(url: string, adql: string, rows: number): string {
  return `# STILTS, TOPCAT's command line. In TOPCAT itself: VO, Table Access Protocol (TAP) Query.
stilts tapquery tapurl=${shell(url)} sync=true maxrec=${rows} \\
  adql=${shell(adql.trim())} \\
  out=observations.vot ofmt=votable
`;
}
