"""What trips, stops and gaps are: the rules that tell them apart, and a segment with its figures."""

from typing import Literal

import msgspec

from truckstream.core.geodesy import distance_m
from truckstream.core.records import Position

type Kind = Literal["trip", "stop", "gap"]
type Neighbour = Literal["trip", "stop", "gap", "nothing"]

_PLACE_SHARE = 5


class TripRules(msgspec.Struct, frozen=True):
    """How far and how long.

    `distance_m`: staying closer than this to one place is no trip. `duration_s`: what makes a stay a stop; a
    shorter halt does not end a trip, a shorter excursion to and fro does not end a stop. `gap_s`: a longer
    silence is no drive.
    """

    distance_m: float = 200.0
    duration_s: float = 180.0
    gap_s: float = 3_600.0

    @property
    def place_m(self) -> float:
        """How near the middle of a stop counts as being there: its begin and end are dated by that."""
        return self.distance_m / _PLACE_SHARE

    def is_gap(self, silence_ms: int, moved_m: float) -> bool:
        """Return whether nobody can say what a truck did between two positions."""
        silence_s = silence_ms / 1000
        if moved_m < self.distance_m or silence_s <= self.duration_s:
            return False
        return silence_s > self.gap_s or moved_m * self.duration_s < self.distance_m * silence_s


class Segment(msgspec.Struct, frozen=True, gc=False):
    """A trip, a stop or a gap, from its first position to its last; the next one begins at that last one.

    `latitude`, `longitude`: the middle of a stop (by time), else where it began. `distance_m`: of a stop, what the
    truck moved within the place; of a gap, what joins its ends in the statistics. `before` "nothing": the record
    begins with it, so it may have begun earlier; `after` "nothing": it is still going on.
    `positions` counts both ends. `max_speed_kmh` None: no speed is known.
    """

    truck_id: str
    kind: Kind
    begin_ms: int
    end_ms: int
    distance_m: float
    positions: int
    latitude: float
    longitude: float
    end_latitude: float
    end_longitude: float
    max_speed_kmh: float | None
    before: Neighbour = "nothing"
    after: Neighbour = "nothing"

    @property
    def duration_s(self) -> float:
        """Seconds from the first position to the last."""
        return (self.end_ms - self.begin_ms) / 1000

    @property
    def average_speed_kmh(self) -> float | None:
        """Distance over time; None for an instant."""
        return self.distance_m * 3.6 / self.duration_s if self.end_ms > self.begin_ms else None


def segment_of(kind: Kind, positions: list[Position], moved_m: float) -> Segment:
    """Return the segment of these positions, which moved so many metres, with nothing known around it."""
    first, last = positions[0], positions[-1]
    latitude, longitude = middle_of(positions) if kind == "stop" else (first.latitude, first.longitude)
    speeds = [each.speed_kmh for each in positions if each.speed_kmh is not None] if kind != "gap" else []
    return Segment(
        first.truck_id,
        kind,
        first.timestamp_ms,
        last.timestamp_ms,
        moved_m,
        len(positions),
        latitude,
        longitude,
        last.latitude,
        last.longitude,
        max(speeds, default=None),
    )


def middle_of(positions: list[Position]) -> tuple[float, float]:
    """Return the median by time: each position stands for half of the time to its neighbours."""
    times = [each.timestamp_ms for each in positions]
    spans = [later - earlier for earlier, later in zip([times[0], *times[:-1]], [*times[1:], times[-1]], strict=True)]
    origin = positions[0].longitude
    east = _median([((each.longitude - origin + 180.0) % 360.0 - 180.0) for each in positions], spans)
    longitude = origin + east
    if not -180.0 <= longitude <= 180.0:
        longitude = (longitude + 180.0) % 360.0 - 180.0
    return _median([each.latitude for each in positions], spans), round(longitude, 7)


def _median(values: list[float], weights: list[int]) -> float:
    """Return the value that half of the weight does not exceed.

    >>> _median([3.0, 1.0, 2.0], [1, 1, 5])
    2.0
    """
    half, passed = sum(weights) / 2, 0
    for value, weight in sorted(zip(values, weights, strict=True)):
        passed += weight
        if passed >= half:
            return value
    return values[0]


def between_m(one: Position, other: Position) -> float:
    """Return the metres between two positions."""
    return distance_m(one.latitude, one.longitude, other.latitude, other.longitude)


def distance_from_m(middle: tuple[float, float], position: Position) -> float:
    """Return the metres from a place (latitude, longitude) to a position."""
    return distance_m(middle[0], middle[1], position.latitude, position.longitude)
