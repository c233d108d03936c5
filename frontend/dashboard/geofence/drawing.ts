/** Drawing a new shape with Terra Draw; a chunk of its own, loaded with the first drawing. */

import type { LineString, Polygon } from "geojson";
import type { Map as MapLibreMap } from "maplibre-gl";
import { TerraDraw, TerraDrawCircleMode, TerraDrawLineStringMode, TerraDrawPolygonMode } from "terra-draw";
import { TerraDrawMapLibreGLAdapter } from "terra-draw-maplibre-gl-adapter";
import { token } from "../../shared/appearance";
import type { ShapeType } from "./shape";

type Hex = `#${string}`;

/** Start drawing; `finished` gets the geometry once. Returns how to stop. */
export function draw(
  map: MapLibreMap,
  type: ShapeType,
  finished: (geometry: Polygon | LineString) => void,
): () => void {
  const line = token("--text") as Hex;
  const halo = token("--surface") as Hex;
  const area = { fillColor: line, fillOpacity: 0.12, outlineColor: line, outlineWidth: 2 };
  const point = { closingPointColor: halo, closingPointOutlineColor: line, closingPointOutlineWidth: 2 };
  const drawing = new TerraDraw({
    adapter: new TerraDrawMapLibreGLAdapter({ map, coordinatePrecision: 9, prefixId: "drawing" }),
    modes: [
      new TerraDrawCircleMode({ styles: area, drawInteraction: "click-move-or-drag", segments: 128 }),
      new TerraDrawPolygonMode({ styles: { ...area, ...point } }),
      new TerraDrawLineStringMode({ styles: { lineStringColor: line, lineStringWidth: 2, ...point } }),
    ],
  });
  drawing.start();
  drawing.setMode({ circle: "circle", polygon: "polygon", corridor: "linestring" }[type]);
  let stopped = false;
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    drawing.stop();
    map.getCanvas().style.cursor = "";
  };
  drawing.on("finish", (id) => {
    const feature = drawing.getSnapshotFeature(id);
    if (!feature) return;
    // Terra Draw is still at work with it: it may be taken apart only afterwards.
    queueMicrotask(() => {
      stop();
      finished(feature.geometry as Polygon | LineString);
    });
  });
  return stop;
}
