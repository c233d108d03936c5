"""One look at a growing stream for several readers: whoever reads meanwhile finds the same end.

Consumers that are polled one after the other get the same batches this way, also while another process
appends; what is in memory for the first is then still there for the others.
"""

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from truckstream.local.mapping import StreamReader
from truckstream.local.shards import ShardInfo
from truckstream.local.stream import Lag, LocalStream, StartingPosition
from truckstream.ports import StreamRecord

_sequence_number = attrgetter("sequence_number")


class Snapshot(StreamReader):
    """A stream up to where it reached at the last `renew`; positions and checkpoints are the stream's own."""

    def __init__(self, stream: LocalStream) -> None:
        self._stream = stream
        self.renew()

    def renew(self) -> None:
        """Let readers see what has been appended since."""
        stream = self._stream
        self._ends = {shard.shard_id: stream.tip(shard.shard_id) for shard in stream.shards()}

    def read(self, shard_id: str, after: int, limit: int, max_bytes: int | None = None) -> Sequence[StreamRecord]:
        """Return the next records that were there at the last `renew`; see `LocalStream.read`."""
        end = self._ends[shard_id]
        if after >= end:
            return []
        records = self._stream.read(shard_id, after, limit, max_bytes)
        if records and records[-1].sequence_number > end:
            return records[: bisect_right(records, end, key=_sequence_number)]
        return records

    def shards(self) -> Sequence[ShardInfo]:
        """Return the shards."""
        return self._stream.shards()

    def position_of(
        self,
        shard_id: str,
        kind: StartingPosition,
        *,
        sequence_number: int | None = None,
        timestamp_ms: int | None = None,
    ) -> int:
        """Return the sequence number after which reading goes on."""
        return self._stream.position_of(shard_id, kind, sequence_number=sequence_number, timestamp_ms=timestamp_ms)

    def behind(self, shard_id: str, after: int, *, now_ms: int | None = None) -> Lag:
        """Return how far a reader is behind the stream itself."""
        return self._stream.behind(shard_id, after, now_ms=now_ms)

    def register_consumer(self, consumer: str) -> None:
        """Make a consumer known."""
        self._stream.register_consumer(consumer)

    def checkpoint(self, consumer: str, shard_id: str) -> int | None:
        """Return up to where the consumer has read."""
        return self._stream.checkpoint(consumer, shard_id)

    def save_checkpoint(self, consumer: str, shard_id: str, sequence_number: int) -> None:
        """Note up to where the consumer has read."""
        self._stream.save_checkpoint(consumer, shard_id, sequence_number)
