"""What Kinesis has taken in the last minutes: more than the archive consumer may still be holding.

The tail of every shard is read once and then kept up, whoever asks. An archive consumer that is further behind than
`KEPT_MS` leaves a gap in a truck's latest history until it has caught up; nothing is lost by that.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from truckstream.aws.stream import KinesisStream
from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.wire import DecodedMany, decode

KEPT_MS: Final = 300_000
KEPT_POSITIONS: Final = 200_000
CATCH_UP_EVERY_S: Final = 1.0
_SHARDS_EVERY_S: Final = 60.0
_READ_RECORDS: Final = 10_000


class _Row(NamedTuple):
    sequence_number: int
    place: int  # within the record
    arrival_ms: int
    position: Position


class AwsRecent:
    """`ports_viewing.RecentPositions` over a Kinesis stream. Threads may share it.

    Args:
        stream: a reader of its own: nobody else may read with it.
        clock: milliseconds since the epoch.
        monotonic: seconds.
        every_s: how often, at most, the stream is asked.
    """

    def __init__(
        self,
        stream: KinesisStream,
        clock: Callable[[], int],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        every_s: float = CATCH_UP_EVERY_S,
    ) -> None:
        self._stream, self._clock, self._monotonic, self._every_s = stream, clock, monotonic, every_s
        self._lock = threading.Lock()
        self._rows: deque[_Row] = deque(maxlen=KEPT_POSITIONS)
        self._read: dict[str, int] = {}
        self._shards: list[str] = []
        self._listed_s = self._caught_up_s = float("-inf")

    def recent(self, truck_id: str) -> ReceivedPositions:
        """Return the truck's positions that may not be in the archive yet."""
        found = ReceivedPositions([], [], [], [])
        with self._lock:
            if self._monotonic() - self._caught_up_s >= self._every_s:
                self._catch_up()
            for row in self._rows:
                if row.position.truck_id == truck_id:
                    found.positions.append(row.position)
                    found.sequence_numbers.append(row.sequence_number)
                    found.indexes.append(row.place)
                    found.arrivals_ms.append(row.arrival_ms)
        return found

    def _catch_up(self) -> None:
        now_s, from_ms = self._monotonic(), self._clock() - KEPT_MS
        if now_s - self._caught_up_s > KEPT_MS / 1000:
            # Nobody asked for that long: what lies between would be dropped again, and may be trimmed by now.
            self._read.clear()
        if now_s - self._listed_s > _SHARDS_EVERY_S:
            self._shards = [shard.shard_id for shard in self._stream.shards()]
            self._listed_s = now_s
        for shard_id in self._shards:
            after = self._read.get(shard_id, 0)
            while records := self._stream.read(shard_id, after, _READ_RECORDS, from_ms=from_ms):
                for record in records:
                    decoded = decode(record.data, record.arrival_ms)
                    if not isinstance(decoded, DecodedMany):
                        decoded = DecodedMany([decoded], [0], [])
                    for position, index in zip(decoded.positions, decoded.indexes, strict=True):
                        self._rows.append(_Row(record.sequence_number, index, record.arrival_ms, position))
                after = records[-1].sequence_number
                self._read[shard_id] = after
        self._caught_up_s = now_s
        if any(row.arrival_ms < from_ms for row in self._rows):
            kept = [row for row in self._rows if row.arrival_ms >= from_ms]
            self._rows = deque(kept, maxlen=KEPT_POSITIONS)
