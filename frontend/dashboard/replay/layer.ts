/** The trail on the map: coloured by speed, broken at gaps; the replayed place, and the point under the cursor. */

import { type GeoJSONSource, type Map as MapLibreMap, type MapMouseEvent, Marker } from "maplibre-gl";
import { appearance, onAppearance, token } from "../../shared/appearance";
import { element, svg } from "../../shared/dom";
import { wrapLongitude } from "../../shared/geodesy";
import { COLOURS } from "./speed_scale";
import type { Stop, Trail } from "./trail";

const TRAIL = "trail";
const STOPS = "trail-stops";
const HIT_PX = 14;
const NOTHING = { type: "FeatureCollection" as const, features: [] };

export interface LayerEvents {
  /** The position under the pointer, or none. */
  hovered(index: number | null): void;
  /** A press on the trail. */
  pressed(index: number): void;
}

export class TrailLayer {
  private readonly replayed: Marker;
  private readonly arrow: SVGSVGElement;
  private readonly hover: Marker;
  private trail: Trail | null = null;
  private shown = false;

  constructor(
    private readonly map: MapLibreMap,
    before: string | undefined,
    private readonly events: LayerEvents,
  ) {
    const line = { "line-cap": "round", "line-join": "round" } as const;
    map.addSource(TRAIL, { type: "geojson", data: NOTHING, tolerance: 0.2 });
    map.addSource(STOPS, { type: "geojson", data: NOTHING });
    map.addLayer(
      { id: "trail-casing", type: "line", source: TRAIL, layout: line, paint: { "line-width": 6.5 } },
      before,
    );
    map.addLayer({ id: TRAIL, type: "line", source: TRAIL, layout: line, paint: { "line-width": 4 } }, before);
    map.addLayer(
      {
        id: STOPS,
        type: "circle",
        source: STOPS,
        paint: { "circle-radius": 4.5, "circle-stroke-width": 2 },
      },
      before,
    );
    this.paint();
    onAppearance(() => this.paint());
    map.on("mousemove", (event) => this.moved(event));
    map.on("mouseout", () => this.events.hovered(null));
    map.on("click", (event) => {
      const index = this.indexAt(event);
      if (index !== null) this.events.pressed(index);
    });
    this.arrow = svg(
      "svg",
      { viewBox: "0 0 16 16", "aria-hidden": "true" },
      svg("path", { d: "M8 1.2 13.2 13.6 8 10.8 2.8 13.6z" }),
    );
    this.replayed = new Marker({ element: element("div", { class: "replayed" }, this.arrow as unknown as Node) });
    this.hover = new Marker({ element: element("div", { class: "trail-hover" }) });
    for (const marker of [this.replayed, this.hover]) marker.setLngLat([0, 0]);
  }

  /** Draw the trail and its stops; null takes them off. */
  show(trail: Trail | null, stops: readonly Stop[]): void {
    this.trail = trail;
    const gap_ms = trail?.gapAfterMs();
    void this.source(TRAIL).setData({
      type: "FeatureCollection",
      features: (trail?.pieces(gap_ms) ?? []).map((piece) => ({
        type: "Feature",
        properties: { speed: piece.speedClass },
        geometry: { type: "LineString", coordinates: piece.coordinates },
      })),
    });
    void this.source(STOPS).setData({
      type: "FeatureCollection",
      features: stops.map((stop) => ({
        type: "Feature",
        properties: {},
        geometry: { type: "Point", coordinates: [stop.longitude, stop.latitude] },
      })),
    });
    if (!trail) {
      this.showReplayed(null);
      this.showHover(null);
    }
  }

  /** Stand the replayed truck somewhere; `keep` moves the map when that is out of sight. */
  showReplayed(place: { latitude: number; longitude: number; heading: number | null } | null, keep = false): void {
    if (!place) {
      if (this.shown) this.replayed.remove();
      this.shown = false;
      return;
    }
    this.replayed.setLngLat([place.longitude, place.latitude]);
    if (!this.shown) this.replayed.addTo(this.map);
    this.shown = true;
    this.arrow.style.transform = `rotate(${place.heading ?? 0}deg)`;
    this.replayed.getElement().classList.toggle("unknown", place.heading === null);
    if (keep && !this.map.getBounds().contains([place.longitude, place.latitude])) {
      this.map.jumpTo({ center: [place.longitude, place.latitude] });
    }
  }

  showHover(place: { latitude: number; longitude: number } | null): void {
    if (place) this.hover.setLngLat([place.longitude, place.latitude]).addTo(this.map);
    else this.hover.remove();
  }

  private moved(event: MapMouseEvent): void {
    this.events.hovered(this.indexAt(event));
  }

  /** The position of the trail near the pointer; null when it is not near. */
  private indexAt({ point, lngLat }: MapMouseEvent): number | null {
    if (!this.trail?.length) return null;
    const { index } = this.trail.nearest(lngLat.lat, wrapLongitude(lngLat.lng));
    const place = this.trail.at(index);
    const turns = Math.round((lngLat.lng - place.longitude) / 360) * 360;
    const at = this.map.project([place.longitude + turns, place.latitude]);
    return Math.hypot(at.x - point.x, at.y - point.y) <= HIT_PX ? index : null;
  }

  private source(name: string): GeoJSONSource {
    return this.map.getSource(name) as GeoJSONSource;
  }

  private paint(): void {
    const colours = COLOURS[appearance()];
    const byClass = [
      "match",
      ["get", "speed"],
      ...colours.flatMap((colour, index) => [index, colour]),
      colours[7],
    ] as never;
    this.map.setPaintProperty(TRAIL, "line-color", byClass);
    this.map.setPaintProperty("trail-casing", "line-color", token("--surface"));
    this.map.setPaintProperty(STOPS, "circle-color", token("--surface"));
    this.map.setPaintProperty(STOPS, "circle-stroke-color", token("--stopped"));
  }
}
