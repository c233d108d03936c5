/** The strip under the speed line: stops, gaps and alerts of the day at their times. */

import { element } from "../../shared/dom";
import { clockLabel, durationLabel } from "../../shared/time";
import { type Alert, sentenceOf } from "../alerts/sentence";
import { bandOf, type Day, shareOf } from "./timeline";
import type { Gap, Stop } from "./trail";

/** More marks than this in a strip are not told apart, and are not worth a key press each. */
const MOST_ALERTS = 200;

export class Strip {
  readonly root = element("div", { class: "strip" });

  constructor(private readonly pressed: (at_ms: number, alert: Alert | null) => void) {}

  show(day: Day, parts: { stops: readonly Stop[]; gaps: readonly Gap[]; alerts: readonly Alert[] }): void {
    const bands = [
      ...parts.gaps.map((gap) => this.band(day, gap, "gap", "No positions")),
      ...parts.stops.map((stop) => this.band(day, stop, "stop", "Stopped")),
    ];
    const marks = parts.alerts.slice(0, MOST_ALERTS).map((alert) => this.mark(day, alert));
    this.root.replaceChildren(...bands.filter((band) => band !== null), ...marks);
  }

  private band(day: Day, band: Gap, kind: string, words: string): HTMLElement | null {
    const place = bandOf(day, band);
    if (!place) return null;
    const span = `${clockLabel(band.from_ms, day.zone)}–${clockLabel(band.to_ms, day.zone)}`;
    const made = element("div", {
      class: `band ${kind}`,
      attributes: { title: `${words} ${span} (${durationLabel(band.to_ms - band.from_ms)})` },
      on: { click: () => this.pressed(band.from_ms, null) },
    });
    made.style.left = `${place.left * 100}%`;
    made.style.width = `${place.width * 100}%`;
    return made;
  }

  private mark(day: Day, alert: Alert): HTMLElement {
    const at_ms = Date.parse(alert.timestamp);
    const words = `${sentenceOf(alert)}, ${clockLabel(at_ms, day.zone, true)}`;
    const made = element("button", {
      class: "mark",
      attributes: { type: "button", title: words, "aria-label": words },
      on: { click: () => this.pressed(at_ms, alert) },
    });
    made.style.left = `${shareOf(day, at_ms) * 100}%`;
    return made;
  }
}
