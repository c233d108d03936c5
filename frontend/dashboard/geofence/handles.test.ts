import { describe, expect, test } from "vitest";
import { distanceM } from "../../shared/geodesy";
import { handlesOf, moved, removed, type View } from "./handles";
import { combined, reach } from "./placing";
import { circleRing, type Shape } from "./shape";

const at = (latitude: number, longitude: number) => ({ latitude, longitude });
const VIEW: View = { west: 8, south: 47, east: 9, north: 48, degreesPerPixel: 0.001 };
const SQUARE = [at(47.1, 8.1), at(47.1, 8.9), at(47.9, 8.9), at(47.9, 8.1)];
const YARD: Shape = {
  type: "polygon",
  form: "vertices",
  polygons: [[SQUARE, [at(47.4, 8.4), at(47.4, 8.6), at(47.6, 8.5)]]],
};
const ROUTE: Shape = { type: "corridor", path: [at(47.2, 8.2), at(47.8, 8.8)], width_m: 100 };

describe("handles", () => {
  test("of a circle are its centre and a point on its rim", () => {
    const shape: Shape = { type: "circle", center: at(47.5, 8.5), radius_m: 500 };
    const { handles } = handlesOf(shape, VIEW);
    expect(handles.map((handle) => handle.kind)).toEqual(["center", "rim"]);
    const wider = moved(shape, handles[1]!, at(47.5, 8.52)).shape;
    expect(wider).toMatchObject({
      center: shape.center,
      radius_m: Math.round(distanceM(shape.center, at(47.5, 8.52))),
    });
    expect(moved(shape, handles[0]!, at(47.6, 8.6)).shape).toMatchObject({ center: at(47.6, 8.6), radius_m: 500 });
  });

  test("of a polygon are its vertices and the middles of its edges, those of holes too", () => {
    const { handles } = handlesOf(YARD, VIEW);
    expect(handles.filter((handle) => handle.kind === "vertex")).toHaveLength(7);
    expect(handles.filter((handle) => handle.kind === "middle")).toHaveLength(7);
  });

  test("dragging the middle of an edge makes a vertex there, which goes on being dragged", () => {
    const middle = handlesOf(YARD, VIEW).handles.find((handle) => handle.kind === "middle")!;
    const first = moved(YARD, middle, at(47.05, 8.5));
    const second = moved(first.shape, first.handle, at(47.02, 8.5));
    if (second.shape.type !== "polygon") throw new Error("not a polygon");
    expect(second.shape.polygons[0]![0]).toEqual([SQUARE[0], at(47.02, 8.5), ...SQUARE.slice(1)]);
  });

  test("a path has no edge from its end to its start", () => {
    expect(handlesOf(ROUTE, VIEW).handles.filter((handle) => handle.kind === "middle")).toHaveLength(1);
  });

  test("moving a vertex leaves the shape it came from as it was", () => {
    const vertex = handlesOf(YARD, VIEW).handles[0]!;
    moved(YARD, vertex, at(47, 8));
    expect(YARD.polygons[0]![0]![0]).toEqual(at(47.1, 8.1));
  });

  test("of 5,000 vertices a bounded number is drawn, and zooming in shows single ones", () => {
    const ring = Array.from({ length: 5000 }, (_, i) => {
      const turn = (i / 5000) * 2 * Math.PI;
      return at(47.5 + 0.4 * Math.sin(turn), 8.5 + 0.4 * Math.cos(turn));
    });
    const shape: Shape = { type: "polygon", form: "vertices", polygons: [[ring]] };
    const started = performance.now();
    const far = handlesOf(shape, VIEW);
    expect(performance.now() - started).toBeLessThan(50);
    expect(far.handles.length).toBeLessThanOrEqual(500);
    expect(far.hidden).toBeGreaterThan(4000);
    const near = handlesOf(shape, { west: 8.895, south: 47.49, east: 8.905, north: 47.51, degreesPerPixel: 0.00001 });
    expect(near.hidden).toBe(0);
    expect(near.handles.filter((handle) => handle.kind === "vertex").length).toBeGreaterThan(10);
  });

  test("work in a view over the antimeridian", () => {
    const shape: Shape = { type: "corridor", path: [at(0, 179.9), at(0, -179.9)], width_m: 100 };
    const view = { west: 179, south: -1, east: -179, north: 1, degreesPerPixel: 0.001 };
    const { handles } = handlesOf(shape, view);
    expect(handles.map((handle) => handle.kind)).toEqual(["vertex", "vertex", "middle"]);
    expect(Math.abs(handles[2]!.at.longitude)).toBe(180);
  });
});

describe("removing a vertex", () => {
  test("leaves at least a triangle or a line", () => {
    const [first] = handlesOf(ROUTE, VIEW).handles;
    expect(removed(ROUTE, first!)).toBeNull();
    const corner = handlesOf(YARD, VIEW).handles[0]!;
    const triangle = removed(YARD, corner)!;
    expect(removed(triangle, corner)).toBeNull();
  });

  test("takes a hole away with its third last vertex", () => {
    const inHole = handlesOf(YARD, VIEW).handles.find((handle) => handle.ring === 1)!;
    expect(removed(YARD, inHole)).toMatchObject({ polygons: [[SQUARE]] });
  });

  test("does nothing to a circle", () => {
    const shape: Shape = { type: "circle", center: at(47.5, 8.5), radius_m: 500 };
    expect(removed(shape, handlesOf(shape, VIEW).handles[0]!)).toBeNull();
    expect(circleRing(shape.center, 500)).toHaveLength(129);
  });
});

describe("what was drawn", () => {
  const ring = [at(47.2, 8.2), at(47.2, 8.3), at(47.3, 8.3)];
  const drawn: Shape = { type: "polygon", form: "vertices", polygons: [[ring]] };

  test("replaces the shape, or becomes a hole or a part of it", () => {
    expect(combined(YARD, drawn, "shape")).toBe(drawn);
    expect(combined(YARD, drawn, "hole")).toMatchObject({ polygons: [[...YARD.polygons[0]!, ring]] });
    expect(combined(YARD, drawn, "part")).toMatchObject({ polygons: [YARD.polygons[0], [ring]] });
    expect(combined(null, drawn, "hole")).toBe(drawn);
  });
});

test("a rule's ids and patterns are counted in the fleet, dots and all", () => {
  const fleet = ["TRK-001", "TRK-002", "VAN-1", "VAN.1"];
  expect(reach(["TRK-*", "VAN.1"], fleet)).toBe(3);
  expect(reach(["*"], fleet)).toBe(4);
  expect(reach(["NONE"], fleet)).toBe(0);
});
