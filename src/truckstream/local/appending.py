"""Before records are appended: each is checked, and sorted to its shard.

The checks are those of Kinesis: a record of at most 1 MiB with its key, a partition key of 1 to 256
characters, and, when asked for, the rate one shard takes.
"""

import threading
from collections.abc import Sequence

import msgspec

from truckstream.consumers.record_limits import (
    MAX_PARTITION_KEY_CHARACTERS,
    SURELY_FITTING_BYTES,
    refusal_of,
    size_bytes,
)
from truckstream.core.errors import Throttled
from truckstream.local.blocks import Columns
from truckstream.local.shards import ShardMap
from truckstream.ports import NotPlaced, OutgoingRecord, Placed

_TOO_FAST = NotPlaced("the shard's rate is exceeded: slow down", retryable=True)
_UNANSWERED = NotPlaced("not committed", retryable=True)


class ShardLimits(msgspec.Struct, frozen=True):
    """What one shard takes and gives within a second; the defaults are a Kinesis shard's."""

    records_per_s: int = 1000
    bytes_per_s: int = 1024 * 1024
    reads_per_s: int = 5
    read_bytes_per_s: int = 2 * 1024 * 1024


class ReadMeter:
    """Counts the reads of each shard in the current second, and holds a shard back until what it gave is paid for.

    One read may give more than a second's bytes, as with Kinesis; the next ones wait then.
    """

    def __init__(self, limits: ShardLimits) -> None:
        self._limits = limits
        self._second = -1
        self._reads: dict[int, int] = {}
        self._paid_ms: dict[int, float] = {}
        self._lock = threading.Lock()

    def admit(self, shard: int, now_ms: int) -> None:
        """Count a read. Raises Throttled when the shard has none left."""
        with self._lock:
            if now_ms // 1000 != self._second:
                self._second, self._reads = now_ms // 1000, {}
            reads = self._reads.get(shard, 0) + 1
            if reads > self._limits.reads_per_s or now_ms < self._paid_ms.get(shard, 0):
                raise Throttled("the shard's reads are exceeded: slow down")
            self._reads[shard] = reads

    def charge(self, shard: int, size_bytes: int, now_ms: int) -> None:
        """Note how much a read gave."""
        with self._lock:
            paid_ms = max(float(now_ms // 1000 * 1000), self._paid_ms.get(shard, 0.0))
            self._paid_ms[shard] = paid_ms + size_bytes * 1000 / self._limits.read_bytes_per_s


class ShardMeter:
    """Counts what each shard took in the current second of the stream's clock."""

    def __init__(self, limits: ShardLimits) -> None:
        self._limits = limits
        self._second = -1
        self._records: dict[int, int] = {}
        self._bytes: dict[int, int] = {}
        self._lock = threading.Lock()

    def admit(self, shard: int, size_bytes: int, now_ms: int) -> bool:
        """Count a record, or answer False when the shard has no room for it in this second."""
        with self._lock:
            if now_ms // 1000 != self._second:
                self._second = now_ms // 1000
                self._records, self._bytes = {}, {}
            records = self._records.get(shard, 0) + 1
            size = self._bytes.get(shard, 0) + size_bytes
            if records > self._limits.records_per_s or size > self._limits.bytes_per_s:
                return False
            self._records[shard], self._bytes[shard] = records, size
            return True


class ShardPart(msgspec.Struct):
    """The records of one `put` that belong to one shard, and their places in it."""

    places: list[int]
    columns: Columns


class Append:
    """One caller's `put`: records by shard, and the answer per record, filled in after the commit."""

    __slots__ = ("answers", "parts")

    def __init__(self, record_count: int) -> None:
        self.parts: dict[int, ShardPart] = {}
        self.answers: list[Placed | NotPlaced] = [_UNANSWERED] * record_count

    def answer(self, shard: int, shard_id: str, first_sequence: int) -> int:
        """Answer the records of a shard with consecutive sequence numbers; return the next free one."""
        answers = self.answers
        places = self.parts[shard].places
        for sequence_number, place in enumerate(places, first_sequence):
            answers[place] = Placed(shard_id, sequence_number)
        return first_sequence + len(places)


def sort_to_shards(
    records: Sequence[OutgoingRecord], shards: ShardMap, now_ms: int, meter: ShardMeter | None
) -> Append:
    """Return the records by shard; those refused are answered already.

    When a record is refused for the rate, later ones of its key are too, so that their order holds.
    """
    append = Append(len(records))
    held_back: set[str] = set()
    parts: dict[int, tuple[list[int], list[int], list[str], list[bytes]]] = {}
    shard_for = shards.shard_for
    for place, record in enumerate(records):
        key, data, arrival_ms = record.partition_key, record.data, record.arrival_ms
        if not 0 < len(key) <= MAX_PARTITION_KEY_CHARACTERS or len(data) > SURELY_FITTING_BYTES:
            refusal = refusal_of(key, data)
            if refusal is not None:
                append.answers[place] = refusal
                continue
        try:
            shard = shard_for(key)
        except UnicodeEncodeError:
            append.answers[place] = refusal_of(key, data) or _UNANSWERED
            continue
        if meter is not None and (key in held_back or not meter.admit(shard, size_bytes(key, data), now_ms)):
            held_back.add(key)
            append.answers[place] = _TOO_FAST
            continue
        part = parts.get(shard)
        if part is None:
            part = parts[shard] = ([], [], [], [])
        part[0].append(place)
        part[1].append(now_ms if arrival_ms is None else arrival_ms)
        part[2].append(key)
        part[3].append(data)
    for shard, (places, arrivals_ms, keys, payloads) in parts.items():
        if set(map(type, payloads)) != {bytes} or set(map(type, arrivals_ms)) != {int}:
            raise TypeError("a record's data must be bytes and its arrival_ms int: no reader could take others")
        append.parts[shard] = ShardPart(places, Columns(arrivals_ms, keys, payloads))
    return append
