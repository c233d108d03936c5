import { describe, expect, test, vi } from "vitest";
import { FleetStore } from "./store";
import type { Alert, Cell, Frame, Health } from "./wire";

const FIELDS = [
  "truck_id",
  "timestamp_ms",
  "latitude",
  "longitude",
  "speed_kmh",
  "heading",
  "state",
  "fuel_level_pct",
  "engine_status",
  "received_ms",
];

const row = (id: string, state: string, speed: number | null = 50): Cell[] => [
  id,
  1000,
  47,
  8,
  speed,
  90,
  state,
  75,
  "running",
  1300,
];

const frame = (trucks: Cell[][], rest: Partial<Frame> = {}): Frame => ({
  now_ms: 1_000_000,
  fields: FIELDS,
  trucks,
  ...rest,
});

const alert = (id: string, extra: Partial<Alert> = {}): Alert => ({
  alert_id: id,
  truck_id: "A",
  geofence_id: "g",
  geofence_name: "G",
  alert_type: "exit",
  timestamp: "2024-01-15T10:30:00.000Z",
  latitude: 47,
  longitude: 8,
  geofence_version: 1,
  late: false,
  ...extra,
});

function filled(): FleetStore {
  const store = new FleetStore(() => 0);
  store.snapshot(frame([row("A", "moving"), row("B", "stopped"), row("C", "never")]));
  return store;
}

test("counts always add up to the fleet, whatever the frames say of them", () => {
  const store = filled();
  store.apply(
    frame([row("A", "idling"), row("D", "moving")], {
      gone: ["B"],
      counts: { moving: 9, idling: 9, stopped: 9, offline: 9, never: 9, fleet: 45 },
    }),
  );
  expect(store.counts).toEqual({ moving: 1, idling: 1, stopped: 0, offline: 0, never: 1 });
  expect(Object.values(store.counts).reduce((one, other) => one + other)).toBe(store.fleetSize);
});

test("a frame tells of the trucks in it alone, and a snapshot of those that are gone", () => {
  const store = filled();
  const heard = vi.fn();
  store.on("trucks", heard);
  store.apply(frame([row("B", "moving")]));
  expect(heard.mock.lastCall?.[0]).toEqual({ changed: new Set(["B"]), gone: new Set(), whole: false });
  store.snapshot(frame([row("B", "moving")]));
  expect(heard.mock.lastCall?.[0]).toEqual({ changed: new Set(["B"]), gone: new Set(["A", "C"]), whole: true });
});

test("a heartbeat without changes tells nobody", () => {
  const store = filled();
  const heard = vi.fn();
  store.on("trucks", heard);
  store.on("counts", heard);
  store.on("alerts", heard);
  store.apply(frame([]));
  expect(heard).not.toHaveBeenCalled();
});

test("the server's clock is the only now, and runs on between frames", () => {
  let monotonic = 500;
  const store = new FleetStore(
    () => monotonic,
    () => 99_000_000,
  ); // this computer is wrong by a day
  store.snapshot(frame([]));
  monotonic += 2500;
  expect(store.now()).toBe(1_002_500);
});

test("no clock makes a position fresher than its arrival, and an old one stays old", () => {
  const store = new FleetStore(() => 0);
  const dated = (id: string, timestamp: number, received: number): Cell[] => [
    id,
    timestamp,
    47,
    8,
    5,
    0,
    "moving",
    null,
    null,
    received,
  ];
  store.snapshot(frame([dated("ahead", 9000, 5000), dated("behind", 1000, 5000)]));
  expect(store.trucks.get("ahead")?.fresh_ms).toBe(5000);
  expect(store.trucks.get("behind")?.fresh_ms).toBe(1000);
});

test("unknown stays null and a state nobody knows is no crash", () => {
  const store = new FleetStore(() => 0);
  store.snapshot(frame([["X", null, null, null, null, null, "flying", null, null, null]]));
  expect(store.trucks.get("X")).toMatchObject({ speed_kmh: null, latitude: null, timestamp_ms: null, state: "never" });
});

test("fields may come in any order, and stay known for later frames", () => {
  const store = new FleetStore(() => 0);
  store.snapshot({ now_ms: 1, fields: ["state", "truck_id"], trucks: [["moving", "A"]] });
  store.apply({ now_ms: 2, trucks: [["idling", "A"]] });
  expect(store.trucks.get("A")?.state).toBe("idling");
});

test("an acknowledged alert moves to the newest place, a hundredfold burst keeps the newest", () => {
  const store = filled();
  store.apply(frame([], { alerts: [alert("1"), alert("2")] }));
  store.apply(frame([], { alerts: [alert("1", { acknowledged: { at: "x", by: "y", note: "" } })] }));
  expect([...store.alerts.keys()]).toEqual(["2", "1"]);
  store.apply(frame([], { alerts: Array.from({ length: 900 }, (_, index) => alert(`b${index}`)) }));
  expect(store.alerts.size).toBe(500);
  expect([...store.alerts.keys()].at(-1)).toBe("b899");
});

test("filter by state and by part of an id, whatever the case", () => {
  const store = filled();
  store.setFilter({ states: new Set(["moving"]) });
  expect([...store.trucks.values()].filter((truck) => store.matches(truck)).map((truck) => truck.truck_id)).toEqual([
    "A",
  ]);
  store.setFilter({ states: new Set(), text: "b" });
  expect([...store.trucks.values()].filter((truck) => store.matches(truck)).map((truck) => truck.truck_id)).toEqual([
    "B",
  ]);
});

test("closing the truck ends following it, and nothing is followed without one", () => {
  const store = filled();
  store.setFollow(true);
  expect(store.following).toBe(false);
  store.select("A");
  store.setFollow(true);
  store.select(null);
  expect(store.following).toBe(false);
});

test("geofences are announced when their revision changes, not with every frame", () => {
  const store = filled();
  const heard = vi.fn();
  store.on("geofences", heard);
  for (const revision of [3, 3, 4]) store.apply(frame([], { geofence_revision: revision }));
  expect(heard.mock.calls).toEqual([[3], [4]]);
});

describe("listeners", () => {
  test("one that fails does not keep others from hearing", () => {
    const reported = vi.fn();
    vi.stubGlobal("reportError", reported);
    const store = filled();
    const heard = vi.fn();
    store.on("selection", () => {
      throw new Error("mistake");
    });
    store.on("selection", heard);
    store.select("A");
    expect(heard).toHaveBeenCalledWith("A");
    expect(reported).toHaveBeenCalledOnce();
    vi.unstubAllGlobals();
  });
});

test("health that the server cannot tell is unknown, not what it was", () => {
  const store = filled();
  const health = { writer: "truckstream run" } as Health;
  const told = vi.fn();
  store.on("health", told);
  store.apply(frame([], { health }));
  store.apply(frame([])); // nothing said of it
  expect(store.health).toBe(health);
  store.apply(frame([], { health: null }));
  expect(store.health).toBeNull();
  expect(told.mock.calls).toEqual([[health], [null]]);
});
