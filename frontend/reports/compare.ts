/** Two periods side by side: figures, days one over the other, speeds, and every truck in both. */

import { element } from "../shared/dom";
import { change, count, km, kmh, minutes, number } from "../shared/format";
import { dayLabel, periodLabel, shortPeriod } from "../shared/time";
import type { Compared, Comparison, Totals } from "./answers";
import { bars } from "./bars";
import { askComparison, comparing } from "./data";
import { daysOf, minuteScale, scale } from "./model";
import { linkTo, nothing, section, type Drawn, type Site } from "./page";
import { before, isPeriod, type Period } from "./periods";
import { exports, table, type Column } from "./table";
import { plainStep, timeStep, type DayFigure } from "./figures";

const MEASURES: { key: keyof Totals; label: string; show: (value: number | null | undefined) => string }[] = [
  { key: "distance_km", label: "Distance", show: km },
  { key: "driving_minutes", label: "Driving", show: minutes },
  { key: "idle_minutes", label: "Idling", show: minutes },
  { key: "trucks", label: "Trucks", show: (value) => number(value) },
  { key: "trips", label: "Trips", show: (value) => number(value) },
  { key: "stops", label: "Stops", show: (value) => number(value) },
  { key: "positions", label: "Positions", show: (value) => number(value) },
];

export async function drawCompare(place: Site): Promise<Drawn> {
  const { view } = place;
  const other = view.other ?? before(view.period);
  const found = await askComparison(view, view.period, other);
  const { now, then } = found;
  return {
    nodes: [
      choose(place, other),
      figures(place, now, then, other),
      element("div", { class: "three" }, ...charts(place, now, then, other)),
      distribution(now, then, view.period, other),
      trucks(place, found, other),
    ],
    answer: found,
  };
}

const words = ({ from, to }: Period): string => (from === to ? dayLabel(from) : periodLabel(from, to));

/** Short where both periods lie in one year: the table has to fit a phone. */
const head = (period: Period, other: Period): string =>
  new Set([period.from, period.to, other.from, other.to].map((date) => date.slice(0, 4))).size === 1
    ? shortPeriod(period.from, period.to)
    : words(period);

function choose(place: Site, other: Period): HTMLElement {
  const input = (label: string, value: string): HTMLInputElement =>
    element("input", { attributes: { type: "date", value, required: true, "aria-label": label, max: "2199-12-31" } });
  const [first, last] = [input("Compared from", other.from), input("Compared to, included", other.to)];
  const changed = (edited: HTMLInputElement) => (): void => {
    if (first.value > last.value) (edited === first ? last : first).value = edited.value;
    if (isPeriod(first.value, last.value)) place.go({ other: { from: first.value, to: last.value } });
  };
  first.addEventListener("change", changed(first));
  last.addEventListener("change", changed(last));
  const year = (period: Period): Period => ({ from: lastYear(period.from), to: lastYear(period.to) });
  return element(
    "div",
    { class: "chooser no-print", attributes: { role: "group", "aria-label": "Compared with" } },
    element("span", { class: "quiet", text: "Compared with" }),
    first,
    element("span", { text: "\u2013" }),
    last,
    element("a", {
      class: "button",
      text: "The period before",
      attributes: {
        href: place.href({ other: null }),
        "data-view": "",
        "aria-current": place.view.other ? null : "true",
      },
    }),
    element("a", {
      class: "button",
      text: "A year before",
      attributes: { href: place.href({ other: year(place.view.period) }), "data-view": "" },
    }),
  );
}

function lastYear(date: string): string {
  const moved = `${String(Number(date.slice(0, 4)) - 1).padStart(4, "0")}${date.slice(4)}`;
  return moved.endsWith("02-29") ? `${moved.slice(0, 8)}28` : moved;
}

function figures(place: Site, now: Compared, then: Compared, other: Period): HTMLElement {
  const known = (fleet: Compared, key: keyof Totals): number | null =>
    fleet.totals.positions || key === "positions" ? fleet.totals[key] : null;
  const columns: Column<(typeof MEASURES)[number]>[] = [
    { key: "label", label: "", show: ({ label }) => label },
    { key: "now", label: head(place.view.period, other), figure: true, show: ({ key, show }) => show(known(now, key)) },
    {
      key: "then",
      label: head(other, place.view.period),
      figure: true,
      show: ({ key, show }) => show(known(then, key)),
    },
    {
      key: "difference",
      label: "Difference",
      figure: true,
      show: ({ key, show }) => difference(known(now, key), known(then, key), show),
    },
    { key: "change", label: "Change", figure: true, show: ({ key }) => change(known(now, key), known(then, key)) },
  ];
  return section(
    "Both periods",
    null,
    exports("compare", comparing(place.view, place.view.period, other)),
    table({ caption: "Figures of both periods", columns, rows: MEASURES, sort: null, empty: nothing("", "") }),
  );
}

function difference(
  now: number | null | undefined,
  then: number | null | undefined,
  show: (value: number | null) => string,
): string {
  if (now === null || now === undefined || then === null || then === undefined) return show(null);
  return now > then ? `+${show(now - then)}` : show(now - then);
}

function charts(place: Site, now: Compared, then: Compared, other: Period): HTMLElement[] {
  const figures: {
    key: DayFigure;
    title: string;
    tone: "distance" | "moving" | "idling";
    show: (value: number | null) => string;
  }[] = [
    { key: "distance_km", title: "Distance", tone: "distance", show: km },
    { key: "driving_minutes", title: "Driving", tone: "moving", show: minutes },
    { key: "idle_minutes", title: "Idling", tone: "idling", show: minutes },
  ];
  const [days, earlier] = [daysOf(place.view.period, now.days), daysOf(other, then.days)];
  const most = Math.max(days.length, earlier.length);
  return figures.map(({ key, title, tone, show }) =>
    section(
      title,
      "line: the compared period",
      bars({
        name: `${title} by day of both periods`,
        tone,
        scale: key === "distance_km" ? scale : minuteScale,
        step: key === "distance_km" ? plainStep : timeStep,
        bars: Array.from({ length: most }, (_, at) => {
          const [day, was] = [days[at], earlier[at]];
          const value = day?.positions ? day[key] : null;
          const then = was?.positions ? was[key] : null;
          return {
            name: `Day ${at + 1}: ${show(value)}, compared ${show(then)}`,
            value,
            tick: `${at + 1}`,
          };
        }),
        before: earlier.map((day) => (day?.positions ? day[key] : null)),
      }),
    ),
  );
}

function distribution(now: Compared, then: Compared, period: Period, other: Period): HTMLElement {
  const share = (fleet: Compared): number[] => {
    const total = fleet.speeds.minutes.reduce((sum, value) => sum + value, 0);
    return fleet.speeds.minutes.map((value) => (total ? (100 * value) / total : 0));
  };
  const [here, there] = [share(now), share(then)];
  if (!here.some(Boolean) && !there.some(Boolean))
    return section("Speeds", null, nothing("No speeds.", "The positions of both periods carry none."));
  const { edges_kmh } = now.speeds;
  return section(
    "Speeds",
    `share of the time at each speed in km/h; columns: ${words(period)}, line: ${words(other)}`,
    bars({
      name: "Share of time by speed, both periods",
      tone: "moving",
      touching: true,
      height: 168,
      step: (value) => `${number(value, value % 1 ? 1 : 0)} %`,
      bars: here.map((value, bin) => ({
        name: `${number(edges_kmh[bin])} km/h and more: ${number(value, 1)} %, compared ${number(there[bin], 1)} %`,
        value,
        tick: bin % (here.length > 14 ? 2 : 1) === 0 ? number(edges_kmh[bin]) : "",
      })),
      before: there,
    }),
  );
}

/** A truck's figures in both periods; the names are those of the export's columns. */
function bothOf({ truck_id, now, then }: Comparison["trucks"][number]) {
  return {
    truck_id,
    distance_km: now?.distance_km ?? null,
    distance_km_then: then?.distance_km ?? null,
    driving_minutes: now?.driving_minutes ?? null,
    driving_minutes_then: then?.driving_minutes ?? null,
    idle_minutes: now?.idle_minutes ?? null,
    idle_minutes_then: then?.idle_minutes ?? null,
    max_speed_kmh: now?.max_speed_kmh ?? null,
    max_speed_kmh_then: then?.max_speed_kmh ?? null,
    positions: now?.positions ?? null,
    positions_then: then?.positions ?? null,
  };
}

function trucks(place: Site, { trucks: both }: Comparison, other: Period): HTMLElement {
  type Both = ReturnType<typeof bothOf>;
  const figure = (key: keyof Both, label: string, show: (value: number | null) => string): Column<Both> => ({
    key,
    label,
    figure: true,
    show: (row) => show(row[key] as number | null),
  });
  const rows = both.map(bothOf);
  const sort = place.view.sort ?? "-distance_km";
  return section(
    "Trucks",
    `${count(rows.length, "truck")}; before: ${words(other)}`,
    exports("compare_trucks", comparing(place.view, place.view.period, other), sort),
    table<Both>({
      caption: "Trucks in both periods",
      columns: [
        {
          key: "truck_id",
          label: "Truck",
          show: ({ truck_id }) => linkTo(place, { screen: "truck", truck: truck_id, trucks: [] }, truck_id),
        },
        figure("distance_km", "Distance", km),
        figure("distance_km_then", "before", km),
        figure("driving_minutes", "Driving", minutes),
        figure("driving_minutes_then", "before", minutes),
        figure("idle_minutes", "Idling", minutes),
        figure("idle_minutes_then", "before", minutes),
        figure("max_speed_kmh", "Top speed", (value) => kmh(value)),
        figure("max_speed_kmh_then", "before", (value) => kmh(value)),
        figure("positions", "Positions", (value) => number(value)),
        figure("positions_then", "before", (value) => number(value)),
      ],
      rows,
      sort,
      onSort: (next) => place.go({ sort: next }, true),
      empty: nothing("No trucks.", "Neither period has positions."),
      tall: true,
    }),
  );
}
