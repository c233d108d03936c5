/**
 * Speed and fuel of the last hour: read from the archive once per truck, then carried on with the live positions.
 */

import { api } from "../../shared/api";
import type { Truck } from "../wire";
import { readTrail, sparkline } from "./sparkline";
import type { Sample, Trail } from "./sparkline";

const HOUR_MS = 3_600_000;
/** After so long without a position the page may have missed some: its connection was cut, not the truck's. */
export const UNHEARD_MS = 30_000;

export class LastHour {
  private speed: Sample[] = [];
  private fuel: Sample[] = [];
  private newest_ms = -Infinity;
  private reading: AbortController | null = null;

  constructor(
    private readonly place: HTMLElement,
    private readonly zone: string,
  ) {}

  /** Forget the truck shown before. */
  clear(): void {
    this.reading?.abort();
    this.reading = null;
    this.speed = [];
    this.fuel = [];
    this.newest_ms = -Infinity;
    this.place.replaceChildren();
  }

  /** Read the hour that ends with `to_ms`; rejects with what the server says. */
  async read(truckId: string, to_ms: number): Promise<void> {
    const reading = new AbortController();
    this.reading = reading;
    const trail = await api.get<Trail>(
      `/api/v1/positions/${encodeURIComponent(truckId)}/history`,
      {
        from: new Date(to_ms - HOUR_MS).toISOString(),
        to: new Date(to_ms + 1).toISOString(),
        fields: "trail",
        limit: 10000,
      },
      reading.signal,
    );
    const { speed, fuel } = readTrail(trail);
    const last_ms = speed.at(-1)?.[0] ?? -Infinity;
    const later = (samples: Sample[]): Sample[] => samples.filter(([at_ms]) => at_ms > last_ms);
    this.speed = [...speed, ...later(this.speed)]; // what came live meanwhile
    this.fuel = [...fuel, ...later(this.fuel)];
    this.newest_ms = Math.max(this.newest_ms, last_ms, to_ms);
    this.draw();
  }

  /** A new position of the truck; false when others came before it that the page has not heard of. */
  add(truck: Truck): boolean {
    if (truck.timestamp_ms === null || truck.timestamp_ms <= this.newest_ms) return true;
    const first = this.newest_ms === -Infinity;
    const missed = !first && truck.timestamp_ms - this.newest_ms > UNHEARD_MS;
    this.newest_ms = truck.timestamp_ms;
    const recent = ([at_ms]: Sample): boolean => at_ms > this.newest_ms - HOUR_MS;
    this.speed = [...this.speed.filter(recent), [truck.timestamp_ms, truck.speed_kmh]];
    this.fuel = [...this.fuel.filter(recent), [truck.timestamp_ms, truck.fuel_level_pct]];
    if (!first) this.draw(); // nothing to see in one position
    return !missed;
  }

  private draw(): void {
    const time = { from_ms: this.newest_ms - HOUR_MS, to_ms: this.newest_ms, zone: this.zone };
    this.place.replaceChildren(
      sparkline({ label: "Speed, last hour", unit: "km/h", points: this.speed, colour: "moving", ...time }),
      sparkline({ label: "Fuel, last hour", unit: "%", points: this.fuel, colour: "stopped", most: 100, ...time }),
    );
  }
}
