/** The bar above every screen: period, time zone, trucks. Each choice changes the URL, and with it the page. */

import { element } from "../shared/dom";
import { isZone, offsetLabel, searchZones, zoneNames } from "../shared/time";
import type { Site } from "./page";
import { isPeriod, PRESETS, presetOf, resolve } from "./periods";
import { picker, type Choice } from "./picker";

export function filters(place: Site, now_ms: number): HTMLElement {
  const { view } = place;
  return element(
    "form",
    {
      class: "filters no-print",
      attributes: { "aria-label": "Filter" },
      on: { submit: (event) => event.preventDefault() },
    },
    presets(place, now_ms),
    days(place),
    zone(place, now_ms),
    view.screen === "truck" || view.screen === "links" ? null : trucks(place),
  );
}

function presets(place: Site, now_ms: number): HTMLElement {
  const { view, range } = place;
  const chosen = presetOf(view.period, now_ms, view.tz, range);
  const offered = PRESETS.filter(({ preset }) => preset !== "latest" || range.last);
  return element(
    "div",
    { class: "presets", attributes: { role: "group", "aria-label": "Period" } },
    ...offered.map(({ preset, label }) =>
      element("a", {
        class: "button",
        text: label,
        attributes: {
          href: place.href({ period: resolve(preset, now_ms, view.tz, range) }),
          "data-view": "",
          "aria-current": chosen === preset ? "true" : null,
        },
      }),
    ),
  );
}

function days(place: Site): HTMLElement {
  const { from, to } = place.view.period;
  const input = (name: string, value: string): HTMLInputElement =>
    element("input", { attributes: { type: "date", name, value, required: true, max: "2199-12-31" } });
  const [first, last] = [input("from", from), input("to", to)];
  const problem = element("span", { class: "field-error", attributes: { role: "alert" } });
  const changed = (edited: HTMLInputElement) => (): void => {
    if (!first.value || !last.value) return;
    if (first.value > last.value) (edited === first ? last : first).value = edited.value;
    if (isPeriod(first.value, last.value)) place.go({ period: { from: first.value, to: last.value } });
    else problem.textContent = "That is no date.";
  };
  first.addEventListener("change", changed(first));
  last.addEventListener("change", changed(last));
  return element(
    "div",
    { class: "dates" },
    element("label", { class: "field" }, element("span", { text: "From" }), first),
    element("label", { class: "field" }, element("span", { text: "To, included" }), last),
    problem,
  );
}

function zone(place: Site, now_ms: number): HTMLElement {
  const names = [...new Set([...zoneNames(), ...(place.range.zones ?? [])])].filter(isZone);
  const choices = (asked: string): Choice[] =>
    searchZones(names, asked).map((value) => ({ value, note: offsetLabel(now_ms, value) }));
  return picker({
    label: "Time zone",
    value: place.view.tz,
    search: choices,
    choose: (tz) => place.go({ tz }),
    nothing: "No zone has this name",
  });
}

/** Truck ids that contain what was typed; those that begin so first. */
export function searchTrucks(trucks: readonly string[], asked: string, limit = 50): Choice[] {
  const wanted = asked.trim().toLowerCase();
  const found = trucks.filter((truck_id) => truck_id.toLowerCase().includes(wanted));
  const rank = (truck_id: string): number => (truck_id.toLowerCase().startsWith(wanted) ? 0 : 1);
  return found
    .sort((one, other) => rank(one) - rank(other))
    .slice(0, limit)
    .map((value) => ({ value }));
}

function trucks(place: Site): HTMLElement {
  const { view, range } = place;
  const chips = view.trucks.map((truck_id) =>
    element(
      "button",
      {
        class: "chip",
        attributes: { type: "button", "aria-label": `Remove ${truck_id} from the filter` },
        on: { click: () => place.go({ trucks: view.trucks.filter((other) => other !== truck_id) }) },
      },
      truck_id,
      element("span", { text: "\u00d7", attributes: { "aria-hidden": "true" } }),
    ),
  );
  return element(
    "div",
    { class: "trucks" },
    picker({
      label: "Trucks",
      value: "",
      placeholder: view.trucks.length ? "add a truck" : "all trucks",
      search: (asked) =>
        searchTrucks(
          range.trucks.filter((truck_id) => !view.trucks.includes(truck_id)),
          asked,
        ),
      choose: (truck_id) => place.go({ trucks: [...view.trucks, truck_id] }),
      nothing: "No truck has this in its name",
      clear: true,
    }),
    chips.length ? element("div", { class: "chips" }, ...chips) : null,
  );
}
