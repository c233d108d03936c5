"""The stops in positions without a gap, and the trips between them: `core.trips` has the rules in words."""

import msgspec

from truckstream.core.geodesy import distance_m
from truckstream.core.records import Position
from truckstream.core.trip_segments import Kind, Segment, TripRules, between_m, distance_from_m, middle_of, segment_of

_RESOLUTION_M = 0.01  # of a coordinate: nothing may hang on less


class _Stay(msgspec.Struct, frozen=True, gc=False):
    """A stop as places in the stretch, with its middle."""

    begin: int
    end: int
    middle: tuple[float, float]


class Stretch:
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
        is_near = between_m(self.positions[self._anchor], self.positions[now]) < near_m
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
            middle = middle_of(self.positions[self._anchor : now + 1])
            if distance_from_m(middle, self.positions[now]) < near_m:
                self._middle = middle

    def _all_near_anchor(self, now: int) -> bool:
        anchor, positions = self.positions[self._anchor], self.positions
        # The newest is nearly always the one that is too far.
        return all(
            between_m(anchor, positions[place]) < self._rules.distance_m for place in range(now, self._anchor, -1)
        )

    def _stood_until(self, last: int) -> int:
        """Return the last of the positions up to `last` before the truck left the place of the very first one."""
        for place in range(1, last + 1):
            if self._is_away(self._place(0), place):
                return place - 1
        return last

    def _follow_stay(self, now: int) -> None:
        assert self._middle is not None
        if distance_from_m(self._middle, self.positions[now]) < self._rules.distance_m:
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
        return segment_of(kind, self.positions[begin : end + 1], sum(self._moved_m[begin + 1 : end + 1]))

    def _forget(self, count: int) -> None:
        del self.positions[:count], self._moved_m[:count]
        self._anchor -= count
        self._next -= count
        assert self._stay is not None
        self._stay = _Stay(self._stay.begin - count, self._stay.end - count, self._stay.middle)

    def _lasts_ms(self, begin: int, end: int) -> int:
        return self.positions[end].timestamp_ms - self.positions[begin].timestamp_ms

    def _is_away(self, middle: tuple[float, float], place: int) -> bool:
        return distance_from_m(middle, self.positions[place]) > self._rules.place_m - _RESOLUTION_M

    def _place(self, place: int) -> tuple[float, float]:
        return self.positions[place].latitude, self.positions[place].longitude
