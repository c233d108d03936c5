/** What the list says when it has nothing to show: why, and what to do next. */

import { element } from "../../shared/dom";
import { count } from "../../shared/format";
import type { PanelContext } from "../panel";

export function emptyList(place: HTMLElement, { store }: PanelContext): void {
  if (store.fleetSize > 0) {
    place.replaceChildren(
      element("strong", { text: "No truck matches" }),
      element("p", {
        text: `The fleet has ${count(store.fleetSize, "truck")}; search and states hide ${store.fleetSize === 1 ? "it" : "them all"}.`,
      }),
      element("button", {
        text: "Show all trucks",
        attributes: { type: "button" },
        on: { click: () => store.setFilter({ states: new Set(), text: "" }) },
      }),
    );
    return;
  }
  if (!store.heard) {
    place.replaceChildren(element("p", { text: "Waiting for the server…" }));
    return;
  }
  place.replaceChildren(
    element("strong", { text: "No trucks yet" }),
    element("p", { text: "Trucks appear here with their first position. To see a fleet at once:" }),
    element("code", { text: "truckstream run --trucks 100" }),
    element("p", {}, "Or send positions to ", element("code", { text: `${location.origin}/api/v1/positions` })),
  );
}
