import { describe, expect, test } from "vitest";
import { before, dates, isPeriod, length, presetOf, resolve } from "./periods";
import { zoneLabel } from "./page";
import { change, parseView, viewQuery } from "./view";

const NOW_MS = Date.parse("2024-03-31T22:30:00Z"); // 1 April in Zurich, still March in Chicago
const EMPTY = { first: null, last: null };

describe("periods", () => {
  test("presets are full local days before today", () => {
    expect(resolve("yesterday", NOW_MS, "Europe/Zurich", EMPTY)).toEqual({ from: "2024-03-31", to: "2024-03-31" });
    expect(resolve("yesterday", NOW_MS, "America/Chicago", EMPTY)).toEqual({ from: "2024-03-30", to: "2024-03-30" });
    expect(resolve("last7", NOW_MS, "Europe/Zurich", EMPTY)).toEqual({ from: "2024-03-25", to: "2024-03-31" });
    expect(resolve("lastmonth", NOW_MS, "Europe/Zurich", EMPTY)).toEqual({ from: "2024-03-01", to: "2024-03-31" });
    expect(resolve("lastmonth", NOW_MS, "America/Chicago", EMPTY)).toEqual({ from: "2024-02-01", to: "2024-02-29" });
  });
  test("the latest data ends with the archive and reaches back a week at most", () => {
    const range = { first: "2015-09-05", last: "2015-09-06" };
    expect(resolve("latest", NOW_MS, "UTC", range)).toEqual({ from: "2015-09-05", to: "2015-09-06" });
    expect(resolve("latest", NOW_MS, "UTC", { ...range, first: "2015-01-01" }).from).toBe("2015-08-31");
  });
  test("the period before is as long and ends the day before", () => {
    expect(before({ from: "2024-03-25", to: "2024-03-31" })).toEqual({ from: "2024-03-18", to: "2024-03-24" });
    expect(before({ from: "2024-03-01", to: "2024-03-01" })).toEqual({ from: "2024-02-29", to: "2024-02-29" });
    expect(length({ from: "2024-02-01", to: "2024-02-29" })).toBe(29);
    expect(dates({ from: "2024-02-28", to: "2024-03-01" })).toEqual(["2024-02-28", "2024-02-29", "2024-03-01"]);
  });
  test("a period is recognised as the preset it is today", () => {
    expect(presetOf({ from: "2024-03-25", to: "2024-03-31" }, NOW_MS, "Europe/Zurich", EMPTY)).toBe("last7");
    expect(presetOf({ from: "2024-03-24", to: "2024-03-31" }, NOW_MS, "Europe/Zurich", EMPTY)).toBeNull();
    expect(isPeriod("2024-03-02", "2024-03-01")).toBe(false);
    expect(isPeriod("2024-02-30", "2024-03-01")).toBe(false);
  });
});

describe("the URL", () => {
  test("a view survives its URL", () => {
    const view = {
      ...parseView("", "UTC"),
      screen: "rows" as const,
      period: { from: "2015-09-06", to: "2015-09-07" },
      tz: "America/Chicago",
      trucks: ["AUS-2031", "a:b.c"],
      table: "trips" as const,
      sort: "-distance_km",
      cursors: ["abc", "d=f&g"],
    };
    const query = viewQuery(view);
    expect(query).toContain("from=2015-09-06&to=2015-09-07&tz=America/Chicago&trucks=AUS-2031,a:b.c&table=trips");
    expect(parseView(query, "UTC")).toEqual(view);
    const compared = { ...view, screen: "compare" as const, other: { from: "2015-08-01", to: "2015-08-02" } };
    expect(parseView(viewQuery(compared), "UTC").other).toEqual(compared.other);
  });
  test("nonsense in a URL becomes the default", () => {
    const view = parseView("?view=x&from=2024-02-30&to=2024-03-01&tz=Mars/Base&table=y&period=z", "Europe/Zurich");
    expect(view).toMatchObject({ screen: "fleet", period: null, tz: "Europe/Zurich", table: "hourly", preset: null });
  });
  test("moving to another table starts at its first page, unsorted", () => {
    const view = parseView("?view=rows&tz=UTC&table=trips&sort=-start&page=abc", "UTC");
    expect(change(view, { table: "stops" })).toMatchObject({ sort: null, cursors: [] });
    expect(change(view, { cursors: ["x"] })).toMatchObject({ sort: "-start", cursors: ["x"] });
    expect(change(view, { screen: "fleet", sort: "truck_id" }).sort).toBe("truck_id");
  });
});

test("the zone says its offsets, also those in the middle of a long period", () => {
  const label = (from: string, to: string): string => zoneLabel("Europe/Zurich", { from, to });
  expect(label("2024-03-30", "2024-03-30")).toBe("Europe/Zurich (UTC+01:00)");
  expect(label("2024-03-28", "2024-03-31")).toBe("Europe/Zurich (UTC+01:00 to UTC+02:00)");
  expect(label("2025-10-01", "2026-06-30")).toBe("Europe/Zurich (UTC+02:00, at times UTC+01:00)");
  expect(zoneLabel("UTC", { from: "2024-03-28", to: "2024-03-31" })).toBe("UTC");
});
