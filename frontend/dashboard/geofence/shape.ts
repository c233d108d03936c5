/** Shapes of geofences as the editor holds them: metres and degrees, rings open, holes with their polygon. */

import type { Feature, FeatureCollection, Position } from "geojson";
import { destination, distanceM, longitudeDifference, type LatLon, wrapLongitude } from "../../shared/geodesy";

export type Ring = readonly LatLon[];

export interface CircleShape {
  readonly type: "circle";
  readonly center: LatLon;
  readonly radius_m: number;
}

/** `form` is how it came and goes over the wire; several polygons are always a MultiPolygon. */
export interface PolygonShape {
  readonly type: "polygon";
  readonly polygons: readonly (readonly Ring[])[];
  readonly form: "vertices" | "geometry";
}

export interface CorridorShape {
  readonly type: "corridor";
  readonly path: Ring;
  readonly width_m: number;
}

export type Shape = CircleShape | PolygonShape | CorridorShape;
export type ShapeType = Shape["type"];

export const LARGEST_M = 20_037_508;
const CIRCLE_STEPS = 128;

/** Returns the ring without repeated neighbours and without the closing vertex. */
export function openRing(ring: Ring): LatLon[] {
  const kept = ring.filter((point, i) => i === 0 || !same(point, ring[i - 1]!));
  while (kept.length > 1 && same(kept[0]!, kept[kept.length - 1]!)) kept.pop();
  return kept;
}

export function same(a: LatLon, b: LatLon): boolean {
  return a.latitude === b.latitude && a.longitude === b.longitude;
}

/** Rounds to the product's resolution, 1e-7 degree (a centimetre). */
export function rounded(point: LatLon): LatLon {
  return {
    latitude: Math.round(Math.max(-90, Math.min(90, point.latitude)) * 1e7) / 1e7,
    longitude: Math.round(wrapLongitude(point.longitude) * 1e7) / 1e7,
  };
}

/** Returns the vertices with longitudes that run on over the antimeridian instead of jumping by 360. */
export function unwrapped(points: Ring): LatLon[] {
  let last: number | null = null;
  return points.map((point) => {
    const longitude: number = last === null ? point.longitude : last + longitudeDifference(last, point.longitude);
    last = longitude;
    return { latitude: point.latitude, longitude };
  });
}

/** Returns all vertices of the shape; a circle's are its centre. */
export function verticesOf(shape: Shape): Ring {
  if (shape.type === "circle") return [shape.center];
  return shape.type === "corridor" ? shape.path : shape.polygons.flat(2);
}

/** Returns what the shape looks like on a map; a corridor is its path with `width_m`, drawn as a broad line. */
export function featuresOf(shape: Shape, properties: Record<string, unknown> = {}): FeatureCollection {
  const feature = (geometry: Feature["geometry"], more: Record<string, unknown> = {}): Feature => ({
    type: "Feature",
    geometry,
    properties: { ...properties, shape: shape.type, ...more },
  });
  if (shape.type === "circle") {
    const ring = positions(circleRing(shape.center, shape.radius_m));
    return { type: "FeatureCollection", features: [feature({ type: "Polygon", coordinates: [ring] })] };
  }
  if (shape.type === "corridor") {
    const coordinates = unwrapped(shape.path).map(position);
    if (coordinates.length < 2) return { type: "FeatureCollection", features: [] };
    const middle = shape.path[Math.floor(shape.path.length / 2)]!;
    const more = { width_px_at_zoom_0: pixelsAtZoom0(shape.width_m, middle.latitude) };
    return { type: "FeatureCollection", features: [feature({ type: "LineString", coordinates }, more)] };
  }
  const coordinates = shape.polygons.map((rings) => rings.filter((r) => r.length > 1).map(closed)).filter((p) => p[0]);
  return { type: "FeatureCollection", features: [feature({ type: "MultiPolygon", coordinates })] };
}

/**
 * The map source of corridors, which are lines drawn as wide as they are. A tile draws what begins within its buffer, at
 * most one tile away, so tiles stay as large as those of zoom 13: a corridor of 3 km to each side is whole at any zoom.
 */
export const CORRIDOR_SOURCE = { type: "geojson", tolerance: 0.1, maxzoom: 13, buffer: 512 } as const;

/** Returns the rim of a circle, closed, each point exactly at the radius. */
export function circleRing(center: LatLon, radius_m: number): LatLon[] {
  const rim = Array.from({ length: CIRCLE_STEPS }, (_, i) => destination(center, (i * 360) / CIRCLE_STEPS, radius_m));
  return [...rim, rim[0]!];
}

/** Returns [west, south, east, north] of what is drawn; east may pass 180. */
export function boundsOf(shape: Shape): [number, number, number, number] | null {
  const points =
    shape.type === "circle" ? circleRing(shape.center, shape.radius_m) : unwrapped(verticesOf(shape) as LatLon[]);
  if (!points.length) return null;
  const margin = shape.type === "corridor" ? shape.width_m / 2 / 111_000 : 0;
  const [west, south, east, north] = points.reduce<[number, number, number, number]>(
    ([w, s, e, n], p) => [
      Math.min(w, p.longitude),
      Math.min(s, p.latitude),
      Math.max(e, p.longitude),
      Math.max(n, p.latitude),
    ],
    [Infinity, Infinity, -Infinity, -Infinity],
  );
  return [west - margin, Math.max(-90, south - margin), east + margin, Math.min(90, north + margin)];
}

/** Returns the length of a path in metres. */
export function lengthM(path: Ring): number {
  return path.reduce((sum, point, i) => (i ? sum + distanceM(path[i - 1]!, point) : 0), 0);
}

function pixelsAtZoom0(metres: number, latitude: number): number {
  return (metres * 512) / (2 * Math.PI * 6_378_137 * Math.max(0.01, Math.cos((latitude * Math.PI) / 180)));
}

function position(point: LatLon): Position {
  return [point.longitude, point.latitude];
}

function positions(points: Ring): Position[] {
  return points.map(position);
}

function closed(ring: Ring): Position[] {
  const points = unwrapped(ring);
  return positions(points[0] ? [...points, points[0]] : []);
}
