"""What the stream has taken and the archive consumer has not written yet, kept up as the stream grows.

Read from where the archive consumer has read to: its window of half a minute, or more where no pipeline runs. Each
record is decoded once; what is archived meanwhile is dropped. Beyond `KEPT_POSITIONS` per shard the oldest are
dropped, too: they show again once a pipeline archives them.
"""

import threading
from collections import deque
from typing import Final, NamedTuple

from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.wire import DecodedMany, decode
from truckstream.local.stream import LocalStream

ARCHIVE: Final = "archive"
KEPT_POSITIONS: Final = 200_000
_READ_RECORDS: Final = 5_000


class _Row(NamedTuple):
    sequence_number: int
    place: int  # within the record
    arrival_ms: int
    position: Position


class LocalRecent:
    """`ports_viewing.RecentPositions` over the stream of this machine. Threads may share it."""

    def __init__(self, stream: LocalStream) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._rows: dict[str, deque[_Row]] = {shard.shard_id: deque(maxlen=KEPT_POSITIONS) for shard in stream.shards()}
        self._read: dict[str, int] = {}

    def recent(self, truck_id: str) -> ReceivedPositions:
        """Return the truck's positions that may not be in the archive yet."""
        found = ReceivedPositions([], [], [], [])
        with self._lock:
            for shard_id, rows in self._rows.items():
                self._catch_up(shard_id, rows)
                for row in rows:
                    if row.position.truck_id == truck_id:
                        found.positions.append(row.position)
                        found.sequence_numbers.append(row.sequence_number)
                        found.indexes.append(row.place)
                        found.arrivals_ms.append(row.arrival_ms)
        return found

    def _catch_up(self, shard_id: str, rows: deque[_Row]) -> None:
        archived = self._stream.checkpoint(ARCHIVE, shard_id) or 0
        while rows and rows[0].sequence_number <= archived:
            rows.popleft()
        # A record holds a position or more, and numbers are consecutive: what lies further back would be dropped again.
        after = max(self._read.get(shard_id, 0), archived, self._stream.tip(shard_id) - KEPT_POSITIONS)
        while records := self._stream.read(shard_id, after, _READ_RECORDS):
            for record in records:
                decoded = decode(record.data, record.arrival_ms)
                if not isinstance(decoded, DecodedMany):
                    rows.append(_Row(record.sequence_number, 0, record.arrival_ms, decoded))
                    continue
                for position, index in zip(decoded.positions, decoded.indexes, strict=True):
                    rows.append(_Row(record.sequence_number, index, record.arrival_ms, position))
            after = records[-1].sequence_number
        self._read[shard_id] = after
