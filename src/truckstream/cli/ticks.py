"""What `run` puts on the stream at each step, on either backend."""

from collections.abc import Callable, Sequence

from truckstream.cli.paced import PacedSource
from truckstream.ports import OutgoingRecord, RejectedStore

type Tick = Callable[[int], Sequence[OutgoingRecord]]
"""Returns the records that are due at an instant, in ms since the epoch."""


def paced_tick(paced: PacedSource, rejected: RejectedStore) -> Tick:
    """Return the step of a source at its own pace; rows that are no records go to the rejected store."""

    def tick(at_ms: int) -> Sequence[OutgoingRecord]:
        records, refused = paced.tick(at_ms)
        if refused:
            rejected.put(refused)
        return records

    return tick


def no_records(at_ms: int) -> Sequence[OutgoingRecord]:
    """Return none: somebody else feeds the stream."""
    del at_ms
    return ()
