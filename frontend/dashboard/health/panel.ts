/** Pipeline health in full: what to know first, then the figures, kept up to date while it is open. */

import { element, icon, ICONS, setText } from "../../shared/dom";
import { number } from "../../shared/format";
import { ageLabel, durationLabel, localLabel, UNKNOWN } from "../../shared/time";
import type { Panel, PanelContext } from "../panel";
import { bytesText, consumerName, type Finding, findingsOf, type Health, lagLevel } from "./judgement";
import "./health.css";

const LEVEL_WORDS = { good: "In order", notice: "To know", bad: "Needs you" };

export function mount(context: PanelContext): Panel {
  return new HealthPanel(context);
}

class HealthPanel implements Panel {
  private readonly findings = element("div", { class: "findings" });
  private readonly rate = element("dd");
  private readonly archive = element("dd");
  private readonly outbox = element("dd");
  private readonly writer = element("dd");
  private readonly consumers = element("tbody");
  private readonly reasons = element("tbody");
  private readonly reasonsTable: HTMLElement;
  private readonly age = element("span", { class: "quiet small" });
  private lastFindings = "";

  constructor(private readonly context: PanelContext) {
    this.reasonsTable = table("Rejected records", ["Reason", "Records"], this.reasons);
    this.build();
    context.store.on("health", () => this.show());
  }

  opened(): void {
    this.show();
  }

  private build(): void {
    const { place } = this.context;
    const pair = (label: string, value: HTMLElement): HTMLElement =>
      element("div", {}, element("dt", { text: label }), value);
    place.append(
      element(
        "div",
        { class: "health-head" },
        element("h2", { text: "Pipeline health" }),
        this.age,
        element(
          "button",
          {
            class: "plain icon",
            attributes: { type: "button", "aria-label": "Close pipeline health" },
            on: { click: () => this.context.close("health") },
          },
          icon(ICONS.close),
        ),
      ),
      this.findings,
      element(
        "dl",
        { class: "health-figures" },
        pair("Taken in", this.rate),
        pair("Archive", this.archive),
        pair("Alerts to be sent", this.outbox),
        pair("Run by", this.writer),
      ),
      table("Consumers", ["Consumer", "Behind by", "Records waiting"], this.consumers),
      this.reasonsTable,
    );
    // A press beside the dialog closes it.
    place.addEventListener("click", (event) => event.target === place && this.context.close("health"));
    place.addEventListener("close", () => this.context.close("health"));
  }

  private show(): void {
    const { health } = this.context.store;
    if (!(this.context.place as HTMLDialogElement).open) return;
    if (!health) {
      this.findings.replaceChildren(
        element("p", {
          class: "notice",
          text: "Nothing is known of the pipeline at the moment: the server cannot ask it, or is not connected.",
        }),
      );
      this.lastFindings = "";
      return;
    }
    this.showFindings(findingsOf(health));
    setText(this.age, localLabel(Date.parse(health.now), this.context.zone));
    setText(this.rate, rateText(health));
    setText(this.archive, archiveText(health));
    setText(this.outbox, number(health.outbox));
    setText(this.writer, health.writer || "nobody");
    this.consumers.replaceChildren(
      ...Object.entries(health.consumers).map(([key, { records, age_ms }]) => {
        const level = lagLevel(key, { records, age_ms });
        const behind = age_ms === null ? UNKNOWN : records === 0 ? "nothing" : durationLabel(age_ms);
        return element(
          "tr",
          { attributes: { "data-level": level } },
          element("td", { text: consumerName(key) }),
          element("td", { class: "number", text: behind }),
          element("td", { class: "number", text: number(records) }),
        );
      }),
    );
    this.reasonsTable.hidden = health.rejected.reasons.length === 0;
    this.reasons.replaceChildren(
      ...health.rejected.reasons.map(({ reason, count }) =>
        element(
          "tr",
          {},
          element("td", { class: "reason", text: reason }),
          element("td", { class: "number", text: number(count) }),
        ),
      ),
    );
  }

  /** Drawn only when they change: a screen reader does not hear the same again every second. */
  private showFindings(findings: readonly Finding[]): void {
    const now = JSON.stringify(findings);
    if (now === this.lastFindings) return;
    this.lastFindings = now;
    this.findings.replaceChildren(
      ...findings.map((finding) =>
        element(
          "div",
          { class: "finding", attributes: { "data-level": finding.level } },
          element(
            "p",
            { class: "finding-title" },
            element("span", { class: "level", attributes: { "aria-hidden": "true" } }),
            element("strong", { text: finding.title }),
            element("span", { class: "quiet small", text: LEVEL_WORDS[finding.level] }),
          ),
          element("p", { text: finding.meaning }),
          finding.action ? element("p", { class: "quiet", text: finding.action }) : null,
        ),
      ),
    );
  }
}

function table(caption: string, heads: readonly string[], body: HTMLElement): HTMLElement {
  return element(
    "table",
    { class: "health-table" },
    element("caption", { text: caption }),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        ...heads.map((text, at) => element("th", { text, class: at ? "number" : "", attributes: { scope: "col" } })),
      ),
    ),
    body,
  );
}

function rateText(health: Health): string {
  const { positions_per_s: positions, records_per_s: records } = health;
  if (positions === null || records === null) return UNKNOWN;
  const exact = (value: number): string => number(value, value < 10 ? 1 : 0);
  return `${exact(positions)} positions/s in ${exact(records)} records/s`;
}

function archiveText(health: Health): string {
  const { newest, files, bytes } = health.archive;
  const age = newest === null ? "empty" : `complete to ${ageLabel(Date.parse(newest), Date.parse(health.now))}`;
  return `${age}; ${number(files)} files, ${bytesText(bytes)}`;
}
