/** The mark of each state: its own shape as well as its own colour, the same on map, list and legend. */

import { svg } from "../shared/dom";
import type { State } from "./wire";

export interface Mark {
  /** A path in a box of 16 x 16, pointing north. */
  path: string;
  /** Drawn as an outline: nothing known of now. */
  hollow: boolean;
  /** The design token of its colour. */
  token: string;
}

export type MarkName = State | "moving-unknown"; // moving, but the heading is not known

const ROUND = "M8 3.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6z";

export const MARKS: Record<MarkName, Mark> = {
  moving: { path: "M8 1.2 13.2 13.6 8 10.8 2.8 13.6z", hollow: false, token: "--moving" },
  "moving-unknown": { path: ROUND, hollow: false, token: "--moving" },
  idling: { path: "M8 1.8 14.2 8 8 14.2 1.8 8z", hollow: false, token: "--idling-mark" },
  stopped: { path: "M3.4 3.4h9.2v9.2H3.4z", hollow: false, token: "--stopped" },
  offline: { path: ROUND, hollow: true, token: "--offline" },
  never: { path: "M5 5l6 6M11 5l-6 6", hollow: true, token: "--never" },
};

/** Return the mark as an image in the colour of its state; decorative, the word stands beside it. */
export function markImage(state: State): SVGSVGElement {
  const mark = MARKS[state];
  const path = svg("path", {
    d: mark.path,
    fill: mark.hollow ? "none" : "currentColor",
    stroke: mark.hollow ? "currentColor" : "none",
    "stroke-width": 1.8,
    "stroke-linejoin": "round",
    "stroke-linecap": "round",
  });
  return svg("svg", { viewBox: "0 0 16 16", class: `mark ${state}`, "aria-hidden": "true" }, path);
}
