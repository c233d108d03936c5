/** The header: counts that are filters, search, the clock with its zone, appearance, and whether the data are live. */

import { switchAppearance } from "../shared/appearance";
import { ICONS, append, element, icon, setText } from "../shared/dom";
import { clockLabel } from "../shared/time";
import { describe } from "./connection";
import { healthSign } from "./health/sign";
import type { LiveClient } from "./live";
import { markImage } from "./marks";
import type { FleetStore } from "./store";
import { STATES, STATE_WORDS } from "./wire";
import type { Config, State } from "./wire";

export interface HeaderActions {
  /** Show what the pipeline does; null while nobody has built it. */
  health: (() => void) | null;
  /** Show and edit geofences; null as above. */
  geofences: (() => void) | null;
}

export function buildHeader(
  place: HTMLElement,
  parts: { store: FleetStore; live: LiveClient; zone: string },
  actions: HeaderActions,
): { search: HTMLInputElement; configure(config: Config): void } {
  const { store, live, zone } = parts;
  const search = element("input", {
    attributes: {
      type: "search",
      placeholder: matchMedia("(hover: none)").matches ? "Search trucks" : "Search trucks  /", // the key for it
      "aria-label": "Search trucks",
      maxlength: 64,
    },
  });
  search.value = store.filter.text;
  search.addEventListener("input", () => store.setFilter({ text: search.value.trim() }));
  store.on("filter", ({ text }) => {
    if (search.value.trim() !== text) search.value = text;
  });
  const clock = element("time", { class: "clock" });
  const zoneName = element("span", { class: "quiet zone", text: zone.replaceAll("_", " ") });
  const appearanceButton = element(
    "button",
    {
      class: "plain icon",
      attributes: { type: "button", "aria-label": "Switch between light and dark", title: "Light or dark" },
    },
    icon(ICONS.theme),
  );
  appearanceButton.addEventListener("click", switchAppearance);
  const links = element("nav", { class: "links", attributes: { "aria-label": "More" } });
  append(
    place,
    element("h1", { class: "brand", text: "truckstream" }),
    counts(store),
    element("div", { class: "search", attributes: { role: "search" } }, search),
    links,
    element("div", { class: "when" }, clock, zoneName),
    appearanceButton,
    element(
      "div",
      { class: "signs" },
      actions.health ? healthSign(store, live, actions.health) : null,
      liveSign(store, live, zone),
    ),
  );
  const tick = (): void => setText(clock, clockLabel(store.now(), zone, true));
  tick();
  setInterval(tick, 1000);
  const configure = (config: Config): void => {
    const { geofences } = actions;
    links.replaceChildren();
    append(
      links,
      geofences &&
        element("button", {
          class: "plain",
          text: "Geofences",
          attributes: { type: "button" },
          on: { click: geofences },
        }),
      config.reports_url &&
        element("a", { class: "button plain", text: "Reports", attributes: { href: config.reports_url } }),
    );
  };
  return { search, configure };
}

function counts(store: FleetStore): HTMLElement {
  const group = element("div", {
    class: "counts",
    attributes: { role: "group", "aria-label": "Show trucks by state" },
  });
  const numbers = new Map<State, HTMLElement>();
  const buttons = new Map<State, HTMLButtonElement>();
  const fleet = element("span", { class: "quiet fleet" });
  for (const state of STATES) {
    const value = element("strong", { text: "–" });
    const button = element(
      "button",
      { class: `plain count ${state}`, attributes: { type: "button", "aria-pressed": "false" } },
      markImage(state),
      element("span", { class: "count-word", text: STATE_WORDS[state] }),
      value,
    );
    button.addEventListener("click", () => {
      const states = new Set(store.filter.states);
      if (!states.delete(state)) states.add(state);
      store.setFilter({ states });
    });
    numbers.set(state, value);
    buttons.set(state, button);
    group.append(button);
  }
  group.append(fleet);
  const show = (): void => {
    for (const state of STATES) {
      const count = store.counts[state];
      setText(numbers.get(state) as HTMLElement, store.heard ? count.toLocaleString("en") : "–");
      const button = buttons.get(state) as HTMLButtonElement;
      button.setAttribute("aria-pressed", String(store.filter.states.has(state)));
      // Trucks never seen are rare; the button is there when it counts something.
      button.hidden = state === "never" && count === 0 && !store.filter.states.has(state);
    }
    setText(fleet, store.heard ? `of ${store.fleetSize.toLocaleString("en")}` : "");
  };
  store.on("counts", show);
  store.on("filter", show);
  show();
  return group;
}

function liveSign(store: FleetStore, live: LiveClient, zone: string): HTMLElement {
  const word = element("span", { class: "live-word" });
  const sign = element("div", { class: "live" }, element("span", { class: "dot" }), word);
  const show = (): void => {
    const told = describe(live, store.now(), zone, store.staleSince_ms);
    const stale = store.staleSince_ms !== null && live.connection.phase === "live";
    sign.dataset.phase = stale ? "late" : live.connection.phase;
    setText(word, told.sign);
  };
  live.on("connection", show);
  setInterval(show, 1000);
  show();
  return sign;
}
