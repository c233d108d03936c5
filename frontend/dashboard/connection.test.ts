import { expect, test } from "vitest";
import { describe as told } from "./connection";
import type { Connection, LiveClient } from "./live";

const client = (connection: Partial<Connection>, age_ms: number | null, wait_s = 0): LiveClient =>
  ({
    connection: { phase: "live", lastFrame_ms: 0, cutSince_ms: null, nextAttempt_ms: null, attempts: 0, ...connection },
    age_ms: () => age_ms,
    retryIn_s: () => wait_s,
  }) as unknown as LiveClient;

const NOW = Date.parse("2024-01-15T13:05:12Z");

test("all is well in one word", () => {
  expect(told(client({}, 900), NOW, "Europe/Zurich")).toEqual({ sign: "live", notice: null });
});

test("late data say how old they are", () => {
  expect(told(client({ phase: "late" }, 12_000), NOW, "UTC").sign).toBe("12 s old");
});

test("a lost connection says since when, in the shown zone, and when it tries again", () => {
  const { sign, notice } = told(client({ phase: "cut", nextAttempt_ms: 1 }, 600_000, 7), NOW, "Europe/Zurich");
  expect(sign).toBe("reconnecting");
  expect(notice).toBe(
    "No connection since 13:55:12 (10 min ago). The positions shown are from then. Trying again in 7 s.",
  );
});

test("a server that cannot read its stores says so, although the connection is fine", () => {
  const { sign, notice } = told(client({}, 500), NOW, "UTC", NOW - 90_000);
  expect(sign).toBe("stale");
  expect(notice).toBe(
    "The server cannot read its data since 13:03:42 (2 min ago) and keeps trying. The positions shown are from then.",
  );
});

test("a server that never answered is not called lost", () => {
  const { notice } = told(client({ phase: "cut", attempts: 3 }, null), NOW, "UTC");
  expect(notice).toBe("The server does not answer, after 3 attempts. Trying again now.");
});
