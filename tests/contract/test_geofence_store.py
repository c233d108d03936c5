"""What every `GeofenceStore` promises."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.dynamodb import tables_of

from truckstream.aws.geofences import AwsGeofences
from truckstream.core.errors import InvalidGeofence, StorageDamaged
from truckstream.core.geofences import Catalogue, Geofence, LatLon, PolygonGeometry, same_definition
from truckstream.local.geofences import LocalGeofences
from truckstream.ports import GeofenceStore
from truckstream.testing import MemoryGeofences

BACKENDS: dict[str, Callable[[Path], GeofenceStore]] = {
    "memory": lambda _: MemoryGeofences(),
    "local": lambda folder: LocalGeofences(folder / "geofences.db"),
}


@pytest.fixture(params=[*BACKENDS, "aws", "dynamodb-local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> GeofenceStore:
    if request.param in BACKENDS:
        return BACKENDS[request.param](tmp_path)
    tables = tables_of(request)
    return AwsGeofences(tables.client, tables.geofences(), at_once=tables.at_once)


def circle(geofence_id: str, radius_m: float = 500.0, **rule: Any) -> Geofence:
    return Geofence(
        geofence_id=geofence_id,
        name=f"Fence {geofence_id}",
        type="circle",
        center=LatLon(47.3769, 8.5417),
        radius_meters=radius_m,
        **rule,
    )


SQUARE = ((8.0, 47.0), (8.1, 47.0), (8.1, 47.1), (8.0, 47.1), (8.0, 47.0))


def versions(catalogue: Catalogue) -> dict[str, tuple[int, int]]:
    return {each.geofence_id: (each.version, each.revision) for each in catalogue.geofences}


def test_empty_store_has_revision_zero(store: GeofenceStore) -> None:
    assert store.catalogue() == Catalogue(0, ())


def test_one_put_is_one_revision_for_all(store: GeofenceStore) -> None:
    assert store.put([circle("B"), circle("A")]) == store.catalogue()
    assert store.catalogue().revision == 1
    assert versions(store.catalogue()) == {"A": (1, 1), "B": (1, 1)}
    assert [each.geofence_id for each in store.catalogue().geofences] == ["A", "B"]


def test_every_field_of_a_definition_survives(store: GeofenceStore) -> None:
    definitions = [
        circle("A", alert_on="exit", active=False, trucks=("T-*",), exit_buffer_meters=20.0, confirm_fixes=3),
        circle("B", detect_crossing=True, dwell_minutes=1.5, speed_limit_kmh=30.0),
        Geofence(geofence_id="C", name="Ünï", type="polygon", geometry=PolygonGeometry(coordinates=(SQUARE,))),
        Geofence(
            geofence_id="D",
            name="D",
            type="corridor",
            path=(LatLon(47.0, 8.0), LatLon(47.1, 8.2)),
            width_meters=50.0,
        ),
    ]
    stored = store.put(definitions).geofences
    assert all(same_definition(a, b) for a, b in zip(stored, definitions, strict=True))


def test_equal_definition_keeps_version_and_revision(store: GeofenceStore) -> None:
    before = store.put([circle("A"), circle("B")])
    assert store.put([circle("A")]) == before
    assert store.put([circle("A", version=9, revision=9)]) == before


def test_changed_definition_gets_the_next_version_alone(store: GeofenceStore) -> None:
    store.put([circle("A"), circle("B")])
    assert versions(store.put([circle("A", 600.0), circle("B")])) == {"A": (2, 2), "B": (1, 1)}


def test_given_version_numbers_are_ignored(store: GeofenceStore) -> None:
    assert versions(store.put([circle("A", version=7, revision=7)])) == {"A": (1, 1)}


def test_versions_go_on_after_removal(store: GeofenceStore) -> None:
    store.put([circle("A")])
    store.put([circle("A", 600.0)])
    assert store.remove(["A", "unknown"]) == {"A"}
    assert store.catalogue() == Catalogue(3, ())
    assert versions(store.put([circle("A", 600.0)])) == {"A": (3, 4)}


def test_removing_nothing_changes_nothing(store: GeofenceStore) -> None:
    store.put([circle("A")])
    store.remove(["A"])
    assert store.remove(["A", "B"]) == frozenset()
    assert store.remove([]) == frozenset()
    assert store.catalogue().revision == 2


def test_last_of_equal_ids_in_one_put_counts(store: GeofenceStore) -> None:
    catalogue = store.put([circle("A", 1.0), circle("A", 2.0)])
    assert [each.radius_meters for each in catalogue.geofences] == [2.0]
    assert versions(catalogue) == {"A": (1, 1)}


def test_invalid_geofence_is_refused_and_nothing_changes(store: GeofenceStore) -> None:
    with pytest.raises(InvalidGeofence, match="radius_meters"):
        store.put([circle("A"), circle("B", -1.0)])
    assert store.catalogue() == Catalogue(0, ())


def test_unchanged_local_catalogue_is_the_same_object(tmp_path: Path) -> None:
    store = LocalGeofences(tmp_path / "geofences.db")
    store.put([circle("A")])
    assert store.catalogue() is store.catalogue()


def test_change_by_another_process_is_noticed(tmp_path: Path) -> None:
    running = LocalGeofences(tmp_path / "geofences.db")
    before = running.put([circle("A")])
    command = LocalGeofences(tmp_path / "geofences.db")
    command.put([circle("A")])
    assert running.catalogue() is before
    command.put([circle("B")])
    assert versions(running.catalogue()) == {"A": (1, 1), "B": (1, 2)}
    running.put([circle("C")])
    command.remove(["A"])
    assert versions(running.catalogue()) == {"B": (1, 2), "C": (1, 3)}
    running.close()
    assert versions(command.catalogue()) == {"B": (1, 2), "C": (1, 3)}


def test_damaged_local_definition_is_named(tmp_path: Path) -> None:
    store = LocalGeofences(tmp_path / "geofences.db")
    store.put([circle("A")])
    store._db.execute("UPDATE geofences SET definition = '{'")
    store._cached = None
    with pytest.raises(StorageDamaged, match="'A'"):
        store.catalogue()
