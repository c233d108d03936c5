/** Names on the map from GeoNames' rows of [name, longitude, latitude, thousands of people]. */

const NEAR_DEGREES = 0.3;

/**
 * Return the rows whose names say something on a map. Districts bear the name of a city nearby and a bracket: what
 * follows a slash is their own name ("Zürich (Kreis 9) / Altstetten"), and without one the city itself is there already.
 * Other brackets belong to the name ("Frankfurt (Oder)").
 */
export function namesOnMap(rows) {
  const cities = new Map();
  for (const row of rows) {
    if (!row[0].includes("(")) cities.set(row[0], [...(cities.get(row[0]) ?? []), row]);
  }
  const isDistrict = ([name, longitude, latitude]) =>
    (cities.get(name.split(" (")[0]) ?? []).some(
      ([, x, y]) => Math.abs(x - longitude) < NEAR_DEGREES && Math.abs(y - latitude) < NEAR_DEGREES,
    );
  return rows.flatMap((row) => {
    if (!row[0].includes(" (") || !isDistrict(row)) return [row];
    const [, own] = row[0].split(" / ");
    return own ? [[own, row[1], row[2], 0]] : [];
  });
}
