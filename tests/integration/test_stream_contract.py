"""What the local stream promises its producers and readers."""

import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from truckstream.core.errors import InvalidSetting, StorageDamaged, Throttled
from truckstream.local import blocks
from truckstream.local.appending import ShardLimits
from truckstream.local.shards import ShardMap
from truckstream.local.stream import LocalStream
from truckstream.ports import NotPlaced, OutgoingRecord, Placed, StreamRecord
from truckstream.testing import MovableClock

HOUR_MS = 3_600_000
MAX_BYTES = 1024 * 1024


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(1_000)


@pytest.fixture
def stream(tmp_path: Path, clock: MovableClock) -> Iterator[LocalStream]:
    stream = LocalStream(tmp_path / "stream.db", clock=clock)
    yield stream
    stream.close()


@pytest.fixture
def one_shard(tmp_path: Path, clock: MovableClock) -> Iterator[LocalStream]:
    stream = LocalStream(tmp_path / "one.db", shard_count=1, clock=clock)
    yield stream
    stream.close()


def outgoing(count: int, *, trucks: int = 7, arrival_ms: int | None = None) -> list[OutgoingRecord]:
    return [OutgoingRecord(f"TRK-{number % trucks}", b"record %d" % number, arrival_ms) for number in range(count)]


def read_all(stream: LocalStream, limit: int = 100) -> list[StreamRecord]:
    found: list[StreamRecord] = []
    for shard in stream.shards():
        after = 0
        while records := stream.read(shard.shard_id, after, limit):
            assert len(records) <= limit
            found += records
            after = records[-1].sequence_number
    return found


def payloads(records: Sequence[StreamRecord]) -> list[bytes]:
    return [record.data for record in records]


def test_records_are_read_where_and_as_they_were_placed(stream: LocalStream) -> None:
    records = outgoing(500)
    placed = stream.put(records)
    by_place = {(record.shard_id, record.sequence_number): record for record in read_all(stream)}
    assert len(by_place) == 500
    shards = ShardMap(4)
    for record, result in zip(records, placed, strict=True):
        assert isinstance(result, Placed)
        read = by_place[result.shard_id, result.sequence_number]
        assert (read.partition_key, read.data, read.arrival_ms) == (record.partition_key, record.data, 1_000)
        assert shards.ordinal_of(result.shard_id) == shards.shard_for(record.partition_key)


def test_a_truck_s_records_keep_their_order(stream: LocalStream) -> None:
    for start in range(0, 300, 30):
        stream.put(outgoing(300)[start : start + 30])
    for truck in range(7):
        mine = [record for record in read_all(stream) if record.partition_key == f"TRK-{truck}"]
        assert payloads(mine) == [b"record %d" % number for number in range(truck, 300, 7)]
        numbers = [record.sequence_number for record in mine]
        assert numbers == sorted(set(numbers))


def test_sequence_numbers_are_never_used_twice(tmp_path: Path, clock: MovableClock) -> None:
    seen: set[int] = set()
    for _ in range(3):
        stream = LocalStream(tmp_path / "stream.db", clock=clock)
        numbers = {result.sequence_number for result in stream.put(outgoing(50)) if isinstance(result, Placed)}
        assert len(numbers) == 50
        assert not seen or min(numbers) > max(seen)
        seen |= numbers
        stream.trim(clock() + 25 * HOUR_MS)
        assert read_all(stream) == []
        stream.close()


def test_two_open_streams_share_one_numbering_and_see_each_other(tmp_path: Path, clock: MovableClock) -> None:
    first = LocalStream(tmp_path / "stream.db", clock=clock)
    second = LocalStream(tmp_path / "stream.db", clock=clock)
    results = [*first.put(outgoing(20)), *second.put(outgoing(20)), *first.put(outgoing(20))]
    numbers = [result.sequence_number for result in results if isinstance(result, Placed)]
    assert len(set(numbers)) == 60
    assert len(read_all(first)) == len(read_all(second)) == 60
    first.close()
    second.close()


def test_concurrent_callers_each_get_their_own_answers(stream: LocalStream) -> None:
    answers: dict[int, list[tuple[bytes, Placed | NotPlaced]]] = {}

    def produce(producer: int) -> None:
        records = [OutgoingRecord(f"P{producer}", b"%d-%d" % (producer, number)) for number in range(60)]
        answers[producer] = [
            (record.data, result)
            for start in range(0, 60, 3)
            for record, result in zip(records[start : start + 3], stream.put(records[start : start + 3]), strict=True)
        ]

    threads = [threading.Thread(target=produce, args=(producer,)) for producer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    by_place = {(record.shard_id, record.sequence_number): record.data for record in read_all(stream)}
    assert len(by_place) == 480
    for producer, mine in answers.items():
        numbers = []
        for data, result in mine:
            assert isinstance(result, Placed)
            assert by_place[result.shard_id, result.sequence_number] == data
            numbers.append(result.sequence_number)
        assert numbers == sorted(numbers), producer


def test_waiting_callers_share_a_commit(stream: LocalStream, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = []
    real = stream._store.append
    running, go_on = threading.Event(), threading.Event()

    def slow_first(encoded: Sequence[tuple[int, blocks.EncodedBlock]]) -> Sequence[int]:
        commits.append(sum(block.record_count for _, block in encoded))
        running.set()
        assert go_on.wait(30)
        return real(encoded)

    monkeypatch.setattr(stream._store, "append", slow_first)
    threads = [threading.Thread(target=stream.put, args=(outgoing(1),)) for _ in range(10)]
    threads[0].start()
    assert running.wait(30)
    for thread in threads[1:]:
        thread.start()
    while len(stream._commits._queue) < 9:
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert commits == [1, 9]


# --- records that cannot be placed ---


def test_a_record_at_the_size_limit_is_placed(stream: LocalStream) -> None:
    fits = OutgoingRecord("TRK-1", bytes(MAX_BYTES - 5))
    too_large = OutgoingRecord("TRK-1", bytes(MAX_BYTES - 4))
    small = OutgoingRecord("TRK-1", b"small")
    first, second, third = stream.put([fits, too_large, small])
    assert isinstance(first, Placed)
    assert isinstance(third, Placed)
    assert isinstance(second, NotPlaced)
    assert not second.retryable
    assert "1,048,577 bytes" in second.reason
    assert sorted(map(len, payloads(read_all(stream)))) == [5, MAX_BYTES - 5]


@pytest.mark.parametrize(
    ("key", "reason"), [("", "empty"), ("k" * 257, "longer than 256"), ("\ud800", "not valid Unicode")]
)
def test_unusable_partition_keys_are_refused_alone(stream: LocalStream, key: str, reason: str) -> None:
    bad, good = stream.put([OutgoingRecord(key, b"x"), OutgoingRecord("é" * 256, b"y")])
    assert isinstance(bad, NotPlaced)
    assert not bad.retryable
    assert reason in bad.reason
    assert isinstance(good, Placed)


def test_putting_nothing_is_fine(stream: LocalStream) -> None:
    assert list(stream.put([])) == []


def test_a_shard_s_limits_hold_back_all_later_records_of_a_truck(tmp_path: Path, clock: MovableClock) -> None:
    limits = ShardLimits(records_per_s=5, bytes_per_s=1000)
    stream = LocalStream(tmp_path / "limited.db", shard_count=1, clock=clock, limits=limits)
    records = [
        OutgoingRecord("A", bytes(900)),
        OutgoingRecord("B", bytes(200)),
        OutgoingRecord("B", b"small, but later than a refused one"),
        OutgoingRecord("A", b"small"),
    ]
    results = stream.put(records)
    assert [isinstance(result, Placed) for result in results] == [True, False, False, True]
    assert all(result.retryable for result in results if isinstance(result, NotPlaced))
    clock.advance(1_000)
    assert [isinstance(result, Placed) for result in stream.put([records[0]] * 7)] == [True] + [False] * 6
    clock.advance(1_000)
    results = stream.put([OutgoingRecord("A", b"")] * 7)
    assert [isinstance(result, Placed) for result in results] == [True] * 5 + [False] * 2
    stream.close()


def test_a_limited_shard_gives_five_reads_and_two_megabytes_a_second(tmp_path: Path, clock: MovableClock) -> None:
    stream = LocalStream(tmp_path / "limited.db", shard_count=1, clock=clock, limits=ShardLimits(bytes_per_s=10**9))
    shard_id = stream.shards()[0].shard_id
    stream.put([OutgoingRecord("A", bytes(1_000_000)) for _ in range(6)])
    for _ in range(5):
        assert stream.read(shard_id, 10**6, 1) == []
    with pytest.raises(Throttled):
        stream.read(shard_id, 0, 1)
    clock.advance(1_000)
    assert len(stream.read(shard_id, 0, 5)) == 5  # 5 MB at once: the next 2.4 s are paid for
    for _ in range(2):
        with pytest.raises(Throttled):
            stream.read(shard_id, 5, 1)
        clock.advance(1_000)
    clock.advance(1_000)
    assert len(stream.read(shard_id, 5, 1)) == 1
    stream.close()


def test_data_that_no_reader_could_take_is_an_error_at_once(stream: LocalStream) -> None:
    with pytest.raises(TypeError):
        stream.put([OutgoingRecord("TRK-1", "text")])  # type: ignore[arg-type]
    assert read_all(stream) == []


# --- reading ---


@given(
    puts=st.lists(st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=40)), max_size=12), max_size=8),
    limit=st.integers(1, 15),
    max_bytes=st.none() | st.integers(0, 100),
    small_blocks=st.booleans(),
)
@settings(
    deadline=None,
    max_examples=25,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_reading_gives_the_records_in_order_once(
    tmp_path_factory: pytest.TempPathFactory,
    puts: list[list[tuple[int, bytes]]],
    limit: int,
    max_bytes: int | None,
    *,
    small_blocks: bool,
) -> None:
    path = tmp_path_factory.mktemp("stream") / "stream.db"
    with pytest.MonkeyPatch.context() as patch:
        if small_blocks:
            patch.setattr(blocks, "BLOCK_RECORDS", 3)
            patch.setattr(blocks, "CACHED_RECORDS", 5)
        stream = LocalStream(path, shard_count=2, clock=lambda: 5)
        expected: dict[str, list[tuple[int, bytes]]] = {shard.shard_id: [] for shard in stream.shards()}
        for put in puts:
            records = [OutgoingRecord(f"k{key}", data) for key, data in put]
            for (_, data), result in zip(put, stream.put(records), strict=True):
                assert isinstance(result, Placed)
                expected[result.shard_id].append((result.sequence_number, data))
        for shard_id, wanted in expected.items():
            after, found = 0, []
            while records_read := stream.read(shard_id, after, limit, max_bytes):
                sizes = [len(record.data) for record in records_read]
                assert max_bytes is None or len(sizes) == 1 or sum(sizes) <= max_bytes
                found += [(record.sequence_number, record.data) for record in records_read]
                after = found[-1][0]
                unread = stream.behind(shard_id, after).records
                assert unread == len(wanted) - len(found)
            assert found == wanted
        stream.close()


def test_one_read_spans_many_small_commits(one_shard: LocalStream) -> None:
    for number in range(150):
        one_shard.put([OutgoingRecord("k", b"%d" % number)])
    found = one_shard.read(one_shard.shards()[0].shard_id, 2, 147)
    assert payloads(found) == [b"%d" % number for number in range(2, 149)]


def test_readers_share_the_records_and_what_they_decoded(stream: LocalStream) -> None:
    stream.put(outgoing(100))
    assert all(a is b for a, b in zip(read_all(stream, 7), read_all(stream, 50), strict=True))


def test_large_puts_are_cut_into_blocks(one_shard: LocalStream) -> None:
    one_shard.put(outgoing(4_500) + [OutgoingRecord("TRK-0", bytes(600_000))] * 2)
    spans = one_shard._store.spans_after(0, 0, 100)
    assert [span.last_sequence - span.first_sequence + 1 for span in spans] == [2000, 2000, 501, 1]
    assert len(read_all(one_shard, 1_000)) == 4_502


def test_the_cache_stays_within_its_bounds(one_shard: LocalStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CACHED_RECORDS", 100)
    for _ in range(20):
        one_shard.put(outgoing(30))
    assert one_shard._cache.record_count <= 100
    assert len(read_all(one_shard)) == 600
    assert one_shard._cache.record_count <= 100
    monkeypatch.setattr(blocks, "CACHED_BYTES", 10_000)
    one_shard.put(outgoing(30))
    assert one_shard._cache.record_count <= 60


def test_what_all_consumers_have_read_leaves_the_cache(one_shard: LocalStream) -> None:
    shard_id = one_shard.shards()[0].shard_id
    one_shard.register_consumer("a")
    one_shard.register_consumer("b")
    one_shard.put(outgoing(10))
    one_shard.put(outgoing(10))
    one_shard.save_checkpoint("a", shard_id, 20)
    assert one_shard._cache.record_count == 20
    one_shard.save_checkpoint("b", shard_id, 10)
    assert one_shard._cache.record_count == 10


@pytest.mark.parametrize("column", ["data", "last_sequence"])
def test_a_damaged_block_is_named_not_delivered(tmp_path: Path, clock: MovableClock, column: str) -> None:
    path = tmp_path / "stream.db"
    stream = LocalStream(path, shard_count=1, clock=clock)
    for _ in range(3):
        stream.put(outgoing(10))
    change = "zeroblob(length(data))" if column == "data" else "last_sequence + 1"
    stream._store._writer.execute(f"UPDATE blocks SET {column} = {change} WHERE first_sequence = 21")
    stream.close()
    stream = LocalStream(path, clock=clock)
    shard_id = stream.shards()[0].shard_id
    assert len(stream.read(shard_id, 0, 20)) == 20
    with pytest.raises(StorageDamaged, match=f"{shard_id}, records 21 to"):
        stream.read(shard_id, 20, 10)
    stream.close()


# --- positions ---


def test_each_iterator_type_starts_where_kinesis_would(one_shard: LocalStream) -> None:
    shard_id = one_shard.shards()[0].shard_id
    for arrival_ms in (100, 200, 200, 300):
        one_shard.put(outgoing(2, arrival_ms=arrival_ms))
    position_of = one_shard.position_of
    assert position_of(shard_id, "TRIM_HORIZON") == 0
    assert position_of(shard_id, "LATEST") == 8
    assert [position_of(shard_id, "AT_TIMESTAMP", timestamp_ms=ms) for ms in (0, 100, 101, 200, 300, 301)] == [
        0,
        0,
        2,
        2,
        6,
        8,
    ]
    assert position_of(shard_id, "AFTER_SEQUENCE_NUMBER", sequence_number=3) == 3
    assert position_of(shard_id, "AT_SEQUENCE_NUMBER", sequence_number=3) == 2


def test_positions_that_make_no_sense_are_refused(one_shard: LocalStream) -> None:
    shard_id = one_shard.shards()[0].shard_id
    one_shard.put(outgoing(3))
    for number in (0, -1, 4):
        with pytest.raises(InvalidSetting, match="between 1 and 3"):
            one_shard.position_of(shard_id, "AFTER_SEQUENCE_NUMBER", sequence_number=number)
    for kind in ("AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER", "YESTERDAY"):
        with pytest.raises(InvalidSetting, match=kind):
            one_shard.position_of(shard_id, kind)  # type: ignore[arg-type]
    with pytest.raises(InvalidSetting, match="no shard 'nowhere'"):
        one_shard.read("nowhere", 0, 1)


def test_at_timestamp_falls_inside_a_block(one_shard: LocalStream) -> None:
    shard_id = one_shard.shards()[0].shard_id
    one_shard.put([OutgoingRecord("k", b"", arrival_ms) for arrival_ms in (10, 30, 20, 40)])
    assert one_shard.position_of(shard_id, "AT_TIMESTAMP", timestamp_ms=20) == 1
    assert one_shard.position_of(shard_id, "AT_TIMESTAMP", timestamp_ms=31) == 3


def test_lag_counts_records_and_the_age_of_the_first_unread(one_shard: LocalStream) -> None:
    shard_id = one_shard.shards()[0].shard_id
    assert one_shard.behind(shard_id, 0) == (0, 0)
    one_shard.put(outgoing(10, arrival_ms=1_000))
    one_shard.put(outgoing(5, arrival_ms=4_000))
    assert one_shard.behind(shard_id, 0) == (15, 3_000)
    assert one_shard.behind(shard_id, 4) == (11, 3_000)
    assert one_shard.behind(shard_id, 10) == (5, 0)
    assert one_shard.behind(shard_id, 10, now_ms=6_000) == (5, 2_000)
    assert one_shard.behind(shard_id, 15, now_ms=6_000) == (0, 0)


def test_the_latest_arrival_is_kept_over_restarts_and_trimming(tmp_path: Path, clock: MovableClock) -> None:
    stream = LocalStream(tmp_path / "stream.db", clock=clock)
    assert stream.last_arrival_ms() == 0
    stream.put(outgoing(1, arrival_ms=90_000))
    stream.put(outgoing(1, arrival_ms=50_000))
    stream.trim(100 * HOUR_MS)
    stream.close()
    assert LocalStream(tmp_path / "stream.db", clock=clock).last_arrival_ms() == 90_000


def test_an_existing_stream_keeps_its_shard_count(tmp_path: Path, clock: MovableClock) -> None:
    LocalStream(tmp_path / "stream.db", shard_count=3, clock=clock).close()
    assert len(LocalStream(tmp_path / "stream.db", shard_count=8, clock=clock).shards()) == 3
    with pytest.raises(InvalidSetting):
        LocalStream(tmp_path / "other.db", shard_count=0, clock=clock)
    with pytest.raises(InvalidSetting):
        LocalStream(tmp_path / "other.db", retention_hours=0, clock=clock)
    assert not (tmp_path / "other.db").exists()


# --- checkpoints and retention ---


def test_checkpoints_never_move_back_and_survive_restarts(tmp_path: Path, clock: MovableClock) -> None:
    stream = LocalStream(tmp_path / "stream.db", shard_count=1, clock=clock)
    shard_id = stream.shards()[0].shard_id
    stream.put(outgoing(20))
    assert stream.checkpoint("archive", shard_id) is None
    stream.save_checkpoint("archive", shard_id, 12)
    stream.save_checkpoint("archive", shard_id, 7)
    stream.close()
    stream = LocalStream(tmp_path / "stream.db", clock=clock)
    assert stream.checkpoint("archive", shard_id) == 12
    assert stream.checkpoint("dashboard", shard_id) is None
    stream.close()


def test_a_checkpoint_beyond_the_end_counts_as_the_end(one_shard: LocalStream) -> None:
    """As after restoring the stream's file from an older copy."""
    shard_id = one_shard.shards()[0].shard_id
    one_shard.put(outgoing(5))
    one_shard.save_checkpoint("archive", shard_id, 1_000)
    assert one_shard.checkpoint("archive", shard_id) == 5


def test_trimming_keeps_what_a_consumer_has_not_read(one_shard: LocalStream) -> None:
    shard_id = one_shard.shards()[0].shard_id
    for _ in range(4):
        one_shard.put(outgoing(10, arrival_ms=0))
    one_shard.register_consumer("fast")
    one_shard.register_consumer("slow")
    assert one_shard.trim(25 * HOUR_MS) == 0
    one_shard.save_checkpoint("fast", shard_id, 40)
    one_shard.save_checkpoint("slow", shard_id, 25)
    assert one_shard.trim(24 * HOUR_MS) == 0
    assert one_shard.trim(25 * HOUR_MS) == 20
    assert one_shard.position_of(shard_id, "TRIM_HORIZON") == 20
    assert [record.sequence_number for record in one_shard.read(shard_id, 0, 3)] == [21, 22, 23]
    assert one_shard.behind(shard_id, 0).records == 20
    one_shard.forget_consumer("slow")
    assert one_shard.consumers() == {"fast"}
    assert one_shard.trim(25 * HOUR_MS) == 20


def test_trimming_as_kinesis_does_drops_the_unread(one_shard: LocalStream) -> None:
    shard_id = one_shard.shards()[0].shard_id
    one_shard.register_consumer("slow")
    one_shard.put(outgoing(10, arrival_ms=0))
    one_shard.put(outgoing(10, arrival_ms=2 * HOUR_MS))
    assert one_shard.trim(25 * HOUR_MS, keep_unread=False) == 10
    assert [record.sequence_number for record in one_shard.read(shard_id, 0, 1)] == [11]
    assert one_shard.trim(50 * HOUR_MS, keep_unread=False) == 10
    assert one_shard.position_of(shard_id, "TRIM_HORIZON") == one_shard.tip(shard_id) == 20


def test_trimming_gives_the_disk_space_back(tmp_path: Path, clock: MovableClock) -> None:
    path = tmp_path / "stream.db"
    stream = LocalStream(path, shard_count=1, clock=clock)
    chance = random.Random(1)
    noise = [OutgoingRecord("k", chance.randbytes(3_000), 0) for _ in range(200)]
    stream.put(noise)
    stream.close()
    before = path.stat().st_size
    stream = LocalStream(path, clock=clock)
    assert stream.trim(25 * HOUR_MS) == 200
    stream.close()
    assert before > 100_000
    assert path.stat().st_size < before / 4
