/**
 * What the page knows, and who hears of changes: the fleet by truck, selection, filter, alerts, geofences, health.
 *
 * Counts are computed from the trucks themselves, so they always add up. The server's clock is the only "now":
 * it comes with every frame and runs on with the monotonic clock, so a wrong clock of this computer changes nothing.
 */

import { Topics } from "./topics";
import { STATES, readTruck } from "./wire";
import type { Alert, Counts, Frame, Health, State, Truck } from "./wire";

export interface Filter {
  /** Shown states; empty means all. */
  states: ReadonlySet<State>;
  /** Part of a truck's id, whatever the case. */
  text: string;
}

export interface Events {
  /** Trucks that changed, came or went; `whole` after a snapshot. */
  trucks: { changed: ReadonlySet<string>; gone: ReadonlySet<string>; whole: boolean };
  counts: Counts;
  /** The chosen truck, or none. */
  selection: string | null;
  /** Whether the map goes with the chosen truck. */
  follow: boolean;
  filter: Filter;
  /** New or changed alerts, newest last; `whole` when the list was replaced. */
  alerts: { alerts: readonly Alert[]; whole: boolean };
  /** The stored geofences are another set now: read them again. */
  geofences: number;
  /** Null: the server cannot tell at the moment. */
  health: Health | null;
  /** Since when the server cannot read its stores, or null: it can. */
  stale: number | null;
}

const ALERTS_KEPT = 500;

export class FleetStore extends Topics<Events> {
  readonly trucks = new Map<string, Truck>();
  readonly alerts = new Map<string, Alert>();
  selected: string | null = null;
  following = false;
  filter: Filter = { states: new Set(), text: "" };
  health: Health | null = null;
  staleSince_ms: number | null = null;
  geofenceRevision: number | null = null;
  /** Whether the server has told of its fleet since the page was opened. */
  heard = false;
  private tally: Counts = noCounts();
  private fields: string[] = [];
  private clockOffsetMs: number;

  /** `monotonic` gives milliseconds that only grow, `wall` this computer's idea of now until the first frame. */
  constructor(
    private readonly monotonic: () => number = () => performance.now(),
    wall: () => number = () => Date.now(),
  ) {
    super();
    this.clockOffsetMs = wall() - monotonic();
  }

  /** The server's clock. */
  now(): number {
    return this.clockOffsetMs + this.monotonic();
  }

  get counts(): Counts {
    return this.tally;
  }

  get fleetSize(): number {
    return this.trucks.size;
  }

  /** Take a snapshot: it replaces everything known of the trucks. */
  snapshot(frame: Frame): void {
    this.heard = true;
    this.takeClock(frame);
    const before = new Set(this.trucks.keys());
    this.trucks.clear();
    if (frame.fields) this.fields = frame.fields;
    for (const row of frame.trucks) {
      const truck = readTruck(this.fields, row);
      this.trucks.set(truck.truck_id, truck);
      before.delete(truck.truck_id);
    }
    this.recount();
    this.tell("trucks", { changed: new Set(this.trucks.keys()), gone: before, whole: true });
    this.tell("counts", this.tally);
    this.alerts.clear();
    this.takeAlerts(frame.alerts ?? [], true);
    this.takeRest(frame);
    // A selection stays: the truck may be one that the link named and that this fleet does not have (any more).
  }

  /** Take a frame: only the trucks in it changed. */
  apply(frame: Frame): void {
    this.takeClock(frame);
    if (frame.fields) this.fields = frame.fields;
    const changed = new Set<string>();
    const gone = new Set<string>();
    for (const row of frame.trucks) {
      const truck = readTruck(this.fields, row);
      this.trucks.set(truck.truck_id, truck);
      changed.add(truck.truck_id);
    }
    for (const id of frame.gone ?? []) if (this.trucks.delete(id)) gone.add(id);
    if (changed.size || gone.size) {
      const before = this.tally;
      this.recount();
      this.tell("trucks", { changed, gone, whole: false });
      if (STATES.some((state) => before[state] !== this.tally[state])) this.tell("counts", this.tally);
    }
    if (frame.alerts?.length) this.takeAlerts(frame.alerts, false);
    this.takeRest(frame);
  }

  select(truckId: string | null): void {
    if (truckId === this.selected) return;
    this.selected = truckId;
    if (truckId === null) this.setFollow(false);
    this.tell("selection", truckId);
  }

  setFollow(following: boolean): void {
    const wanted = following && this.selected !== null;
    if (wanted === this.following) return;
    this.following = wanted;
    this.tell("follow", wanted);
  }

  setFilter(change: Partial<Filter>): void {
    this.filter = { ...this.filter, ...change };
    this.tell("filter", this.filter);
  }

  /** Note what the server answered to an acknowledgement, before the stream says it. */
  putAlert(alert: Alert): void {
    this.takeAlerts([alert], false);
  }

  /** Somebody stored or removed a geofence here: read them again without waiting for the stream. */
  geofencesChanged(): void {
    this.tell("geofences", this.geofenceRevision ?? 0);
  }

  matches(truck: Truck): boolean {
    const { states, text } = this.filter;
    return (
      (states.size === 0 || states.has(truck.state)) &&
      (text === "" || truck.truck_id.toLowerCase().includes(text.toLowerCase()))
    );
  }

  private takeClock(frame: Frame): void {
    this.clockOffsetMs = frame.now_ms - this.monotonic();
  }

  private takeAlerts(alerts: readonly Alert[], whole: boolean): void {
    for (const alert of alerts) {
      this.alerts.delete(alert.alert_id); // a changed one keeps one place: the newest
      this.alerts.set(alert.alert_id, alert);
    }
    for (const id of this.alerts.keys()) {
      if (this.alerts.size <= ALERTS_KEPT) break;
      this.alerts.delete(id);
    }
    if (alerts.length || whole) this.tell("alerts", { alerts, whole });
  }

  private takeRest(frame: Frame): void {
    if (frame.health !== undefined) {
      this.health = frame.health;
      this.tell("health", frame.health);
    }
    const stale = frame.stale_since_ms ?? null;
    if (stale !== this.staleSince_ms) {
      this.staleSince_ms = stale;
      this.tell("stale", stale);
    }
    const revision = frame.geofence_revision;
    if (revision !== undefined && revision !== this.geofenceRevision) {
      this.geofenceRevision = revision;
      this.tell("geofences", revision);
    }
  }

  private recount(): void {
    const counts = noCounts();
    for (const truck of this.trucks.values()) counts[truck.state]++;
    this.tally = counts;
  }
}

function noCounts(): Counts {
  return { moving: 0, idling: 0, stopped: 0, offline: 0, never: 0 };
}
