"""Numeric cases of peers' own suites (PEER-CASES 4.1 to 4.3), by their ids.

Distances there are on a sphere of 6,371 km; ours are WGS 84, so those rows are held to 0.6 %.

Deviations:
- D1's tolerance (10 m of 7,863) is the sphere's: our 7,845 m is the geodesic, within 0.6 %.
- D11, D12 ask for longitudes -180..180 where the box passes the antimeridian: ours says so only where a pole
  is inside; D11's boxes run past 180 (west 164, east 194), which is the tighter answer. Checked as such.
- D13 (odometer preferred over distance): our records have no odometer field, so there is nothing to prefer.
- P6's ring is not in the list of cases: an equivalent ring with a hole around the same two points.
- P10 (sector): not a shape of ours.
- L5 asks for a line of width 0; our corridors have a width, so it is 1 m wide.
- 4.3's widths are distances from the line; our width_meters is the full width, twice that.
"""

from itertools import pairwise

import pytest

from truckstream.core.geodesy import angle_between_deg, destination, distance_m, geodesic_m, initial_bearing_deg
from truckstream.core.segments import distance_to_segment_m
from truckstream.core.shapes import Circle, Corridor, Polygon

SPHERE = 0.006
Point = tuple[float, float]


def rectangle(south: float, west: float, north: float, east: float) -> list[Point]:
    return [(south, west), (south, east), (north, east), (north, west)]


def check(shape: Circle | Polygon | Corridor, inside: list[Point], outside: list[Point]) -> None:
    assert [shape.contains(*point) for point in inside] == [True] * len(inside)
    assert [shape.contains(*point) for point in outside] == [False] * len(outside)


def test_d1_short_diagonal_is_right_within_the_spheres_error() -> None:
    assert distance_m(0, 0, 0.05, 0.05) == pytest.approx(7_863, rel=SPHERE)
    assert distance_m(0, 0, 0.05, 0.05) == pytest.approx(7_845.2, abs=0.1)


def test_d2_long_distance_and_bearing() -> None:
    start, end = (33.112, -112.123), (34.312, -113.311)
    assert distance_m(*start, *end) == pytest.approx(172_853.2690842961, rel=SPHERE)
    assert initial_bearing_deg(*start, *end) == pytest.approx(320.8560640269, abs=0.2)


def test_d3_destination_leads_to_the_other_end() -> None:
    start, end = (33.112, -112.123), (34.312, -113.311)
    reached = destination(*start, initial_bearing_deg(*start, *end), distance_m(*start, *end))
    assert reached == pytest.approx(end, abs=1e-7)
    on_sphere = destination(*start, 320.8560640269, 172_853.2690842961)
    assert distance_m(*on_sphere, *end) <= SPHERE * 172_853


@pytest.mark.parametrize(
    ("end", "metres"),
    [((19, 19), 152_808.67164037024), ((12, 19), 895_945.1409106688), ((33, 21), 1_448_929.5916252395)],
)
def test_d4_distances_from_20_20(end: Point, metres: float) -> None:
    assert distance_m(20, 20, *end) == pytest.approx(metres, rel=SPHERE)


def test_d5_nearest_order_and_radius_searches() -> None:
    points = {1: (5, 5), 2: (19, 19), 3: (12, 19), 4: (-5, 5), 5: (33, 21), 6: (52, 13)}
    assert sorted(points, key=lambda i: distance_m(20, 20, *points[i])) == [2, 3, 5, 1, 4, 6]
    near, far = Circle(20, 20, 1_500_000), Circle(20, 20, 4_000_000)
    assert [i for i in points if near.contains(*points[i])] == [2, 3, 5]
    assert [i for i in points if far.contains(*points[i])] == [1, 2, 3, 4, 5, 6]


def test_d6_circle_of_100_km_contains_the_point() -> None:
    assert Circle(52.1, 13.1, 100_000).contains(52, 13)
    assert distance_m(52, 13, 52, 13) == 0
    assert distance_m(52.1, 13.1, 52, 13) == pytest.approx(13_053.9, rel=SPHERE)


def test_d7_new_york_to_los_angeles_is_the_geodesic() -> None:
    metres = distance_m(40.71427, -74.00597, 34.05223, -118.24368)
    assert metres == pytest.approx(3_944_411.0951634306, abs=1e-6)
    assert metres == pytest.approx(3_935_735, rel=SPHERE)


@pytest.mark.parametrize(
    ("lon1", "lon2", "metres"),
    [
        (-111.91789627075195, -111.91154479980467, 589.512),
        (-111.91781044006346, -111.91789627075195, 7.966),
        (-111.9111156463623, -111.91781044006346, 621.377),
        (-111.92416191101074, -111.9111156463623, 1_210.89),
    ],
)
def test_d8_two_cars_on_one_parallel(lon1: float, lon2: float, metres: float) -> None:
    lat = 33.414750027566235
    assert distance_m(lat, lon1, lat, lon2) == pytest.approx(metres, rel=SPHERE)


@pytest.mark.parametrize(("end", "bearing"), [((0, 10), 90), ((0, -10), 270), ((10, 0), 0), ((-10, 0), 180)])
def test_d9_compass_bearings(end: Point, bearing: float) -> None:
    assert initial_bearing_deg(0, 0, *end) == pytest.approx(bearing, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "angle"),
    [(1, 5, 4), (355, 5, 10), (180, 0, 180), (45, 45, 0), (-45, 45, 90), (-200, -160, 40)],
)
def test_d10_angle_between_bearings(a: float, b: float, angle: float) -> None:
    assert angle_between_deg(a, b) == angle


@pytest.mark.parametrize("lon", [179.0, -179.0])
def test_d11_box_over_the_antimeridian_holds_both_sides(lon: float) -> None:
    box = Circle(0, lon, 1_600_000).bounds
    assert box.west < lon - 14
    assert box.east > lon + 14
    assert (box.west < -180) or (box.east > 180)


def test_d12_box_around_a_pole_spans_all_longitudes() -> None:
    for lat, lon, radius_m in [(89, 90, 1_600_000), (13.0257553, 77.6672509, 9_000_000), (-89, 90, 1_600_000)]:
        box = Circle(lat, lon, radius_m).bounds
        assert (box.west, box.east) == (-180, 180)
        assert box.north == 90 if lat > 0 else box.south == -90


@pytest.mark.parametrize(
    ("circle", "inside", "outside"),
    [
        pytest.param((55.75414, 37.6204, 100), [(55.75477, 37.62025)], [(55.75545, 37.61921)], id="C1"),
        pytest.param((33.5123, -112.2693, 1_000), [(33.51, -112.26)], [], id="C2"),
        pytest.param(
            (37.7335, -122.4412, 1_000),
            [
                (37.7335, -122.4412),
                (37.7335, -122.44121),
                (37.7341129, -122.4408378),
                (37.733, -122.4408378),
                (37.733, -122.44),
                (37.7341129, -122.44),
            ],
            [(37.826, -122.265)],
            id="C3",
        ),
        pytest.param((33.462, -112.268, 60_000), [(33.5220, -112.2791), (33.5232, -112.2803)], [], id="C4"),
    ],
)
def test_c1_to_c4_circles(circle: tuple[float, float, float], inside: list[Point], outside: list[Point]) -> None:
    check(Circle(*circle), inside, outside)


P1 = Polygon([[(55.75474, 37.61823), (55.75513, 37.61888), (55.7535, 37.6222), (55.75315, 37.62165)]])


def test_p1_street_block() -> None:
    check(P1, [(55.75476, 37.61915)], [(55.75545, 37.61921)])


def test_p2_triangle_across_the_antimeridian() -> None:
    triangle = Polygon([[(66.9494, 179.838), (66.9508, -179.8496), (66.8406, -180.0014)]])
    check(triangle, [(66.9015, -180.0096), (66.9015, 179.991)], [(66.8368, -179.8792)])


def test_p3_quadrangle_across_greenwich() -> None:
    shape = Polygon([[(51.1966, -0.6207), (51.1897, 0.4147), (50.9377, 0.5136), (50.8675, -0.6082)]])
    check(shape, [(51.0466, -0.0165), (51.0466, 0.018)], [(50.9477, 0.5836)])


def test_p4_area_of_a_field() -> None:
    """We publish no area; the ring's own plane, scaled at its middle latitude, must give the peer's."""
    ring = [
        (-23.559204099194772, 148.8653145299711),
        (-23.6000443437826, 148.85956016213583),
        (-23.600411843430095, 148.89462111436828),
        (-23.5626384786532, 148.90278297873897),
        (-23.5574863232753, 148.88137329347367),
    ]
    doubled = sum(x1 * y2 - x2 * y1 for (y1, x1), (y2, x2) in pairwise([*ring, ring[0]]))
    lat = sum(y for y, _ in ring) / 5
    square_m = geodesic_m(lat - 0.5, 148.88, lat + 0.5, 148.88) * distance_m(lat, 148.875, lat, 148.885) * 100
    assert abs(doubled) / 2 * square_m / 1e6 == pytest.approx(17, abs=1)
    check(Polygon([ring]), [(-23.58, 148.88)], [(-23.55, 148.88)])


OCTAGON = [(0, 3), (0, 7), (3, 10), (7, 10), (10, 7), (10, 3), (7, 0), (3, 0)]


def test_p5_octagon_edge_is_inside_and_hole_outside() -> None:
    shape = Polygon([OCTAGON, [(4, 4), (4, 6), (6, 6), (6, 4)]])
    check(shape, [(5, 0), (5, 3)], [(0, 0), (5, 5)])
    check(shape, [(4, 4), (4, 5), (6, 6)], [])


def test_p6_ring_with_a_hole_equivalent_of_issue_241() -> None:
    shape = Polygon([rectangle(48.83, 2.24, 48.85, 2.27), rectangle(48.840, 2.252, 48.843, 2.2545)])
    check(shape, [(48.83788774899389, 2.2564244270324703)], [(48.841404318083505, 2.253119945526123)])


def test_p7_small_rectangle() -> None:
    shape = Polygon([rectangle(37.72906137107, -122.44126439094543, 37.73421283683962, -122.43980526924135)])
    check(shape, [(37.7335, -122.4412), (37.7335, -122.44121)], [(-5, 5), (33, 21)])


def test_p8_concave_jagged_shape() -> None:
    shape = Polygon(
        [
            [
                (37.74655746554895, -122.47781753540039),
                (37.7355619376922, -122.48777389526366),
                (37.73271097867418, -122.4707794189453),
                (37.735969208590504, -122.46528625488281),
                (37.73922729512254, -122.45189666748047),
                (37.75008654795525, -122.4565315246582),
                (37.75307256315459, -122.46683120727538),
            ]
        ]
    )
    check(
        shape,
        [(37.73963454585715, -122.4810791015625), (37.74503040657439, -122.47571468353271)],
        [(37.75130811419222, -122.47438430786133), (37.74816932695052, -122.47713088989258)],
    )


def test_p9_bounds_around_atlanta_airport() -> None:
    shape = Polygon([rectangle(33.618824, -84.457973, 33.654359, -84.399859)])
    check(shape, [(33.642301, -84.43118)], [(34.642301, -84.43118)])


IN_1, IN_2 = (48.37082198780869, 32.673342414527355), (48.42916753187315, 40.956064637716224)
NORTH = (52.94806646045028, 32.91501335472649)
UKRAINE = rectangle(44.669801, 23.642221, 51.903763, 41.833452)


def test_p11_country_rectangle() -> None:
    check(Polygon([UKRAINE]), [IN_1, IN_2], [NORTH])


def test_p12_country_rectangle_with_a_hole() -> None:
    hole = [(46.10464, 26.23428), (50.87559, 26.25626), (51.04165, 38.5595), (45.99791, 38.75723)]
    check(Polygon([UKRAINE, hole]), [IN_2], [IN_1, NORTH])


SAND_CLOCK = [
    (47.45865912532852, 25.531200822337155),
    (49.76760268310416, 29.353995694578202),
    (51.42691963936519, 25.355440138555966),
    (51.413219087617655, 39.41629484105169),
    (49.78179072754938, 33.37452133607305),
    (47.81395478511215, 38.867042704235466),
]
IN_MIDDLE, IN_FOOT = (49.993588800145105, 31.289062500000004), (47.798651123976306, 26.895045405470082)
BESIDE = [(49.553754212665936, 28.03748985004787), (46.9802466961145, 32.321728498980335)]


def test_p13_sand_clock() -> None:
    check(Polygon([SAND_CLOCK]), [IN_MIDDLE, IN_FOOT], BESIDE)


def test_p13_sand_clock_with_a_hole() -> None:
    hole = [(49.82433, 30.21083), (50.34591, 31.04569), (49.56853, 32.53966), (49.02409, 31.57297)]
    check(Polygon([SAND_CLOCK, hole]), [IN_FOOT], [IN_MIDDLE, *BESIDE])


def test_p14_self_crossing_ring_is_even_odd() -> None:
    shape = Polygon(
        [
            [
                (47.42893833699058, 27.178954662008522),
                (51.71367987390804, 37.46095466320854),
                (51.659197648757306, 27.947907653551276),
                (47.41407351681856, 37.46095466320854),
            ]
        ]
    )
    check(
        shape,
        [
            (50.750366308834884, 32.51952867922265),
            (48.1371117277312, 32.40967825185941),
            (51.16552151942722, 35.66125090181154),
        ],
        [
            (49.66777277299077, 33.26651158529272),
            (47.10052840114779, 32.16800731166027),
            (78.76578380252519, 15.646485040786361),
        ],
    )


L1 = [(56.83777, 60.59833), (56.83766, 60.5968)]


def to_l1(lat: float, lon: float) -> float:
    (lat1, lon1), (lat2, lon2) = L1
    return distance_to_segment_m(lat, lon, lat1, lon1, lat2 - lat1, lon2 - lon1)


def test_l1_distance_beside_a_line() -> None:
    assert to_l1(56.83801, 60.59748) == pytest.approx(33, abs=5)
    check(Corridor(L1, 2 * 35), [(56.83801, 60.59748)], [])
    check(Corridor(L1, 2 * 15), [], [(56.83801, 60.59748)])


def test_l2_distance_beyond_the_end_of_a_line() -> None:
    assert to_l1(56.83753, 60.59508) == pytest.approx(105, abs=5)


def test_l3_bent_line() -> None:
    line = [(56.836, 60.6126), (56.8393, 60.6114), (56.83887, 60.60811), (56.83782, 60.5988)]
    check(Corridor(line, 2 * 15), [(56.83847, 60.60458)], [(56.83764, 60.59725), (56.83861, 60.60822)])


def test_l4_line_across_the_antimeridian() -> None:
    corridor = Corridor([(66.9494, 179.838), (66.9508, -179.8496)], 2 * 25)
    check(corridor, [(66.95, 180.0), (66.95, -180.0)], [(66.96, 180.0), (66.9509, -179.83)])


def test_l5_segment_against_a_line() -> None:
    corridor = Corridor(L1, 1)
    assert corridor.segment_hits(56.837, 60.597565, 56.8384, 60.597565)
    assert not corridor.segment_hits(56.8, 60.5, 56.81, 60.51)


def test_l6_segment_against_a_circle() -> None:
    circle = Circle(55.75414, 37.6204, 100)
    assert circle.segment_hits(55.75214, 37.6204, 55.75614, 37.6204)
    assert not circle.segment_hits(55.76414, 37.6204, 55.77414, 37.6204)


def test_l7_segment_against_a_polygon() -> None:
    assert P1.segment_hits(55.7520, 37.61915, 55.7560, 37.61915)
    assert not P1.segment_hits(55.76, 37.61915, 55.77, 37.61915)


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ((0, 0, 2, 2), (0, 2, 2, 0), True),
        ((0, 0, 1, 1), (2, 2, 3, 3), False),
        ((0, 0, 2, 2), (2, 2, 4, 0), True),
        ((0, 0, 2, 0), (1, 0, 3, 0), True),
    ],
)
def test_l8_planar_segments(first: tuple[float, ...], second: tuple[float, ...], meet: bool) -> None:
    lat1, lon1, lat2, lon2 = second
    far = (lat1 + lat2 - 20, lon1 + lon2 + 31)
    a_lat, a_lon, b_lat, b_lon = first
    # The first segment is one edge of a triangle whose other edges lead far away, past the second one.
    shape = Polygon([[(a_lat, a_lon), (b_lat, b_lon), (-far[0], -far[1])]])
    assert shape.segment_hits(lat1, lon1, lat2, lon2) is meet


L9 = [
    (34.125447565116126, -116.40289306640624),
    (34.14818102254435, -116.36444091796875),
    (34.15045403191448, -116.0980224609375),
    (34.127721186043985, -115.74920654296874),
    (34.075412438417395, -115.54870605468749),
    (34.11407854333859, -115.5267333984375),
    (34.048108084909835, -115.21911621093749),
    (33.8339199536547, -115.25207519531249),
    (33.71748624018193, -115.40588378906249),
]


def test_l9_long_line_of_1_000_m() -> None:
    inside = [
        (34.10825132729329, -115.6436347961428),
        (34.07199987534163, -115.5435562133782),
        (34.05123715497616, -115.2148246765137),
        (33.71520164474084, -115.4110336303711),
        (34.12345809664606, -116.4070129394531),
    ]
    outside = [(lat + (2 if i == 3 else 1), lon) for i, (lat, lon) in enumerate(inside)]
    corridor = Corridor(L9, 2 * 1_000)
    check(corridor, inside, outside)
    metres = [min(capsule.distance_m(*point) for capsule in corridor.capsules) for point in inside]
    # The reference's segments are straight in a local projection, ours in lon/lat: 5.4 m apart on the 20 km one.
    assert metres == pytest.approx([849, 608, 527, 540, 439], abs=6)
