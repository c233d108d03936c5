"""WGS 84 distances of many pairs at once: the formula of `core.geodesy.distance_m` on whole columns.

Pairs beyond its reach (5 km, latitude 70) are few in any fleet and go to `distance_m` one by one.
"""

import numpy as np
import numpy.typing as npt

from truckstream.core.geodesy import (
    ECCENTRICITY_2,
    EQUATOR_RADIUS_M,
    FORMULA_LIMIT_LATITUDE,
    FORMULA_LIMIT_M,
    distance_m,
)

Float64 = npt.NDArray[np.float64]


def distances_m(lat1: Float64, lon1: Float64, lat2: Float64, lon2: Float64) -> Float64:
    """Return the distance of each pair in metres, from degrees; crossing the antimeridian is fine."""
    middle = np.radians((lat1 + lat2) / 2)
    east = np.radians((lon2 - lon1 + 180.0) % 360.0 - 180.0)
    north = np.radians(lat2 - lat1)
    bend = 1 - ECCENTRICITY_2 * np.sin(middle) ** 2
    normal_m = EQUATOR_RADIUS_M / np.sqrt(bend)
    distance = np.hypot(normal_m * (1 - ECCENTRICITY_2) / bend * north, normal_m * np.cos(middle) * east)
    far = (distance > FORMULA_LIMIT_M) | (np.maximum(np.abs(lat1), np.abs(lat2)) > FORMULA_LIMIT_LATITUDE)
    for place in np.flatnonzero(far).tolist():
        distance[place] = distance_m(float(lat1[place]), float(lon1[place]), float(lat2[place]), float(lon2[place]))
    return distance
