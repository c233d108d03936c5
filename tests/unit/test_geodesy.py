import math
import random

import pytest
from geographiclib.geodesic import Geodesic
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.geodesy import (
    angle_between_deg,
    chord_m,
    destination,
    distance_m,
    geodesic_m,
    initial_bearing_deg,
    longitude_reach_deg,
    metre_band,
)

LATITUDES = st.floats(-90, 90, allow_nan=False)
LONGITUDES = st.floats(-180, 180, allow_nan=False)


def oracle_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    return float(Geodesic.WGS84.Inverse(lat1, lon1, lat2, lon2)["s12"])


@pytest.mark.parametrize("lat", [0.0, 30.0, 47.4, 60.0, 69.9, -69.9])
def test_formula_is_within_1_2_mm_of_the_geodesic(lat: float) -> None:
    rng = random.Random(1)
    for _ in range(60):
        end = destination(lat, 8.5, rng.uniform(0, 360), rng.uniform(1, 4_999))
        assert distance_m(lat, 8.5, *end) == pytest.approx(oracle_m(lat, 8.5, *end), abs=0.0012)


def test_beyond_5_km_and_near_poles_the_geodesic_answers() -> None:
    assert distance_m(47.0, 8.0, 48.0, 9.0) == geodesic_m(47.0, 8.0, 48.0, 9.0)
    assert distance_m(70.1, 8.0, 70.1, 8.001) == geodesic_m(70.1, 8.0, 70.1, 8.001)
    assert distance_m(69.9999, 8.0, 70.0001, 8.001) == geodesic_m(69.9999, 8.0, 70.0001, 8.001)


@given(LATITUDES, LONGITUDES)
@settings(deadline=None, max_examples=100, database=None)
def test_equal_points_are_exactly_zero_apart(lat: float, lon: float) -> None:
    assert distance_m(lat, lon, lat, lon) == 0.0
    assert distance_m(lat, 180.0, lat, -180.0) == pytest.approx(0.0, abs=1e-8)


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
@settings(deadline=None, max_examples=150, database=None)
def test_distance_is_symmetric_and_never_far_from_the_geodesic(
    lat1: float, lon1: float, lat2: float, lon2: float
) -> None:
    there = distance_m(lat1, lon1, lat2, lon2)
    assert there == pytest.approx(distance_m(lat2, lon2, lat1, lon1), abs=1e-6)
    assert there == pytest.approx(oracle_m(lat1, lon1, lat2, lon2), abs=0.0012)


def test_distance_takes_the_short_way_over_the_antimeridian() -> None:
    assert distance_m(10.0, 179.99, 10.0, -179.99) == pytest.approx(oracle_m(10.0, 0.0, 10.0, 0.02), abs=0.001)
    assert distance_m(60.0, 179.96, 60.01, -179.96) == pytest.approx(distance_m(60.0, -0.04, 60.01, 0.04), abs=1e-6)
    assert distance_m(10.0, 359.99, 10.0, -0.01) == pytest.approx(0.0, abs=1e-6)


def test_destination_and_bearing_lead_back_to_each_other() -> None:
    lat, lon = destination(47.3769, 8.5417, 33.0, 12_345.6)
    assert geodesic_m(47.3769, 8.5417, lat, lon) == pytest.approx(12_345.6, abs=1e-6)
    assert initial_bearing_deg(47.3769, 8.5417, lat, lon) == pytest.approx(33.0, abs=1e-9)


def test_bearing_to_the_same_place_is_zero() -> None:
    assert initial_bearing_deg(47.0, 8.0, 47.0, 8.0) == 0.0


@given(st.floats(-1000, 1000), st.floats(-1000, 1000))
@settings(deadline=None, max_examples=100, database=None)
def test_angle_between_bearings_is_at_most_a_half_turn(a: float, b: float) -> None:
    assert 0.0 <= angle_between_deg(a, b) <= 180.0
    assert angle_between_deg(a, b) == angle_between_deg(b, a)


@given(st.floats(-85, 85), st.floats(0, 360), st.floats(1, 200_000))
@settings(deadline=None, max_examples=150, database=None)
def test_flat_bands_enclose_the_geodesic(lat: float, bearing: float, metres: float) -> None:
    end_lat, end_lon = destination(lat, 0.0, bearing, metres)
    reach = math.degrees(metres / 6_335_439)
    band = metre_band(lat - reach, lat + reach)
    d_lat, d_lon = end_lat - lat, end_lon
    assert math.hypot(band.lat_least * d_lat, band.lon_least * d_lon) <= metres + 1e-6
    assert math.hypot(band.lat_most * d_lat, band.lon_most * d_lon) >= metres - 1e-6


@given(st.floats(-89, 89), st.floats(1, 15_000_000), st.floats(0, 360))
@settings(deadline=None, max_examples=100, database=None)
def test_no_chord_is_shorter_than_its_bound(lat: float, metres: float, bearing: float) -> None:
    end_lat, end_lon = destination(lat, 0.0, bearing, metres)

    def xyz(phi: float, lam: float) -> tuple[float, float, float]:
        f = 1 / 298.257223563
        e2 = f * (2 - f)
        n = 6_378_137 / math.sqrt(1 - e2 * math.sin(phi) ** 2)
        return n * math.cos(phi) * math.cos(lam), n * math.cos(phi) * math.sin(lam), n * (1 - e2) * math.sin(phi)

    chord = math.dist(xyz(math.radians(lat), 0.0), xyz(math.radians(end_lat), math.radians(end_lon)))
    assert chord_m(metres) - 1e-6 <= chord <= metres + 1e-6


@given(st.floats(-89, 89), st.floats(1, 3_000_000), st.floats(0, 360))
@settings(deadline=None, max_examples=150, database=None)
def test_longitude_reach_covers_every_bearing(lat: float, metres: float, bearing: float) -> None:
    assert abs(destination(lat, 0.0, bearing, metres)[1]) <= longitude_reach_deg(lat, metres)
