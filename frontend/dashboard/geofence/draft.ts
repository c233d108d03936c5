/** A geofence being edited, and its way to and from the wire form (DESIGN's field names). */

import type { LatLon } from "../../shared/geodesy";
import { openRing, type Ring, type Shape } from "./shape";

export type AlertOn = "enter" | "exit" | "both";

export interface WireGeofence {
  geofence_id: string;
  name: string;
  type: "circle" | "polygon" | "corridor";
  center?: LatLon;
  radius_meters?: number;
  polygon?: LatLon[];
  holes?: LatLon[][];
  geometry?: { type: "Polygon"; coordinates: number[][][] } | { type: "MultiPolygon"; coordinates: number[][][][] };
  path?: LatLon[];
  width_meters?: number;
  alert_on?: AlertOn;
  active?: boolean;
  trucks?: string[] | null;
  exit_buffer_meters?: number;
  confirm_fixes?: number;
  detect_crossing?: boolean;
  dwell_minutes?: number | null;
  speed_limit_kmh?: number | null;
  version?: number;
  revision?: number;
}

export interface Rule {
  readonly alert_on: AlertOn;
  readonly active: boolean;
  /** null: all trucks. */
  readonly trucks: readonly string[] | null;
  readonly exit_buffer_meters: number;
  readonly confirm_fixes: number;
  readonly detect_crossing: boolean;
  readonly dwell_minutes: number | null;
  readonly speed_limit_kmh: number | null;
}

/** `shape` null: nothing is drawn yet. `version` 0: never saved. */
export interface Draft {
  readonly geofence_id: string;
  readonly name: string;
  readonly shape: Shape | null;
  readonly rule: Rule;
  readonly version: number;
}

export const DEFAULT_RULE: Rule = {
  alert_on: "both",
  active: true,
  trucks: null,
  exit_buffer_meters: 0,
  confirm_fixes: 1,
  detect_crossing: false,
  dwell_minutes: null,
  speed_limit_kmh: null,
};

export function newDraft(): Draft {
  return { geofence_id: "", name: "", shape: null, rule: DEFAULT_RULE, version: 0 };
}

/** Returns the draft of a stored geofence. */
export function draftOf(wire: WireGeofence): Draft {
  return {
    geofence_id: wire.geofence_id,
    name: wire.name,
    shape: shapeOf(wire),
    rule: {
      alert_on: wire.alert_on ?? "both",
      active: wire.active ?? true,
      trucks: wire.trucks ?? null,
      exit_buffer_meters: wire.exit_buffer_meters ?? 0,
      confirm_fixes: wire.confirm_fixes ?? 1,
      detect_crossing: wire.detect_crossing ?? false,
      dwell_minutes: wire.dwell_minutes ?? null,
      speed_limit_kmh: wire.speed_limit_kmh ?? null,
    },
    version: wire.version ?? 0,
  };
}

/** Returns the shape of a stored geofence; null when the part its type needs is missing. */
export function shapeOf(wire: WireGeofence): Shape | null {
  if (wire.type === "circle") {
    if (!wire.center || wire.radius_meters === undefined) return null;
    return { type: "circle", center: wire.center, radius_m: wire.radius_meters };
  }
  if (wire.type === "corridor") {
    if (!wire.path || wire.width_meters === undefined) return null;
    return { type: "corridor", path: wire.path, width_m: wire.width_meters };
  }
  if (wire.polygon) {
    const rings = [wire.polygon, ...(wire.holes ?? [])].map(openRing);
    return { type: "polygon", polygons: [rings], form: "vertices" };
  }
  if (!wire.geometry) return null;
  const polygons = wire.geometry.type === "Polygon" ? [wire.geometry.coordinates] : wire.geometry.coordinates;
  return {
    type: "polygon",
    form: "geometry",
    polygons: polygons.map((rings) => rings.map((ring) => openRing(ring.map(pointOf)))),
  };
}

/** Returns the wire form, without what the store gives. Fields at their default are left out, as the store does. */
export function wireOf(draft: Draft): WireGeofence {
  const shape = draft.shape;
  if (!shape) throw new Error("the draft has no shape yet");
  const { rule } = draft;
  return {
    geofence_id: draft.geofence_id,
    name: draft.name.trim(),
    ...wireShape(shape),
    ...(rule.alert_on !== "both" && { alert_on: rule.alert_on }),
    ...(!rule.active && { active: false }),
    ...(rule.trucks && { trucks: [...rule.trucks] }),
    ...(rule.exit_buffer_meters && { exit_buffer_meters: rule.exit_buffer_meters }),
    ...(rule.confirm_fixes !== 1 && { confirm_fixes: rule.confirm_fixes }),
    ...(rule.detect_crossing && { detect_crossing: true }),
    ...(rule.dwell_minutes !== null && { dwell_minutes: rule.dwell_minutes }),
    ...(rule.speed_limit_kmh !== null && { speed_limit_kmh: rule.speed_limit_kmh }),
  };
}

function wireShape(shape: Shape): Pick<WireGeofence, "type"> & Partial<WireGeofence> {
  if (shape.type === "circle") return { type: "circle", center: shape.center, radius_meters: shape.radius_m };
  if (shape.type === "corridor") return { type: "corridor", path: [...shape.path], width_meters: shape.width_m };
  const [first] = shape.polygons;
  if (shape.polygons.length === 1 && shape.form === "vertices") {
    const [outer, ...holes] = first!;
    return { type: "polygon", polygon: [...outer!], ...(holes.length && { holes: holes.map((hole) => [...hole]) }) };
  }
  const coordinates = shape.polygons.map((rings) => rings.map(closedPositions));
  return {
    type: "polygon",
    geometry:
      coordinates.length === 1
        ? { type: "Polygon", coordinates: coordinates[0]! }
        : { type: "MultiPolygon", coordinates },
  };
}

/** Returns an id made from the name, as the importer makes one, that is not taken yet. */
export function idFor(name: string, taken: ReadonlySet<string>): string {
  const plain = name
    .normalize("NFKD")
    .replace(/[^\x00-\x7f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  const base = plain.slice(0, 58).replace(/-+$/, "") || "geofence";
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(id)) return id;
  }
}

function pointOf(position: number[]): LatLon {
  return { latitude: position[1]!, longitude: position[0]! };
}

function closedPositions(ring: Ring): number[][] {
  return [...ring, ring[0]!].map((point) => [point.longitude, point.latitude]);
}
