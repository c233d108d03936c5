/**
 * The map as the other parts see it. MapLibre is loaded after the first paint, so every call may come before it is
 * there; `whenReady` waits for the layers.
 */

import type { Map as MapLibreMap, MapLayerMouseEvent } from "maplibre-gl";
import { element } from "../../shared/dom";
import { ageLabel } from "../../shared/time";
import type { Box } from "../live";
import type { FleetStore } from "../store";
import { placeText, readPlace } from "../url";
import type { AddressState } from "../url";
import { STATE_WORDS } from "../wire";
import type { Config, Geofence } from "../wire";
import { isSoftwareRenderer } from "./easing";
import type { GeofenceLayer } from "./geofences";
import { boxOf } from "./outlines";
import type { TruckLayer } from "./trucks";

const WORLD: Box = [-180, -60, 180, 75];
const CLOSE_ZOOM = 14;
/** So long after its first trucks a fleet may still be gathering: it comes in several frames. */
const GATHERING_MS = 60_000;
/** So long after the panels of a chosen truck are there they may still grow. */
const SETTLING_MS = 3_000;

export interface Covered {
  right: number;
  bottom: number;
}

export class MapView {
  /** Set once the layers are there. */
  map: MapLibreMap | null = null;
  private trucks: TruckLayer | null = null;
  private fences: GeofenceLayer | null = null;
  private moves = false;
  private placed: boolean;
  /** The page put the map around the first trucks by itself: how many, and until when it takes further ones in. */
  private gathering: { trucks: number; until_ms: number } | null = null;
  private readonly readied: Promise<MapLibreMap>;
  private settle: (map: MapLibreMap) => void = () => {};
  private readonly boxListeners = new Set<(box: Box) => void>();
  /** While another part owns clicks on the map (the editor draws), trucks are not chosen by them. */
  private clicksTaken = false;
  /** Settles when the panels are there that a chosen truck brings; on a slow machine long after it was chosen. */
  panelsThere: () => Promise<unknown> = () => Promise.resolve();
  /** The truck that was just put into the middle of what is free, and until when it is kept there. */
  private settling: { truckId: string; until_ms: number } | null = null;

  constructor(
    private readonly container: HTMLElement,
    private readonly store: FleetStore,
    private readonly address: AddressState,
    /** How much of the map other things cover now, in pixels from its right and its lower edge. */
    private readonly covered: () => Covered = () => ({ right: 0, bottom: 0 }),
  ) {
    this.placed = readPlace(address.get("map")) !== null;
    this.readied = new Promise((resolve) => {
      this.settle = resolve;
    });
  }

  /** Load the map; rejects when its files cannot be had or there is no WebGL. */
  async start(config: Config): Promise<void> {
    const [{ startMap, BELOW_LABELS }, { FleetControl }, { TruckLayer, TRUCKS }, { GeofenceLayer }] = await Promise.all(
      [import("../../shared/basemap"), import("./fleet_control"), import("./trucks"), import("./geofences")],
    );
    const place = readPlace(this.address.get("map"));
    const map = startMap(this.container, {
      styleUrl: config.map_style_url,
      tilesUrl: config.map_tiles_url,
      ...(place
        ? { center: [place.longitude, place.latitude], zoom: place.zoom }
        : { bounds: [WORLD[0], WORLD[1], WORLD[2], WORLD[3]] }),
    });
    map.addControl(new FleetControl(() => this.showFleet()), "bottom-right");
    map.getCanvas().setAttribute("aria-label", "Map of the trucks; the list beside it holds the same trucks");
    await new Promise<void>((resolve) => {
      if (map.isStyleLoaded()) resolve();
      else map.once("style.load", () => resolve());
    });
    const hardware = !isSoftwareRenderer(rendererName(map));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.moves = hardware && !still;
    this.trucks = new TruckLayer(map, this.store, this.moves);
    this.fences = new GeofenceLayer(map, this.store, map.getLayer(BELOW_LABELS) ? BELOW_LABELS : TRUCKS, TRUCKS);
    this.map = map;
    this.watch(map, TRUCKS);
    this.settle(map);
    this.container.dataset.ready = "";
    this.fitFirstFleet();
    this.store.on("trucks", ({ changed, whole }) => {
      this.fitFirstFleet();
      if (this.store.following && this.store.selected && (whole || changed.has(this.store.selected))) this.follow();
    });
    this.store.on("follow", (following) => following && this.follow());
    this.tellBox(map);
  }

  /** Look where the address says, as after a link was opened in this page. */
  takeAddress(): void {
    const place = readPlace(this.address.get("map"));
    if (!place) return;
    this.gathering = null;
    void this.whenReady().then((map) => {
      this.placed = true;
      map.jumpTo({ center: [place.longitude, place.latitude], zoom: place.zoom });
    });
  }

  /** Wait for the map with all its layers. */
  whenReady(): Promise<MapLibreMap> {
    return this.readied;
  }

  /** Call `listener` with what the map shows, at once and after every move. */
  onBox(listener: (box: Box) => void): () => void {
    this.boxListeners.add(listener);
    if (this.map) listener(boxOfMap(this.map));
    return () => this.boxListeners.delete(listener);
  }

  /** The stored geofences as last read. */
  get geofences(): ReadonlyMap<string, Geofence> {
    return this.fences?.geofences ?? new Map();
  }

  /** Leave one geofence out while it is being edited; null shows all again. */
  hideGeofence(geofenceId: string | null): void {
    this.fences?.hide(geofenceId);
  }

  /** Take the clicks on the map away from choosing trucks, or give them back. */
  takeClicks(taken: boolean): void {
    this.clicksTaken = taken;
  }

  /** Show a place, close enough to see streets; never farther out than now. */
  flyTo(longitude: number, latitude: number, zoom?: number): void {
    this.settling = this.gathering = null;
    void this.whenReady().then((map) => {
      this.placed = true;
      this.centerOn(map, [longitude, latitude], zoom ?? Math.max(map.getZoom(), CLOSE_ZOOM), this.moves ? 1000 : 0);
    });
  }

  /** Show a box of west, south, east, north beside the panels. */
  fit(box: Box, maxZoom = CLOSE_ZOOM): void {
    this.settling = this.gathering = null;
    void this.whenReady().then((map) => {
      this.placed = true;
      const { right, bottom } = this.covered();
      const { clientWidth, clientHeight } = this.container;
      // Where panels leave little of the map, the margin shrinks: without room for a box, none would be shown.
      const margin = Math.min(48, (clientWidth - right) / 4, (clientHeight - bottom) / 4);
      const padding = { top: margin, left: margin, right: right + margin, bottom: bottom + margin };
      map.fitBounds([box[0], box[1], box[2], box[3]], { padding, maxZoom, animate: this.moves });
    });
  }

  /** Show all trucks of the filter because somebody asks for it: following one would pull the map back. */
  showFleet(): void {
    this.store.setFollow(false);
    this.fitFleet();
  }

  /** Show all trucks of the filter; those never seen have no place. */
  fitFleet(): void {
    const positions: GeoJSON.Position[] = [];
    for (const truck of this.store.trucks.values()) {
      if (truck.longitude !== null && truck.latitude !== null && this.store.matches(truck)) {
        positions.push([truck.longitude, truck.latitude]);
      }
    }
    if (positions.length) this.fit(middle(positions));
  }

  /** Show the truck, if it has a place. */
  showTruck(truckId: string): void {
    const place = this.placeOf(truckId);
    if (!place) return;
    this.flyTo(...place);
    const settling = { truckId, until_ms: Infinity };
    this.settling = settling;
    void this.panelsThere().then(() => (settling.until_ms = performance.now() + SETTLING_MS));
  }

  /** Panels cover another part of the map: a truck that was just chosen stays in the middle of the rest. */
  coverChanged(): void {
    const { map, settling } = this;
    if (!map || !settling || performance.now() > settling.until_ms) return;
    const place = this.placeOf(settling.truckId);
    map.resize();
    if (place) this.centerOn(map, place, Math.max(map.getZoom(), CLOSE_ZOOM), 0);
  }

  private placeOf(truckId: string): [longitude: number, latitude: number] | null {
    const place = this.trucks?.placeOf(truckId) ?? this.store.trucks.get(truckId);
    return place && place.longitude !== null && place.latitude !== null ? [place.longitude, place.latitude] : null;
  }

  /** The map's box has another size. */
  resized(): void {
    this.map?.resize();
  }

  private follow(): void {
    const { map } = this;
    const id = this.store.selected;
    const truck = id === null ? undefined : this.store.trucks.get(id);
    if (!map || !truck || truck.longitude === null || truck.latitude === null) return;
    this.centerOn(map, [truck.longitude, truck.latitude], Math.max(map.getZoom(), 12), this.moves ? 900 : 0);
  }

  /** Put a place into the middle of what the panels leave free of the map. */
  private centerOn(map: MapLibreMap, center: [number, number], zoom: number, duration_ms: number): void {
    const { right, bottom } = this.covered();
    if (duration_ms > 0) {
      const far = map.getZoom() < zoom - 2;
      const move = { center, zoom, offset: [-right / 2, -bottom / 2] as [number, number], duration: duration_ms };
      if (far) map.flyTo(move);
      else map.easeTo({ ...move, easing: (part) => part });
    } else {
      map.jumpTo({ center, zoom });
      map.panBy([right / 2, bottom / 2], { animate: false });
    }
  }

  /** A link says where to look; else the first fleet does, until somebody looks elsewhere. */
  private fitFirstFleet(): void {
    const { gathering } = this;
    const trucks = this.store.fleetSize;
    const now_ms = performance.now();
    const grows = gathering !== null && now_ms < gathering.until_ms && trucks > gathering.trucks;
    if (!this.map || trucks === 0 || (this.placed && !grows)) return;
    const chosen = this.store.selected;
    if (chosen !== null && this.store.trucks.get(chosen)?.longitude != null) return this.showTruck(chosen);
    this.fitFleet();
    this.gathering = { trucks, until_ms: gathering?.until_ms ?? now_ms + GATHERING_MS };
  }

  private watch(map: MapLibreMap, layer: string): void {
    const tip = element("div", { class: "tip panel", attributes: { hidden: true } });
    this.container.append(tip);
    map.on("mousemove", layer, (event) => {
      if (this.clicksTaken) return;
      map.getCanvas().style.cursor = "pointer";
      this.showTip(tip, event);
    });
    map.on("mouseleave", layer, () => {
      map.getCanvas().style.cursor = "";
      tip.hidden = true;
    });
    map.on("click", (event) => {
      if (this.clicksTaken) return;
      // A finger is not a pointer: look a little around.
      const { x, y } = event.point;
      const near = map.queryRenderedFeatures(
        [
          [x - 8, y - 8],
          [x + 8, y + 8],
        ],
        { layers: [layer] },
      );
      const id: unknown = near[0]?.properties.truck_id;
      if (typeof id === "string") this.store.select(id);
    });
    map.on("dragstart", () => this.store.setFollow(false));
    map.on("moveend", () => {
      const { lng, lat } = map.getCenter();
      if (this.placed) this.address.set("map", placeText({ zoom: map.getZoom(), latitude: lat, longitude: lng }));
      this.tellBox(map);
    });
    map.on("movestart", (event) => {
      if (!("originalEvent" in event) || !event.originalEvent) return;
      this.placed = true; // somebody chose where to look
      this.settling = this.gathering = null;
    });
  }

  private showTip(tip: HTMLElement, event: MapLayerMouseEvent): void {
    const id: unknown = event.features?.[0]?.properties.truck_id;
    const truck = typeof id === "string" ? this.store.trucks.get(id) : undefined;
    if (!truck) return;
    const speed = truck.speed_kmh === null ? "" : `, ${Math.round(truck.speed_kmh)} km/h`;
    tip.replaceChildren(
      element("strong", { text: truck.truck_id }),
      element("span", { text: `${STATE_WORDS[truck.state]}${speed}` }),
      element("span", { class: "quiet", text: ageLabel(truck.fresh_ms, this.store.now()) }),
    );
    tip.hidden = false;
    const right = event.point.x > this.container.clientWidth - 220;
    tip.style.transform = `translate(${event.point.x + (right ? -14 : 14)}px, ${event.point.y + 14}px)${right ? " translateX(-100%)" : ""}`;
  }

  private tellBox(map: MapLibreMap): void {
    const box = boxOfMap(map);
    for (const listener of this.boxListeners) listener(box);
  }
}

function boxOfMap(map: MapLibreMap): Box {
  const bounds = map.getBounds();
  const wide = bounds.getEast() - bounds.getWest() >= 360;
  const wrap = (degrees: number): number => ((((degrees + 180) % 360) + 360) % 360) - 180;
  return [
    wide ? -180 : wrap(bounds.getWest()),
    Math.max(-90, bounds.getSouth()),
    wide ? 180 : wrap(bounds.getEast()),
    Math.min(90, bounds.getNorth()),
  ];
}

/** The box of the middle 98 %: one stray truck must not shrink the fleet to a dot. */
function middle(positions: GeoJSON.Position[]): Box {
  if (positions.length < 50) return boxOf(positions);
  const cut = Math.floor(positions.length / 100);
  const range = (index: 0 | 1): [number, number] => {
    const values = positions.map((position) => position[index] ?? 0).sort((one, other) => one - other);
    return [values[cut] ?? 0, values[values.length - 1 - cut] ?? 0];
  };
  const [west, east] = range(0);
  const [south, north] = range(1);
  return [west, south, east, north];
}

function rendererName(map: MapLibreMap): string {
  const gl = map.getCanvas().getContext("webgl2");
  const details = gl?.getExtension("WEBGL_debug_renderer_info");
  return gl && details ? String(gl.getParameter(details.UNMASKED_RENDERER_WEBGL)) : "";
}
