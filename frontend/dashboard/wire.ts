/** What the server sends, as types. Instants of lists are ISO 8601 texts, those of the live stream milliseconds. */

export const STATES = ["moving", "idling", "stopped", "offline", "never"] as const;
export type State = (typeof STATES)[number];

export const STATE_WORDS: Record<State, string> = {
  moving: "Moving",
  idling: "Idling",
  stopped: "Stopped",
  offline: "Offline",
  never: "Never seen",
};

export type Counts = Record<State, number>;

export type Engine = "running" | "idle" | "off";

/** The newest position of a truck. Unknown is null; a truck never seen has neither place nor time. */
export interface Truck {
  truck_id: string;
  timestamp_ms: number | null;
  latitude: number | null;
  longitude: number | null;
  speed_kmh: number | null;
  heading: number | null;
  state: State;
  fuel_level_pct: number | null;
  engine_status: Engine | null;
  received_ms: number | null;
  state_since_ms: number | null;
  /** What its age is counted from: the earlier of its own time and its arrival, so no clock makes it fresher. */
  fresh_ms: number | null;
}

export type Cell = string | number | null;

export type AlertType = "enter" | "exit" | "dwell" | "speeding";

export interface Alert {
  alert_id: string;
  truck_id: string;
  geofence_id: string;
  geofence_name: string;
  alert_type: AlertType;
  timestamp: string;
  latitude: number;
  longitude: number;
  geofence_version: number;
  late: boolean;
  acknowledged?: { at: string; by: string; note: string } | null;
}

export interface Health {
  now: string;
  records_per_s: number | null;
  positions_per_s: number | null;
  /** `state`: what keeps the consumer from getting on, where the backend knows. */
  consumers: Record<string, { records: number | null; age_ms: number | null; state?: string }>;
  rejected: { count: number; reasons: { reason: string; count: number }[] };
  archive: { newest: string | null; files: number; bytes: number };
  outbox: number;
  trucks: number;
  writer: string | null;
}

/** A snapshot, or a frame with only what changed. */
export interface Frame {
  now_ms: number;
  fields?: string[];
  trucks: Cell[][];
  counts?: Counts & { fleet: number };
  alerts?: Alert[];
  gone?: string[];
  geofence_revision?: number;
  health?: Health | null;
  stream_id?: string;
  /** Since when the server cannot read its stores; null when it can. */
  stale_since_ms?: number | null;
}

export interface Config {
  version: string;
  backend: string;
  role: "viewer" | "dispatcher" | "admin" | "device" | null;
  offline_after_s: number;
  map_style_url: string | null;
  map_tiles_url: string | null;
  reports_url: string | null;
}

export interface Point {
  latitude: number;
  longitude: number;
}

/** A stored geofence, in the wire's words. */
export interface Geofence {
  geofence_id: string;
  name: string;
  type: "circle" | "polygon" | "corridor";
  center?: Point | null;
  radius_meters?: number | null;
  polygon?: Point[] | null;
  holes?: Point[][] | null;
  geometry?: GeoJSON.Polygon | GeoJSON.MultiPolygon | null;
  path?: Point[] | null;
  width_meters?: number | null;
  alert_on: "enter" | "exit" | "both";
  active?: boolean;
  trucks?: string[] | null;
  exit_buffer_meters?: number;
  confirm_fixes?: number;
  detect_crossing?: boolean;
  dwell_minutes?: number | null;
  speed_limit_kmh?: number | null;
  version?: number;
}

/** Read a row of the live stream; cells are named by the frame's `fields`. */
export function readTruck(fields: readonly string[], row: readonly Cell[]): Truck {
  const truck: Record<string, Cell> = {};
  for (let index = 0; index < fields.length; index++) truck[fields[index] as string] = row[index] ?? null;
  const state = truck.state as State;
  const timestamp_ms = number(truck.timestamp_ms);
  const received_ms = number(truck.received_ms);
  return {
    truck_id: String(truck.truck_id),
    timestamp_ms,
    latitude: number(truck.latitude),
    longitude: number(truck.longitude),
    speed_kmh: number(truck.speed_kmh),
    heading: number(truck.heading),
    state: STATES.includes(state) ? state : "never",
    fuel_level_pct: number(truck.fuel_level_pct),
    engine_status: (truck.engine_status ?? null) as Engine | null,
    received_ms,
    state_since_ms: number(truck.state_since_ms),
    fresh_ms: timestamp_ms !== null && received_ms !== null ? Math.min(timestamp_ms, received_ms) : timestamp_ms,
  };
}

function number(cell: Cell | undefined): number | null {
  return typeof cell === "number" && Number.isFinite(cell) ? cell : null;
}
