/** Figures made from the answers: scales, medians, and which trucks stand out. Pure, no page. */

import type { Day, Fleet, HeatMap, QualityCounts, TruckRow } from "./answers";
import { dates, type Period } from "./periods";

const known = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && Number.isFinite(value);

/** The middle value of those known; null when none is. */
export function median(values: readonly (number | null | undefined)[]): number | null {
  const sorted = values.filter(known).sort((one, other) => one - other);
  if (!sorted.length) return null;
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] as number;
  return sorted.length % 2 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** The share that a count has in the positions of the days it is known of; null when it is 0 or unknown. */
export function shareOf(total: number | null, days: readonly QualityCounts[], key: keyof QualityCounts): number | null {
  if (!total) return null;
  const positions = days.reduce((sum, day) => sum + (known(day[key]) ? day.positions : 0), 0);
  return total / (positions + total);
}

/** A round top of a scale that starts at 0, and its steps: at most `most` of them. */
export function scale(largest: number, most = 4): { top: number; steps: number[] } {
  if (!(largest > 0)) return { top: 1, steps: [0, 1] };
  const rough = largest / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((size) => size * power).find((size) => size * most >= largest * 0.9999) as number;
  const count = Math.ceil(largest / step - 1e-9);
  const steps = Array.from({ length: count + 1 }, (_, place) => Number((place * step).toPrecision(12)));
  return { top: steps.at(-1) as number, steps };
}

/** A scale of things one counts: no half ones. */
export function countScale(largest: number, most = 4): { top: number; steps: number[] } {
  if (largest > most) return scale(largest, most);
  const top = Math.max(1, Math.ceil(largest));
  return { top, steps: Array.from({ length: top + 1 }, (_, place) => place) };
}

/** Round steps for minutes: hours where there are many. */
export function minuteScale(largest: number, most = 4): { top: number; steps: number[] } {
  if (largest <= 60) return scale(largest, most);
  const hours = scale(largest / 60, most);
  return { top: hours.top * 60, steps: hours.steps.map((step) => step * 60) };
}

/** The days of a period in order; null where the server has none. */
export function daysOf(period: Period, days: readonly Day[]): (Day | null)[] {
  const byDate = new Map(days.map((day) => [day.date, day]));
  return dates(period).map((date) => byDate.get(date) ?? null);
}

/** Silence counts as unusual above this share of the trucks' time (driving, idling, silent)... */
const SILENT_SHARE = 0.02;
/** ...and above so many times the middle of the period's days: trucks are silent every night. */
const SILENT_TIMES = 1.5;

/** For each day whether data is missing: nothing at all, or far more silence than on the other days. */
export function lacking(days: readonly (Day | null)[]): boolean[] {
  const heard = days.filter((day) => day !== null && day.positions > 0) as Day[];
  const usual = heard.length > 2 ? median(heard.map((day) => day.gap_minutes)) : null;
  return days.map((day) => {
    if (day === null || day.positions === 0) return true;
    const silent = day.gap_minutes ?? 0;
    const time = (day.driving_minutes ?? 0) + (day.idle_minutes ?? 0) + silent;
    return usual !== null && silent > SILENT_TIMES * usual && silent > SILENT_SHARE * time;
  });
}

export type Measure = "distance_km" | "driving_minutes" | "idle_minutes" | "idle_share" | "max_speed_kmh" | "positions";

/** A truck far from the fleet's middle, in one measure. */
export interface Standout {
  truck_id: string;
  measure: Measure;
  value: number;
  median: number;
  /** How many median absolute deviations away. */
  score: number;
}

const HIGH: Measure[] = ["idle_minutes", "idle_share", "max_speed_kmh", "distance_km"];
const LOW: Measure[] = ["distance_km", "positions"];

/**
 * Trucks that stand out, the strangest first: more than `least` median absolute deviations from the median.
 *
 * At most one entry per truck and `perMeasure` per measure, so that one odd truck does not fill the list. The
 * deviation counts as at least a tenth of the median: in a uniform fleet small differences mean nothing.
 */
export function standouts(rows: readonly TruckRow[], most = 5, least = 3, perMeasure = 2): Standout[] {
  if (rows.length < 4) return [];
  const found: Standout[] = [];
  for (const [measures, sign] of [
    [HIGH, 1],
    [LOW, -1],
  ] as const) {
    for (const measure of measures) {
      const values = rows.map((row) => row[measure]);
      const middle = median(values);
      if (middle === null) continue;
      const spread = median(values.map((value) => (known(value) ? Math.abs(value - middle) : null))) as number;
      const unit = Math.max(spread, Math.abs(middle) / 10, 1e-9);
      rows.forEach((row, place) => {
        const value = values[place];
        if (!known(value)) return;
        const score = (sign * (value - middle)) / unit;
        if (score > least) found.push({ truck_id: row.truck_id, measure, value, median: middle, score });
      });
    }
  }
  found.sort((one, other) => other.score - one.score || one.truck_id.localeCompare(other.truck_id));
  const seen = new Set<string>();
  const used = new Map<Measure, number>();
  return found
    .filter(({ truck_id, measure }) => {
      const times = used.get(measure) ?? 0;
      if (seen.has(truck_id) || times >= perMeasure) return false;
      seen.add(truck_id);
      used.set(measure, times + 1);
      return true;
    })
    .slice(0, most);
}

/** Sorted by a column (`-` first: descending); unknown comes last either way, ties by truck. */
export function sorted<Row extends object>(rows: readonly Row[], sort: string): Row[] {
  const descending = sort.startsWith("-");
  const key = (descending ? sort.slice(1) : sort) as keyof Row;
  const compare = (one: unknown, other: unknown): number =>
    typeof one === "number" && typeof other === "number"
      ? one - other
      : String(one).localeCompare(String(other), "en", { numeric: true });
  return rows
    .map((row, place) => ({ row, place }))
    .sort((one, other) => {
      const [first, second] = [one.row[key], other.row[key]];
      const [noFirst, noSecond] = [first ?? null, second ?? null].map((value) => value === null);
      if (noFirst || noSecond) return noFirst && noSecond ? one.place - other.place : noFirst ? 1 : -1;
      return (descending ? -compare(first, second) : compare(first, second)) || one.place - other.place;
    })
    .map(({ row }) => row);
}

/** The heat map's rows in another order of trucks; trucks it does not have are left out. */
export function heatRows(map: HeatMap, trucks: readonly string[]): { truck_id: string; minutes: (number | null)[] }[] {
  const places = new Map(map.trucks.map((truck_id, place) => [truck_id, place]));
  return trucks.flatMap((truck_id) => {
    const place = places.get(truck_id);
    return place === undefined ? [] : [{ truck_id, minutes: map.minutes[place] ?? [] }];
  });
}

/** The heat map with a column for each day; null where no hour of the day has positions. */
export function heatDays(map: HeatMap, dateOf: (hour: string) => string): HeatMap {
  const days = new Map<string, number[]>();
  map.hours.forEach((hour, place) => {
    const date = dateOf(hour);
    const places = days.get(date);
    if (places) places.push(place);
    else days.set(date, [place]);
  });
  const columns = [...days.values()];
  return {
    trucks: map.trucks,
    hours: columns.map(([first]) => map.hours[first as number] as string),
    minutes: map.minutes.map((row) =>
      columns.map((places) => {
        const cells = places.map((place) => row[place]).filter(known);
        return cells.length ? cells.reduce((sum, minutes) => sum + minutes, 0) : null;
      }),
    ),
  };
}

/** Minutes driven by the whole fleet in each hour of the heat map; null where no truck sent anything. */
export function fleetHours(map: HeatMap): (number | null)[] {
  return map.hours.map((_, hour) => {
    const cells = map.minutes.map((row) => row[hour]).filter(known);
    return cells.length ? cells.reduce((sum, minutes) => sum + minutes, 0) : null;
  });
}

/** Share of the fleet's engine time spent idling. */
export function idleShare(totals: Pick<Fleet["totals"], "driving_minutes" | "idle_minutes">): number | null {
  const engine = (totals.driving_minutes ?? 0) + (totals.idle_minutes ?? 0);
  return known(totals.idle_minutes) && engine > 0 ? totals.idle_minutes / engine : null;
}

/** Reasons that differ only in the value they name, as one: `speed_kmh: ... is outside 0..1000`. */
export function alike(reasons: readonly { reason: string; count: number }[]): { reason: string; count: number }[] {
  const sums = new Map<string, number>();
  for (const { reason, count } of reasons) {
    const plain = reason.replace(/: (?:-?\d[\d.e+-]*|'[^']*'|"[^"]*") is /, ": \u2026 is ");
    sums.set(plain, (sums.get(plain) ?? 0) + count);
  }
  return [...sums].map(([reason, count]) => ({ reason, count }));
}
