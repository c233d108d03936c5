"""Trips and stops: where a truck stood, when it drove from one place to the next, and where nobody knows.

A truck *stops* when it stays within 200 m for at least 180 s; what lies between two stops is a *trip*. A silence
over 3,600 s (or over 180 s, too slow for driving all the way: under 200 m per 180 s) that ends 200 m or more away
is a *gap*: neither. A silence of any length that ends where it began is part of the stop.

Every pair of positions belongs to exactly one segment, so distances add up to those of the hourly statistics.
Displacement alone decides: a speed or an ignition wire may be missing or wrong, a place is not. Positions that
`core.outliers` sets aside are left out, late ones and duplicates too. Event time only; no batch can be seen.
"""

from collections.abc import Iterable, Sequence

import msgspec

from truckstream.core.outliers import Track, further, judge, plain_steps
from truckstream.core.records import Position
from truckstream.core.stretch import Stretch
from truckstream.core.trip_segments import Neighbour, Segment, TripRules, between_m, segment_of

__all__ = ["Segment", "SegmentFinder", "TripRules", "find_segments"]


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
        self._stretch: Stretch | None = None

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
            self._stretch = Stretch(self._rules, position)
            return
        last = stretch.positions[-1]
        moved_m = between_m(last, position)
        silence_ms = position.timestamp_ms - last.timestamp_ms
        if not cut and (silence_ms <= self._quiet_ms or not self._rules.is_gap(silence_ms, moved_m)):
            stretch.extend(position, moved_m)
            if stretch.finished:
                self._done += stretch.finished
                stretch.finished = []
            return
        self._done += stretch.closed()
        # After a re-anchoring no distance joins the two, here as in the statistics.
        self._done.append(segment_of("gap", [last, position], 0.0 if cut else moved_m))
        self._stretch = Stretch(self._rules, position)
