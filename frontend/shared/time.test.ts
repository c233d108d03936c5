import { describe, expect, test } from "vitest";
import {
  addDays,
  ageLabel,
  clockLabel,
  dayLabel,
  daysBetween,
  durationLabel,
  hoursInDay,
  isDate,
  isZone,
  localDate,
  localLabel,
  offsetLabel,
  periodLabel,
  searchZones,
  shortPeriod,
  startOfDay,
  zoneNames,
} from "./time";

const at = (text: string): number => Date.parse(text);

describe("local days", () => {
  test("a day starts at local midnight", () => {
    expect(startOfDay("2015-09-06", "America/Chicago")).toBe(at("2015-09-06T05:00:00Z"));
    expect(startOfDay("2024-01-15", "Europe/Zurich")).toBe(at("2024-01-14T23:00:00Z"));
    expect(startOfDay("2024-01-15", "Asia/Kathmandu")).toBe(at("2024-01-14T18:15:00Z"));
    expect(startOfDay("2024-01-15", "UTC")).toBe(at("2024-01-15T00:00:00Z"));
  });
  test("a day on which clocks change has 23 or 25 hours", () => {
    expect(hoursInDay("2024-03-31", "Europe/Zurich")).toBe(23);
    expect(hoursInDay("2024-10-27", "Europe/Zurich")).toBe(25);
    expect(hoursInDay("2015-03-08", "America/Chicago")).toBe(23);
    expect(hoursInDay("2015-11-01", "America/Chicago")).toBe(25);
    expect(hoursInDay("2024-04-07", "Australia/Lord_Howe")).toBe(24.5);
    expect(hoursInDay("2024-06-01", "Europe/Zurich")).toBe(24);
  });
  test("a day that begins after midnight begins at its first instant", () => {
    expect(startOfDay("2018-11-04", "America/Sao_Paulo")).toBe(at("2018-11-04T03:00:00Z"));
    expect(hoursInDay("2018-11-04", "America/Sao_Paulo")).toBe(23);
    expect(localDate(startOfDay("2024-04-26", "Africa/Cairo"), "Africa/Cairo")).toBe("2024-04-26");
    expect(localDate(startOfDay("2024-04-26", "Africa/Cairo") - 1, "Africa/Cairo")).toBe("2024-04-25");
  });
  test("a day whose midnight comes twice begins at the first one", () => {
    // Havana: 2024-11-03 01:00 goes back to 00:00, so midnight is at 04:00Z and again at 05:00Z.
    expect(startOfDay("2024-11-03", "America/Havana")).toBe(at("2024-11-03T04:00:00Z"));
    expect(hoursInDay("2024-11-03", "America/Havana")).toBe(25);
  });
  test("a day that a zone skipped has no hours", () => {
    expect(hoursInDay("2011-12-30", "Pacific/Apia")).toBe(0);
  });
  test("every day of a year starts where the one before ended, in many zones", () => {
    for (const zone of ["Europe/Zurich", "America/Chicago", "Australia/Lord_Howe", "Asia/Tehran", "UTC"]) {
      let date = "2021-01-01";
      for (let day = 0; day < 365; day += 1, date = addDays(date, 1)) {
        const start = startOfDay(date, zone);
        expect(localDate(start, zone)).toBe(date);
        expect(localDate(start - 1, zone)).toBe(addDays(date, -1));
      }
    }
  });
  test("dates are counted without a zone", () => {
    expect(addDays("2024-02-28", 2)).toBe("2024-03-01");
    expect(daysBetween("2024-03-30", "2024-04-01")).toBe(2);
    expect(isDate("2024-02-30")).toBe(false);
    expect(isDate("2024-02-29")).toBe(true);
    expect(isDate("15.1.2024")).toBe(false);
  });
});

describe("labels", () => {
  test("a duration reads as hours and minutes", () => {
    expect(durationLabel(125 * 60_000)).toBe("2 h 05 min");
    expect(durationLabel(45_000)).toBe("45 s");
    expect(durationLabel(59_900)).toBe("1 min");
    expect(durationLabel(12 * 60_000)).toBe("12 min");
    expect(durationLabel(0)).toBe("0 s");
    expect(durationLabel(1234 * 3_600_000)).toBe("1,234 h 00 min");
    expect(durationLabel(-90_000)).toBe("\u22122 min");
    expect(durationLabel(null)).toBe("\u2013");
  });
  test("an age says ago, and a clock that is ahead says so", () => {
    expect(ageLabel(1000, 13_000)).toBe("12 s ago");
    expect(ageLabel(11_000_000, 0)).toBe("in 3 h 03 min");
    expect(ageLabel(0, 5 * 86_400_000)).toBe("5 d ago");
    expect(ageLabel(500, 0)).toBe("0 s ago");
    expect(ageLabel(null, 0)).toBe("\u2013");
  });
  test("instants show the wall clock of the zone", () => {
    const noon = at("2015-09-06T17:05:12.345Z");
    expect(localLabel(noon, "America/Chicago")).toBe("2015-09-06 12:05:12");
    expect(clockLabel(noon, "Asia/Kolkata")).toBe("22:35");
    expect(clockLabel(at("2024-01-15T23:00:00Z"), "Europe/Zurich")).toBe("00:00");
    expect(localLabel(undefined, "UTC")).toBe("\u2013");
  });
  test("offsets carry a sign", () => {
    expect(offsetLabel(at("2015-09-06T12:00:00Z"), "America/Chicago")).toBe("UTC\u221205:00");
    expect(offsetLabel(at("2015-09-06T12:00:00Z"), "Asia/Kolkata")).toBe("UTC+05:30");
    expect(offsetLabel(at("2015-01-06T12:00:00Z"), "Europe/London")).toBe("UTC");
  });
  test("a period names its year once", () => {
    expect(dayLabel("2015-09-06")).toBe("Sun 6 Sep 2015");
    expect(periodLabel("2015-09-06", "2015-09-06")).toBe("Sun 6 Sep 2015");
    expect(periodLabel("2015-09-06", "2015-09-12")).toBe("Sun 6 Sep \u2013 Sat 12 Sep 2015");
    expect(shortPeriod("2015-08-30", "2015-09-05")).toBe("30 Aug \u2013 5 Sep");
    expect(shortPeriod("2015-09-06", "2015-09-12")).toBe("6\u201312 Sep");
    expect(shortPeriod("2015-09-06", "2015-09-06")).toBe("6 Sep");
    expect(periodLabel("2015-12-31", "2016-01-01")).toBe("Thu 31 Dec 2015 \u2013 Fri 1 Jan 2016");
  });
});

describe("zones", () => {
  test("names are checked", () => {
    expect(isZone("Europe/Zurich")).toBe(true);
    expect(isZone("UTC")).toBe(true);
    expect(isZone("Mars/Olympus")).toBe(false);
    expect(isZone("")).toBe(false);
    expect(isZone("+02:00")).toBe(false);
  });
  test("a search takes parts of the name, the city first", () => {
    const names = zoneNames();
    expect(names[0]).toBe("UTC");
    expect(searchZones(names, "zur")[0]).toBe("Europe/Zurich");
    expect(searchZones(names, "new york")).toEqual(["America/New_York"]);
    expect(searchZones(names, "nowhere")).toEqual([]);
  });
});
