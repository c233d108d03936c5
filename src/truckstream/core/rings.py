"""Rings of vertices, unwrapped: longitudes made continuous, so that a ring is a plane figure.

An edge goes the shorter way round (at most 180 degrees of longitude). A ring that comes back to its start
one turn further encloses a pole: it is closed along two meridians ("seams") up to the nearer pole. Seams
are no boundary: nothing is decided by lying on one.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from truckstream.core.orientation import exact, filter_limit, shifted

LatLonPair = tuple[float, float]
type ExactEdge = tuple[Fraction, Fraction, Fraction, Fraction]
"""Lower latitude, longitude there, upper latitude, longitude there."""

NEARLY: Final = 1e-9


class Edge(NamedTuple):
    """An edge, its southern end first, in degrees. A seam has `is_seam`."""

    south: float
    north: float
    longitude: float
    d_lon: float
    d_lat: float
    filter_limit: float
    number: int
    is_seam: bool


class WindsTwice(ValueError):
    """A ring goes round the earth more than once: there is no saying what it encloses."""


class Ring:
    """A closed ring: vertices (last one not repeated), the turn each is unwrapped by, and its winding."""

    __slots__ = ("lats", "lons", "turns", "winding", "xs")

    def __init__(self, vertices: Sequence[LatLonPair], like: "Ring | None" = None) -> None:
        self.lats = tuple(float(lat) for lat, _ in vertices)
        self.lons = tuple(float(lon) for _, lon in vertices)
        turns = [0]
        for before, lon in zip(self.lons, (*self.lons[1:], self.lons[0]), strict=True):
            turns.append(_turn_after(before, turns[-1], lon))
        self.winding = turns.pop()
        if abs(self.winding) > 1:
            raise WindsTwice
        xs = [lon + 360.0 * turn for lon, turn in zip(self.lons, turns, strict=True)]
        target = _middle(like.xs) if like is not None else 0.0
        frame = round((target - _middle(xs)) / 360.0)
        self.turns = tuple(turn + frame for turn in turns)
        self.xs: tuple[float, ...] = tuple(shifted(lon, turn) for lon, turn in zip(self.lons, self.turns, strict=True))

    @property
    def pole(self) -> float | None:
        """The latitude of the pole a winding ring encloses (the smaller side of it), None for a plain ring."""
        if self.winding == 0:
            return None
        ends = zip((*self.xs[1:], self.xs[0] + 360.0 * self.winding), (*self.lats[1:], self.lats[0]), strict=True)
        sweep = sum((x2 - x1) * (lat1 + lat2) for x1, lat1, (x2, lat2) in zip(self.xs, self.lats, ends, strict=True))
        return 90.0 if sweep * self.winding >= 0 else -90.0

    def vertex(self, i: int) -> LatLonPair:
        """Return (latitude, unwrapped longitude) of vertex `i`, 0 to the number of vertices (the start again)."""
        n = len(self.lats)
        if i == n:
            return self.lats[0], shifted(self.lons[0], self.turns[0] + self.winding)
        return self.lats[i], self.xs[i]

    def outlines(self) -> list[list[LatLonPair]]:
        """Return the vertices in order, the start again at the end; then each seam as a line of its own."""
        last = self.vertex(len(self.lats))
        outlines = [[*zip(self.lats, self.xs, strict=True), last]]
        if self.pole is not None:
            outlines += [[(lat, x), (self.pole, x)] for lat, x in (self.vertex(0), last)]
        return outlines

    def edges(self, first_number: int) -> list[Edge]:
        """Return the edges, numbered from `first_number`; the seams of a winding ring come last."""
        n = len(self.lats)
        found = [_edge(*self.vertex(i), *self.vertex(i + 1), first_number + i, is_seam=False) for i in range(n)]
        if self.pole is not None:
            for i, end in enumerate((0, n)):
                lat, x = self.vertex(end)
                found.append(_edge(lat, x, self.pole, x, first_number + n + i, is_seam=True))
        return found

    def exact_edge(self, i: int) -> ExactEdge:
        """Return edge `i` of `edges(0)` in exact decimals."""
        n = len(self.lats)
        if i < n:
            start, end = self._exact_vertex(i), self._exact_vertex(i + 1)
        else:
            lat, x = self._exact_vertex(0 if i == n else n)
            start, end = (lat, x), (Fraction(self.pole or 0.0), x)
        lower, upper = sorted((start, end))
        return *lower, *upper

    def _exact_vertex(self, i: int) -> tuple[Fraction, Fraction]:
        n = len(self.lats)
        turn = self.turns[i % n] + (self.winding if i == n else 0)
        return exact(self.lats[i % n]), exact(self.lons[i % n]) + 360 * turn


def _middle(xs: Sequence[float]) -> float:
    return (min(xs) + max(xs)) / 2


def _turn_after(before: float, turn: int, lon: float) -> int:
    """Return the turn that brings `lon` within 180 degrees of `before` + 360 * `turn`."""
    difference = lon - before
    while difference > 180.0 + NEARLY or (difference > 180.0 - NEARLY and exact(lon) - exact(before) > 180):
        difference -= 360.0
        lon -= 360.0
        turn -= 1
    while difference < -180.0 - NEARLY or (difference < NEARLY - 180.0 and exact(lon) - exact(before) < -180):
        difference += 360.0
        lon += 360.0
        turn += 1
    return turn


def _edge(lat1: float, x1: float, lat2: float, x2: float, number: int, *, is_seam: bool) -> Edge:
    if (lat2, x2) < (lat1, x1):
        lat1, x1, lat2, x2 = lat2, x2, lat1, x1
    dx, dy = x2 - x1, lat2 - lat1
    return Edge(lat1, lat2, x1, dx, dy, filter_limit(dx, dy), number, is_seam)
