from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.errors import InvalidSetting
from truckstream.local.shards import HASH_SPACE, ShardMap, hash_key, shard_name, split_evenly


def test_four_shards_have_the_ranges_kinesis_gives_them() -> None:
    assert [(shard.starting_hash, shard.ending_hash) for shard in split_evenly(4)] == [
        (0, 85070591730234615865843651857942052863),
        (85070591730234615865843651857942052864, 170141183460469231731687303715884105727),
        (170141183460469231731687303715884105728, 255211775190703847597530955573826158591),
        (255211775190703847597530955573826158592, 340282366920938463463374607431768211455),
    ]


def test_an_uneven_split_rounds_down_as_kinesis_does() -> None:
    assert [shard.starting_hash for shard in split_evenly(3)] == [
        0,
        113427455640312821154458202477256070485,
        226854911280625642308916404954512140970,
    ]


@given(st.integers(1, 1000))
@settings(deadline=None, max_examples=50, database=None)
def test_shards_cover_the_hash_space_without_gaps(shard_count: int) -> None:
    shards = split_evenly(shard_count)
    assert shards[0].starting_hash == 0
    assert shards[-1].ending_hash == HASH_SPACE - 1
    for left, right in pairwise(shards):
        assert right.starting_hash == left.ending_hash + 1


@given(st.text(min_size=1, max_size=256).filter(lambda key: key.isascii()), st.integers(1, 64))
@settings(deadline=None, max_examples=200, database=None)
def test_a_key_goes_to_the_shard_that_owns_its_hash(key: str, shard_count: int) -> None:
    shards = ShardMap(shard_count)
    owner = shards.shards[shards.shard_for(key)]
    assert owner.starting_hash <= hash_key(key) <= owner.ending_hash
    assert shards.shard_for(key) == shards.shard_for(key)


def test_the_hash_is_the_md5_as_a_big_endian_number() -> None:
    assert hash_key("") == 0xD41D8CD98F00B204E9800998ECF8427E
    assert hash_key("TRK-é") == hash_key("TRK-\u00e9")


def test_memory_for_keys_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("truckstream.local.shards.MEMO_KEYS", 100)
    shards = ShardMap(4)
    expected = [ShardMap(4).shard_for(f"key-{number}") for number in range(1000)]
    assert [shards.shard_for(f"key-{number}") for number in range(1000)] == expected
    assert len(shards._memo) <= 100


@pytest.mark.parametrize("shard_count", [0, -1, 1001])
def test_impossible_shard_counts_are_refused(shard_count: int) -> None:
    with pytest.raises(InvalidSetting, match="1 to 1000"):
        split_evenly(shard_count)


def test_an_unknown_shard_id_is_refused_with_the_known_ones() -> None:
    shards = ShardMap(2)
    assert shards.ordinal_of(shard_name(1)) == 1
    with pytest.raises(InvalidSetting) as caught:
        shards.ordinal_of("shardId-000000000009")
    assert "shardId-000000000000 to shardId-000000000001" in caught.value.hint
