/**
 * How the parts of the page plug in.
 *
 * A panel is a module with `mount(context)`. It draws into `context.place`, an element of its own that the layout has
 * made, listens to `context.store`, and asks the server through shared/api.ts. It is imported when it is first needed:
 * at once, when the browser has nothing better to do, when a truck is chosen, or when somebody opens it.
 */

import type { MapView } from "./map/view";
import type { FleetStore } from "./store";
import type { AddressState } from "./url";
import type { Config } from "./wire";

export interface PanelContext {
  place: HTMLElement;
  store: FleetStore;
  config: Config;
  map: MapView;
  /** IANA name of the zone the page shows. */
  zone: string;
  /** The fragment of the address: keep what a link should share, under keys of your own. */
  address: AddressState;
  /** Open or close a panel of `on open`; "editor" takes what to edit. */
  open(panel: PanelName, argument?: unknown): void;
  close(panel: PanelName): void;
}

export interface Panel {
  /** It is being shown: `argument` is what `open` was given. Only for panels of `on open`. */
  opened?(argument: unknown): void;
  /** It is being hidden; return false to stay (unsaved changes). */
  closing?(): boolean;
}

export type PanelName = "list" | "truck" | "alerts" | "timeline" | "editor" | "health";
