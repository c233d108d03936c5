/** Small steps of the editor: joining what was drawn to a shape, showing a shape beside the panel, counting a rule's trucks. */

import type { PanelContext } from "../panel";
import { boundsOf, type Shape } from "./shape";

/** How each kind is drawn, with a way out that a phone has too. */
export const HINTS = {
  circle: "Press on the centre, then on the rim (or drag). Esc or the button gives up.",
  polygon: "Press corner by corner; press the first one again to close. Esc or the button gives up.",
  corridor: "Press point by point along the route; press the last one again to end. Esc or the button gives up.",
};

/** Returns the shape with what was drawn: instead of it, as a hole of its last part, or as a further part. */
export function combined(before: Shape | null, drawn: Shape, what: "shape" | "hole" | "part"): Shape {
  if (what === "shape" || before?.type !== "polygon" || drawn.type !== "polygon") return drawn;
  const ring = drawn.polygons[0]![0]!;
  if (what === "part") return { ...before, polygons: [...before.polygons, [ring]] };
  const last = before.polygons.length - 1;
  return { ...before, polygons: before.polygons.with(last, [...before.polygons[last]!, ring]) };
}

/** Shows the shape where the panel does not stand, close enough to see a yard. */
export function fitBeside({ map }: PanelContext, shape: Shape): void {
  const box = boundsOf(shape);
  if (box) map.fit(box, 16);
}

/** Returns how many of the trucks a rule's ids and `*` patterns name. */
export function reach(patterns: readonly string[], truck_ids: Iterable<string>): number {
  const known = patterns.map((pattern) => {
    const escaped = pattern.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("\\*", ".*");
    return new RegExp(`^${escaped}$`);
  });
  let n = 0;
  for (const id of truck_ids) if (known.some((pattern) => pattern.test(id))) n += 1;
  return n;
}
