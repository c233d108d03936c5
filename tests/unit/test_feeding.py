"""Rows on their way to the stream: each that it never takes is kept whole, once, and each that it takes counts once."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from truckstream.cli.feeding import place, records_of
from truckstream.cli.sources import RefusedRow
from truckstream.local.directory import DataDirectory
from truckstream.local.runtime import Pipeline
from truckstream.local.stores import LocalStores
from truckstream.ports import NotPlaced, OutgoingRecord, Placed
from truckstream.testing import MemoryRejected, MovableClock

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


def test_records_that_shard_limits_turn_away_count_once_they_are_taken(tmp_path: Path) -> None:
    clock = MovableClock(1_705_314_600_000)
    with LocalStores(DataDirectory(tmp_path), clock=clock, shard_limits=True) as stores:
        pipeline = Pipeline(stores)
        records = [OutgoingRecord("TRK-1", b"%d" % n) for n in range(1_200)]
        results = pipeline.put(records)
        assert pipeline.records == 1_000
        clock.advance(1_000)
        pipeline.put([record for record, result in zip(records, results, strict=True) if isinstance(result, NotPlaced)])
        assert pipeline.records == stores.stream.record_count() == 1_200
