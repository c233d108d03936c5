/**
 * The live stream: one EventSource at a time, resumed by cursor, with back-off and jitter.
 *
 * A browser notices a dead connection late or never (a phone out of reach keeps its socket open), so silence longer
 * than the server ever allows (a heartbeat every 5 s) counts as a cut. Coming back on line or to the front tries at
 * once. Everything it needs from outside is an argument, so its behaviour is tested without a browser.
 */

import { Topics } from "./topics";
import type { Frame } from "./wire";

export type Box = readonly [west: number, south: number, east: number, north: number];

/** What an EventSource gives us; the real one, or a test's. */
export interface Source {
  onopen: (() => void) | null;
  onerror: (() => void) | null;
  addEventListener(type: "snapshot" | "frame", listener: (event: { data: string; lastEventId: string }) => void): void;
  close(): void;
}

export interface Outside {
  open(url: string): Source;
  monotonic(): number;
  after(delay_ms: number, action: () => void): () => void;
  random(): number;
  /** Why a stream may have failed: signed out, or the server away. */
  signedOut(): Promise<boolean>;
  signIn(): Promise<void>;
  post(path: string, body: unknown): Promise<unknown>;
}

export type Phase = "connecting" | "live" | "late" | "cut";

export interface Connection {
  phase: Phase;
  /** When the last frame came, on the monotonic clock; null before the first. */
  lastFrame_ms: number | null;
  /** When the connection was lost, on the monotonic clock. */
  cutSince_ms: number | null;
  /** When the next attempt is made, on the monotonic clock; null while one is under way. */
  nextAttempt_ms: number | null;
  attempts: number;
}

export interface LiveEvents {
  snapshot: Frame;
  frame: Frame;
  connection: Connection;
}

export const LATE_AFTER_MS = 8_000; // one heartbeat missed
export const CUT_AFTER_MS = 20_000; // four missed: the connection is dead, whatever the browser thinks
export const FRAME_MEASURE = "truckstream:frame";
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
const VIEWPORT_PAUSE_MS = 400;

export class LiveClient extends Topics<LiveEvents> {
  connection: Connection = {
    phase: "connecting",
    lastFrame_ms: null,
    cutSince_ms: null,
    nextAttempt_ms: null,
    attempts: 0,
  };
  private source: Source | null = null;
  private cursor: string | null = null;
  private streamId: string | null = null;
  private box: Box | null = null;
  private stopRetry: (() => void) | null = null;
  private stopWatch: (() => void) | null = null;
  private stopViewport: (() => void) | null = null;
  private stopped = false;

  constructor(private readonly outside: Outside) {
    super();
  }

  start(): void {
    this.stopped = false;
    this.connection = { ...this.connection, attempts: 0 };
    this.connect();
  }

  stop(): void {
    this.stopped = true;
    this.drop();
    this.stopRetry?.();
    this.stopViewport?.();
  }

  /** Age of the last frame in milliseconds; null before the first. */
  age_ms(): number | null {
    const { lastFrame_ms } = this.connection;
    return lastFrame_ms === null ? null : this.outside.monotonic() - lastFrame_ms;
  }

  /** Whole seconds until the next attempt; 0 when none is planned. */
  retryIn_s(): number {
    const { nextAttempt_ms } = this.connection;
    return nextAttempt_ms === null ? 0 : Math.max(0, Math.ceil((nextAttempt_ms - this.outside.monotonic()) / 1000));
  }

  /** Something else found the server away before the stream was opened; it tries again after the wait. */
  unreachable(wait_ms: number): void {
    const now = this.outside.monotonic();
    this.change({
      phase: "cut",
      cutSince_ms: this.connection.cutSince_ms ?? now,
      nextAttempt_ms: now + wait_ms,
      attempts: this.connection.attempts + 1,
    });
  }

  /** Say what the map shows: trucks inside come at once, others every 10 s. */
  setViewport(box: Box): void {
    this.box = box;
    this.stopViewport?.();
    this.stopViewport = this.outside.after(VIEWPORT_PAUSE_MS, () => this.sendViewport());
  }

  /** Try now, as when the network came back or somebody pressed the button. */
  retryNow(): void {
    if (this.stopped) return;
    const age = this.age_ms();
    if (this.source && this.connection.phase === "live" && age !== null && age < LATE_AFTER_MS) return;
    if (this.source && this.connection.phase === "connecting") return;
    this.connect();
  }

  private connect(): void {
    this.stopRetry?.();
    this.drop();
    const query = new URLSearchParams();
    if (this.box) query.set("bbox", this.box.map((degrees) => degrees.toFixed(4)).join(","));
    if (this.cursor) query.set("cursor", this.cursor);
    const text = query.toString();
    const source = this.outside.open(text ? `/api/v1/live?${text}` : "/api/v1/live");
    this.source = source;
    this.change({ nextAttempt_ms: null, attempts: this.connection.attempts + 1 });
    source.addEventListener("snapshot", (event) => this.receive(source, "snapshot", event));
    source.addEventListener("frame", (event) => this.receive(source, "frame", event));
    source.onerror = () => {
      if (source === this.source) this.fail();
    };
    this.watch();
  }

  private receive(source: Source, kind: "snapshot" | "frame", event: { data: string; lastEventId: string }): void {
    if (source !== this.source) return; // a late word of a connection already given up
    const start = performance.now();
    const frame = JSON.parse(event.data) as Frame;
    if (event.lastEventId) this.cursor = event.lastEventId;
    if (frame.stream_id) this.streamId = frame.stream_id;
    this.change({
      phase: "live",
      lastFrame_ms: this.outside.monotonic(),
      cutSince_ms: null,
      nextAttempt_ms: null,
      attempts: 0,
    });
    this.watch();
    this.tell(kind, frame);
    // The page's own work for one frame, without the renderer's: what bench/dashboard.py reads.
    performance.measure(FRAME_MEASURE, { start, detail: { kind, trucks: frame.trucks.length } });
  }

  /** Silence first makes the stream late, then counts as a cut. */
  private watch(): void {
    this.stopWatch?.();
    const since_ms = this.outside.monotonic();
    this.stopWatch = this.outside.after(LATE_AFTER_MS, () => {
      // A phone that slept wakes with one late timer, not with two: the clock tells how long it really was.
      if (this.outside.monotonic() - since_ms >= CUT_AFTER_MS) return this.fail();
      if (this.connection.phase === "live") this.change({ phase: "late" });
      this.stopWatch = this.outside.after(CUT_AFTER_MS - LATE_AFTER_MS, () => this.fail());
    });
  }

  private fail(): void {
    this.drop();
    const now = this.outside.monotonic();
    const doubled = FIRST_WAIT_MS * 2 ** Math.min(this.connection.attempts, 10);
    // Jitter over half of the wait: a thousand pages must not come back in the same second.
    const wait_ms = Math.min(LONGEST_WAIT_MS, doubled) * (0.5 + this.outside.random() / 2);
    this.change({ phase: "cut", cutSince_ms: this.connection.cutSince_ms ?? now, nextAttempt_ms: now + wait_ms });
    this.stopRetry?.();
    this.stopRetry = this.outside.after(wait_ms, () => this.connect());
    void this.askWhy();
  }

  /** An EventSource does not tell its status: signed out looks like a dead server until asked. */
  private async askWhy(): Promise<void> {
    if (!(await this.outside.signedOut().catch(() => false)) || this.stopped) return;
    this.stopRetry?.();
    this.change({ nextAttempt_ms: null });
    await this.outside.signIn();
    if (!this.stopped) this.connect();
  }

  private sendViewport(): void {
    if (!this.streamId || !this.box || !this.source) return;
    const box = this.box;
    this.outside
      .post(`/api/v1/live/${encodeURIComponent(this.streamId)}/viewport`, { bbox: box })
      // The server no longer knows this stream (it restarted): a new connection carries the box with it.
      .catch((error: { status?: number }) => {
        if (error.status === 404) this.retryNow();
      });
  }

  private drop(): void {
    this.stopWatch?.();
    this.stopWatch = null;
    this.source?.close();
    this.source = null;
  }

  private change(change: Partial<Connection>): void {
    this.connection = { ...this.connection, ...change };
    this.tell("connection", this.connection);
  }
}
