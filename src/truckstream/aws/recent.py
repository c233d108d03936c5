"""What Kinesis has taken in the last minutes: more than the archive consumer may still be holding.

The tail of every shard is read once and then kept up, whoever asks. An archive consumer that is further behind than
`KEPT_MS` leaves a gap in a truck's latest history until it has caught up; nothing is lost by that.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from truckstream.aws.stream import KinesisStream
from truckstream.consumers.recent import RecentRows
from truckstream.core.records import ReceivedPositions

KEPT_MS: Final = 300_000
KEPT_POSITIONS: Final = 200_000
CATCH_UP_EVERY_S: Final = 1.0
_SHARDS_EVERY_S: Final = 60.0
_READ_RECORDS: Final = 10_000


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
        self._rows = RecentRows(KEPT_POSITIONS)
        self._read: dict[str, int] = {}
        self._shards: list[str] = []
        self._listed_s = self._caught_up_s = float("-inf")

    def recent(self, truck_id: str) -> ReceivedPositions:
        """Return the truck's positions that may not be in the archive yet."""
        found = ReceivedPositions([], [], [], [])
        with self._lock:
            if self._monotonic() - self._caught_up_s >= self._every_s:
                self._catch_up()
            self._rows.find(truck_id, found)
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
                self._rows.add(records)
                after = records[-1].sequence_number
                self._read[shard_id] = after
        self._caught_up_s = now_s
        self._rows.drop_before(from_ms)
