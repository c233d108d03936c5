/** Numbers with their units. Unknown is an en dash, never 0. */

import { MINUTE_MS, UNKNOWN, durationLabel } from "./time";

const formats = new Map<number, Intl.NumberFormat>();

type Maybe = number | null | undefined;

const known = (value: Maybe): value is number => value !== null && value !== undefined && Number.isFinite(value);

/** `28,797.1`: grouped, with a fixed number of decimals, and a real minus sign. */
export function number(value: Maybe, decimals = 0): string {
  if (!known(value)) return UNKNOWN;
  let format = formats.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    formats.set(decimals, format);
  }
  const text = format.format(value);
  return /^-[0.,]*$/.test(text) ? text.slice(1) : text.replace("-", "\u2212");
}

/** A number and its unit, the unit left out where the number is unknown. */
export function withUnit(value: Maybe, unit: string, decimals = 0): string {
  return known(value) ? `${number(value, decimals)}\u00a0${unit}` : UNKNOWN;
}

/** Kilometres: as many decimals as mean something to a reader. */
export function km(value: Maybe): string {
  return withUnit(value, "km", known(value) && Math.abs(value) < 1000 ? 1 : 0);
}

/** `45.5 km/h`. */
export function kmh(value: Maybe, decimals = 1): string {
  return withUnit(value, "km/h", decimals);
}

/** Minutes as `2 h 05 min`. */
export function minutes(value: Maybe): string {
  return known(value) ? durationLabel(value * MINUTE_MS) : UNKNOWN;
}

/** `12.5 %`. */
export function percent(share: Maybe, decimals = 0): string {
  return known(share) ? `${number(share * 100, decimals)}\u00a0%` : UNKNOWN;
}

/** How a figure changed against the one before: `+3.2 %`, `no change`, unknown where there is nothing to compare. */
export function change(now: Maybe, before: Maybe): string {
  if (!known(now) || !known(before)) return UNKNOWN;
  if (now === before) return "no change";
  if (before === 0) return UNKNOWN;
  const share = (now - before) / Math.abs(before);
  const decimals = Math.abs(share) < 0.1 ? 1 : 0;
  const text = percent(share, decimals);
  return share > 0 ? `+${text}` : text;
}

/** `1 truck`, `2 trucks`. */
export function count(value: Maybe, one: string, many = `${one}s`): string {
  return known(value) ? `${number(value)}\u00a0${value === 1 ? one : many}` : UNKNOWN;
}
