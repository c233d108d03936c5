/** One truck: its figures, its route coloured by speed, its trips, stops and visits, and its hourly statistics. */

import { element, icon, ICONS } from "../shared/dom";
import { count, kmh, minutes, number, percent } from "../shared/format";
import type { Fleet, Page, Route, Row } from "./answers";
import { askFleet, askRoute, askRows, filter } from "./data";
import { mainFigures } from "./figures";
import { searchTrucks } from "./filters";
import { speeds } from "./fleet";
import { idleShare } from "./model";
import { instant, nothing, section, type Drawn, type Site } from "./page";
import { picker } from "./picker";
import { columns, emptyRows, formatsOf, TITLES } from "./rows";
import { spans, strips } from "./strips";
import { exports, table, type Column } from "./table";
import type { TableName } from "./view";

export async function drawTruck(place: Site): Promise<Drawn> {
  const { view, range } = place;
  const truck_id = view.truck ?? view.trucks[0] ?? range.trucks[0];
  if (!truck_id) {
    return { nodes: [nothing("No trucks yet.", "Trucks appear once the archive holds positions.")], answer: null };
  }
  const alone = { ...view, truck: truck_id, trucks: [truck_id] };
  const query = filter(alone, view.period);
  const [fleet, trips, stops, visits, hourly, route] = await Promise.all([
    askFleet(alone, view.period),
    askRows("trips", query),
    askRows("stops", query),
    askRows("visits", query),
    askRows("hourly", query),
    askRoute(alone, view.period, truck_id),
  ]);
  const chooser = choose(place, truck_id);
  if (!fleet.totals.positions) {
    const empty = nothing(`No positions of ${truck_id} in this period.`, "Choose another period or another truck.");
    return { nodes: [chooser, empty], answer: fleet };
  }
  const map = way(place, truck_id, route, stops.items);
  const rows = (name: TableName, page: Page<Row>): HTMLElement => rowTable(place, truck_id, name, page, map.show);
  return {
    nodes: [
      chooser,
      element("div", { class: "cards" }, ...mainFigures(place, fleet, [truck_id])),
      map.node,
      days(place, trips.items, stops.items, map.show),
      rows("trips", trips),
      element("div", { class: "two" }, rows("stops", stops), rows("visits", visits)),
      element("div", { class: "two" }, speeds(place, fleet), facts(fleet)),
      rows("hourly", hourly),
    ],
    answer: fleet,
  };
}

/** Which truck: a search over all, and the one before and after by name. */
function choose(place: Site, truck_id: string): HTMLElement {
  const { trucks } = place.range;
  const at = trucks.indexOf(truck_id);
  const step = (by: number, name: string, path: string): HTMLElement => {
    const other = at < 0 ? undefined : trucks[at + by];
    const button = element("button", {
      class: "icon",
      attributes: { type: "button", "aria-label": name, disabled: other === undefined },
      on: { click: () => other && place.go({ truck: other }) },
    });
    button.append(icon(path));
    return button;
  };
  return element(
    "div",
    { class: "chooser no-print" },
    picker({
      label: "Truck",
      value: truck_id,
      search: (asked) => searchTrucks(trucks, asked),
      choose: (truck) => place.go({ truck }),
      nothing: "No truck has this in its name",
    }),
    step(-1, "The truck before", ICONS.up),
    step(1, "The truck after", ICONS.down),
    element("span", {
      class: "quiet",
      text: at < 0 ? "not in the archive" : `${number(at + 1)} of ${count(trucks.length, "truck")}`,
    }),
  );
}

function facts(fleet: Fleet): HTMLElement {
  const row = fleet.trucks[0];
  const gap = fleet.days.reduce((sum, day) => sum + (day.gap_minutes ?? 0), 0);
  const entries: [string, string][] = [
    ["Trips begun", number(fleet.totals.trips)],
    ["Stops begun", number(fleet.totals.stops)],
    ["Average speed", kmh(row?.average_speed_kmh)],
    ["Top speed", kmh(row?.max_speed_kmh)],
    ["Idling of engine time", percent(idleShare(fleet.totals))],
    ["Positions", number(fleet.totals.positions)],
    ["Silent", minutes(gap)],
  ];
  return section(
    "In figures",
    null,
    element(
      "dl",
      { class: "facts" },
      ...entries.map(([label, value]) =>
        element("div", {}, element("dt", { text: label }), element("dd", { text: value })),
      ),
    ),
  );
}

function days(
  place: Site,
  trips: readonly Row[],
  stops: readonly Row[],
  show: (from_ms: number, to_ms: number) => void,
): HTMLElement {
  const { period, tz } = place.view;
  return section(
    "Days",
    "tall: trips, low: stops; choose one to see it on the map",
    strips(spans(trips, stops), period, tz, (span) => show(span.from_ms, span.to_ms)),
  );
}

type Show = (from_ms: number, to_ms: number) => void;

/** The column that says when, as a button that shows the row on the map. */
function onMap(column: Column<Row>, show: Show): Column<Row> {
  const begin = (row: Row): number | null => instant(row.start ?? row.arrive);
  return {
    ...column,
    show: (row) => {
      const from_ms = begin(row);
      const words = column.show(row);
      if (from_ms === null) return words;
      const to_ms = instant(row.end ?? row.leave) ?? Number.MAX_SAFE_INTEGER;
      return element(
        "button",
        {
          class: "plain link",
          attributes: { type: "button", title: "Show on the map" },
          on: { click: () => show(from_ms, to_ms) },
        },
        words,
      );
    },
  };
}

function rowTable(place: Site, truck_id: string, name: TableName, page: Page<Row>, show: Show): HTMLElement {
  const { view } = place;
  const key = `${name}:`;
  const sort = view.sort?.startsWith(key) ? view.sort.slice(key.length) : null;
  const query = filter(view, view.period, [truck_id]);
  const more =
    page.next === null
      ? null
      : element(
          "p",
          {},
          element("a", {
            text: "There are more rows: see them all",
            attributes: { "data-view": "", href: place.href({ screen: "rows", table: name, trucks: [truck_id] }) },
          }),
        );
  return section(
    TITLES[name],
    name === "hourly" ? count(page.items.length, "hour") : count(page.items.length, name.slice(0, -1)),
    exports(name, query, sort, formatsOf(name)),
    table({
      caption: TITLES[name],
      columns: columns(place, name, true).map((column) =>
        column.key === "start" || column.key === "arrive" ? onMap(column, show) : column,
      ),
      rows: page.items,
      sort,
      onSort: (next) => place.go({ sort: `${key}${next}` }, true),
      empty: emptyRows(name),
      tall: true,
    }),
    more,
  );
}

/** The route's map: MapLibre comes only when this screen is looked at. */
function way(
  place: Site,
  truck_id: string,
  route: Route,
  stops: readonly Row[],
): { node: HTMLElement; show: (from_ms: number, to_ms: number) => void } {
  const holder = element("div", { class: "map", attributes: { role: "region", "aria-label": `Route of ${truck_id}` } });
  const query = { ...filter(place.view, place.view.period, [truck_id]), truck: truck_id };
  const node = section(
    "Route",
    `${count(route.rows.filter((row) => row !== null).length, "position")}${route.every > 1 ? ` (one in ${number(route.every)})` : ""}, coloured by speed`,
    exports("route", query, null, ["gpx", "geojson", "csv"]),
    holder,
  );
  const drawn = import("./route_map").then(({ routeMap }) => routeMap(holder, route, stops, place.view.tz));
  drawn.catch((error: unknown) => {
    holder.replaceChildren(
      nothing("The map cannot be drawn here.", `${String(error)}. The tables below hold the same trips and stops.`),
    );
  });
  return {
    node,
    show: (from_ms, to_ms) => {
      void drawn.then((map) => map.show(from_ms, to_ms)).catch(() => undefined);
      holder.scrollIntoView({ block: "nearest" });
    },
  };
}
