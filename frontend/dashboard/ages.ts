/** How old a position looks: markers fade with age, in steps, so that an old one is never taken for fresh. */

/** Age up to which a step holds, in seconds, and how strongly it is drawn. */
const STEPS: readonly (readonly [upTo_s: number, opacity: number])[] = [
  [60, 1],
  [300, 0.72],
  [1800, 0.5],
  [Infinity, 0.34],
];

/** Return how strongly a marker of that age is drawn, 0.34 to 1; a time in the future is fresh, unknown is old. */
export function opacityOf(timestamp_ms: number | null, now_ms: number): number {
  if (timestamp_ms === null) return 0.34;
  const age_s = (now_ms - timestamp_ms) / 1000;
  for (const [upTo_s, opacity] of STEPS) if (age_s <= upTo_s) return opacity;
  return 0.34;
}

/** A device's clock is wrong when what it sent just now is dated more than this in the past or future. */
const CLOCK_WRONG_MS = 120_000;

/**
 * Return by how much a position was dated before it was received, in milliseconds, when that is worth saying;
 * negative when it is dated after. Null when it is normal, or not known.
 */
export function datedBefore_ms(timestamp_ms: number | null, received_ms: number | null): number | null {
  if (timestamp_ms === null || received_ms === null) return null;
  const off = received_ms - timestamp_ms;
  return Math.abs(off) > CLOCK_WRONG_MS ? off : null;
}
