"""The Kinesis adapter when AWS does not take what it is given: throttling, partial answers, outages."""

import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.aws_faults import EXPIRED, THROTTLED, AwsFaults, Chooser, PartialPuts, share_of_records
from tests.support.aws_parts import STREAM, moto_session

from truckstream.aws.backoff import Backoff
from truckstream.aws.put_records import MAX_REQUEST_BYTES, Sending
from truckstream.aws.session import AwsSession, AwsSettings
from truckstream.aws.stream import KinesisStream
from truckstream.consumers.record_limits import size_bytes
from truckstream.core.errors import Denied, InvalidSetting, MissingPart, Throttled, TruckstreamError, Unavailable
from truckstream.ports import NotPlaced, OutgoingRecord, Placed
from truckstream.testing import MovableClock


class Waits:
    """Stands in for time: waits are noted, and the clock moves on by them."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.waits_s: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.now_s += seconds

    def monotonic(self) -> float:
        return self.now_s

    def backoff(self, attempts: int = 10) -> Backoff:
        return Backoff(attempts, rng=random.Random(1), sleep=self.sleep)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def session() -> Iterator[AwsSession]:
    with moto_session(shard_count=2) as made:
        yield made


@pytest.fixture
def faults(session: AwsSession) -> AwsFaults:
    return AwsFaults(session.client("kinesis"))


@pytest.fixture
def stream(session: AwsSession, faults: AwsFaults, waits: Waits) -> KinesisStream:
    return stream_on(session, waits)


def stream_on(session: AwsSession, waits: Waits, attempts: int = 10) -> KinesisStream:
    return KinesisStream(session, backoff=waits.backoff(attempts), monotonic=waits.monotonic, sleep=waits.sleep)


def outgoing(count: int, keys: int = 5) -> list[OutgoingRecord]:
    return [OutgoingRecord(f"TRK-{number % keys}", b"%d" % number) for number in range(count)]


def on_stream(stream: KinesisStream) -> dict[str, list[bytes]]:
    """Return what the stream holds, by key, in order."""
    found: dict[str, list[bytes]] = {}
    for shard in stream.shards():
        after = 0
        while part := stream.read(shard.shard_id, after, 10_000):
            for record in part:
                found.setdefault(record.partition_key, []).append(record.data)
            after = part[-1].sequence_number
    return found


def last_copies(payloads: Sequence[bytes]) -> list[bytes]:
    """Return the payloads in the order of their last copies."""
    return sorted(set(payloads), key=lambda data: max(at for at, each in enumerate(payloads) if each == data))


def assert_all_there_in_order(stream: KinesisStream, records: Sequence[OutgoingRecord]) -> None:
    found = on_stream(stream)
    for key in {record.partition_key for record in records}:
        assert last_copies(found[key]) == [record.data for record in records if record.partition_key == key]


# --- partial answers ---


def test_order_and_count_hold_when_a_third_of_records_fail(session: AwsSession, waits: Waits) -> None:
    partial = PartialPuts(session.client("kinesis"), share_of_records(0.3, seed=7))
    stream = stream_on(session, waits)
    records = outgoing(700, keys=40)
    answers = stream.put(records)
    assert all(isinstance(answer, Placed) for answer in answers)
    assert_all_there_in_order(stream, records)
    assert len(partial.requests) > 2


def test_one_truck_alone_gets_through_without_many_second_copies(session: AwsSession, waits: Waits) -> None:
    PartialPuts(session.client("kinesis"), share_of_records(0.3, seed=3))
    stream = stream_on(session, waits)
    records = outgoing(120, keys=1)
    assert all(isinstance(answer, Placed) for answer in stream.put(records))
    assert_all_there_in_order(stream, records)
    assert len(on_stream(stream)["TRK-0"]) < 3 * 120


def test_only_failed_records_and_their_followers_are_sent_again(session: AwsSession, waits: Waits) -> None:
    partial = PartialPuts(session.client("kinesis"), lambda _: {2})
    stream = stream_on(session, waits)
    refused_once = _first_only(partial)
    partial.choose = refused_once
    records = [OutgoingRecord(key, b"%d" % number) for number, key in enumerate("abacabc")]
    assert all(isinstance(answer, Placed) for answer in stream.put(records))
    sent = [[(entry["PartitionKey"], entry["Data"]) for entry in request] for request in partial.requests]
    assert sent[1:] == [[("a", b"2")], [("a", b"4")]]
    assert on_stream(stream)["a"] == [b"0", b"4", b"2", b"4"]


def _first_only(partial: PartialPuts) -> Chooser:
    return lambda _: {2} if len(partial.requests) == 1 else set()


def test_answers_name_the_copies_that_are_in_order(session: AwsSession, waits: Waits) -> None:
    PartialPuts(session.client("kinesis"), share_of_records(0.4, seed=5))
    stream = stream_on(session, waits)
    records = outgoing(60, keys=3)
    places: dict[str, list[int]] = {}
    for record, answer in zip(records, stream.put(records), strict=True):
        assert isinstance(answer, Placed)
        places.setdefault(record.partition_key, []).append(answer.sequence_number)
    assert all(each == sorted(set(each)) for each in places.values())


def test_a_key_given_up_holds_back_all_its_later_records(session: AwsSession, waits: Waits) -> None:
    PartialPuts(
        session.client("kinesis"),
        lambda entries: {place for place, entry in enumerate(entries) if entry["Data"] == b"bad"},
    )
    stream = stream_on(session, waits, attempts=3)
    records = [OutgoingRecord("a", b"0"), OutgoingRecord("a", b"bad"), *outgoing(600), OutgoingRecord("a", b"later")]
    answers = stream.put(records)
    refused = [answer for answer in answers if isinstance(answer, NotPlaced)]
    assert isinstance(answers[0], Placed)
    assert [isinstance(answer, NotPlaced) for answer in (answers[1], answers[-1])] == [True, True]
    assert len(refused) == 2
    assert all(answer.retryable for answer in refused)
    assert THROTTLED in refused[0].reason
    assert "earlier record" in refused[1].reason
    assert on_stream(stream)["a"] == [b"0"]


def test_waits_grow_with_full_jitter_up_to_their_ceiling(session: AwsSession, waits: Waits) -> None:
    PartialPuts(session.client("kinesis"), lambda entries: set(range(len(entries))))
    (answer,) = stream_on(session, waits, attempts=12).put(outgoing(1))
    assert isinstance(answer, NotPlaced)
    ceilings_s = [min(5.0, 0.1 * 2**number) for number in range(11)]
    assert len(waits.waits_s) == 11
    assert all(0 <= wait <= ceiling for wait, ceiling in zip(waits.waits_s, ceilings_s, strict=True))
    assert max(waits.waits_s) > 1


@given(
    st.lists(st.sampled_from("abc"), max_size=40),
    st.integers(0, 2**32),
    st.sampled_from([0.1, 0.5, 0.9]),
    st.integers(1, 4),
)
def test_whatever_fails_each_key_is_a_prefix_in_order(keys: str, seed: int, share: float, attempts: int) -> None:
    """Requests fail in part, whole, or lose their answer; no server is needed to say what was taken."""
    rng = random.Random(seed)
    taken: list[tuple[str, bytes]] = []

    def request(entries: list[dict[str, object]]) -> list[dict[str, object]]:
        if rng.random() < share / 3:
            raise Throttled("scripted")
        results: list[dict[str, object]] = []
        for entry in entries:
            if rng.random() < share:
                results.append({"ErrorCode": THROTTLED, "ErrorMessage": ""})
            else:
                taken.append((str(entry["PartitionKey"]), bytes(entry["Data"])))  # type: ignore[call-overload]
                results.append({"ShardId": "s", "SequenceNumber": str(len(taken))})
        if rng.random() < share / 3:
            raise Unavailable("the answer was lost")
        return results

    records = [OutgoingRecord(key, b"%d" % number) for number, key in enumerate(keys)]
    answers = Sending(records, request, Backoff(attempts, sleep=lambda _: None)).run()
    for key in set(keys):
        own = [(record.data, answer) for record, answer in zip(records, answers, strict=True) if answer]
        own = [each for each, record in zip(own, records, strict=True) if record.partition_key == key]
        placed = [isinstance(answer, Placed) for _, answer in own]
        assert placed == sorted(placed, reverse=True)
        numbers = [answer.sequence_number for _, answer in own if isinstance(answer, Placed)]
        assert numbers == sorted(numbers)
        for data, answer in own:
            if isinstance(answer, Placed):
                assert taken[answer.sequence_number - 1] == (key, data)


# --- limits ---


def test_requests_stay_within_count_and_size_limits(session: AwsSession, waits: Waits) -> None:
    partial = PartialPuts(session.client("kinesis"), lambda _: set())
    stream = stream_on(session, waits)
    large = [OutgoingRecord(f"k{number}", bytes(1024 * 1024 - 2)) for number in range(6)]
    stream.put(large + outgoing(1_200))
    assert [len(request) for request in partial.requests] == [5, 500, 500, 201]
    for request in partial.requests:
        sizes = [size_bytes(entry["PartitionKey"], entry["Data"]) for entry in request]
        assert sum(sizes) <= MAX_REQUEST_BYTES


@pytest.mark.parametrize(
    "record",
    [
        OutgoingRecord("", b"x"),
        OutgoingRecord("k" * 257, b"x"),
        OutgoingRecord("\ud800", b"x"),
        OutgoingRecord("ü", bytes(1024 * 1024 - 1)),
    ],
    ids=["empty key", "long key", "broken key", "too large with its key"],
)
def test_what_kinesis_can_never_take_is_not_sent(
    stream: KinesisStream, faults: AwsFaults, record: OutgoingRecord
) -> None:
    before, refused, after = stream.put([OutgoingRecord("k", b"1"), record, OutgoingRecord("k", b"2")])
    assert isinstance(refused, NotPlaced)
    assert not refused.retryable
    assert isinstance(before, Placed)
    assert isinstance(after, Placed)
    assert faults.calls == ["PutRecords"]


def test_largest_record_with_its_key_is_taken(stream: KinesisStream) -> None:
    (answer,) = stream.put([OutgoingRecord("ü", bytes(1024 * 1024 - 2))])
    assert isinstance(answer, Placed)


def test_payloads_that_are_no_bytes_are_our_mistake(stream: KinesisStream) -> None:
    with pytest.raises(TypeError):
        stream.put([OutgoingRecord("k", "text")])  # type: ignore[arg-type]


# --- whole requests failing ---


@pytest.mark.parametrize(
    ("code", "status"), [(THROTTLED, 400), ("InternalFailure", 500), ("ServiceUnavailable", 503), ("Odd", 500)]
)
def test_requests_refused_for_now_are_sent_again(
    stream: KinesisStream, faults: AwsFaults, waits: Waits, code: str, status: int
) -> None:
    faults.fail("PutRecords", code, status=status, times=3)
    records = outgoing(20)
    assert all(isinstance(answer, Placed) for answer in stream.put(records))
    assert faults.calls == ["PutRecords"] * 4
    assert len(waits.waits_s) == 3
    assert on_stream(stream) == {
        f"TRK-{key}": [record.data for record in records if record.partition_key == f"TRK-{key}"] for key in range(5)
    }


def test_timeouts_are_tried_again(stream: KinesisStream, faults: AwsFaults) -> None:
    faults.time_out("PutRecords", times=2)
    records = outgoing(10)
    assert all(isinstance(answer, Placed) for answer in stream.put(records))
    assert_all_there_in_order(stream, records)


def test_a_lost_answer_leaves_second_copies_in_order(stream: KinesisStream, faults: AwsFaults) -> None:
    faults.lose_answer("PutRecords")
    records = outgoing(10, keys=2)
    assert all(isinstance(answer, Placed) for answer in stream.put(records))
    assert_all_there_in_order(stream, records)
    assert sum(len(each) for each in on_stream(stream).values()) == 20


def test_an_outage_answers_every_record_and_ends_soon(stream: KinesisStream, faults: AwsFaults) -> None:
    faults.pass_on("PutRecords")
    faults.time_out("PutRecords", times=1000)
    records = [OutgoingRecord(f"TRK-{number}", b"x") for number in range(2_000)]
    answers = stream.put([*records, OutgoingRecord("", b"")])
    assert [isinstance(answer, Placed) for answer in answers] == [True] * 500 + [False] * 1_501
    assert all(isinstance(answer, NotPlaced) and answer.retryable for answer in answers[500:-1])
    assert isinstance(answers[-1], NotPlaced)
    assert not answers[-1].retryable
    assert len(faults.calls) == 11


def test_expired_credentials_stop_at_once_and_say_so(stream: KinesisStream, faults: AwsFaults) -> None:
    faults.fail("PutRecords", EXPIRED, times=9)
    with pytest.raises(Denied, match="expired") as caught:
        stream.put(outgoing(3))
    assert "Renew" in caught.value.hint
    assert faults.calls == ["PutRecords"]


def test_credentials_expiring_half_way_answer_the_rest(stream: KinesisStream, faults: AwsFaults) -> None:
    faults.pass_on("PutRecords")
    faults.fail("PutRecords", EXPIRED, times=9)
    answers = stream.put(outgoing(700))
    assert [isinstance(answer, Placed) for answer in answers] == [True] * 500 + [False] * 200
    last = answers[-1]
    assert isinstance(last, NotPlaced)
    assert last.retryable
    assert "expired" in last.reason


def test_missing_permission_is_named(stream: KinesisStream, faults: AwsFaults) -> None:
    faults.fail("PutRecords", "AccessDeniedException")
    with pytest.raises(Denied, match=f"kinesis:PutRecords on stream {STREAM}"):
        stream.put(outgoing(1))


def test_a_stream_that_does_not_exist_names_its_variable(waits: Waits) -> None:
    with moto_session() as session, pytest.raises(InvalidSetting, match="STREAM_NAME"):
        stream_on(session, waits).put(outgoing(1))
    with pytest.raises(MissingPart, match="STREAM_NAME"):
        KinesisStream(AwsSession(AwsSettings(stream_name="")))


# --- reading ---


def test_reading_goes_on_after_expired_iterators(stream: KinesisStream, faults: AwsFaults) -> None:
    stream.put(outgoing(20, keys=1))
    (shard,) = [each for each in stream.shards() if stream.read(each.shard_id, 0, 1)]
    found = list(stream.read(shard.shard_id, 0, 8))
    faults.fail("GetRecords", "ExpiredIteratorException")
    found += stream.read(shard.shard_id, found[-1].sequence_number, 100)
    assert [record.data for record in found] == [record.data for record in outgoing(20, keys=1)]


def test_reading_waits_out_throttling_and_then_gives_up(stream: KinesisStream, faults: AwsFaults, waits: Waits) -> None:
    stream.put(outgoing(3, keys=1))
    shard_ids = [shard.shard_id for shard in stream.shards()]
    for operation in ("GetRecords", "GetShardIterator", "ListShards"):
        faults.fail(operation, THROTTLED if operation != "ListShards" else "LimitExceededException", times=2)
    assert sum(len(stream.read(shard_id, 0, 10)) for shard_id in shard_ids) == 3
    assert len(stream.shards()) == 2
    faults.time_out("GetShardIterator", times=50)
    with pytest.raises(Unavailable):
        stream.read(shard_ids[0], 1, 10)
    assert faults.calls.count("GetShardIterator") < 30


def test_a_shard_is_read_five_times_a_second_at_most(stream: KinesisStream, faults: AwsFaults, waits: Waits) -> None:
    stream.put(outgoing(30, keys=1))
    (shard,) = [each for each in stream.shards() if stream.read(each.shard_id, 0, 1)]
    started_s, calls = waits.now_s, len(faults.calls)
    after = 0
    while part := stream.read(shard.shard_id, after, 3):
        after = part[-1].sequence_number
    reads = faults.calls[calls:].count("GetRecords")
    assert reads == 11
    assert waits.now_s - started_s == pytest.approx(reads / 5, abs=0.21)


def test_reading_with_a_byte_limit_skips_nothing(stream: KinesisStream) -> None:
    records = [OutgoingRecord("k", bytes([number]) * 100) for number in range(12)]
    stream.put(records)
    found: list[bytes] = []
    for shard in stream.shards():
        after = 0
        while part := stream.read(shard.shard_id, after, 10, max_bytes=250):
            assert len(part) <= 2
            found += [record.data for record in part]
            after = part[-1].sequence_number
    assert found == [record.data for record in records]


def test_lag_tells_one_record_from_many(session: AwsSession, waits: Waits) -> None:
    clock = MovableClock()
    stream = KinesisStream(session, clock=clock, monotonic=waits.monotonic, sleep=waits.sleep)
    stream.put(outgoing(3, keys=1))
    (shard,) = [each for each in stream.shards() if stream.read(each.shard_id, 0, 1)]
    records = stream.read(shard.shard_id, 0, 10)
    clock.now_ms = records[-1].arrival_ms + 5_000
    assert stream.tip(shard.shard_id) == records[-1].sequence_number
    assert stream.last_arrival_ms() == records[-1].arrival_ms
    assert stream.behind(shard.shard_id, 0).records is None
    assert stream.behind(shard.shard_id, records[1].sequence_number) == (1, 5_000)
    assert stream.behind(shard.shard_id, records[2].sequence_number) == (0, 0)


def test_errors_of_the_reader_are_ours(stream: KinesisStream, faults: AwsFaults) -> None:
    faults.fail("ListShards", "AccessDeniedException")
    with pytest.raises(TruckstreamError, match="kinesis:ListShards"):
        stream.shards()
