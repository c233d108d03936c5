/** An alert as a sentence: what happened, first. */

import type { Alert } from "../wire";

const VERBS = { enter: "Entered", exit: "Left", dwell: "Stayed in", speeding: "Too fast in" } as const;

/** `Left Main Warehouse`, without the truck: for places that show one truck's alerts. */
export function alertSentence(alert: Alert): string {
  return `${VERBS[alert.alert_type]} ${alert.geofence_name}`;
}
