/**
 * Moving markers smoothly from one position to the next, where the renderer is hardware.
 *
 * Pure: time is an argument. Only trucks in view ease, and only while they are few: each step is an update of the map.
 */

export interface Place {
  longitude: number;
  latitude: number;
}

interface Motion {
  from: Place;
  to: Place;
  start_ms: number;
}

export const EASE_MS = 900;
export const MOST_EASED = 400;
/** A jump longer than this (about 1 km) is shown at once: nobody drives that in a second. */
const LONGEST_DEGREES = 0.01;

export class Easing {
  private readonly motions = new Map<string, Motion>();

  /** Start a motion from where the truck is drawn now; false when it should jump. */
  begin(id: string, drawn: Place, to: Place, now_ms: number): boolean {
    const far = Math.max(Math.abs(to.longitude - drawn.longitude), Math.abs(to.latitude - drawn.latitude));
    const full = !this.motions.has(id) && this.motions.size >= MOST_EASED;
    if (far > LONGEST_DEGREES || far === 0 || full) {
      this.motions.delete(id);
      return false;
    }
    this.motions.set(id, { from: drawn, to, start_ms: now_ms });
    return true;
  }

  stop(id: string): void {
    this.motions.delete(id);
  }

  clear(): void {
    this.motions.clear();
  }

  get busy(): boolean {
    return this.motions.size > 0;
  }

  /** Return where each moving truck is drawn now; those that have arrived are returned a last time. */
  step(now_ms: number): Map<string, Place> {
    const places = new Map<string, Place>();
    for (const [id, { from, to, start_ms }] of this.motions) {
      const part = Math.min(1, Math.max(0, (now_ms - start_ms) / EASE_MS));
      if (part >= 1) {
        this.motions.delete(id);
        places.set(id, to);
      } else {
        places.set(id, {
          longitude: from.longitude + (to.longitude - from.longitude) * part,
          latitude: from.latitude + (to.latitude - from.latitude) * part,
        });
      }
    }
    return places;
  }
}

/** Whether the name of a renderer is that of software drawing, where every frame costs the page's own time. */
export function isSoftwareRenderer(name: string): boolean {
  return /swiftshader|llvmpipe|softpipe|software|basic render|mesa offscreen/i.test(name);
}
