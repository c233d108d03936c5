/** The tables below the fleet's charts: trucks, and days. */

import { element } from "../shared/dom";
import { count, km, kmh, minutes, number, percent } from "../shared/format";
import { addDays, dayLabel } from "../shared/time";
import type { Day, Fleet, TruckRow } from "./answers";
import { filter } from "./data";
import { daysOf, lacking } from "./model";
import { linkTo, nothing, section, type Site } from "./page";
import { exports, table, type Column } from "./table";

export const TRUCK_COLUMNS: Column<TruckRow>[] = [
  { key: "distance_km", label: "Distance", figure: true, show: (row) => km(row.distance_km) },
  { key: "driving_minutes", label: "Driving", figure: true, show: (row) => minutes(row.driving_minutes) },
  { key: "idle_minutes", label: "Idling", figure: true, show: (row) => minutes(row.idle_minutes) },
  {
    key: "idle_share",
    label: "Idling share",
    figure: true,
    title: "Idle time of driving and idle time",
    show: (row) => percent(row.idle_share),
  },
  { key: "average_speed_kmh", label: "Average speed", figure: true, show: (row) => kmh(row.average_speed_kmh) },
  { key: "max_speed_kmh", label: "Top speed", figure: true, show: (row) => kmh(row.max_speed_kmh) },
  { key: "trips", label: "Trips", figure: true, show: (row) => number(row.trips) },
  { key: "positions", label: "Positions", figure: true, show: (row) => number(row.positions) },
];

export function trucks(place: Site, fleet: Fleet): HTMLElement {
  const sort = place.view.sort ?? "-driving_minutes";
  return section(
    "Trucks",
    count(fleet.trucks.length, "truck"),
    exports("trucks", filter(place.view, place.view.period), sort),
    table({
      caption: "Trucks",
      columns: [
        {
          key: "truck_id",
          label: "Truck",
          show: (row) => linkTo(place, { screen: "truck", truck: row.truck_id, trucks: [] }, row.truck_id),
        },
        ...TRUCK_COLUMNS,
      ],
      rows: fleet.trucks,
      sort,
      onSort: (next) => place.go({ sort: next }, true),
      empty: nothing("No trucks.", "Choose another period."),
      tall: true,
    }),
  );
}

export function days(place: Site, fleet: Fleet): HTMLElement {
  const columns: Column<{ date: string; day: Day | null; missing: boolean }>[] = [
    {
      key: "date",
      label: "Day",
      show: ({ date }) => linkTo(place, { period: { from: date, to: date } }, dayLabel(date)),
    },
    {
      key: "hours",
      label: "Hours",
      figure: true,
      show: ({ day }) => number(day?.hours ?? null, (day?.hours ?? 0) % 1 ? 1 : 0),
    },
    {
      key: "distance_km",
      label: "Distance",
      figure: true,
      show: ({ day }) => (day?.positions ? km(day.distance_km) : km(null)),
    },
    {
      key: "driving_minutes",
      label: "Driving",
      figure: true,
      show: ({ day }) => minutes(day?.positions ? day.driving_minutes : null),
    },
    {
      key: "idle_minutes",
      label: "Idling",
      figure: true,
      show: ({ day }) => minutes(day?.positions ? day.idle_minutes : null),
    },
    { key: "positions", label: "Positions", figure: true, show: ({ day }) => number(day?.positions ?? 0) },
    { key: "data", label: "Data", show: ({ day, missing }) => dataWords(day, missing) },
  ];
  const all = daysOf(place.view.period, fleet.days);
  const missing = lacking(all);
  const rows = all.map((day, at) => ({
    date: day?.date ?? addDays(place.view.period.from, at),
    day,
    missing: missing[at] === true,
  }));
  return section(
    "Days",
    `local days of ${place.view.tz}`,
    exports("days", filter(place.view, place.view.period)),
    table({
      caption: "Days",
      columns,
      rows,
      sort: null,
      empty: nothing("No days.", "Choose another period."),
      tall: true,
    }),
  );
}

function dataWords(day: Day | null, missing: boolean): HTMLElement {
  if (!day?.positions) return element("span", { class: "lack", text: "no positions" });
  if (day.gap_minutes === null) return element("span", { class: "quiet", text: "not known" });
  if (!day.gap_minutes) return element("span", { class: "quiet", text: "complete" });
  return element("span", { class: missing ? "lack" : "quiet", text: `silent for ${minutes(day.gap_minutes)}` });
}
