/** Reads one truck's positions of a day page by page, telling how far it is; another day or truck ends it. */

import { all, api } from "../../shared/api";
import type { Alert } from "../alerts/sentence";
import type { Day } from "./timeline";
import type { Stop, Trail, TrailRow } from "./trail";

const PAGE = 5000;
const ALERTS_MOST = 2000;

interface TrailPage {
  fields: string[];
  rows: (number | string | null)[][];
  next: string | null;
}

export interface Progress {
  /** Share of the day that has been read, 0 to 1. */
  share: number;
  done: boolean;
}

const history = (truck_id: string): string => `/api/v1/positions/${encodeURIComponent(truck_id)}/history`;

/** Read the day into the trail; `progress` is called after every page. */
export async function loadTrail(
  truck_id: string,
  day: Day,
  trail: Trail,
  now_ms: number,
  progress: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const end_ms = Math.max(day.from_ms + 1, Math.min(day.to_ms, now_ms));
  let cursor: string | null = null;
  do {
    const query = { from: iso(day.from_ms), to: iso(day.to_ms), limit: PAGE, fields: "trail", cursor };
    const page: TrailPage = await api.get(history(truck_id), query, signal);
    trail.append(rowsOf(page));
    cursor = page.next;
    const last_ms = trail.length ? trail.timeAt(trail.length - 1) : day.from_ms;
    progress({
      share: cursor === null ? 1 : Math.min(1, (last_ms - day.from_ms) / (end_ms - day.from_ms)),
      done: cursor === null,
    });
  } while (cursor !== null);
}

/** Return the truck's alerts of a day, oldest first. */
export async function loadAlerts(truck_id: string, day: Day, signal: AbortSignal): Promise<Alert[]> {
  const query = { truck: truck_id, from: iso(day.from_ms), to: iso(day.to_ms), order: "asc", limit: ALERTS_MOST };
  const page: { items: Alert[] } = await api.get("/api/v1/alerts", query, signal);
  return page.items;
}

interface Segment {
  kind: "trip" | "stop" | "gap";
  begin: string;
  end: string;
  latitude: number;
  longitude: number;
}

/** Return where the truck stopped, by the rules the reports follow. */
export async function loadStops(truck_id: string, day: Day, signal: AbortSignal): Promise<Stop[]> {
  const query = { truck: truck_id, from: iso(day.from_ms), to: iso(day.to_ms) };
  const segments = await all<Segment>("/api/v1/trips", query, signal);
  return segments
    .filter(({ kind }) => kind === "stop")
    .map(({ begin, end, latitude, longitude }) => ({
      from_ms: Date.parse(begin),
      to_ms: Date.parse(end),
      latitude,
      longitude,
    }));
}

/** Return the rows of a compact page, whatever the order of its fields. */
export function rowsOf(page: Pick<TrailPage, "fields" | "rows">): TrailRow[] {
  const place = (name: string): number => page.fields.indexOf(name);
  const [time, latitude, longitude] = [place("timestamp_ms"), place("latitude"), place("longitude")];
  const [speed, heading] = [place("speed_kmh"), place("heading")];
  const number = (cell: number | string | null | undefined): number | null => (typeof cell === "number" ? cell : null);
  return page.rows.map((row) => ({
    timestamp_ms: Number(row[time]),
    latitude: Number(row[latitude]),
    longitude: Number(row[longitude]),
    speed_kmh: number(row[speed]),
    heading: number(row[heading]),
  }));
}

function iso(at_ms: number): string {
  return new Date(at_ms).toISOString();
}
