import { expect, test } from "vitest";
import { namesOnMap } from "./places.mjs";

test("districts have their own name or none, and brackets of a city's name stay", () => {
  const names = namesOnMap([
    ["Zürich", 8.55, 47.367, 402],
    ["Zürich (Kreis 9) / Altstetten", 8.486, 47.387, 54],
    ["Zürich (Kreis 9)", 8.48, 47.382, 50],
    ["Frankfurt", 8.683, 50.116, 650],
    ["Frankfurt (Oder)", 14.55, 52.347, 58],
  ]).map(([name, , , thousands]) => [name, thousands]);
  expect(names).toEqual([
    ["Zürich", 402],
    ["Altstetten", 0],
    ["Frankfurt", 650],
    ["Frankfurt (Oder)", 58],
  ]);
});
