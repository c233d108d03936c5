"""The shapes of geofences: circle, polygon, corridor. The boundary is inside.

All have contains(lat, lon), distance_outside_m(lat, lon), crossing(...), segment_hits(...) and bounds.
"""

from truckstream.core.circle import Circle
from truckstream.core.corridor import Capsule, Corridor
from truckstream.core.polygon import Polygon
from truckstream.core.segments import Bounds

type Shape = Circle | Polygon | Corridor

__all__ = ["Bounds", "Capsule", "Circle", "Corridor", "Polygon", "Shape"]
