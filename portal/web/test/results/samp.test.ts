import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HUB, messageFor, SampError, send, tapUrl } from "../../src/results/samp";
import { Fault, readResponse, type Value, writeCall } from "../../src/results/xmlrpc";

const word = fc.string({ unit: "grapheme-ascii" });
const value: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    word,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(word, tie("value"), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

/** An answer as a hub writes it. */
function response(given: Value): string {
  const call = writeCall("x", [given]);
  const inner = /<params>.*<\/params>/s.exec(call)?.[0];
  return `<?xml version="1.0"?><methodResponse>${inner}</methodResponse>`;
}

describe("XML-RPC", () => {
  it("gives back what was written", () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(readResponse(response(given))).toEqual(given);
      }),
    );
  });
  it("reads values without a type, and faults", () => {
    expect(
      readResponse(
        "<methodResponse><params><param><value>bare</value></param></params></methodResponse>",
      ),
    ).toBe("bare");
    const fault =
      "<methodResponse><fault><value><struct><member><name>faultString</name><value>no</value></member>" +
      "<member><name>faultCode</name><value><int>7</int></value></member></struct></value></fault></methodResponse>";
    expect(() => readResponse(fault)).toThrow(Fault);
    expect(() => readResponse("<html/>")).toThrow("no XML-RPC");
  });
});

describe("sending", () => {
  const usual = globalThis.fetch;
  let methods: string[] = [];
  let answers: Record<string, () => Response> = {};
  const xml = (given: Value) => () => new Response(response(given));

  beforeEach(() => {
    methods = [];
    answers = {
      "samp.webhub.register": xml({ "samp.private-key": "key" }),
      "samp.webhub.getSubscribedClients": xml({ c1: {}, c2: {} }),
      "samp.webhub.getMetadata": xml({ "samp.name": "TOPCAT" }),
    };
    globalThis.fetch = async (input, init) => {
      expect(String(input)).toBe(HUB);
      const method = /<methodName>(.*)<\/methodName>/.exec(String(init?.body))?.[1] ?? "";
      methods.push(method);
      return (answers[method] ?? xml(""))();
    };
  });
  afterEach(() => {
    globalThis.fetch = usual;
  });

  const message = { mtype: "table.load.votable", params: { url: "http://x" } };

  it("registers, tells all, and leaves", async () => {
    expect(await send(message)).toEqual(["TOPCAT", "TOPCAT"]);
    expect(methods).toContain("samp.webhub.notifyAll");
    expect(methods.at(-1)).toBe("samp.webhub.unregister");
  });
  it("says if there is no hub", async () => {
    globalThis.fetch = () => Promise.reject(new TypeError("refused"));
    await expect(send(message)).rejects.toThrow(/Start TOPCAT/);
  });
  it("says if people let nobody in", async () => {
    answers["samp.webhub.register"] = () =>
      new Response(
        "<methodResponse><fault><value><struct><member><name>faultString</name><value>denied</value></member></struct></value></fault></methodResponse>",
      );
    await expect(send(message)).rejects.toThrow("denied");
  });
  it("says if nobody takes it, and leaves all the same", async () => {
    answers["samp.webhub.getSubscribedClients"] = xml({});
    await expect(send(message)).rejects.toThrow(SampError);
    expect(methods).not.toContain("samp.webhub.notifyAll");
    expect(methods.at(-1)).toBe("samp.webhub.unregister");
  });
});

describe("messages", () => {
  it("suit the kind of file", () => {
    expect(messageFor("http://x/a.fits.gz", "application/x-fits-gadf", "a")?.mtype).toBe(
      "table.load.fits",
    );
    expect(messageFor("http://x/a", "application/x-votable+xml;content=datalink", "a")?.mtype).toBe(
      "table.load.votable",
    );
    expect(messageFor("http://x/a.fits", "image/fits", "a")?.mtype).toBe("image.load.fits");
    expect(messageFor("http://x/a.png", "image/png", "a")).toBeNull();
    expect(messageFor("http://x/a.tar", null, "a")).toBeNull();
  });
});

describe("an address of rows", () => {
  it("is the TAP service's own", () => {
    const url = new URL(tapUrl("http://x/tap/", "SELECT 1", [], 10));
    expect(url.pathname).toBe("/tap/sync");
    expect(url.searchParams.get("QUERY")).toBe("SELECT 1");
    expect(url.searchParams.get("MAXREC")).toBe("10");
  });
  it("wraps the question in a name that is no word of ADQL", () => {
    const query = new URL(tapUrl("http://x/tap", "SELECT 1", ["a"], 1)).searchParams.get("QUERY");
    // FOUND, for instance, is reserved, and services refuse it.
    expect(query).toBe("SELECT * FROM (SELECT 1) AS answer WHERE obs_publisher_did IN ('a')");
  });
  it("quotes identifiers, whatever they have in them", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 50 }), (did) => {
        const query =
          new URL(tapUrl("http://x/tap", "SELECT 1", [did], 1)).searchParams.get("QUERY") ?? "";
        const literal = /IN \('(.*)'\)$/s.exec(query)?.[1] ?? "";
        expect(literal.replaceAll("''", "")).not.toContain("'");
        expect(literal.replaceAll("''", "'")).toBe(did);
      }),
    );
  });
  it("is refused in words where it would be too long", () => {
    const dids = Array.from({ length: 500 }, (_, at) => `ivo://x/~?run/${at}`);
    expect(() => tapUrl("http://x/tap", "SELECT 1", dids, 1)).toThrow(/too much for one address/);
  });
});
