/** One short tone for new alerts, only when it was switched on here; a burst is one tone. */

const KEY = "truckstream.alertSound";
const PAUSE_MS = 4000;
const LENGTH_S = 0.25;

let context: AudioContext | null = null;
let last_ms = -Infinity;

export function soundOn(): boolean {
  try {
    return localStorage.getItem(KEY) === "on";
  } catch {
    return false;
  }
}

/** Switch it; browsers let a page sound only after a press, so this must come from one. */
export function switchSound(on: boolean): void {
  try {
    if (on) localStorage.setItem(KEY, "on");
    else localStorage.removeItem(KEY);
  } catch {
    // Not kept, then; it holds for this visit.
  }
  if (on) play(performance.now());
}

/** Sound once; again only after a pause. */
export function play(now_ms: number): void {
  if (now_ms - last_ms < PAUSE_MS) return;
  last_ms = now_ms;
  context ??= new AudioContext();
  const tone = context.createOscillator();
  const loudness = context.createGain();
  tone.frequency.value = 660;
  loudness.gain.setValueAtTime(0.08, context.currentTime);
  loudness.gain.exponentialRampToValueAtTime(0.0001, context.currentTime + LENGTH_S);
  tone.connect(loudness).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + LENGTH_S);
}
