/** Geofences as GeoJSON outlines for drawing: circles become rings, corridors stay lines with their width. */

import { circleRing } from "../geofence/shape";
import type { Geofence, Point } from "../wire";

const EQUATOR_M = 40_075_016.7;

export interface Outline {
  shapes: GeoJSON.Feature[];
  label: GeoJSON.Feature | null;
}

/** Return what to draw of a geofence; nothing for one whose shape is not given. */
export function outlineOf(geofence: Geofence): Outline {
  const geometry = geometryOf(geofence);
  if (!geometry) return { shapes: [], label: null };
  const properties = {
    geofence_id: geofence.geofence_id,
    name: geofence.name,
    active: geofence.active !== false,
    corridor: geofence.type === "corridor",
    ...(geofence.type === "corridor" ? { width: corridorWidth(geofence) } : {}),
  };
  return {
    shapes: [{ type: "Feature", properties, geometry }],
    label: { type: "Feature", properties, geometry: { type: "Point", coordinates: labelPlace(geofence, geometry) } },
  };
}

function geometryOf(geofence: Geofence): GeoJSON.Polygon | GeoJSON.MultiPolygon | GeoJSON.LineString | null {
  if (geofence.type === "circle" && geofence.center && geofence.radius_meters) {
    return { type: "Polygon", coordinates: [circle(geofence.center, geofence.radius_meters)] };
  }
  if (geofence.type === "corridor" && geofence.path) {
    return { type: "LineString", coordinates: unwrapped(geofence.path.map(pair)) };
  }
  if (geofence.geometry) return unwrappedGeometry(geofence.geometry);
  if (!geofence.polygon) return null;
  return unwrappedGeometry({
    type: "Polygon",
    coordinates: [geofence.polygon, ...(geofence.holes ?? [])].map((ring) => closed(ring.map(pair))),
  });
}

function pair({ longitude, latitude }: Point): GeoJSON.Position {
  return [longitude, latitude];
}

function closed(ring: GeoJSON.Position[]): GeoJSON.Position[] {
  const [first, last] = [ring[0], ring.at(-1)];
  return first && last && (first[0] !== last[0] || first[1] !== last[1]) ? [...ring, first] : ring;
}

/** Each edge goes the shorter way round, so a shape over the antimeridian stays in one piece. */
function unwrapped(line: GeoJSON.Position[]): GeoJSON.Position[] {
  let before: number | null = null;
  return line.map(([longitude = 0, latitude = 0]) => {
    let x = longitude;
    if (before !== null) x += Math.round((before - x) / 360) * 360;
    before = x;
    return [x, latitude];
  });
}

function unwrappedGeometry(geometry: GeoJSON.Polygon | GeoJSON.MultiPolygon): GeoJSON.Polygon | GeoJSON.MultiPolygon {
  if (geometry.type === "Polygon") return { type: "Polygon", coordinates: geometry.coordinates.map(unwrapped) };
  return { type: "MultiPolygon", coordinates: geometry.coordinates.map((rings) => rings.map(unwrapped)) };
}

/** Metres on the ellipsoid, as the server decides: what is drawn is what fires. */
function circle(center: Point, radius_m: number): GeoJSON.Position[] {
  return circleRing(center, radius_m).map(pair);
}

/** Width in pixels at zoom 0; it doubles with each zoom. */
function corridorWidth(geofence: Geofence): number {
  const latitude = geofence.path?.[0]?.latitude ?? 0;
  return (geofence.width_meters ?? 0) / ((EQUATOR_M / 512) * Math.max(0.01, Math.cos((latitude * Math.PI) / 180)));
}

/** The middle of the largest ring's box, or the middle vertex of a path. */
function labelPlace(geofence: Geofence, geometry: GeoJSON.Geometry): GeoJSON.Position {
  if (geofence.type === "circle" && geofence.center) return pair(geofence.center);
  if (geometry.type === "LineString")
    return geometry.coordinates[Math.floor(geometry.coordinates.length / 2)] ?? [0, 0];
  const rings =
    geometry.type === "Polygon"
      ? [geometry.coordinates[0]]
      : geometry.type === "MultiPolygon"
        ? geometry.coordinates.map((rings) => rings[0])
        : [];
  let best: GeoJSON.Position = [0, 0];
  let most = -1;
  for (const ring of rings) {
    const [west, south, east, north] = boxOf(ring ?? []);
    const area = (east - west) * (north - south);
    if (area > most) [most, best] = [area, [(west + east) / 2, (south + north) / 2]];
  }
  return best;
}

/** Return west, south, east, north of positions. */
export function boxOf(positions: readonly GeoJSON.Position[]): [number, number, number, number] {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x = 0, y = 0] of positions) {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  }
  return box;
}
