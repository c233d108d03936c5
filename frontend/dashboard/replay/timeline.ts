/** The time line of one local day: where an instant lies on it, its hours, and the bands and marks upon it. */

import { addDays, clockLabel, HOUR_MS, localTime, MINUTE_MS, startOfDay } from "../../shared/time";

export interface Day {
  readonly date: string;
  readonly zone: string;
  readonly from_ms: number;
  /** The first instant of the next day: 23, 24 or 25 hours later. */
  readonly to_ms: number;
}

export interface Tick {
  readonly at_ms: number;
  readonly share: number;
  readonly label: string;
}

export function dayOf(date: string, zone: string): Day {
  return { date, zone, from_ms: startOfDay(date, zone), to_ms: startOfDay(addDays(date, 1), zone) };
}

/** Returns where an instant lies in the day, 0 to 1; outside it is cut. */
export function shareOf(day: Day, at_ms: number): number {
  return Math.min(1, Math.max(0, (at_ms - day.from_ms) / (day.to_ms - day.from_ms)));
}

export function instantAt(day: Day, share: number): number {
  return Math.round(day.from_ms + Math.min(1, Math.max(0, share)) * (day.to_ms - day.from_ms));
}

const STEPS_MIN = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720];
const QUARTER_MS = HOUR_MS / 4;

/**
 * Returns the part of the day worth drawing: from the first to the last position, in full quarters of an hour, at
 * least an hour. A truck that drove for two hours gets a time line of two hours.
 */
export function partOf(day: Day, first_ms: number, last_ms: number): Day {
  const from_ms = Math.max(day.from_ms, Math.floor(first_ms / QUARTER_MS) * QUARTER_MS);
  const to_ms = Math.min(day.to_ms, Math.ceil((last_ms + 1) / QUARTER_MS) * QUARTER_MS);
  const missing_ms = Math.max(0, HOUR_MS - (to_ms - from_ms));
  const end_ms = Math.min(day.to_ms, to_ms + missing_ms);
  return { ...day, from_ms: Math.max(day.from_ms, Math.min(from_ms, end_ms - HOUR_MS)), to_ms: end_ms };
}

/** Returns ticks at full local times, as many as fit; where clocks change they stay at what the clock shows. */
export function ticksOf(day: Day, most: number): Tick[] {
  const minutes = (day.to_ms - day.from_ms) / MINUTE_MS;
  const every = STEPS_MIN.find((step) => Math.floor(minutes / step) <= most) ?? 720;
  const step_ms = Math.min(every, 15) * MINUTE_MS; // zones differ by full quarters of an hour
  const ticks: Tick[] = [];
  for (let at_ms = Math.ceil(day.from_ms / step_ms) * step_ms; at_ms < day.to_ms; at_ms += step_ms) {
    const { hour, minute } = localTime(at_ms, day.zone);
    if ((hour * 60 + minute) % every === 0) {
      ticks.push({ at_ms, share: shareOf(day, at_ms), label: clockLabel(at_ms, day.zone) });
    }
  }
  return ticks;
}

/** Returns a band's left and width as shares, null when it lies outside the day. */
export function bandOf(day: Day, band: { from_ms: number; to_ms: number }): { left: number; width: number } | null {
  if (band.to_ms <= day.from_ms || band.from_ms >= day.to_ms) return null;
  const left = shareOf(day, band.from_ms);
  return { left, width: shareOf(day, band.to_ms) - left };
}
