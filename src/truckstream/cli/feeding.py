"""Bringing a source's rows to the pipeline: pace, back-off, patience and a drained end."""

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from truckstream.cli.sources import RefusedRow, Source
from truckstream.core.content import place_by_content
from truckstream.core.errors import StorageFull, Unavailable
from truckstream.ports import NotPlaced, OutgoingRecord, Placed, RecordSink, RejectedRecord, RejectedStore

if TYPE_CHECKING:
    from truckstream.local.runtime import Pipeline

# A consumer or stream that cannot get on for this long (a full disk) ends the command with its error.
PATIENCE_S = 5.0
_PAUSE_S = 0.05
# Without a clock to keep, large batches: a thousand trucks cost one write each per batch, not per position.
ROWS_PER_STEP = 40_000


def now_ms() -> int:
    """Return the wall clock: arrival times of live records, windows and back-off; never event time."""
    return time.time_ns() // 1_000_000


class Pacer:
    """Splits rows so that their arrival times pass at `factor` times real time."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._origin: tuple[float, int] | None = None

    def due(self, records: Sequence[OutgoingRecord]) -> Iterator[tuple[float, Sequence[OutgoingRecord]]]:
        """Yield (seconds to wait, records to place then), in file order."""
        start = 0
        while start < len(records):
            arrival_ms = records[start].arrival_ms or 0
            if self._origin is None:
                self._origin = time.monotonic(), arrival_ms
            began_s, began_ms = self._origin
            # Rows within a tenth of a second of wall time go together.
            limit_ms = arrival_ms + 100 * self._factor
            end = start + 1
            while end < len(records) and (records[end].arrival_ms or 0) <= limit_ms:
                end += 1
            yield (
                began_s + (arrival_ms - began_ms) / 1000 / self._factor - time.monotonic(),
                records[start:end],
            )
            start = end


def put_rows(sink: RecordSink, rejected: RejectedStore, source: Source) -> Iterator[int]:
    """Put a source's rows on the stream as fast as it goes; yield the number of rows after each chunk."""
    for chunk in source.chunks():
        records = records_of(chunk, rejected, source.name)
        place(sink, rejected, source.name, records)
        yield len(chunk)


def feed(pipeline: "Pipeline", source: Source) -> Iterator[int]:
    """Put a source's rows through the pipeline as fast as it goes; yield the number of rows after each chunk."""
    waiting = 0
    for count in put_rows(pipeline, pipeline.stores.rejected, source):
        waiting += count
        if waiting >= ROWS_PER_STEP:
            step(pipeline, flush=True)
            waiting = 0
        yield count


def feed_paced(pipeline: "Pipeline", source: Source, pacer: Pacer) -> Iterator[int]:
    """Put a source's rows through the pipeline as they become due; yield the number of rows after each chunk."""
    for chunk in source.chunks():
        records = records_of(chunk, pipeline.stores.rejected, source.name)
        for wait_s, part in pacer.due(records):
            while wait_s > 0:
                nap = min(wait_s, 0.2)
                time.sleep(nap)
                wait_s -= nap
                pipeline.poll(now_ms())
            place(pipeline, pipeline.stores.rejected, source.name, part)
            step(pipeline)
        yield len(chunk)


def records_of(
    chunk: Sequence[OutgoingRecord | RefusedRow], rejected: RejectedStore, name: str
) -> list[OutgoingRecord]:
    """Return the records among the rows; the refused ones are kept with their reason."""
    refused = [row for row in chunk if type(row) is RefusedRow]
    if refused:
        rejected.put([rejected_row(name, row) for row in refused])
    return [row for row in chunk if type(row) is OutgoingRecord]


def place(sink: RecordSink, rejected: RejectedStore, name: str, records: Sequence[OutgoingRecord]) -> int:
    """Append the records, retrying for a while what the stream would take later; return how many it never takes.

    Those go to the rejected store. Raises Unavailable with the last reason when nothing was taken for `PATIENCE_S`.
    """
    rest, refused = records, 0
    deadline = time.monotonic() + PATIENCE_S
    pause_s = _PAUSE_S
    while rest:
        results = sink.put(rest)
        if set(map(type, results)) == {Placed}:  # nearly always
            break
        left = [(record, result) for record, result in zip(rest, results, strict=True) if type(result) is NotPlaced]
        never = [(record, result.reason) for record, result in left if not result.retryable]
        rejected.put([_never_placed(name, record, reason) for record, reason in never])
        refused += len(never)
        if len(left) < len(rest):  # some were taken: it goes on, only slowly
            deadline, pause_s = time.monotonic() + PATIENCE_S, _PAUSE_S
        rest = [record for record, result in left if result.retryable]
        if rest:
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"the stream takes no records: {left[-1][1].reason}",
                    hint="Send more slowly, or give the stream more shards: 'truckstream plan' says how many it needs.",
                )
            time.sleep(pause_s)
            pause_s = min(1.0, pause_s * 2)
    return refused


def step(pipeline: "Pipeline", *, flush: bool = False) -> None:
    """Poll once; while a consumer cannot get on, wait for it, at most `PATIENCE_S`."""
    pipeline.poll(now_ms(), flush=flush)
    if pipeline.failure() is not None:
        _wait_for_consumers(pipeline, flush=flush)


def drain(pipeline: "Pipeline") -> None:
    """Let every consumer read to the end of the stream and the archive write its last files."""
    pipeline.poll(now_ms(), flush=True)
    while not pipeline.drained:
        if pipeline.failure() is not None:
            _wait_for_consumers(pipeline, flush=True)
        pipeline.poll(now_ms(), flush=True)


def rejected_row(name: str, row: RefusedRow) -> RejectedRecord:
    """Return the entry for a row that never reached the stream.

    Its content is part of its place: the same file, or standard input, may bring another row there tomorrow.
    """
    return RejectedRecord(
        f"source:{name}", row.row, place_by_content(row.payload), row.reason, row.payload, row.arrival_ms
    )


def _never_placed(name: str, record: OutgoingRecord, reason: str) -> RejectedRecord:
    place = place_by_content(record.data)
    return RejectedRecord(f"source:{name}", place, 0, reason, record.data, record.arrival_ms or 0, record.partition_key)


def _wait_for_consumers(pipeline: "Pipeline", *, flush: bool) -> None:
    """Poll until the consumers get on; raise their retryable error when nothing moves for `PATIENCE_S`.

    Errors that are not retryable end by themselves: the records go to the rejected store.
    """
    deadline, left = 0.0, -1
    while (error := pipeline.failure()) is not None:
        now_left = sum(lag.records for lag in pipeline.lags().values())
        if now_left != left:
            deadline, left = time.monotonic() + PATIENCE_S, now_left
        if error.retryable and (isinstance(error, StorageFull) or time.monotonic() > deadline):
            raise error
        time.sleep(_PAUSE_S)
        pipeline.poll(now_ms(), flush=flush)
