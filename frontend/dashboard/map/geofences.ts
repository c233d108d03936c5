/** Geofences on the map: thin outlines, a faint fill, names where they fit; read again when the server has others. */

import type { GeoJSONSource, Map as MapLibreMap } from "maplibre-gl";
import { all } from "../../shared/api";
import { onAppearance, token } from "../../shared/appearance";
import { LABEL_FONT } from "../../shared/basemap";
import { CORRIDOR_SOURCE } from "../geofence/shape";
import type { FleetStore } from "../store";
import type { Geofence } from "../wire";
import { outlineOf } from "./outlines";

const SHAPES = "geofences";
const CORRIDORS = "geofence-corridors";
const NAMES = "geofence-names";
const RETRY_MS = 10_000;
const NOTHING = { type: "FeatureCollection" as const, features: [] };

export class GeofenceLayer {
  readonly geofences = new Map<string, Geofence>();
  private hidden: string | null = null;
  private reading: AbortController | null = null;

  constructor(
    private readonly map: MapLibreMap,
    store: FleetStore,
    /** Shapes come below the names of cities, names above them: where room is short, the user's own win. */
    before: string,
    namesBefore: string,
  ) {
    map.addSource(SHAPES, { type: "geojson", data: NOTHING, tolerance: 0.1 });
    map.addSource(CORRIDORS, { ...CORRIDOR_SOURCE, data: NOTHING });
    map.addSource(NAMES, { type: "geojson", data: NOTHING });
    const width = [
      "interpolate",
      ["exponential", 2],
      ["zoom"],
      0,
      ["max", 0.0001, ["get", "width"]],
      22,
      ["*", 4194304, ["get", "width"]],
    ] as never;
    const dash = ["case", ["get", "active"], 0.9, 0.4] as never;
    map.addLayer({ id: "geofence-fill", type: "fill", source: SHAPES, paint: { "fill-opacity": 0.07 } }, before);
    map.addLayer(
      {
        id: "geofence-corridor",
        type: "line",
        source: CORRIDORS,
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-width": width, "line-opacity": 0.1 },
      },
      before,
    );
    map.addLayer(
      {
        id: "geofence-corridor-edge",
        type: "line",
        source: CORRIDORS,
        layout: { "line-cap": "round", "line-join": "round" },
        paint: { "line-width": 1.2, "line-gap-width": width, "line-opacity": dash },
      },
      before,
    );
    map.addLayer(
      {
        id: "geofence-outline",
        type: "line",
        source: SHAPES,
        layout: { "line-join": "round" },
        paint: { "line-width": 1.4, "line-opacity": dash },
      },
      before,
    );
    map.addLayer(
      {
        id: "geofence-name",
        type: "symbol",
        source: NAMES,
        minzoom: 9,
        layout: {
          "text-field": ["get", "name"],
          "text-font": LABEL_FONT,
          "text-size": 12,
          "text-max-width": 12,
          "text-padding": 4,
        },
        paint: { "text-halo-width": 1.4 },
      },
      namesBefore,
    );
    this.paint();
    onAppearance(() => this.paint());
    store.on("geofences", () => void this.read());
    if (store.geofenceRevision !== null) void this.read();
  }

  /** Leave one out, while the editor draws it; null shows all. */
  hide(geofenceId: string | null): void {
    this.hidden = geofenceId;
    this.draw();
  }

  private async read(): Promise<void> {
    this.reading?.abort();
    const reading = new AbortController();
    this.reading = reading;
    try {
      const items = await all<Geofence>("/api/v1/geofences", {}, reading.signal);
      if (reading.signal.aborted) return;
      this.geofences.clear();
      for (const geofence of items) this.geofences.set(geofence.geofence_id, geofence);
      this.draw();
    } catch {
      // The old ones stay; the connection's own notice tells what is wrong.
      if (!reading.signal.aborted) setTimeout(() => reading === this.reading && void this.read(), RETRY_MS);
    }
  }

  private draw(): void {
    const shapes: GeoJSON.Feature[] = [];
    const corridors: GeoJSON.Feature[] = [];
    const labels: GeoJSON.Feature[] = [];
    for (const geofence of this.geofences.values()) {
      if (geofence.geofence_id === this.hidden) continue;
      const outline = outlineOf(geofence);
      (geofence.type === "corridor" ? corridors : shapes).push(...outline.shapes);
      if (outline.label) labels.push(outline.label);
    }
    const show = (name: string, features: GeoJSON.Feature[]): void =>
      void (this.map.getSource(name) as GeoJSONSource).setData({ type: "FeatureCollection", features });
    show(SHAPES, shapes);
    show(CORRIDORS, corridors);
    show(NAMES, labels);
  }

  private paint(): void {
    const line = token("--text-2");
    this.map.setPaintProperty("geofence-fill", "fill-color", line);
    this.map.setPaintProperty("geofence-corridor", "line-color", line);
    this.map.setPaintProperty("geofence-corridor-edge", "line-color", line);
    this.map.setPaintProperty("geofence-outline", "line-color", line);
    this.map.setPaintProperty("geofence-name", "text-color", line);
    this.map.setPaintProperty("geofence-name", "text-halo-color", token("--surface"));
  }
}
