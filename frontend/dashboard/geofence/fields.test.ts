import { describe, expect, test } from "vitest";
import { changesBetween, previewSentence, shapeWords } from "./changes";
import { type Draft, draftOf, newDraft, wireOf } from "./draft";
import { type Fields, fieldsOf, numberOf, pointOf, readFields } from "./fields";

const NONE: ReadonlySet<string> = new Set();
const DRAFT: Draft = draftOf({
  geofence_id: "warehouse-001",
  name: "Main Warehouse",
  type: "circle",
  center: { latitude: 47.3769, longitude: 8.5417 },
  radius_meters: 500,
  alert_on: "exit",
  version: 2,
});
const FIELDS = fieldsOf(DRAFT);

function read(change: Partial<Fields>, before = DRAFT) {
  return readFields({ ...fieldsOf(before), ...change }, before, NONE);
}

describe("the form", () => {
  test("shows a geofence and reads the same one back", () => {
    expect(readFields(FIELDS, DRAFT, NONE)).toEqual({ draft: DRAFT, problems: {} });
  });

  test("a new geofence needs a name and a shape, and says how to give them", () => {
    const { problems } = readFields(fieldsOf(newDraft()), newDraft(), NONE);
    expect(problems.name).toContain("Give the geofence a name");
    expect(problems.center).toContain("Draw the circle");
  });

  test("can make a geofence without the map", () => {
    const fields = {
      ...fieldsOf(newDraft()),
      name: "Dock 3",
      type: "polygon",
      points: "47, 8\n47 9\n48; 9\n\n47, 8",
    } as const;
    const { draft, problems } = readFields(fields, newDraft(), new Set(["dock-3"]));
    expect(problems).toEqual({});
    expect(wireOf(draft)).toMatchObject({
      geofence_id: "dock-3-2",
      type: "polygon",
      polygon: [{ latitude: 47 }, {}, {}],
    });
  });

  test.each<[keyof Fields, string, string]>([
    ["name", "  ", "Give the geofence a name"],
    ["name", "x".repeat(201), "Shorten"],
    ["center", "somewhere", "latitude, longitude"],
    ["center", "97, 8", "latitude, longitude"],
    ["radius_m", "0", "above 0"],
    ["radius_m", "half", "above 0"],
    ["radius_m", "99999999", "half way round the earth"],
    ["trucks", "TRK-001, <b>", "“<b>” is no truck id"],
    ["exit_buffer_m", "-1", "at least 0"],
    ["confirm_fixes", "1.5", "whole number"],
    ["dwell_minutes", "0", "leave it empty"],
    ["speed_limit_kmh", "fast", "leave it empty"],
  ])("names what is wrong with %s %j and keeps what was there", (field, text, message) => {
    const { draft, problems } = read({ [field]: text });
    expect(problems[field]).toContain(message);
    expect(Object.keys(problems)).toEqual([field]);
    expect(draft.shape).toEqual(DRAFT.shape);
    expect(draft.rule).toEqual(DRAFT.rule);
  });

  test("a list of points says which one is wrong", () => {
    const { problems } = read({ type: "corridor", points: "47, 8\nhere" });
    expect(problems.points).toBe("Point 2, “here”, is not latitude, longitude in degrees.");
  });

  test("numbers are read as people type them, and nothing else is", () => {
    expect([numberOf("1,000"), numberOf(" 1 000 "), numberOf("0.5"), numberOf("12,345,678")]).toEqual([
      1000, 1000, 0.5, 12345678,
    ]);
    for (const odd of ["", "1,5", "1e3", "0x10", "NaN", "Infinity", "1.2.3"]) expect(numberOf(odd)).toBeNaN();
    expect(pointOf("47.3769, 8.5417")).toEqual({ latitude: 47.3769, longitude: 8.5417 });
  });

  test("a polygon with a hole keeps its vertices when only the rule changes", () => {
    const ring = [
      { latitude: 47, longitude: 8 },
      { latitude: 47, longitude: 9 },
      { latitude: 48, longitude: 9 },
    ];
    const holed = draftOf({
      geofence_id: "y",
      name: "Y",
      type: "polygon",
      polygon: ring,
      holes: [ring.map((p) => ({ ...p }))],
      version: 1,
    });
    const { draft, problems } = read({ alert_on: "enter" }, holed);
    expect(problems).toEqual({});
    expect(draft.shape).toEqual(holed.shape);
  });
});

describe("what a save changed", () => {
  test("is said thing by thing", () => {
    const { draft } = read({
      name: "Warehouse",
      radius_m: "650",
      trucks: "VAN-*",
      dwell_minutes: "45",
      alert_on: "both",
    });
    expect(changesBetween(DRAFT, draft)).toEqual([
      "name “Main Warehouse” is now “Warehouse”",
      "radius 650 m (was 500 m)",
      "alerts on exit are now on entry and exit",
      "for VAN-* instead of all trucks",
      "dwell time 45 min",
    ]);
  });

  test("is nothing when nothing changed", () => {
    expect(changesBetween(DRAFT, DRAFT)).toEqual([]);
  });

  test("counts vertices", () => {
    const path = (...longitudes: number[]) =>
      draftOf({
        geofence_id: "r",
        name: "R",
        type: "corridor",
        path: longitudes.map((longitude) => ({ latitude: 47, longitude })),
        width_meters: 80,
      });
    expect(changesBetween(path(8, 9), path(8, 9.5))).toEqual(["one vertex moved"]);
    expect(changesBetween(path(8, 9), path(8, 8.5, 9))).toEqual(["3 vertices (was 2)"]);
    expect(shapeWords(path(8, 9).shape!)).toBe("corridor, 76 km long, 80 m wide");
  });
});

describe("the preview line", () => {
  const preview = { enter: 0, exit: 0, dwell: 0, speeding: 0, alerts: 0, trucks: 0 };

  test("says how often it would have fired and why", () => {
    expect(previewSentence({ ...preview, enter: 12, exit: 14, dwell: 1, alerts: 15, trucks: 9 })).toBe(
      "Would have fired 15 times in the last 24 h (9\u00a0trucks; 12 in, 14 out, 1 long stays).",
    );
    expect(previewSentence({ ...preview, exit: 1, alerts: 1, trucks: 1 })).toContain("fired once");
  });

  test("tells a quiet place from a rule that does not ask", () => {
    expect(previewSentence(preview)).toContain("no truck crossed it");
    expect(previewSentence({ ...preview, enter: 3, trucks: 2 })).toContain("crossed the border 3 times");
  });
});
