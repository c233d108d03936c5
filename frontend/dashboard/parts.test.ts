import { expect, test, vi } from "vitest";
import { datedBefore_ms, opacityOf } from "./ages";
import { scrollFor, sorted } from "./list/order";
import type { SortKey } from "./list/order";
import { EASE_MS, Easing, MOST_EASED, isSoftwareRenderer } from "./map/easing";
import { outlineOf } from "./map/outlines";
import { GAP_MS, linePath, readTrail } from "./truck/sparkline";
import { compass } from "./truck/telemetry";
import { AddressState, placeText, readPlace, readStates } from "./url";
import type { Geofence, Truck } from "./wire";

const truck = (truck_id: string, change: Partial<Truck> = {}): Truck => ({
  truck_id,
  timestamp_ms: 1000,
  latitude: 47,
  longitude: 8,
  speed_kmh: 10,
  heading: 0,
  state: "moving",
  fuel_level_pct: null,
  engine_status: null,
  received_ms: 1000,
  state_since_ms: null,
  fresh_ms: 1000,
  ...change,
});

const order = (trucks: Truck[], key: SortKey, descending = false): string =>
  sorted(trucks, { key, descending }).join(" ");

test("markers fade with age, a position from the future is fresh, an unknown one is old", () => {
  const opacities = [-5, 0, 60, 61, 301, 1801, 90_000].map((age_s) => opacityOf(0, age_s * 1000));
  expect(opacities).toEqual([1, 1, 1, 0.72, 0.5, 0.34, 0.34]);
  expect(opacityOf(null, 0)).toBe(0.34);
});

test("a clock three hours wrong is told from a normal delay, in both directions", () => {
  const hours = 3 * 3_600_000;
  expect(datedBefore_ms(0, hours)).toBe(hours);
  expect(datedBefore_ms(hours, 0)).toBe(-hours);
  expect(datedBefore_ms(0, 5_000)).toBeNull();
  expect(datedBefore_ms(null, 5_000)).toBeNull();
});

test("ids sort by their numbers", () => {
  expect(order([truck("TRK-10"), truck("TRK-9"), truck("TRK-100")], "truck_id")).toBe("TRK-9 TRK-10 TRK-100");
});

test("unknown speeds come last in either direction, equals by id", () => {
  const trucks = [
    truck("C", { speed_kmh: null }),
    truck("B", { speed_kmh: 5 }),
    truck("A", { speed_kmh: 5 }),
    truck("D", { speed_kmh: 80 }),
  ];
  expect(order(trucks, "speed")).toBe("A B D C");
  expect(order(trucks, "speed", true)).toBe("D A B C");
});

test("the smallest age comes first, never seen last", () => {
  const trucks = [truck("A", { fresh_ms: 1 }), truck("B", { fresh_ms: 9 }), truck("C", { fresh_ms: null })];
  expect(order(trucks, "age")).toBe("B A C");
});

test("the list scrolls no more than it must", () => {
  expect(scrollFor(5, 30, 0, 300)).toBe(0);
  expect(scrollFor(10, 30, 0, 300)).toBe(30);
  expect(scrollFor(2, 30, 120, 300)).toBe(60);
});

test("a marker eases to its next position and then rests there", () => {
  const easing = new Easing();
  expect(easing.begin("A", { longitude: 8, latitude: 47 }, { longitude: 8.002, latitude: 47.001 }, 0)).toBe(true);
  expect(easing.step(EASE_MS / 2).get("A")?.longitude).toBeCloseTo(8.001);
  expect(easing.step(EASE_MS).get("A")).toEqual({ longitude: 8.002, latitude: 47.001 });
  expect(easing.busy).toBe(false);
});

test("a jump is not driven, and a crowd does not ease", () => {
  const easing = new Easing();
  expect(easing.begin("A", { longitude: 8, latitude: 47 }, { longitude: 9, latitude: 47 }, 0)).toBe(false);
  for (let index = 0; index < MOST_EASED; index++)
    easing.begin(`T${index}`, { longitude: 0, latitude: 0 }, { longitude: 0.001, latitude: 0 }, 0);
  expect(easing.begin("last", { longitude: 0, latitude: 0 }, { longitude: 0.001, latitude: 0 }, 0)).toBe(false);
});

test("software renderers are known by name", () => {
  expect(isSoftwareRenderer("ANGLE (Google, Vulkan 1.3.0 (SwiftShader Device (Subzero)), SwiftShader driver)")).toBe(
    true,
  );
  expect(isSoftwareRenderer("llvmpipe (LLVM 15.0.6, 256 bits)")).toBe(true);
  expect(isSoftwareRenderer("ANGLE (Intel, Mesa Intel(R) UHD Graphics 620 (KBL GT2), OpenGL 4.6)")).toBe(false);
});

test("the address keeps the view and reads it again", () => {
  vi.useFakeTimers();
  const seen: string[] = [];
  const address = new AddressState("#truck=TRK-001", (hash) => seen.push(hash));
  address.set("map", placeText({ zoom: 12, latitude: 47.3769, longitude: 8.5417 }));
  address.set("states", "moving,idling");
  address.set("q", "");
  vi.advanceTimersByTime(1000);
  expect(seen).toEqual(["#truck=TRK-001&map=12/47.3769/8.5417&states=moving,idling"]);
  expect(readPlace(new AddressState(seen[0] as string, () => {}).get("map"))).toEqual({
    zoom: 12,
    latitude: 47.3769,
    longitude: 8.5417,
  });
  vi.useRealTimers();
});

test("an address somebody broke is no place and no state", () => {
  for (const text of [null, "", "12/47", "12/91/8", "12/47/8/1", "x/y/z", "//", "99/1/1"])
    expect(readPlace(text)).toBeNull();
  expect([...readStates("moving,<img>,offline")]).toEqual(["moving", "offline"]);
});

test("gaps and unknown values break the line, times outside the hour are left out", () => {
  const points = [
    [0, 10],
    [5000, 10],
    [5000 + GAP_MS + 1, 10],
    [200_000, null],
    [205_000, 10],
    [9e9, 1],
  ] as const;
  expect(linePath(points, 0, 3_600_000, 10).match(/M/g)).toHaveLength(3);
});

test("a trail is read whatever the order of its fields, with instants as numbers or texts", () => {
  const rows = [
    [10, "1970-01-01T00:00:01.000Z"],
    [null, "1970-01-01T00:00:02.000Z"],
  ];
  expect(readTrail({ fields: ["speed_kmh", "timestamp"], rows }).speed).toEqual([
    [1000, 10],
    [2000, null],
  ]);
  expect(readTrail({ fields: ["timestamp_ms"], rows: [[5]] }).fuel).toEqual([]);
});

test("headings have names", () => {
  expect([0, 44, 90, 337.4, 338, 360].map(compass)).toEqual([
    "north",
    "north-east",
    "east",
    "north-west",
    "north",
    "north",
  ]);
});

test("a polygon over the antimeridian stays in one piece", () => {
  const geofence: Geofence = {
    geofence_id: "fiji",
    name: "Fiji",
    type: "polygon",
    alert_on: "both",
    polygon: [
      { latitude: -17, longitude: 179 },
      { latitude: -17, longitude: -179 },
      { latitude: -18, longitude: -179 },
    ],
  };
  const outline = outlineOf(geofence);
  expect((outline.shapes[0]?.geometry as GeoJSON.Polygon).coordinates).toEqual([
    [
      [179, -17],
      [181, -17],
      [181, -18],
      [179, -17],
    ],
  ]);
  expect((outline.label?.geometry as GeoJSON.Point).coordinates).toEqual([180, -17.5]);
});

test("a circle is drawn round, at any latitude", () => {
  const geofence: Geofence = {
    geofence_id: "n",
    name: "North",
    type: "circle",
    center: { latitude: 60, longitude: 10 },
    radius_meters: 1000,
    alert_on: "exit",
  };
  const [ring] = (outlineOf(geofence).shapes[0]?.geometry as GeoJSON.Polygon).coordinates;
  const east = Math.max(...(ring ?? []).map(([x = 0]) => x)) - 10;
  const north = Math.max(...(ring ?? []).map(([, y = 0]) => y)) - 60;
  expect(east / north).toBeCloseTo(2, 2); // a degree of longitude is half as long at 60 degrees
  expect(ring?.[0]).toEqual(ring?.at(-1));
});

test("a geofence without its shape is left out, not a crash", () => {
  expect(outlineOf({ geofence_id: "x", name: "X", type: "circle", alert_on: "exit" })).toEqual({
    shapes: [],
    label: null,
  });
});
