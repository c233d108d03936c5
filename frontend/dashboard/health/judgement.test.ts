import { expect, test } from "vitest";
import { bytesText, compactOf, findingsOf, type Health } from "./judgement";

const GOOD: Health = {
  now: "2024-01-15T14:00:00.000Z",
  records_per_s: 200,
  positions_per_s: 200,
  consumers: {
    dashboard: { records: 0, age_ms: 0 },
    geofence: { records: 3, age_ms: 400 },
    archive: { records: 900, age_ms: 5000 },
  },
  rejected: { count: 0, reasons: [] },
  archive: { newest: "2024-01-15T13:59:00.000Z", files: 12, bytes: 4_812_345 },
  outbox: 0,
  trucks: 1000,
  writer: "truckstream run (process 4242)",
};

test("a pipeline that keeps up says so and nothing else", () => {
  expect(findingsOf(GOOD)).toHaveLength(1);
  expect(compactOf(GOOD)).toEqual({ level: "good", words: "keeps up" });
});

test("lag is named with the consumer, its meaning and what to do, the worst first", () => {
  const health: Health = {
    ...GOOD,
    consumers: {
      dashboard: { records: 1200, age_ms: 45_000 },
      geofence: { records: 90_000, age_ms: 7_500_000 },
      archive: { records: null, age_ms: 131_000 },
    },
  };
  const [worst, second] = findingsOf(health);
  expect(worst).toMatchObject({ level: "bad", title: "Geofence alerts are 2 h 05 min behind" });
  expect(worst!.meaning).toContain("none is lost");
  expect(worst!.meaning).toContain("90,000");
  expect(second!.level).toBe("notice");
  expect(findingsOf(health).map((finding) => finding.title)).toContain("The map is 45 s behind");
  expect(compactOf(health).level).toBe("bad");
});

test("what holds a consumer up on the backend is said in its words", () => {
  const state = "Disabled: too many failures";
  const [finding] = findingsOf({ ...GOOD, consumers: { geofence: { records: null, age_ms: null, state } } });
  expect(finding).toMatchObject({ level: "bad", title: "Geofence alerts are held up" });
  expect(finding!.meaning).toContain(state);
});

test("rejected records name the commonest reason and how to send them again", () => {
  const health = { ...GOOD, rejected: { count: 1204, reasons: [{ reason: "latitude out of range", count: 1200 }] } };
  const [finding] = findingsOf(health);
  expect(finding!.title).toBe("1,204\u00a0records rejected");
  expect(finding!.meaning).toContain("latitude out of range (1,200)");
  expect(finding!.action).toContain("truckstream rejected");
});

test("a stopped pipeline is a notice, and lag then does not promise to catch up", () => {
  const health = { ...GOOD, writer: null, consumers: { archive: { records: 10, age_ms: 600_000 } } };
  const findings = findingsOf(health);
  expect(findings.map((finding) => finding.title)).toContain("No pipeline is running");
  expect(findings.find((finding) => finding.title.startsWith("The archive"))!.action).toContain(
    "when a pipeline runs again",
  );
});

test("a pipeline nobody can ask is not taken for one that keeps up", () => {
  expect(compactOf(null)).toEqual({ level: "notice", words: "Pipeline unknown" });
  const [finding] = findingsOf({ ...GOOD, consumers: {}, writer: "AWS Lambda" });
  expect(finding).toMatchObject({ level: "notice", title: "How far the consumers are is unknown" });
});

test("a receiver that does not answer shows in the outbox", () => {
  expect(findingsOf({ ...GOOD, outbox: 5 })[0]!.level).toBe("good");
  expect(findingsOf({ ...GOOD, outbox: 5000 })[0]).toMatchObject({
    level: "bad",
    title: "5,000\u00a0alerts wait to be sent",
  });
});

test("sizes are read by people", () => {
  expect([bytesText(0), bytesText(999), bytesText(4_812_345), bytesText(81_000_000_000)]).toEqual([
    "0\u00a0B",
    "999\u00a0B",
    "4.8\u00a0MB",
    "81\u00a0GB",
  ]);
});
