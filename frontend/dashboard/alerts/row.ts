/** One row of the alert feed; its elements are used again for other alerts as the list is scrolled. */

import { element, setAttribute, setText, svg } from "../../shared/dom";
import { type Alert, type AlertType, KIND_WORDS } from "./sentence";

export const ROW_PX = 52;

/** A shape per kind, so that colour is never alone: in, out, stay, fast. */
const MARKS: Record<AlertType, string> = {
  enter: "M1 5h6M4.5 2.5 7 5 4.5 7.5M9 1v8",
  exit: "M3 5h6M6.5 2.5 9 5 6.5 7.5M1 1v8",
  dwell: "M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8M5 3v2l1.5 1",
  speeding: "M1 2.5 3.5 5 1 7.5M5 2.5 7.5 5 5 7.5",
};

const CHECK = "M3 8.5 6.5 12 13 4.5";
const PEN = "M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3zM9 4.7 11.3 7";

export interface RowActions {
  show(alert: Alert): void;
  note(alert: Alert): void;
  /** Known only once the server has told the role: rows may be drawn before. */
  mayAcknowledge(): boolean;
}

export class AlertRow {
  readonly root = element("li", { class: "alert-row" });
  private readonly path = svg("path", {
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 1.6,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  });
  private readonly sentence = element("span", { class: "sentence" });
  private readonly when = element("span");
  private readonly late = element("span", { class: "late" });
  private readonly rest = element("span");
  private readonly sign = svg("path", {
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 1.6,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  });
  private readonly button: HTMLButtonElement;
  private alert: Alert | null = null;

  constructor(private readonly actions: RowActions) {
    this.root.append(
      svg("svg", { viewBox: "0 0 10 10", class: "alert-mark", "aria-hidden": "true" }, this.path),
      element(
        "button",
        { class: "what", attributes: { type: "button" }, on: { click: () => this.alert && actions.show(this.alert) } },
        this.sentence,
        element("span", { class: "meta" }, this.when, this.late, this.rest),
      ),
    );
    this.button = element(
      "button",
      {
        class: "icon acknowledge",
        attributes: { type: "button" },
        on: { click: () => this.alert && actions.note(this.alert) },
      },
      svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, this.sign),
    );
  }

  show(
    alert: Alert,
    index: number,
    total: number,
    { sentence, clock, chosen }: { sentence: string; clock: string; chosen: boolean },
  ): void {
    this.alert = alert;
    if (!this.button.isConnected && this.actions.mayAcknowledge()) this.root.append(this.button);
    const moved = `translateY(${index * ROW_PX}px)`;
    if (this.root.style.transform !== moved) this.root.style.transform = moved;
    setAttribute(this.root, "aria-posinset", index + 1);
    setAttribute(this.root, "aria-setsize", total);
    this.root.dataset.alert = alert.alert_id;
    this.root.classList.toggle("seen", alert.acknowledged != null);
    this.root.classList.toggle("chosen", chosen);
    setAttribute(this.path, "d", MARKS[alert.alert_type]);
    setText(this.sentence, sentence);
    setAttribute(this.sentence, "title", sentence);
    setText(this.when, clock);
    setText(this.late, alert.late ? " · came late" : "");
    const seen = alert.acknowledged;
    const who = seen ? ` · ${seen.by || "somebody"}${seen.note ? `: ${seen.note}` : " has seen to it"}` : "";
    setText(this.rest, who || ` · ${KIND_WORDS[alert.alert_type]}`);
    setAttribute(this.rest, "title", who ? who.slice(3) : null);
    setAttribute(this.sign, "d", seen ? PEN : CHECK);
    setAttribute(this.button, "title", seen ? "Note" : "Acknowledge");
    setAttribute(this.button, "aria-label", `${seen ? "Note on" : "Acknowledge"}: ${sentence}, ${clock}`);
  }
}
