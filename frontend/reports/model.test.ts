import { describe, expect, test } from "vitest";
import type { Day, TruckRow } from "./answers";
import {
  alike,
  countScale,
  daysOf,
  fleetHours,
  heatDays,
  heatRows,
  idleShare,
  lacking,
  median,
  minuteScale,
  scale,
  shareOf,
  sorted,
  standouts,
} from "./model";

const truck = (truck_id: string, changes: Partial<TruckRow> = {}): TruckRow => ({
  truck_id,
  distance_km: 100,
  driving_minutes: 200,
  idle_minutes: 20,
  idle_share: 0.09,
  max_speed_kmh: 80,
  average_speed_kmh: 30,
  positions: 1000,
  trips: 4,
  ...changes,
});

describe("scales", () => {
  test("a scale ends at or above the largest value, in round steps", () => {
    expect(scale(28797)).toEqual({ top: 30000, steps: [0, 10000, 20000, 30000] });
    expect(scale(9.3).steps).toEqual([0, 2.5, 5, 7.5, 10]);
    expect(scale(0)).toEqual({ top: 1, steps: [0, 1] });
    for (const largest of [0.003, 1, 7, 99, 100, 101, 12345.6, 4e6]) {
      const { top, steps } = scale(largest);
      expect(top).toBeGreaterThanOrEqual(largest * 0.9999);
      expect(steps.length).toBeLessThanOrEqual(5);
    }
  });
  test("counts get whole steps", () => {
    expect(countScale(1).steps).toEqual([0, 1]);
    expect(countScale(3).steps).toEqual([0, 1, 2, 3]);
    expect(countScale(5).steps.every(Number.isInteger)).toBe(true);
    expect(countScale(0).top).toBe(1);
  });
  test("minutes get steps of hours", () => {
    expect(minuteScale(300).steps.map((step) => step / 60)).toEqual([0, 2, 4, 6]);
    expect(minuteScale(45).top).toBe(60);
  });
});

test("the median leaves unknown values out", () => {
  expect(median([3, null, 1, 2])).toBe(2);
  expect(median([1, 2, undefined, 4, 3])).toBe(2.5);
  expect(median([null])).toBeNull();
});

describe("days", () => {
  const day = (date: string, changes: Partial<Day> = {}): Day => ({
    date,
    hours: 24,
    distance_km: 1,
    driving_minutes: 1,
    idle_minutes: 1,
    positions: 5,
    gap_minutes: 0,
    ...changes,
  });
  test("a day the server does not have stays a gap", () => {
    const days = daysOf({ from: "2024-01-01", to: "2024-01-03" }, [day("2024-01-03"), day("2024-01-01")]);
    expect(days.map((found) => found?.date ?? null)).toEqual(["2024-01-01", null, "2024-01-03"]);
  });
  test("a day lacking data without positions, or when its trucks were far more silent than on other days", () => {
    const quiet = (gap_minutes: number | null): Day => day("2024-01-01", { driving_minutes: 900, gap_minutes });
    expect(lacking([quiet(600), null, quiet(620), day("2024-01-03", { positions: 0 }), quiet(1500), quiet(0)])).toEqual(
      [false, true, false, true, true, false],
    );
    expect(lacking([quiet(0), quiet(0), quiet(0), quiet(10)])).toEqual([false, false, false, false]);
    expect(lacking([quiet(0), quiet(0), quiet(0), quiet(60)]).at(-1)).toBe(true);
    expect(lacking([quiet(null), quiet(900)])).toEqual([false, false]); // nothing to compare with
  });
});

describe("trucks that stand out", () => {
  const fleet = Array.from({ length: 20 }, (_, place) => truck(`T-${place}`, { distance_km: 100 + place }));
  test("a uniform fleet has none", () => {
    expect(standouts(fleet)).toEqual([]);
  });
  test("long idling and a missing day are found, the strangest first", () => {
    const odd = [...fleet, truck("IDLER", { idle_minutes: 300 }), truck("SILENT", { positions: 3, distance_km: 110 })];
    const found = standouts(odd);
    expect(found.map(({ truck_id }) => truck_id)).toEqual(["IDLER", "SILENT"]);
    expect(found[0]).toMatchObject({ measure: "idle_minutes", value: 300, median: 20 });
    expect(found[1]).toMatchObject({ measure: "positions", value: 3 });
  });
  test("one truck fills one line only", () => {
    const odd = [...fleet, truck("ODD", { idle_minutes: 900, max_speed_kmh: 400, distance_km: 9000 })];
    expect(standouts(odd).filter(({ truck_id }) => truck_id === "ODD")).toHaveLength(1);
  });
  test("three trucks are too few to tell", () => {
    expect(standouts([truck("A"), truck("B"), truck("C", { distance_km: 9999 })])).toEqual([]);
  });
});

test("rows are sorted by number or by name with numbers in it, unknown last", () => {
  const rows = [
    truck("T-10", { distance_km: 5 }),
    truck("T-9", { distance_km: null }),
    truck("T-1", { distance_km: 7 }),
  ];
  const ids = (sort: string): string[] => sorted(rows, sort).map(({ truck_id }) => truck_id);
  expect(ids("truck_id")).toEqual(["T-1", "T-9", "T-10"]);
  expect(ids("distance_km")).toEqual(["T-10", "T-1", "T-9"]);
  expect(ids("-distance_km")).toEqual(["T-1", "T-10", "T-9"]);
});

test("the heat map can be read in another order and summed by hour or day", () => {
  const map = {
    trucks: ["A", "B"],
    hours: ["2024-01-01T00:00:00.000Z", "2024-01-01T01:00:00.000Z", "2024-01-01T02:00:00.000Z"],
    minutes: [
      [10, null, null],
      [5, 7, null],
    ],
  };
  expect(heatRows(map, ["B", "gone", "A"]).map(({ truck_id }) => truck_id)).toEqual(["B", "A"]);
  expect(fleetHours(map)).toEqual([15, 7, null]);
  const days = heatDays(map, (hour) => (hour < "2024-01-01T02" ? "one" : "other"));
  expect(days.hours).toEqual(["2024-01-01T00:00:00.000Z", "2024-01-01T02:00:00.000Z"]);
  expect(days.minutes).toEqual([
    [10, null],
    [12, null],
  ]);
});

test("the share of idling is unknown without engine time", () => {
  expect(idleShare({ driving_minutes: 75, idle_minutes: 25 })).toBe(0.25);
  expect(idleShare({ driving_minutes: 0, idle_minutes: 0 })).toBeNull();
  expect(idleShare({ driving_minutes: 60, idle_minutes: null })).toBeNull();
});

test("what is known of some days is a share of the positions of those days", () => {
  const day = (positions: number, duplicates: number | null) => ({
    positions,
    duplicates,
    gaps: 0,
    gap_minutes: null,
    late: null,
    rejected: 0,
  });
  expect(shareOf(10, [day(1_000, null), day(90, 10)], "duplicates")).toBe(0.1);
  expect(shareOf(0, [day(90, 0)], "duplicates")).toBeNull();
  expect(shareOf(null, [day(90, null)], "late")).toBeNull();
});

test("reasons that differ in their value alone are counted together", () => {
  expect(
    alike([
      { reason: "fuel_level_pct: -0.17 is outside 0..100", count: 7 },
      { reason: "fuel_level_pct: -5.22 is outside 0..100", count: 2 },
      { reason: "not JSON", count: 1 },
    ]),
  ).toEqual([
    { reason: "fuel_level_pct: \u2026 is outside 0..100", count: 9 },
    { reason: "not JSON", count: 1 },
  ]);
});
