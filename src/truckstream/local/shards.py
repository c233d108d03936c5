"""Which shard a partition key belongs to, as Kinesis decides it.

The MD5 of the key is a 128-bit number; every shard owns a range of such numbers, ends inclusive. A stream
made with N shards splits the space as Kinesis does: equal widths rounded down, the last takes the rest.
"""

import hashlib
from typing import Final

import msgspec

from truckstream.core.errors import InvalidSetting

HASH_SPACE: Final = 2**128
MAX_SHARDS: Final = 1000  # far above what one machine can use; Kinesis allows thousands per account
MEMO_KEYS: Final = 65_536  # partition keys remembered; more than the trucks of a large fleet


class ShardInfo(msgspec.Struct, frozen=True):
    """A shard and the hash keys it owns, both ends inclusive."""

    shard_id: str
    starting_hash: int
    ending_hash: int


def shard_name(ordinal: int) -> str:
    """Return the id Kinesis gives to the shard of this number.

    >>> shard_name(3)
    'shardId-000000000003'
    """
    return f"shardId-{ordinal:012d}"


def split_evenly(shard_count: int) -> tuple[ShardInfo, ...]:
    """Return the shards of a new stream, in order of their hash ranges.

    Raises:
        InvalidSetting: `shard_count` is not between 1 and MAX_SHARDS.
    """
    if not 1 <= shard_count <= MAX_SHARDS:
        raise InvalidSetting(f"a stream has 1 to {MAX_SHARDS} shards, not {shard_count}")
    width = HASH_SPACE // shard_count
    starts = [ordinal * width for ordinal in range(shard_count)] + [HASH_SPACE]
    return tuple(
        ShardInfo(shard_name(ordinal), starts[ordinal], starts[ordinal + 1] - 1) for ordinal in range(shard_count)
    )


def hash_key(partition_key: str) -> int:
    """Return the 128-bit hash of a partition key.

    Raises:
        UnicodeEncodeError: the key is not valid Unicode (a lone surrogate).
    """
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


class ShardMap:
    """The shards of one stream, and the way from a partition key to its shard."""

    def __init__(self, shard_count: int) -> None:
        self.shards = split_evenly(shard_count)
        self._width = HASH_SPACE // shard_count
        self._last = shard_count - 1
        self._memo: dict[str, int] = {}
        self._ordinals = {shard.shard_id: ordinal for ordinal, shard in enumerate(self.shards)}

    def shard_for(self, partition_key: str) -> int:
        """Return the ordinal of the shard that owns the key. Raises UnicodeEncodeError as `hash_key` does."""
        ordinal = self._memo.get(partition_key)
        if ordinal is None:
            ordinal = min(hash_key(partition_key) // self._width, self._last)
            if len(self._memo) >= MEMO_KEYS:
                self._memo = {}
            self._memo[partition_key] = ordinal
        return ordinal

    def ordinal_of(self, shard_id: str) -> int:
        """Return the ordinal of a shard id.

        Raises:
            InvalidSetting: the stream has no such shard.
        """
        try:
            return self._ordinals[shard_id]
        except KeyError:
            raise InvalidSetting(
                f"the stream has no shard {shard_id!r}",
                hint=f"Its shards are {self.shards[0].shard_id} to {self.shards[-1].shard_id}.",
            ) from None
