/** Light or dark: the system's choice until somebody makes another one here; it is kept in this browser. */

export type Appearance = "light" | "dark";

const KEY = "truckstream.appearance";
const DARK = "(prefers-color-scheme: dark)";
/** Only listened to: whoever reads `matches` of a list before its event has come takes the event away (Chromium). */
const system = matchMedia(DARK);
const listeners = new Set<(appearance: Appearance) => void>();

function stored(): Appearance | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null; // storage may be forbidden
  }
}

function wantedBySystem(): Appearance {
  return matchMedia(DARK).matches ? "dark" : "light";
}

/** Return what is shown now. */
export function appearance(): Appearance {
  return stored() ?? wantedBySystem();
}

function apply(now = appearance()): void {
  if (document.documentElement.dataset.theme === now) return;
  document.documentElement.dataset.theme = now;
  for (const listener of listeners) listener(now);
}

/** Show the chosen appearance and follow the system's changes. */
export function startAppearance(): void {
  apply();
  system.addEventListener("change", () => apply());
  addEventListener("beforeprint", () => apply("light")); // paper is light
  addEventListener("afterprint", () => apply());
}

/** Switch to the other one; choosing the system's own forgets the choice, so that it is followed again. */
export function switchAppearance(): void {
  const next: Appearance = appearance() === "dark" ? "light" : "dark";
  try {
    if (next === wantedBySystem()) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    document.documentElement.dataset.theme = next; // not kept, but shown
    for (const listener of listeners) listener(next);
    return;
  }
  apply();
}

/** Call `listener` after every change; returns how to stop. */
export function onAppearance(listener: (appearance: Appearance) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Return the value of a design token, for canvas and map, which read no style sheets. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
