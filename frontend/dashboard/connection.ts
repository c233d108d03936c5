/** What the page says about its connection: the sign in the header, and the notice over the map when data stop. */

import { announce, element, setText } from "../shared/dom";
import { clockLabel, durationLabel } from "../shared/time";
import type { LiveClient } from "./live";

export interface Told {
  /** One or two words for the header. */
  sign: string;
  /** What happened, since when, and what the page does about it; null when all is well. */
  notice: string | null;
}

/** `now_ms` is the server's clock, so that "since" is in the same time as everything else. */
export function describe(live: LiveClient, now_ms: number, zone: string): Told {
  const { phase, nextAttempt_ms, attempts } = live.connection;
  const age_ms = live.age_ms();
  if (phase === "live") return { sign: "live", notice: null };
  if (phase === "connecting") return { sign: "connecting", notice: null };
  const age = age_ms === null ? null : durationLabel(age_ms);
  if (phase === "late") return { sign: `${age ?? "no data"} old`, notice: null };
  const wait_s = live.retryIn_s();
  const next = nextAttempt_ms === null ? "Trying again now." : `Trying again in ${wait_s} s.`;
  const since = age_ms === null ? null : clockLabel(now_ms - age_ms, zone, true);
  return {
    sign: "reconnecting",
    notice:
      since === null
        ? `The server does not answer${attempts > 1 ? `, after ${attempts} attempts` : ""}. ${next}`
        : `No connection since ${since} (${age} ago). The positions shown are from then. ${next}`,
  };
}

/** Keep the notice in step with the connection. */
export function startNotice(place: HTMLElement, live: LiveClient, now: () => number, zone: string): void {
  const text = element("p");
  const button = element("button", {
    text: "Try now",
    attributes: { type: "button" },
    on: { click: () => live.retryNow() },
  });
  const notice = element("div", { class: "notice error connection", attributes: { hidden: true } }, text, button);
  place.append(notice);
  let cut = false;
  const show = (): void => {
    const told = describe(live, now(), zone);
    notice.hidden = told.notice === null;
    if (told.notice !== null) setText(text, told.notice);
    // Said once, not with every second of the countdown.
    if (cut !== (told.notice !== null)) {
      cut = told.notice !== null;
      announce(cut ? "The connection to the server is lost. Trying again." : "The connection is back.");
    }
  };
  live.on("connection", show);
  setInterval(show, 1000);
}

/** Show a failure of a part of the page, with what can be done; it can be closed. */
export function showProblem(place: HTMLElement, sentence: string): void {
  const notice = element(
    "div",
    { class: "notice error", attributes: { role: "alert" } },
    element("p", { text: sentence }),
    element("button", { text: "Close", attributes: { type: "button" }, on: { click: () => notice.remove() } }),
  );
  place.append(notice);
}
