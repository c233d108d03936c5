import { expect, test } from "vitest";
import { change, count, km, kmh, minutes, number, percent } from "./format";

test("numbers are grouped and carry their unit", () => {
  expect(km(28797.090513)).toBe("28,797\u00a0km");
  expect(km(34.30088)).toBe("34.3\u00a0km");
  expect(kmh(45.54)).toBe("45.5\u00a0km/h");
  expect(minutes(125)).toBe("2 h 05 min");
  expect(percent(0.126)).toBe("13\u00a0%");
  expect(number(-3.2, 1)).toBe("\u22123.2");
  expect(number(-0.01, 1)).toBe("0.0");
});

test("unknown is an en dash, never 0", () => {
  for (const text of [km(null), kmh(undefined), minutes(null), number(Number.NaN), percent(null), count(null, "trip")])
    expect(text).toBe("\u2013");
});

test("a change is relative to the figure before, unknown against nothing", () => {
  expect(change(103.2, 100)).toBe("+3.2\u00a0%");
  expect(change(50, 100)).toBe("\u221250\u00a0%");
  expect(change(100, 100)).toBe("no change");
  expect(change(5, 0)).toBe("\u2013");
  expect(change(0, 0)).toBe("no change");
  expect(change(5, null)).toBe("\u2013");
});

test("a count agrees with its noun", () => {
  expect(count(1, "truck")).toBe("1\u00a0truck");
  expect(count(1000, "truck")).toBe("1,000\u00a0trucks");
  expect(count(2, "entry", "entries")).toBe("2\u00a0entries");
});
