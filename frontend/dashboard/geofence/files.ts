/** Geofence files before they are sent: what an import would bring, so that it can be looked at first. */

import { draftOf, type WireGeofence } from "./draft";
import type { Shape } from "./shape";

export interface FileSummary {
  readonly count: number;
  /** Ids of the file that are stored already: the import replaces them. */
  readonly replaces: readonly string[];
  /** Shapes that can be drawn before the import; the server reads the rest. */
  readonly shapes: readonly Shape[];
}

export const LARGEST_FILE_BYTES = 32 * 1024 * 1024;

/** Returns what the file holds. Throws an Error with a sentence for the user when it is no geofence file. */
export function summarize(text: string, stored: ReadonlySet<string>): FileSummary {
  let decoded: unknown;
  try {
    decoded = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch {
    throw new Error("This is not JSON. Choose a GeoJSON file or a geofence file exported here.");
  }
  const items = itemsOf(decoded);
  const ids = items.map(idOf).filter((id): id is string => id !== null);
  return {
    count: items.length,
    replaces: ids.filter((id) => stored.has(id)),
    shapes: items.map(shapeIn).filter((shape): shape is Shape => shape !== null),
  };
}

function itemsOf(decoded: unknown): unknown[] {
  if (Array.isArray(decoded)) return decoded;
  if (!isObject(decoded)) throw new Error("The file must hold a list of geofences or a GeoJSON FeatureCollection.");
  if (decoded.type !== "FeatureCollection") return [decoded];
  if (!Array.isArray(decoded.features)) throw new Error("The FeatureCollection has no list of features.");
  return decoded.features;
}

function idOf(item: unknown): string | null {
  if (!isObject(item)) return null;
  const inner = isObject(item.properties) ? item.properties.geofence_id : undefined;
  const id = item.geofence_id ?? inner ?? item.id;
  return typeof id === "string" ? id : null;
}

function shapeIn(item: unknown): Shape | null {
  try {
    if (!isObject(item)) return null;
    if (item.type !== "Feature") return draftOf(item as unknown as WireGeofence).shape;
    const properties = isObject(item.properties) ? item.properties : {};
    const geometry = item.geometry as { type: string; coordinates: never };
    if (geometry.type === "Point") {
      const [longitude, latitude] = geometry.coordinates as [number, number];
      const radius_m = Number(properties.radius_meters);
      return radius_m > 0 ? { type: "circle", center: { latitude, longitude }, radius_m } : null;
    }
    if (geometry.type === "LineString") {
      const path = (geometry.coordinates as [number, number][]).map(([longitude, latitude]) => ({
        latitude,
        longitude,
      }));
      const width_m = Number(properties.width_meters);
      return width_m > 0 && path.length > 1 ? { type: "corridor", path, width_m } : null;
    }
    return draftOf({ geofence_id: "", name: "", type: "polygon", geometry } as WireGeofence).shape;
  } catch {
    return null; // odd shapes are for the server to name
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
