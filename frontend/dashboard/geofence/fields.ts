/**
 * The editor's form as text, and what is wrong with it: one message per field, saying what to type instead.
 *
 * The limits are the server's (core/geofence_reading.py); the server has the last word.
 */

import { type LatLon } from "../../shared/geodesy";
import { type AlertOn, type Draft, idFor, type Rule } from "./draft";
import { LARGEST_M, openRing, type Ring, same, type Shape, type ShapeType } from "./shape";

/** Every input's text, as typed. `points` are the vertices of a polygon without holes or of a path, one per line. */
export interface Fields {
  name: string;
  type: ShapeType;
  center: string;
  radius_m: string;
  width_m: string;
  points: string;
  alert_on: AlertOn;
  active: boolean;
  trucks: string;
  exit_buffer_m: string;
  confirm_fixes: string;
  detect_crossing: boolean;
  dwell_minutes: string;
  speed_limit_kmh: string;
}

export type Problems = Partial<Record<keyof Fields, string>>;

const TRUCK = /^[A-Za-z0-9._:*-]{1,64}$/;
const LONGEST_NAME = 200;

/** Returns the text of every input for a draft. */
export function fieldsOf(draft: Draft): Fields {
  const { rule, shape } = draft;
  return {
    name: draft.name,
    type: shape?.type ?? "circle",
    center: shape?.type === "circle" ? pointText(shape.center) : "",
    radius_m: shape?.type === "circle" ? String(shape.radius_m) : "500",
    width_m: shape?.type === "corridor" ? String(shape.width_m) : "100",
    points: shape ? pointsText(shape) : "",
    alert_on: rule.alert_on,
    active: rule.active,
    trucks: rule.trucks?.join(", ") ?? "",
    exit_buffer_m: String(rule.exit_buffer_meters),
    confirm_fixes: String(rule.confirm_fixes),
    detect_crossing: rule.detect_crossing,
    dwell_minutes: rule.dwell_minutes === null ? "" : String(rule.dwell_minutes),
    speed_limit_kmh: rule.speed_limit_kmh === null ? "" : String(rule.speed_limit_kmh),
  };
}

/** Returns the draft that the fields say, and what is wrong. With problems the draft keeps what it had there. */
export function readFields(
  fields: Fields,
  before: Draft,
  taken: ReadonlySet<string>,
): { draft: Draft; problems: Problems } {
  const problems: Problems = {};
  const name = fields.name.trim();
  if (!name) problems.name = "Give the geofence a name, for example Main Warehouse.";
  else if (name.length > LONGEST_NAME) problems.name = `Shorten the name to ${LONGEST_NAME} characters.`;
  const rule = readRule(fields, before.rule, problems);
  const shape = readShape(fields, before.shape, problems);
  const geofence_id = before.version > 0 ? before.geofence_id : idFor(name, taken);
  return { draft: { ...before, geofence_id, name, rule, shape }, problems };
}

/** Returns a number as people type it: 1,000 and 1 000 are a thousand, 0.5 a half; NaN for anything else. */
export function numberOf(text: string): number {
  const plain = text.trim().replace(/(?<=\d)[,\s'’](?=\d{3}(\D|$))/g, "");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : NaN;
}

/** Returns "latitude, longitude" as a point, null when it is not one. */
export function pointOf(text: string): LatLon | null {
  const match = /^\s*([+-]?\d+(?:\.\d+)?)\s*°?\s*[,;\s]\s*([+-]?\d+(?:\.\d+)?)\s*°?\s*$/.exec(text);
  if (!match) return null;
  const [latitude, longitude] = [Number(match[1]), Number(match[2])];
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 360 ? { latitude, longitude } : null;
}

export function pointText(point: LatLon): string {
  return `${point.latitude}, ${point.longitude}`;
}

/** Says whether the vertices can be typed as one list: a path, or one polygon without holes. */
export function hasPointList(shape: Shape): boolean {
  if (shape.type === "circle") return false;
  return shape.type === "corridor" || (shape.polygons.length === 1 && shape.polygons[0]!.length === 1);
}

function pointsText(shape: Shape): string {
  if (!hasPointList(shape)) return "";
  const points = shape.type === "corridor" ? shape.path : shape.type === "polygon" ? shape.polygons[0]![0]! : [];
  return points.map(pointText).join("\n");
}

function readRule(fields: Fields, before: Rule, problems: Problems): Rule {
  const words = fields.trucks.split(/[\s,;]+/).filter(Boolean);
  const odd = words.find((word) => !TRUCK.test(word));
  if (odd !== undefined)
    problems.trucks = `“${odd.slice(0, 40)}” is no truck id or pattern. Write ids like TRK-001 or patterns like VAN-*.`;
  const fixes = numberOf(fields.confirm_fixes || "1");
  const whole = Number.isInteger(fixes) && fixes >= 1 && fixes <= 1_000_000;
  if (!whole) problems.confirm_fixes = "Give a whole number of at least 1: how many positions must agree.";
  return {
    alert_on: fields.alert_on,
    active: fields.active,
    trucks: odd !== undefined ? before.trucks : words.length ? [...new Set(words)] : null,
    exit_buffer_meters: metres(fields, "exit_buffer_m", problems, { least: 0, empty: 0 }) ?? before.exit_buffer_meters,
    confirm_fixes: whole ? fixes : before.confirm_fixes,
    detect_crossing: fields.detect_crossing,
    dwell_minutes: optional(fields, "dwell_minutes", "minutes, for example 45", problems, before.dwell_minutes),
    speed_limit_kmh: optional(fields, "speed_limit_kmh", "km/h, for example 30", problems, before.speed_limit_kmh),
  };
}

function readShape(fields: Fields, before: Shape | null, problems: Problems): Shape | null {
  if (fields.type === "circle") {
    const center = pointOf(fields.center);
    const radius_m = metres(fields, "radius_m", problems, { least: Number.MIN_VALUE });
    if (!center) {
      const rule = "latitude, longitude in degrees, for example 47.3769, 8.5417.";
      problems.center = fields.center.trim()
        ? `Write the centre as ${rule}`
        : `Draw the circle, or type its centre: ${rule}`;
    }
    if (center && radius_m !== null) return { type: "circle", center, radius_m };
    return before?.type === "circle" ? before : null;
  }
  const known = before?.type === fields.type ? before : null;
  const listed = !known || hasPointList(known);
  const least = fields.type === "corridor" ? 2 : 3;
  const points = listed ? readPoints(fields, least, problems) : null;
  if (fields.type === "corridor") {
    const width_m = metres(fields, "width_m", problems, { least: Number.MIN_VALUE });
    return points && width_m !== null ? { type: "corridor", path: points, width_m } : known;
  }
  if (!points) return known;
  const form = known?.type === "polygon" ? known.form : "vertices";
  return { type: "polygon", polygons: [[points]], form };
}

function readPoints(fields: Fields, least: number, problems: Problems): Ring | null {
  const lines = fields.points.split("\n").filter((line) => line.trim());
  const points: LatLon[] = [];
  for (const [i, line] of lines.entries()) {
    const point = pointOf(line);
    if (!point) {
      problems.points = `Point ${i + 1}, “${line.trim().slice(0, 40)}”, is not latitude, longitude in degrees.`;
      return null;
    }
    points.push(point);
  }
  const open = fields.type === "polygon" ? openRing(points) : points.filter((p, i) => !i || !same(p, points[i - 1]!));
  if (new Set(open.map(pointText)).size < least) {
    const what = least === 2 ? "A corridor needs at least two points." : "A polygon needs at least three points.";
    problems.points = lines.length ? what : `Draw it on the map, or type its points. ${what}`;
    return null;
  }
  return open;
}

function metres(
  fields: Fields,
  field: "radius_m" | "width_m" | "exit_buffer_m",
  problems: Problems,
  { least, empty }: { least: number; empty?: number },
): number | null {
  if (empty !== undefined && !fields[field].trim()) return empty;
  const value = numberOf(fields[field]);
  if (value >= least && value <= LARGEST_M) return value;
  problems[field] =
    value > LARGEST_M
      ? "That is farther than half way round the earth (20,037,508 m)."
      : `Give metres ${least > 0 ? "above 0" : "of at least 0"}, for example ${field === "radius_m" ? 500 : field === "width_m" ? 100 : 30}.`;
  return null;
}

function optional(
  fields: Fields,
  field: "dwell_minutes" | "speed_limit_kmh",
  example: string,
  problems: Problems,
  before: number | null,
): number | null {
  if (!fields[field].trim()) return null;
  const value = numberOf(fields[field]);
  if (value > 0) return value;
  problems[field] = `Give ${example}, or leave it empty.`;
  return before;
}
