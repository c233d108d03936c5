"""Presence and alerts in DynamoDB (moto): large commits, deaths, lost answers, overlapping invocations."""

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.aws_crashes import Crashes, send_twice
from tests.support.aws_faults import THROTTLED, AwsFaults
from tests.support.aws_parts import session
from tests.support.dynamodb import Tables, moto_tables

from truckstream.aws.alerts import AwsAlerts
from truckstream.consumers.geofence import GeofenceConsumer
from truckstream.core.errors import Denied, InvalidInput, StorageDamaged, Throttled, Unavailable
from truckstream.core.geofences import Geofence, LatLon
from truckstream.core.presence import Alert, Candidate, TruckPresence
from truckstream.core.records import Position, encode_position
from truckstream.ports import Batch, PresenceChange, StreamRecord
from truckstream.testing import MemoryGeofences, MemoryPresence, MemoryRejected, SimulatedCrash

KINESIS_NUMBER = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with moto_tables() as made:
        yield made


@pytest.fixture
def client(tables: Tables) -> Any:
    """A client of its own, to put faults on."""
    return session().client("dynamodb")


def open_store(client: Any, name: str) -> AwsAlerts:
    return AwsAlerts(client, name, at_once=1, pause=lambda _: None)


def alerts_of(truck_id: str, count: int, *, late: bool = False) -> tuple[Alert, ...]:
    return tuple(
        Alert(f"{truck_id}-{n:05d}", truck_id, "A", "Ünï", "exit", 86_395_000 + n * 1000, 47.1, 8.0, 3, late)
        for n in range(count)
    )


def change(
    truck_id: str = "T", sequence: int = 1, expected: int | None = None, alerts: Sequence[Alert] = ()
) -> PresenceChange:
    return PresenceChange(expected, TruckPresence(truck_id, sequence), tuple(alerts))


def test_sequence_numbers_of_kinesis_fit(tables: Tables) -> None:
    store = open_store(tables.client, tables.geofences())
    assert store.commit([change(sequence=KINESIS_NUMBER)]) == frozenset()
    assert store.load(["T"])["T"].sequence_number == KINESIS_NUMBER
    assert store.commit([change(sequence=KINESIS_NUMBER + 2, expected=KINESIS_NUMBER + 1)]) == {"T"}
    assert store.commit([change(sequence=KINESIS_NUMBER + 2, expected=KINESIS_NUMBER)]) == frozenset()


def test_truck_without_alerts_costs_one_plain_write(tables: Tables, client: Any) -> None:
    faults = AwsFaults(client)
    store = open_store(client, tables.geofences())
    store.commit([change("T"), change("U")])
    assert faults.calls == ["PutItem", "PutItem"]


@pytest.mark.parametrize("count", [33, 34, 68])
def test_many_alerts_of_one_step_are_all_kept_in_order(tables: Tables, count: int) -> None:
    name = tables.geofences()
    alerts = alerts_of("T", count)
    open_store(tables.client, name).commit([change(alerts=alerts)])
    store = open_store(tables.client, name)
    assert list(store.list()) == list(store.list(truck_id="T")) == list(alerts)
    assert list(store.pending(1_000)) == list(alerts)
    assert (store.count(), store.pending_count()) == (count, count)
    assert list(store.recent(2)) == [alerts[-1], alerts[-2]]
    assert [each.timestamp_ms for each in store.list(from_ms=86_399_000, to_ms=86_401_000)] == [86_399_000, 86_400_000]


@pytest.mark.parametrize("after_effect", [False, True])
def test_large_step_may_die_anywhere_and_stays_whole(
    tables: Tables, client: Any, monkeypatch: pytest.MonkeyPatch, after_effect: bool
) -> None:
    monkeypatch.setattr("truckstream.aws.alerts.ACTIONS_PER_TRANSACTION", 4)
    crashes, at, alerts = Crashes(client), 0, alerts_of("T", 5)
    known, new = alerts[1], [each for each in alerts if each != alerts[1]]
    while True:
        at += 1
        name = tables.geofences()
        open_store(tables.client, name).commit([change("OTHER", alerts=[known])])
        crashes.crash(at, after_effect=after_effect)
        try:
            open_store(client, name).commit([change(alerts=alerts)])
            break
        except SimulatedCrash:
            pass
        store = open_store(tables.client, name)
        there = "T" in store.load(["T"])
        assert list(store.list()) == (list(alerts) if there else [known])
        assert list(store.pending(100)) == ([known, *new] if there else [known])
        assert store.commit([change(alerts=alerts)]) == ({"T"} if there else frozenset())
        assert list(store.pending(100)) == [known, *new]
        assert list(store.list()) == list(alerts)
        store.mark_sent([each.alert_id for each in alerts], 1)
        assert (list(store.pending(100)), store.count()) == ([], 5)
    assert at > 5


def test_too_large_presence_is_refused_and_others_are_written(tables: Tables) -> None:
    rng = random.Random(1)
    huge = TruckPresence("HUGE", 1)
    huge.candidates = {
        f"{rng.getrandbits(64):x}": Candidate([Position("HUGE", rng.getrandbits(40), rng.random(), rng.random())])
        for _ in range(12_000)
    }
    store = open_store(tables.client, tables.geofences())
    with pytest.raises(InvalidInput, match=r"HUGE.*400 KB"):
        store.commit([PresenceChange(None, huge), change("T")])
    assert store.load(["HUGE", "T"]) == {"T": TruckPresence("T", 1)}


def test_conflicts_and_throttling_are_waited_out(tables: Tables, client: Any) -> None:
    store, faults = open_store(client, tables.geofences()), AwsFaults(client)
    faults.fail("TransactWriteItems", "TransactionCanceledException", times=3)
    assert store.commit([change(alerts=alerts_of("T", 1))]) == frozenset()
    assert faults.calls.count("TransactWriteItems") == 4
    faults.fail("TransactWriteItems", "TransactionCanceledException", times=8)
    assert store.commit([change(sequence=2, expected=1, alerts=alerts_of("T", 2))]) == {"T"}
    assert store.count() == 1


@pytest.mark.parametrize("count", [0, 1, 5])
def test_failed_truck_is_told_and_others_go_on(
    tables: Tables, client: Any, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr("truckstream.aws.alerts.ACTIONS_PER_TRANSACTION", 4)
    store, faults = open_store(client, tables.geofences()), AwsFaults(client)
    store.commit([change("warm-up", alerts=alerts_of("warm-up", 1))])
    operation = "TransactWriteItems" if count else "PutItem"
    faults.fail(operation, THROTTLED)
    changes = [change(truck_id, alerts=alerts_of(truck_id, count)) for truck_id in ("T1", "T2", "T3")]
    assert store.commit(changes) == {"T1"}
    faults.lose_answer(operation)
    assert store.commit(changes[:1]) == {"T1"}  # it is written; a redelivery finds nothing left to do
    assert store.load(["T1", "T2", "T3"]).keys() == {"T1", "T2", "T3"}
    assert len(store.pending(1_000)) == 3 * count + 1


def test_missing_permission_is_raised(tables: Tables, client: Any) -> None:
    AwsFaults(client).fail("PutItem", "AccessDeniedException")
    with pytest.raises(Denied, match="dynamodb:PutItem"):
        open_store(client, tables.geofences()).commit([change()])


@pytest.mark.parametrize("count", [0, 1, 40])
def test_commit_that_meets_itself_is_no_conflict(tables: Tables, count: int) -> None:
    client = session(attempts=2).client("dynamodb")
    store = open_store(client, tables.geofences())
    store.commit([change("warm-up", alerts=alerts_of("warm-up", 1))])
    send_twice(client, "TransactWriteItems" if count else "PutItem")
    assert store.commit([change(alerts=alerts_of("T", count))]) == frozenset()
    assert store.count() == count + 1


def test_alert_not_marked_sent_waits_on(tables: Tables, client: Any) -> None:
    store, faults = open_store(client, tables.geofences()), AwsFaults(client)
    store.commit([change(alerts=alerts_of("T", 3))])
    faults.fail("DeleteItem", THROTTLED)
    with pytest.raises(Unavailable, match="1 sent alert"):
        store.mark_sent(["T-00000", "T-00001"], 5)
    assert [each.alert_id for each in store.pending(10)] == ["T-00000", "T-00002"]
    store.mark_sent(["T-00000"], 9)
    item = client.get_item(TableName=store.table.name, Key={"pk": {"S": "alert#T-00000"}, "sk": {"S": "alert"}})
    assert item["Item"]["sent_ms"]["N"] == "5"


def test_loading_fails_as_a_whole(tables: Tables, client: Any) -> None:
    AwsFaults(client).fail("BatchGetItem", THROTTLED)
    with pytest.raises(Throttled):
        open_store(client, tables.geofences()).load(["T"])


def test_damaged_items_are_named(tables: Tables) -> None:
    store = open_store(tables.client, tables.geofences())
    store.commit([change(alerts=alerts_of("T", 1))])
    for pk, sk in (("presence#T", "state"), ("alert#T-00000", "alert")):
        tables.client.update_item(
            TableName=store.table.name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, UpdateExpression="REMOVE latitude, #s",
            ExpressionAttributeNames={"#s": "state"},
        )  # fmt: skip
    with pytest.raises(StorageDamaged, match="presence#T"):
        store.load(["T"])
    with pytest.raises(StorageDamaged, match="alert#T-00000"):
        list(store.list())


# --- overlapping invocations ------------------------------------------------------------------------------


class Overlapped:
    """A presence store in whose step, between reading and writing, something else may happen."""

    def __init__(self, store: AwsAlerts) -> None:
        self._store = store
        self.meanwhile: Callable[[], object] = int

    def load(self, truck_ids: Collection[str]) -> dict[str, TruckPresence]:
        return self._store.load(truck_ids)

    def commit(self, changes: Sequence[PresenceChange]) -> frozenset[str]:
        self.meanwhile()
        return self._store.commit(changes)


FENCES = [
    Geofence(
        geofence_id=each, name=each, type="circle", center=LatLon(47.0, 8.0), radius_meters=radius_m, alert_on="both"
    )
    for each, radius_m in (("inner", 100.0), ("outer", 400.0))
]
METRES = (0.0, 200.0, 600.0)


def records(places: Sequence[int]) -> list[StreamRecord]:
    made = []
    for number, place in enumerate(places):
        position = Position(f"T{number % 2}", (number // 2 + 1) * 60_000, 47.0 + METRES[place] / 111_200, 8.0)
        sequence = KINESIS_NUMBER + number
        made.append(
            StreamRecord("shard-0", sequence, position.timestamp_ms, position.truck_id, encode_position(position))
        )
    return made


def run(consumer: GeofenceConsumer, wanted: Sequence[StreamRecord], size: int) -> None:
    """Deliver as Lambda does: on failure again from the lowest failed sequence number."""
    while wanted:
        result = consumer(Batch("shard-0", wanted[:size]))
        if result.failed_sequence is None:
            wanted = wanted[size:]
        else:
            wanted = [each for each in wanted if each.sequence_number >= result.failed_sequence]


@settings(max_examples=8)
@given(
    places=st.lists(st.integers(0, 2), min_size=4, max_size=12),
    sizes=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    at=st.integers(0, 3),
)
def test_zombie_invocations_raise_no_alert_twice(
    tables: Tables, places: list[int], sizes: tuple[int, int], at: int
) -> None:
    """While one invocation is between reading and writing, another one does the same records to their end."""
    wanted = records(places)
    expected = MemoryPresence()
    run(_consumer(expected), wanted, 12)

    name = tables.geofences()
    slow = Overlapped(open_store(tables.client, name))
    commits = iter(range(100))

    def zombie() -> None:
        if next(commits) == at:
            run(_consumer(open_store(tables.client, name)), wanted, sizes[1])

    slow.meanwhile = zombie
    run(_consumer(slow), wanted, sizes[0])
    store = open_store(tables.client, name)
    assert list(store.list()) == list(expected.list())
    assert sorted(each.alert_id for each in store.pending(1_000)) == sorted(
        each.alert_id for each in expected.pending(1_000)
    )
    assert store.load(["T0", "T1"]) == expected.load(["T0", "T1"])


def _consumer(presence: Any) -> GeofenceConsumer:
    return GeofenceConsumer(presence, MemoryGeofences(FENCES), MemoryRejected(), outlier_limit_kmh=0.0)
