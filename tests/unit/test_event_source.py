"""The event source mapping loses nothing whatever a consumer does; Lambda's rules: test_event_source_conformance."""

from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.event_source import OK, Observed, always_ok, fails_first, latest, number_of, poison, put

from truckstream.core.errors import InvalidSetting, StorageFull, TruckstreamError, Unavailable
from truckstream.local.event_source import EventSource, MappingSettings, PollResult
from truckstream.local.rejected import LocalRejected
from truckstream.local.stream import LocalStream
from truckstream.ports import Batch, BatchResult, OutgoingRecord, RejectedRecord


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("event-source") / "stream.db"


@pytest.fixture(scope="module")
def stream(path: Path) -> Iterator[LocalStream]:
    stream = LocalStream(path, shard_count=1, clock=lambda: 0)
    yield stream
    stream.close()


# --- when a batch is made ---


def test_the_window_waits_for_a_batch_to_fill(stream: LocalStream) -> None:
    observed = Observed(stream, always_ok, latest(batch_size=5, window_ms=1_000))
    assert observed.source.next_due_ms() is None
    observed.now_ms = 10_000
    put(stream, 2)
    assert observed.source.next_due_ms() == 0
    assert observed.poll() == PollResult()
    assert observed.source.next_due_ms() == 11_000
    assert not observed.source.drained
    put(stream, 1)
    observed.now_ms = 10_999
    assert observed.poll().batches == 0
    observed.now_ms = 11_000
    assert observed.poll() == PollResult(delivered=3, batches=1)
    put(stream, 5)
    assert observed.poll() == PollResult(delivered=5, batches=1)
    put(stream, 1)
    assert observed.poll() == PollResult()
    assert observed.poll(flush=True) == PollResult(delivered=1, batches=1)


def test_a_batch_is_cut_before_it_grows_too_large(stream: LocalStream) -> None:
    observed = Observed(stream, always_ok, latest(max_batch_bytes=250, window_ms=10**9))
    put(stream, 3, size=100)
    put(stream, 2, size=100)
    assert observed.poll() == PollResult(delivered=2, batches=1)
    assert observed.poll() == PollResult(delivered=2, batches=1)
    assert observed.poll() == PollResult()
    put(stream, 2, size=1_000)
    observed.poll()
    observed.poll()
    observed.poll(flush=True)
    assert observed.invocations == [[1, 2], [3, 1], [2], [1], [2]]


def test_waits_double_up_to_the_longest_and_start_anew_after_success(stream: LocalStream) -> None:
    mapping = latest(bisect_on_error=False, retry_attempts=-1, backoff_ms=(100, 500))
    observed = Observed(stream, fails_first(5, ValueError()), mapping)
    put(stream, 1)
    observed.run()
    assert observed.times_ms == [0, 100, 300, 700, 1_200, 1_700]
    assert observed.source.last_error is None


def test_polling_early_does_not_shorten_a_wait(stream: LocalStream) -> None:
    observed = Observed(stream, fails_first(1, ValueError("x")), latest(backoff_ms=(100, 500)))
    put(stream, 1)
    observed.poll()
    observed.now_ms = 99
    assert observed.poll(flush=True) == PollResult()
    assert isinstance(observed.source.last_error, ValueError)
    observed.now_ms = 100
    assert observed.poll() == PollResult(delivered=1, batches=1)


def test_records_past_their_age_are_given_up_untried(stream: LocalStream) -> None:
    observed = Observed(stream, always_ok, latest(max_record_age_ms=500))
    observed.now_ms = 1_000
    put(stream, 5, arrivals_ms=[100, 900, 499, 500, 1_000])
    assert observed.poll() == PollResult(delivered=3, batches=1, discarded=2)
    assert observed.invocations == [[2, 4, 5]]
    assert [number_of(record) for record in observed.rejected] == [1, 3]
    assert "older than 500 ms" in observed.rejected[0].reason
    put(stream, 1, arrivals_ms=[0])
    assert observed.poll() == PollResult(discarded=1)
    assert observed.source.drained


def test_records_that_age_while_waiting_are_given_up(stream: LocalStream) -> None:
    mapping = latest(max_record_age_ms=1_000, retry_attempts=-1, backoff_ms=(300, 300))
    observed = Observed(stream, poison(1), mapping)
    put(stream, 1)
    observed.run()
    assert len(observed.rejected) == 1
    assert observed.times_ms == [0, 300, 600, 900]


def test_a_rejected_record_is_whole_and_says_why(stream: LocalStream) -> None:
    observed = Observed(stream, poison(1), latest(retry_attempts=1))
    put(stream, 1, arrivals_ms=[7])
    observed.run()
    (record,) = observed.rejected
    assert (record.index, record.payload, record.arrival_ms, record.partition_key) == (-1, b"1", 7, "k")
    assert record.reason == f"{observed.name} gave up after 2 tries: ValueError: cannot digest"


def test_a_full_rejected_store_holds_the_shard_not_the_record(stream: LocalStream) -> None:
    kept: list[RejectedRecord] = []
    full = True

    def keep(records: Sequence[RejectedRecord]) -> None:
        if full:
            raise StorageFull("no room for rejected records")
        kept.extend(records)

    observed = Observed(stream, poison(1), latest(retry_attempts=0))
    source = EventSource(stream, observed.name, observed._consume, observed.mapping, keep)
    put(stream, 2)
    for now_ms in range(0, 100_000, 5_000):
        source.poll(now_ms)
    assert isinstance(source.last_error, StorageFull)
    assert not source.drained
    assert observed.invocations == [[1, 2], [1]]
    full = False
    for now_ms in range(200_000, 300_000, 50_000):
        source.poll(now_ms)
    assert [number_of(record) for record in kept] == [1]
    assert observed.invocations == [[1, 2], [1], [2]]
    assert source.drained


def test_the_rejected_store_itself_can_be_the_destination(stream: LocalStream, tmp_path: Path) -> None:
    store = LocalRejected(tmp_path / "rejected.db")
    observed = Observed(stream, poison(1), latest(retry_attempts=0))
    source = EventSource(stream, observed.name, observed._consume, observed.mapping, store)
    put(stream, 1)
    assert source.poll(0) == PollResult(batches=1, failed_batches=1, discarded=1)
    assert store.count() == 1
    store.close()


def test_stopping_the_process_passes_through_and_loses_nothing(stream: LocalStream) -> None:
    def interrupted(batch: Batch, invocation: int) -> BatchResult:
        if invocation == 1:
            raise KeyboardInterrupt
        return OK

    observed = Observed(stream, interrupted, latest())
    put(stream, 2)
    with pytest.raises(KeyboardInterrupt):
        observed.poll()
    assert observed.poll() == PollResult(delivered=2, batches=1)


# --- several shards, positions, restarts ---


def test_a_failing_shard_does_not_hold_up_the_others(tmp_path: Path) -> None:
    stream = LocalStream(tmp_path / "stream.db", shard_count=4, clock=lambda: 0)
    stream.put([OutgoingRecord(f"TRK-{number}", b"%d" % number) for number in range(40)])
    sick = stream.shards()[2].shard_id
    seen: list[str] = []

    def consumer(batch: Batch) -> BatchResult:
        seen.append(batch.shard_id)
        if batch.shard_id == sick:
            raise StorageFull("sick")
        return OK

    source = EventSource(stream, "c", consumer, MappingSettings(batch_size=3), lambda records: None)
    for _ in range(20):
        source.poll(0)
    lag = source.lag()
    assert lag[sick].records > 0
    assert all(lag[shard_id].records == 0 for shard_id in lag if shard_id != sick)
    assert seen.count(sick) == 1
    stream.close()


def test_latest_means_the_day_the_mapping_was_made(stream: LocalStream) -> None:
    observed = Observed(stream, always_ok, latest())
    put(stream, 3)
    observed.restart()
    observed.run()
    assert observed.invocations == [[1, 2, 3]]


def test_at_timestamp_begins_with_the_first_record_of_that_time(stream: LocalStream) -> None:
    put(stream, 3, arrivals_ms=[10**9, 10**9 + 1, 10**9 + 2])
    mapping = latest(starting_position="AT_TIMESTAMP", starting_timestamp_ms=10**9 + 1)
    observed = Observed(stream, always_ok, mapping)
    observed.run()
    assert observed.invocations == [[2, 3]]


def test_unread_records_lost_to_retention_do_not_block_draining(tmp_path: Path) -> None:
    stream = LocalStream(tmp_path / "stream.db", shard_count=1, clock=lambda: 0)
    source = EventSource(stream, "c", lambda batch: OK, MappingSettings(), lambda records: None)
    put(stream, 3)
    stream.trim(25 * 3_600_000, keep_unread=False)
    assert source.drained
    assert source.next_due_ms() is None
    stream.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"window_ms": -1},
        {"max_batch_bytes": 0},
        {"retry_attempts": -2},
        {"max_record_age_ms": -2},
        {"backoff_ms": (10, 5)},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    (name,) = wrong
    with pytest.raises(InvalidSetting, match=name):
        MappingSettings(**wrong)  # type: ignore[arg-type]


# --- whatever happens ---


class Deed(NamedTuple):
    """One step of the world: put records, poll, or start the mapping anew."""

    kind: str
    amount: int


DEEDS = st.lists(
    st.builds(Deed, st.sampled_from(["put", "poll", "poll", "poll", "restart"]), st.integers(1, 9)), max_size=40
)
MOODS = st.lists(st.sampled_from(["ok", "ok", "ok", "whole", "partial", "foreign", "full"]), max_size=30)


@given(
    deeds=DEEDS,
    moods=MOODS,
    bad=st.sets(st.integers(1, 60), max_size=4),
    batch_size=st.integers(1, 10),
    bisect=st.booleans(),
    partial=st.booleans(),
    retry_attempts=st.integers(0, 3),
)
@settings(deadline=None, max_examples=60, database=None)
def test_every_record_is_delivered_in_order_or_rejected(
    stream: LocalStream,
    deeds: list[Deed],
    moods: list[str],
    bad: set[int],
    batch_size: int,
    retry_attempts: int,
    *,
    bisect: bool,
    partial: bool,
) -> None:
    numbers = count(1)
    accepted: list[int] = []  # numbers of records in the order their delivery succeeded
    handled: set[int] = set()
    shard_id = stream.shards()[0].shard_id
    sequences: dict[int, int] = {}  # number -> sequence number
    mood = iter(moods)

    def consume(batch: Batch, invocation: int) -> BatchResult:
        mine = [number_of(record) for record in batch.records]
        assert mine == list(range(mine[0], mine[0] + len(mine)))  # no gap, in order
        now = next(mood, "ok")
        if now == "full":
            raise StorageFull("for now")
        if now == "whole" or bad & set(mine):
            raise ValueError("no")
        if now == "foreign":
            return BatchResult(1)
        if now == "partial":
            stop = len(mine) // 2
            handled.update(mine[:stop])
            accepted.extend(mine[:stop])
            return BatchResult(batch.records[stop].sequence_number)
        handled.update(mine)
        accepted.extend(mine)
        return OK

    mapping = latest(
        batch_size=batch_size,
        bisect_on_error=bisect,
        partial_answers=partial,
        retry_attempts=retry_attempts,
        backoff_ms=(0, 0),
    )
    observed = Observed(stream, consume, mapping)

    def check() -> None:
        checkpoint = stream.checkpoint(observed.name, shard_id)
        assert checkpoint is not None
        done = handled | {number_of(record) for record in observed.rejected}
        assert all(number in done for number, sequence in sequences.items() if sequence <= checkpoint)

    for deed in deeds:
        if deed.kind == "put":
            new = [next(numbers) for _ in range(deed.amount)]
            answers = stream.put([OutgoingRecord("k", b"%d" % number, 0) for number in new])
            sequences.update({n: a.sequence_number for n, a in zip(new, answers, strict=True)})  # type: ignore[union-attr]
        elif deed.kind == "poll":
            observed.poll()
        else:
            observed.restart()
        check()
    observed.run(most_polls=2_000)
    check()
    rejected = {number_of(record) for record in observed.rejected}
    assert handled | rejected == set(sequences)
    assert bad & set(sequences) <= rejected
    firsts = list(dict.fromkeys(accepted))
    assert firsts == sorted(firsts)  # nothing is delivered for the first time out of order
    stream.forget_consumer(observed.name)


def test_the_loop_survives_every_error_of_ours(stream: LocalStream) -> None:
    for error in TruckstreamError.__subclasses__():
        instance = TruckstreamError.__new__(error)
        instance.args = ("scripted",)
        observed = Observed(stream, fails_first(1, instance), latest())
        put(stream, 2)
        observed.run()
        assert observed.rejected == []
        assert sorted(chain.from_iterable(observed.invocations[1:])) == [1, 2]


@pytest.mark.parametrize("call", ["save_checkpoint", "read"])
def test_a_stream_that_answers_again_is_no_trouble_any_more(
    stream: LocalStream, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Also when no further record comes."""
    observed = Observed(stream, always_ok, latest())
    put(stream, 1)
    working = getattr(stream, call)
    fail_once = iter([True])

    def failing(*arguments: object) -> object:
        if next(fail_once, False):
            raise Unavailable("busy")
        return working(*arguments)

    if call == "read":
        observed.poll()
    monkeypatch.setattr(stream, call, failing)
    observed.poll()
    assert isinstance(observed.source.last_error, Unavailable)
    observed.now_ms += 1_000
    observed.poll()
    assert observed.source.last_error is None
    assert observed.invocations == [[1]]
    assert observed.source.drained
