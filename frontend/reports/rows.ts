/** The rows behind the figures: hourly statistics, trips, stops and visits, page by page as the server has them. */

import { element } from "../shared/dom";
import { km, kmh, minutes, number } from "../shared/format";
import type { Row } from "./answers";
import { askRows, filter, type Format } from "./data";
import { instant, linkTo, localText, nothing, openEnd, section, type Drawn, type Site } from "./page";
import { clockLabel, HOUR_MS, localLabel } from "../shared/time";
import { exports, pager, table, type Column } from "./table";
import { TABLES, type TableName } from "./view";

export const TITLES: Record<TableName, string> = {
  hourly: "Hourly statistics",
  trips: "Trips",
  stops: "Stops",
  visits: "Geofence visits",
};

const truck = (place: Site): Column<Row> => ({
  key: "truck_id",
  label: "Truck",
  show: (row) => linkTo(place, { screen: "truck", truck: String(row.truck_id), trucks: [] }, String(row.truck_id)),
});

const figure = (key: string, label: string, show: (value: number | null) => string, title?: string): Column<Row> => ({
  key,
  label,
  figure: true,
  ...(title ? { title } : {}),
  show: (row) => show(row[key] as number | null),
});

const when = (place: Site, key: string, label: string, open = ""): Column<Row> => ({
  key,
  label,
  show: (row) => {
    if (row[key] === null && open) {
      const from_ms = instant(row.start ?? row.arrive);
      return from_ms === null ? open : `${open} at ${localLabel(openEnd(row, from_ms), place.view.tz)}`;
    }
    // The record begins inside: when it really began nobody saw.
    const unseen = (key === "start" && row.start_seen === false) || (key === "arrive" && row.arrive_seen === false);
    return `${localText(row[key], place.view.tz)}${unseen ? " or before" : ""}`;
  },
});

/** The columns of a table; the truck is left out where there is only one. */
export function columns(place: Site, name: TableName, single = false): Column<Row>[] {
  const first = single ? [] : [truck(place)];
  switch (name) {
    case "hourly":
      return [
        ...first,
        { key: "hour", label: "Hour", show: (row) => hourText(row.hour, place.view.tz) },
        figure("total_distance_km", "Distance", km),
        figure("average_speed_kmh", "Average speed", (value) => kmh(value)),
        figure("max_speed_kmh", "Top speed", (value) => kmh(value)),
        figure("driving_time_minutes", "Driving", minutes),
        figure("idle_time_minutes", "Idling", minutes),
        figure(
          "gap_time_minutes",
          "Silent within",
          minutes,
          "Silences over 5 minutes between two positions of the hour; those that reach over its end count to the days",
        ),
        figure("coordinates_count", "Positions", (value) => number(value)),
      ];
    case "trips":
      return [
        ...first,
        when(place, "start", "Start"),
        when(place, "end", "End", "under way"),
        figure("duration_minutes", "Duration", minutes),
        figure("distance_km", "Distance", km),
        figure("average_speed_kmh", "Average speed", (value) => kmh(value)),
        figure("max_speed_kmh", "Top speed", (value) => kmh(value)),
      ];
    case "stops":
      return [
        ...first,
        when(place, "start", "Start"),
        when(place, "end", "End", "still there"),
        figure("duration_minutes", "Duration", minutes),
        {
          key: "latitude",
          label: "Place",
          show: (row) => `${Number(row.latitude).toFixed(5)}, ${Number(row.longitude).toFixed(5)}`,
        },
      ];
    case "visits":
      return [
        ...first,
        { key: "geofence_name", label: "Geofence", show: (row) => String(row.geofence_name ?? row.geofence_id) },
        when(place, "arrive", "Arrive"),
        when(place, "leave", "Leave", "still there"),
        figure("minutes", "Time on site", minutes),
      ];
  }
}

function hourText(value: unknown, tz: string): string {
  const start_ms = instant(value);
  return start_ms === null
    ? localLabel(null, tz)
    : `${localLabel(start_ms, tz, false)}\u2013${clockLabel(start_ms + HOUR_MS, tz)}`;
}

/** What a table can be exported as: those with places also for maps and navigation. */
export function formatsOf(name: TableName): Format[] {
  const plain: Format[] = ["csv", "xlsx", "parquet"];
  return name === "trips" || name === "stops" ? [...plain, "gpx", "geojson"] : plain;
}

export function emptyRows(name: TableName): HTMLElement {
  const advice: Record<TableName, [string, string]> = {
    hourly: ["No positions in this period.", "Choose another period or other trucks."],
    trips: ["No trips in this period.", "A trip needs 200 m and 180 s of movement."],
    stops: ["No stops in this period.", "A stop is a truck that stays within 200 m for 180 s."],
    visits: [
      "No geofence visits in this period.",
      "Visits appear once a truck was inside one of the geofences; draw them on the live dashboard or import a file.",
    ],
  };
  return nothing(...advice[name]);
}

export async function drawRows(place: Site): Promise<Drawn> {
  const { view } = place;
  const query = filter(view, view.period);
  const cursor = view.cursors.at(-1) ?? null;
  const page = await askRows(view.table, query, cursor);
  const single = page.next === null && view.cursors.length === 0;
  const first = view.cursors.length * 1000;
  const tabs = element(
    "nav",
    { class: "presets no-print", attributes: { "aria-label": "Tables" } },
    ...TABLES.map((name) =>
      element("a", {
        class: "button",
        text: TITLES[name],
        attributes: {
          href: place.href({ table: name }),
          "data-view": "",
          "aria-current": name === view.table ? "true" : null,
        },
      }),
    ),
  );
  const body = table({
    caption: TITLES[view.table],
    columns: columns(place, view.table),
    rows: page.items,
    sort: single ? view.sort : null,
    ...(single ? { onSort: (sort: string) => place.go({ sort }, true) } : {}),
    empty: emptyRows(view.table),
  });
  const pages = single
    ? null
    : pager({
        first,
        shown: page.items.length,
        total: page.total ?? null,
        previous: view.cursors.length ? () => place.go({ cursors: view.cursors.slice(0, -1) }) : null,
        next: page.next === null ? null : () => place.go({ cursors: [...view.cursors, page.next as string] }),
      });
  const note = single
    ? `${number(page.items.length)} rows, times in ${view.tz}`
    : `times in ${view.tz}; narrow the filter to 1,000 rows to sort them`;
  return {
    nodes: [
      tabs,
      section(
        TITLES[view.table],
        note,
        exports(view.table, query, single ? view.sort : null, formatsOf(view.table)),
        body,
        pages,
      ),
    ],
    answer: page,
  };
}
