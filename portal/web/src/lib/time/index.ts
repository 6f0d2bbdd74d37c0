export { type Intervals, type LineProblem, parseIntervals, rewriteIntervals } from "./intervals";
export { ANNOUNCED_UNTIL } from "./leap";
export { fromMjd, type Moment, type Scale, secondsBetween, TimeError, toMjd } from "./moment";
export {
  type Epoch,
  formatIso,
  formatMet,
  formatMjd,
  formatTime,
  type Notation,
  parseEpoch,
  parseIso,
  parseMet,
  parseMjd,
  parseTime,
} from "./text";
