"""Rows that never reach the stream: each is kept whole, once."""

import zlib
from collections.abc import Sequence

import pytest

from truckstream.cli.feeding import place, records_of
from truckstream.cli.sources import RefusedRow
from truckstream.ports import NotPlaced, OutgoingRecord, Placed
from truckstream.testing import MemoryRejected

ALIKE = (b"x|plumless", b"x|buckeroo")  # with the same CRC-32


class NeverTakes:
    """A stream that takes no record that begins with x."""

    def put(self, records: Sequence[OutgoingRecord]) -> list[Placed | NotPlaced]:
        return [
            NotPlaced("too large", retryable=False) if record.data.startswith(b"x") else Placed("shard-0", number)
            for number, record in enumerate(records)
        ]


@pytest.mark.parametrize("times", [1, 2])
def test_every_record_the_stream_never_takes_is_kept_once(times: int) -> None:
    assert zlib.crc32(ALIKE[0]) == zlib.crc32(ALIKE[1])
    rejected = MemoryRejected()
    records = [OutgoingRecord("TRK-1", data, 1_000) for data in (*ALIKE, b"good")]
    for _ in range(times):
        assert place(NeverTakes(), rejected, "day.csv", records) == 2
    kept = list(rejected.list())
    assert sorted(record.payload for record in kept) == sorted(ALIKE)
    assert {(record.shard_id, record.reason, record.partition_key) for record in kept} == {
        ("source:day.csv", "too large", "TRK-1")
    }


def test_another_row_at_the_same_place_of_a_source_is_kept_as_well() -> None:
    rejected = MemoryRejected()
    for payload in (*ALIKE, ALIKE[0]):
        assert records_of([RefusedRow(7, "not JSON", payload, 1_000)], rejected, "-") == []
    assert sorted(record.payload for record in rejected.list()) == sorted(ALIKE)
