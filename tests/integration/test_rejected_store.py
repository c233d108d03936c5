import sqlite3
from pathlib import Path

import pytest

from truckstream.core.errors import StorageDamaged
from truckstream.local.rejected import LocalRejected
from truckstream.ports import RejectedRecord


def rejected(
    sequence_number: int, index: int = 0, *, shard_id: str = "shardId-0", reason: str = "bad"
) -> RejectedRecord:
    return RejectedRecord(
        shard_id=shard_id,
        sequence_number=sequence_number,
        index=index,
        reason=reason,
        payload=b"\x00\xff not json",
        arrival_ms=1_700_000_000_000,
        partition_key="TRK-1",
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rejected.db"


def test_entries_come_back_whole_and_in_order(path: Path) -> None:
    entries = [rejected(2, 1), rejected(10), rejected(2, -1), rejected(1, shard_id="source:a.csv")]
    store = LocalRejected(path)
    store.put(entries)
    store.put([])
    store.close()
    assert list(LocalRejected(path).list()) == [entries[2], entries[0], entries[1], entries[3]]


def test_the_first_reason_of_a_record_stays(path: Path) -> None:
    store = LocalRejected(path)
    store.put([rejected(1, reason="first"), rejected(1, reason="second")])
    store.put([rejected(1, reason="third")])
    assert [entry.reason for entry in store.list()] == ["first"]
    assert store.count() == 1


def test_a_payload_of_ten_megabytes_is_kept(path: Path) -> None:
    payload = bytes(range(256)) * 40_960
    store = LocalRejected(path)
    store.put([RejectedRecord("s", 1, -1, "too large", payload, 0)])
    (entry,) = store.list()
    assert entry.payload == payload


def test_redriven_entries_wait_no_more_and_are_not_lost(path: Path) -> None:
    store = LocalRejected(path)
    store.put([rejected(1), rejected(2)])
    store.mark_redriven([rejected(1)])
    store.put([rejected(1)])
    assert [entry.sequence_number for entry in store.list()] == [2]
    assert [entry.sequence_number for entry in store.list(include_redriven=True)] == [1, 2]
    assert store.count() == 1


def test_listing_goes_on_while_entries_are_redriven(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("truckstream.local.rejected._PAGE_ROWS", 3)
    store = LocalRejected(path)
    store.put([rejected(number) for number in range(20)])
    seen = []
    for entry in store.list():
        store.mark_redriven([entry])
        seen.append(entry.sequence_number)
    assert seen == list(range(20))
    assert store.count() == 0


def test_reasons_with_broken_unicode_are_kept_readable(path: Path) -> None:
    store = LocalRejected(path)
    store.put([rejected(1, reason="truck_id: '\ud800'")])
    (entry,) = store.list()
    assert entry.reason == "truck_id: '?'"


def test_a_file_that_is_no_database_is_reported_as_damaged(path: Path) -> None:
    path.write_bytes(b"hello " * 1000)
    with pytest.raises(StorageDamaged):
        LocalRejected(path)
    path.unlink()
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE somebody_elses (x)")
    foreign.close()
    with pytest.raises(StorageDamaged, match="not one of truckstream's"):
        LocalRejected(path)


def test_reasons_are_counted_by_kind_as_entries_come_and_go(path: Path) -> None:
    store, other = LocalRejected(path), LocalRejected(path)
    assert list(store.reasons(5)) == []
    store.put([rejected(n, reason=f"latitude: {90 + n} is outside -90..90") for n in range(1, 4)])
    assert list(store.reasons(5)) == [("latitude: a value is outside -90..90", 3)]
    other.put([rejected(9, reason="empty record")])
    assert list(store.reasons(5)) == [("latitude: a value is outside -90..90", 3), ("empty record", 1)]
    other.mark_redriven([rejected(1), rejected(2)])
    assert dict(store.reasons(5)) == {"latitude: a value is outside -90..90": 1, "empty record": 1}
    assert len(store.reasons(1)) == 1
