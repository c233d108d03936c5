/** Trips and stops as time strips, one per local day: when the truck drove, stood, or was not heard of. */

import { element, svg } from "../shared/dom";
import { km, minutes } from "../shared/format";
import { clockLabel, dayLabel, HOUR_MS, hoursInDay, startOfDay } from "../shared/time";
import type { Row } from "./answers";
import { instant, openEnd } from "./page";
import { dates, type Period } from "./periods";

export interface Span {
  kind: "trip" | "stop";
  from_ms: number;
  to_ms: number;
  words: string;
}

/** Trips and stops as spans, by time; what goes on is known up to the newest position, and no further. */
export function spans(trips: readonly Row[], stops: readonly Row[]): Span[] {
  const read = (kind: Span["kind"], rows: readonly Row[]): Span[] =>
    rows.flatMap((row) => {
      const from_ms = instant(row.start);
      if (from_ms === null) return [];
      const lasts = minutes(row.duration_minutes as number | null);
      const words = kind === "trip" ? `Trip, ${km(row.distance_km as number | null)} in ${lasts}` : `Stop, ${lasts}`;
      return [{ kind, from_ms, to_ms: instant(row.end) ?? openEnd(row, from_ms), words }];
    });
  return [...read("trip", trips), ...read("stop", stops)].sort((one, other) => one.from_ms - other.from_ms);
}

const WIDTH = 960;
const TALL = 14;

/** One strip a day, at most `most` of them; choosing a span shows it on the map. */
export function strips(
  all: readonly Span[],
  period: Period,
  tz: string,
  choose: (span: Span) => void,
  most = 31,
): HTMLElement {
  const holder = element("div", { class: "strips" });
  const longest = Math.max(24, ...dates(period, most).map((date) => hoursInDay(date, tz)));
  holder.append(hours(period, longest, tz));
  for (const date of dates(period, most)) {
    const start_ms = startOfDay(date, tz);
    const length = hoursInDay(date, tz);
    const x = (at_ms: number): number =>
      (Math.max(0, Math.min(length, (at_ms - start_ms) / HOUR_MS)) / longest) * WIDTH;
    const strip = svg("svg", {
      viewBox: `0 0 ${WIDTH} ${TALL}`,
      preserveAspectRatio: "none",
      class: "strip-bar",
      role: "img",
      "aria-label": `Trips and stops of ${dayLabel(date)}`,
    });
    strip.append(svg("rect", { x: 0, y: 0, width: x(start_ms + length * HOUR_MS), height: TALL, class: "unheard" }));
    for (const span of all) {
      if (span.to_ms <= start_ms || span.from_ms >= start_ms + length * HOUR_MS) continue;
      const [from, to] = [x(span.from_ms), x(span.to_ms)];
      const bar = svg("rect", {
        x: from.toFixed(1),
        y: span.kind === "trip" ? 0 : 4,
        width: Math.max(1.5, to - from).toFixed(1),
        height: span.kind === "trip" ? TALL : TALL - 8,
        class: span.kind,
      });
      const title = svg("title");
      title.textContent = `${span.words}, ${clockLabel(span.from_ms, tz)}\u2013${clockLabel(span.to_ms, tz)}`;
      bar.append(title);
      bar.addEventListener("click", () => choose(span));
      strip.append(bar);
    }
    const odd = length === 24 ? "" : ` (${length} h)`;
    holder.append(element("span", { class: "strip-day", text: `${dayLabel(date, { year: false })}${odd}` }), strip);
  }
  return holder;
}

/** Clock times above the strips; on a day of 23 or 25 hours they are right until the clocks change. */
function hours(period: Period, longest: number, tz: string): HTMLElement {
  const row = element("div", { class: "strip-hours quiet small", attributes: { "aria-hidden": "true" } });
  const normal = dates(period, 14).find((date) => hoursInDay(date, tz) === 24) ?? period.from;
  for (let hour = 0; hour < longest; hour += 6) {
    const label = element("span", { text: clockLabel(startOfDay(normal, tz) + hour * HOUR_MS, tz) });
    label.style.left = `${(100 * hour) / longest}%`;
    row.append(label);
  }
  return row;
}
