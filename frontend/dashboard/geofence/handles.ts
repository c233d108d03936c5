/** Handles: the points of a shape that can be dragged. All pure: the map layer only draws and moves them. */

import { destination, distanceM, longitudeDifference, type LatLon, wrapLongitude } from "../../shared/geodesy";
import { rounded, type Ring, type Shape } from "./shape";

/** `part` and `ring` number polygons and their rings; a path has ring 0 of part 0. */
export interface Handle {
  readonly kind: "center" | "rim" | "vertex" | "middle";
  readonly part: number;
  readonly ring: number;
  readonly index: number;
  readonly at: LatLon;
}

/** What of the map is visible: bounds in degrees and how many degrees of longitude a pixel is. */
export interface View {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
  readonly degreesPerPixel: number;
}

const MOST_HANDLES = 500;
const NEAREST_PX = 14;
const MIDDLE_FROM_PX = 56;
const RIM_BEARING_DEG = 90;

/**
 * Returns the handles worth drawing: those in view, not closer than a finger can tell apart, and at most 500 however
 * many vertices the shape has. `hidden` counts the vertices in view that need a closer zoom.
 */
export function handlesOf(shape: Shape, view: View): { handles: Handle[]; hidden: number } {
  if (shape.type === "circle") {
    const at = destination(shape.center, RIM_BEARING_DEG, shape.radius_m);
    const place = { part: 0, ring: 0, index: 0 };
    return {
      handles: [
        { kind: "center", ...place, at: shape.center },
        { kind: "rim", ...place, at },
      ],
      hidden: 0,
    };
  }
  const handles: Handle[] = [];
  let hidden = 0;
  for (const { part, ring, points, closed } of ringsOf(shape)) {
    const inView = points.map((point) => within(point, view));
    let last: LatLon | null = null;
    points.forEach((at, index) => {
      if (!inView[index]) return;
      const near = last !== null && pixelsBetween(last, at, view) < NEAREST_PX && points.length > 4;
      if (near || handles.length >= MOST_HANDLES) {
        hidden += 1;
        return;
      }
      last = at;
      handles.push({ kind: "vertex", part, ring, index, at });
    });
    points.forEach((at, index) => {
      const next = points[(index + 1) % points.length]!;
      if ((!closed && index === points.length - 1) || handles.length >= MOST_HANDLES) return;
      if (pixelsBetween(at, next, view) < MIDDLE_FROM_PX) return;
      const middle = midpoint(at, next);
      if (within(middle, view)) handles.push({ kind: "middle", part, ring, index, at: middle });
    });
  }
  return { handles, hidden };
}

/** Returns the shape with the handle at `to`. Dragging a middle makes a vertex there: `handle` is then that vertex. */
export function moved(shape: Shape, handle: Handle, to: LatLon): { shape: Shape; handle: Handle } {
  const at = rounded(to);
  if (shape.type === "circle") {
    if (handle.kind === "center") return { shape: { ...shape, center: at }, handle: { ...handle, at } };
    const radius_m = Math.max(1, Math.round(distanceM(shape.center, to)));
    return { shape: { ...shape, radius_m }, handle: { ...handle, at } };
  }
  const index = handle.kind === "middle" ? handle.index + 1 : handle.index;
  const replaced = handle.kind === "middle" ? 0 : 1;
  return {
    shape: withRing(shape, handle, (points) => points.toSpliced(index, replaced, at)),
    handle: { kind: "vertex", part: handle.part, ring: handle.ring, index, at },
  };
}

/**
 * Returns the shape without that vertex, null when it cannot go: an outer ring needs three, a path two. A hole or a
 * further polygon goes as a whole with its third last vertex.
 */
export function removed(shape: Shape, handle: Handle): Shape | null {
  if (shape.type === "circle" || handle.kind !== "vertex") return null;
  const without = (points: Ring): LatLon[] => points.toSpliced(handle.index, 1);
  if (shape.type === "corridor") return shape.path.length > 2 ? withRing(shape, handle, without) : null;
  const rings = shape.polygons[handle.part];
  const ring = rings?.[handle.ring];
  if (!rings || !ring) return null;
  if (ring.length > 3) return withRing(shape, handle, without);
  if (handle.ring > 0) {
    return { ...shape, polygons: shape.polygons.with(handle.part, rings.toSpliced(handle.ring, 1)) };
  }
  return shape.polygons.length > 1 ? { ...shape, polygons: shape.polygons.toSpliced(handle.part, 1) } : null;
}

interface NumberedRing {
  part: number;
  ring: number;
  points: Ring;
  closed: boolean;
}

function ringsOf(shape: Exclude<Shape, { type: "circle" }>): NumberedRing[] {
  if (shape.type === "corridor") return [{ part: 0, ring: 0, points: shape.path, closed: false }];
  return shape.polygons.flatMap((rings, part) => rings.map((points, ring) => ({ part, ring, points, closed: true })));
}

function withRing(
  shape: Exclude<Shape, { type: "circle" }>,
  place: { part: number; ring: number },
  change: (points: Ring) => Ring,
): Shape {
  if (shape.type === "corridor") return { ...shape, path: change(shape.path) };
  const rings = shape.polygons[place.part]!;
  const changed = rings.with(place.ring, change(rings[place.ring]!));
  return { ...shape, polygons: shape.polygons.with(place.part, changed) };
}

function within(point: LatLon, view: View): boolean {
  if (point.latitude < view.south || point.latitude > view.north) return false;
  const east = view.east < view.west ? view.east + 360 : view.east;
  if (east - view.west >= 360) return true;
  const turned = view.west + ((((point.longitude - view.west) % 360) + 360) % 360);
  return turned <= east;
}

function pixelsBetween(a: LatLon, b: LatLon, view: View): number {
  const stretch = 1 / Math.max(0.01, Math.cos((a.latitude * Math.PI) / 180));
  const x = longitudeDifference(a.longitude, b.longitude);
  return Math.hypot(x, (b.latitude - a.latitude) * stretch) / view.degreesPerPixel;
}

function midpoint(a: LatLon, b: LatLon): LatLon {
  return {
    latitude: (a.latitude + b.latitude) / 2,
    longitude: wrapLongitude(a.longitude + longitudeDifference(a.longitude, b.longitude) / 2),
  };
}
