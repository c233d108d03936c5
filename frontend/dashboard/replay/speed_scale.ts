/**
 * Speeds as colours: seven classes of one hue ramp, dark on light and light on dark, told apart without colour vision
 * by lightness alone. Unknown speed is grey, and never 0.
 */

export const EDGES_KMH = [5, 20, 40, 60, 80, 100] as const;
export const UNKNOWN_CLASS = EDGES_KMH.length + 1;

/** viridis sampled at seven places: monotone in lightness, so it also prints. Class 7 is unknown. */
export const COLOURS = {
  light: ["#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#b0c800", "#8a9099"],
  dark: ["#7b4f9d", "#6a67c2", "#4f8fd0", "#3fb1c5", "#3fcfa6", "#86e06b", "#fde725", "#8a9099"],
} as const;

/** Returns 0 to 6 for a speed, 7 when it is unknown. */
export function speedClass(speed_kmh: number | null): number {
  if (speed_kmh === null || Number.isNaN(speed_kmh)) return UNKNOWN_CLASS;
  const at = EDGES_KMH.findIndex((edge) => speed_kmh < edge);
  return at < 0 ? EDGES_KMH.length : at;
}

/** Returns the classes with their words, for the legend. */
export function legend(): { index: number; words: string }[] {
  const words = EDGES_KMH.map((edge, i) => (i ? `${EDGES_KMH[i - 1]}–${edge}` : `under ${edge}`));
  return [...words, `over ${EDGES_KMH[EDGES_KMH.length - 1]}`, "unknown"].map((text, index) => ({
    index,
    words: text,
  }));
}
