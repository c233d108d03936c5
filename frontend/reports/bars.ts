/**
 * Small column charts in SVG: one figure by day, hour or speed, the period before as a thin line behind.
 *
 * A gap is drawn as a gap (hatched), never as a column of height 0. Colours are those of the states.
 */

import { element, svg } from "../shared/dom";
import { scale } from "./model";
import { onPaper, paperWidth } from "./paper";

export interface Bar {
  /** For the tool tip and the reader: `Sun 6 Sep: 28,797 km`. */
  name: string;
  /** Null: without positions, drawn as a gap. */
  value: number | null;
  /** There are positions, but none of them tells this figure: neither a column nor a gap. */
  untold?: boolean;
  /** Below the axis; as many are shown as fit. */
  tick: string;
  /** Data is missing inside: marked above the column. */
  lacking?: boolean;
  /** A short word above the axis, `23 h`. */
  mark?: string | null;
  href?: string;
}

export interface BarsOptions {
  /** What is drawn, for a screen reader. */
  name: string;
  bars: Bar[];
  /** The period before, in the same places; null where it has nothing. */
  before?: (number | null)[];
  tone: "distance" | "moving" | "idling" | "plain" | "gap";
  scale?: (largest: number) => { top: number; steps: number[] };
  /** Text of a step of the scale. */
  step: (value: number) => string;
  height?: number;
  /** Columns touch: a distribution. */
  touching?: boolean;
}

const LEFT = 52;
const RIGHT = 2;
const TOP = 18;
const BOTTOM = 20;
const CHARACTER_PX = 6.6;

let drawn = 0;

/** A chart that takes the width of its place and draws again when that changes. */
export function bars(options: BarsOptions): HTMLElement {
  const holder = element("div", { class: "chart" });
  let width = 0;
  const fit = (): void => {
    const found = Math.round(holder.clientWidth);
    if (!found || found === width) return;
    width = found;
    holder.replaceChildren(draw(options, width));
  };
  new ResizeObserver(fit).observe(holder);
  onPaper(
    holder,
    () => holder.replaceChildren(draw(options, paperWidth(holder))),
    () => {
      width = 0;
      fit();
    },
  );
  return holder;
}

function draw(options: BarsOptions, width: number): SVGSVGElement {
  const height = options.height ?? 132;
  const { bars: all, before = [] } = options;
  const values = [...all.map(({ value }) => value), ...before].filter(
    (value): value is number => value !== null && value !== undefined,
  );
  const { top, steps } = (options.scale ?? scale)(Math.max(0, ...values));
  const y = (value: number): number => TOP + (height - TOP - BOTTOM) * (1 - value / top);
  const slot = (width - LEFT - RIGHT) / Math.max(1, all.length);
  const wide = options.touching ? slot - 1 : Math.min(slot * 0.72, 56);
  const x = (place: number): number => LEFT + slot * place + (slot - wide) / 2;

  const every = tickStep(
    all.map(({ tick }) => tick),
    slot,
  );
  drawn += 1;
  const hatch = `hatch-${drawn}`;
  const chart = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    class: `bars tone-${options.tone}`,
    role: "group",
    "aria-label": options.name,
  });
  chart.append(
    svg(
      "defs",
      {},
      svg(
        "pattern",
        { id: hatch, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        svg("line", { x1: 0, y1: 0, x2: 0, y2: 6, class: "hatch" }),
      ),
    ),
  );
  for (const step of steps) {
    chart.append(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(step), y2: y(step), class: step ? "grid" : "axis" }));
    chart.append(text(options.step(step), LEFT - 6, y(step) + 4, "end"));
  }
  all.forEach((bar, place) => {
    const link = svg("a", bar.href ? { href: bar.href, tabindex: -1, "data-view": "", "aria-label": bar.name } : {});
    const title = svg("title");
    title.textContent = bar.name;
    link.append(title);
    // The whole slot answers to the pointer: a small column is hard to hit.
    link.append(
      svg("rect", { x: LEFT + slot * place, y: TOP, width: slot, height: height - TOP - BOTTOM, class: "slot" }),
    );
    if (bar.value === null && !bar.untold) {
      link.append(
        svg("rect", {
          x: x(place),
          y: TOP,
          width: wide,
          height: height - TOP - BOTTOM,
          fill: `url(#${hatch})`,
          class: "gap",
        }),
      );
    } else if (bar.value !== null) {
      const tall = Math.max(bar.value > 0 ? 1 : 0, height - BOTTOM - y(bar.value));
      link.append(
        svg("rect", {
          x: x(place),
          y: height - BOTTOM - tall,
          width: wide,
          height: tall,
          class: "bar",
          rx: Math.min(2, wide / 4),
        }),
      );
      if (bar.lacking) {
        const [middle, tip] = [x(place) + wide / 2, Math.max(TOP, height - BOTTOM - tall - 4)];
        link.append(svg("path", { d: `M${middle - 4} ${tip} h8 l-4 -7 z`, class: "lacking" }));
      }
    }
    chart.append(link);
    if (bar.mark) chart.append(text(bar.mark, x(place) + wide / 2, TOP - 5, "middle", "mark"));
    if (bar.tick && place % every === 0)
      chart.append(text(bar.tick, options.touching ? LEFT + slot * place : x(place) + wide / 2, height - 6, "middle"));
  });
  if (before.some((value) => value !== null && value !== undefined)) chart.append(beforeLine(before, slot, y));
  return chart;
}

/** One path of level pieces, one per column, broken where there is nothing. */
function beforeLine(before: (number | null)[], slot: number, y: (value: number) => number): SVGPathElement {
  let path = "";
  let pen = false;
  before.forEach((value, place) => {
    if (value === null || value === undefined) {
      pen = false;
      return;
    }
    const [from, to] = [LEFT + slot * place, LEFT + slot * (place + 1)];
    path += `${pen ? "L" : "M"}${from.toFixed(1)} ${y(value).toFixed(1)}L${to.toFixed(1)} ${y(value).toFixed(1)}`;
    pen = true;
  });
  return svg("path", { d: path, class: "before" });
}

function text(words: string, x: number, y: number, anchor: string, kind = ""): SVGTextElement {
  const made = svg("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor, class: kind });
  made.textContent = words;
  return made;
}

/** Every how many columns a tick is drawn, so that none touches the next. */
export function tickStep(ticks: readonly string[], slot_px: number): number {
  const wide_px = Math.max(...ticks.map((tick) => tick.length)) * CHARACTER_PX + 8;
  return [1, 2, 3, 4, 6, 7, 14, 28, 56, 91, 182, 364].find((step) => step * slot_px >= wide_px) ?? 728;
}
