// XML-RPC as far as SAMP uses it: strings, lists, and maps from strings.

export type Value = string | Value[] | { [key: string]: Value };

/** What the other side refused, in its words. */
export class Fault extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
    this.name = "Fault";
  }
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function written(value: Value): string {
  if (typeof value === "string") return `<value><string>${escaped(value)}</string></value>`;
  if (Array.isArray(value))
    return `<value><array><data>${value.map(written).join("")}</data></array></value>`;
  const members = Object.entries(value).map(
    ([name, one]) => `<member><name>${escaped(name)}</name>${written(one)}</member>`,
  );
  return `<value><struct>${members.join("")}</struct></value>`;
}

/** A call as a document. */
export function writeCall(method: string, parameters: Value[]): string {
  const parts = parameters.map((one) => `<param>${written(one)}</param>`);
  return (
    `<?xml version="1.0"?><methodCall><methodName>${escaped(method)}</methodName>` +
    `<params>${parts.join("")}</params></methodCall>`
  );
}

function child(element: Element, name: string): Element | undefined {
  return [...element.children].find((one) => one.tagName === name);
}

function read(value: Element): Value {
  const [typed] = value.children;
  if (!typed) return value.textContent ?? "";
  if (typed.tagName === "array") {
    const list = child(typed, "data");
    return list ? [...list.children].map(read) : [];
  }
  if (typed.tagName === "struct") {
    const members = [...typed.children].flatMap((member): [string, Value][] => {
      const [name, one] = [child(member, "name"), child(member, "value")];
      return name && one ? [[name.textContent ?? "", read(one)]] : [];
    });
    return Object.fromEntries(members);
  }
  return typed.textContent ?? "";
}

/** The value of an answer. Throws Fault where it is one, and Error where it is no XML-RPC. */
export function readResponse(text: string): Value {
  const tree = new DOMParser().parseFromString(text, "text/xml");
  const root = tree.documentElement;
  if (root.tagName !== "methodResponse") throw new Error("The answer is no XML-RPC.");
  const fault = root.querySelector(":scope > fault > value");
  if (fault) {
    const told = read(fault);
    const part = (name: string) =>
      typeof told === "object" && !Array.isArray(told) ? String(told[name] ?? "") : "";
    throw new Fault(part("faultString") || "refused", part("faultCode"));
  }
  const value = root.querySelector(":scope > params > param > value");
  return value ? read(value) : "";
}
