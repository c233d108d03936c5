/**
 * Trucks on the map: one GeoJSON source, changed by one diff per frame, never rebuilt while trucks come and go.
 */

import type { GeoJSONFeatureDiff, GeoJSONSource, GeoJSONSourceDiff, Map as MapLibreMap } from "maplibre-gl";
import { onAppearance, token } from "../../shared/appearance";
import { LABEL_FONT } from "../../shared/basemap";
import { opacityOf } from "../ages";
import type { FleetStore } from "../store";
import type { State, Truck } from "../wire";
import { Easing } from "./easing";
import type { Place } from "./easing";
import { drawIcons } from "./icons";

export const TRUCKS = "trucks";
const CHOSEN = "chosen-truck";
const EASE_STEP_MS = 66;
const AGE_SWEEP_MS = 5000;

/** What is drawn of a truck; a diff holds only what differs. */
interface Drawn extends Place {
  id: number;
  state: State;
  heading: number | null;
  opacity: number;
}

const ORDER: Record<State, number> = { never: 0, offline: 1, stopped: 2, idling: 3, moving: 4 };

export class TruckLayer {
  private readonly drawn = new Map<string, Drawn>();
  private readonly easing = new Easing();
  private nextId = 1;
  private frameRequested = false;
  private lastStep_ms = 0;

  constructor(
    private readonly map: MapLibreMap,
    private readonly store: FleetStore,
    /** Easing needs a hardware renderer and a reader who does not mind motion. */
    private readonly eases: boolean,
  ) {
    drawIcons(map);
    this.addLayers();
    onAppearance(() => {
      drawIcons(map);
      this.paint();
    });
    store.on("trucks", ({ changed, gone, whole }) => (whole ? this.replace() : this.apply(changed, gone)));
    store.on("filter", () => this.replace());
    store.on("selection", () => this.showChosen());
    setInterval(() => this.sweepAges(), AGE_SWEEP_MS);
    this.replace();
  }

  /** Where the truck is drawn now; it may be on its way to its newest position. */
  placeOf(truckId: string): Place | null {
    return this.drawn.get(truckId) ?? placeOf(this.store.trucks.get(truckId));
  }

  private get source(): GeoJSONSource {
    return this.map.getSource(TRUCKS) as GeoJSONSource;
  }

  private addLayers(): void {
    const { map } = this;
    const empty = { type: "FeatureCollection" as const, features: [] };
    map.addSource(TRUCKS, { type: "geojson", data: empty, maxzoom: 14, buffer: 32, tolerance: 0 });
    map.addSource(CHOSEN, { type: "geojson", data: empty });
    const size = ["interpolate", ["linear"], ["zoom"], 3, 0.5, 8, 0.72, 11, 0.95, 15, 1.2] as never;
    map.addLayer({
      id: "chosen-ring",
      type: "circle",
      source: CHOSEN,
      paint: { "circle-radius": 17, "circle-stroke-width": 2.5, "circle-opacity": 0.15 },
    });
    map.addLayer({
      id: TRUCKS,
      type: "symbol",
      source: TRUCKS,
      layout: {
        "icon-image": [
          "case",
          ["all", ["==", ["get", "state"], "moving"], ["!", ["has", "heading"]]],
          "truck-moving-unknown",
          ["concat", "truck-", ["get", "state"]],
        ],
        "icon-size": size,
        "icon-rotate": ["case", ["==", ["get", "state"], "moving"], ["coalesce", ["get", "heading"], 0], 0],
        "icon-rotation-alignment": "map",
        "icon-allow-overlap": true,
        "icon-ignore-placement": true,
        "symbol-sort-key": ["get", "order"],
      },
      paint: { "icon-opacity": ["get", "opacity"] },
    });
    map.addLayer({
      id: "truck-names",
      type: "symbol",
      source: TRUCKS,
      minzoom: 12.5,
      layout: {
        "text-field": ["get", "truck_id"],
        "text-font": LABEL_FONT,
        "text-size": 11,
        "text-offset": [0, 1.2],
        "text-anchor": "top",
        "text-padding": 4,
      },
      paint: { "text-halo-width": 1.4 },
    });
    map.addLayer({
      id: "chosen-name",
      type: "symbol",
      source: CHOSEN,
      layout: {
        "text-field": ["get", "truck_id"],
        "text-font": LABEL_FONT,
        "text-size": 13,
        "text-offset": [0, 1.6],
        "text-anchor": "top",
        "text-allow-overlap": true,
      },
      paint: { "text-halo-width": 2 },
    });
    this.paint();
  }

  private paint(): void {
    const { map } = this;
    const text = token("--text");
    const halo = token("--surface");
    map.setPaintProperty("chosen-ring", "circle-color", text);
    map.setPaintProperty("chosen-ring", "circle-stroke-color", text);
    for (const layer of ["truck-names", "chosen-name"]) {
      map.setPaintProperty(layer, "text-color", text);
      map.setPaintProperty(layer, "text-halo-color", halo);
    }
  }

  /** Another fleet, or another filter: everything anew. */
  private replace(): void {
    this.easing.clear();
    this.drawn.clear();
    const features: GeoJSON.Feature[] = [];
    const now_ms = this.store.now();
    for (const truck of this.store.trucks.values()) {
      const feature = this.add(truck, now_ms);
      if (feature) features.push(feature);
    }
    void this.source.setData({ type: "FeatureCollection", features });
    this.showChosen();
  }

  private add(truck: Truck, now_ms: number): GeoJSON.Feature | null {
    const place = placeOf(truck);
    if (!place || !this.store.matches(truck)) return null;
    const { state, heading } = truck;
    const drawn = { id: this.nextId++, ...place, state, heading, opacity: opacityOf(truck.fresh_ms, now_ms) };
    this.drawn.set(truck.truck_id, drawn);
    return {
      type: "Feature",
      id: drawn.id,
      properties: {
        truck_id: truck.truck_id,
        state,
        order: ORDER[state],
        opacity: drawn.opacity,
        ...(heading === null ? {} : { heading }),
      },
      geometry: point(place),
    };
  }

  private apply(changed: ReadonlySet<string>, gone: ReadonlySet<string>): void {
    const diff: Required<Omit<GeoJSONSourceDiff, "removeAll">> = { add: [], remove: [], update: [] };
    const now_ms = this.store.now();
    for (const id of gone) this.remove(id, diff.remove);
    for (const id of changed) {
      const truck = this.store.trucks.get(id);
      const place = placeOf(truck);
      const drawn = this.drawn.get(id);
      if (!truck || !place || !this.store.matches(truck)) this.remove(id, diff.remove);
      else if (!drawn) {
        const feature = this.add(truck, now_ms);
        if (feature) diff.add.push(feature);
      } else {
        const update = this.update(id, drawn, truck, place, now_ms);
        if (update) diff.update.push(update);
      }
    }
    this.send(diff);
    if (this.easing.busy) this.requestStep();
    const { selected } = this.store;
    if (selected !== null && (changed.has(selected) || gone.has(selected))) this.showChosen();
  }

  private remove(id: string, removed: (string | number)[]): void {
    const drawn = this.drawn.get(id);
    if (!drawn) return;
    removed.push(drawn.id);
    this.drawn.delete(id);
    this.easing.stop(id);
  }

  private update(id: string, drawn: Drawn, truck: Truck, place: Place, now_ms: number): GeoJSONFeatureDiff | null {
    const update: GeoJSONFeatureDiff = { id: drawn.id };
    const properties: { key: string; value: unknown }[] = [];
    if (truck.state !== drawn.state) {
      properties.push({ key: "state", value: truck.state }, { key: "order", value: ORDER[truck.state] });
      drawn.state = truck.state;
    }
    if (truck.heading !== drawn.heading) {
      if (truck.heading === null) update.removeProperties = ["heading"];
      else properties.push({ key: "heading", value: truck.heading });
      drawn.heading = truck.heading;
    }
    const opacity = opacityOf(truck.fresh_ms, now_ms);
    if (opacity !== drawn.opacity) {
      properties.push({ key: "opacity", value: opacity });
      drawn.opacity = opacity;
    }
    if (properties.length) update.addOrUpdateProperties = properties;
    const inView = this.eases && this.map.getBounds().contains([place.longitude, place.latitude]);
    const at = { longitude: drawn.longitude, latitude: drawn.latitude };
    if (!(inView && this.easing.begin(id, at, place, performance.now()))) {
      if (place.longitude !== drawn.longitude || place.latitude !== drawn.latitude) update.newGeometry = point(place);
      drawn.longitude = place.longitude;
      drawn.latitude = place.latitude;
    }
    return Object.keys(update).length > 1 ? update : null;
  }

  private requestStep(): void {
    if (this.frameRequested) return;
    this.frameRequested = true;
    requestAnimationFrame((now_ms) => {
      this.frameRequested = false;
      if (now_ms - this.lastStep_ms >= EASE_STEP_MS) this.step(now_ms);
      if (this.easing.busy) this.requestStep();
    });
  }

  private step(now_ms: number): void {
    this.lastStep_ms = now_ms;
    const update: GeoJSONFeatureDiff[] = [];
    const places = this.easing.step(now_ms);
    for (const [id, place] of places) {
      const drawn = this.drawn.get(id);
      if (!drawn) continue;
      drawn.longitude = place.longitude;
      drawn.latitude = place.latitude;
      update.push({ id: drawn.id, newGeometry: point(place) });
    }
    this.send({ add: [], remove: [], update });
    if (this.store.selected && places.has(this.store.selected)) this.showChosen();
  }

  /** Markers fade although nothing comes: that is the point of it. */
  private sweepAges(): void {
    const now_ms = this.store.now();
    const update: GeoJSONFeatureDiff[] = [];
    for (const [id, drawn] of this.drawn) {
      const opacity = opacityOf(this.store.trucks.get(id)?.fresh_ms ?? null, now_ms);
      if (opacity === drawn.opacity) continue;
      drawn.opacity = opacity;
      update.push({ id: drawn.id, addOrUpdateProperties: [{ key: "opacity", value: opacity }] });
    }
    this.send({ add: [], remove: [], update });
  }

  private send(diff: Required<Omit<GeoJSONSourceDiff, "removeAll">>): void {
    if (diff.add.length || diff.remove.length || diff.update.length) void this.source.updateData(diff);
  }

  private showChosen(): void {
    const id = this.store.selected;
    const place = id === null ? null : this.placeOf(id);
    const features: GeoJSON.Feature[] =
      id === null || !place ? [] : [{ type: "Feature", properties: { truck_id: id }, geometry: point(place) }];
    void (this.map.getSource(CHOSEN) as GeoJSONSource).setData({ type: "FeatureCollection", features });
  }
}

function placeOf(truck: Truck | undefined): Place | null {
  if (!truck || truck.longitude === null || truck.latitude === null) return null;
  return { longitude: truck.longitude, latitude: truck.latitude };
}

function point({ longitude, latitude }: Place): GeoJSON.Point {
  return { type: "Point", coordinates: [longitude, latitude] };
}
