/** What the page says about its connection: the sign in the header, and the notice over the map when data stop. */

import { announce, element, setText } from "../shared/dom";
import { clockLabel, durationLabel } from "../shared/time";
import type { LiveClient } from "./live";
import type { FleetStore } from "./store";

export interface Told {
  /** One or two words for the header. */
  sign: string;
  /** What happened, since when, and what the page does about it; null when all is well. */
  notice: string | null;
}

/**
 * `now_ms` is the server's clock, so that "since" is in the same time as everything else; `stale_ms` since when the
 * server itself cannot read its stores, null when it can.
 */
export function describe(live: LiveClient, now_ms: number, zone: string, stale_ms: number | null = null): Told {
  const { phase, nextAttempt_ms, attempts } = live.connection;
  const age_ms = live.age_ms();
  if (stale_ms !== null && (phase === "live" || phase === "late")) {
    const since = `${clockLabel(stale_ms, zone, true)} (${durationLabel(now_ms - stale_ms)} ago)`;
    return {
      sign: "stale",
      notice: `The server cannot read its data since ${since} and keeps trying. The positions shown are from then.`,
    };
  }
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
export function startNotice(place: HTMLElement, live: LiveClient, store: FleetStore, zone: string): void {
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
    const told = describe(live, store.now(), zone, store.staleSince_ms);
    notice.hidden = told.notice === null;
    if (told.notice !== null) setText(text, told.notice);
    button.hidden = live.connection.phase !== "cut";
    // Said once, not with every second of the countdown.
    if (cut !== (told.notice !== null)) {
      cut = told.notice !== null;
      announce(cut ? "Live data have stopped. The page keeps trying." : "Live data are back.");
    }
  };
  live.on("connection", show);
  store.on("stale", show);
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
