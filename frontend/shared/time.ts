/**
 * Instants, local dates, ages and durations, in any IANA time zone.
 *
 * An instant is a number of milliseconds since the epoch, a local date is `YYYY-MM-DD` and belongs to a zone. A day
 * lasts from the first instant that carries its date to the first one of the next: 23, 24 or 25 hours, or none at
 * all where a zone skipped it. "Now" is always an argument. Unknown is an en dash.
 */

export const UNKNOWN = "\u2013";
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

const clocks = new Map<string, Intl.DateTimeFormat>();

/** Formatters are expensive to make and cheap to use: one per zone. */
function clock(zone: string): Intl.DateTimeFormat {
  let found = clocks.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      era: "short",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    clocks.set(zone, found);
  }
  return found;
}

/** Local wall clock of an instant. */
export interface LocalTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

export function localTime(instant_ms: number, zone: string): LocalTime {
  const found: Record<string, string> = {};
  for (const part of clock(zone).formatToParts(instant_ms)) found[part.type] = part.value;
  const year = Number(found.year);
  return {
    year: found.era === "BC" ? 1 - year : year,
    month: Number(found.month),
    day: Number(found.day),
    hour: Number(found.hour),
    minute: Number(found.minute),
    second: Number(found.second),
  };
}

const two = (value: number): string => String(value).padStart(2, "0");

function dateText(year: number, month: number, day: number): string {
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
}

/** The local date of an instant. */
export function localDate(instant_ms: number, zone: string): string {
  const { year, month, day } = localTime(instant_ms, zone);
  return dateText(year, month, day);
}

/** How far local clocks are ahead of UTC, in milliseconds. */
export function offsetMs(instant_ms: number, zone: string): number {
  const at = localTime(instant_ms, zone);
  const wall = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
  return wall - Math.floor(instant_ms / 1000) * 1000;
}

/** `UTC+05:30`, `UTC` for no offset. */
export function offsetLabel(instant_ms: number, zone: string): string {
  const minutes = Math.round(offsetMs(instant_ms, zone) / MINUTE_MS);
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "\u2212" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** Whether a text is a date that exists in the calendar. */
export function isDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text);
}

/** The date some days later (or earlier); no zone is involved. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** How many days `to` is after `from`. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}

/** The first instant whose local date is `date` or later. */
export function startOfDay(date: string, zone: string): number {
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // Offsets lie within a day of UTC, and within three days a zone changes its clocks at most once: bisect to it.
  let before = midnight - 1.5 * DAY_MS;
  let after = midnight + 1.5 * DAY_MS;
  const guess = midnight - offsetMs(midnight - offsetMs(midnight, zone), zone);
  if (localDate(guess, zone) >= date) after = guess;
  else before = guess;
  if (localDate(after - 1, zone) < date) return after;
  while (after - before > 1000) {
    const middle = Math.floor((before + after) / 2000) * 1000;
    if (middle <= before) break;
    if (localDate(middle, zone) >= date) after = middle;
    else before = middle;
  }
  return after;
}

/** How long the local day lasts, in hours: 24 but where the clocks change. */
export function hoursInDay(date: string, zone: string): number {
  return (startOfDay(addDays(date, 1), zone) - startOfDay(date, zone)) / HOUR_MS;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** `Sun 6 Sep 2015`; without the year where it is known. */
export function dayLabel(date: string, options: { year?: boolean; weekday?: boolean } = {}): string {
  const at = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(at.getTime())) return UNKNOWN;
  const words = [String(at.getUTCDate()), MONTHS[at.getUTCMonth()]];
  if (options.weekday !== false) words.unshift(WEEKDAYS[at.getUTCDay()] as string);
  if (options.year !== false) words.push(String(at.getUTCFullYear()));
  return words.join(" ");
}

/** `Sun 6 Sep \u2013 Sat 12 Sep 2015`, one day alone for a period of one. */
export function periodLabel(from: string, to: string): string {
  if (from === to) return dayLabel(from);
  return `${dayLabel(from, { year: from.slice(0, 4) !== to.slice(0, 4) })} \u2013 ${dayLabel(to)}`;
}

/** `11\u201317 Nov`, `30 Aug \u2013 5 Sep`: without weekdays and years, for notes beside a period that has them. */
export function shortPeriod(from: string, to: string): string {
  const plain = (date: string): string => dayLabel(date, { year: false, weekday: false });
  if (from === to) return plain(from);
  if (from.slice(0, 7) === to.slice(0, 7)) return `${Number(from.slice(8))}\u2013${plain(to)}`;
  return `${plain(from)} \u2013 ${plain(to)}`;
}

/** `14:05`, or `14:05:12` with seconds. */
export function clockLabel(instant_ms: number | null | undefined, zone: string, seconds = false): string {
  if (instant_ms === null || instant_ms === undefined || !Number.isFinite(instant_ms)) return UNKNOWN;
  const at = localTime(instant_ms, zone);
  return `${two(at.hour)}:${two(at.minute)}${seconds ? `:${two(at.second)}` : ""}`;
}

/** `2015-09-06 14:05:12`, the local wall clock. */
export function localLabel(instant_ms: number | null | undefined, zone: string, seconds = true): string {
  if (instant_ms === null || instant_ms === undefined || !Number.isFinite(instant_ms)) return UNKNOWN;
  return `${localDate(instant_ms, zone)} ${clockLabel(instant_ms, zone, seconds)}`;
}

/** `2 h 05 min`, `12 min`, `45 s`, `3 d 04 h`. */
export function durationLabel(duration_ms: number | null | undefined): string {
  if (duration_ms === null || duration_ms === undefined || !Number.isFinite(duration_ms)) return UNKNOWN;
  const sign = duration_ms < 0 ? "\u2212" : "";
  const size = Math.abs(duration_ms);
  if (size < MINUTE_MS) return `${sign}${Math.round(size / 1000)} s`.replace("60 s", "1 min");
  const minutes = Math.round(size / MINUTE_MS);
  if (minutes < 60) return `${sign}${minutes} min`;
  return `${sign}${Math.floor(minutes / 60).toLocaleString("en-US")} h ${two(minutes % 60)} min`;
}

/** `12 s ago`: how old something is; `in 3 h 00 min` for a clock that is ahead. */
export function ageLabel(instant_ms: number | null | undefined, now_ms: number): string {
  if (instant_ms === null || instant_ms === undefined || !Number.isFinite(instant_ms)) return UNKNOWN;
  const age_ms = now_ms - instant_ms;
  if (age_ms < -1000) return `in ${durationLabel(-age_ms)}`;
  if (age_ms >= 2 * DAY_MS) return `${Math.floor(age_ms / DAY_MS)} d ago`;
  return `${durationLabel(Math.max(0, age_ms))} ago`;
}

/** The zone of this browser, UTC where it does not say. */
export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Whether a name is a zone this browser knows. */
export function isZone(name: string): boolean {
  try {
    clock(name);
    return name !== "" && !/^[+-]/.test(name);
  } catch {
    return false;
  }
}

/** The IANA names, UTC first. */
export function zoneNames(): string[] {
  const names = typeof Intl.supportedValuesOf === "function" ? Intl.supportedValuesOf("timeZone") : [];
  return ["UTC", ...names.filter((name) => name !== "UTC")];
}

/** Names that contain every word asked for, whatever the case, spaces or underscores; best first. */
export function searchZones(names: readonly string[], asked: string, limit = 50): string[] {
  const words = asked.toLowerCase().replaceAll("_", " ").split(/\s+/).filter(Boolean);
  const plain = (name: string): string => name.toLowerCase().replaceAll("_", " ");
  const city = (name: string): string => plain(name).split("/").at(-1) as string;
  const found = names.filter((name) => words.every((word) => plain(name).includes(word)));
  const rank = (name: string): number => (words[0] && city(name).startsWith(words[0]) ? 0 : 1);
  return found.sort((one, other) => rank(one) - rank(other)).slice(0, limit);
}
