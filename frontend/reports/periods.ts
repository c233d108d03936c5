/** Periods of whole local days: presets, the period before, and the one to start with. */

import { addDays, daysBetween, isDate, localDate } from "../shared/time";
import type { Range } from "./answers";

/** Both days included. */
export interface Period {
  from: string;
  to: string;
}

export type Preset = "today" | "yesterday" | "last7" | "last28" | "lastmonth" | "latest";

export const PRESETS: { preset: Preset; label: string }[] = [
  { preset: "today", label: "Today" },
  { preset: "yesterday", label: "Yesterday" },
  { preset: "last7", label: "Last 7 days" },
  { preset: "last28", label: "Last 28 days" },
  { preset: "lastmonth", label: "Last month" },
  { preset: "latest", label: "Latest data" },
];

export function isPreset(text: string | null): text is Preset {
  return PRESETS.some(({ preset }) => preset === text);
}

/** How many days a period has. */
export function length(period: Period): number {
  return daysBetween(period.from, period.to) + 1;
}

/** The dates of a period, at most `limit` of them. */
export function dates(period: Period, limit = 1000): string[] {
  return Array.from({ length: Math.min(length(period), limit) }, (_, place) => addDays(period.from, place));
}

export function isPeriod(from: string | null, to: string | null): boolean {
  return from !== null && to !== null && isDate(from) && isDate(to) && from <= to;
}

/** The period as long as this one that ends the day before it. */
export function before(period: Period): Period {
  const days = length(period);
  return { from: addDays(period.from, -days), to: addDays(period.from, -1) };
}

/** What a preset means today; full days only, but for "today" itself. */
export function resolve(preset: Preset, now_ms: number, zone: string, range: Pick<Range, "first" | "last">): Period {
  const today = localDate(now_ms, zone);
  const yesterday = addDays(today, -1);
  switch (preset) {
    case "today":
      return { from: today, to: today };
    case "yesterday":
      return { from: yesterday, to: yesterday };
    case "last7":
      return { from: addDays(today, -7), to: yesterday };
    case "last28":
      return { from: addDays(today, -28), to: yesterday };
    case "lastmonth": {
      const to = addDays(`${today.slice(0, 7)}-01`, -1);
      return { from: `${to.slice(0, 7)}-01`, to };
    }
    case "latest": {
      const to = range.last ?? today;
      const week = addDays(to, -6);
      return { from: range.first && range.first > week ? range.first : week, to };
    }
  }
}

/** Which preset a period is today, if any. */
export function presetOf(
  period: Period,
  now_ms: number,
  zone: string,
  range: Pick<Range, "first" | "last">,
): Preset | null {
  const found = PRESETS.find(({ preset }) => {
    const meant = resolve(preset, now_ms, zone, range);
    return meant.from === period.from && meant.to === period.to;
  });
  return found?.preset ?? null;
}
