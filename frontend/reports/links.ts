/** Saved links: a view with a name, kept by the server, the same for everybody who may read the reports. */

import { element } from "../shared/dom";
import { localText, nothing, section, type Drawn, type Site } from "./page";
import { PRESETS, presetOf, type Preset } from "./periods";
import { links } from "./data";
import type { Link } from "./answers";
import { table } from "./table";
import { parseView, viewQuery } from "./view";
import { dayLabel, periodLabel } from "../shared/time";

export async function drawLinks(place: Site): Promise<Drawn> {
  const { items } = await links.list();
  const holder = element("div");
  const draw = (shown: Link[]): void => {
    holder.replaceChildren(
      table({
        caption: "Saved links",
        columns: [
          {
            key: "name",
            label: "Name",
            show: (link: Link) =>
              element("a", {
                text: link.name,
                attributes: { href: `?${link.query.replace(/^\?/, "")}`, "data-view": "" },
              }),
          },
          { key: "period", label: "Shows", show: (link: Link) => describe(link.query, place.view.tz) },
          { key: "created_at", label: "Saved", show: (link: Link) => localText(link.created_at, place.view.tz, false) },
          {
            key: "remove",
            label: "",
            show: (link: Link) => remove(link, () => draw(shown.filter((other) => other !== link))),
          },
        ],
        rows: shown,
        sort: null,
        empty: nothing("No saved links yet.", 'Choose a period and a screen, then "Save link" at the top right.'),
      }),
    );
  };
  draw(items);
  return { nodes: [section("Saved links", "times in the chosen zone", holder)], answer: null };
}

function remove(link: Link, gone: () => void): HTMLElement {
  const button = element("button", {
    text: "Delete",
    attributes: { type: "button", "aria-label": `Delete the link ${link.name}` },
  });
  button.addEventListener("click", () => {
    button.disabled = true;
    links.remove(link.link_id).then(gone, (error: unknown) => {
      button.disabled = false;
      button.textContent = "Not deleted, try again";
      button.title = String(error);
    });
  });
  return button;
}

/** `Fleet, last 7 days, Europe/Zurich, 3 trucks`. */
export function describe(query: string, zone: string): string {
  const view = parseView(query, zone);
  const screens = {
    fleet: "Fleet",
    truck: "Truck",
    quality: "Data quality",
    compare: "Comparison",
    rows: view.table,
    links: "Links",
  };
  const words: string[] = [screens[view.screen]];
  const preset = PRESETS.find((entry) => entry.preset === view.preset);
  if (preset) words.push(preset.label.toLowerCase());
  else if (view.period) {
    const { from, to } = view.period;
    words.push(from === to ? dayLabel(from) : periodLabel(from, to));
  }
  words.push(view.tz);
  if (view.truck) words.push(view.truck);
  if (view.trucks.length)
    words.push(view.trucks.length === 1 ? (view.trucks[0] as string) : `${view.trucks.length} trucks`);
  return words.join(", ");
}

/** Ask for a name and keep the view; a period that is a preset today may stay relative. */
export function saveDialog(place: Site, now_ms: number): void {
  const { view, range } = place;
  const preset: Preset | null = presetOf(view.period, now_ms, view.tz, range);
  const label = PRESETS.find((entry) => entry.preset === preset)?.label.toLowerCase();
  const name = element("input", {
    attributes: { type: "text", name: "name", required: true, maxlength: 100, autocomplete: "off" },
  });
  const relative = element("input", { attributes: { type: "checkbox", name: "relative" } });
  const problem = element("p", { class: "field-error", attributes: { role: "alert" } });
  const save = element("button", { class: "primary", text: "Save", attributes: { type: "submit" } });
  const dialog = element(
    "dialog",
    { attributes: { "aria-label": "Save link" } },
    element(
      "form",
      { class: "dialog" },
      element("h2", { text: "Save link" }),
      element("p", { class: "quiet", text: describe(viewQuery(view), view.tz) }),
      element("label", { class: "field" }, element("span", { text: "Name" }), name),
      label
        ? element("label", { class: "check" }, relative, ` always "${label}", counted from the day it is opened`)
        : null,
      problem,
      element(
        "div",
        { class: "buttons" },
        element("button", { text: "Cancel", attributes: { type: "button" }, on: { click: () => dialog.close() } }),
        save,
      ),
    ),
  );
  dialog.querySelector("form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    save.disabled = true;
    const kept = viewQuery({ ...view, preset: relative.checked ? preset : null }).slice(1);
    links.save(name.value.trim(), kept).then(
      () => {
        dialog.close();
        place.go({ screen: "links" });
      },
      (error: unknown) => {
        save.disabled = false;
        problem.textContent = error instanceof Error ? error.message : String(error);
      },
    );
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
