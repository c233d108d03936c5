"""What every `PresenceStore` promises."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.dynamodb import tables_of

from truckstream.aws.alerts import AwsAlerts
from truckstream.core.errors import StorageDamaged
from truckstream.core.outliers import Track
from truckstream.core.presence import Alert, Candidate, TruckPresence, Visit
from truckstream.core.records import Position
from truckstream.local.alerts import LocalAlerts
from truckstream.ports import PresenceChange
from truckstream.testing import MemoryPresence

type Store = MemoryPresence | LocalAlerts | AwsAlerts

BACKENDS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryPresence(),
    "local": lambda folder: LocalAlerts(folder / "alerts.db"),
}


@pytest.fixture(params=[*BACKENDS, "aws", "dynamodb-local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param in BACKENDS:
        return BACKENDS[request.param](tmp_path)
    tables = tables_of(request)
    return AwsAlerts(tables.client, tables.geofences(), at_once=tables.at_once)


def presence(truck_id: str = "TRK-1", sequence: int = 10) -> TruckPresence:
    last = Position(truck_id, 5_000, 47.0, 8.0, 30.0)
    return TruckPresence(
        truck_id,
        sequence,
        3,
        Track(last, (Position(truck_id, 6_000, 60.0, 8.0),), 4, 1_000),
        ("A",),
        {"A": Visit(1_000), "B": Visit(2_000, True, 2_500, True)},
        {"C": Candidate([last])},
    )


def alert(alert_id: str, truck_id: str = "TRK-1", timestamp_ms: int = 5_000, late: bool = False) -> Alert:
    return Alert(alert_id, truck_id, "A", "Fence A", "enter", timestamp_ms, 47.0, 8.0, 1, late)


def test_unknown_trucks_have_no_state(store: Store) -> None:
    assert store.load(["TRK-1"]) == {}
    assert store.load([]) == {}
    assert store.commit([]) == frozenset()


def test_committed_state_comes_back_whole(store: Store) -> None:
    change = PresenceChange(None, presence(), (alert("a1"),))
    assert store.commit([change]) == frozenset()
    assert store.load(["TRK-1", "TRK-2"]) == {"TRK-1": presence()}
    assert list(store.list()) == [alert("a1")]
    assert list(store.pending(10)) == [alert("a1")]


def test_loaded_state_is_a_copy(store: Store) -> None:
    store.commit([PresenceChange(None, presence())])
    loaded = store.load(["TRK-1"])["TRK-1"]
    loaded.visits.clear()
    loaded.sequence_number = 99
    assert store.load(["TRK-1"])["TRK-1"] == presence()


def test_state_is_kept_apart_from_the_committed_object(store: Store) -> None:
    mine = presence()
    store.commit([PresenceChange(None, mine)])
    mine.visits.clear()
    assert store.load(["TRK-1"])["TRK-1"] == presence()


@pytest.mark.parametrize("expected", [None, 9, 11])
def test_unexpected_sequence_writes_nothing_of_that_truck(store: Store, expected: int | None) -> None:
    store.commit([PresenceChange(None, presence())])
    zombie = PresenceChange(expected, presence(sequence=20), (alert("zombie"),))
    other = PresenceChange(None, presence("TRK-2"), (alert("a2", "TRK-2"),))
    assert store.commit([zombie, other]) == {"TRK-1"}
    assert store.load(["TRK-1"])["TRK-1"].sequence_number == 10
    assert [each.alert_id for each in store.list()] == ["a2"]
    assert [each.alert_id for each in store.pending(10)] == ["a2"]


def test_state_that_should_exist_but_does_not_is_a_mismatch(store: Store) -> None:
    assert store.commit([PresenceChange(5, presence())]) == {"TRK-1"}
    assert store.load(["TRK-1"]) == {}


def test_known_alert_id_is_not_written_or_queued_again(store: Store) -> None:
    store.commit([PresenceChange(None, presence(), (alert("a1"), alert("a1")))])
    store.mark_sent(["a1"], 7_000)
    store.commit([PresenceChange(10, presence(sequence=11), (alert("a1", timestamp_ms=9_999), alert("a2")))])
    assert [(each.alert_id, each.timestamp_ms) for each in store.list()] == [("a1", 5_000), ("a2", 5_000)]
    assert [each.alert_id for each in store.pending(10)] == ["a2"]


def test_late_alerts_are_logged_but_never_pending(store: Store) -> None:
    store.commit([PresenceChange(None, presence(), (alert("late", late=True), alert("a1")))])
    assert {each.alert_id for each in store.list()} == {"late", "a1"}
    assert [each.alert_id for each in store.pending(10)] == ["a1"]


def test_without_notify_alerts_are_logged_only(store: Store) -> None:
    store.notify = False
    store.commit([PresenceChange(None, presence(), (alert("a1"),))])
    assert [each.alert_id for each in store.list()] == ["a1"]
    assert list(store.pending(10)) == []


def test_local_state_survives_reopening(tmp_path: Path) -> None:
    first = LocalAlerts(tmp_path / "alerts.db")
    first.commit([PresenceChange(None, presence(), (alert("a1"),))])
    first.close()
    again = LocalAlerts(tmp_path / "alerts.db")
    assert again.load(["TRK-1"]) == {"TRK-1": presence()}
    assert [each.alert_id for each in again.pending(10)] == ["a1"]


def test_second_process_sees_the_lock_token_of_the_first(tmp_path: Path) -> None:
    running, zombie = LocalAlerts(tmp_path / "alerts.db"), LocalAlerts(tmp_path / "alerts.db")
    assert running.commit([PresenceChange(None, presence(sequence=1))]) == frozenset()
    assert zombie.commit([PresenceChange(None, presence(sequence=1))]) == {"TRK-1"}


def test_damaged_local_state_is_told(tmp_path: Path) -> None:
    store = LocalAlerts(tmp_path / "alerts.db")
    store.commit([PresenceChange(None, presence())])
    store._db.execute("UPDATE presence SET state = x'c1'")
    with pytest.raises(StorageDamaged, match="presence"):
        store.load(["TRK-1"])
