"""Latest positions in DynamoDB (moto): what is stored, what is left unwritten, and what happens when calls fail."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.aws_crashes import send_twice
from tests.support.aws_faults import THROTTLED, AwsFaults
from tests.support.aws_parts import session
from tests.support.dynamodb import Tables, moto_tables

from truckstream.aws.positions import AwsPositions
from truckstream.core.coalescing import CoalescingPolicy
from truckstream.core.errors import Denied, InvalidSetting, StorageDamaged, Throttled
from truckstream.core.outliers import Track, advance
from truckstream.core.records import Position

METRE = 1 / 111_200  # degrees of latitude


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with moto_tables() as made:
        yield made


@pytest.fixture
def client(tables: Tables) -> Any:
    """A client of its own, to put faults on."""
    return session().client("dynamodb")


@pytest.fixture
def store(tables: Tables, client: Any) -> AwsPositions:
    return AwsPositions(client, tables.positions(), at_once=1)


def position(truck_id: str, second: float, metres: float = 0.0) -> Position:
    return Position(truck_id, round(second * 1000), 47.0 + metres * METRE, 8.5, 0.0)


def track(truck_id: str, second: float, metres: float = 0.0) -> Track:
    return Track(position(truck_id, second, metres))


def trucks(count: int) -> list[Track]:
    return [track(f"TRK-{number:03d}", 1) for number in range(count)]


def test_item_can_be_read_by_a_human(tables: Tables) -> None:
    name = tables.positions()
    full = Position("TRK-1", 1_705_314_600_250, 47.3769, 8.5417, 45.5, 180.0, None, 5.25, 75.0, "idle")
    AwsPositions(tables.client, name, at_once=1).put_newer([Track(full)])
    item = tables.client.get_item(TableName=name, Key={"truck_id": {"S": "TRK-1"}})["Item"]
    assert item.pop("track")["B"]
    assert {key: next(iter(value.values())) for key, value in item.items()} == {
        "truck_id": "TRK-1",
        "seen_ms": "1705314600250",
        "timestamp": "2024-01-15T10:30:00.250Z",
        "latitude": "47.3769",
        "longitude": "8.5417",
        "speed_kmh": "45.5",
        "heading": "180.0",
        "accuracy_m": "5.25",
        "fuel_level_pct": "75.0",
        "engine_status": "idle",
    }


def test_throttled_truck_fails_alone(store: AwsPositions, client: Any) -> None:
    AwsFaults(client).fail("PutItem", THROTTLED)
    assert store.put_newer(trucks(3)) == {"TRK-000"}
    assert [each.truck_id for each in store.list()] == ["TRK-001", "TRK-002"]


def test_writes_that_got_no_answer_fail_and_may_be_repeated(store: AwsPositions, client: Any) -> None:
    faults = AwsFaults(client)
    faults.time_out("PutItem")
    faults.pass_on("PutItem")
    faults.fail("PutItem", "InternalServerError", status=500)
    faults.lose_answer("PutItem")
    tracks = trucks(4)
    failed = store.put_newer(tracks)
    assert failed == {"TRK-000", "TRK-001", "TRK-002"}
    assert store.put_newer([each for each in tracks if each.truck_id in failed]) == frozenset()
    assert list(store.list()) == tracks


def test_table_in_trouble_is_not_asked_for_every_truck(store: AwsPositions, client: Any) -> None:
    faults = AwsFaults(client)
    faults.fail("PutItem", THROTTLED, times=1_000)
    assert len(store.put_newer(trucks(200))) == 200
    assert len(faults.calls) == 32


def test_missing_permission_and_table_are_raised(store: AwsPositions, client: Any) -> None:
    faults = AwsFaults(client)
    faults.fail("PutItem", "AccessDeniedException")
    with pytest.raises(Denied, match="dynamodb:PutItem"):
        store.put_newer(trucks(3))
    assert faults.calls == ["PutItem"]
    with pytest.raises(InvalidSetting, match="DYNAMODB_TABLE"):
        AwsPositions(client, "no-such-table").load(["TRK-1"])


def test_keys_left_unprocessed_are_asked_for_again(tables: Tables, client: Any) -> None:
    name = tables.positions()
    AwsPositions(tables.client, name, at_once=1).put_newer(trucks(5))

    def one_at_a_time(parsed: dict[str, Any], **_: object) -> None:
        items = parsed["Responses"][name]
        left = [{"truck_id": item["truck_id"]} for item in items[1:]]
        if left:
            parsed["Responses"][name] = items[:1]
            parsed["UnprocessedKeys"] = {name: {"Keys": left, "ConsistentRead": True}}

    client.meta.events.register("after-call.dynamodb.BatchGetItem", one_at_a_time)
    assert len(AwsPositions(client, name).load([each.truck_id for each in trucks(5)])) == 5


def test_unprocessed_keys_are_not_asked_for_forever(tables: Tables, client: Any, monkeypatch: Any) -> None:
    name = tables.positions()
    monkeypatch.setattr("truckstream.aws.table._FIRST_PAUSE_S", 0.0)

    def nothing(parsed: dict[str, Any], **_: object) -> None:
        parsed["Responses"] = {}
        parsed["UnprocessedKeys"] = {name: {"Keys": [{"truck_id": {"S": "TRK-1"}}]}}

    client.meta.events.register("after-call.dynamodb.BatchGetItem", nothing)
    with pytest.raises(Throttled, match="keys unread"):
        AwsPositions(client, name).load(["TRK-1"])


def test_write_that_meets_itself_is_no_failure(tables: Tables) -> None:
    client = session(attempts=2).client("dynamodb")
    store = AwsPositions(client, tables.positions(), coalescing=CoalescingPolicy(), at_once=1)
    send_twice(client, "PutItem")
    assert store.put_newer([track("TRK-1", 1)]) == frozenset()
    assert store.load(["TRK-1"]) == {"TRK-1": track("TRK-1", 1)}


def test_broken_device_does_not_swell_its_item(tables: Tables) -> None:
    name = tables.positions()
    store = AwsPositions(tables.client, name, at_once=1)
    swollen = Track(position("T", 0), tuple(position("T", n, 50_000 * (n % 7 + 1)) for n in range(1, 601)))
    store.put_newer([swollen])
    item = tables.client.get_item(TableName=name, Key={"truck_id": {"S": "T"}})["Item"]
    assert len(item["track"]["B"]) < 16_000
    assert store.load(["T"]) == {"T": swollen}


def test_damaged_item_is_named(tables: Tables, store: AwsPositions) -> None:
    tables.client.put_item(
        TableName=store._table.name, Item={"truck_id": {"S": "TRK-9"}, "track": {"B": b"\x78damaged"}}
    )
    with pytest.raises(StorageDamaged, match="TRK-9"):
        store.list()


# --- coalescing -------------------------------------------------------------------------------------------


def test_skipped_write_is_no_failure_and_no_call(tables: Tables, client: Any) -> None:
    store = AwsPositions(client, tables.positions(), coalescing=CoalescingPolicy(), at_once=1)
    store.put_newer([track("T", 0)])
    faults = AwsFaults(client)
    store.load(["T"])
    assert store.put_newer([track("T", 5, 10)]) == frozenset()
    assert faults.calls == ["BatchGetItem"]
    assert [each.seen_ms for each in store.list()] == [0]


def test_unwritten_progress_is_remembered_until_another_writes(tables: Tables) -> None:
    name, policy = tables.positions(), CoalescingPolicy()
    one, other = (AwsPositions(tables.client, name, coalescing=policy, at_once=1) for _ in range(2))
    one.load(["T"])
    one.put_newer([track("T", 0)])
    one.load(["T"])
    one.put_newer([track("T", 50, 10)])
    assert one.load(["T"])["T"].seen_ms == 50_000
    assert other.load(["T"])["T"].seen_ms == 0
    other.put_newer([track("T", 40, 100)])
    assert one.load(["T"])["T"].seen_ms == 40_000


def test_policy_goes_by_what_is_stored_not_remembered(tables: Tables) -> None:
    name, policy = tables.positions(), CoalescingPolicy()
    one, other = (AwsPositions(tables.client, name, coalescing=policy, at_once=1) for _ in range(2))
    one.put_newer([track("T", 0)])
    other.put_newer([track("T", 5, 100)])
    one.put_newer([track("T", 10, 0)])  # back where it was when `one` wrote, not where it is now
    assert other.load(["T"])["T"].seen_ms == 10_000


MOVES = st.lists(st.tuples(st.integers(0, 200), st.sampled_from([0.0, 10.0, 30.0, 300.0])), min_size=1, max_size=12)


@settings(max_examples=12)
@given(moves=MOVES, hands=st.lists(st.integers(0, 1), min_size=12, max_size=12))
def test_changing_invocations_keep_the_bounds(tables: Tables, moves: list[tuple[int, float]], hands: list[int]) -> None:
    """Two warm invocations take turns: the row only moves forward and lags by less than a minute."""
    name = _one_table(tables)
    stores = [AwsPositions(tables.client, name, coalescing=CoalescingPolicy(), at_once=1) for _ in range(2)]
    truck_id = f"T{next(_TRUCKS)}"
    newest_ms = stored_ms = -1
    for (second, metres), hand in zip(moves, hands, strict=False):
        store = stores[hand]
        before = store.load([truck_id]).get(truck_id)
        after = advance(before, [position(truck_id, second, metres)], 0.0)
        assert after is not None
        assert store.put_newer([after]) == frozenset()
        newest_ms = max(newest_ms, second * 1000)
        row = AwsPositions(tables.client, name).load([truck_id])[truck_id]
        assert row.seen_ms >= stored_ms
        stored_ms = row.seen_ms
    assert newest_ms - stored_ms < 60_000


_TRUCKS = iter(range(1_000_000))
_SHARED: list[str] = []


def _one_table(tables: Tables) -> str:
    if not _SHARED:
        _SHARED.append(tables.positions())
    return _SHARED[0]
