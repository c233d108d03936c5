/**
 * The map under everything: land, borders, lakes, rivers and cities from bundled data, no outside request.
 *
 * The bundled lakes and rivers are right to a few kilometres, so they fade out where that would show; whoever has
 * street tiles sets a style or a tile address, and this map steps aside. Needs MapLibre, so import it lazily.
 */

import "maplibre-gl/dist/maplibre-gl.css";
import "./basemap.css";
import { Map as MapLibreMap, NavigationControl, AttributionControl, ScaleControl, setWorkerUrl } from "maplibre-gl";
import type {
  FilterSpecification,
  GeoJSONSource,
  LayerSpecification,
  MapOptions,
  StyleSpecification,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import largeCitiesUrl from "../generated/basemap/cities-large.json?url";
import smallCitiesUrl from "../generated/basemap/cities-small.json?url";
import coarseLandUrl from "../generated/basemap/land-50m.json?url";
import fineLandUrl from "../generated/basemap/land-10m.json?url";
import townsUrl from "../generated/basemap/towns.json?url";
import waterUrl from "../generated/basemap/water.json?url";
import { appearance, onAppearance } from "./appearance";
import type { Appearance } from "./appearance";

/** Above these the application puts its own layers; the names of cities stay over areas, below trucks. */
export const BELOW_LABELS = "base-labels-start";

/** Fonts of this computer: without a glyph server MapLibre draws the labels itself. */
export const LABEL_FONT = ["system-ui", "sans-serif"];

const FINE_FROM_ZOOM = 4.5;
const TOWNS_FROM_ZOOM = 9.5;
const RETRY_MS = 5_000;
const CREDIT = "Natural Earth · GeoNames";

interface Palette {
  water: string;
  land: string;
  coast: string;
  border: string;
  river: string;
  label: string;
  halo: string;
}

export const PALETTES: Record<Appearance, Palette> = {
  light: {
    water: "#d5dde4",
    land: "#f4f4f1",
    coast: "#b3bec8",
    border: "#c3c0b9",
    river: "#c3d0da",
    label: "#59616b",
    halo: "#f4f4f1",
  },
  dark: {
    water: "#0e1419",
    land: "#1d232a",
    coast: "#3c4752",
    border: "#3f4751",
    river: "#111a22",
    label: "#98a3b0",
    halo: "#1d232a",
  },
};

export interface BasemapOptions {
  /** A complete MapLibre style instead of the bundled map. */
  styleUrl?: string | null;
  /** Raster tiles `.../{z}/{x}/{y}...` over the bundled land. */
  tilesUrl?: string | null;
}

/** Make a map with the bundled base map (or the given one), controls and scale, following light and dark. */
export function startMap(container: HTMLElement, options: BasemapOptions & Partial<MapOptions> = {}): MapLibreMap {
  const { styleUrl, tilesUrl, ...rest } = options;
  setWorkerUrl(absolute(workerUrl));
  const map = new MapLibreMap({
    container,
    style: styleUrl ?? bundledStyle(appearance(), tilesUrl ?? null),
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxZoom: 19,
    fadeDuration: 0,
    ...rest,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.addControl(new NavigationControl({ showCompass: false }), "bottom-right");
  map.addControl(new ScaleControl({ unit: "metric" }), "bottom-left");
  map.addControl(
    new AttributionControl({ compact: true, ...(styleUrl ? {} : { customAttribution: CREDIT }) }),
    "bottom-left",
  );
  map.on("error", (event) => retryBase(map, event));
  if (!styleUrl) {
    const look = (): void => {
      addDetail(map);
      addTowns(map);
    };
    map.on("zoom", look);
    map.once("load", look);
    const stop = onAppearance((now) => repaint(map, now));
    map.once("remove", stop);
  }
  return map;
}

const BASE_URLS: Record<string, string> = {
  "base-coarse": coarseLandUrl,
  "base-fine": fineLandUrl,
  "base-water": waterUrl,
  "base-cities": largeCitiesUrl,
  "base-small-cities": smallCitiesUrl,
  "base-towns": townsUrl,
};

/** Data of the base map that did not come (no network, say) are asked for again; other errors are told. */
function retryBase(map: MapLibreMap, event: { error: unknown; sourceId?: unknown }): void {
  const name = typeof event.sourceId === "string" ? event.sourceId : "";
  const url = BASE_URLS[name];
  if (url === undefined) {
    console.error(event.error);
    return;
  }
  setTimeout(() => {
    void map
      .getSource<GeoJSONSource>(name)
      ?.setData(absolute(url))
      .catch(() => {}); // told as an error again
  }, RETRY_MS);
}

function absolute(url: string): string {
  return new URL(url, location.href).href;
}

function source(url: string) {
  return { type: "geojson" as const, data: absolute(url), tolerance: 0.2 };
}

const of = (kind: string): FilterSpecification => ["==", ["get", "kind"], kind];

function landLayers(
  name: string,
  palette: Palette,
  zooms: { minzoom?: number; maxzoom?: number },
): LayerSpecification[] {
  return [
    {
      id: `${name}-fill`,
      type: "fill",
      source: name,
      filter: of("land"),
      paint: { "fill-color": palette.land },
      ...zooms,
    },
    {
      id: `${name}-coast`,
      type: "line",
      source: name,
      filter: of("land"),
      paint: { "line-color": palette.coast, "line-width": 0.8 },
      ...zooms,
    },
    {
      id: `${name}-border`,
      type: "line",
      source: name,
      filter: of("border"),
      paint: { "line-color": palette.border, "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.6, 9, 1.2] },
      ...zooms,
    },
  ];
}

function waterLayers(palette: Palette): LayerSpecification[] {
  const fading = (most: number) => ["interpolate", ["linear"], ["zoom"], 6.5, most, 8, 0] as never;
  return [
    {
      id: "base-river",
      type: "line",
      source: "base-water",
      filter: of("river"),
      minzoom: 3,
      maxzoom: 8,
      paint: {
        "line-color": palette.river,
        "line-width": ["interpolate", ["linear"], ["zoom"], 3, 0.4, 9, 2],
        "line-opacity": fading(1),
      },
    },
    {
      id: "base-lake",
      type: "fill",
      source: "base-water",
      filter: of("lake"),
      maxzoom: 8,
      paint: { "fill-color": palette.water, "fill-opacity": fading(1) },
    },
  ];
}

/** Names by importance: as one zooms in, smaller cities may appear; the larger win where room is short. */
function cityLayer(name: string, palette: Palette, zooms: { minzoom?: number } = {}): LayerSpecification {
  return {
    id: `${name}-label`,
    type: "symbol",
    source: name,
    ...zooms,
    filter: [
      ">=",
      ["get", "p"],
      ["step", ["zoom"], 8000, 3, 4000, 4, 1500, 5, 600, 6, 200, 7, 80, 8, 40, 9, 15, 10, 9, 11, 0],
    ],
    layout: {
      "text-field": ["get", "name"],
      "text-font": LABEL_FONT,
      "text-size": [
        "interpolate",
        ["linear"],
        ["zoom"],
        3,
        ["step", ["get", "p"], 10, 8000, 11],
        7,
        ["step", ["get", "p"], 10, 300, 12, 1000, 13],
        12,
        ["step", ["get", "p"], 12, 100, 14, 1000, 17],
      ],
      "text-padding": 6,
      "symbol-sort-key": ["-", 0, ["get", "p"]],
    },
    paint: { "text-color": palette.label, "text-halo-color": palette.halo, "text-halo-width": 1.2 },
  };
}

function bundledStyle(now: Appearance, tilesUrl: string | null): StyleSpecification {
  const palette = PALETTES[now];
  const style: StyleSpecification = {
    version: 8,
    transition: { duration: 0, delay: 0 }, // light and dark change at once, also for paper
    sources: {
      "base-coarse": source(coarseLandUrl),
      "base-water": source(waterUrl),
      "base-cities": source(largeCitiesUrl),
    },
    layers: [
      { id: "base-sea", type: "background", paint: { "background-color": palette.water } },
      ...landLayers("base-coarse", palette, {}),
      ...waterLayers(palette),
      { id: BELOW_LABELS, type: "background", layout: { visibility: "none" } },
      cityLayer("base-cities", palette),
    ],
  };
  if (tilesUrl) {
    style.sources["base-tiles"] = { type: "raster", tiles: [tilesUrl], tileSize: 256, maxzoom: 19 };
    const under = style.layers.findIndex((layer) => layer.id === BELOW_LABELS);
    style.layers.splice(under, style.layers.length - under, { id: "base-tiles", type: "raster", source: "base-tiles" });
    style.layers.push({ id: BELOW_LABELS, type: "background", layout: { visibility: "none" } });
  }
  return style;
}

/** Finer land and the smaller cities, once somebody looks closer: they are most of the data. */
function addDetail(map: MapLibreMap): void {
  if (map.getZoom() < FINE_FROM_ZOOM || map.getSource("base-fine") || !map.getLayer("base-river")) return;
  const palette = PALETTES[appearance()];
  map.addSource("base-fine", source(fineLandUrl));
  for (const layer of landLayers("base-fine", palette, { minzoom: FINE_FROM_ZOOM })) map.addLayer(layer, "base-river");
  // The coarse coast shows until the fine one is there, and would look doubled afterwards.
  const hide = (): void => {
    if (!map.getSource("base-fine") || !map.isSourceLoaded("base-fine")) return;
    for (const part of ["fill", "coast", "border"]) map.setLayerZoomRange(`base-coarse-${part}`, 0, FINE_FROM_ZOOM);
    map.off("sourcedata", hide);
  };
  map.on("sourcedata", hide);
  if (map.getLayer("base-tiles")) return; // they have names of their own
  map.addSource("base-small-cities", source(smallCitiesUrl));
  map.addLayer(cityLayer("base-small-cities", palette, { minzoom: FINE_FROM_ZOOM }), "base-cities-label");
}

/** The names of towns and of parts of cities, where there is room for them. */
function addTowns(map: MapLibreMap): void {
  if (map.getZoom() < TOWNS_FROM_ZOOM || map.getSource("base-towns") || !map.getLayer("base-small-cities-label"))
    return;
  map.addSource("base-towns", source(townsUrl));
  const layer = cityLayer("base-towns", PALETTES[appearance()], { minzoom: TOWNS_FROM_ZOOM });
  map.addLayer(layer, "base-small-cities-label");
}

/** Other colours for the bundled layers; those of the application stay as they are. */
function repaint(map: MapLibreMap, now: Appearance): void {
  const style = map.getStyle() as StyleSpecification | undefined; // until it is loaded there is none, whatever its type
  if (!style) return void map.once("style.load", () => repaint(map, appearance()));
  const palette = PALETTES[now];
  for (const layer of style.layers) {
    if (layer.id === "base-sea") map.setPaintProperty(layer.id, "background-color", palette.water);
    else if (layer.id === "base-lake") map.setPaintProperty(layer.id, "fill-color", palette.water);
    else if (layer.id === "base-river") map.setPaintProperty(layer.id, "line-color", palette.river);
    else if (/^base-.*-fill$/.test(layer.id)) map.setPaintProperty(layer.id, "fill-color", palette.land);
    else if (/^base-.*-coast$/.test(layer.id)) map.setPaintProperty(layer.id, "line-color", palette.coast);
    else if (/^base-.*-border$/.test(layer.id)) map.setPaintProperty(layer.id, "line-color", palette.border);
    else if (/^base-.*-label$/.test(layer.id)) {
      map.setPaintProperty(layer.id, "text-color", palette.label);
      map.setPaintProperty(layer.id, "text-halo-color", palette.halo);
    }
  }
}
