/** A route in pieces of one speed class each, as few as possible; broken where the archive has a gap. */

import type { Route } from "./answers";

/** Lower edges of the classes; the last one is open. */
export const SPEED_CLASSES_KMH = [0, 10, 30, 50, 80] as const;

export interface Piece {
  /** Place in SPEED_CLASSES_KMH, null for unknown speed. */
  speed_class: number | null;
  /** Longitude first. */
  coordinates: [number, number][];
  from_ms: number;
  to_ms: number;
}

export interface Fix {
  timestamp_ms: number;
  latitude: number;
  longitude: number;
  speed_kmh: number | null;
}

export function speedClass(speed_kmh: number | null): number | null {
  if (speed_kmh === null) return null;
  return SPEED_CLASSES_KMH.findLastIndex((edge) => speed_kmh >= edge);
}

/** The longitude, up to whole turns, that lies nearest to another: the antimeridian is no edge. */
export const nearestTurn = (longitude: number, other: number): number =>
  longitude - 360 * Math.round((longitude - other) / 360);

/** The positions of an answer; null where there is a gap. Longitudes go on beyond 180 where the truck does. */
export function fixes(route: Pick<Route, "fields" | "rows">): (Fix | null)[] {
  const at = (name: string): number => route.fields.indexOf(name);
  const [time, latitude, longitude, speed] = [at("timestamp_ms"), at("latitude"), at("longitude"), at("speed_kmh")];
  let before: number | null = null;
  return route.rows.map((row) => {
    const [timestamp_ms, lat, lon] = [row?.[time], row?.[latitude], row?.[longitude]];
    if (typeof timestamp_ms !== "number" || typeof lat !== "number" || typeof lon !== "number") return null;
    before = nearestTurn(lon, before ?? lon);
    return { timestamp_ms, latitude: lat, longitude: before, speed_kmh: row?.[speed] ?? null };
  });
}

/** Pieces of the way; each leads from one position to the next in the class of the speed at its end. */
export function pieces(positions: readonly (Fix | null)[]): Piece[] {
  const found: Piece[] = [];
  let last: Fix | null = null;
  let open: Piece | null = null;
  for (const fix of positions) {
    if (fix === null) {
      last = open = null;
      continue;
    }
    if (last !== null) {
      const speed_class = speedClass(fix.speed_kmh);
      if (open === null || open.speed_class !== speed_class) {
        open = {
          speed_class,
          coordinates: [[last.longitude, last.latitude]],
          from_ms: last.timestamp_ms,
          to_ms: last.timestamp_ms,
        };
        found.push(open);
      }
      open.coordinates.push([fix.longitude, fix.latitude]);
      open.to_ms = fix.timestamp_ms;
    }
    last = fix;
  }
  return found;
}

/** West, south, east, north of the positions between two instants; null when there are none. */
export function bounds(
  positions: readonly (Fix | null)[],
  from_ms = -Infinity,
  to_ms = Infinity,
): [number, number, number, number] | null {
  let box: [number, number, number, number] | null = null;
  for (const fix of positions) {
    if (fix === null || fix.timestamp_ms < from_ms || fix.timestamp_ms > to_ms) continue;
    const { longitude, latitude } = fix;
    box = box
      ? [
          Math.min(box[0], longitude),
          Math.min(box[1], latitude),
          Math.max(box[2], longitude),
          Math.max(box[3], latitude),
        ]
      : [longitude, latitude, longitude, latitude];
  }
  return box;
}
