import { describe, expect, test } from "vitest";
import { Player } from "./player";
import { legend, speedClass } from "./speed_scale";
import { bandOf, dayOf, instantAt, partOf, shareOf, ticksOf } from "./timeline";
import { Trail, type TrailRow } from "./trail";

const START = Date.UTC(2024, 0, 15, 6);

function row(second: number, change: Partial<TrailRow> = {}): TrailRow {
  return {
    timestamp_ms: START + second * 1000,
    latitude: 47,
    longitude: 8 + second / 10_000,
    speed_kmh: 30,
    heading: 90,
    ...change,
  };
}

function trailOf(rows: TrailRow[]): Trail {
  const trail = new Trail();
  trail.append(rows);
  return trail;
}

describe("a trail", () => {
  test("grows page by page, and a page read twice changes nothing", () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => row(i * 5));
    const trail = trailOf(rows.slice(0, 6000));
    trail.append(rows.slice(5000));
    expect(trail.length).toBe(10_000);
    expect(trail.at(9999)).toEqual(rows[9999]);
  });

  test("unknown speed and heading stay unknown", () => {
    expect(trailOf([row(0, { speed_kmh: null, heading: null })]).at(0)).toMatchObject({
      speed_kmh: null,
      heading: null,
    });
  });

  test("finds the position at an instant and the one under the cursor", () => {
    const trail = trailOf([row(0), row(5), row(10)]);
    expect(trail.indexAt(START - 1)).toBe(-1);
    expect(trail.indexAt(START + 7000)).toBe(1);
    expect(trail.indexAt(START + 99_000)).toBe(2);
    expect(trail.nearest(47, 8.00052).index).toBe(1);
    expect(new Trail().nearest(47, 8).index).toBe(-1);
  });

  test("a silence is a gap: no line over it, no speed in it", () => {
    const trail = trailOf([row(0), row(5), row(10), row(400), row(405)]);
    expect(trail.gaps()).toEqual([{ from_ms: START + 10_000, to_ms: START + 400_000 }]);
    expect(trail.pieces().map((piece) => piece.coordinates.length)).toEqual([3, 2]);
    expect(trail.speedColumns()[1]).toEqual([30, 30, 30, null, 30, 30]);
  });

  test("a truck that reports every two minutes has no gap between two reports", () => {
    const trail = trailOf(Array.from({ length: 20 }, (_, i) => row(i * 120)));
    expect(trail.gaps()).toEqual([]);
    expect(trail.gapAfterMs()).toBe(300_000);
  });

  test("is cut where the speed class changes, and the pieces touch", () => {
    const trail = trailOf([
      row(0, { speed_kmh: 2 }),
      row(5, { speed_kmh: 3 }),
      row(10, { speed_kmh: 50 }),
      row(15, { speed_kmh: null }),
    ]);
    const pieces = trail.pieces();
    expect(pieces.map((piece) => piece.speedClass)).toEqual([0, 3, 7]);
    expect(pieces[0]!.coordinates.at(-1)).toEqual(pieces[1]!.coordinates[0]);
  });

  test("runs on over the antimeridian", () => {
    const trail = trailOf([
      row(0, { longitude: 179.9 }),
      row(5, { longitude: -179.9 }),
      row(10, { longitude: -179.8, speed_kmh: 90 }),
    ]);
    const longitudes = trail.pieces().flatMap((piece) => piece.coordinates.map(([longitude]) => longitude));
    expect(Math.max(...longitudes) - Math.min(...longitudes)).toBeCloseTo(0.3);
  });

  test("of 17,280 positions is cut and searched in milliseconds", () => {
    const trail = trailOf(Array.from({ length: 17_280 }, (_, i) => row(i * 5, { speed_kmh: (i * 7) % 110 })));
    const started = performance.now();
    trail.pieces();
    for (let i = 0; i < 60; i++) trail.nearest(47, 8.4);
    trail.speedColumns();
    expect(performance.now() - started).toBeLessThan(400);
  });
});

describe("the speed scale", () => {
  test("tells classes apart at their edges and unknown from 0", () => {
    expect([0, 4.9, 5, 19.9, 100, 250].map(speedClass)).toEqual([0, 0, 1, 1, 6, 6]);
    expect(speedClass(null)).toBe(7);
    expect(legend().map((entry) => entry.words)).toEqual([
      "under 5",
      "5–20",
      "20–40",
      "40–60",
      "60–80",
      "80–100",
      "over 100",
      "unknown",
    ]);
  });
});

describe("the time line of a day", () => {
  test.each([
    ["2024-01-15", 24],
    ["2024-03-31", 23],
    ["2024-10-27", 25],
  ])("of %s in Zurich has %d hours, and its ticks are the clock's", (date, hours) => {
    const day = dayOf(date, "Europe/Zurich");
    expect((day.to_ms - day.from_ms) / 3_600_000).toBe(hours);
    const labels = ticksOf(day, 8).map((tick) => tick.label);
    expect(labels).toEqual(["00:00", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00"]);
  });

  test("an hour that comes twice has two ticks", () => {
    expect(ticksOf(dayOf("2024-10-27", "Europe/Zurich"), 24).filter((tick) => tick.label === "02:00")).toHaveLength(2);
  });

  test("is cut to the part with positions, in full quarters and at least an hour", () => {
    const day = dayOf("2024-01-15", "Europe/Zurich");
    const at = (hours: number) => day.from_ms + hours * 3_600_000;
    expect(partOf(day, at(6.1), at(8.6))).toMatchObject({ from_ms: at(6), to_ms: at(8.75) });
    expect(partOf(day, at(23.9), at(23.95))).toMatchObject({ from_ms: at(23), to_ms: at(24) });
    expect(partOf(day, day.from_ms, day.to_ms - 1)).toEqual(day);
    const labels = ticksOf(partOf(day, at(6.1), at(6.9)), 12).map((tick) => tick.label);
    expect(labels).toEqual([
      "06:00",
      "06:05",
      "06:10",
      "06:15",
      "06:20",
      "06:25",
      "06:30",
      "06:35",
      "06:40",
      "06:45",
      "06:50",
      "06:55",
    ]);
  });

  test("instants and places on it are each other's inverse, and bands are cut at its ends", () => {
    const day = dayOf("2024-01-15", "America/Chicago");
    const noon = day.from_ms + 12 * 3_600_000;
    expect(shareOf(day, noon)).toBe(0.5);
    expect(instantAt(day, 0.5)).toBe(noon);
    expect(bandOf(day, { from_ms: day.from_ms - 1e7, to_ms: noon })).toEqual({ left: 0, width: 0.5 });
    expect(bandOf(day, { from_ms: day.to_ms, to_ms: day.to_ms + 1 })).toBeNull();
  });
});

describe("the player", () => {
  test("plays at its speed, stops at the end, and starts over from there", () => {
    const player = new Player(0, 100_000);
    player.speed = 60;
    expect(player.advance(1000)).toBe(false);
    player.toggle();
    player.advance(1000);
    expect(player.at_ms).toBe(60_000);
    player.advance(1000);
    expect(player.at_ms).toBe(100_000);
    expect(player.playing).toBe(false);
    player.toggle();
    expect(player.at_ms).toBe(0);
  });

  test("jumps over a gap instead of waiting in it", () => {
    const player = new Player(0, 1_000_000);
    player.speed = 10;
    player.toggle();
    player.advance(1000, (at_ms) => (at_ms >= 5000 ? { to_ms: 400_000 } : null));
    expect(player.at_ms).toBe(400_000);
  });

  test("goes through the speeds and no further", () => {
    const player = new Player(0, 1);
    for (let i = 0; i < 12; i++) player.shift(1);
    expect(player.speed).toBe(600);
    for (let i = 0; i < 12; i++) player.shift(-1);
    expect(player.speed).toBe(1);
  });
});
