import math
import random
from itertools import pairwise

import pytest
import shapely
from geographiclib.geodesic import Geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.geodesy import destination, geodesic_m
from truckstream.core.rings import WindsTwice
from truckstream.core.segments import distance_to_segment_m
from truckstream.core.shapes import Circle, Corridor, Polygon

Point = tuple[float, float]


def star(rng: random.Random, least_deg: float, most_deg: float, count: int) -> list[Point]:
    """A ring around (47, 8) that does not cross itself: one radius for each of evenly spread bearings."""
    ring = []
    for i in range(count):
        angle, radius = math.tau * (i + rng.random() * 0.9) / count, rng.uniform(least_deg, most_deg)
        ring.append((round(47 + radius * math.sin(angle), 6), round(8 + radius * math.cos(angle), 6)))
    return ring


# --- circle -----------------------------------------------------------------------------------------------


def rim_biased_points(rng: random.Random, lat: float, radius_m: float, count: int) -> list[Point]:
    points = []
    for _ in range(count // 4):
        end_lat, end_lon = destination(lat, 0.0, rng.uniform(0, 360), radius_m)
        for nudge in (0.0, rng.gauss(0, 1e-12), rng.gauss(0, 1e-8), rng.gauss(0, 1e-4)):
            points.append((max(-90.0, min(90.0, end_lat + (end_lat - lat) * nudge)), end_lon * (1 + nudge)))
    return points


def test_circle_equals_the_geodesic_at_20_000_rim_points() -> None:
    rng = random.Random(20_000)
    latitudes = [0.0, 0.001, 12.0, 30.0, 45.0, 47.3769, 60.0, 69.99, 70.01, 80.0, 88.0, 89.0]
    radii_m = [1.0, 10.0, 123.4, 500.0, 4_999.0, 5_001.0, 50_000.0, 250_000.0, 1_000_000.0]
    checked = 0
    for lat in latitudes:
        for radius_m in radii_m:
            circle = Circle(lat, 0.0, radius_m)
            for point in rim_biased_points(rng, lat, radius_m, 188):
                expected = Geodesic.WGS84.Inverse(lat, 0.0, *point, Geodesic.DISTANCE)["s12"] <= radius_m
                assert circle.contains(*point) is expected, (lat, radius_m, point)
                checked += 1
    assert checked >= 20_000


def test_circle_of_half_the_earth_holds_everything() -> None:
    circle = Circle(10.0, 20.0, 20_037_508)
    assert all(circle.contains(*point) for point in [(-10, -160), (90, 0), (-90, 77), (10, 20), (-9.9, -160.1)])


def test_circle_holds_the_pole_and_both_sides_of_the_antimeridian() -> None:
    polar = Circle(89.5, 10.0, 100_000)
    assert polar.contains(90, -120)
    assert polar.contains(89.9, -170)
    assert not polar.contains(88.0, -170)
    assert (polar.bounds.west, polar.bounds.east, polar.bounds.north) == (-180, 180, 90)
    fiji = Circle(-17.0, 179.9, 50_000)
    assert fiji.contains(-17.0, -179.9)
    assert fiji.contains(-17.0, 180.0)
    assert fiji.contains(-17.0, -180.0)
    assert not fiji.contains(-17.0, 0.1)


def test_circle_distance_outside_is_measured_from_the_rim() -> None:
    circle = Circle(47.3769, 8.5417, 500)
    assert circle.distance_outside_m(47.3769, 8.5417) == 0
    assert circle.distance_outside_m(*destination(47.3769, 8.5417, 70, 1_730)) == pytest.approx(1_230, abs=0.01)


@pytest.mark.parametrize("lon", [8.5417, 179.999])
def test_circle_crossing_gives_entry_and_exit(lon: float) -> None:
    circle = Circle(47.0, lon, 300)
    west, east = destination(47.0, lon, 270, 1_000), destination(47.0, lon, 90, 1_000)
    enter, leave = circle.crossing(*west, *east) or (0.0, 0.0)
    assert (enter, leave) == pytest.approx((0.35, 0.65), abs=1e-4)
    north_west, north_east = (west[0] + 0.01, west[1]), (east[0] + 0.01, east[1])
    assert circle.crossing(*north_west, *north_east) is None


def test_circle_touched_at_its_rim_counts_as_crossed() -> None:
    top = destination(47.0, 8.0, 0, 300)
    crossing = Circle(47.0, 8.0, 300.001).crossing(top[0], 7.9, top[0], 8.1)
    assert crossing is not None
    assert crossing == pytest.approx((0.5, 0.5), abs=5e-3)
    assert Circle(47.0, 8.0, 299.99).crossing(top[0], 7.9, top[0], 8.1) is None


# --- polygon ----------------------------------------------------------------------------------------------

DECIMAL_TRIANGLE = Polygon([[(0.1, 0.1), (0.3, 0.3), (0.1, 0.5)]])


def test_point_on_a_decimal_edge_is_inside() -> None:
    assert DECIMAL_TRIANGLE.contains(0.2, 0.2)
    assert DECIMAL_TRIANGLE.contains(0.15, 0.15)
    assert not DECIMAL_TRIANGLE.contains(0.2000001, 0.2)
    assert not DECIMAL_TRIANGLE.contains(0.2, 0.1999999)


@given(st.lists(st.integers(-3000, 3000), min_size=6, max_size=6), st.integers(0, 10), st.integers(-2, 2))
@settings(deadline=None, max_examples=200, database=None)
def test_tenths_of_every_edge_are_inside(numbers: list[int], tenth: int, place: int) -> None:
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    east = 90_000 * place  # 180_000 straddles the antimeridian
    shape = Polygon([[(lat / 1_000, (lon + east) / 1_000) for lat, lon in corners]])
    for (lat1, lon1), (lat2, lon2) in pairwise([*corners, corners[0]]):
        lat_e4 = lat1 * (10 - tenth) + lat2 * tenth
        lon_e4 = (lon1 + east) * (10 - tenth) + (lon2 + east) * tenth
        for turn in (-3_600_000, 0, 3_600_000):
            assert shape.contains(lat_e4 / 10_000, (lon_e4 + turn) / 10_000)


@pytest.mark.parametrize("seed", range(12))
def test_polygon_agrees_with_shapely_everywhere(seed: int) -> None:
    rng = random.Random(seed)
    outer, hole = star(rng, 0.5, 1.0, rng.randint(8, 60)), star(rng, 0.05, 0.2, rng.randint(3, 20))
    oracle = shapely.Polygon([(x, y) for y, x in outer], [[(x, y) for y, x in hole]])
    assert oracle.is_valid
    points = [(rng.uniform(45.8, 48.2), rng.uniform(6.8, 9.2)) for _ in range(250)]
    points += [(rng.uniform(46.7, 47.3), rng.uniform(7.7, 8.3)) for _ in range(100)]
    points += [(lat, rng.uniform(6.8, 9.2)) for lat, _ in outer] + [*outer, *hole]
    expected = shapely.covers(oracle, shapely.points([(x, y) for y, x in points]))
    shape = Polygon([outer, hole])
    assert [shape.contains(*point) for point in points] == expected.tolist()


def test_vertices_and_representable_midpoints_are_inside() -> None:
    rng = random.Random(5)
    for _ in range(60):
        ring = [(rng.randint(-640, 640) / 64, rng.randint(-640, 640) / 64) for _ in range(rng.randint(3, 30))]
        shape = Polygon([ring])
        for (lat1, lon1), (lat2, lon2) in pairwise([*ring, ring[0]]):
            assert shape.contains(lat1, lon1)
            assert shape.contains((lat1 + lat2) / 2, (lon1 + lon2) / 2)


def test_vertices_may_run_past_180_and_edges_take_the_short_way() -> None:
    for west, east in [(179.0, 181.0), (179.0, -179.0), (-181.0, -179.0), (-181.0, 181.0 - 360)]:
        shape = Polygon([[(10, west), (10, east), (12, east), (12, west)]])
        assert shape.contains(11, 180)
        assert shape.contains(11, -180)
        assert shape.contains(11, 179.5)
        assert shape.contains(11, -179.5)
        assert shape.contains(10, -179.0)
        assert not shape.contains(11, 178.9)
        assert not shape.contains(11, 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_ring_that_winds_once_encloses_the_nearer_pole(sign: int) -> None:
    ring = [(sign * 70.0, lon) for lon in (-180.0, -90.0, 0.0, 90.0)]
    for vertices in (ring, ring[::-1]):
        cap = Polygon([vertices])
        assert cap.contains(sign * 90.0, 13.0)
        assert cap.contains(sign * 70.0, 45.0)
        assert all(cap.contains(sign * 75.0, lon) for lon in (-180.0, -179.9, -0.0, 12.3, 180.0, 90.0))
        assert not cap.contains(sign * 69.9999999, -180.0)
        assert not cap.contains(-sign * 90.0, 0.0)
        assert cap.distance_outside_m(sign * 69.0, 44.0) == pytest.approx(111_500, rel=0.01)


def test_cap_with_a_wandering_seam_is_even_odd_on_the_cylinder() -> None:
    # Goes 30 degrees back before it goes round: the meridian of its start is crossed three times.
    cap = Polygon([[(60.0, 0.0), (65.0, -30.0), (70.0, 10.0), (60.0, 120.0), (60.0, -120.0)]])
    for lon in (-60.0, -0.001, 0.0, 0.001, 60.0, 179.0):
        crossings = [lat for lat in range(55, 90) if cap.contains(lat + 0.5, lon)]
        assert crossings[-1] == 89
    beside = [[cap.contains(lat + 0.5, lon) for lat in range(50, 90)] for lon in (-0.001, 0.0, 0.001)]
    assert beside[0] == beside[1] == beside[2]
    assert not cap.contains(63.0, 0.0)
    assert cap.contains(60.0, 0.0)


def test_annulus_round_the_pole_leaves_the_pole_out() -> None:
    outer = [(70.0, lon) for lon in (0.0, 120.0, -120.0)]
    inner = [(80.0, lon) for lon in (0.0, 120.0, -120.0)]
    ring = Polygon([outer, inner])
    assert not ring.contains(90, 0)
    assert ring.contains(75, 180)
    assert not ring.contains(85, 180)


def test_pole_on_a_vertex_is_inside_from_every_meridian() -> None:
    wedge = Polygon([[(80, 0), (90, 10), (80, 20)]])
    assert wedge.contains(90, -77)
    assert not wedge.contains(-90, 10)


def test_ring_that_winds_twice_is_refused() -> None:
    ring = [(60.0 + i / 10, lon) for i, lon in enumerate((0.0, 120.0, -120.0, 0.0, 120.0, -120.0))]
    with pytest.raises(WindsTwice):
        Polygon([ring])


def sampled_distance_m(shape: Polygon, lat: float, lon: float) -> float:
    ring = [*zip(shape.rings[0].lats, shape.rings[0].lons, strict=True)]
    return min(
        geodesic_m(lat, lon, a[0] + (b[0] - a[0]) * i / 300, a[1] + (b[1] - a[1]) * i / 300)
        for a, b in pairwise([*ring, ring[0]])
        for i in range(301)
    )


def test_polygon_distance_outside_is_to_the_nearest_edge() -> None:
    rng = random.Random(3)
    shape = Polygon([[(47.0, 8.0), (47.0, 8.05), (47.03, 8.06), (47.02, 8.0)]])
    assert shape.distance_outside_m(47.01, 8.02) == 0
    for _ in range(4):
        point = (rng.uniform(46.95, 47.08), rng.uniform(7.93, 8.12))
        if not shape.contains(*point):
            assert shape.distance_outside_m(*point) == pytest.approx(sampled_distance_m(shape, *point), abs=0.1)


SQUARE = Polygon([[(1, 1), (1, 3), (3, 3), (3, 1)]])


@pytest.mark.parametrize(
    ("drive", "expected"),
    [
        ((2, 0, 2, 4), (0.25, 0.75)),
        ((2, 4, 2, 0), (0.25, 0.75)),
        ((0, 0, 4, 4), (0.25, 0.75)),
        ((0, 2, 2, 0), (0.5, 0.5)),
        ((1, 0, 1, 4), (0.25, 0.75)),
        ((0, 1, 0, 3), None),
        ((0, 1.9, 1.9, 0), None),
        ((0, 0, 0.5, 0.5), None),
    ],
)
def test_polygon_crossing_includes_touching_a_corner_or_edge(
    drive: tuple[float, float, float, float], expected: tuple[float, float] | None
) -> None:
    assert SQUARE.crossing(*drive) == (expected if expected is None else pytest.approx(expected, abs=1e-9))


def test_polygon_crossing_over_the_antimeridian() -> None:
    shape = Polygon([[(1, 179.5), (1, -179.5), (3, -179.5), (3, 179.5)]])
    assert shape.crossing(2, 179, 2, -179) == pytest.approx((0.25, 0.75))
    assert shape.crossing(2, -179, 2, 179) == pytest.approx((0.25, 0.75))


def test_multipolygon_parts_on_both_sides_of_the_antimeridian() -> None:
    shape = Polygon([[(0, 179), (0, 180), (1, 180), (1, 179)], [(0, -180), (0, -179), (1, -179), (1, -180)]])
    assert shape.bounds.east - shape.bounds.west == pytest.approx(2)
    assert shape.contains(0.5, 179.5)
    assert shape.contains(0.5, -179.5)
    assert not shape.contains(0.5, 178.5)


# --- corridor ---------------------------------------------------------------------------------------------


def nearest_by_sampling_m(path: list[Point], lat: float, lon: float) -> float:
    best = math.inf
    for (lat1, lon1), (lat2, lon2) in pairwise(path):
        low, high = 0.0, 1.0
        for _ in range(7):
            grid = [low + (high - low) * i / 20 for i in range(21)]
            metres = [geodesic_m(lat, lon, lat1 + (lat2 - lat1) * t, lon1 + (lon2 - lon1) * t) for t in grid]
            i = metres.index(min(metres))
            best = min(best, metres[i])
            low, high = grid[max(0, i - 1)], grid[min(20, i + 1)]
    return best


@pytest.mark.parametrize("lat", [0.0, 47.0, 68.0, 84.0])
def test_distance_to_a_50_km_segment_is_good_to_1e_4(lat: float) -> None:
    rng = random.Random(4)
    for _ in range(4):
        end = destination(lat, 8.0, rng.uniform(0, 360), 50_000)
        point = destination(lat, 8.0, rng.uniform(0, 360), rng.uniform(10, 30_000))
        metres = distance_to_segment_m(*point, lat, 8.0, end[0] - lat, end[1] - 8.0)
        assert metres == pytest.approx(nearest_by_sampling_m([(lat, 8.0), end], *point), rel=1e-4, abs=0.002)


@pytest.mark.parametrize("lon", [8.0, 179.99])
def test_corridor_has_round_ends_and_both_sides(lon: float) -> None:
    path = [(47.0, lon), destination(47.0, lon, 45, 2_000), destination(47.0, lon, 80, 4_000)]
    corridor = Corridor(path, 200)
    rng = random.Random(6)
    for _ in range(300):
        point = destination(*rng.choice(path), rng.uniform(0, 360), rng.uniform(0, 250))
        nearest = min(capsule.distance_m(*point) for capsule in corridor.capsules)
        assert corridor.contains(*point) is (nearest <= 100)
        assert corridor.distance_outside_m(*point) == pytest.approx(max(0.0, nearest - 100), abs=1e-6)
        rim = destination(*path[0], rng.uniform(140, 310), 100 + rng.choice((-0.02, 0.02)))
        nearest = min(capsule.distance_m(*rim) for capsule in corridor.capsules)
        assert corridor.contains(*rim) is (nearest <= 100)
    assert corridor.contains(*destination(47.0, lon, 225, 99.9))
    assert not corridor.contains(*destination(47.0, lon, 225, 100.1))


def test_corridor_crossing_gives_first_entry_and_last_exit() -> None:
    corridor = Corridor([(47.0, 8.0), (47.02, 8.0)], 200)
    west, east = destination(47.01, 8.0, 270, 1_000), destination(47.01, 8.0, 90, 1_000)
    assert corridor.crossing(*west, *east) == pytest.approx((0.45, 0.55), abs=1e-4)
    assert corridor.crossing(47.05, 7.9, 47.05, 8.1) is None
    bent = Corridor([(47.0, 8.0), (47.02, 8.0), (47.02, 8.01), (47.0, 8.01)], 100)
    enter, leave = bent.crossing(47.01, 7.99, 47.01, 8.02) or (0, 0)
    assert enter == pytest.approx(1 / 3, abs=0.03)
    assert leave == pytest.approx(2 / 3, abs=0.03)


def test_corridor_along_a_high_parallel_and_over_the_pole() -> None:
    arctic = Corridor([(89.0, 0.0), (89.0, 90.0)], 2_000)
    assert arctic.contains(89.0, 45.0)
    assert not arctic.contains(89.3, 45.0)
    pole = Corridor([(89.9, 0.0), (90.0, 0.0)], 4_000)
    assert pole.contains(90.0, 123.0)
    assert pole.contains(89.99, 180.0)
    assert not pole.contains(89.9, 180.0)


@given(st.floats(46.9, 47.1), st.floats(7.9, 8.1), st.floats(46.9, 47.1), st.floats(7.9, 8.1))
@settings(deadline=None, max_examples=60, database=None)
def test_crossing_ends_lie_on_the_border(lat1: float, lon1: float, lat2: float, lon2: float) -> None:
    for shape in (
        Circle(47.0, 8.0, 3_000),
        Polygon([[(46.98, 7.97), (46.97, 8.02), (47.03, 8.01)]]),
        Corridor([(46.98, 7.96), (47.02, 8.04)], 2_000),
    ):
        if shape.contains(lat1, lon1) or shape.contains(lat2, lon2):
            continue
        found = shape.crossing(lat1, lon1, lat2, lon2)
        middles = [(lat1 + (lat2 - lat1) * i / 64, lon1 + (lon2 - lon1) * i / 64) for i in range(65)]
        if found is None:
            assert not any(shape.contains(*middle) for middle in middles)
            continue
        enter, leave = found
        assert 0 <= enter <= leave <= 1
        for t in (enter, leave):
            at = (lat1 + (lat2 - lat1) * t, lon1 + (lon2 - lon1) * t)
            assert shape.distance_outside_m(*at) <= 0.01
        inside = [i / 64 for i, middle in enumerate(middles) if shape.contains(*middle)]
        assert all(enter - 1e-6 <= t <= leave + 1e-6 for t in inside)
