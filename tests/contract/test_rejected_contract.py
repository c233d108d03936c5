"""What every `RejectedStore` promises."""

from collections.abc import Callable
from pathlib import Path

import pytest

from truckstream.local.rejected import LocalRejected
from truckstream.ports import RejectedRecord, RejectedStore
from truckstream.testing import MemoryRejected

BACKENDS: dict[str, Callable[[Path], RejectedStore]] = {
    "memory": lambda _: MemoryRejected(),
    "local": lambda folder: LocalRejected(folder / "rejected.db"),
}


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> RejectedStore:
    return BACKENDS[request.param](tmp_path)


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


def test_putting_nothing_is_fine(store: RejectedStore) -> None:
    store.put([])
    store.mark_redriven([])
    assert store.count() == 0
