/**
 * Metres on the WGS 84 ellipsoid for the pages: what is drawn must be what the server decides on.
 *
 * Vincenty's formulas, good to a millimetre at any size a geofence has. A sphere would be wrong by up to 0.7 %:
 * 3.4 m on the rim of a 500 m circle.
 */

const EQUATOR_RADIUS_M = 6_378_137;
const FLATTENING = 1 / 298.257223563;
const POLE_RADIUS_M = EQUATOR_RADIUS_M * (1 - FLATTENING);
const RADIAN = Math.PI / 180;

export interface LatLon {
  latitude: number;
  longitude: number;
}

/** Returns the longitude in [-180, 180). */
export function wrapLongitude(longitude: number): number {
  return longitude - 360 * Math.floor((longitude + 180) / 360);
}

/** Returns the signed difference `to - from` the shorter way round, in degrees. */
export function longitudeDifference(from: number, to: number): number {
  return wrapLongitude(to - from);
}

/** Returns the metres between two points; 0 for equal ones. Nearly opposite points get half the earth's girth. */
export function distanceM(a: LatLon, b: LatLon): number {
  const difference = longitudeDifference(a.longitude, b.longitude) * RADIAN;
  if (difference === 0 && a.latitude === b.latitude) return 0;
  const u1 = Math.atan((1 - FLATTENING) * Math.tan(a.latitude * RADIAN));
  const u2 = Math.atan((1 - FLATTENING) * Math.tan(b.latitude * RADIAN));
  const [sin1, cos1, sin2, cos2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  let lambda = difference;
  for (let round = 0; round < 100; round++) {
    const sinL = Math.sin(lambda);
    const cosL = Math.cos(lambda);
    const sinSigma = Math.hypot(cos2 * sinL, cos1 * sin2 - sin1 * cos2 * cosL);
    if (sinSigma === 0) return 0;
    const cosSigma = sin1 * sin2 + cos1 * cos2 * cosL;
    const sigma = Math.atan2(sinSigma, cosSigma);
    const sinAlpha = (cos1 * cos2 * sinL) / sinSigma;
    const cos2Alpha = 1 - sinAlpha * sinAlpha;
    const cosMiddle = cos2Alpha === 0 ? 0 : cosSigma - (2 * sin1 * sin2) / cos2Alpha;
    const c = (FLATTENING / 16) * cos2Alpha * (4 + FLATTENING * (4 - 3 * cos2Alpha));
    const before = lambda;
    lambda =
      difference +
      (1 - c) *
        FLATTENING *
        sinAlpha *
        (sigma + c * sinSigma * (cosMiddle + c * cosSigma * (2 * cosMiddle * cosMiddle - 1)));
    if (Math.abs(lambda - before) < 1e-12) {
      const [bigA, bigB] = series(cos2Alpha);
      return POLE_RADIUS_M * bigA * (sigma - correction(bigB, sinSigma, cosSigma, cosMiddle));
    }
  }
  return Math.PI * POLE_RADIUS_M;
}

/** Returns the point that many metres away, with its longitude next to the start's (it may leave [-180, 180]). */
export function destination(from: LatLon, bearingDeg: number, metres: number): LatLon {
  const alpha1 = bearingDeg * RADIAN;
  const tan1 = (1 - FLATTENING) * Math.tan(from.latitude * RADIAN);
  const cos1 = 1 / Math.hypot(1, tan1);
  const sin1 = tan1 * cos1;
  const sigma1 = Math.atan2(tan1, Math.cos(alpha1));
  const sinAlpha = cos1 * Math.sin(alpha1);
  const cos2Alpha = 1 - sinAlpha * sinAlpha;
  const [bigA, bigB] = series(cos2Alpha);
  let sigma = metres / (POLE_RADIUS_M * bigA);
  let cosMiddle = 0;
  for (let round = 0; round < 100; round++) {
    cosMiddle = Math.cos(2 * sigma1 + sigma);
    const next = metres / (POLE_RADIUS_M * bigA) + correction(bigB, Math.sin(sigma), Math.cos(sigma), cosMiddle);
    const done = Math.abs(next - sigma) < 1e-13;
    sigma = next;
    if (done) break;
  }
  const [sinS, cosS] = [Math.sin(sigma), Math.cos(sigma)];
  const across = sin1 * sinS - cos1 * cosS * Math.cos(alpha1);
  const latitude = Math.atan2(
    sin1 * cosS + cos1 * sinS * Math.cos(alpha1),
    (1 - FLATTENING) * Math.hypot(sinAlpha, across),
  );
  const lambda = Math.atan2(sinS * Math.sin(alpha1), cos1 * cosS - sin1 * sinS * Math.cos(alpha1));
  const c = (FLATTENING / 16) * cos2Alpha * (4 + FLATTENING * (4 - 3 * cos2Alpha));
  const turn =
    lambda -
    (1 - c) * FLATTENING * sinAlpha * (sigma + c * sinS * (cosMiddle + c * cosS * (2 * cosMiddle * cosMiddle - 1)));
  return { latitude: latitude / RADIAN, longitude: from.longitude + turn / RADIAN };
}

function series(cos2Alpha: number): [number, number] {
  const u2 = (cos2Alpha * (EQUATOR_RADIUS_M ** 2 - POLE_RADIUS_M ** 2)) / POLE_RADIUS_M ** 2;
  return [
    1 + (u2 / 16384) * (4096 + u2 * (-768 + u2 * (320 - 175 * u2))),
    (u2 / 1024) * (256 + u2 * (-128 + u2 * (74 - 47 * u2))),
  ];
}

function correction(bigB: number, sinSigma: number, cosSigma: number, cosMiddle: number): number {
  const square = 2 * cosMiddle * cosMiddle;
  return (
    bigB *
    sinSigma *
    (cosMiddle +
      (bigB / 4) *
        (cosSigma * (square - 1) - (bigB / 6) * cosMiddle * (4 * sinSigma * sinSigma - 3) * (2 * square - 3)))
  );
}
