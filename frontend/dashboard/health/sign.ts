/** The pipeline in the header: one word while it keeps up, what is wrong when it does not; a press shows all. */

import { element, setText } from "../../shared/dom";
import { UNKNOWN } from "../../shared/time";
import type { LiveClient } from "../live";
import type { FleetStore } from "../store";
import { compactOf } from "./judgement";
import "./health.css";

export function healthSign(store: FleetStore, live: LiveClient, open: () => void): HTMLElement {
  const words = element("span", { class: "health-words" });
  const rate = element("span", { class: "quiet health-rate" });
  const sign = element(
    "button",
    {
      class: "plain health-sign",
      attributes: { type: "button", title: "Pipeline health", hidden: true },
      on: { click: open },
    },
    element("span", { class: "level", attributes: { "aria-hidden": "true" } }),
    words,
    rate,
  );
  const show = (): void => {
    const { health } = store;
    sign.hidden = !store.heard;
    if (live.connection.phase === "cut") {
      // What was said before the cut says nothing of now.
      sign.dataset.level = "unknown";
      setText(words, "Pipeline");
      setText(rate, UNKNOWN);
      sign.setAttribute("aria-label", "Pipeline health: unknown while the connection is cut");
      return;
    }
    const { level, words: text } = compactOf(health);
    sign.dataset.level = level;
    setText(words, level === "good" ? "Pipeline" : text);
    sign.setAttribute("aria-label", `Pipeline health: ${text}`);
    const perSecond = level === "good" && health ? health.positions_per_s : null;
    setText(rate, perSecond === null ? "" : `${Math.round(perSecond).toLocaleString("en")}/s`);
  };
  store.on("health", show);
  live.on("connection", show);
  show();
  return sign;
}
