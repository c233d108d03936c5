/** The map of one truck's route: coloured by speed, stops with their length, begin and end. Imported lazily. */

import type { Feature } from "geojson";
import { LngLatBounds, Popup, type Map as MapLibreMap } from "maplibre-gl";
import { api } from "../shared/api";
import { onAppearance, token } from "../shared/appearance";
import { BELOW_LABELS, startMap } from "../shared/basemap";
import { element } from "../shared/dom";
import { kmh, minutes, number } from "../shared/format";
import { localLabel } from "../shared/time";
import type { Route, Row } from "./answers";
import { instant } from "./page";
import { onPaper } from "./paper";
import { bounds, fixes, nearestTurn, pieces, SPEED_CLASSES_KMH, type Fix } from "./route_model";

export interface RouteMap {
  /** Bring this time of the route into view, the rest of it steps back. */
  show(from_ms: number, to_ms: number): void;
}

const colours = (): string[] => SPEED_CLASSES_KMH.map((_, place) => token(`--speed-${place + 1}`));

export async function routeMap(
  holder: HTMLElement,
  route: Route,
  stops: readonly Row[],
  tz: string,
): Promise<RouteMap> {
  const way = fixes(route);
  const box = bounds(way);
  const settings = await mapSettings();
  const map = startMap(holder, {
    ...settings,
    ...(box ? { bounds: new LngLatBounds(box), fitBoundsOptions: { padding: 40, maxZoom: 16 } } : {}),
    cooperativeGestures: true,
    canvasContextAttributes: { preserveDrawingBuffer: true }, // else the map is blank on paper
  });
  holder.append(legend());
  await new Promise<void>((ready, failed) => {
    map.once("load", () => ready());
    map.once("error", ({ error }) => failed(error));
  });
  addRoute(map, way, stops, box ? (box[0] + box[2]) / 2 : 0);
  const stop = onAppearance(() => {
    if (!holder.isConnected) return stop();
    paint(map);
    map.redraw(); // at once: paper does not wait for the next frame
  });
  paint(map);
  answerPointer(map, way, tz);
  // The canvas keeps the screen's width; on paper a picture of it takes its place.
  const picture = element("img", { class: "map-picture", attributes: { alt: "Map of the route" } });
  const take = (): void => {
    picture.src = map.getCanvas().toDataURL();
    holder.append(picture);
  };
  onPaper(holder, take, () => picture.remove());
  new ResizeObserver(() => map.resize()).observe(holder);
  holder.dataset.ready = "true";
  return { show: (from_ms, to_ms) => show(map, way, from_ms, to_ms) };
}

/** A style or tiles the operator chose; without an answer the bundled map does. */
async function mapSettings(): Promise<{ styleUrl: string | null; tilesUrl: string | null }> {
  try {
    const config = await api.get<{ map_style_url?: string | null; map_tiles_url?: string | null }>("/api/v1/config");
    return { styleUrl: config.map_style_url ?? null, tilesUrl: config.map_tiles_url ?? null };
  } catch {
    return { styleUrl: null, tilesUrl: null };
  }
}

function addRoute(
  map: MapLibreMap,
  way: readonly (Fix | null)[],
  stops: readonly Row[],
  middle_longitude: number,
): void {
  map.addSource("route", {
    type: "geojson",
    tolerance: 0.2,
    data: { type: "FeatureCollection", features: lines(way) },
  });
  map.addSource("stops", {
    type: "geojson",
    data: {
      type: "FeatureCollection",
      features: stops.map((row) => ({
        type: "Feature",
        geometry: {
          type: "Point",
          coordinates: [nearestTurn(Number(row.longitude), middle_longitude), Number(row.latitude)],
        },
        properties: {
          minutes: (row.duration_minutes as number | null) ?? 0,
          start_ms: instant(row.start) ?? 0,
          end_ms: instant(row.end) ?? Number.MAX_SAFE_INTEGER,
        },
      })),
    },
  });
  const wide = ["interpolate", ["linear"], ["zoom"], 8, 2.5, 15, 5] as const;
  const round = { "line-cap": "round", "line-join": "round" } as const;
  map.addLayer(
    {
      id: "route-casing",
      type: "line",
      source: "route",
      layout: round,
      paint: { "line-width": ["interpolate", ["linear"], ["zoom"], 8, 4.5, 15, 8] },
    },
    BELOW_LABELS,
  );
  map.addLayer(
    {
      id: "route-line",
      type: "line",
      source: "route",
      layout: { ...round, "line-sort-key": ["get", "speed_class"] },
      paint: { "line-width": wide as never },
    },
    BELOW_LABELS,
  );
  map.addLayer({
    id: "stops",
    type: "circle",
    source: "stops",
    paint: {
      "circle-radius": ["interpolate", ["linear"], ["sqrt", ["get", "minutes"]], 1, 3, 24, 12],
      "circle-stroke-width": 1.5,
      "circle-opacity": 0.75,
    },
  });
}

function lines(way: readonly (Fix | null)[]): Feature[] {
  return pieces(way).map(({ speed_class, coordinates, from_ms, to_ms }) => ({
    type: "Feature",
    geometry: { type: "LineString", coordinates },
    properties: { speed_class: speed_class ?? -1, from_ms, to_ms },
  }));
}

function paint(map: MapLibreMap): void {
  const steps = colours().flatMap((colour, place) => [place, colour]);
  map.setPaintProperty("route-line", "line-color", [
    "match",
    ["get", "speed_class"],
    ...steps,
    token("--offline"),
  ] as never);
  map.setPaintProperty("route-casing", "line-color", token("--surface"));
  map.setPaintProperty("stops", "circle-color", token("--stopped"));
  map.setPaintProperty("stops", "circle-stroke-color", token("--surface"));
}

function show(map: MapLibreMap, way: readonly (Fix | null)[], from_ms: number, to_ms: number): void {
  const box = bounds(way, from_ms, to_ms);
  if (!box) return;
  const inside = ["all", ["<", ["get", "from_ms"], to_ms], [">", ["get", "to_ms"], from_ms]];
  map.setPaintProperty("route-line", "line-opacity", ["case", inside, 1, 0.18] as never);
  map.setPaintProperty("stops", "circle-opacity", [
    "case",
    ["all", ["<=", ["get", "start_ms"], to_ms], [">=", ["get", "end_ms"], from_ms]],
    0.85,
    0.2,
  ] as never);
  map.fitBounds(box, {
    padding: 60,
    maxZoom: 16,
    duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 400,
  });
}

/** What happened where one points: the nearest position's time and speed, or the stop's length. */
function answerPointer(map: MapLibreMap, way: readonly (Fix | null)[], tz: string): void {
  const popup = new Popup({ closeButton: false, closeOnClick: false, className: "route-popup" });
  const say = (at: { lng: number; lat: number }, ...words: string[]): void => {
    popup
      .setLngLat(at)
      .setDOMContent(element("div", {}, ...words.map((text) => element("p", { text }))))
      .addTo(map);
  };
  map.on("mousemove", "route-line", ({ lngLat, features }) => {
    const { from_ms, to_ms } = (features?.[0]?.properties ?? {}) as { from_ms?: number; to_ms?: number };
    if (from_ms === undefined || to_ms === undefined) return;
    const fix = nearest(way, lngLat, from_ms, to_ms);
    if (!fix) return;
    map.getCanvas().style.cursor = "crosshair";
    say(lngLat, localLabel(fix.timestamp_ms, tz), kmh(fix.speed_kmh));
  });
  map.on("mousemove", "stops", ({ lngLat, features }) => {
    const found = features?.[0]?.properties as { minutes: number; start_ms: number } | undefined;
    if (found) say(lngLat, `Stop, ${minutes(found.minutes)}`, `from ${localLabel(found.start_ms, tz)}`);
  });
  for (const layer of ["route-line", "stops"]) {
    map.on("mouseleave", layer, () => {
      map.getCanvas().style.cursor = "";
      popup.remove();
    });
  }
}

function nearest(
  way: readonly (Fix | null)[],
  at: { lng: number; lat: number },
  from_ms: number,
  to_ms: number,
): Fix | null {
  let best: Fix | null = null;
  let least = Infinity;
  const squeeze = Math.cos((at.lat * Math.PI) / 180);
  for (const fix of way) {
    if (fix === null || fix.timestamp_ms < from_ms || fix.timestamp_ms > to_ms) continue;
    const away = ((fix.longitude - nearestTurn(at.lng, fix.longitude)) * squeeze) ** 2 + (fix.latitude - at.lat) ** 2;
    if (away < least) [best, least] = [fix, away];
  }
  return best;
}

function legend(): HTMLElement {
  const entries = SPEED_CLASSES_KMH.map((edge, place) => {
    const next = SPEED_CLASSES_KMH[place + 1];
    return element(
      "li",
      {},
      element("i", { class: `speed-${place + 1}` }),
      next === undefined ? `${number(edge)} and more` : `${number(edge)}\u2013${number(next)}`,
    );
  });
  return element(
    "ul",
    { class: "map-legend panel small", attributes: { "aria-label": "Colours of the route" } },
    element("li", { class: "quiet", text: "km/h" }),
    ...entries,
    element("li", {}, element("i", { class: "speed-stop" }), "stop"),
  );
}
