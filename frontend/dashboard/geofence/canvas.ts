/** The draft on the map: its shape, its handles, and dragging them. What a drag means is in handles.ts. */

import type { FeatureCollection, LineString, Polygon } from "geojson";
import type { GeoJSONSource, Map as MapLibreMap, MapMouseEvent, MapTouchEvent } from "maplibre-gl";
import { onAppearance, token } from "../../shared/appearance";
import { type LatLon, wrapLongitude } from "../../shared/geodesy";
import { type Handle, handlesOf, moved, removed, type View } from "./handles";
import { CORRIDOR_SOURCE, featuresOf, type Shape, type ShapeType } from "./shape";

const SHAPES = "draft";
const CORRIDORS = "draft-corridors";
const HANDLES = "draft-handles";
const NOTHING: FeatureCollection = { type: "FeatureCollection", features: [] };
const REACH_PX = 11;
const REACH_TOUCH_PX = 24;

export interface CanvasEvents {
  /** The shape after a drag step; `done` when it was let go. */
  edited(shape: Shape, done: boolean): void;
  /** How many vertices in view are too close to each other to be dragged. */
  hidden(count: number): void;
}

export class EditorCanvas {
  private shape: Shape | null = null;
  private handles: Handle[] = [];
  private chosen: Handle | null = null;
  private dragged: Handle | null = null;
  private editable = false;
  private stopDrawing: (() => void) | null = null;
  private frame = 0;
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly map: MapLibreMap,
    private readonly events: CanvasEvents,
  ) {
    this.addLayers();
    const on = (type: string, listener: (event: never) => void): void => {
      map.on(type as "move", listener as never);
      this.stops.push(() => map.off(type as "move", listener as never));
    };
    on("moveend", () => this.drawHandles());
    on("mousedown", (event: MapMouseEvent) => this.grab(event, REACH_PX));
    on("touchstart", (event: MapTouchEvent) => event.points.length === 1 && this.grab(event, REACH_TOUCH_PX));
    on("mousemove", (event: MapMouseEvent) => (this.dragged ? this.drag(event) : this.point(event)));
    on("touchmove", (event: MapTouchEvent) => this.dragged && this.drag(event));
    // A drag may end over a panel, where the map hears nothing of it.
    const drop = (): void => this.drop();
    for (const type of ["mouseup", "touchend", "touchcancel"]) {
      window.addEventListener(type, drop);
      this.stops.push(() => window.removeEventListener(type, drop));
    }
    on("contextmenu", (event: MapMouseEvent) => this.removeAt(event));
    this.stops.push(onAppearance(() => this.paint()));
  }

  /** Show a shape; null shows none. */
  show(shape: Shape | null, { editable }: { editable: boolean }): void {
    if (shape !== this.shape && !this.dragged) this.chosen = null;
    this.shape = shape;
    this.editable = editable;
    this.draw();
  }

  /** Let a new shape be drawn; `started` is called when the map takes it. Null when it was given up. */
  async startDrawing(type: ShapeType, started: () => void): Promise<Polygon | LineString | null> {
    this.cancelDrawing();
    const { draw } = await import("./drawing");
    started();
    return new Promise((resolve) => {
      const stop = draw(this.map, type, (geometry) => {
        this.stopDrawing = null;
        resolve(geometry);
      });
      this.stopDrawing = () => {
        stop();
        resolve(null);
      };
    });
  }

  get drawing(): boolean {
    return this.stopDrawing !== null;
  }

  cancelDrawing(): void {
    const stop = this.stopDrawing;
    this.stopDrawing = null;
    stop?.();
  }

  /** Remove the vertex that was dragged or pressed last; returns whether there was one that can go. */
  removeChosen(): boolean {
    if (!this.shape || !this.editable || !this.chosen) return false;
    const without = removed(this.shape, this.chosen);
    if (!without) return false;
    this.chosen = null;
    this.shape = without;
    this.draw();
    this.events.edited(without, true);
    return true;
  }

  /** Take everything off the map. */
  remove(): void {
    this.cancelDrawing();
    cancelAnimationFrame(this.frame);
    for (const stop of this.stops) stop();
    for (const layer of LAYERS) if (this.map.getLayer(layer.id)) this.map.removeLayer(layer.id);
    for (const source of [SHAPES, CORRIDORS, HANDLES]) if (this.map.getSource(source)) this.map.removeSource(source);
    this.map.getCanvas().style.cursor = "";
  }

  private addLayers(): void {
    this.map.addSource(SHAPES, { type: "geojson", data: NOTHING, tolerance: 0.1 });
    this.map.addSource(CORRIDORS, { ...CORRIDOR_SOURCE, data: NOTHING });
    this.map.addSource(HANDLES, { type: "geojson", data: NOTHING });
    for (const layer of LAYERS) this.map.addLayer(layer as never);
    this.paint();
  }

  private paint(): void {
    const [line, halo] = [token("--text"), token("--surface")];
    this.map.setPaintProperty("draft-fill", "fill-color", line);
    for (const id of ["draft-corridor", "draft-outline", "draft-edge"]) {
      this.map.setPaintProperty(id, "line-color", line);
    }
    this.map.setPaintProperty("draft-points", "circle-stroke-color", line);
    this.map.setPaintProperty("draft-points", "circle-color", ["case", ["get", "chosen"], line, halo]);
  }

  private draw(): void {
    // A drag moves many times a frame; the map is told once.
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      const features = this.shape ? featuresOf(this.shape) : NOTHING;
      void this.source(SHAPES)?.setData(features);
      void this.source(CORRIDORS)?.setData(this.shape?.type === "corridor" ? features : NOTHING);
      this.drawHandles();
    });
  }

  private drawHandles(): void {
    const { shape } = this;
    if (!shape || !this.editable) {
      this.handles = [];
      void this.source(HANDLES)?.setData(NOTHING);
      return;
    }
    const { handles, hidden } = handlesOf(shape, this.view());
    this.handles = handles;
    this.events.hidden(hidden);
    void this.source(HANDLES)?.setData({
      type: "FeatureCollection",
      features: handles.map((handle) => ({
        type: "Feature",
        properties: { kind: handle.kind, chosen: this.isChosen(handle) },
        geometry: { type: "Point", coordinates: [handle.at.longitude, handle.at.latitude] },
      })),
    });
  }

  private isChosen(handle: Handle): boolean {
    const { chosen } = this;
    return (
      chosen !== null &&
      handle.kind === chosen.kind &&
      handle.part === chosen.part &&
      handle.ring === chosen.ring &&
      handle.index === chosen.index
    );
  }

  private view(): View {
    const bounds = this.map.getBounds();
    return {
      west: bounds.getWest(),
      south: bounds.getSouth(),
      east: bounds.getEast(),
      north: bounds.getNorth(),
      degreesPerPixel: 360 / (512 * 2 ** this.map.getZoom()),
    };
  }

  private source(name: string): GeoJSONSource | undefined {
    return this.map.getSource(name);
  }

  /** The handle under a point of the screen; real vertices win over the middles of edges. */
  private handleAt({ x, y }: { x: number; y: number }, reach_px: number): Handle | null {
    let best: Handle | null = null;
    let least = reach_px;
    for (const handle of this.handles) {
      const at = this.map.project([handle.at.longitude, handle.at.latitude]);
      const distance = Math.hypot(at.x - x, at.y - y) + (handle.kind === "middle" ? 3 : 0);
      if (distance < least) [best, least] = [handle, distance];
    }
    return best;
  }

  private grab(event: MapMouseEvent | MapTouchEvent, reach_px: number): void {
    if (!this.editable || this.stopDrawing || ("button" in event.originalEvent && event.originalEvent.button !== 0))
      return;
    const handle = this.handleAt(event.point, reach_px);
    if (!handle) return;
    event.preventDefault(); // the map stays where it is
    this.dragged = this.chosen = handle;
    this.map.getCanvas().style.cursor = "grabbing";
    this.drawHandles();
  }

  private drag(event: MapMouseEvent | MapTouchEvent): void {
    if (!this.shape || !this.dragged) return;
    const step = moved(this.shape, this.dragged, place(event));
    this.shape = step.shape;
    this.dragged = this.chosen = step.handle;
    this.draw();
    this.events.edited(this.shape, false);
  }

  private drop(): void {
    if (!this.dragged) return;
    this.dragged = null;
    this.map.getCanvas().style.cursor = "";
    if (this.shape) this.events.edited(this.shape, true);
  }

  private point(event: MapMouseEvent): void {
    if (!this.editable || this.stopDrawing) return;
    const handle = this.handleAt(event.point, REACH_PX);
    this.map.getCanvas().style.cursor = handle ? (handle.kind === "middle" ? "copy" : "grab") : "";
  }

  private removeAt(event: MapMouseEvent): void {
    if (!this.editable || this.stopDrawing) return;
    const handle = this.handleAt(event.point, REACH_PX);
    if (!handle) return;
    event.preventDefault();
    this.chosen = handle;
    this.removeChosen();
  }
}

const WIDTH = [
  "interpolate",
  ["exponential", 2],
  ["zoom"],
  0,
  ["get", "width_px_at_zoom_0"],
  22,
  ["*", 4_194_304, ["get", "width_px_at_zoom_0"]],
];
const AREA = ["!=", ["get", "shape"], "corridor"];
const ROUND = { "line-cap": "round", "line-join": "round" };

const LAYERS = [
  { id: "draft-fill", type: "fill", source: SHAPES, filter: AREA, paint: { "fill-opacity": 0.12 } },
  {
    id: "draft-corridor",
    type: "line",
    source: CORRIDORS,
    layout: ROUND,
    paint: { "line-width": WIDTH, "line-opacity": 0.16 },
  },
  {
    id: "draft-edge",
    type: "line",
    source: CORRIDORS,
    layout: ROUND,
    paint: { "line-width": 1.5, "line-gap-width": WIDTH },
  },
  { id: "draft-outline", type: "line", source: SHAPES, layout: ROUND, paint: { "line-width": 2 } },
  {
    id: "draft-points",
    type: "circle",
    source: HANDLES,
    paint: {
      "circle-radius": ["match", ["get", "kind"], "middle", 4, 6.5],
      "circle-opacity": ["match", ["get", "kind"], "middle", 0.7, 1],
      "circle-stroke-opacity": ["match", ["get", "kind"], "middle", 0.7, 1],
      "circle-stroke-width": 2,
    },
  },
] as const;

function place(event: MapMouseEvent | MapTouchEvent): LatLon {
  return { latitude: event.lngLat.lat, longitude: wrapLongitude(event.lngLat.lng) };
}
