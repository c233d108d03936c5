/** Alerts as sentences: who did what where, and when. */

import { clockLabel, dayLabel, durationLabel, localDate, MINUTE_MS } from "../../shared/time";
import type { Alert, AlertType } from "../wire";

export type { Alert, AlertType } from "../wire";
export type Acknowledgement = NonNullable<Alert["acknowledged"]>;

/** Limits of the geofence as the alert saw it; unknown when it was changed since. */
export interface Limits {
  dwell_minutes?: number | null;
  speed_limit_kmh?: number | null;
}

export const KIND_WORDS: Record<AlertType, string> = {
  enter: "Arrived",
  exit: "Left",
  dwell: "Long stay",
  speeding: "Too fast",
};

/** Returns the sentence without its time: "TRK-014 left Main Warehouse". */
export function sentenceOf(alert: Pick<Alert, "truck_id" | "alert_type" | "geofence_name">, limits?: Limits): string {
  const { truck_id: truck, geofence_name: place } = alert;
  switch (alert.alert_type) {
    case "enter":
      return `${truck} arrived at ${place}`;
    case "exit":
      return `${truck} left ${place}`;
    case "dwell":
      return limits?.dwell_minutes
        ? `${truck} has been in ${place} for ${durationLabel(limits.dwell_minutes * MINUTE_MS)}`
        : `${truck} has stayed long in ${place}`;
    case "speeding":
      return limits?.speed_limit_kmh
        ? `${truck} was faster than ${limits.speed_limit_kmh} km/h in ${place}`
        : `${truck} was too fast in ${place}`;
  }
}

/** Returns the local time of day, with the date when it is another day than `now_ms`: "14:03:55", "26 Nov, 14:03:55". */
export function clockText(at_ms: number, now_ms: number, zone: string, { seconds = true } = {}): string {
  const clock = clockLabel(at_ms, zone, seconds);
  const [day, today] = [localDate(at_ms, zone), localDate(now_ms, zone)];
  if (day === today) return clock;
  return `${dayLabel(day, { weekday: false, year: day.slice(0, 4) !== today.slice(0, 4) })}, ${clock}`;
}
