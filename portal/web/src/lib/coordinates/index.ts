export { CoordinateError, formatAngle, parseAngle } from "./angle";
export { fromGalactic, type Place, toGalactic } from "./frames";
export {
  type Frame,
  formatDegrees,
  formatSexagesimal,
  type Labelled,
  type LineProblem,
  looksLikeCoordinates,
  type Positions,
  parsePosition,
  parsePositions,
  type Sky,
} from "./position";
