/**
 * Rings that cross the 180th meridian, for a flat map: an atlas lets the longitude jump from 180 to -180 there, and a
 * flat map would draw that edge around the whole world.
 */

/** Return the ring so that no edge goes around the world; null for one that has no area on this map. */
export function flatRing(ring) {
  if (ring.every(([, latitude]) => Math.abs(latitude) >= 90)) return null;
  const turns = [0]; // of each vertex, in whole turns
  for (let index = 1; index < ring.length; index++) {
    turns.push(turns[index - 1] - Math.round((ring[index][0] - ring[index - 1][0]) / 360));
  }
  if (turns.at(-1) !== 0) return aroundPole(ring);
  if (turns.every((turn) => turn === 0)) return ring;
  // Most of the ring stays where it was; the smaller part stands beyond the edge, where tiles wrap.
  const counts = new Map();
  for (const turn of turns) counts.set(turn, (counts.get(turn) ?? 0) + 1);
  const [home] = [...counts].toSorted((one, other) => other[1] - one[1])[0];
  return ring.map(([longitude, latitude], index) => [longitude + 360 * (turns[index] - home), latitude]);
}

/** A ring that winds once around a pole is closed along the edge of the map that shows the pole. */
function aroundPole(ring) {
  const pole = ring.reduce((sum, [, latitude]) => sum + latitude, 0) < 0 ? -90 : 90;
  return ring.flatMap((at, index) => {
    const before = ring[index - 1];
    if (!before || Math.abs(at[0] - before[0]) <= 180) return [at];
    const side = Math.sign(before[0]) * 180;
    return [[side, before[1]], [side, pole], [-side, pole], [-side, at[1]], at];
  });
}

/** Return a polygon's rings as a flat map wants them; none where its outer ring has no area. */
export function flatPolygon(rings) {
  const [outer, ...holes] = rings.map(flatRing);
  return outer ? [outer, ...holes.filter((hole) => hole !== null)] : [];
}
