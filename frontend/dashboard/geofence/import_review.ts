/** Importing a file: what it would bring is said first, then all of it is taken or nothing, with a way back. */

import { element } from "../../shared/dom";
import { count } from "../../shared/format";
import { sentenceOfError, toast } from "../toast";
import type { WireGeofence } from "./draft";
import { LARGEST_FILE_BYTES, summarize } from "./files";
import { geofences, storable, warningOf } from "./requests";

const WARNINGS_SHOWN = 20;

export interface ImportEvents {
  stored(): readonly WireGeofence[];
  changed(): Promise<void>;
  showPlace(at: { latitude: number; longitude: number }): void;
}

export class ImportReview {
  readonly root = element("div", { class: "import-review", attributes: { hidden: true } });
  private readonly file = element("input", {
    attributes: {
      type: "file",
      accept: ".json,.geojson,application/json,application/geo+json",
      hidden: true,
      "aria-label": "Geofence file",
    },
  });

  constructor(private readonly events: ImportEvents) {
    this.file.addEventListener("change", () => {
      const [chosen] = this.file.files ?? [];
      if (chosen) void this.review(chosen);
      this.file.value = "";
    });
  }

  /** Let the user choose a file. */
  choose(): void {
    if (!this.file.isConnected) this.root.after(this.file);
    this.file.click();
  }

  close(): void {
    this.root.hidden = true;
    this.root.replaceChildren();
  }

  /** Take files that are dropped on `place` while `ready` says so. */
  takeDrops(place: HTMLElement, ready: () => boolean): void {
    place.append(this.file);
    place.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files") || !ready()) return;
      event.preventDefault();
      place.classList.add("dropping");
    });
    place.addEventListener("dragleave", () => place.classList.remove("dropping"));
    place.addEventListener("drop", (event) => {
      event.preventDefault();
      place.classList.remove("dropping");
      const file = event.dataTransfer?.files[0];
      if (file && ready()) void this.review(file);
    });
  }

  private async review(file: File): Promise<void> {
    try {
      if (file.size > LARGEST_FILE_BYTES) throw new Error("The file is larger than 32 MB. Split it.");
      const text = await file.text();
      const summary = summarize(text, new Set(this.events.stored().map((geofence) => geofence.geofence_id)));
      if (!summary.count) throw new Error("There is no geofence in the file.");
      const replaced = summary.replaces.length;
      const take = button(`Import ${count(summary.count, "geofence")}`, "primary", () => {
        take.disabled = true;
        void this.import(text);
      });
      const words = replaced ? `${count(replaced, "stored one")} of the same id will be replaced.` : "All are new.";
      this.show(
        element("p", { class: "notice", text: `${file.name} holds ${count(summary.count, "geofence")}. ${words}` }),
        element(
          "div",
          { class: "buttons" },
          take,
          button("Leave it", "", () => this.close()),
        ),
      );
      take.focus();
    } catch (error) {
      this.fail(`${file.name}: ${sentenceOfError(error)}`);
    }
  }

  private async import(text: string): Promise<void> {
    const before = new Map(this.events.stored().map((geofence) => [geofence.geofence_id, geofence]));
    try {
      const { items, warnings } = await geofences.import(text);
      toast(`${count(items.length, "geofence")} imported.`, { undo: () => this.undo(items, before) });
      await this.events.changed();
      if (warnings.length) this.showWarnings(warnings);
      else this.close();
    } catch (error) {
      this.fail(`Nothing was imported. ${sentenceOfError(error)}`);
    }
  }

  private async undo(items: readonly WireGeofence[], before: ReadonlyMap<string, WireGeofence>): Promise<string> {
    for (const { geofence_id } of items) {
      const previous = before.get(geofence_id);
      if (previous) await geofences.save(storable(previous));
      else await geofences.remove(geofence_id);
    }
    await this.events.changed();
    return "The import is undone.";
  }

  private showWarnings(warnings: readonly string[]): void {
    const more = warnings.length - WARNINGS_SHOWN;
    this.show(
      element("strong", { text: `${count(warnings.length, "thing")} to look at` }),
      element("ul", { class: "warnings" }, ...warnings.slice(0, WARNINGS_SHOWN).map((text) => this.warning(text))),
      more > 0 && element("p", { class: "quiet small", text: `and ${more} more` }),
      button("Close", "", () => this.close()),
    );
  }

  private warning(text: string): HTMLElement {
    const { at } = warningOf(text);
    const show = at && button("Show the place", "", () => this.events.showPlace(at));
    return element("li", { class: "notice warning" }, element("span", { text }), show);
  }

  private fail(text: string): void {
    this.show(
      element("p", { class: "notice error", text, attributes: { role: "alert" } }),
      button("Close", "", () => this.close()),
    );
  }

  private show(...parts: (HTMLElement | false)[]): void {
    this.root.hidden = false;
    this.root.replaceChildren(...parts.filter((part) => part !== false));
  }
}

function button(text: string, look: string, press: () => void): HTMLButtonElement {
  return element("button", { class: look, text, attributes: { type: "button" }, on: { click: press } });
}
