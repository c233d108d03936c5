/** What every screen gets: the view, links to other views, and the period in words. */

import { element } from "../shared/dom";
import { DAY_MS, HOUR_MS, localLabel, offsetLabel, startOfDay } from "../shared/time";
import type { Answer, Range, Row } from "./answers";
import type { Period } from "./periods";
import { change, viewQuery, type View } from "./view";

export interface Site {
  readonly view: View & { period: Period };
  readonly range: Range;
  /** The address of a view that differs from this one. */
  href(changes: Partial<View>): string;
  /** Go there; `replace` leaves no entry in the browser's history. */
  go(changes: Partial<View>, replace?: boolean): void;
}

/** Draws a screen; answers its nodes and the answer that says whether the data is complete. */
export interface Drawn {
  nodes: Node[];
  answer: Answer | null;
}

export function site(view: View & { period: Period }, range: Range, go: (next: View, replace: boolean) => void): Site {
  return {
    view,
    range,
    href: (changes) => viewQuery(change(view, changes)),
    go: (changes, replace = false) => go(change(view, changes), replace),
  };
}

/** A link to another view of this page. */
export function linkTo(place: Site, changes: Partial<View>, text: string, name?: string): HTMLAnchorElement {
  return element("a", { text, attributes: { href: place.href(changes), "data-view": "", "aria-label": name } });
}

/** `America/Chicago (UTC-05:00)`, with all offsets where the clocks change inside the period. */
export function zoneLabel(tz: string, period: Period): string {
  const first_ms = startOfDay(period.from, tz);
  const last_ms = startOfDay(period.to, tz) + 22 * HOUR_MS;
  const middle_ms: number[] = [];
  for (let at_ms = first_ms; at_ms < last_ms; at_ms += 14 * DAY_MS) middle_ms.push(at_ms);
  const [first, last] = [offsetLabel(first_ms, tz), offsetLabel(last_ms, tz)];
  const other = middle_ms.map((at_ms) => offsetLabel(at_ms, tz)).find((label) => label !== first && label !== last);
  if (tz === "UTC") return "UTC";
  if (first !== last) return `${tz} (${first} to ${last})`;
  return `${tz} (${first}${other ? `, at times ${other}` : ""})`;
}

/** The instant of an ISO text, null for none. */
export function instant(text: unknown): number | null {
  const found = typeof text === "string" ? Date.parse(text) : Number.NaN;
  return Number.isFinite(found) ? found : null;
}

/** Up to when something that goes on is known: its time runs to the truck's newest position. */
export function openEnd(row: Row, from_ms: number): number {
  return from_ms + Math.round(Number(row.duration_minutes ?? row.minutes ?? 0) * 60_000);
}

export function localText(text: unknown, tz: string, seconds = true): string {
  return localLabel(instant(text), tz, seconds);
}

/** A part of a screen with its heading. */
export function section(title: string, note: string | null, ...children: (Node | null)[]): HTMLElement {
  const made = element(
    "section",
    { class: "card" },
    element(
      "header",
      { class: "card-head" },
      element("h2", { text: title }),
      note && element("p", { class: "quiet", text: note }),
    ),
  );
  for (const child of children) if (child) made.append(child);
  return made;
}

/** Where a list has nothing: what that means and what to do. */
export function nothing(title: string, advice: string): HTMLElement {
  return element("div", { class: "empty" }, element("strong", { text: title }), element("span", { text: advice }));
}
