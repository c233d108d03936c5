import { describe, expect, test } from "vitest";
import { AlertFeed, announcement, NO_FILTER } from "./feed";
import { type Alert, clockText, sentenceOf } from "./sentence";

function alert(n: number, change: Partial<Alert> = {}): Alert {
  return {
    alert_id: `id-${n}`,
    truck_id: `TRK-${String(n).padStart(3, "0")}`,
    geofence_id: "warehouse-001",
    geofence_name: "Main Warehouse",
    alert_type: "exit",
    timestamp: new Date(Date.UTC(2024, 0, 15, 13, 0, n)).toISOString(),
    latitude: 47,
    longitude: 8,
    geofence_version: 1,
    late: false,
    acknowledged: null,
    ...change,
  };
}

describe("alert sentences", () => {
  test("say who did what where", () => {
    const exit = alert(14);
    expect(sentenceOf(exit)).toBe("TRK-014 left Main Warehouse");
    expect(sentenceOf({ ...exit, alert_type: "enter" })).toBe("TRK-014 arrived at Main Warehouse");
    expect(sentenceOf({ ...exit, alert_type: "dwell" }, { dwell_minutes: 125 })).toBe(
      "TRK-014 has been in Main Warehouse for 2 h 05 min",
    );
    expect(sentenceOf({ ...exit, alert_type: "dwell" })).toBe("TRK-014 has stayed long in Main Warehouse");
    expect(sentenceOf({ ...exit, alert_type: "speeding" }, { speed_limit_kmh: 30 })).toBe(
      "TRK-014 was faster than 30 km/h in Main Warehouse",
    );
  });

  test("carry the local time, and the date only when it is another day", () => {
    const at_ms = Date.UTC(2024, 0, 15, 13, 3, 55);
    expect(clockText(at_ms, at_ms + 60_000, "Europe/Zurich")).toBe("14:03:55");
    expect(clockText(at_ms, at_ms + 86_400_000, "Europe/Zurich")).toBe("15 Jan, 14:03:55");
    expect(clockText(at_ms, at_ms + 400 * 86_400_000, "America/Chicago")).toBe("15 Jan 2024, 07:03:55");
  });
});

describe("the alert feed", () => {
  test("is newest first whatever the order of arrival, and knows each alert once", () => {
    const feed = new AlertFeed();
    expect(feed.add([alert(2), alert(1)])).toHaveLength(2);
    expect(feed.add([alert(3), alert(2)]).map((a) => a.alert_id)).toEqual(["id-3"]);
    expect(feed.newestFirst().map((a) => a.alert_id)).toEqual(["id-3", "id-2", "id-1"]);
  });

  test("an acknowledgement replaces the row and counts down", () => {
    const feed = new AlertFeed();
    feed.add([alert(1), alert(2)]);
    feed.add([alert(1, { acknowledged: { at: "2024-01-15T14:00:00.000Z", by: "desk", note: "called" } })]);
    expect(feed.unacknowledged()).toBe(1);
    expect(feed.matching({ ...NO_FILTER, unacknowledged: true }).map((a) => a.alert_id)).toEqual(["id-2"]);
  });

  test("filters by geofence, kind and truck", () => {
    const feed = new AlertFeed();
    feed.add([alert(1), alert(2, { geofence_id: "yard" }), alert(3, { alert_type: "dwell" })]);
    expect(feed.matching({ ...NO_FILTER, geofence_id: "yard" })).toHaveLength(1);
    expect(feed.matching({ ...NO_FILTER, kind: "dwell" })).toHaveLength(1);
    expect(feed.matching({ ...NO_FILTER, truck_id: "TRK-001" })).toHaveLength(1);
  });

  test("takes a burst in milliseconds and tells it in one sentence", () => {
    const feed = new AlertFeed();
    const burst = Array.from({ length: 500 }, (_, n) => alert(n));
    const started = performance.now();
    feed.add(burst);
    expect(feed.newestFirst()).toHaveLength(500);
    expect(performance.now() - started).toBeLessThan(50);
    expect(announcement(burst, sentenceOf)).toBe("500 new alerts at Main Warehouse");
    expect(announcement([burst[0]!], sentenceOf)).toBe("TRK-000 left Main Warehouse");
    expect(announcement([], sentenceOf)).toBe("");
  });
});
