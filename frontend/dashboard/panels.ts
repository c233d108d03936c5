/** The parts of the page: where each module is, when it is loaded, shown and hidden. `panel.ts` says what a part is. */

import type { Panel, PanelContext, PanelName } from "./panel";

interface Registration {
  /** When the module is loaded. "At once" comes before the server was heard: no role, no configuration yet. */
  when: "at once" | "idle" | "selection" | "on open";
  load: () => Promise<{ mount(context: PanelContext): Panel | void }>;
}

/**
 * The parts, and where they stand (see layout.ts): `list` and `alerts` in the left column, `truck` on the right of
 * the map while one is chosen, `timeline` under the map while one is chosen, `editor` on the right instead of the
 * truck, `health` as a dialog from the header.
 */
export const PANELS: Partial<Record<PanelName, Registration>> = {
  list: { when: "at once", load: () => import("./list/panel") },
  truck: { when: "selection", load: () => import("./truck/panel") },
  alerts: { when: "at once", load: () => import("./alerts/panel") },
  timeline: { when: "selection", load: () => import("./replay/panel") },
  editor: { when: "on open", load: () => import("./geofence/panel") },
  health: { when: "on open", load: () => import("./health/panel") },
};

/** Loads panels when they are due, each once, and shows or hides their places. */
export class PanelHost {
  private readonly mounted = new Map<PanelName, Promise<Panel | null>>();
  private readonly shown = new Set<PanelName>();

  constructor(
    private readonly places: Record<PanelName, HTMLElement>,
    private readonly base: Omit<PanelContext, "place" | "open" | "close">,
    /** Settles when the configuration is known. */
    private readonly configured: Promise<void>,
    private readonly failed: (panel: PanelName, error: unknown) => void,
  ) {}

  start(): void {
    for (const [name, registration] of entries()) {
      if (registration.when === "at once") void this.mount(name);
      if (registration.when === "idle") whenIdle(() => void this.mount(name));
    }
    const selection = (truckId: string | null): void => {
      for (const [name, registration] of entries()) {
        if (registration.when !== "selection") continue;
        this.places[name].hidden = truckId === null;
        if (truckId !== null) void this.mount(name);
      }
    };
    this.base.store.on("selection", selection);
    selection(this.base.store.selected);
  }

  /** Settles when the parts are there that come with a chosen truck, or cannot be had. */
  forSelection(): Promise<unknown> {
    const names = entries().filter(([, { when }]) => when === "selection");
    return Promise.all(names.map(([name]) => this.mount(name)));
  }

  /** Whether somebody has built this part. */
  has(name: PanelName): boolean {
    return PANELS[name] !== undefined;
  }

  isOpen(name: PanelName): boolean {
    return this.shown.has(name);
  }

  async open(name: PanelName, argument?: unknown): Promise<void> {
    const panel = await this.mount(name);
    if (!panel) return;
    const place = this.places[name];
    if (place instanceof HTMLDialogElement) {
      if (!place.open) place.showModal();
    } else place.hidden = false;
    this.shown.add(name);
    panel.opened?.(argument);
  }

  /** Returns false when the panel wants to stay. */
  async close(name: PanelName): Promise<boolean> {
    if (!this.shown.has(name)) return true;
    const panel = await this.mounted.get(name);
    if (panel?.closing?.() === false) return false;
    const place = this.places[name];
    if (place instanceof HTMLDialogElement) place.close();
    else place.hidden = true;
    this.shown.delete(name);
    return true;
  }

  private mount(name: PanelName): Promise<Panel | null> {
    const running = this.mounted.get(name);
    if (running) return running;
    const registration = PANELS[name];
    if (!registration) return Promise.resolve(null);
    const ready = registration.when === "at once" ? Promise.resolve() : this.configured;
    const mounting = Promise.all([registration.load(), ready])
      .then(
        ([module]) =>
          module.mount({
            ...this.base,
            place: this.places[name],
            open: (other, argument) => void this.open(other, argument),
            close: (other) => void this.close(other),
          }) ?? {},
      )
      .catch((error: unknown) => {
        this.mounted.delete(name); // the next time may work: the network may be back
        this.failed(name, error);
        return null;
      });
    this.mounted.set(name, mounting);
    return mounting;
  }
}

function entries(): [PanelName, Registration][] {
  return Object.entries(PANELS) as [PanelName, Registration][];
}

function whenIdle(action: () => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(action, { timeout: 2000 });
  else setTimeout(action, 200);
}
