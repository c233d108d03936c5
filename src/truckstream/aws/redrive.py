"""Rejected records back onto the stream, in parts: what was placed is marked before the next part is read."""

from collections.abc import Callable
from itertools import islice

import msgspec

from truckstream.core.errors import Unavailable
from truckstream.ports import NotPlaced, OutgoingRecord, RecordSink, RejectedStore

AT_ONCE = 500


class Redriven(msgspec.Struct):
    """How many were put on the stream again, and how many never can be (too large)."""

    placed: int = 0
    refused: int = 0


def redrive(
    rejected: RejectedStore, stream: RecordSink, *, limit: int | None = None, go_on: Callable[[], bool] = lambda: True
) -> Redriven:
    """Put waiting records on the stream again, in their order; those that fail again are set aside again.

    Args:
        rejected: where they wait.
        stream: where they go.
        limit: how many at most; None: all that wait now.
        go_on: asked before each part of 500.

    Raises:
        Unavailable: the stream does not take them now; those it took are marked.
    """
    done = Redriven()
    waiting = islice(rejected.list(), limit)
    while go_on() and (part := list(islice(waiting, AT_ONCE))):
        results = stream.put([OutgoingRecord(record.partition_key or "-", record.payload) for record in part])
        placed = [record for record, result in zip(part, results, strict=True) if not isinstance(result, NotPlaced)]
        rejected.mark_redriven(placed)
        done.placed += len(placed)
        failures = [result for result in results if isinstance(result, NotPlaced)]
        done.refused += sum(not failure.retryable for failure in failures)
        later = next((failure for failure in failures if failure.retryable), None)
        if later is not None:
            raise Unavailable(f"the stream took {len(placed)} of {len(part)} rejected records: {later.reason}")
    return done
