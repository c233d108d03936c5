"""The shards of a Kinesis stream, in the order in which their records must be read.

A split or merged shard is closed, and its children go on with its hash keys: a key's records are in order
only when parents are read before their children.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class KinesisShard(msgspec.Struct, frozen=True):
    """A shard, the hash keys it owns (both ends inclusive), and what it was split or merged from.

    `closed`: it takes no more records; its children do.
    """

    shard_id: str
    starting_hash: int
    ending_hash: int
    parents: tuple[str, ...] = ()
    closed: bool = False


def shard_of(entry: Mapping[str, Any]) -> KinesisShard:
    """Return the shard of an entry of ListShards."""
    hashes, sequences = entry["HashKeyRange"], entry["SequenceNumberRange"]
    parents = (entry.get("ParentShardId"), entry.get("AdjacentParentShardId"))
    return KinesisShard(
        entry["ShardId"],
        int(hashes["StartingHashKey"]),
        int(hashes["EndingHashKey"]),
        tuple(parent for parent in parents if parent),
        bool(sequences.get("EndingSequenceNumber")),
    )


def in_order(shards: Sequence[KinesisShard]) -> Sequence[KinesisShard]:
    """Return parents before their children; parents that are gone with their last record count as read."""
    by_id = {shard.shard_id: shard for shard in shards}
    generations: dict[str, int] = {}

    def generation(shard: KinesisShard) -> int:
        if shard.shard_id not in generations:
            parents = [by_id[parent] for parent in shard.parents if parent in by_id]
            generations[shard.shard_id] = 1 + max(map(generation, parents), default=-1)
        return generations[shard.shard_id]

    return sorted(shards, key=lambda shard: (generation(shard), shard.starting_hash, shard.shard_id))
