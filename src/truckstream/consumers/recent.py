"""Positions lately on the stream, in memory: each record is decoded once, and what is too old is dropped."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.wire import DecodedMany, decode
from truckstream.ports import StreamRecord


class _Row(NamedTuple):
    sequence_number: int
    place: int  # within the record
    arrival_ms: int
    position: Position


class RecentRows:
    """Positions in the order they were added; beyond `most` the oldest are dropped. For one thread at a time."""

    def __init__(self, most: int) -> None:
        self._rows: deque[_Row] = deque(maxlen=most)

    def add(self, records: Sequence[StreamRecord]) -> None:
        """Take the positions of these records; bad ones are left out."""
        for record in records:
            decoded = decode(record.data, record.arrival_ms)
            if not isinstance(decoded, DecodedMany):
                self._rows.append(_Row(record.sequence_number, 0, record.arrival_ms, decoded))
                continue
            for position, index in zip(decoded.positions, decoded.indexes, strict=True):
                self._rows.append(_Row(record.sequence_number, index, record.arrival_ms, position))

    def drop_through(self, sequence_number: int) -> None:
        """Drop from the oldest on what has this sequence number or a lower one: rows of one shard, ascending."""
        while self._rows and self._rows[0].sequence_number <= sequence_number:
            self._rows.popleft()

    def drop_before(self, arrival_ms: int) -> None:
        """Drop what arrived before this instant, in ms since the epoch."""
        if any(row.arrival_ms < arrival_ms for row in self._rows):
            kept = [row for row in self._rows if row.arrival_ms >= arrival_ms]
            self._rows.clear()
            self._rows.extend(kept)

    def find(self, truck_id: str, found: ReceivedPositions) -> None:
        """Append the truck's positions to `found`."""
        for row in self._rows:
            if row.position.truck_id == truck_id:
                found.positions.append(row.position)
                found.sequence_numbers.append(row.sequence_number)
                found.indexes.append(row.place)
                found.arrivals_ms.append(row.arrival_ms)
