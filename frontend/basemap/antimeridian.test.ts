import { expect, test } from "vitest";
import { flatPolygon } from "./antimeridian.mjs";

test("an island on the 180th meridian stays one, with most of it where it was", () => {
  const island = [
    [179, -16],
    [-179, -16],
    [-179, -17],
    [178, -17],
    [177, -16.5],
    [179, -16],
  ];
  const [ring] = flatPolygon([island]);
  expect(ring?.map(([longitude]) => longitude)).toEqual([179, 181, 181, 178, 177, 179]);
});

test("land around a pole is closed along the edge of the map", () => {
  const [ring = []] = flatPolygon([
    [
      [-180, -80],
      [-60, -65],
      [60, -66],
      [179, -80],
      [-180, -80],
    ],
  ]);
  expect(ring).toContainEqual([180, -90]);
  expect(ring).toContainEqual([-180, -90]);
  expect(ring.filter(([, latitude]) => latitude === -90)).toHaveLength(2);
});

test("other rings stay as they are, and a pole drawn as a line is left out", () => {
  const ring = [
    [8, 47],
    [9, 47],
    [9, 48],
    [8, 47],
  ];
  expect(flatPolygon([ring])).toEqual([ring]);
  const pole = [
    [-180, -90],
    [60, -90],
    [-180, -90],
  ];
  expect(flatPolygon([pole])).toEqual([]);
});
