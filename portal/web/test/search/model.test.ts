import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pageFromParams, pageToParams } from "../../src/search/address";
import { buildSearch } from "../../src/search/build";
import { type ConditionForm, emptyForm, type Form } from "../../src/search/form";
import { findImpossible, joined } from "../../src/search/impossible";
import { inScale, textOf } from "../../src/search/time";
import type { Search } from "../../src/state/view";
import { CAPABILITIES, PLAIN } from "../fixtures";

const FIELDS = CAPABILITIES.fields;

function form(change: (form: Form) => void): Form {
  const made = emptyForm();
  change(made);
  return made;
}

function build(change: (form: Form) => void) {
  return buildSearch(form(change), FIELDS);
}

describe("what is typed becomes a search", () => {
  it("nothing typed asks nothing", () => {
    expect(build(() => {})).toEqual({ search: {}, problems: [] });
  });
  it("a name that was found is a cone with a label", () => {
    const { search, problems } = build(({ place }) => {
      place.name = "Crab Nebula";
      place.found = { name: "Crab Nebula", ra: 83.6331, dec: 22.0145, origin: "this archive" };
      place.radius = "30";
      place.radiusUnit = "arcmin";
      place.what = "region";
    });
    expect(problems).toEqual([]);
    expect(search.cone).toEqual({
      positions: [{ ra: 83.6331, dec: 22.0145, label: "Crab Nebula" }],
      radius: 0.5,
      what: "region",
    });
  });
  it("a name that was not looked up waits, also when another was found before", () => {
    const { search, problems } = build(({ place }) => {
      place.name = "M 87";
      place.found = { name: "Crab Nebula", ra: 83.6331, dec: 22.0145, origin: null };
    });
    expect(search.cone).toBeUndefined();
    expect(problems).toMatchObject([{ at: "name", pending: true }]);
  });
  it("coordinates may be galactic", () => {
    const { search } = build(({ place }) => {
      place.mode = "coordinates";
      place.frame = "galactic";
      place.coordinates = "184.5575 -5.7843";
    });
    expect(search.cone?.positions[0]?.ra).toBeCloseTo(83.633, 2);
    expect(search.cone?.positions[0]?.label).toBeNull();
  });
  it("a list gives several cones, and names its wrong lines", () => {
    const list = build(({ place }) => {
      place.mode = "list";
      place.list = "83.63 22.01 # Crab\nnonsense\n10 -95";
    });
    expect(list.search.cone?.positions).toHaveLength(1);
    expect(list.problems.map(({ message }) => message.slice(0, 7))).toEqual(["Line 2:", "Line 3:"]);
    const long = build(({ place }) => {
      place.mode = "list";
      place.list = "1 1\n".repeat(201);
    });
    expect(long.problems[0]?.message).toMatch(/200 positions at most/);
  });
  it.each(["0", "-1", "181", "x", ""])("a radius of '%s' is refused", (radius) => {
    const { problems } = build(({ place }) => {
      place.mode = "coordinates";
      place.coordinates = "1 1";
      place.radius = radius;
    });
    expect(problems).toMatchObject([{ at: "radius" }]);
  });
  it("times go out as MJD in TT, whatever the notation", () => {
    const { search } = build(({ time }) => {
      time.start = { notation: "iso", text: "2004-03-27T00:47:04.184" };
      time.scale = "TT";
      time.end = { notation: "met", text: "102042851" };
      time.how = "within";
    });
    expect(search.time?.start).toBeCloseTo(53_091.032_687_314_815, 10);
    expect(search.time?.end).toBeCloseTo(53_091.052_259_074_07, 10);
    expect(search.time?.how).toBe("within");
  });
  it("a time in UTC is 64.184 s later in TT", () => {
    const { search } = build(({ time }) => {
      time.start = { notation: "iso", text: "2004-03-27" };
    });
    expect(((search.time?.start ?? 0) - 53_091) * 86_400).toBeCloseTo(64.184, 5);
    expect(search.time?.end).toBeNull();
  });
  it("times that are wrong say so", () => {
    const { problems } = build(({ time }) => {
      time.start = { notation: "iso", text: "2005-01-01" };
      time.end = { notation: "mjd", text: "53000" };
    });
    expect(problems).toMatchObject(
      [{ at: "end", message: /before the start/ }].map((p) => ({ at: p.at })),
    );
    const early = build(({ time }) => {
      time.start = { notation: "iso", text: "1960-01-01" };
    });
    expect(early.problems[0]?.message).toMatch(/before 1972/);
  });
  it("a wrong epoch is a problem of the time that needs it", () => {
    const { problems } = build(({ time }) => {
      time.epoch = { day: "x", fraction: "0" };
      time.start = { notation: "met", text: "1" };
    });
    expect(problems).toMatchObject([{ at: "start" }]);
    expect(problems[0]?.message).toMatch(/MJDREFI/);
  });
  it("several intervals", () => {
    const { search, problems } = build(({ time }) => {
      time.scale = "TT";
      time.lines = "53090.5 53091\n53092 oops\n53092 53093";
    });
    expect(search.intervals).toEqual([
      [53_090.5, 53_091],
      [53_092, 53_093],
    ]);
    expect(problems[0]?.message).toMatch(/^Line 2:/);
  });
  it("energies go out in eV", () => {
    const { search } = build(({ energy }) => {
      energy.low = "500 GeV";
      energy.high = "10";
      energy.how = "contains";
    });
    expect(search.energy).toEqual({ low: 5e11, high: 1e13, how: "contains" });
    const wrong = build(({ energy }) => {
      energy.low = "10";
      energy.high = "1";
    });
    expect(wrong.problems).toMatchObject([{ at: "energy-high" }]);
  });
  it("fields of every kind", () => {
    const { search, problems } = build(({ conditions }) => {
      conditions.dataproduct_type = { kind: "choice", values: ["event-list"] };
      conditions.target_name = { kind: "text", text: " crab " };
      conditions.zenith = { kind: "range", low: "", high: "40", unit: null };
      conditions.livetime = { kind: "range", low: "0.5", high: "", unit: "h" };
      conditions.obs_release_date = { kind: "range", low: "2004-03-27", high: "53100", unit: null };
      conditions.n_tels = { kind: "range", low: " ", high: "", unit: null };
    });
    expect(problems).toEqual([]);
    expect(search.conditions).toEqual([
      { kind: "among", field: "dataproduct_type", values: ["event-list"] },
      { kind: "contains", field: "target_name", text: "crab" },
      { kind: "between", field: "zenith", low: null, high: 40 },
      { kind: "between", field: "livetime", low: 1800, high: null },
      { kind: "between", field: "obs_release_date", low: 53_091, high: 53_100 },
    ]);
  });
  it.each([
    [{ kind: "range", low: "x", high: "", unit: null }, /not a number/],
    [{ kind: "range", low: "5", high: "1", unit: null }, /below the lower/],
    [{ kind: "range", low: "5", high: "", unit: "h" }, /h cannot be used/],
  ] as [ConditionForm, RegExp][])("a wrong range %j says so", (condition, words) => {
    const { problems } = build(({ conditions }) => {
      conditions.zenith = condition;
    });
    expect(problems[0]?.at).toBe("zenith");
    expect(problems[0]?.message).toMatch(words);
  });
});

describe("times keep in step", () => {
  const time = form(({ time }) => {
    time.scale = "TT";
    time.start = { notation: "mjd", text: "53091.032687314815" };
  }).time;
  it("in all notations", () => {
    expect(textOf("mjd", time.start, time)).toBe("53091.032687314815");
    expect(textOf("iso", time.start, time)).toBe("2004-03-27T00:47:04.184");
    expect(Number(textOf("met", time.start, time))).toBeCloseTo(102_041_160, 4);
  });
  it("and are empty where nothing is meant", () => {
    expect(textOf("iso", { notation: "mjd", text: "5309x" }, time)).toBe("");
    expect(textOf("iso", { notation: "mjd", text: "" }, time)).toBe("");
    const utc = { ...time, scale: "UTC" as const };
    expect(textOf("iso", { notation: "met", text: "-1e9" }, utc)).toBe("");
  });
  it("and stay the same moment in another scale", () => {
    const iso = { notation: "iso", text: "2004-03-27T00:47:04.184" } as const;
    expect(inScale(iso, time, "UTC").text).toBe("2004-03-27T00:46:00");
    const met = { notation: "met", text: "5" } as const;
    expect(inScale(met, time, "UTC")).toEqual(met);
    const broken = { notation: "iso", text: "2004-" } as const;
    expect(inScale(broken, time, "UTC")).toEqual(broken);
  });
});

describe("the address", () => {
  /** The search that comes back when a form's address is read again. */
  function again(made: Form): { before: Search; after: Search } {
    const before = buildSearch(made, FIELDS).search;
    const page = { form: made, own: null, usesOwn: false };
    const params = pageToParams("own", page, before, FIELDS);
    const read = pageFromParams(new URLSearchParams(params.toString()));
    return { before, after: buildSearch(read.form, FIELDS).search };
  }
  it("holds everything", () => {
    const { before, after } = again(
      form((all) => {
        all.table = "hess_dr.obscore";
        all.place.mode = "list";
        all.place.list = "83.63 22.01 # Crab\n10 -10";
        all.place.radius = "20";
        all.place.radiusUnit = "arcmin";
        all.time.start = { notation: "iso", text: "2004-03-27T00:47:04.184" };
        all.time.end = { notation: "mjd", text: "53100.123456789" };
        all.time.lines = "2004-03-26 2004-03-27";
        all.energy = { low: "1", high: "", unit: "erg", how: "within" };
        all.conditions.dataproduct_type = { kind: "choice", values: ["event-list", "a,b:c"] };
        all.conditions.livetime = { kind: "range", low: "0.5", high: "1", unit: "h" };
      }),
    );
    expect(after.time?.end).toBeCloseTo(before.time?.end as number, 10);
    expect({ ...after, time: null, intervals: null }).toEqual({
      ...before,
      time: null,
      intervals: null,
    });
    expect(after.intervals?.[0]?.[0]).toBeCloseTo(before.intervals?.[0]?.[0] as number, 10);
  });
  it("keeps how things are shown", () => {
    const made = form((all) => {
      all.time.scale = "TT";
      all.time.epoch = { day: "51544", fraction: "0.5" };
      all.energy.unit = "GeV";
      all.place.radiusUnit = "arcsec";
      all.place.name = "not looked up";
      all.conditions.livetime = { kind: "range", low: "0.5", high: "", unit: "h" };
    });
    const page = { form: made, own: null, usesOwn: false };
    const { search } = buildSearch(made, FIELDS);
    const read = pageFromParams(pageToParams("own", page, search, FIELDS)).form;
    expect(read.time.scale).toBe("TT");
    expect(read.time.epoch).toEqual({ day: "51544", fraction: "0.5" });
    expect(read.energy.unit).toBe("GeV");
    expect(read.place.radiusUnit).toBe("arcsec");
    expect(read.place.name).toBe("not looked up");
    expect(read.conditions.livetime).toEqual({ kind: "range", low: "0.5", high: "", unit: "h" });
  });
  it("brings any moment back to a microsecond", () => {
    const mjds = fc.double({ min: 41_400, max: 69_000, noNaN: true });
    fc.assert(
      fc.property(mjds, fc.constantFrom("TT", "UTC"), (start, scale) => {
        const search = { time: { start, end: null, how: "overlaps" } };
        const params = new URLSearchParams({ search: JSON.stringify(search), scale });
        const read = buildSearch(pageFromParams(params).form, FIELDS).search.time?.start;
        expect(Math.abs((read as number) - start) * 86_400).toBeLessThan(2e-6);
      }),
    );
  });
  it("keeps own ADQL, and the form below it", () => {
    const made = form(({ energy }) => {
      energy.low = "1";
    });
    const { search } = buildSearch(made, FIELDS);
    const own = { form: made, own: "SELECT 1", usesOwn: true };
    const params = pageToParams("own", own, search);
    expect(params.get("adql")).toBe("SELECT 1");
    expect(params.has("search")).toBe(false);
    const read = pageFromParams(params);
    expect(read).toMatchObject({ own: "SELECT 1", usesOwn: true });
    expect(buildSearch(read.form).search).toEqual(search);
    const back = pageFromParams(pageToParams("own", { ...own, usesOwn: false }, search));
    expect(back).toMatchObject({ own: "SELECT 1", usesOwn: false });
    expect(buildSearch(back.form).search).toEqual(search);
  });
  it("loses no condition that the form has no room for", () => {
    const conditions = [
      { kind: "contains", field: "target_name", text: "a" },
      { kind: "contains", field: "target_name", text: "b" },
    ];
    const params = new URLSearchParams({ search: JSON.stringify({ conditions }) });
    expect(buildSearch(pageFromParams(params).form).search.conditions).toEqual(conditions);
  });
  it("is short where nothing is asked", () => {
    const page = { form: emptyForm(), own: null, usesOwn: false };
    expect(pageToParams("own", page, {}).toString()).toBe("service=own");
  });
  it.each(["{", '{"cone":5}', '{"conditions":[null]}', '{"intervals":[1]}'])(
    "says that the search %s in a link is damaged",
    (search) => {
      expect(() => pageFromParams(new URLSearchParams({ search }))).toThrow(/damaged/);
    },
  );
});

describe("what a service cannot answer", () => {
  const asked: Search = {
    cone: { positions: [{ ra: 1, dec: 1, label: null }], radius: 1, what: "region" },
    intervals: [[1, 2]],
    energy: { low: 1, high: null, how: "overlaps" },
    conditions: [
      { kind: "between", field: "zenith", low: 1, high: null },
      { kind: "contains", field: "nothing_known", text: "x" },
    ],
  };
  it("is named part by part", () => {
    expect(findImpossible(asked, CAPABILITIES).map(({ part }) => part)).toEqual([
      "conditions.nothing_known",
    ]);
    expect(findImpossible(asked, PLAIN).map(({ part }) => part)).toEqual([
      "cone",
      "intervals",
      "conditions.zenith",
      "conditions.nothing_known",
    ]);
  });
  it("is said once, by page and server together", () => {
    const here = [{ part: "cone", reason: "a" }];
    expect(
      joined(here, [
        { part: "cone", reason: "b" },
        { part: "time", reason: "c" },
      ]),
    ).toEqual([
      { part: "cone", reason: "a" },
      { part: "time", reason: "c" },
    ]);
  });
  it("includes features that are not mentioned at all", () => {
    const silent = { ...CAPABILITIES, features: [] };
    expect(findImpossible({ energy: { low: 1, how: "overlaps" } }, silent)).toHaveLength(1);
  });
});
