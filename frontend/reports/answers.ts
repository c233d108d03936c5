/**
 * What the reporting server answers, as these pages read it (docs/api.md is the reference).
 *
 * Instants are ISO 8601 UTC with milliseconds and `Z`; dates are local to `tz`; unknown is null. `from` and `to`
 * given as dates include both days. Every field the pages can do without is optional.
 */

export interface Answer {
  /** The period as instants: `from <= t < to`. */
  from: string;
  to: string;
  tz: string;
  generated_at: string;
  complete: { ok: boolean; notes: string[] };
}

export interface Range extends Partial<Answer> {
  /** First and last local date with data, null while the archive is empty. */
  first: string | null;
  last: string | null;
  trucks: string[];
  zones: string[];
}

export interface Totals {
  distance_km: number | null;
  driving_minutes: number | null;
  idle_minutes: number | null;
  positions: number;
  trucks: number;
  /** Those that begin in the period; null where there are too many positions to look for them. */
  trips: number | null;
  stops: number | null;
}

export interface Day {
  date: string;
  hours: number;
  distance_km: number | null;
  driving_minutes: number | null;
  idle_minutes: number | null;
  positions: number;
  /** Time without positions inside the day, summed over the trucks; null where no truck sent anything. */
  gap_minutes: number | null;
}

export interface TruckRow {
  truck_id: string;
  distance_km: number | null;
  driving_minutes: number | null;
  idle_minutes: number | null;
  /** Idle time as a part of driving and idle time. */
  idle_share: number | null;
  max_speed_kmh: number | null;
  average_speed_kmh: number | null;
  positions: number;
  trips: number | null;
}

export interface HeatMap {
  trucks: string[];
  /** Start of each hour. */
  hours: string[];
  /** Per truck and hour: minutes driven, null without positions. */
  minutes: (number | null)[][];
}

export interface Speeds {
  /** n + 1 edges of n bins; the last bin is open. */
  edges_kmh: number[];
  minutes: number[];
}

export interface Fleet extends Answer {
  totals: Totals;
  previous: (Totals & { from?: string; to?: string; days?: Day[] }) | null;
  days: Day[];
  /** For short periods: the same figures by local hour. */
  hours?: (Omit<Day, "date" | "hours" | "gap_minutes"> & { hour: string })[];
  trucks: TruckRow[];
  heatmap: HeatMap;
  speeds: Speeds;
}

/** One side of a comparison. */
export interface Compared {
  from: string;
  to: string;
  totals: Totals;
  days: Day[];
  speeds: Speeds;
}

export interface Comparison extends Answer {
  now: Compared;
  then: Compared;
  /** Every truck of either period; null where it sent nothing. */
  trucks: { truck_id: string; now: TruckRow | null; then: TruckRow | null }[];
}

export interface Page<Row> extends Answer {
  items: Row[];
  next: string | null;
  /** Rows in all pages together, where the server knows. */
  total?: number | null;
}

/** One cell of a table; what it means is in the column's name and unit. */
export type Cell = string | number | boolean | null;
export type Row = Record<string, Cell>;

/** Compact route: one row per position in time order, a null row where there is a gap. */
export interface Route extends Answer {
  truck_id: string;
  /** 1: every position; n: one in n, of long routes. */
  every: number;
  fields: string[];
  rows: (number | null)[][] | (null | (number | null)[])[];
}

export interface QualityCounts {
  positions: number;
  gaps: number;
  gap_minutes: number | null;
  duplicates: number | null;
  late: number | null;
  rejected: number | null;
}

export interface Quality extends Answer {
  totals: QualityCounts;
  days: (QualityCounts & { date: string; hours: number })[];
  trucks: (QualityCounts & { truck_id: string })[];
  gaps: { truck_id: string; start: string; end: string; minutes: number }[];
  reasons: { reason: string; count: number }[];
}

export interface Link {
  link_id: string;
  name: string;
  /** The query string of the page, without `?`. */
  query: string;
  created_at: string;
}
