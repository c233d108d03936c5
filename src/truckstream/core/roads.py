"""The roads a simulated fleet drives on: bent lines with lengths, bearings and limits, and the way to a city.

Built once from the hand-made list in `cities`; the bends between two places are made up, but always the same.
"""

import heapq
import math
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from truckstream.core.cities import CITIES, ROADS, City, Road
from truckstream.core.geodesy import distance_m
from truckstream.core.seeded import Seeded

# Town streets, then the ring or trunk road, then the road's own limit.
TOWN_M, TOWN_KMH = 2_500.0, 50.0
RING_M, RING_KMH = 6_000.0, 80.0

_NEAR_DEG = 0.02  # of latitude: 2.2 km
_CELL_DEG = 0.05  # some 4 to 5 km: larger than the search radius and a segment together
_BEND_EVERY_M = 2_500.0
_EAST_STRETCH = 1.0031  # WGS 84 at 47 degrees: a degree of a great circle eastwards over one northwards
_BEND_SIDEWAYS = 0.08  # of the distance between two bends


class Link(NamedTuple):
    """One direction of a road; segment i joins the points i and i + 1, `along_m[i]` is the way to point i."""

    start: int
    end: int
    latitudes: tuple[float, ...]
    longitudes: tuple[float, ...]
    altitudes_m: tuple[float, ...]
    along_m: tuple[float, ...]
    bearings_deg: tuple[float, ...]
    limits_m_s: tuple[float, ...]
    length_m: float


class Network(NamedTuple):
    """All links; `towards[a][b]` is the link that leaves city a on the quickest way to city b."""

    cities: tuple[City, ...]
    links: tuple[Link, ...]
    leaving: tuple[tuple[int, ...], ...]
    towards: tuple[tuple[int, ...], ...]


@cache
def swiss_network() -> Network:
    """Return the network; built at the first call (some 20 ms)."""
    number = {city.name: i for i, city in enumerate(CITIES)}
    links: list[Link] = []
    for road_number, road in enumerate(ROADS):
        points = _bent_line(road, number, Seeded(0x0AD5, road_number))
        a, b = number[road.start], number[road.end]
        links.append(_link(a, b, points, road.limit_kmh))
        links.append(_link(b, a, points[::-1], road.limit_kmh))
    leaving = tuple(tuple(i for i, link in enumerate(links) if link.start == c) for c in range(len(CITIES)))
    ways = [_first_links(links, leaving, target) for target in range(len(CITIES))]
    towards = tuple(tuple(ways[b][a] for b in range(len(CITIES))) for a in range(len(CITIES)))
    return Network(CITIES, tuple(links), leaving, towards)


def nearest_place(
    network: Network, latitude: float, longitude: float, heading_deg: float | None
) -> tuple[int, float] | None:
    """Return (link, metres along it) of the nearest place on a road, or None when none is within some 2 km.

    Of a road's two directions the one nearer to `heading_deg` is taken.
    """
    shrink = math.cos(math.radians(latitude))
    best, found = _NEAR_DEG * _NEAR_DEG, None
    for number, segment in _segments_near(latitude, longitude):
        link = network.links[number]
        lat1, lon1 = link.latitudes[segment], link.longitudes[segment]
        north, east = link.latitudes[segment + 1] - lat1, (link.longitudes[segment + 1] - lon1) * shrink
        to_north, to_east = latitude - lat1, (longitude - lon1) * shrink
        part = min(1.0, max(0.0, (north * to_north + east * to_east) / (north * north + east * east)))
        off = (to_north - part * north) ** 2 + (to_east - part * east) ** 2
        if off < best:
            best, found = off, (number, segment, part)
    if found is None:
        return None
    number, segment, part = found
    link = network.links[number]
    offset_m = link.along_m[segment] + part * (link.along_m[segment + 1] - link.along_m[segment])
    turn_deg = abs((link.bearings_deg[segment] - (heading_deg or 0.0) + 180.0) % 360.0 - 180.0)
    return (number, offset_m) if turn_deg <= 90.0 else (number ^ 1, link.length_m - offset_m)


def _segments_near(latitude: float, longitude: float) -> list[tuple[int, int]]:
    grid = _segment_grid()
    row, column = int(latitude / _CELL_DEG), int(longitude / _CELL_DEG)
    cells = [(row + r, column + c) for r in (-1, 0, 1) for c in (-1, 0, 1)]
    return [segment for cell in cells for segment in grid.get(cell, ())]


@cache
def _segment_grid() -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the segments (link, number) of one direction of every road, by the cell of their start."""
    grid: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for number, link in enumerate(swiss_network().links):
        if number % 2 == 0:
            for segment in range(len(link.bearings_deg)):
                cell = (
                    int(link.latitudes[segment] / _CELL_DEG),
                    int(link.longitudes[segment] / _CELL_DEG),
                )
                grid.setdefault(cell, []).append((number, segment))
    return grid


type _Point = tuple[float, float, float]


def _bent_line(road: Road, number: dict[str, int], seeded: Seeded) -> list[_Point]:
    """Return the road as a smooth line of (latitude, longitude, altitude) from city to city."""
    first, last = CITIES[number[road.start]], CITIES[number[road.end]]
    places = [first[1:], *road.via, last[1:]]
    return _corners_cut(_corners_cut(_with_bends(_with_altitudes(places), seeded)))


def _with_altitudes(places: list[tuple[float, ...]]) -> list[_Point]:
    """Fill in the altitudes that are not given, straight between the neighbours that are."""
    known = [i for i, place in enumerate(places) if len(place) == 3]
    points: list[_Point] = []
    for i, place in enumerate(places):
        below = max(k for k in known if k <= i)
        above = min(k for k in known if k >= i)
        part = (i - below) / (above - below) if above > below else 0.0
        points.append((place[0], place[1], places[below][2] + part * (places[above][2] - places[below][2])))
    return points


def _with_bends(points: list[_Point], seeded: Seeded) -> list[_Point]:
    """Add points every few kilometres, a little to the side of the straight line."""
    bent = [points[0]]
    for (lat1, lon1, alt1), (lat2, lon2, alt2) in pairwise(points):
        pieces = max(1, round(distance_m(lat1, lon1, lat2, lon2) / _BEND_EVERY_M))
        shrink = math.cos(math.radians(lat1))
        for piece in range(1, pieces):
            part = piece / pieces
            sideways = _BEND_SIDEWAYS / pieces * seeded.between(-1.0, 1.0)
            bent.append(
                (
                    lat1 + part * (lat2 - lat1) + sideways * (lon2 - lon1) * shrink,
                    lon1 + part * (lon2 - lon1) - sideways * (lat2 - lat1) / shrink,
                    alt1 + part * (alt2 - alt1),
                )
            )
        bent.append((lat2, lon2, alt2))
    return bent


def _corners_cut(points: list[_Point]) -> list[_Point]:
    """Return the line with every corner cut at a quarter of its sides (Chaikin); the ends stay."""
    cut = [points[0]]
    for p, q in pairwise(points):
        for part in (0.25, 0.75):
            cut.append((p[0] + part * (q[0] - p[0]), p[1] + part * (q[1] - p[1]), p[2] + part * (q[2] - p[2])))
    return [*cut, points[-1]]


def _link(start: int, end: int, points: list[_Point], limit_kmh: float) -> Link:
    along, bearings = [0.0], []
    for (lat1, lon1, _), (lat2, lon2, _) in pairwise(points):
        along.append(along[-1] + distance_m(lat1, lon1, lat2, lon2))
        east = (lon2 - lon1) * math.cos(math.radians(0.5 * (lat1 + lat2))) * _EAST_STRETCH
        bearings.append(math.degrees(math.atan2(east, lat2 - lat1)) % 360.0)
    length = along[-1]
    limits = []
    for a, b in pairwise(along):
        from_city = min(b, length - a)
        limit = min(TOWN_KMH if from_city < TOWN_M else RING_KMH if from_city < RING_M else limit_kmh, limit_kmh)
        limits.append(limit / 3.6)
    latitudes, longitudes, altitudes = zip(*points, strict=True)
    return Link(start, end, latitudes, longitudes, altitudes, tuple(along), tuple(bearings), tuple(limits), length)


def _first_links(links: list[Link], leaving: tuple[tuple[int, ...], ...], target: int) -> list[int]:
    """Return for every city the link to leave by on the way to `target` (-1 at the target itself)."""
    seconds = [math.inf] * len(leaving)
    first = [-1] * len(leaving)
    seconds[target] = 0.0
    queue = [(0.0, target)]
    while queue:
        reached, city = heapq.heappop(queue)
        if reached > seconds[city]:
            continue
        for outbound in leaving[city]:
            neighbour = links[outbound].end
            inbound = outbound ^ 1  # the two directions of a road are neighbours in the list
            after = reached + links[inbound].length_m / max(links[inbound].limits_m_s)
            if after < seconds[neighbour]:
                seconds[neighbour], first[neighbour] = after, inbound
                heapq.heappush(queue, (after, neighbour))
    return first
