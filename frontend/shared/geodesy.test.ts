import { describe, expect, test } from "vitest";
import { destination, distanceM, longitudeDifference, wrapLongitude } from "./geodesy";

// References: geographiclib (Karney 2013), in the order latitude, longitude, latitude, longitude, metres.
const KNOWN = [
  [47.3769, 8.5417, 47.3769, 8.5483, 498.4287],
  [47.3769, 8.5417, 30.2672, -97.7431, 8698820.76],
  [0, 179.9, 0, -179.9, 22263.9],
  [-33.9, 151.2, -33.9, 151.2, 0],
] as const;

describe("distances on the ellipsoid", () => {
  test.each(KNOWN)("from %d, %d to %d, %d are the geodesic's", (lat1, lon1, lat2, lon2, metres) => {
    const found = distanceM({ latitude: lat1, longitude: lon1 }, { latitude: lat2, longitude: lon2 });
    expect(Math.abs(found - metres)).toBeLessThan(0.01);
  });

  test("a point that far away is that far away, in every direction and at every size", () => {
    for (const latitude of [-80, -47, 0, 30.3, 69]) {
      for (const metres of [1, 500, 50_000, 3_000_000]) {
        for (let bearing = 0; bearing < 360; bearing += 45) {
          const from = { latitude, longitude: 179.99 };
          expect(Math.abs(distanceM(from, destination(from, bearing, metres)) - metres)).toBeLessThan(0.001);
        }
      }
    }
  });

  test("longitudes wrap and differ the shorter way round", () => {
    expect(wrapLongitude(181)).toBe(-179);
    expect(wrapLongitude(-540)).toBe(-180);
    expect(longitudeDifference(179, -179)).toBe(2);
    expect(longitudeDifference(-179, 179)).toBe(-2);
  });
});
