/** Pipeline health in words: what is wrong, what it means and what to do, worst first. Pure: "now" is in the answer. */

import { count, number, withUnit } from "../../shared/format";
import { ageLabel, durationLabel } from "../../shared/time";
import type { Health } from "../wire";

export type { Health } from "../wire";

export type Level = "good" | "notice" | "bad";

export interface Finding {
  readonly level: Level;
  readonly title: string;
  readonly meaning: string;
  readonly action: string;
}

/** Behind by more than this, a dispatcher sees it: a few intervals of a truck. */
const LAG_NOTICE_MS = 30_000;
const LAG_BAD_MS = 300_000;
/** The archive collects for half a minute before it writes a file. */
const ARCHIVE_LAG_NOTICE_MS = 120_000;
const ARCHIVE_NOTICE_MS = 15 * 60_000;
const OUTBOX_NOTICE = 1;
const OUTBOX_BAD = 1000;

const CONSUMERS: Record<string, { name: string; meaning: string }> = {
  dashboard: { name: "The map", meaning: "Trucks on the map and in the list are shown where they were then." },
  geofence: { name: "Geofence alerts", meaning: "Alerts come late; none is lost." },
  archive: { name: "The archive", meaning: "History, replay and reports end there for now; nothing is lost." },
};

export function consumerName(key: string): string {
  return CONSUMERS[key]?.name ?? key;
}

/** Returns what to know about the pipeline, the worst first; one good finding when there is nothing. */
export function findingsOf(health: Health): Finding[] {
  const findings = [
    ...writer(health),
    ...unasked(health),
    ...heldUp(health),
    ...lags(health),
    ...rejected(health),
    ...archive(health),
    ...outbox(health),
  ];
  const rank: Record<Level, number> = { bad: 0, notice: 1, good: 2 };
  findings.sort((a, b) => rank[a.level] - rank[b.level]);
  if (findings.length) return findings;
  return [
    { level: "good", title: "Everything keeps up", meaning: "All consumers are at the end of the stream.", action: "" },
  ];
}

/** Returns the worst level and a word for the header: "keeps up", "map 2 min behind", ... Null: nobody can tell. */
export function compactOf(health: Health | null): { level: Level; words: string } {
  if (!health) return { level: "notice", words: "Pipeline unknown" };
  const worst = findingsOf(health)[0]!;
  return { level: worst.level, words: worst.level === "good" ? "keeps up" : worst.title };
}

export function bytesText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let value = bytes;
  while (value >= 1000 && at < units.length - 1) [value, at] = [value / 1000, at + 1];
  return withUnit(value, units[at]!, at && value < 10 ? 1 : 0);
}

function writer(health: Health): Finding[] {
  if (health.writer) return [];
  return [
    {
      level: "notice",
      title: "No pipeline is running",
      meaning: "This page shows what was stored; nothing new is taken in here.",
      action: "Start truckstream run (or replay) with the same data directory; on AWS deploy the functions.",
    },
  ];
}

function unasked(health: Health): Finding[] {
  if (!health.writer || Object.keys(health.consumers).length) return [];
  return [
    {
      level: "notice",
      title: "How far the consumers are is unknown",
      meaning: "The map, alerts and archive may be behind without this page knowing.",
      action: "Give whoever runs this server the operator policy (docs/operations.md, Who may do what).",
    },
  ];
}

function heldUp(health: Health): Finding[] {
  return Object.entries(health.consumers)
    .filter(([, { state }]) => state)
    .map(([key, { state }]) => ({
      level: "bad",
      title: `${consumerName(key)} ${verb(key)} held up`,
      meaning: `The backend says: ${state}. ${CONSUMERS[key]?.meaning ?? ""}`.trim(),
      action: "truckstream status shows the same; mend what it names, and it goes on where it stopped.",
    }));
}

function verb(key: string): string {
  return consumerName(key).endsWith("s") ? "are" : "is";
}

/** Returns how bad it is that a consumer is that far behind. */
export function lagLevel(key: string, lag: { records: number | null; age_ms: number | null }): Level {
  if (lag.age_ms === null || lag.records === 0) return "good";
  if (lag.age_ms >= LAG_BAD_MS) return "bad";
  return lag.age_ms >= (key === "archive" ? ARCHIVE_LAG_NOTICE_MS : LAG_NOTICE_MS) ? "notice" : "good";
}

function lags(health: Health): Finding[] {
  return Object.entries(health.consumers)
    .filter(([key, lag]) => lagLevel(key, lag) !== "good")
    .map(([key, lag]) => [key, { records: lag.records, age_ms: lag.age_ms ?? 0 }] as const)
    .sort(([, a], [, b]) => b.age_ms - a.age_ms)
    .map(([key, lag]) => ({
      level: lagLevel(key, lag),
      title: `${consumerName(key)} ${verb(key)} ${durationLabel(lag.age_ms)} behind`,
      meaning:
        `${lag.records === null ? "" : `${count(lag.records, "record")} wait. `}${CONSUMERS[key]?.meaning ?? ""}`.trim(),
      action: health.writer
        ? "It catches up by itself. If the delay grows, look for the reason in truckstream status and the log."
        : "It goes on when a pipeline runs again.",
    }));
}

function rejected(health: Health): Finding[] {
  const { count: n, reasons } = health.rejected;
  if (!n) return [];
  const first = reasons[0];
  return [
    {
      level: "notice",
      title: `${count(n, "record")} rejected`,
      meaning: first
        ? `Most often: ${first.reason} (${number(first.count)}). They were set aside whole and block nothing.`
        : "They were set aside whole and block nothing.",
      action: "See them with truckstream rejected; mend the device or the producer, then send them again from there.",
    },
  ];
}

function archive(health: Health): Finding[] {
  const newest = health.archive.newest ? Date.parse(health.archive.newest) : null;
  const now = Date.parse(health.now);
  if (!health.writer || newest === null || now - newest < ARCHIVE_NOTICE_MS || !health.records_per_s) return [];
  return [
    {
      level: "notice",
      title: `The archive ends ${ageLabel(newest, now)}`,
      meaning: "Replay and reports do not know the time since; the positions are still in the stream.",
      action: "Look whether the disk is full: truckstream status names what the archive waits for.",
    },
  ];
}

function outbox(health: Health): Finding[] {
  if (health.outbox < OUTBOX_NOTICE) return [];
  const bad = health.outbox >= OUTBOX_BAD;
  if (!bad && health.outbox < 20) return [];
  return [
    {
      level: bad ? "bad" : "notice",
      title: `${count(health.outbox, "alert")} wait to be sent`,
      meaning: "They are in this list already; their receiver (webhook, topic) has not taken them yet.",
      action: "Look whether the receiver answers. They are sent in order as soon as it does.",
    },
  ];
}
