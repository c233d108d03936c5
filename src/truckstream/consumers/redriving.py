"""Rejected records back onto the stream, in parts: what was placed is marked before the next part is taken."""

from collections.abc import Callable, Iterable
from itertools import batched

import msgspec

from truckstream.core.errors import Unavailable
from truckstream.ports import NotPlaced, OutgoingRecord, RecordSink, RejectedRecord, RejectedStore

AT_ONCE = 500
NO_RECORD = "source:"
"""Shard ids that begin so name a source whose row never was a record: no stream takes it."""


class Redriven(msgspec.Struct):
    """How many were put on the stream again, and how many never can be: too large, or no records at all."""

    placed: int = 0
    refused: int = 0


def redrive(
    rejected: RejectedStore,
    stream: RecordSink,
    records: Iterable[RejectedRecord],
    *,
    go_on: Callable[[], bool] = lambda: True,
) -> Redriven:
    """Put rejected records on the stream again, in their order; those that fail again are set aside again.

    Args:
        rejected: notes which were placed.
        stream: where they go.
        records: entries of `rejected`.
        go_on: asked before each part of 500.

    Raises:
        Unavailable: the stream does not take them now; those it took are marked.
    """
    done = Redriven()
    for part in batched(records, AT_ONCE):
        if not go_on():
            break
        sendable = [record for record in part if not record.shard_id.startswith(NO_RECORD)]
        done.refused += len(part) - len(sendable)
        results = stream.put([OutgoingRecord(record.partition_key or "-", record.payload) for record in sendable])
        placed = [record for record, result in zip(sendable, results, strict=True) if not isinstance(result, NotPlaced)]
        rejected.mark_redriven(placed)
        done.placed += len(placed)
        failures = [result for result in results if isinstance(result, NotPlaced)]
        done.refused += sum(not failure.retryable for failure in failures)
        later = next((failure for failure in failures if failure.retryable), None)
        if later is not None:
            raise Unavailable(
                f"{done.placed:,} records placed, then the stream took no more: {later.reason}",
                hint="Run it again: what was placed is marked, and not sent twice.",
            )
    return done
