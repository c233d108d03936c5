import { describe, expect, test } from "vitest";
import { draftOf, idFor, newDraft, shapeOf, type WireGeofence, wireOf } from "./draft";
import { shapeOfDrawing } from "./drawn";
import { summarize } from "./files";
import { boundsOf, circleRing, featuresOf, openRing } from "./shape";
import { distanceM } from "../../shared/geodesy";

const at = (latitude: number, longitude: number) => ({ latitude, longitude });
const SQUARE = [at(47, 8), at(47, 9), at(48, 9), at(48, 8)];
const HOLE = [at(47.4, 8.4), at(47.4, 8.6), at(47.6, 8.5)];

const WIRES: WireGeofence[] = [
  {
    geofence_id: "warehouse-001",
    name: "Main Warehouse",
    type: "circle",
    center: at(47.3769, 8.5417),
    radius_meters: 500,
    alert_on: "exit",
    trucks: ["VAN-*"],
    exit_buffer_meters: 30,
    confirm_fixes: 2,
    detect_crossing: true,
    dwell_minutes: 45,
    speed_limit_kmh: 30,
    active: false,
  },
  { geofence_id: "yard", name: "Yard", type: "polygon", polygon: SQUARE, holes: [HOLE] },
  {
    geofence_id: "islands",
    name: "Islands",
    type: "polygon",
    geometry: {
      type: "MultiPolygon",
      coordinates: [
        [
          [
            [8, 47],
            [9, 47],
            [9, 48],
            [8, 47],
          ],
        ],
        [
          [
            [18, 47],
            [19, 47],
            [19, 48],
            [18, 47],
          ],
        ],
      ],
    },
  },
  { geofence_id: "route", name: "Route", type: "corridor", path: [at(47, 8), at(47.5, 8.5)], width_meters: 100 },
];

describe("a geofence being edited", () => {
  test.each(WIRES)("comes from the wire and goes back unchanged: $name", (wire) => {
    expect(wireOf(draftOf({ ...wire, version: 3 }))).toEqual(wire);
  });

  test("fields the server leaves out have their defaults", () => {
    expect(draftOf(WIRES[3]!).rule).toMatchObject({ alert_on: "both", active: true, trucks: null, confirm_fixes: 1 });
  });

  test("a polygon that gained a second part goes over the wire as a MultiPolygon", () => {
    const draft = draftOf(WIRES[1]!);
    if (draft.shape?.type !== "polygon") throw new Error("not a polygon");
    const more = { ...draft, shape: { ...draft.shape, polygons: [...draft.shape.polygons, [HOLE]] } };
    const wire = wireOf(more);
    expect(wire.geometry?.type).toBe("MultiPolygon");
    expect(wire.polygon).toBeUndefined();
    expect(shapeOf(wire)).toMatchObject({ polygons: more.shape.polygons });
  });

  test("nothing drawn cannot be sent", () => {
    expect(() => wireOf(newDraft())).toThrow("no shape");
  });

  test("an id is made from the name and is never taken", () => {
    expect(idFor("Zürich  Süd / Dock 3", new Set())).toBe("zurich-sud-dock-3");
    expect(idFor("Dock", new Set(["dock", "dock-2"]))).toBe("dock-3");
    expect(idFor("<img src=x onerror=alert(1)>", new Set())).toBe("img-src-x-onerror-alert-1");
    expect(idFor("倉庫", new Set())).toBe("geofence");
    expect(idFor("x".repeat(200), new Set()).length).toBeLessThanOrEqual(64);
  });
});

describe("shapes on the map", () => {
  test("a circle's rim is exactly at its radius on the ellipsoid, also at 70 degrees north", () => {
    for (const center of [at(0, 0), at(47.3769, 8.5417), at(70, 179.999)]) {
      for (const point of circleRing(center, 500)) expect(Math.abs(distanceM(center, point) - 500)).toBeLessThan(0.001);
    }
  });

  test("a ring over the antimeridian runs on instead of jumping across the map", () => {
    const shape = { type: "polygon", form: "vertices", polygons: [[[at(0, 179), at(0, -179), at(1, -179)]]] } as const;
    const geometry = featuresOf(shape).features[0]!.geometry;
    expect(geometry).toMatchObject({
      coordinates: [
        [
          [
            [179, 0],
            [181, 0],
            [181, 1],
            [179, 0],
          ],
        ],
      ],
    });
    expect(boundsOf(shape)).toEqual([179, 0, 181, 1]);
  });

  test("holes and parts stay with their polygon", () => {
    const shape = shapeOf(WIRES[1]!)!;
    expect(featuresOf(shape).features[0]!.geometry).toMatchObject({ type: "MultiPolygon" });
    expect((featuresOf(shape).features[0]!.geometry as { coordinates: unknown[][] }).coordinates[0]).toHaveLength(2);
  });

  test("repeated and closing vertices are dropped", () => {
    expect(openRing([...SQUARE, SQUARE[3]!, SQUARE[0]!])).toEqual(SQUARE);
  });
});

describe("drawings", () => {
  const mercator = (latitude: number) => Math.log(Math.tan(Math.PI / 4 + (latitude * Math.PI) / 360));
  const latitude = (y: number) => (2 * Math.atan(Math.exp(y)) - Math.PI / 2) * (180 / Math.PI);

  test("a circle on the screen becomes a centre and a radius in metres", () => {
    const size = 0.01;
    const ring = Array.from({ length: 65 }, (_, i) => {
      const turn = (i % 64) * (Math.PI / 32);
      const y = mercator(60) + (size * Math.sin(turn) * Math.PI) / 180;
      return [8 + size * Math.cos(turn), latitude(y)];
    });
    const shape = shapeOfDrawing("circle", { type: "Polygon", coordinates: [ring] }, 100);
    if (shape?.type !== "circle") throw new Error("not a circle");
    expect(distanceM(shape.center, at(60, 8))).toBeLessThan(0.05);
    expect(shape.radius_m).toBe(Math.round(distanceM(at(60, 8), at(60, 8.01))));
  });

  test("a double click in place is no shape", () => {
    const point = [8, 47];
    expect(shapeOfDrawing("circle", { type: "Polygon", coordinates: [[point, point, point, point]] }, 100)).toBeNull();
    expect(shapeOfDrawing("corridor", { type: "LineString", coordinates: [point, point] }, 100)).toBeNull();
  });
});

describe("geofence files", () => {
  test("a FeatureCollection is counted, and what it replaces is named", () => {
    const text = JSON.stringify({
      type: "FeatureCollection",
      features: [
        {
          type: "Feature",
          properties: { geofence_id: "yard" },
          geometry: {
            type: "Polygon",
            coordinates: [
              [
                [8, 47],
                [9, 47],
                [9, 48],
                [8, 47],
              ],
            ],
          },
        },
        {
          type: "Feature",
          properties: { name: "Dock", radius_meters: 50 },
          geometry: { type: "Point", coordinates: [8, 47] },
        },
        {
          type: "Feature",
          properties: { width_meters: 80 },
          geometry: {
            type: "LineString",
            coordinates: [
              [8, 47],
              [9, 47],
            ],
          },
        },
        { type: "Feature", properties: null, geometry: null },
      ],
    });
    const summary = summarize("\uFEFF" + text, new Set(["yard", "other"]));
    expect(summary.count).toBe(4);
    expect(summary.replaces).toEqual(["yard"]);
    expect(summary.shapes.map((shape) => shape.type)).toEqual(["polygon", "circle", "corridor"]);
  });

  test("what is no geofence file says so", () => {
    expect(() => summarize("latitude,longitude", new Set())).toThrow("not JSON");
    expect(() => summarize("3", new Set())).toThrow("list of geofences");
  });
});
