/** Data quality: what is missing, what came twice, late, or was set aside; per day, per truck, per reason. */

import { element } from "../shared/dom";
import { count, minutes, number, percent } from "../shared/format";
import { dayLabel } from "../shared/time";
import type { Quality, QualityCounts } from "./answers";
import { bars } from "./bars";
import { askQuality, filter } from "./data";
import { dayTick, plainStep, timeStep } from "./figures";
import { alike, countScale, minuteScale, shareOf } from "./model";
import { linkTo, localText, nothing, section, type Drawn, type Site } from "./page";
import { dates } from "./periods";
import { exports, table, type Column } from "./table";

type DayRow = Quality["days"][number];

export async function drawQuality(place: Site): Promise<Drawn> {
  const { view } = place;
  const quality = await askQuality(view, view.period);
  return {
    nodes: [
      element("div", { class: "cards quality" }, ...cards(place, quality)),
      days(place, quality),
      element("div", { class: "two" }, trucks(place, quality), reasons(quality)),
      gaps(place, quality),
    ],
    answer: quality,
  };
}

const COUNTS: { key: keyof QualityCounts; title: string; note: string }[] = [
  { key: "gap_minutes", title: "Silent", note: "of more than 5 minutes, parked or not" },
  { key: "duplicates", title: "Duplicates", note: "the same truck and time again; the first one counts" },
  { key: "late", title: "Late", note: "older than the newest position when they came; they count" },
  { key: "rejected", title: "Rejected", note: "set aside with their reason; they do not count" },
];

function cards(place: Site, quality: Quality): HTMLElement[] {
  const byDate = new Map(quality.days.map((day) => [day.date, day]));
  const all = dates(place.view.period);
  return COUNTS.map(({ key, title, note }) => {
    const show = key === "gap_minutes" ? minutes : (value: number | null) => number(value);
    const total = quality.totals[key];
    const share = key === "gap_minutes" ? null : shareOf(total, quality.days, key);
    return element(
      "section",
      { class: "card figure" },
      element("header", { class: "card-head" }, element("h2", { text: title })),
      element("p", { class: "value", text: show(total) }),
      element("p", {
        class: "quiet note",
        text:
          key === "gap_minutes"
            ? `${count(quality.totals.gaps, "silence")} ${note}`
            : `${note}${share === null ? "" : `, ${shareText(share)}`}`,
      }),
      bars({
        name: `${title} by day`,
        tone: key === "gap_minutes" ? "gap" : "plain",
        scale: key === "gap_minutes" ? minuteScale : countScale,
        step: key === "gap_minutes" ? timeStep : plainStep,
        bars: all.map((date) => {
          const day = byDate.get(date);
          const value = day?.positions || day?.[key] ? (day[key] ?? null) : null;
          return {
            name: `${dayLabel(date)}: ${day ? show(value) : "no positions"}`,
            value,
            tick: dayTick(date, all.length),
            href: place.href({ period: { from: date, to: date } }),
          };
        }),
      }),
    );
  });
}

function shareText(share: number): string {
  return share < 0.0005 ? "less than 0.1\u00a0%" : percent(share, 1);
}

const FIGURES: Column<QualityCounts>[] = [
  { key: "positions", label: "Positions", figure: true, show: (row) => number(row.positions) },
  { key: "gaps", label: "Silences", figure: true, show: (row) => number(row.gaps) },
  { key: "gap_minutes", label: "Silent", figure: true, show: (row) => minutes(row.gap_minutes) },
  { key: "duplicates", label: "Duplicates", figure: true, show: (row) => number(row.duplicates) },
  { key: "late", label: "Late", figure: true, show: (row) => number(row.late) },
  { key: "rejected", label: "Rejected", figure: true, show: (row) => number(row.rejected) },
];

function days(place: Site, quality: Quality): HTMLElement {
  const known = new Map(quality.days.map((day) => [day.date, day]));
  const nothingKnown = {
    hours: 24,
    positions: 0,
    gaps: 0,
    gap_minutes: null,
    duplicates: null,
    late: null,
    rejected: null,
  };
  const rows: DayRow[] = dates(place.view.period).map((date) => known.get(date) ?? { date, ...nothingKnown });
  return section(
    "Days",
    `local days of ${place.view.tz}`,
    exports("quality_days", filter(place.view, place.view.period)),
    table<DayRow>({
      caption: "Data quality by day",
      columns: [
        {
          key: "date",
          label: "Day",
          show: ({ date }) => linkTo(place, { period: { from: date, to: date } }, dayLabel(date)),
        },
        ...FIGURES,
        { key: "said", label: "Data", show: (row) => words(row) },
      ],
      rows,
      sort: null,
      empty: nothing("No days.", "Choose another period."),
      tall: true,
    }),
  );
}

function words(row: QualityCounts): HTMLElement {
  if (!row.positions) return element("span", { class: "lack", text: "no positions" });
  return element("span", { class: "quiet", text: row.gaps || row.gap_minutes ? "silences" : "complete" });
}

function trucks(place: Site, quality: Quality): HTMLElement {
  const sort = place.view.sort ?? "-gap_minutes";
  return section(
    "Trucks",
    count(quality.trucks.length, "truck"),
    exports("quality_trucks", filter(place.view, place.view.period), sort),
    table({
      caption: "Data quality by truck",
      columns: [
        {
          key: "truck_id",
          label: "Truck",
          show: ({ truck_id }: Quality["trucks"][number]) =>
            linkTo(place, { screen: "truck", truck: truck_id, trucks: [] }, truck_id),
        },
        ...FIGURES,
      ],
      rows: quality.trucks,
      sort,
      onSort: (next) => place.go({ sort: next }, true),
      empty: nothing("No trucks.", "No truck sent anything in this period."),
      tall: true,
    }),
  );
}

function reasons(quality: Quality): HTMLElement {
  return section(
    "Rejected, by reason",
    null,
    table({
      caption: "Rejected records by reason",
      columns: [
        { key: "reason", label: "Reason", show: ({ reason }: Quality["reasons"][number]) => reason },
        { key: "count", label: "Records", figure: true, show: ({ count: records }) => number(records) },
      ],
      rows: alike(quality.reasons),
      sort: "-count",
      empty: nothing(
        "Nothing was rejected.",
        "Records that break a rule are kept with their reason: truckstream rejected lists them.",
      ),
    }),
  );
}

function gaps(place: Site, quality: Quality): HTMLElement {
  return section(
    "Silences",
    `the longest first, times in ${place.view.tz}`,
    exports("gaps", filter(place.view, place.view.period), "-minutes"),
    table({
      caption: "Silences",
      columns: [
        {
          key: "truck_id",
          label: "Truck",
          show: ({ truck_id }: Quality["gaps"][number]) =>
            linkTo(place, { screen: "truck", truck: truck_id, trucks: [] }, truck_id),
        },
        { key: "start", label: "Last heard", show: ({ start }) => localText(start, place.view.tz) },
        { key: "end", label: "Heard again", show: ({ end }) => localText(end, place.view.tz) },
        { key: "minutes", label: "Silent", figure: true, show: (row) => minutes(row.minutes) },
      ],
      rows: quality.gaps,
      sort: "-minutes",
      empty: nothing("No silences.", "No truck was silent for more than 5 minutes."),
      tall: true,
    }),
  );
}
