/** Cards of one figure: its value, its change against the period before, and its course as a small chart. */

import { element } from "../shared/dom";
import { change, count, km, minutes, number } from "../shared/format";
import { addDays, clockLabel, dayLabel, shortPeriod } from "../shared/time";
import type { Day, Fleet } from "./answers";
import { bars, type Bar, type BarsOptions } from "./bars";
import { daysOf, lacking, minuteScale } from "./model";
import { instant, linkTo, type Site } from "./page";
import { before } from "./periods";
import type { View } from "./view";

export type DayFigure = "distance_km" | "driving_minutes" | "idle_minutes";

export interface FigureOptions {
  title: string;
  value: string;
  /** Under the value: what it is compared with, or what it consists of. */
  note: Node | string | null;
  rows?: { changes: Partial<View>; text: string; name: string };
  chart?: Node | null;
}

export function figure(place: Site, { title, value, note, rows, chart }: FigureOptions): HTMLElement {
  return element(
    "section",
    { class: "card figure" },
    element(
      "header",
      { class: "card-head" },
      element("h2", { text: title }),
      rows ? linkTo(place, rows.changes, rows.text, rows.name) : null,
    ),
    element("p", { class: "value", text: value }),
    element("p", { class: "quiet note" }, note),
    chart ?? null,
  );
}

/** Distance, driving and idling: the figures every report begins with. `trucks`: whose rows are behind them. */
export function mainFigures(place: Site, fleet: Fleet, trucks: string[]): HTMLElement[] {
  const { totals, previous } = fleet;
  const time = { scale: minuteScale, step: timeStep, show: minutes };
  const main = [
    { title: "Distance", key: "distance_km", behind: "the distance", tone: "distance", step: plainStep, show: km },
    { title: "Driving", key: "driving_minutes", behind: "the driving time", tone: "moving", ...time },
    { title: "Idling", key: "idle_minutes", behind: "the idle time", tone: "idling", ...time },
  ] as const;
  return main.map(({ title, key, behind, ...look }) =>
    figure(place, {
      title,
      value: look.show(totals[key]),
      note: against(totals[key], previous?.[key], look.show, place),
      rows: { changes: { screen: "rows", table: "hourly", trucks }, text: "Rows", name: `Rows behind ${behind}` },
      chart: course(place, fleet, key, trucks, { ...look, name: title }),
    }),
  );
}

/** `+3.2 % against 30 Aug - 5 Sep (27,900 km)`. */
function against(
  now: number | null,
  then: number | null | undefined,
  show: (value: number) => string,
  place: Site,
): string {
  const earlier = before(place.view.period);
  const words = shortPeriod(earlier.from, earlier.to);
  const figure = (value: number): string => show(value).replaceAll(" ", "\u00a0");
  if (then === null || then === undefined) return `Nothing known of ${words}`;
  if (now === null) return `${words}: ${figure(then)}`;
  const moved = change(now, then);
  return moved === "no change"
    ? `The same as ${words}`
    : `${then === 0 ? "" : `${moved} against `}${words} (${figure(then)})`;
}

/** The figure by day; by hour where the period is one day and the server tells. */
function course(
  place: Site,
  fleet: Fleet,
  key: DayFigure,
  trucks: string[],
  look: Pick<BarsOptions, "tone" | "scale" | "step"> & { show: (value: number | null) => string; name: string },
): HTMLElement {
  const { period, tz } = place.view;
  if (period.from === period.to && fleet.hours?.length) {
    return bars({
      ...look,
      name: `${look.name} by hour`,
      bars: fleet.hours.map((hour) => {
        const clock = clockLabel(instant(hour.hour), tz);
        const value = hour.positions ? hour[key] : null;
        return {
          name: `${clock}: ${said(value, hour.positions, look.show)}`,
          value,
          untold: hour.positions > 0,
          tick: clock.slice(0, 2),
          href: place.href({ screen: "rows", table: "hourly", trucks }),
        };
      }),
    });
  }
  const days = daysOf(period, fleet.days);
  const earlier = fleet.previous?.days ? daysOf(before(period), fleet.previous.days) : [];
  return bars({
    ...look,
    name: `${look.name} by day`,
    bars: dayBars(place, days, (day) => day[key], look.show),
    before: earlier.map((day) => (day?.positions ? day[key] : null)),
  });
}

/** `Wed 18` within about a week, `18 Nov` beyond. */
export function dayTick(date: string, days: number): string {
  const words = dayLabel(date, { year: false });
  return days <= 10 ? words.split(" ").slice(0, 2).join(" ") : words.split(" ").slice(1).join(" ");
}

/** A step of a scale of minutes. */
export function timeStep(value: number): string {
  if (value > 0 && value < 1) return `${number(value * 60, (value * 60) % 1 ? 1 : 0)} s`;
  return value > 0 && value < 60
    ? `${number(value, value % 1 ? 1 : 0)} min`
    : `${number(value / 60, (value / 60) % 1 ? 1 : 0)} h`;
}

/** A step of any other scale. */
export const plainStep = (value: number): string =>
  number(value, [0, 1].find((decimals) => Number(value.toFixed(decimals)) === value) ?? 2);

/** Columns for days: gaps as gaps, days of 23 or 25 hours marked, each leading to the day alone. */
export function dayBars(
  place: Site,
  days: (Day | null)[],
  value: (day: Day) => number | null,
  show: (value: number | null) => string,
): Bar[] {
  const missing = lacking(days);
  return days.map((day, at) => {
    const date = day?.date ?? addDays(place.view.period.from, at);
    const figure = day?.positions ? value(day) : null;
    const odd = day && day.hours !== 24 ? `${number(day.hours, day.hours % 1 ? 1 : 0)} h` : null;
    const words = [`${dayLabel(date)}: ${said(figure, day?.positions, show)}`];
    if (odd) words.push(`day of ${odd}`);
    if (figure !== null && missing[at]) words.push(`data missing, silent for ${minutes(day?.gap_minutes)}`);
    return {
      name: words.join(", "),
      value: figure,
      untold: Boolean(day?.positions),
      tick: dayTick(date, days.length),
      lacking: figure !== null && missing[at] === true,
      mark: odd,
      href: place.href({ period: { from: date, to: date } }),
    };
  });
}

const said = (value: number | null, positions: number | undefined, show: (value: number) => string): string =>
  value !== null ? show(value) : positions ? "not known" : "no positions";

/** Whether all is there, in a word or two, and how silent the trucks were. */
export function completeness(place: Site, fleet: Fleet): { value: string; note: string } {
  const days = daysOf(place.view.period, fleet.days);
  const empty = days.filter((day) => !day?.positions).length;
  const silent = fleet.days.reduce((sum, day) => sum + (day.gap_minutes ?? 0), 0);
  const note = silent
    ? `Silences over 5 minutes: ${minutes(silent).replaceAll(" ", "\u00a0")}, all trucks together`
    : "No truck was silent for more than 5 minutes";
  if (empty) return { value: `${number(empty)} of ${count(days.length, "day")} missing`, note };
  return { value: fleet.complete.ok ? "Complete" : "See the notes", note };
}
