import { describe, expect, test } from "vitest";
import { bounds, fixes, pieces, speedClass, type Fix } from "./route_model";

const fix = (timestamp_ms: number, longitude: number, speed_kmh: number | null, latitude = 47): Fix => ({
  timestamp_ms,
  latitude,
  longitude,
  speed_kmh,
});

describe("routes", () => {
  test("an answer's rows become positions by the names of its fields", () => {
    const found = fixes({
      fields: ["timestamp_ms", "latitude", "longitude", "speed_kmh"],
      rows: [[1, 47, 8, 50], null, [2, 47.1, 8.1, null], [null, null, null, null]],
    });
    expect(found).toEqual([
      { timestamp_ms: 1, latitude: 47, longitude: 8, speed_kmh: 50 },
      null,
      { timestamp_ms: 2, latitude: 47.1, longitude: 8.1, speed_kmh: null },
      null,
    ]);
  });
  test("a piece lasts as long as the speed class, and a gap breaks it", () => {
    const found = pieces([
      fix(1, 8, 0),
      fix(2, 8.1, 55),
      fix(3, 8.2, 60),
      fix(4, 8.3, 20),
      null,
      fix(9, 9, 20),
      fix(10, 9.1, 20),
    ]);
    expect(found.map(({ speed_class, from_ms, to_ms }) => [speed_class, from_ms, to_ms])).toEqual([
      [3, 1, 3],
      [1, 3, 4],
      [1, 9, 10],
    ]);
    expect(found[0]?.coordinates).toEqual([
      [8, 47],
      [8.1, 47],
      [8.2, 47],
    ]);
  });
  test("a lone position makes no piece", () => {
    expect(pieces([fix(1, 8, 10), null, fix(2, 8, 10)])).toEqual([]);
  });
  test("a route across the antimeridian goes the shorter way", () => {
    const way = fixes({
      fields: ["timestamp_ms", "latitude", "longitude", "speed_kmh"],
      rows: [[1, 47, 179.9, 60], [2, 47, -179.9, 60], null, [3, 47, -179.8, 60], [4, 47, -179.7, 20]],
    });
    const rounded = pieces(way).map(({ coordinates }) =>
      coordinates.map(([longitude]) => Number(longitude.toFixed(6))),
    );
    expect(rounded).toEqual([
      [179.9, 180.1],
      [180.2, 180.3],
    ]);
    expect(bounds(way)?.map((edge) => Number(edge.toFixed(6)))).toEqual([179.9, 47, 180.3, 47]);
  });
  test("speeds fall into the class of their lower edge, unknown into none", () => {
    expect([0, 9.9, 10, 49.9, 80, 300].map(speedClass)).toEqual([0, 0, 1, 2, 4, 4]);
    expect(speedClass(null)).toBeNull();
  });
  test("the bounds are those of the time asked for", () => {
    const way = [fix(1, 8, 10, 46), null, fix(5, 9, 10, 47), fix(6, 9.5, 10, 47.5)];
    expect(bounds(way)).toEqual([8, 46, 9.5, 47.5]);
    expect(bounds(way, 5, 6)).toEqual([9, 47, 9.5, 47.5]);
    expect(bounds(way, 7, 8)).toBeNull();
  });
});
