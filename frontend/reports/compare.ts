/** Two periods side by side: figures, days one over the other, speeds, and every truck in both. */

import { element } from "../shared/dom";
import { change, count, km, kmh, minutes, number } from "../shared/format";
import { dayLabel, periodLabel } from "../shared/time";
import type { Fleet, TruckRow } from "./answers";
import { bars } from "./bars";
import { askFleet, filter } from "./data";
import { daysOf, joined, minuteScale, scale } from "./model";
import { linkTo, nothing, section, type Drawn, type Site } from "./page";
import { before, isPeriod, type Period } from "./periods";
import { exports, table, type Column } from "./table";
import { plainStep, timeStep, type DayFigure } from "./figures";

type Totals = Fleet["totals"];

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
  const [now, then] = await Promise.all([askFleet(view, view.period), askFleet(view, other)]);
  const notes = [...now.complete.notes, ...then.complete.notes.map((note) => `Compared period: ${note}`)];
  return {
    nodes: [
      choose(place, other),
      figures(place, now, then, other),
      element("div", { class: "three" }, ...charts(place, now, then, other)),
      distribution(now, then, view.period, other),
      trucks(place, now, then, other),
    ],
    answer: { ...now, complete: { ok: now.complete.ok && then.complete.ok, notes } },
  };
}

const words = ({ from, to }: Period): string => (from === to ? dayLabel(from) : periodLabel(from, to));

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

function figures(place: Site, now: Fleet, then: Fleet, other: Period): HTMLElement {
  const known = (fleet: Fleet, key: keyof Totals): number | null =>
    fleet.totals.positions || key === "positions" ? fleet.totals[key] : null;
  const columns: Column<(typeof MEASURES)[number]>[] = [
    { key: "label", label: "", show: ({ label }) => label },
    { key: "now", label: words(place.view.period), figure: true, show: ({ key, show }) => show(known(now, key)) },
    { key: "then", label: words(other), figure: true, show: ({ key, show }) => show(known(then, key)) },
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
    exports("compare", { ...filter(place.view, place.view.period), other_from: other.from, other_to: other.to }),
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

function charts(place: Site, now: Fleet, then: Fleet, other: Period): HTMLElement[] {
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

function distribution(now: Fleet, then: Fleet, period: Period, other: Period): HTMLElement {
  const share = (fleet: Fleet): number[] => {
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

function trucks(place: Site, now: Fleet, then: Fleet, other: Period): HTMLElement {
  const row = ({ truck_id, now: here, then: was }: ReturnType<typeof joined>[number]) => ({
    truck_id,
    distance_km: here?.distance_km ?? null,
    distance_before: was?.distance_km ?? null,
    distance_change: part(here?.distance_km, was?.distance_km),
    driving_minutes: here?.driving_minutes ?? null,
    driving_before: was?.driving_minutes ?? null,
    idle_minutes: here?.idle_minutes ?? null,
    idle_before: was?.idle_minutes ?? null,
    idle_change: part(here?.idle_minutes, was?.idle_minutes),
    max_speed_kmh: here?.max_speed_kmh ?? null,
    max_before: was?.max_speed_kmh ?? null,
  });
  type CompareRow = ReturnType<typeof row>;
  const figure = (
    key: keyof CompareRow,
    label: string,
    show: (value: number | null) => string,
  ): Column<CompareRow> => ({
    key,
    label,
    figure: true,
    show: (found) => show(found[key] as number | null),
  });
  const rows = joined(now.trucks, then.trucks).map(row);
  const query = { ...filter(place.view, place.view.period), other_from: other.from, other_to: other.to };
  const sort = place.view.sort ?? "-distance_km";
  return section(
    "Trucks",
    `${count(rows.length, "truck")}; before: ${words(other)}`,
    exports("compare_trucks", query, sort),
    table<CompareRow>({
      caption: "Trucks in both periods",
      columns: [
        {
          key: "truck_id",
          label: "Truck",
          show: ({ truck_id }) => linkTo(place, { screen: "truck", truck: truck_id, trucks: [] }, truck_id),
        },
        figure("distance_km", "Distance", km),
        figure("distance_before", "before", km),
        {
          key: "distance_change",
          label: "change",
          figure: true,
          show: (found) => change(found.distance_km, found.distance_before),
        },
        figure("driving_minutes", "Driving", minutes),
        figure("driving_before", "before", minutes),
        figure("idle_minutes", "Idling", minutes),
        figure("idle_before", "before", minutes),
        {
          key: "idle_change",
          label: "change",
          figure: true,
          show: (found) => change(found.idle_minutes, found.idle_before),
        },
        figure("max_speed_kmh", "Top speed", (value) => kmh(value)),
        figure("max_before", "before", (value) => kmh(value)),
      ],
      rows,
      sort,
      onSort: (next) => place.go({ sort: next }, true),
      empty: nothing("No trucks.", "Neither period has positions."),
      tall: true,
    }),
  );
}

function part(now: TruckRow["distance_km"] | undefined, then: TruckRow["distance_km"] | undefined): number | null {
  return typeof now === "number" && typeof then === "number" && then ? now / then - 1 : null;
}
