/** What the page shows, and its URL: the one is always made from the other, so a link shares the view. */

import { isZone } from "../shared/time";
import { isPeriod, isPreset, type Period, type Preset } from "./periods";

export const SCREENS = ["fleet", "truck", "quality", "compare", "rows", "links"] as const;
export type Screen = (typeof SCREENS)[number];

/** The tables that can be looked at row by row. */
export const TABLES = ["hourly", "trips", "stops", "visits"] as const;
export type TableName = (typeof TABLES)[number];

export interface View {
  screen: Screen;
  /** Null until the archive's range is known. */
  period: Period | null;
  /** A period that is relative to today, as saved links may have; resolved once when the page opens. */
  preset: Preset | null;
  tz: string;
  /** Only these trucks; empty means all. */
  trucks: string[];
  /** The truck of the truck screen. */
  truck: string | null;
  table: TableName;
  /** Sorting of the screen's main table: a column's key, `-` first for descending. */
  sort: string | null;
  /** What period is compared with; null means the one before. */
  other: Period | null;
  /** Cursors of the pages of rows before this one, and of this one; empty on the first. */
  cursors: string[];
}

const oneOf = <Name extends string>(names: readonly Name[], text: string | null, otherwise: Name): Name =>
  names.find((name) => name === text) ?? otherwise;

/** Reads a query string; what it does not say, or says wrongly, gets its default. */
export function parseView(query: string, defaultZone: string): View {
  const asked = new URLSearchParams(query);
  const [from, to, tz, preset] = [asked.get("from"), asked.get("to"), asked.get("tz"), asked.get("period")];
  const [otherFrom, otherTo] = [asked.get("other_from"), asked.get("other_to")];
  return {
    screen: oneOf(SCREENS, asked.get("view"), "fleet"),
    period: isPeriod(from, to) ? { from: from as string, to: to as string } : null,
    preset: isPreset(preset) ? preset : null,
    tz: tz && isZone(tz) ? tz : defaultZone,
    trucks: [...new Set(asked.getAll("trucks").flatMap((ids) => ids.split(",")))].filter(Boolean),
    truck: asked.get("truck") || null,
    table: oneOf(TABLES, asked.get("table"), "hourly"),
    sort: asked.get("sort") || null,
    other: isPeriod(otherFrom, otherTo) ? { from: otherFrom as string, to: otherTo as string } : null,
    cursors: asked.getAll("page"),
  };
}

/** Writes the query string (with `?`) of a view: only what the screen uses, always in the same order. */
export function viewQuery(view: View): string {
  const said = new URLSearchParams();
  if (view.screen !== "fleet") said.set("view", view.screen);
  if (view.preset) said.set("period", view.preset);
  else if (view.period) {
    said.set("from", view.period.from);
    said.set("to", view.period.to);
  }
  said.set("tz", view.tz);
  if (view.trucks.length && view.screen !== "truck") said.set("trucks", view.trucks.join(","));
  if (view.truck && view.screen === "truck") said.set("truck", view.truck);
  if (view.screen === "rows") {
    said.set("table", view.table);
    for (const cursor of view.cursors) said.append("page", cursor);
  }
  if (view.sort) said.set("sort", view.sort);
  if (view.other && view.screen === "compare") {
    said.set("other_from", view.other.from);
    said.set("other_to", view.other.to);
  }
  // Slashes, colons and commas are fine in a query and far easier to read.
  return `?${said.toString().replaceAll("%2F", "/").replaceAll("%2C", ",").replaceAll("%3A", ":")}`;
}

/** A view that differs in some things; page and sorting start anew where they no longer fit. */
export function change(view: View, changes: Partial<View>): View {
  const next = { ...view, preset: null, ...changes };
  const moved = next.screen !== view.screen || next.table !== view.table;
  if (moved && !("sort" in changes)) next.sort = null;
  if (!("cursors" in changes)) next.cursors = [];
  return next;
}
