"""What the stream has taken and the archive consumer has not written yet, kept up as the stream grows.

Read from where the archive consumer has read to: its window of half a minute, or more where no pipeline runs. Each
record is decoded once; what is archived meanwhile is dropped. Beyond `KEPT_POSITIONS` per shard the oldest are
dropped, too: they show again once a pipeline archives them.
"""

import threading
from typing import Final

from truckstream.consumers.recent import RecentRows
from truckstream.core.records import ReceivedPositions
from truckstream.local.stream import LocalStream

ARCHIVE: Final = "archive"
KEPT_POSITIONS: Final = 200_000
_READ_RECORDS: Final = 5_000


class LocalRecent:
    """`ports_viewing.RecentPositions` over the stream of this machine. Threads may share it."""

    def __init__(self, stream: LocalStream) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._rows = {shard.shard_id: RecentRows(KEPT_POSITIONS) for shard in stream.shards()}
        self._read: dict[str, int] = {}

    def recent(self, truck_id: str) -> ReceivedPositions:
        """Return the truck's positions that may not be in the archive yet."""
        found = ReceivedPositions([], [], [], [])
        with self._lock:
            for shard_id, rows in self._rows.items():
                self._catch_up(shard_id, rows)
                rows.find(truck_id, found)
        return found

    def _catch_up(self, shard_id: str, rows: RecentRows) -> None:
        archived = self._stream.checkpoint(ARCHIVE, shard_id) or 0
        rows.drop_through(archived)
        # A record holds a position or more, and numbers are consecutive: what lies further back would be dropped again.
        after = max(self._read.get(shard_id, 0), archived, self._stream.tip(shard_id) - KEPT_POSITIONS)
        while records := self._stream.read(shard_id, after, _READ_RECORDS):
            rows.add(records)
            after = records[-1].sequence_number
        self._read[shard_id] = after
