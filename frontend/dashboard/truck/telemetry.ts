/** The values a truck reports, with their units; unknown is an en dash. */

import { element } from "../../shared/dom";
import { UNKNOWN } from "../../shared/time";
import type { State, Truck } from "../wire";

/** What the server tells of one truck beyond the live stream. */
export interface Detail {
  state: State;
  state_since: string | null;
  altitude_m: number | null;
  accuracy_m: number | null;
  geofences: { geofence_id: string; name: string; since: string | null }[];
  set_aside: number;
}

const POINTS = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"] as const;
const ENGINES = { running: "Running", idle: "Idling", off: "Off" } as const;

/** The nearest of eight points of the compass. */
export function compass(heading: number): string {
  return POINTS[Math.round(heading / 45) % 8] as string;
}

/** Return terms and values for a definition list. */
export function telemetry(truck: Truck | undefined, detail: Detail | null): HTMLElement[] {
  const value = (number: number | null | undefined, unit: string, digits = 0): string =>
    number === null || number === undefined ? UNKNOWN : `${number.toFixed(digits)} ${unit}`;
  const heading = truck?.heading ?? null;
  const rows: [string, string][] = [
    ["Speed", value(truck?.speed_kmh, "km/h")],
    ["Heading", heading === null ? UNKNOWN : `${Math.round(heading)}° ${compass(heading)}`],
    ["Engine", truck?.engine_status ? ENGINES[truck.engine_status] : UNKNOWN],
    ["Fuel", value(truck?.fuel_level_pct, "%")],
    ["Altitude", value(detail?.altitude_m, "m")],
    ["Accuracy", value(detail?.accuracy_m, "m")],
    [
      "Place",
      truck?.latitude == null || truck.longitude == null
        ? UNKNOWN
        : `${truck.latitude.toFixed(5)}, ${truck.longitude.toFixed(5)}`,
    ],
  ];
  if (detail && detail.set_aside > 0) rows.push(["Set aside", `${detail.set_aside.toLocaleString("en")} positions`]);
  return rows.map(([term, text]) =>
    element("div", { class: term === "Place" ? "wide" : "" }, element("dt", { text: term }), element("dd", { text })),
  );
}
