/** The first screen: how far, how long driving and idling, which trucks stand out, and is the data complete. */

import { element } from "../shared/dom";
import { count, km, kmh, minutes, number, percent } from "../shared/format";
import { dayLabel } from "../shared/time";
import type { Fleet } from "./answers";
import { bars } from "./bars";
import { askFleet } from "./data";
import { completeness, dayBars, figure, mainFigures, timeStep } from "./figures";
import { heatmap } from "./heatmap";
import { daysOf, fleetHours, idleShare, minuteScale, sorted, standouts, type Measure } from "./model";
import { linkTo, nothing, section, type Drawn, type Site } from "./page";
import { before } from "./periods";
import { days, trucks } from "./fleet_tables";
import { table } from "./table";

export async function drawFleet(place: Site): Promise<Drawn> {
  const { view } = place;
  const fleet = await askFleet(view, view.period);
  if (!fleet.previous?.days && fleet.previous) {
    // Only a line behind the columns: without it the page is still right.
    const earlier = await askFleet(view, before(view.period)).catch(() => null);
    if (earlier) fleet.previous.days = earlier.days;
  }
  if (!fleet.totals.positions) return { nodes: [empty(place)], answer: fleet };
  return {
    nodes: [
      element("div", { class: "cards" }, ...cards(place, fleet)),
      key(fleet),
      strip(place, fleet),
      element("div", { class: "two" }, oddities(place, fleet), speeds(place, fleet)),
      utilisation(place, fleet),
      trucks(place, fleet),
      days(place, fleet),
    ],
    answer: fleet,
  };
}

function empty(place: Site): HTMLElement {
  const { first, last } = place.range;
  if (!first || !last) {
    return nothing(
      "The archive is empty.",
      "Start truckstream run or truckstream replay with the same data directory; this page asks again every minute.",
    );
  }
  return nothing(
    "No positions in this period.",
    `The archive has data from ${dayLabel(first)} to ${dayLabel(last)}: choose "Latest data" above, or another period or truck.`,
  );
}

function cards(place: Site, fleet: Fleet): HTMLElement[] {
  const { value, note } = completeness(place, fleet);
  const days = daysOf(place.view.period, fleet.days);
  return [
    ...mainFigures(place, fleet, place.view.trucks),
    figure(place, {
      title: "Data",
      value,
      note,
      rows: { changes: { screen: "quality" }, text: "Data quality", name: "Data quality of this period" },
      chart: bars({
        name: "Silent time by day, all trucks together",
        tone: "gap",
        scale: minuteScale,
        step: timeStep,
        bars: dayBars(place, days, (day) => day.gap_minutes, minutes).map((bar) => ({ ...bar, lacking: false })),
      }),
    }),
  ];
}

/** What the marks in the charts above mean; only those that can occur. */
function key(fleet: Fleet): HTMLElement {
  const entry = (kind: string, text: string): HTMLElement =>
    element("span", {}, element("i", { class: `key-${kind}` }), text);
  return element(
    "p",
    { class: "chart-key quiet", attributes: { "aria-hidden": "true" } },
    fleet.previous?.days?.length ? entry("before", "the period before") : null,
    entry("gap", "no positions"),
    fleet.days.length > 2 ? entry("lacking", "far more silence than on other days") : null,
  );
}

/** Counts that need no chart, each with the rows it came from. */
function strip(place: Site, { totals, previous }: Fleet): HTMLElement {
  const entry = (
    label: string,
    value: string,
    then: number | null | undefined,
    changes: Parameters<Site["href"]>[0],
  ): HTMLElement =>
    element(
      "div",
      {},
      element("dt", { text: label }),
      element(
        "dd",
        {},
        linkTo(place, changes, value, `${label}: ${value}`),
        then === undefined || then === null
          ? null
          : element("span", { class: "quiet", text: ` before: ${number(then)}` }),
      ),
    );
  const share = idleShare(totals);
  return element(
    "dl",
    { class: "strip card" },
    entry("Trucks", number(totals.trucks), previous?.trucks, { screen: "fleet" }),
    entry("Trips", number(totals.trips), previous?.trips, { screen: "rows", table: "trips" }),
    entry("Stops", number(totals.stops), previous?.stops, { screen: "rows", table: "stops" }),
    entry("Positions", number(totals.positions), previous?.positions, {
      screen: "rows",
      table: "hourly",
    }),
    element("div", {}, element("dt", { text: "Idling of engine time" }), element("dd", { text: percent(share) })),
  );
}

const MEASURES: Record<Measure, { words: string; show: (value: number | null) => string }> = {
  distance_km: { words: "drove", show: km },
  driving_minutes: { words: "drove", show: minutes },
  idle_minutes: { words: "idled", show: minutes },
  idle_share: { words: "idled for", show: (value) => `${percent(value)} of its engine time` },
  max_speed_kmh: { words: "reached", show: (value) => kmh(value, 0) },
  positions: { words: "sent only", show: (value) => count(value, "position") },
};

function oddities(place: Site, fleet: Fleet): HTMLElement {
  const found = standouts(fleet.trucks);
  const list = element("ul", { class: "oddities" });
  for (const { truck_id, measure, value, median } of found) {
    const { words, show } = MEASURES[measure];
    const middle = measure === "idle_share" ? percent(median) : show(median);
    list.append(
      element(
        "li",
        { class: measure.startsWith("idle") ? "idling" : measure === "max_speed_kmh" ? "fast" : "" },
        linkTo(place, { screen: "truck", truck: truck_id, trucks: [] }, truck_id),
        element("span", { text: ` ${words} ${show(value)}` }),
        element("span", { class: "quiet", text: `the fleet's middle: ${middle}` }),
      ),
    );
  }
  return section(
    "Trucks that stand out",
    "far from the fleet's middle",
    found.length
      ? list
      : nothing(
          fleet.trucks.length < 4 ? "Too few trucks to compare." : "No truck stands out.",
          fleet.trucks.length < 4
            ? "With four trucks or more, those far from the middle are named here."
            : "All are close to the middle in distance, idling and top speed.",
        ),
  );
}

export function speeds(place: Site, { speeds: { edges_kmh, minutes: driven } }: Pick<Fleet, "speeds">): HTMLElement {
  const total = driven.reduce((sum, value) => sum + value, 0);
  const name = (bin: number): string => {
    const [from, to] = [edges_kmh[bin] ?? 0, edges_kmh[bin + 1]];
    return to === undefined || bin === driven.length - 1
      ? `${number(from)} km/h and more`
      : `${number(from)}\u2013${number(to)} km/h`;
  };
  const every = driven.length > 14 ? 2 : 1;
  const alternative = element(
    "details",
    { class: "alternative" },
    element("summary", { text: "Speeds as a table" }),
    table({
      caption: "Time by speed",
      columns: [
        { key: "bin", label: "Speed", show: ({ bin }: { bin: number }) => name(bin) },
        { key: "time", label: "Time", figure: true, show: ({ bin }: { bin: number }) => minutes(driven[bin]) },
        {
          key: "share",
          label: "Share",
          figure: true,
          show: ({ bin }: { bin: number }) => percent(total ? (driven[bin] as number) / total : null, 1),
        },
      ],
      rows: driven.map((_, bin) => ({ bin })),
      sort: null,
      empty: nothing("No speeds.", "The positions of this period carry none."),
    }),
  );
  return section(
    "Speeds",
    "time at each speed, in km/h",
    total
      ? bars({
          name: "Time by speed",
          tone: "moving",
          touching: true,
          height: 168,
          scale: minuteScale,
          step: timeStep,
          bars: driven.map((value, bin) => ({
            name: `${name(bin)}: ${minutes(value)}`,
            value,
            tick: bin % every === 0 ? number(edges_kmh[bin]) : "",
            href: place.href({ screen: "rows", table: "hourly" }),
          })),
        })
      : nothing("No speeds.", "The positions of this period carry none."),
    total ? alternative : null,
  );
}

function utilisation(place: Site, fleet: Fleet): HTMLElement {
  const order = sorted(fleet.trucks, place.view.sort ?? "-driving_minutes").map(({ truck_id }) => truck_id);
  const busiest = fleetHours(fleet.heatmap);
  const most = Math.max(0, ...busiest.map((value) => value ?? 0));
  const [drawn, all] = [fleet.heatmap.trucks.length, fleet.trucks.length];
  const which = drawn < all ? `the ${number(drawn)} of ${count(all, "truck")} that drove most` : "all trucks";
  return section(
    "Utilisation",
    most ? `time driven; ${which}, in the order of the table below` : "no driving in this period",
    heatmap(place, fleet.heatmap, order),
  );
}
