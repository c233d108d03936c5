/** The live dashboard: brings store, live stream, map and panels together. */

import "../shared/theme.css";
import "./dashboard.css";
import { ApiError, api, signIn } from "../shared/api";
import { startAppearance } from "../shared/appearance";
import { browserZone } from "../shared/time";
import { showProblem, startNotice } from "./connection";
import { buildHeader } from "./header";
import { startKeys } from "./keys";
import { buildLayout, coveredMap, isPhone, startSheet } from "./layout";
import { LiveClient } from "./live";
import type { Source } from "./live";
import { MapView } from "./map/view";
import { PanelHost } from "./panels";
import { FleetStore } from "./store";
import { AddressState, readStates } from "./url";
import type { Config } from "./wire";

const UNKNOWN_CONFIG: Config = {
  version: "",
  backend: "",
  role: null,
  offline_after_s: 300,
  map_style_url: null,
  map_tiles_url: null,
  reports_url: null,
};

startAppearance();
void start();

async function start(): Promise<void> {
  const layout = buildLayout();
  const store = new FleetStore();
  const zone = browserZone();
  const address = new AddressState(location.hash, (hash) =>
    history.replaceState(null, "", `${location.pathname}${location.search}${hash}`),
  );
  const live = new LiveClient({
    open: (url) => new EventSource(url) as unknown as Source,
    monotonic: () => performance.now(),
    after: (delay_ms, action) => {
      const timer = setTimeout(action, delay_ms);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    signedOut: async () => {
      const session = await api.session();
      return session.role === null && !session.open;
    },
    signIn,
    post: api.post,
  });
  live.on("snapshot", (frame) => store.snapshot(frame));
  live.on("frame", (frame) => store.apply(frame));
  startNotice(layout.notices, live, store, zone);
  takeAddress(store, address);
  keepAddress(store, address);

  const config: Config = { ...UNKNOWN_CONFIG };
  const reading = readConfig(live, layout.notices).then((told) => void Object.assign(config, told));
  const map = new MapView(layout.map, store, address, () => coveredMap(layout));
  const host = new PanelHost(layout.places, { store, config, map, zone, address }, reading, (panel, error) =>
    showProblem(
      layout.notices,
      `The part "${panel}" could not be loaded: ${sentenceOf(error)} Reload the page to try again.`,
    ),
  );
  map.panelsThere = () => host.forSelection();
  window.addEventListener("hashchange", ({ newURL }) => {
    // Not what the address is by now: this page may have written its own before it heard of the other.
    address.take(new URL(newURL).hash);
    takeAddress(store, address);
    map.takeAddress();
  });
  const sheet = startSheet(layout, host.has("alerts"));
  const { search, configure } = buildHeader(
    layout.header,
    { store, live, zone },
    {
      health: host.has("health") ? () => void host.open("health") : null,
      geofences: host.has("editor") ? () => void host.open("editor") : null,
    },
  );
  host.start();
  startKeys({
    store,
    host,
    search,
    focusList: () => layout.places.list.querySelector<HTMLElement>("[role=grid]")?.focus(),
    showFleet: () => map.showFleet(),
  });
  search.addEventListener("focus", () => isPhone() && sheet.raise());
  store.on("selection", (id) => {
    document.body.classList.toggle("has-selection", id !== null);
    map.resized();
  });
  document.body.classList.toggle("has-selection", store.selected !== null);
  const covering = new ResizeObserver(() => map.coverChanged());
  for (const place of [layout.places.truck, layout.places.timeline]) covering.observe(place);
  map.onBox((box) => live.setViewport(box));
  await reading;
  configure(config);
  live.start();
  addEventListener("online", () => live.retryNow());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && live.retryNow());
  addEventListener("pagehide", () => address.write());
  await map.start(config).catch((error: unknown) => {
    showProblem(
      layout.notices,
      `The map could not be shown: ${sentenceOf(error)} The list has the same trucks; a browser with WebGL 2 shows the map.`,
    );
  });
}

/** Ask until there is an answer: a page opened before its server must not stay blank. */
async function readConfig(live: LiveClient, notices: HTMLElement): Promise<Config> {
  for (let wait_ms = 500; ; wait_ms = Math.min(10_000, wait_ms * 2)) {
    try {
      return await api.get<Config>("/api/v1/config");
    } catch (error) {
      if (!(error instanceof ApiError) || !error.retryable) {
        showProblem(notices, sentenceOf(error));
        return UNKNOWN_CONFIG;
      }
      live.unreachable(wait_ms);
      await new Promise((resolve) => setTimeout(resolve, wait_ms));
    }
  }
}

function sentenceOf(error: unknown): string {
  if (error instanceof ApiError) return error.sentence;
  return error instanceof Error ? `${error.message}.`.replace(/\.\.$/, ".") : String(error);
}

function takeAddress(store: FleetStore, address: AddressState): void {
  store.setFilter({ states: readStates(address.get("states")), text: address.get("q") ?? "" });
  store.select(address.get("truck"));
  store.setFollow(address.get("follow") === "1");
}

function keepAddress(store: FleetStore, address: AddressState): void {
  store.on("selection", (id) => address.set("truck", id));
  store.on("follow", (following) => address.set("follow", following ? "1" : null));
  store.on("filter", ({ states, text }) => {
    address.set("states", [...states].join(","));
    address.set("q", text);
  });
}
