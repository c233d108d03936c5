/** The replay's clock: an instant of the day, a speed, and whether it runs. It owns no timer: `advance` is told how long. */

export const SPEEDS = [1, 5, 10, 30, 60, 120, 300, 600] as const;
const START_SPEED = 60;

export class Player {
  #at_ms: number;
  #from_ms: number;
  #to_ms: number;
  speed: number = START_SPEED;
  playing = false;

  constructor(from_ms: number, to_ms: number) {
    this.#from_ms = from_ms;
    this.#to_ms = Math.max(from_ms, to_ms);
    this.#at_ms = from_ms;
  }

  get at_ms(): number {
    return this.#at_ms;
  }

  /** Changes what can be played, for data that is still coming; the instant stays where it can. */
  setRange(from_ms: number, to_ms: number): void {
    this.#from_ms = from_ms;
    this.#to_ms = Math.max(from_ms, to_ms);
    this.seek(this.#at_ms);
  }

  seek(at_ms: number): void {
    this.#at_ms = Math.min(this.#to_ms, Math.max(this.#from_ms, at_ms));
  }

  /** Starts or stops; at the end it starts over. */
  toggle(): void {
    if (!this.playing && this.#at_ms >= this.#to_ms) this.#at_ms = this.#from_ms;
    this.playing = !this.playing;
  }

  /** Moves on by `elapsed_ms` of the watcher's time; returns whether the instant changed. A gap is jumped over. */
  advance(elapsed_ms: number, gapAt: (at_ms: number) => { to_ms: number } | null = () => null): boolean {
    if (!this.playing) return false;
    const before = this.#at_ms;
    let next = before + elapsed_ms * this.speed;
    const gap = gapAt(next);
    if (gap) next = Math.max(next, gap.to_ms);
    this.seek(next);
    if (this.#at_ms >= this.#to_ms) this.playing = false;
    return this.#at_ms !== before;
  }

  /** Goes to the next faster (+1) or slower (-1) speed. */
  shift(direction: 1 | -1): void {
    const at = SPEEDS.findIndex((speed) => speed >= this.speed);
    this.speed = SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + direction))]!;
  }
}
