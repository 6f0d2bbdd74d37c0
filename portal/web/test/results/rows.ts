// Rows, pages and columns for the tests of the results.
import type { Schemas } from "../../src/api/client";

type Observed = Schemas["Observed"];
type Column = Schemas["ColumnInfo"];

export function observed(did: string, more: Partial<Observed> = {}): Observed {
  return {
    did,
    obs_id: did,
    product: "event-list",
    target_name: "Crab Nebula",
    ra: 83.6,
    dec: 22,
    target_ra: 83.63,
    target_dec: 22.01,
    region: { kind: "circle", points: [83.6, 22, 2.5] },
    t_min: 53_316,
    t_max: 53_316.02,
    intervals: null,
    energy_min: 3e11,
    energy_max: 1e14,
    zenith: 45,
    livetime: 1600,
    events: 1000,
    size: 250_000,
    ...more,
  };
}

export function column(name: string, more: Partial<Column> = {}): Column {
  return {
    name,
    datatype: "char",
    unit: null,
    ucd: null,
    utype: null,
    description: null,
    principal: true,
    ...more,
  };
}

export const COLUMNS: Column[] = [
  column("obs_publisher_did", { ucd: "meta.ref.ivoid" }),
  column("obs_id", { description: "Name of the observation" }),
  column("target_name"),
  column("dataproduct_type"),
  column("t_min", {
    datatype: "double",
    unit: "d",
    ucd: "time.start;obs.exposure",
    description: "Start",
  }),
  column("energy_min", { datatype: "double", unit: "eV", ucd: "em.energy;stat.min" }),
  column("access_estsize", { datatype: "long", unit: "kbyte", ucd: "phys.size;meta.file" }),
  column("quality", { datatype: "int", description: "A number for quality" }),
];
