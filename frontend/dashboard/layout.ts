/** The page's frame: header, left column, map with what floats over it, and a place for every panel. */

import { element } from "../shared/dom";
import type { PanelName } from "./panel";

export interface Layout {
  header: HTMLElement;
  map: HTMLElement;
  notices: HTMLElement;
  side: HTMLElement;
  sideTabs: HTMLElement;
  places: Record<PanelName, HTMLElement>;
}

/** Build the frame into the body. */
export function buildLayout(): Layout {
  const place = (name: PanelName, label: string, hidden: boolean, tag: "section" | "dialog" = "section") =>
    element(tag, { class: `place ${name}`, attributes: { id: `place-${name}`, "aria-label": label, hidden } });
  const places: Record<PanelName, HTMLElement> = {
    list: place("list", "Trucks", false),
    alerts: place("alerts", "Alerts", false),
    truck: place("truck", "Chosen truck", true),
    timeline: place("timeline", "Time line of the chosen truck", true),
    editor: place("editor", "Geofences", true),
    health: place("health", "Pipeline health", false, "dialog"),
  };
  const header = element("header", { class: "top" });
  const sideTabs = element("div", { class: "side-tabs" });
  const side = element("div", { class: "side" }, sideTabs, places.list, places.alerts);
  const map = element("div", { class: "map" });
  const notices = element("div", { class: "notices" });
  const floating = element("div", { class: "floating" }, places.truck, places.editor);
  const main = element("main", { class: "stage" }, map, notices, floating, places.timeline);
  const skip = element("a", {
    class: "skip button",
    text: "Skip to the list of trucks",
    attributes: { href: "#trucks" },
  });
  skip.addEventListener("click", (event) => {
    event.preventDefault(); // the fragment holds the view
    places.list.querySelector<HTMLElement>("[role=grid]")?.focus();
  });
  document.body.append(skip, header, side, main, places.health);
  return { header, map, notices, side, sideTabs, places };
}

const PHONE = matchMedia("(max-width: 720px)");

export function isPhone(): boolean {
  return PHONE.matches;
}

/** Return how much of the map the panels cover, in pixels from its right and its lower edge. */
export function coveredMap({ map, side, places }: Layout): { right: number; bottom: number } {
  const whole = map.getBoundingClientRect();
  const card = (places.editor.hidden ? places.truck : places.editor).getBoundingClientRect();
  if (!isPhone()) return { right: card.width > 0 ? whole.right - card.left : 0, bottom: 0 };
  const top = Math.min(...[card, side.getBoundingClientRect()].map((box) => (box.height > 0 ? box.top : Infinity)));
  return { right: 0, bottom: Math.max(0, Math.min(whole.height - 80, whole.bottom - top)) };
}

/**
 * On a phone the side is a sheet over the map: a strip, half or nearly all of the screen; one of its lists at a time.
 * On a larger screen both lists stand below each other and the tabs are hidden.
 */
export function startSheet(layout: Layout, hasAlerts: boolean): { raise(): void; lower(): void } {
  const heights = ["low", "half", "high"] as const;
  let height: (typeof heights)[number] = "half";
  let shown: "list" | "alerts" = "list";
  const handle = element("button", { class: "plain handle", attributes: { type: "button" } });
  const tab = (name: "list" | "alerts", text: string) =>
    element("button", { class: "plain", text, attributes: { type: "button" }, on: { click: () => show(name) } });
  const tabs = { list: tab("list", "Trucks"), alerts: tab("alerts", "Alerts") };
  const render = (): void => {
    document.body.dataset.sheet = height;
    handle.setAttribute("aria-label", height === "high" ? "Make the list smaller" : "Make the list larger");
    for (const name of ["list", "alerts"] as const) {
      tabs[name].setAttribute("aria-pressed", String(name === shown));
      layout.places[name].classList.toggle("behind", name !== shown);
    }
    layout.places.alerts.hidden = !hasAlerts;
    tabs.alerts.hidden = !hasAlerts;
  };
  const show = (name: "list" | "alerts"): void => {
    shown = name;
    if (height === "low") height = "half";
    render();
  };
  handle.addEventListener("click", () => {
    height = heights[(heights.indexOf(height) + 1) % heights.length] ?? "half";
    render();
  });
  let from: number | null = null;
  handle.addEventListener("pointerdown", (event) => {
    from = event.clientY;
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointerup", (event) => {
    const moved = from === null ? 0 : event.clientY - from;
    from = null;
    if (Math.abs(moved) < 24) return; // a press, not a drag: the click handles it
    const next = heights.indexOf(height) + (moved < 0 ? 1 : -1);
    height = heights[Math.max(0, Math.min(heights.length - 1, next))] ?? "half";
    handle.addEventListener("click", (click) => click.stopImmediatePropagation(), { once: true, capture: true });
    render();
  });
  layout.sideTabs.append(handle, tabs.list, tabs.alerts);
  render();
  return {
    raise: () => {
      if (height === "low") height = "half";
      render();
    },
    lower: () => {
      height = "low";
      render();
    },
  };
}
