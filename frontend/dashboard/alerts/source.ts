/** Alerts from the server: older pages under a filter, and what a busy second of the stream left out. */

import { api } from "../../shared/api";
import type { AlertFeed, Filter } from "./feed";
import type { Acknowledgement, Alert } from "./sentence";

const PAGE = 200;
const CATCH_UP_PAGE = 1000;
/** So many pages are read in one go to find alerts that match or to close a gap. */
const MOST_PAGES = 10;

interface Page {
  items: Alert[];
  next: string | null;
}

export class AlertSource {
  private cursor: string | null = null;
  private key: string | null = null;
  /** Whether everything older of the present filter has been read. */
  ended = false;
  /** Whether every alert there is has been read, whatever the filter is now. */
  complete = false;

  constructor(private readonly feed: AlertFeed) {}

  /** Read the next older alerts of the filter until some match or there are none; returns how many match. */
  async older(filter: Filter): Promise<number> {
    const key = JSON.stringify([filter.geofence_id, filter.kind, filter.truck_id]);
    if (key !== this.key) {
      this.key = key;
      this.cursor = null;
      this.ended = false;
    }
    let matching = 0;
    for (let page = 0; page < MOST_PAGES && !this.ended && !matching; page++) {
      const found = await this.page(filter, this.cursor);
      if (key !== this.key) return 0; // the filter was changed meanwhile
      this.cursor = found.next;
      this.ended = found.next === null;
      if (this.ended && filter.geofence_id === null && filter.kind === null && filter.truck_id === null) {
        this.complete = true;
      }
      this.feed.add(found.items);
      matching = found.items.filter((alert) => !filter.unacknowledged || !alert.acknowledged).length;
    }
    return matching;
  }

  /** Forget how far back was read, as after another filter. */
  restart(): void {
    this.key = null;
  }

  /**
   * After a cut or a burst: read from the newest back until a page brings nothing new and is older than `since`, the
   * oldest of what the stream told. Alerts of one second come in any order: a known one alone does not end it.
   * Returns what was not known.
   */
  async catchUp(since: string): Promise<Alert[]> {
    const fresh: Alert[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < MOST_PAGES; page++) {
      const found: Page = await this.page(null, cursor, CATCH_UP_PAGE);
      const added = this.feed.add(found.items);
      fresh.push(...added);
      cursor = found.next;
      if (cursor === null) this.complete = true;
      const last = found.items.at(-1);
      if (cursor === null || !last || (!added.length && last.timestamp < since)) break;
    }
    return fresh;
  }

  acknowledge(alert_id: string, note: string): Promise<Acknowledgement> {
    return api.put(`/api/v1/alerts/${encodeURIComponent(alert_id)}/acknowledgement`, { note });
  }

  async anyGeofence(): Promise<boolean> {
    const page: { items: unknown[] } = await api.get("/api/v1/geofences", { limit: 1 });
    return page.items.length > 0;
  }

  takeBack(alert_id: string): Promise<null> {
    return api.delete(`/api/v1/alerts/${encodeURIComponent(alert_id)}/acknowledgement`);
  }

  private page(filter: Filter | null, cursor: string | null, limit = PAGE): Promise<Page> {
    return api.get<Page>("/api/v1/alerts", {
      order: "desc",
      limit,
      cursor,
      geofence: filter?.geofence_id,
      type: filter?.kind,
      truck: filter?.truck_id,
    });
  }
}
