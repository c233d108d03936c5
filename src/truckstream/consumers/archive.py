"""The archive consumer: every position of a batch to a file of its event date, every bad record set aside."""

from truckstream.consumers.archive_keys import live_key
from truckstream.consumers.decoding import Decoder, decode_alone
from truckstream.core.instants import DAY_MS, date_of
from truckstream.core.records import ReceivedPositions
from truckstream.ports import ArchiveFormat, ArchiveStore, Batch, BatchResult, RejectedStore


class ArchiveConsumer:
    """Writes one file per event date of a batch. A retried batch overwrites its own files.

    A store that fails fails the whole batch: the error goes up and the stream delivers the batch again.
    """

    def __init__(
        self, archive: ArchiveStore, format: ArchiveFormat, rejected: RejectedStore, *, decode: Decoder = decode_alone
    ) -> None:
        self._archive = archive
        self._format = format
        self._rejected = rejected
        self._decode = decode

    def __call__(self, batch: Batch) -> BatchResult:
        """Archive the batch; returns only when all of it is durable."""
        decoded = self._decode(batch)
        if decoded.rejected:
            self._rejected.put(decoded.rejected)
        first, last = batch.records[0].sequence_number, batch.records[-1].sequence_number
        for date, rows_of_date in _by_date(decoded.received):
            key = live_key(date, batch.shard_id, first, last)
            self._archive.put(key, self._format.write_received(rows_of_date))
        return BatchResult()


def _by_date(rows: ReceivedPositions) -> list[tuple[str, ReceivedPositions]]:
    """Return the rows of each event date, dates ascending."""
    days = [position.timestamp_ms // DAY_MS for position in rows.positions]
    if not days:
        return []
    if min(days) == max(days):
        return [(date_of(days[0] * DAY_MS), rows)]
    places: dict[int, list[int]] = {}
    for place, day in enumerate(days):
        places.setdefault(day, []).append(place)
    return [(date_of(day * DAY_MS), _chosen(rows, places[day])) for day in sorted(places)]


def _chosen(rows: ReceivedPositions, places: list[int]) -> ReceivedPositions:
    return ReceivedPositions(
        [rows.positions[place] for place in places],
        [rows.sequence_numbers[place] for place in places],
        [rows.indexes[place] for place in places],
        [rows.arrivals_ms[place] for place in places],
    )
