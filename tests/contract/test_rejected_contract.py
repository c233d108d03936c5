"""What every `RejectedStore` promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.aws_parts import moto_session

from truckstream.aws.rejected import S3Rejected
from truckstream.local.rejected import LocalRejected
from truckstream.ports import RejectedRecord, RejectedStore
from truckstream.testing import MemoryRejected


@pytest.fixture(params=["memory", "local", "aws"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RejectedStore]:
    match request.param:
        case "memory":
            yield MemoryRejected()
        case "local":
            yield LocalRejected(tmp_path / "rejected.db")
        case "aws":
            with moto_session(bucket=True) as session:
                yield S3Rejected(session)


def rejected(shard: str, sequence: int, index: int = 0, reason: str = "not JSON") -> RejectedRecord:
    return RejectedRecord(shard, sequence, index, reason, b"\x00\xff{", 1_000, "TRK-1")


A1, A2, A2B, B1 = rejected("s-a", 1), rejected("s-a", 2), rejected("s-a", 2, 1), rejected("s-b", 1, -1)


def test_entries_are_listed_by_shard_sequence_and_index(store: RejectedStore) -> None:
    store.put([B1, A2B])
    store.put([A2, A1])
    assert list(store.list()) == [A1, A2, A2B, B1]
    assert store.count() == 4


def test_first_entry_of_a_place_stays(store: RejectedStore) -> None:
    store.put([A1, rejected("s-a", 1, reason="second in one call")])
    store.put([rejected("s-a", 1, reason="seen by another consumer")])
    assert list(store.list()) == [A1]


def test_redriven_entries_are_listed_only_on_request(store: RejectedStore) -> None:
    store.put([A1, A2])
    store.mark_redriven([A1, rejected("s-z", 9)])
    store.mark_redriven([A1])
    assert list(store.list()) == [A2]
    assert list(store.list(include_redriven=True)) == [A1, A2]
    assert store.count() == 1


def test_redriven_entry_is_not_revived_by_redelivery(store: RejectedStore) -> None:
    store.put([A1])
    store.mark_redriven([A1])
    store.put([A1])
    assert (store.count(), list(store.list())) == (0, [])


def test_entries_are_listed_by_arrival_on_request(store: RejectedStore) -> None:
    hour_ms = 3_600_000
    records = [
        RejectedRecord("s-a", number, 0, "not JSON", b"{", 1_705_312_800_000 + number * 8 * hour_ms)
        for number in range(9)
    ]
    store.put(records)
    store.mark_redriven(records[:1])
    since, until = records[2].arrival_ms, records[6].arrival_ms
    assert list(store.list(from_ms=since, to_ms=until)) == records[2:6]
    assert list(store.list(from_ms=since + 1)) == records[3:]
    assert list(store.list(to_ms=since)) == records[1:2]
    assert list(store.list(to_ms=since, include_redriven=True)) == records[:2]
    assert list(store.list(from_ms=until, to_ms=since)) == []


def test_s3_reads_no_entry_of_another_date() -> None:
    day_ms = 86_400_000
    records = [RejectedRecord("s-a", day, 0, "not JSON", b"{", 1_705_312_800_000 + day * day_ms) for day in range(9)]
    with moto_session(bucket=True) as session:
        store = S3Rejected(session)
        store.put(records)
        read: list[str] = []
        store._client.meta.events.register("before-call.s3.GetObject", lambda **call: read.append(call["model"].name))
        assert list(store.list(from_ms=records[4].arrival_ms, to_ms=records[5].arrival_ms)) == [records[4]]
        assert len(read) == 2  # those of the two dates


def test_putting_nothing_is_fine(store: RejectedStore) -> None:
    store.put([])
    store.mark_redriven([])
    assert store.count() == 0


def test_everything_of_an_entry_comes_back(store: RejectedStore) -> None:
    odd = RejectedRecord(
        "source:/data/ü/a b.csv",
        2**62,
        -1,
        "latitude: 91 € is above 90",
        bytes(range(256)) * 40,
        1_705_312_800_000,
    )
    store.put([odd])
    assert list(store.list()) == [odd]
    store.mark_redriven([odd])
    assert list(store.list(include_redriven=True)) == [odd]


def test_many_entries_are_kept_and_listed_in_order(store: RejectedStore) -> None:
    records = [rejected(f"s-{number % 3}", number + 8, number % 2) for number in range(60)]
    store.put(records[::-1])
    assert list(store.list()) == sorted(records, key=lambda each: (each.shard_id, each.sequence_number, each.index))
    store.mark_redriven(records[:50])
    assert store.count() == 10
