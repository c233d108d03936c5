/** What Terra Draw drew, as a shape in metres. Its circles are circles on the screen: centre and radius count, not the ring. */

import type { Polygon, LineString, Position } from "geojson";
import { distanceM, type LatLon } from "../../shared/geodesy";
import { openRing, rounded, type Shape, type ShapeType } from "./shape";

const RADIAN = Math.PI / 180;

/** Returns the shape of a finished drawing, null when it is too small to be one (a double click in place). */
export function shapeOfDrawing(type: ShapeType, geometry: Polygon | LineString, width_m: number): Shape | null {
  if (type === "corridor") {
    const path = openPath((geometry.coordinates as Position[]).map(point));
    return path.length >= 2 ? { type, path, width_m } : null;
  }
  const ring = openRing(((geometry as Polygon).coordinates[0] ?? []).map(point));
  if (ring.length < 3) return null;
  if (type === "polygon") return { type, polygons: [[ring.map(rounded)]], form: "vertices" };
  const latitudes = ring.map((p) => mercatorY(p.latitude));
  const longitudes = ring.map((p) => p.longitude);
  const east = Math.max(...longitudes);
  const middle = {
    latitude: latitudeOfMercator((Math.min(...latitudes) + Math.max(...latitudes)) / 2),
    longitude: (Math.min(...longitudes) + east) / 2,
  };
  const radius_m = Math.round(distanceM(middle, { latitude: middle.latitude, longitude: east }));
  return radius_m >= 1 ? { type, center: rounded(middle), radius_m } : null;
}

function openPath(points: LatLon[]): LatLon[] {
  return points
    .map(rounded)
    .filter((p, i, all) => !i || p.latitude !== all[i - 1]!.latitude || p.longitude !== all[i - 1]!.longitude);
}

function point(position: Position): LatLon {
  return { latitude: position[1]!, longitude: position[0]! };
}

function mercatorY(latitude: number): number {
  return Math.log(Math.tan(Math.PI / 4 + (latitude * RADIAN) / 2));
}

function latitudeOfMercator(y: number): number {
  return (2 * Math.atan(Math.exp(y)) - Math.PI / 2) / RADIAN;
}
