"""Trips and stops: where a truck stood, when it drove from one place to the next, and where nobody knows.

A truck *stops* when it stays within 200 m for at least 180 s; what lies between two stops is a *trip*. A silence
over 3,600 s (or over 180 s, too slow for driving all the way: under 200 m per 180 s) that ends 200 m or more away
is a *gap*: neither. A silence of any length that ends where it began is part of the stop.

Every pair of positions belongs to exactly one segment, so distances add up to those of the hourly statistics.
Displacement alone decides: a speed or an ignition wire may be missing or wrong, a place is not. Positions that
`core.outliers` sets aside are left out, late ones and duplicates too. Event time only; no batch can be seen.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from truckstream.core.geodesy import distance_m
from truckstream.core.outliers import Track, further, judge, plain_steps
from truckstream.core.records import Position

type Kind = Literal["trip", "stop", "gap"]
type Neighbour = Literal["trip", "stop", "gap", "nothing"]

_PLACE_SHARE = 5
_RESOLUTION_M = 0.01  # of a coordinate: nothing may hang on less


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


def find_segments(
    positions: Iterable[Position], rules: TripRules | None = None, limit_kmh: float = 0.0
) -> list[Segment]:
    """Return the trips, stops and gaps of one truck's positions (in time order), in time order.

    `limit_kmh` is the fastest believable speed, 0 for off.
    """
    finder = SegmentFinder(rules, limit_kmh)
    finder.add_all(list(positions))
    return finder.segments()


class SegmentFinder:
    """Takes one truck's positions one by one; `segments` may be asked at any time and changes nothing."""

    def __init__(self, rules: TripRules | None = None, limit_kmh: float = 0.0) -> None:
        self._rules = rules or TripRules()
        self._quiet_ms = self._rules.duration_s * 1000
        self._limit_kmh = limit_kmh
        self._track: Track | None = None
        self._done: list[Segment] = []
        self._stretch: _Stretch | None = None

    def add(self, position: Position) -> None:
        """Take the next position; one that is late, repeated or too fast to be true changes nothing yet."""
        verdict = judge(self._track, position, self._limit_kmh)
        self._track = verdict.track
        cut = verdict.reanchored
        for accepted in verdict.accepted:
            self._accept(accepted, cut=cut)
            cut = False

    def add_all(self, positions: Sequence[Position]) -> None:
        """Do `add` for each of the positions, in the order given; those that are plainly accepted go the quick way."""
        place = 0
        while place < len(positions):
            track = self._track
            plain = plain_steps(track, positions, place, self._limit_kmh) if track is not None else 0
            if track is None or not plain:
                self.add(positions[place])
                place += 1
                continue
            for at in range(place, place + plain):
                self._accept(positions[at], cut=False)
            place += plain
            self._track = further(track, positions[place - 1], plain)

    def segments(self) -> list[Segment]:
        """Return everything so far; the last segment has nothing after it, because it may go on."""
        found = self._done if self._stretch is None else [*self._done, *self._stretch.closed()]
        kinds: list[Neighbour] = ["nothing", *(segment.kind for segment in found), "nothing"]
        return [
            msgspec.structs.replace(segment, before=kinds[place], after=kinds[place + 2])
            for place, segment in enumerate(found)
        ]

    def _accept(self, position: Position, *, cut: bool) -> None:
        stretch = self._stretch
        if stretch is None:
            self._stretch = _Stretch(self._rules, position)
            return
        last = stretch.positions[-1]
        moved_m = _between_m(last, position)
        silence_ms = position.timestamp_ms - last.timestamp_ms
        if not cut and (silence_ms <= self._quiet_ms or not self._rules.is_gap(silence_ms, moved_m)):
            stretch.extend(position, moved_m)
            if stretch.finished:
                self._done += stretch.finished
                stretch.finished = []
            return
        self._done += stretch.closed()
        # After a re-anchoring no distance joins the two, here as in the statistics.
        self._done.append(_segment("gap", [last, position], 0.0 if cut else moved_m))
        self._stretch = _Stretch(self._rules, position)


class _Stay(msgspec.Struct, frozen=True, gc=False):
    """A stop as places in the stretch, with its middle."""

    begin: int
    end: int
    middle: tuple[float, float]


class _Stretch:
    """Positions without a gap, and the stops found in them.

    `_anchor` is the first position of what may become a stop: all since are near it. Once that has lasted long
    enough, `_middle` is where the truck stands. `_stay` is the last stop found: a short excursion from it is
    told from a trip only by what comes next. What lies before it is `finished`, to be taken, and forgotten.
    """

    def __init__(self, rules: TripRules, first: Position) -> None:
        self._rules = rules
        self.positions = [first]
        self._moved_m = [0.0]  # from the position before
        self._anchor = 0
        self._next = 1
        self._middle: tuple[float, float] | None = None
        self._first = True  # no position was left behind yet: the truck may have stood here before
        self._stay: _Stay | None = None
        self.finished: list[Segment] = []

    def extend(self, position: Position, moved_m: float) -> None:
        """Take the next position and look at it."""
        self.positions.append(position)
        self._moved_m.append(moved_m)
        while self._next < len(self.positions):
            if self._middle is not None:
                self._follow_stay(self._next)
            else:
                self._look_for_stay(self._next)

    def closed(self) -> list[Segment]:
        """Return the segments not handed out yet as if no position followed."""
        last = len(self.positions) - 1
        stays = [] if self._stay is None else [self._stay]
        if self._middle is not None:
            self._join(stays, self._trimmed(last, self._middle, goes_on=True))
        elif self._first and (end := self._stood_until(last)) > 0:
            stays.append(_Stay(0, end, self._place(0)))
        segments, begin = [], 0
        for stay in stays:
            segments += self._cut(begin, stay)
            begin = stay.end
        if begin < last:
            segments.append(self._segment("trip", begin, last))
        return segments

    def _look_for_stay(self, now: int) -> None:
        """Drop what is too far from the newest position; a stay begins when the rest lasts long enough."""
        near_m = self._rules.distance_m
        # All but the newest are near the anchor; once it moves, they have to be asked again.
        is_near = _between_m(self.positions[self._anchor], self.positions[now]) < near_m
        while self._anchor < now and not is_near:
            if self._first:
                self._first = False
                if (end := self._stood_until(now - 1)) > 0:
                    self._found(_Stay(0, end, self._place(0)))
                    return
            self._anchor += 1
            is_near = self._all_near_anchor(now)
        self._next = now + 1
        if self._lasts_ms(self._anchor, now) >= self._rules.duration_s * 1000:
            middle = _middle(self.positions[self._anchor : now + 1])
            if _distance_m(middle, self.positions[now]) < near_m:
                self._middle = middle

    def _all_near_anchor(self, now: int) -> bool:
        anchor, positions = self.positions[self._anchor], self.positions
        # The newest is nearly always the one that is too far.
        return all(
            _between_m(anchor, positions[place]) < self._rules.distance_m for place in range(now, self._anchor, -1)
        )

    def _stood_until(self, last: int) -> int:
        """Return the last of the positions up to `last` before the truck left the place of the very first one."""
        for place in range(1, last + 1):
            if self._is_away(self._place(0), place):
                return place - 1
        return last

    def _follow_stay(self, now: int) -> None:
        assert self._middle is not None
        if _distance_m(self._middle, self.positions[now]) < self._rules.distance_m:
            self._next = now + 1
            return
        self._found(self._trimmed(now - 1, self._middle, goes_on=False))

    def _trimmed(self, last: int, middle: tuple[float, float], *, goes_on: bool) -> _Stay:
        """Return the stay without the way in and the way out: a stop begins and ends where the truck stands.

        Either way is cut only if it is shorter than a stop, and neither if what is left would be none.
        """
        anchor, enough_ms = self._anchor, self._rules.duration_s * 1000
        begin, end = anchor, last
        while begin < last and self._is_away(middle, begin):
            begin += 1
        while end > begin and self._is_away(middle, end):
            end -= 1
        if self._first or self._lasts_ms(anchor, begin) >= enough_ms:
            begin = anchor
        if goes_on or self._lasts_ms(end, last) >= enough_ms:
            end = last
        if end == begin or (not self._first and self._lasts_ms(begin, end) < enough_ms):
            begin, end = anchor, last
        return _Stay(begin, end, middle)

    def _found(self, stay: _Stay) -> None:
        """Note a stop that has ended, and look on behind it."""
        self._first, self._middle = False, None
        stays = [] if self._stay is None else [self._stay]
        self._join(stays, stay)
        self._stay = stays[-1]
        self._anchor, self._next = stay.end + 1, stay.end + 2
        if len(stays) > 1:
            self.finished += self._cut(0, stays[0])
            self._forget(stays[0].end)

    def _join(self, stays: list[_Stay], stay: _Stay) -> None:
        """Add a stop, or let it continue the one before: a short excursion that came back is no trip."""
        if stays:
            before = stays[-1]
            back = distance_m(*before.middle, *stay.middle) < self._rules.distance_m
            if back and self._lasts_ms(before.end, stay.begin) < self._rules.duration_s * 1000:
                stays[-1] = _Stay(before.begin, stay.end, stay.middle)
                return
        stays.append(stay)

    def _cut(self, begin: int, stay: _Stay) -> list[Segment]:
        """Return the stop, and the trip that led to it from the position at `begin`."""
        trip = [self._segment("trip", begin, stay.begin)] if begin < stay.begin else []
        return [*trip, self._segment("stop", stay.begin, stay.end)]

    def _segment(self, kind: Kind, begin: int, end: int) -> Segment:
        return _segment(kind, self.positions[begin : end + 1], sum(self._moved_m[begin + 1 : end + 1]))

    def _forget(self, count: int) -> None:
        del self.positions[:count], self._moved_m[:count]
        self._anchor -= count
        self._next -= count
        assert self._stay is not None
        self._stay = _Stay(self._stay.begin - count, self._stay.end - count, self._stay.middle)

    def _lasts_ms(self, begin: int, end: int) -> int:
        return self.positions[end].timestamp_ms - self.positions[begin].timestamp_ms

    def _is_away(self, middle: tuple[float, float], place: int) -> bool:
        return _distance_m(middle, self.positions[place]) > self._rules.place_m - _RESOLUTION_M

    def _place(self, place: int) -> tuple[float, float]:
        return self.positions[place].latitude, self.positions[place].longitude


def _segment(kind: Kind, positions: list[Position], moved_m: float) -> Segment:
    first, last = positions[0], positions[-1]
    latitude, longitude = _middle(positions) if kind == "stop" else (first.latitude, first.longitude)
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


def _middle(positions: list[Position]) -> tuple[float, float]:
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


def _between_m(one: Position, other: Position) -> float:
    return distance_m(one.latitude, one.longitude, other.latitude, other.longitude)


def _distance_m(middle: tuple[float, float], position: Position) -> float:
    return distance_m(middle[0], middle[1], position.latitude, position.longitude)
