import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CUT_AFTER_MS, LATE_AFTER_MS, LiveClient } from "./live";
import type { Outside, Source } from "./live";

class Line implements Source {
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  closed = false;
  private readonly listeners = new Map<string, (event: { data: string; lastEventId: string }) => void>();

  constructor(readonly url: string) {}

  addEventListener(type: "snapshot" | "frame", listener: (event: { data: string; lastEventId: string }) => void): void {
    this.listeners.set(type, listener);
  }

  close(): void {
    this.closed = true;
  }

  say(type: "snapshot" | "frame", id: string, frame: object = {}): void {
    this.listeners.get(type)?.({ data: JSON.stringify({ now_ms: 1, trucks: [], ...frame }), lastEventId: id });
  }
}

let lines: Line[];
let posted: [string, unknown][];
let signedOut: boolean;
let finishSignIn: () => void;
let client: LiveClient;

const line = (): Line => lines.at(-1) as Line;

beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  posted = [];
  signedOut = false;
  const outside: Outside = {
    open: (url) => {
      lines.push(new Line(url));
      return line();
    },
    monotonic: () => Date.now(),
    after: (delay_ms, action) => {
      const timer = setTimeout(action, delay_ms);
      return () => clearTimeout(timer);
    },
    random: () => 1,
    signedOut: () => Promise.resolve(signedOut),
    signIn: () =>
      new Promise((resolve) => {
        finishSignIn = resolve;
      }),
    post: (path, body) => {
      posted.push([path, body]);
      return Promise.resolve(null);
    },
  };
  client = new LiveClient(outside);
  client.start();
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
});

test("it is live with the first frame, late after a missed heartbeat, and live again with the next", () => {
  expect(client.connection.phase).toBe("connecting");
  line().say("snapshot", "7");
  expect(client.connection.phase).toBe("live");
  vi.advanceTimersByTime(LATE_AFTER_MS);
  expect(client.connection.phase).toBe("late");
  expect(client.age_ms()).toBe(LATE_AFTER_MS);
  line().say("frame", "8");
  expect(client.connection.phase).toBe("live");
});

test("a connection that is silent too long is dead, whatever the browser thinks", () => {
  line().say("snapshot", "7");
  const first = line();
  vi.advanceTimersByTime(CUT_AFTER_MS);
  expect(first.closed).toBe(true);
  expect(client.connection.phase).toBe("cut");
  vi.advanceTimersByTime(1000);
  expect(lines).toHaveLength(2);
});

test("a phone that slept through both limits knows at once that the connection is dead", () => {
  line().say("snapshot", "7");
  vi.setSystemTime(Date.now() + 600_000); // timers stood still
  vi.advanceTimersByTime(LATE_AFTER_MS);
  expect(client.connection.phase).toBe("cut");
});

test("it resumes from the last cursor", () => {
  line().say("snapshot", "7");
  line().say("frame", "8");
  line().onerror?.();
  vi.advanceTimersByTime(1000);
  expect(line().url).toBe("/api/v1/live?cursor=8");
});

test("waits double up to half a minute, and start small again after a frame", () => {
  const waits: number[] = [];
  for (let attempt = 0; attempt < 8; attempt++) {
    line().onerror?.();
    waits.push((client.connection.nextAttempt_ms as number) - Date.now());
    vi.advanceTimersByTime(waits.at(-1) as number);
  }
  expect(waits).toEqual([2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000]);
  line().say("snapshot", "1");
  line().onerror?.();
  expect((client.connection.nextAttempt_ms as number) - Date.now()).toBe(1000);
});

test("the cut keeps its beginning over failed attempts", () => {
  line().say("snapshot", "1");
  line().onerror?.();
  const since = client.connection.cutSince_ms;
  vi.advanceTimersByTime(1000);
  line().onerror?.();
  vi.advanceTimersByTime(5000);
  expect(client.connection.cutSince_ms).toBe(since);
});

test("the network coming back tries at once, but leaves a healthy stream alone", () => {
  line().say("snapshot", "1");
  client.retryNow();
  expect(lines).toHaveLength(1);
  line().onerror?.();
  client.retryNow();
  expect(lines).toHaveLength(2);
  vi.advanceTimersByTime(5000);
  expect(lines).toHaveLength(2); // the planned attempt is off
});

test("a late word of a connection given up is not believed", () => {
  const first = line();
  first.onerror?.();
  vi.advanceTimersByTime(2000);
  const heard = vi.fn();
  client.on("snapshot", heard);
  first.say("snapshot", "1");
  expect(heard).not.toHaveBeenCalled();
  line().say("snapshot", "2");
  expect(heard).toHaveBeenCalledOnce();
});

test("a signed-out browser is asked to sign in instead of trying for ever", async () => {
  signedOut = true;
  line().onerror?.();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines).toHaveLength(1);
  finishSignIn();
  await vi.advanceTimersByTimeAsync(0);
  expect(lines).toHaveLength(2);
});

test("the viewport is sent once the map rests, and again with a new connection", () => {
  line().say("snapshot", "1", { stream_id: "s1" });
  client.setViewport([8, 47, 9, 48]);
  client.setViewport([8.1, 47, 9, 48]);
  vi.advanceTimersByTime(1000);
  expect(posted).toEqual([["/api/v1/live/s1/viewport", { bbox: [8.1, 47, 9, 48] }]]);
  line().onerror?.();
  vi.advanceTimersByTime(1000);
  expect(line().url).toBe("/api/v1/live?bbox=8.1000%2C47.0000%2C9.0000%2C48.0000&cursor=1");
});

test("stopped means stopped: no attempt, no late answer", async () => {
  line().onerror?.();
  client.stop();
  await vi.advanceTimersByTimeAsync(120_000);
  client.retryNow();
  expect(lines).toHaveLength(1);
});
