"""What every `PositionStore` promises."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.dynamodb import tables_of

from truckstream.aws.positions import AwsPositions
from truckstream.core.errors import StorageDamaged
from truckstream.core.outliers import Track
from truckstream.core.records import Position
from truckstream.local.positions import LocalPositions
from truckstream.ports import PositionStore
from truckstream.testing import MemoryPositions

BACKENDS: dict[str, Callable[[Path], PositionStore]] = {
    "memory": lambda _: MemoryPositions(),
    "local": lambda folder: LocalPositions(folder / "positions.db"),
}


@pytest.fixture(params=[*BACKENDS, "aws", "dynamodb-local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PositionStore:
    if request.param in BACKENDS:
        return BACKENDS[request.param](tmp_path)
    tables = tables_of(request)
    return AwsPositions(tables.client, tables.positions(), at_once=tables.at_once)


def track(truck_id: str, second: int, *, aside: tuple[int, ...] = (), latitude: float = 47.0) -> Track:
    last = Position(truck_id, second * 1000, latitude, 8.5, 45.5, 180.0, None, 5.0, None, "idle")
    set_aside = tuple(Position(truck_id, each * 1000, 60.0, 8.5) for each in aside)
    return Track(last, set_aside, 7, 1000)


def test_unknown_trucks_are_absent(store: PositionStore) -> None:
    assert store.load(["TRK-1"]) == {}
    assert store.load([]) == {}
    assert list(store.list()) == []


def test_stored_tracks_come_back_whole(store: PositionStore) -> None:
    tracks = [track("TRK-1", 10, aside=(11, 12)), track("TRK-2", 5)]
    assert store.put_newer(tracks) == frozenset()
    assert store.load(["TRK-2", "TRK-1", "TRK-3"]) == {"TRK-1": tracks[0], "TRK-2": tracks[1]}


def test_late_track_does_not_replace_a_newer_one(store: PositionStore) -> None:
    store.put_newer([track("TRK-1", 10)])
    assert store.put_newer([track("TRK-1", 9)]) == frozenset()
    assert store.load(["TRK-1"])["TRK-1"].last.timestamp_ms == 10_000


def test_ties_keep_the_stored_row(store: PositionStore) -> None:
    store.put_newer([track("TRK-1", 10, latitude=47.0)])
    store.put_newer([track("TRK-1", 10, latitude=48.0)])
    assert store.load(["TRK-1"])["TRK-1"].last.latitude == 47.0


def test_newest_is_decided_by_the_newest_seen_position(store: PositionStore) -> None:
    store.put_newer([track("TRK-1", 10, aside=(20,))])
    store.put_newer([track("TRK-1", 15)])
    assert store.load(["TRK-1"])["TRK-1"].seen_ms == 20_000
    store.put_newer([track("TRK-1", 10, aside=(20, 21))])
    assert store.load(["TRK-1"])["TRK-1"].seen_ms == 21_000


def test_newest_within_one_call_wins(store: PositionStore) -> None:
    store.put_newer([track("TRK-1", 12), track("TRK-1", 10)])
    assert store.load(["TRK-1"])["TRK-1"].seen_ms == 12_000


def test_any_order_of_delivery_leaves_the_same_rows(store: PositionStore, tmp_path: Path) -> None:
    tracks = [track("TRK-1", 10), track("TRK-1", 12, aside=(13,)), track("TRK-2", 1), track("TRK-2", 2)]
    for each in [*tracks[::-1], *tracks, tracks[0]]:
        store.put_newer([each])
    assert list(store.list()) == [tracks[1], tracks[3]]


def test_listing_pages_in_order_of_truck_id(store: PositionStore) -> None:
    names = [f"TRK-{n}" for n in (3, 10, 1, 2)]
    store.put_newer([track(name, 1) for name in names])
    assert [each.truck_id for each in store.list()] == sorted(names)
    assert [each.truck_id for each in store.list(after="TRK-1", limit=2)] == ["TRK-10", "TRK-2"]
    assert [each.truck_id for each in store.list(after="TRK-3")] == []


def test_local_store_survives_reopening_and_serves_a_second_reader(tmp_path: Path) -> None:
    writer = LocalPositions(tmp_path / "positions.db")
    reader = LocalPositions(tmp_path / "positions.db")
    writer.put_newer([track("TRK-1", 10)])
    assert reader.load(["TRK-1"]) == writer.load(["TRK-1"])
    writer.close()
    reader.close()
    assert len(LocalPositions(tmp_path / "positions.db").list()) == 1


def test_damaged_local_row_is_named(tmp_path: Path) -> None:
    store = LocalPositions(tmp_path / "positions.db")
    store.put_newer([track("TRK-1", 10)])
    store._db.execute("UPDATE positions SET track = x'c1'")
    with pytest.raises(StorageDamaged, match="TRK-1"):
        store.list()


def test_local_store_of_an_older_version_is_upgraded_with_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "positions.db"
    with closing(LocalPositions(path)) as store:
        store.put_newer([track("TRK-1", 10)])
        store._db.executescript(
            "DROP INDEX positions_by_change; ALTER TABLE positions DROP COLUMN change; PRAGMA user_version=1"
        )
    with closing(LocalPositions(path)) as store, closing(LocalPositions(path)) as other:
        found, mark = store.changed_since("")
        assert [each.truck_id for each in found] == ["TRK-1"]
        other.put_newer([track("TRK-1", 11)])
        assert [each.seen_ms for each in store.changed_since(mark)[0]] == [11_000]
