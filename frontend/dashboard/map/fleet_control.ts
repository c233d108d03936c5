/** The button beside the zoom: all trucks that are listed come into view. */

import type { IControl } from "maplibre-gl";
import { element, svg } from "../../shared/dom";

export class FleetControl implements IControl {
  private readonly root: HTMLElement;

  constructor(showFleet: () => void) {
    const corners = svg("path", { d: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4" });
    const button = element(
      "button",
      {
        attributes: { type: "button", title: "Show all trucks (a)", "aria-label": "Show all trucks (a)" },
        on: { click: showFleet },
      },
      svg("svg", { viewBox: "0 0 16 16", class: "fleet-icon", "aria-hidden": "true" }, corners),
    );
    this.root = element("div", { class: "maplibregl-ctrl maplibregl-ctrl-group" }, button);
  }

  onAdd(): HTMLElement {
    return this.root;
  }

  onRemove(): void {
    this.root.remove();
  }
}
