/** An alert as a sentence without its truck: for places that show one truck's alerts. The verbs are the alert feed's. */

import type { Alert } from "../wire";

const VERBS = { enter: "Arrived at", exit: "Left", dwell: "Stayed long in", speeding: "Too fast in" } as const;

/** `Left Main Warehouse`. */
export function alertSentence(alert: Alert): string {
  return `${VERBS[alert.alert_type]} ${alert.geofence_name}`;
}
