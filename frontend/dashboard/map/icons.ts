/** The trucks' marks as images for the map, drawn in the colours of the current appearance. */

import type { Map as MapLibreMap } from "maplibre-gl";
import { token } from "../../shared/appearance";
import { MARKS } from "../marks";
import type { MarkName } from "../marks";

const SIZE_PX = 22;
const PIXEL_RATIO = 3;

export const iconName = (mark: MarkName): string => `truck-${mark}`;

/** Add the images, or draw them again in other colours. */
export function drawIcons(map: MapLibreMap): void {
  for (const name of Object.keys(MARKS) as MarkName[]) {
    const image = draw(name);
    if (map.hasImage(iconName(name))) map.updateImage(iconName(name), image);
    else map.addImage(iconName(name), image, { pixelRatio: PIXEL_RATIO });
  }
}

function draw(name: MarkName): ImageData {
  const pixels = SIZE_PX * PIXEL_RATIO;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = pixels;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const mark = MARKS[name];
  const path = new Path2D(mark.path);
  context.scale(pixels / 20, pixels / 20);
  context.translate(2, 2);
  context.lineJoin = "round";
  const colour = token(mark.token);
  const halo = token("--surface");
  if (mark.hollow) {
    context.fillStyle = halo;
    context.fill(path);
    context.strokeStyle = halo;
    context.lineWidth = 4;
    context.stroke(path);
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.stroke(path);
  } else {
    context.strokeStyle = halo;
    context.lineWidth = 2.6;
    context.stroke(path);
    context.fillStyle = colour;
    context.fill(path);
  }
  return context.getImageData(0, 0, pixels, pixels);
}
