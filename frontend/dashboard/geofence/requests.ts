/** What the editor asks the server, and where its complaints belong in the form. */

import { api, ApiError, request } from "../../shared/api";
import { element } from "../../shared/dom";
import { DAY_MS } from "../../shared/time";
import type { Preview } from "./changes";
import type { WireGeofence } from "./draft";
import type { Problems } from "./fields";

export interface Stored {
  items: WireGeofence[];
  warnings: string[];
}

/** One event the preview found. */
export interface PreviewEvent {
  truck_id: string;
  alert_type?: string;
  event?: string;
  timestamp: string;
  latitude: number;
  longitude: number;
}

export type FullPreview = Preview & { items: PreviewEvent[] };

const path = (id: string): string => `/api/v1/geofences/${encodeURIComponent(id)}`;

export const geofences = {
  save: (wire: WireGeofence) => api.put<Stored>(path(wire.geofence_id), wire),
  remove: (id: string) => api.delete<null>(path(id)),
  import: (text: string) => api.post<Stored>("/api/v1/geofences", JSON.parse(text.replace(/^\uFEFF/, ""))),
  preview: (wire: WireGeofence, to_ms: number | null, signal: AbortSignal) =>
    request<FullPreview>("/api/v1/geofences/preview", {
      method: "POST",
      body: wire,
      query: to_ms === null ? {} : { from: new Date(to_ms - DAY_MS).toISOString(), to: new Date(to_ms).toISOString() },
      signal,
    }),
};

/** Lets the browser save all geofences as GeoJSON. */
export function downloadAll(): void {
  const link = element("a", {
    attributes: { href: "/api/v1/geofences?format=geojson", download: "geofences.geojson" },
  });
  document.body.append(link);
  link.click();
  link.remove();
}

/** The fields of the form by the wire's names, longest first so that none hides in another. */
const PLACES: [RegExp, keyof Problems][] = [
  [/exit_buffer_meters/, "exit_buffer_m"],
  [/radius_meters/, "radius_m"],
  [/width_meters/, "width_m"],
  [/confirm_fixes/, "confirm_fixes"],
  [/dwell_minutes/, "dwell_minutes"],
  [/speed_limit_kmh/, "speed_limit_kmh"],
  [/trucks/, "trucks"],
  [/center/, "center"],
  [/\bname\b/, "name"],
  [/polygon|holes|geometry|path/, "points"],
];

/** Returns the server's complaint at the field it is about; null when it is about none. */
export function problemsOf(error: unknown): Problems | null {
  if (!(error instanceof ApiError) || error.status !== 400) return null;
  const place = PLACES.find(([pattern]) => pattern.test(error.message));
  return place ? { [place[1]]: error.sentence } : null;
}

/** A stored geofence as it may be sent again: without what the store gave it. */
export function storable(geofence: WireGeofence): WireGeofence {
  const { version: _version, revision: _revision, ...rest } = geofence;
  return rest;
}

/** A warning of the server, and the place it names. */
export interface Warning {
  text: string;
  at: { latitude: number; longitude: number } | null;
}

/** Returns the warning without its "geofence 'id':", which the form says already. */
export function warningOf(text: string): Warning {
  const place = /latitude (-?[\d.]+), longitude (-?[\d.]+)/.exec(text);
  const plain = text.replace(/^geofence '[^']*': /, "");
  return {
    text: plain.charAt(0).toUpperCase() + plain.slice(1),
    at: place ? { latitude: Number(place[1]), longitude: Number(place[2]) } : null,
  };
}
