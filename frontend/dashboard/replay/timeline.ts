/** The time line of one local day: where an instant lies on it, its hours, and the bands and marks upon it. */

import { addDays, clockLabel, HOUR_MS, localTime, startOfDay } from "../../shared/time";

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

/** Returns ticks at full local hours, as many as fit; on days of 23 or 25 hours they stay at the clock's hours. */
export function ticksOf(day: Day, most: number): Tick[] {
  const every = [1, 2, 3, 4, 6, 12].find((hours) => 24 / hours <= most) ?? 12;
  const ticks: Tick[] = [];
  const first = Math.ceil(day.from_ms / (HOUR_MS / 4)) * (HOUR_MS / 4);
  for (let at_ms = first; at_ms < day.to_ms; at_ms += HOUR_MS / 4) {
    const { hour, minute } = localTime(at_ms, day.zone);
    if (minute === 0 && hour % every === 0) {
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
