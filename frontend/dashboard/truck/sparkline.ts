/** A small line of one value over time; gaps are drawn as gaps. */

import { element, svg } from "../../shared/dom";
import { UNKNOWN, clockLabel } from "../../shared/time";
import type { Cell } from "../wire";

/** Compact history: fields name the columns of rows. */
export interface Trail {
  fields: string[];
  rows: Cell[][];
}

export type Sample = readonly [at_ms: number, value: number | null];

const WIDTH = 280;
const HEIGHT = 40;
/** Longer than this without a position is a gap: the longest pause of a truck that reports every 5 s, tenfold and more. */
export const GAP_MS = 120_000;

/** Return speed and fuel over time; times come as milliseconds or as ISO texts. */
export function readTrail(trail: Trail): { speed: Sample[]; fuel: Sample[] } {
  const column = (name: string): number => trail.fields.indexOf(name);
  const at = column("timestamp_ms") >= 0 ? column("timestamp_ms") : column("timestamp");
  const samples = (name: string): Sample[] => {
    const index = column(name);
    if (index < 0 || at < 0) return [];
    return trail.rows.map((row) => {
      const time = row[at];
      const value = row[index];
      return [typeof time === "string" ? Date.parse(time) : (time ?? NaN), typeof value === "number" ? value : null];
    });
  };
  return { speed: samples("speed_kmh"), fuel: samples("fuel_level_pct") };
}

/** Return the path of the known values: a new piece after every gap and every unknown value. */
export function linePath(points: readonly Sample[], from_ms: number, to_ms: number, most: number): string {
  let path = "";
  let before: number | null = null;
  for (const [at_ms, value] of points) {
    if (value === null || !(at_ms >= from_ms && at_ms <= to_ms)) {
      before = null;
      continue;
    }
    const x = ((at_ms - from_ms) / (to_ms - from_ms)) * WIDTH;
    const y = HEIGHT - 1.5 - (Math.min(value, most) / most) * (HEIGHT - 3);
    const joined = before !== null && at_ms - before <= GAP_MS;
    path += `${joined ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    if (!joined) path += "h0.01"; // a lone value is a dot
    before = at_ms;
  }
  return path;
}

interface Chart {
  label: string;
  unit: string;
  points: readonly Sample[];
  from_ms: number;
  to_ms: number;
  zone: string;
  colour: string;
  /** Top of the scale; else the largest value, rounded up. */
  most?: number;
}

export function sparkline({ label, unit, points, from_ms, to_ms, zone, colour, most }: Chart): HTMLElement {
  const known = points.flatMap(([at_ms, value]) =>
    value !== null && at_ms >= from_ms && at_ms <= to_ms ? [value] : [],
  );
  const largest = known.reduce((one, other) => Math.max(one, other), 0);
  const smallest = known.reduce((one, other) => Math.min(one, other), Infinity);
  const top = most ?? Math.max(10, Math.ceil(largest / 10) * 10);
  const [low, high] = [Math.round(smallest), Math.round(largest)];
  const range = known.length === 0 ? UNKNOWN : `${low === high ? low : `${low}–${high}`} ${unit}`;
  const image = svg(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      class: `sparkline ${colour}`,
      role: "img",
      "aria-label": `${label}: ${known.length === 0 ? "not known" : range}`,
    },
    svg("path", { d: linePath(points, from_ms, to_ms, top), "vector-effect": "non-scaling-stroke" }),
  );
  return element(
    "figure",
    {},
    element("figcaption", {}, element("span", { text: label }), element("span", { text: range })),
    image,
    element(
      "div",
      { class: "sparkline-axis quiet" },
      element("span", { text: clockLabel(from_ms, zone) }),
      element("span", { text: clockLabel(to_ms, zone) }),
    ),
  );
}
