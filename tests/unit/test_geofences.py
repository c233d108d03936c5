import json
import math
import os
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.errors import InvalidGeofence
from truckstream.core.geofences import (
    Catalogue,
    Geofence,
    LatLon,
    MultiPolygonGeometry,
    PolygonGeometry,
    parse_geofence,
    parse_geofences,
    same_definition,
    shape_of,
    to_geojson,
    to_json,
)
from truckstream.core.ring_faults import self_contact
from truckstream.core.rings import Ring
from truckstream.core.shapes import Circle, Corridor, Polygon

WAREHOUSE: dict[str, Any] = {
    "geofence_id": "warehouse-001",
    "name": "Main Warehouse",
    "type": "circle",
    "center": {"latitude": 47.3769, "longitude": 8.5417},
    "radius_meters": 500,
    "alert_on": "exit",
}
SQUARE = [[8.0, 47.0], [8.1, 47.0], [8.1, 47.1], [8.0, 47.1]]


def vertices(positions: list[list[float]]) -> list[dict[str, float]]:
    return [{"latitude": lat, "longitude": lon} for lon, lat in positions]


def polygon(positions: list[list[float]], **more: Any) -> dict[str, Any]:
    return {"geofence_id": "yard", "type": "polygon", "polygon": vertices(positions), **more}


ROUTE = {"geofence_id": "r-1", "type": "corridor", "path": vertices(SQUARE), "width_meters": 100}


def refused(obj: object) -> InvalidGeofence:
    with pytest.raises(InvalidGeofence) as caught:
        parse_geofences(json.dumps(obj).encode())
    assert caught.value.hint
    return caught.value


def one(obj: object) -> Geofence:
    return parse_geofence(obj)[0]


def test_the_example_of_the_contract_is_read() -> None:
    geofence, warnings = parse_geofence(WAREHOUSE)
    assert warnings == []
    assert geofence == Geofence(
        geofence_id="warehouse-001",
        name="Main Warehouse",
        type="circle",
        center=LatLon(47.3769, 8.5417),
        radius_meters=500.0,
        alert_on="exit",
    )
    shape = shape_of(geofence)
    assert isinstance(shape, Circle)
    assert shape.contains(47.3769, 8.5417)


def test_defaults_are_those_of_the_contract() -> None:
    geofence = one({key: value for key, value in WAREHOUSE.items() if key not in ("name", "alert_on")})
    assert geofence.name == "warehouse-001"
    assert (geofence.active, geofence.trucks, geofence.exit_buffer_meters) == (True, None, 0.0)
    assert (geofence.confirm_fixes, geofence.detect_crossing, geofence.alert_on) == (1, False, "both")
    assert (geofence.dwell_minutes, geofence.speed_limit_kmh) == (None, None)


def test_all_options_are_read() -> None:
    options = {
        "active": False,
        "trucks": ["TRK-001", "VAN-*"],
        "exit_buffer_meters": 30,
        "confirm_fixes": 2,
        "detect_crossing": True,
        "dwell_minutes": 45,
        "speed_limit_kmh": 30.5,
    }
    geofence = one(WAREHOUSE | options)
    assert {name: getattr(geofence, name) for name in options} == options | {"trucks": ("TRK-001", "VAN-*")}


def test_polygon_closed_or_not_and_with_holes() -> None:
    hole = [[8.04, 47.04], [8.06, 47.04], [8.06, 47.06]]
    plain = one(polygon(SQUARE, holes=[vertices(hole)]))
    closed = one(polygon([*SQUARE, SQUARE[0]], holes=[vertices([*hole, hole[0]])]))
    doubled = one(polygon([SQUARE[0], *SQUARE], holes=[vertices([hole[0], hole[0], *hole[1:]])]))
    assert plain == closed == doubled
    shape = shape_of(plain)
    assert isinstance(shape, Polygon)
    assert not shape.contains(47.045, 8.055)
    assert shape.contains(47.02, 8.05)


def test_geometry_may_be_polygon_or_multipolygon() -> None:
    away = [[lon + 1, lat] for lon, lat in SQUARE]
    single = one({"geofence_id": "a", "type": "polygon", "geometry": {"type": "Polygon", "coordinates": [SQUARE]}})
    both = {"type": "MultiPolygon", "coordinates": [[SQUARE], [[[*p, 408.0] for p in away]]]}
    double = one({"geofence_id": "a", "type": "polygon", "geometry": both})
    assert isinstance(single.geometry, PolygonGeometry)
    assert isinstance(double.geometry, MultiPolygonGeometry)
    assert not shape_of(single).contains(47.05, 9.05)
    assert shape_of(double).contains(47.05, 9.05)


def test_feature_collection_maps_geometry_to_type() -> None:
    def feature(kind: str, coordinates: object, **properties: Any) -> dict[str, Any]:
        return {
            "type": "Feature",
            "geometry": {"type": kind, "coordinates": coordinates},
            "properties": {"geofence_id": kind, **properties},
        }

    collection = {
        "type": "FeatureCollection",
        "features": [
            feature("Point", [8.5, 47.3], radius_meters=300, alert_on="enter"),
            feature("LineString", SQUARE, width_meters=50),
            feature("Polygon", [SQUARE]),
        ],
    }
    circle, corridor, area = parse_geofences(json.dumps(collection).encode()).geofences
    assert (circle.type, circle.center, circle.radius_meters, circle.alert_on) == (
        "circle",
        LatLon(47.3, 8.5),
        300.0,
        "enter",
    )
    assert isinstance(shape_of(corridor), Corridor)
    assert isinstance(shape_of(area), Polygon)


def test_feature_without_id_is_called_after_its_name() -> None:
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [SQUARE]}}
    imported = parse_geofences(json.dumps(feature | {"properties": {"name": "Höngg (Nord)"}}).encode())
    assert [g.geofence_id for g in imported.geofences] == ["hongg-nord"]
    assert imported.geofences[0].name == "Höngg (Nord)"
    assert "hongg-nord" in imported.warnings[0]
    assert one(feature | {"id": 7}).geofence_id == "7"


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"radius_meters": 0}, "radius_meters", "above 0"),
        ({"radius_meters": -5}, "radius_meters", "above 0"),
        ({"radius_meters": 20_037_509}, "radius_meters", "at most"),
        ({"radius_meters": "500"}, "radius_meters", "must be a number, not text"),
        ({"radius_meters": True}, "radius_meters", "must be a number"),
        ({"radius_meters": None}, "radius_meters", "missing"),
        ({"center": None}, "center", "missing"),
        ({"center": [8.5, 47.3]}, "center", "must be an object"),
        ({"center": {"latitude": 47.3}}, "center.longitude", "missing"),
        ({"center": {"latitude": 90.1, "longitude": 8}}, "center.latitude", "-90 to 90"),
        ({"center": {"latitude": 47, "longitude": -360.5}}, "center.longitude", "-360 to 360"),
        ({"type": "square"}, "type", "circle, polygon or corridor"),
        ({"type": None}, "type", "missing"),
        ({"type": 7}, "type", "circle, polygon or corridor"),
        ({"alert_on": "leave"}, "alert_on", "enter, exit or both"),
        ({"alert_on": 1}, "alert_on", "must be text"),
        ({"confirm_fixes": 0}, "confirm_fixes", "at least 1"),
        ({"confirm_fixes": 1.5}, "confirm_fixes", "whole number"),
        ({"exit_buffer_meters": -1}, "exit_buffer_meters", "at least 0"),
        ({"dwell_minutes": 0}, "dwell_minutes", "above 0"),
        ({"speed_limit_kmh": -3}, "speed_limit_kmh", "above 0"),
        ({"active": "yes"}, "active", "true or false"),
        ({"detect_crossing": 1}, "detect_crossing", "true or false"),
        ({"trucks": []}, "trucks", "empty"),
        ({"trucks": "TRK-001"}, "trucks", "must be a list"),
        ({"trucks": ["a b"]}, "trucks[0]", "truck id or a pattern"),
        ({"name": 5}, "name", "must be text"),
        ({"geofence_id": None}, "geofence_id", "missing"),
        ({"geofence_id": "a b"}, "geofence_id", "A-Za-z0-9"),
        ({"geofence_id": "x" * 65}, "geofence_id", "1 to 64"),
        ({"geofence_id": 5}, "geofence_id", "1 to 64"),
    ],
)
def test_bad_field_is_refused_by_name_and_with_the_mend(change: dict[str, Any], field: str, says: str) -> None:
    error = refused([WAREHOUSE | change])
    assert error.field == field
    assert says in error.message
    assert field in error.message
    assert error.geofence_id == ("#1" if field == "geofence_id" else "warehouse-001")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    for change in ({"radius_meters": value}, {"center": {"latitude": value, "longitude": 8}}, {"dwell_minutes": value}):
        with pytest.raises(InvalidGeofence):
            parse_geofence(WAREHOUSE | change)


@pytest.mark.parametrize("text", [b"[NaN]", b"{", b"", b"\xff\xfe", b"3", b'"text"', b"[1]", b"[[]]", b"null"])
def test_file_that_holds_no_geofences_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidGeofence):
        parse_geofences(text)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'[{"radius_meters":1e400}]', b'{"type":"FeatureCollection"}'])
def test_hostile_files_end_in_an_error_not_a_crash(text: bytes) -> None:
    with pytest.raises(InvalidGeofence):
        parse_geofences(text)


@pytest.mark.parametrize(
    ("ring", "says"),
    [
        ([], "three different vertices"),
        (SQUARE[:2], "three different vertices"),
        ([*SQUARE[:2], *SQUARE[:2]], "three different vertices"),
        ([[8.0, 47.0], [8.1, 47.1], [8.3, 47.3]], "zero area"),
        ([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3], [0.7, 0.7]], "zero area"),
        ([SQUARE[0], SQUARE[1], SQUARE[2], SQUARE[1]], "zero area"),
        ([*SQUARE, SQUARE[0], *SQUARE[1:]], "zero area"),
        ([[0, 0], [4, 0], [4, 4], [4, 0], [2, 0]], "zero area"),
        ([[-180, -60], [180, -60], [180, 60], [-180, 60]], "zero area"),
        ([[lon, 60 + i] for i, lon in enumerate((0, 120, -120, 0, 120, -120))], "more than once"),
        ([[8.0, 47.0], [8.1, 47.0], [8.1, 91]], "-90 to 90"),
        ([[8.0, 47.0], [361, 47.0], [8.1, 48]], "-360 to 360"),
    ],
)
def test_ring_without_an_inside_is_refused(ring: list[list[float]], says: str) -> None:
    error = refused(polygon(ring))
    assert says in error.message
    assert error.field.startswith("polygon")
    geometry = {"type": "MultiPolygon", "coordinates": [[SQUARE], [ring]]}
    error = refused({"geofence_id": "yard", "type": "polygon", "geometry": geometry})
    assert says in error.message
    assert error.field.startswith("geometry.coordinates[1][0]")


def test_hole_equal_to_the_outer_ring_is_refused() -> None:
    assert "zero area" in refused(polygon(SQUARE, holes=[vertices(SQUARE[::-1])])).message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"path": vertices(SQUARE[:1])}, "path"),
        ({"path": vertices([SQUARE[0], SQUARE[0]])}, "path"),
        ({"path": None}, "path"),
        ({"width_meters": 0}, "width_meters"),
        ({"width_meters": None}, "width_meters"),
        ({"path": [{"latitude": 1, "longitude": "x"}]}, "path[0].longitude"),
    ],
)
def test_bad_corridor_is_refused(change: dict[str, Any], field: str) -> None:
    assert refused(ROUTE | change).field == field


@pytest.mark.parametrize(
    "geometry",
    [
        7,
        [],
        {"type": "Sphere"},
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[8]]]},
        {"type": "MultiPolygon", "coordinates": []},
    ],
)
def test_bad_geometry_is_refused(geometry: object) -> None:
    assert refused({"geofence_id": "a", "type": "polygon", "geometry": geometry}).field.startswith("geometry")
    assert refused({"type": "Feature", "id": "a", "geometry": geometry}).field.startswith("geometry")


def test_misspelt_radius_gets_a_hint() -> None:
    misspelt = {key: value for key, value in WAREHOUSE.items() if key != "radius_meters"} | {"radius_metres": 500}
    error = refused(misspelt)
    assert error.field == "radius_meters"
    assert "radius_metres" in error.hint


def test_unknown_and_unfitting_fields_are_warnings() -> None:
    _, warnings = parse_geofence(WAREHOUSE | {"colour": "red", "path": [], "version": 3, "revision": 9})
    assert len(warnings) == 2
    assert all("warehouse-001" in warning for warning in warnings)
    assert any("colour" in warning for warning in warnings)
    assert any("path does not belong to a circle" in warning for warning in warnings)


def test_error_names_the_place_when_there_is_no_id() -> None:
    assert refused([WAREHOUSE, {"type": "circle"}]).geofence_id == "#2"


def test_same_id_twice_is_refused() -> None:
    error = refused([WAREHOUSE, WAREHOUSE | {"radius_meters": 7}])
    assert (error.field, error.geofence_id) == ("geofence_id", "warehouse-001")
    assert "#1 and #2" in error.message


@pytest.mark.parametrize(
    ("ring", "place"),
    [
        ([[0, 0], [2, 2], [2, 0], [0, 2]], "latitude 1, longitude 1;"),
        ([[0, 0], [4, 0], [4, 4], [2, 0], [0, 4]], "latitude 0, longitude 2;"),
        ([[0, 0], [4, 0], [2, 2], [4, 4], [0, 4], [2, 2]], "latitude 2, longitude 2;"),
        ([[0, 0], [4, 0], [4, 4], [6, 4], [4, 4], [0, 4]], "longitude 4;"),
        ([[179, 0], [-179, 2], [-179, 0], [179, 2]], "longitude -180;"),
    ],
)
def test_ring_that_touches_itself_is_a_warning_with_the_place(ring: list[list[float]], place: str) -> None:
    geofence, warnings = parse_geofence(polygon(ring))
    assert len(warnings) == 1
    assert place in warnings[0]
    assert isinstance(shape_of(geofence), Polygon)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=3, max_size=9, unique=True))
@settings(deadline=None, max_examples=300, database=None)
def test_contact_is_found_exactly_when_shapely_finds_the_ring_not_simple(points: list[tuple[int, int]]) -> None:
    ring = Ring([(lat / 10, lon / 10) for lat, lon in points])
    assert (self_contact(ring) is None) is shapely.LinearRing([(lon, lat) for lat, lon in points]).is_simple


@pytest.mark.parametrize("count", [3, 4, 50])
def test_plain_ring_gives_no_warning(count: int) -> None:
    ring = [[8 + math.cos(i * math.tau / count), 47 + math.sin(i * math.tau / count)] for i in range(count)]
    assert parse_geofence(polygon(ring))[1] == []


def test_checks_of_5_000_vertices_take_less_than_a_second() -> None:
    spikes = [
        [8 + (1 + i % 2) * math.cos(i * math.tau / 5_000), 47 + (1 + i % 2) * math.sin(i * math.tau / 5_000)]
        for i in range(5_000)
    ]
    started = time.process_time()
    assert parse_geofence(polygon(spikes))[1] == []
    assert time.process_time() - started < 1.0


# --- writing ----------------------------------------------------------------------------------------------

IDS = st.from_regex(r"[A-Za-z0-9._:-]{1,12}", fullmatch=True)


@st.composite
def geofences(draw: st.DrawFn) -> dict[str, Any]:
    lat, lon = draw(st.floats(-60, 60)), draw(st.floats(-340, 340))
    ring = [[lon, lat], [lon + draw(st.floats(0.1, 5)), lat], [lon, lat + draw(st.floats(0.1, 5))]]
    hole = [[lon + 0.01, lat + 0.01], [lon + 0.02, lat + 0.01], [lon + 0.01, lat + 0.02]]
    shape: dict[str, Any] = draw(
        st.sampled_from(
            [
                {"type": "circle", "center": vertices([[lon, lat]])[0], "radius_meters": draw(st.floats(0.1, 1e6))},
                {"type": "polygon", "polygon": vertices(ring)},
                {"type": "polygon", "polygon": vertices(ring), "holes": [vertices(hole)]},
                {"type": "polygon", "geometry": {"type": "Polygon", "coordinates": [ring, hole]}},
                {"type": "polygon", "geometry": {"type": "MultiPolygon", "coordinates": [[ring], [hole]]}},
                {"type": "corridor", "path": vertices(ring), "width_meters": draw(st.floats(0.1, 1e5))},
            ]
        )
    )
    optional = {
        "name": st.text(max_size=20),
        "alert_on": st.sampled_from(["enter", "exit", "both"]),
        "active": st.booleans(),
        "trucks": st.lists(st.sampled_from(["TRK-*", "VAN-1"]), min_size=1),
        "exit_buffer_meters": st.floats(0, 500),
        "confirm_fixes": st.integers(1, 9),
        "detect_crossing": st.booleans(),
        "dwell_minutes": st.floats(0.1, 600),
        "speed_limit_kmh": st.floats(1, 200),
    }
    return shape | draw(st.fixed_dictionaries({}, optional=optional))


@given(st.dictionaries(IDS, geofences(), max_size=4))
@settings(deadline=None, max_examples=60, database=None)
def test_what_is_written_reads_back_equal(definitions: dict[str, dict[str, Any]]) -> None:
    parsed = [one(definition | {"geofence_id": id_}) for id_, definition in definitions.items()]
    for written in (to_json(parsed), to_geojson(parsed)):
        assert parse_geofences(written).geofences == parsed
        assert parse_geofences(written).warnings == []


def test_version_and_revision_are_not_written_nor_compared() -> None:
    stored = msgspec.structs.replace(one(WAREHOUSE), version=4, revision=9)
    assert same_definition(stored, one(WAREHOUSE))
    assert not same_definition(stored, one(WAREHOUSE | {"radius_meters": 501}))
    assert parse_geofences(to_geojson([stored])).geofences == [one(WAREHOUSE)]
    assert b"version" not in to_json([stored])


def test_catalogue_survives_encoding() -> None:
    catalogue = Catalogue(3, (one(WAREHOUSE), one(ROUTE), one(polygon(SQUARE))))
    assert msgspec.json.decode(msgspec.json.encode(catalogue), type=Catalogue) == catalogue


def test_shape_of_an_incomplete_geofence_is_refused() -> None:
    with pytest.raises(ValueError, match="incomplete"):
        shape_of(Geofence(geofence_id="a", name="a", type="circle"))


# --- public data ------------------------------------------------------------------------------------------


@pytest.mark.data
def test_public_data_sets_are_read_with_their_known_faults() -> None:
    folder = os.environ.get("TRUCKSTREAM_TEST_DATA")
    if not folder:
        pytest.skip("missing part: the real data sets; set TRUCKSTREAM_TEST_DATA to their folder")
    touching = {}
    files = sorted([*Path(folder).glob("geofences_*.json"), *Path(folder).glob("polygons_*.geojson")])
    assert files
    for file in files:
        imported = parse_geofences(file.read_bytes())
        assert parse_geofences(to_geojson(imported.geofences)).geofences == imported.geofences
        touching[file.stem] = sum("touches or crosses itself" in warning for warning in imported.warnings)
    assert touching["polygons_zurich_city"] == 7
    assert touching["polygons_chicago"] == 4
    assert sum(touching.values()) == 11
