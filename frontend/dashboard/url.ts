/**
 * The address holds the view, so that a link shares it: `#map=12/47.3769/8.5417&truck=TRK-001&states=moving&q=TRK`.
 *
 * Each part of the page keeps keys of its own; the address is replaced, so the back button leaves the page.
 */

import { STATES } from "./wire";
import type { State } from "./wire";

export class AddressState {
  private values: URLSearchParams;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    hash: string,
    private readonly replace: (hash: string) => void,
  ) {
    this.values = new URLSearchParams(hash.replace(/^#/, ""));
  }

  get(key: string): string | null {
    return this.values.get(key);
  }

  /** Null removes the key. Written a moment later: browsers refuse many changes in a second. */
  set(key: string, value: string | null): void {
    if (value === null || value === "") this.values.delete(key);
    else this.values.set(key, value);
    this.timer ??= setTimeout(() => this.write(), 250);
  }

  /** The address as it should be now. */
  hash(): string {
    // Slashes and commas are readable in a fragment and mean nothing there.
    return this.values.size ? `#${this.values.toString().replaceAll("%2F", "/").replaceAll("%2C", ",")}` : "";
  }

  /** Take another address, as after the user changed it by hand. */
  take(hash: string): void {
    this.values = new URLSearchParams(hash.replace(/^#/, ""));
  }

  write(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.replace(this.hash());
  }
}

export interface MapPlace {
  zoom: number;
  latitude: number;
  longitude: number;
}

/** Read `zoom/latitude/longitude`; null when it is no place on the map. */
export function readPlace(text: string | null): MapPlace | null {
  const parts = (text ?? "").split("/").map((part) => (part.trim() === "" ? NaN : Number(part)));
  const [zoom, latitude, longitude] = parts;
  if (parts.length !== 3 || zoom === undefined || latitude === undefined || longitude === undefined) return null;
  if (!(zoom >= 0 && zoom <= 22) || !(Math.abs(latitude) <= 90) || !(Math.abs(longitude) <= 180)) return null;
  return { zoom, latitude, longitude };
}

export function placeText({ zoom, latitude, longitude }: MapPlace): string {
  const digits = Math.max(1, Math.min(6, Math.ceil(zoom / 3)));
  return `${Number(zoom.toFixed(2))}/${latitude.toFixed(digits)}/${longitude.toFixed(digits)}`;
}

/** Read a list of states; words that are none are left out. */
export function readStates(text: string | null): Set<State> {
  const words = new Set((text ?? "").split(","));
  return new Set(STATES.filter((state) => words.has(state)));
}
