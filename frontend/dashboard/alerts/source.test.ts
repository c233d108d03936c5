import { afterEach, expect, test, vi } from "vitest";
import { AlertFeed, NO_FILTER } from "./feed";
import { AlertSource } from "./source";

afterEach(() => void vi.unstubAllGlobals());

/** A server whose log has so many alerts, which answers with at most the asked number from the cursor on. */
function serve(total: number): void {
  vi.stubGlobal("fetch", (url: string) => {
    const query = new URL(url, "http://localhost").searchParams;
    const [from, limit] = [Number(query.get("cursor") ?? 0), Number(query.get("limit"))];
    const end = query.get("geofence") ? from : Math.min(total, from + limit);
    const items = Array.from({ length: end - from }, (_, i) => ({ alert_id: `a${from + i}`, timestamp: "2024-01-15" }));
    const next = end < total && items.length ? String(end) : null;
    return Promise.resolve(Response.json({ items, next }));
  });
}

test("what is open is known to be all of it only once the whole log was read", async () => {
  serve(250);
  const feed = new AlertFeed();
  const source = new AlertSource(feed);
  await source.older(NO_FILTER);
  expect([feed.size, source.complete]).toEqual([200, false]);
  source.restart();
  await source.older({ ...NO_FILTER, geofence_id: "yard" }); // its end is not that of the log
  expect([source.ended, source.complete]).toEqual([true, false]);
  source.restart();
  await source.older(NO_FILTER);
  await source.older(NO_FILTER);
  expect([feed.size, source.complete]).toEqual([250, true]);
});

test("a catch-up that reaches the first alert has read the whole log", async () => {
  serve(250);
  const source = new AlertSource(new AlertFeed());
  await source.catchUp("2024-01-14");
  expect(source.complete).toBe(true);
});
