/** The list of stored geofences, and what to do where there is none. */

import { element, setText } from "../../shared/dom";
import { count } from "../../shared/format";
import { summaryOf } from "./changes";
import { draftOf, type WireGeofence } from "./draft";

export interface ListEvents {
  create(): void;
  edit(geofence: WireGeofence): void;
  importFile(): void;
  export(): void;
}

const MOST_SHOWN = 300;

export class GeofenceList {
  readonly root = element("div", { class: "geofences" });
  private readonly tools = element("div", { class: "editor-tools" });
  private readonly search = element("input", {
    attributes: { type: "search", placeholder: "Find a geofence", "aria-label": "Find a geofence" },
  });
  private readonly list = element("ul", { class: "geofence-list" });
  private readonly rest = element("p", { class: "quiet small editor-tools" });
  private readonly empty = element("div", { class: "empty" });
  private readonly exportButton: HTMLButtonElement;
  private items: readonly WireGeofence[] = [];

  constructor(
    private readonly events: ListEvents,
    private readonly readOnly: boolean,
  ) {
    const button = (text: string, press: () => void, look = ""): HTMLButtonElement =>
      element("button", { class: look, text, attributes: { type: "button" }, on: { click: press } });
    this.exportButton = button("Export", () => events.export());
    if (!readOnly) {
      this.tools.append(
        button("New geofence", () => events.create(), "primary"),
        button("Import", () => events.importFile()),
      );
    }
    this.tools.append(this.exportButton);
    this.search.addEventListener("input", () => this.draw());
    this.root.append(
      this.tools,
      element("div", { class: "editor-search" }, this.search),
      this.list,
      this.rest,
      this.empty,
    );
    this.showLoading();
  }

  showLoading(): void {
    this.list.hidden = this.rest.hidden = true;
    this.empty.hidden = false;
    this.empty.replaceChildren(element("span", { text: "Reading the geofences" }));
  }

  showFailure(text: string, again: () => void): void {
    this.list.hidden = this.rest.hidden = true;
    this.empty.hidden = false;
    this.empty.replaceChildren(
      element("strong", { text: "The geofences cannot be read" }),
      element("span", { text }),
      element("button", { text: "Try again", attributes: { type: "button" }, on: { click: again } }),
    );
  }

  show(items: readonly WireGeofence[]): void {
    this.items = items.toSorted((a, b) => a.name.localeCompare(b.name) || a.geofence_id.localeCompare(b.geofence_id));
    this.draw();
  }

  /** Put the focus on a geofence after it was edited. */
  focus(geofence_id: string | null): void {
    const rows = [...this.list.querySelectorAll<HTMLElement>("button")];
    const row = rows.find((button) => button.dataset.geofence === geofence_id);
    (row ?? this.tools.querySelector("button"))?.focus();
  }

  private draw(): void {
    const asked = this.search.value.trim().toLowerCase();
    const matching = this.items.filter(
      ({ name, geofence_id }) => name.toLowerCase().includes(asked) || geofence_id.toLowerCase().includes(asked),
    );
    this.search.parentElement!.hidden = this.items.length < 8 && asked === "";
    this.exportButton.disabled = this.items.length === 0;
    this.list.hidden = matching.length === 0;
    this.list.replaceChildren(...matching.slice(0, MOST_SHOWN).map((geofence) => this.row(geofence)));
    const more = matching.length - MOST_SHOWN;
    this.rest.hidden = more <= 0;
    setText(this.rest, more > 0 ? `${count(more, "further geofence")}: type a part of a name to find one.` : "");
    this.empty.hidden = matching.length > 0;
    if (matching.length === 0) this.showEmpty();
  }

  private showEmpty(): void {
    if (this.items.length) {
      this.empty.replaceChildren(element("span", { text: "No geofence has this in its name." }));
      return;
    }
    this.empty.replaceChildren(
      element("strong", { text: "No geofence yet" }),
      element("span", {
        text: this.readOnly
          ? "A dispatcher can draw one here."
          : "Draw one around a place where you want to hear of arrivals or departures, or drop a GeoJSON file here.",
      }),
    );
  }

  private row(geofence: WireGeofence): HTMLElement {
    const draft = draftOf(geofence);
    const summary = summaryOf(geofence, draft.shape, draft.rule);
    return element(
      "li",
      {},
      element(
        "button",
        {
          class: draft.rule.active ? "plain" : "plain off",
          attributes: { type: "button", "data-geofence": geofence.geofence_id },
          on: { click: () => this.events.edit(geofence) },
        },
        element("strong", { text: geofence.name }),
        element("span", { class: "quiet small", text: draft.rule.active ? summary : `switched off · ${summary}` }),
      ),
    );
  }
}
