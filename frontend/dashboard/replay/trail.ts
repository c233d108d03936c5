/**
 * One truck's positions of a day in columns, growing page by page, and what a reader wants of them: pieces of one
 * colour, gaps, the position at an instant. Where it stopped the server says, by the rules of the reports.
 */

import { distanceM, longitudeDifference } from "../../shared/geodesy";
import { speedClass } from "./speed_scale";

export interface TrailRow {
  timestamp_ms: number;
  latitude: number;
  longitude: number;
  speed_kmh: number | null;
  heading: number | null;
}

export interface Gap {
  readonly from_ms: number;
  readonly to_ms: number;
}

export interface Stop extends Gap {
  readonly latitude: number;
  readonly longitude: number;
}

/** A run of consecutive positions of one speed class; coordinates are [longitude, latitude], unwrapped. */
export interface Piece {
  readonly speedClass: number;
  readonly coordinates: [number, number][];
}

const GAP_LEAST_MS = 60_000;
const GAP_MOST_MS = 300_000;
const GAP_INTERVALS = 3;
const GROWTH = 4096;

export class Trail {
  #length = 0;
  #times = new Float64Array(GROWTH);
  #latitudes = new Float64Array(GROWTH);
  #longitudes = new Float64Array(GROWTH);
  #speeds = new Float64Array(GROWTH);
  #headings = new Float64Array(GROWTH);

  get length(): number {
    return this.#length;
  }

  /** Appends positions in ascending time; those not newer than the last one are dropped (a page was read again). */
  append(rows: Iterable<TrailRow>): void {
    for (const row of rows) {
      if (this.#length && row.timestamp_ms <= this.#times[this.#length - 1]!) continue;
      if (this.#length === this.#times.length) this.#grow();
      const i = this.#length++;
      this.#times[i] = row.timestamp_ms;
      this.#latitudes[i] = row.latitude;
      this.#longitudes[i] = row.longitude;
      this.#speeds[i] = row.speed_kmh ?? NaN;
      this.#headings[i] = row.heading ?? NaN;
    }
  }

  at(i: number): TrailRow {
    return {
      timestamp_ms: this.#times[i]!,
      latitude: this.#latitudes[i]!,
      longitude: this.#longitudes[i]!,
      speed_kmh: orNull(this.#speeds[i]!),
      heading: orNull(this.#headings[i]!),
    };
  }

  timeAt(i: number): number {
    return this.#times[i]!;
  }

  /** Returns the index of the last position at or before the instant, -1 when there is none. */
  indexAt(at_ms: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#times[middle]! <= at_ms) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  /** Returns the index of the position nearest to a place, and how far it is in metres; -1 for an empty trail. */
  nearest(latitude: number, longitude: number): { index: number; metres: number } {
    const scale = Math.cos((latitude * Math.PI) / 180);
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < this.#length; i++) {
      const x = longitudeDifference(longitude, this.#longitudes[i]!) * scale;
      const y = this.#latitudes[i]! - latitude;
      const square = x * x + y * y;
      if (square < least) [best, least] = [i, square];
    }
    return { index: best, metres: best < 0 ? Infinity : distanceM({ latitude, longitude }, this.at(best)) };
  }

  /** Returns west, south, east, north of all positions; east may pass 180. */
  bounds(): [number, number, number, number] | null {
    if (!this.#length) return null;
    const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
    const first = this.#longitudes[0]!;
    for (let i = 0; i < this.#length; i++) {
      const longitude = first + longitudeDifference(first, this.#longitudes[i]!);
      box[0] = Math.min(box[0], longitude);
      box[1] = Math.min(box[1], this.#latitudes[i]!);
      box[2] = Math.max(box[2], longitude);
      box[3] = Math.max(box[3], this.#latitudes[i]!);
    }
    return box;
  }

  /**
   * Returns how long without a position is a gap: three usual intervals, but at least a minute and at most five.
   */
  gapAfterMs(): number {
    if (this.#length < 3) return GAP_MOST_MS;
    const steps = new Float64Array(Math.min(this.#length - 1, 2000));
    const stride = (this.#length - 1) / steps.length;
    for (let k = 0; k < steps.length; k++) {
      const i = Math.floor(k * stride);
      steps[k] = this.#times[i + 1]! - this.#times[i]!;
    }
    steps.sort();
    return Math.min(GAP_MOST_MS, Math.max(GAP_LEAST_MS, GAP_INTERVALS * steps[steps.length >> 1]!));
  }

  gaps(after_ms = this.gapAfterMs()): Gap[] {
    const gaps: Gap[] = [];
    for (let i = 1; i < this.#length; i++) {
      if (this.#times[i]! - this.#times[i - 1]! > after_ms) {
        gaps.push({ from_ms: this.#times[i - 1]!, to_ms: this.#times[i]! });
      }
    }
    return gaps;
  }

  /**
   * Returns the line in pieces of one speed class, broken at gaps. The colour of a pair is that of the later position,
   * whose speed says how it got there.
   */
  pieces(gapAfter_ms = this.gapAfterMs(), from = 0): Piece[] {
    const pieces: Piece[] = [];
    let open: Piece | null = null;
    let turns = 0;
    for (let i = Math.max(1, from); i < this.#length; i++) {
      if (this.#times[i]! - this.#times[i - 1]! > gapAfter_ms) {
        open = null;
        continue;
      }
      const kind = speedClass(orNull(this.#speeds[i]!));
      if (!open || open.speedClass !== kind) {
        turns = open ? turns : 0;
        open = { speedClass: kind, coordinates: [[this.#longitudes[i - 1]! + turns, this.#latitudes[i - 1]!]] };
        pieces.push(open);
      }
      const step = this.#longitudes[i]! - this.#longitudes[i - 1]!;
      if (step > 180) turns -= 360;
      else if (step < -180) turns += 360;
      open.coordinates.push([this.#longitudes[i]! + turns, this.#latitudes[i]!]);
    }
    return pieces;
  }

  /** Returns columns for the chart: seconds and km/h, with an empty value inside each gap so that the line breaks. */
  speedColumns(): [number[], (number | null)[]] {
    const gap = this.gapAfterMs();
    const times: number[] = [];
    const speeds: (number | null)[] = [];
    for (let i = 0; i < this.#length; i++) {
      if (i && this.#times[i]! - this.#times[i - 1]! > gap) {
        times.push((this.#times[i - 1]! + this.#times[i]!) / 2000);
        speeds.push(null);
      }
      times.push(this.#times[i]! / 1000);
      speeds.push(orNull(this.#speeds[i]!));
    }
    return [times, speeds];
  }

  #grow(): void {
    const size = this.#times.length * 2;
    const larger = (old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const made = new Float64Array(size);
      made.set(old);
      return made;
    };
    this.#times = larger(this.#times);
    this.#latitudes = larger(this.#latitudes);
    this.#longitudes = larger(this.#longitudes);
    this.#speeds = larger(this.#speeds);
    this.#headings = larger(this.#headings);
  }
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
