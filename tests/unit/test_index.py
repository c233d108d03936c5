import math
import random

import pytest
import shapely

from truckstream.core.index import ShapeIndex
from truckstream.core.shapes import Circle, Corridor, Polygon, Shape

Point = tuple[float, float]


def make_shape(rng: random.Random, south: float, west: float, north: float, east: float) -> Shape:
    lat, lon = rng.uniform(south, north), rng.uniform(west, east)
    size_m = 10 ** rng.uniform(1, 4)
    kind = rng.random()
    if kind < 0.5:
        return Circle(round(lat, 6), round(lon, 6), size_m)
    if kind < 0.9:
        return Polygon([ring_around(rng, lat, lon, size_m)])
    step = size_m / 111_320
    path = [(lat, lon)]
    for _ in range(rng.randint(1, 8)):
        path.append((path[-1][0] + rng.uniform(-step, step), path[-1][1] + rng.uniform(-step, step)))
    return Corridor(path, size_m / rng.uniform(2, 30))


def ring_around(rng: random.Random, lat: float, lon: float, size_m: float) -> list[Point]:
    size = size_m / 111_320
    angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(rng.randint(3, 40)))
    return [
        (round(lat + size * rng.uniform(0.2, 1) * math.sin(a), 7), round(lon + size * math.cos(a), 7)) for a in angles
    ]


def telling_points(rng: random.Random, shapes: list[Shape], count: int) -> list[Point]:
    """Points at and around boundaries: vertices, edge mid-points, box corners, near rims."""
    points: list[Point] = []
    while len(points) < count:
        shape = rng.choice(shapes)
        box = shape.bounds
        lon = (rng.uniform(box.west, box.east) + 180) % 360 - 180
        points.append((rng.uniform(box.south, box.north), lon))
        if isinstance(shape, Polygon):
            ring = rng.choice(shape.rings)
            i = rng.randrange(len(ring.lats))
            lat, lon = ring.lats[i], (ring.lons[i] + 180) % 360 - 180 if abs(ring.lons[i]) > 180 else ring.lons[i]
            points += [(lat, lon), (lat, max(-180.0, lon - rng.uniform(0, 0.01)))]
            points.append(((ring.lats[i - 1] + lat) / 2, (ring.lons[i - 1] + lon) / 2))
    return [(max(-90.0, min(90.0, lat)), max(-180.0, min(180.0, lon))) for lat, lon in points]


def check_against_every_shape(shapes: list[Shape], points: list[Point], index: ShapeIndex) -> None:
    for lat, lon in points:
        expected = tuple(i for i, shape in enumerate(shapes) if shape.contains(lat, lon))
        assert index.locate(lat, lon) == expected, (lat, lon)


@pytest.mark.parametrize(
    ("name", "box", "count"),
    [
        ("dense town", (47.3, 8.4, 47.45, 8.65), 150),
        ("country", (46.0, 6.2, 47.7, 9.5), 150),
        ("antimeridian", (-18.0, 179.0, -16.0, 181.0), 120),
        ("greenwich and equator", (-0.2, -0.2, 0.2, 0.2), 120),
        ("far north", (85.0, -180.0, 89.99, 180.0), 80),
    ],
)
def test_index_equals_asking_every_shape(name: str, box: tuple[float, float, float, float], count: int) -> None:
    rng = random.Random(name)
    shapes = [make_shape(rng, *box) for _ in range(count)]
    shapes += [Polygon([ring_around(rng, box[0], box[1], 400_000)]), Circle(box[0], box[1], 300_000)]
    points = telling_points(rng, shapes, 350)
    check_against_every_shape(shapes, points, ShapeIndex(shapes))


def test_2_000_polygons_agree_with_shapely() -> None:
    rng = random.Random(2_000)
    shapes: list[Polygon] = []
    oracles: list[shapely.Polygon] = []
    while len(shapes) < 2_000:
        ring = ring_around(rng, rng.uniform(46.5, 47.5), rng.uniform(7.5, 8.5), 10 ** rng.uniform(2.5, 4))
        oracle = shapely.Polygon([(x, y) for y, x in ring])
        if oracle.is_valid:
            shapes.append(Polygon([ring]))
            oracles.append(oracle)
    index = ShapeIndex(shapes)
    points = [(rng.uniform(46.5, 47.5), rng.uniform(7.5, 8.5)) for _ in range(1_000)]
    # Vertices of the oracle's own polygons are exact in floats too, so both must see the boundary.
    points += [(ring.lats[0], ring.lons[0]) for shape in shapes[:500] for ring in shape.rings]
    tree = shapely.STRtree(oracles)
    expected: list[list[int]] = [[] for _ in points]
    for at, shape_at in tree.query(shapely.points([(x, y) for y, x in points]), predicate="intersects").T.tolist():
        expected[at].append(shape_at)
    assert [list(index.locate(*point)) for point in points] == [sorted(found) for found in expected]


def test_world_wide_shapes_and_polar_caps_are_found_everywhere() -> None:
    shapes: list[Shape] = [
        Polygon([[(70.0, -180.0), (70.0, -60.0), (70.0, 60.0)]]),
        Polygon([[(-65.0, 0.0), (-65.0, 120.0), (-65.0, -120.0)]]),
        Circle(89.0, 30.0, 500_000),
        Circle(0.0, 0.0, 20_037_508),
        Polygon([[(-10, -180), (-10, -60), (-10, 60), (-10, 180), (10, 180), (10, 60), (10, -60), (10, -180)]]),
        Corridor([(0.0, 150.0), (5.0, -150.0)], 50_000),
        Polygon([[(80, 0), (90, 10), (80, 20)]]),
    ]
    rng = random.Random(9)
    points = [(rng.uniform(-90, 90), rng.uniform(-180, 180)) for _ in range(500)]
    points += [(lat, lon) for lat in (-90.0, -65.0, 0.0, 10.0, 70.0, 89.9, 90.0) for lon in (-180.0, -60.0, 0.0, 180.0)]
    check_against_every_shape(shapes, points, ShapeIndex(shapes))


def test_large_polygon_of_many_vertices_is_cut_level_by_level() -> None:
    rng = random.Random(11)
    ring = [
        (
            round(47 + (1 + 0.05 * rng.random()) * math.sin(i * math.tau / 3_000), 7),
            round(8 + (1 + 0.05 * rng.random()) * math.cos(i * math.tau / 3_000), 7),
        )
        for i in range(3_000)
    ]
    shapes: list[Shape] = [Polygon([ring])]
    points = [ring[i] for i in range(0, 3_000, 100)]
    points += [(lat + rng.gauss(0, 0.02), lon + rng.gauss(0, 0.02)) for lat, lon in rng.choices(ring, k=150)]
    check_against_every_shape(shapes, points, ShapeIndex(shapes))


def test_answers_stay_the_same_when_cells_are_dropped() -> None:
    rng = random.Random(12)
    shapes = [make_shape(rng, 47.0, 8.0, 47.3, 8.4) for _ in range(60)]
    points = telling_points(rng, shapes, 300)
    small, large = ShapeIndex(shapes, max_weight=50), ShapeIndex(shapes)
    assert [small.locate(*p) for p in points] == [large.locate(*p) for p in points]


def test_points_on_cell_borders_are_answered_exactly() -> None:
    shapes: list[Shape] = [
        Polygon([[(47.0, 8.0), (47.0, 8.015625), (47.015625, 8.015625), (47.015625, 8.0)]]),
        Polygon([[(47.015625, 8.0), (47.015625, 8.015625), (47.03125, 8.015625), (47.03125, 8.0)]]),
    ]
    index = ShapeIndex(shapes)
    assert index.locate(47.015625, 8.01) == (0, 1)
    assert index.locate(47.0, 8.0) == (0,)
    assert index.locate(47.03125, 8.015625) == (1,)
    assert index.locate(47.0, 8.0156251) == ()


def test_ordinals_come_in_ascending_order() -> None:
    shapes = [Circle(47.0, 8.0, radius_m) for radius_m in (100_000, 50, 5_000, 80, 1_000_000)]
    assert ShapeIndex(shapes).locate(47.0, 8.0) == (0, 1, 2, 3, 4)


def test_index_without_shapes_finds_nothing() -> None:
    index = ShapeIndex([])
    assert index.locate(47.0, 8.0) == ()
    assert list(index.candidates_crossed(47.0, 8.0, 48.0, 9.0)) == []


@pytest.mark.parametrize("west", [8.0, 179.0])
def test_candidates_miss_no_crossed_shape(west: float) -> None:
    rng = random.Random(13)
    shapes = [make_shape(rng, 47.0, west, 48.0, west + 2) for _ in range(80)] + [Circle(47.5, west, 200_000)]
    index = ShapeIndex(shapes)
    for _ in range(60):
        lat, lon = rng.uniform(47, 48), (rng.uniform(west, west + 2) + 180) % 360 - 180
        end = (lat + rng.gauss(0, 0.02), (lon + rng.gauss(0, 0.02) + 180) % 360 - 180)
        candidates = list(index.candidates_crossed(lat, lon, *end))
        assert candidates == sorted(candidates)
        hit = [i for i, shape in enumerate(shapes) if shape.segment_hits(lat, lon, *end)]
        assert set(hit) <= set(candidates)
