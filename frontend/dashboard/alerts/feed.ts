/**
 * The alerts known to the page, newest first: what the live stream brought and the older pages that were asked for.
 *
 * One map by id, so that an alert that comes twice (stream and page, or again with its acknowledgement) is one row.
 */

import type { Alert, AlertType } from "./sentence";

export interface Filter {
  readonly geofence_id: string | null;
  readonly kind: AlertType | null;
  readonly unacknowledged: boolean;
  readonly truck_id: string | null;
}

export const NO_FILTER: Filter = { geofence_id: null, kind: null, unacknowledged: false, truck_id: null };

const MOST_KEPT = 20_000;

export class AlertFeed {
  readonly #byId = new Map<string, Alert>();
  #sorted: Alert[] | null = null;

  /** Adds or replaces alerts; returns those that were not known before. */
  add(alerts: Iterable<Alert>): Alert[] {
    const fresh: Alert[] = [];
    for (const alert of alerts) {
      const known = this.#byId.get(alert.alert_id);
      if (!known) fresh.push(alert);
      this.#byId.set(alert.alert_id, alert);
    }
    this.#sorted = null;
    if (this.#byId.size > MOST_KEPT) {
      for (const old of this.newestFirst().slice(MOST_KEPT)) this.#byId.delete(old.alert_id);
      this.#sorted = null;
    }
    return fresh;
  }

  get(alert_id: string): Alert | undefined {
    return this.#byId.get(alert_id);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Returns all alerts, newest event first; equal instants by truck and id, so that rows never swap. */
  newestFirst(): readonly Alert[] {
    this.#sorted ??= [...this.#byId.values()].sort(
      (a, b) => compare(b.timestamp, a.timestamp) || compare(a.truck_id, b.truck_id) || compare(a.alert_id, b.alert_id),
    );
    return this.#sorted;
  }

  matching(filter: Filter): readonly Alert[] {
    return this.newestFirst().filter((alert) => matches(alert, filter));
  }

  unacknowledged(): number {
    let n = 0;
    for (const alert of this.#byId.values()) if (!alert.acknowledged) n += 1;
    return n;
  }
}

export function matches(alert: Alert, filter: Filter): boolean {
  return (
    (filter.geofence_id === null || alert.geofence_id === filter.geofence_id) &&
    (filter.kind === null || alert.alert_type === filter.kind) &&
    (filter.truck_id === null || alert.truck_id === filter.truck_id) &&
    (!filter.unacknowledged || !alert.acknowledged)
  );
}

/**
 * Returns one spoken line for alerts that came together: a screen reader, and a person, hear one sentence for a burst.
 */
export function announcement(fresh: readonly Alert[], sentence: (alert: Alert) => string): string {
  if (!fresh.length) return "";
  if (fresh.length === 1) return sentence(fresh[0]!);
  const places = new Set(fresh.map((alert) => alert.geofence_name));
  const where = places.size === 1 ? ` at ${fresh[0]!.geofence_name}` : ` at ${places.size} geofences`;
  return `${fresh.length} new alerts${where}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
