"""What the pages see of Kinesis' tail and of the pipeline on AWS, and how often AWS is asked for it."""

import time
from collections.abc import Iterator, Sequence

import pytest
from tests.support.aws_faults import AwsFaults
from tests.support.aws_parts import SETTINGS, moto_session
from tests.support.dynamodb import GEOFENCES_TABLE, POSITIONS_TABLE

from truckstream.aws.health import AwsHealth
from truckstream.aws.position_feed import AwsPositionFeed
from truckstream.aws.recent import KEPT_MS, AwsRecent
from truckstream.aws.session import AwsSession
from truckstream.aws.stores import AwsStores
from truckstream.aws.stream import KinesisStream
from truckstream.core.errors import Unavailable
from truckstream.core.outliers import Track
from truckstream.core.records import Position, encode_position
from truckstream.core.status import Lag
from truckstream.core.wire import gzip_frame
from truckstream.ports import OutgoingRecord, RejectedRecord, StreamRecord
from truckstream.testing import MovableClock


@pytest.fixture
def session() -> Iterator[AwsSession]:
    with moto_session(shard_count=2, bucket=True) as made:
        made.client("dynamodb").create_table(TableName="truck-positions", **POSITIONS_TABLE)
        made.client("dynamodb").create_table(TableName="geofences", **GEOFENCES_TABLE)
        yield made


class Seconds:
    """A monotonic clock that moves by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def at(second: int, truck_id: str = "TRK-1") -> Position:
    return Position(truck_id, 1_705_314_600_000 + second * 1000, 47.0, 8.0)


def put(session: AwsSession, *positions: Position) -> None:
    records = [OutgoingRecord(each.truck_id, encode_position(each)) for each in positions]
    KinesisStream(session).put(records)


def recent_of(session: AwsSession, clock: MovableClock) -> AwsRecent:
    return AwsRecent(KinesisStream(session, sleep=lambda seconds: None), clock, every_s=0)


def test_the_tail_of_the_stream_is_read_once_and_kept_up(session: AwsSession) -> None:
    recent = recent_of(session, MovableClock(now_ms()))
    assert recent.recent("TRK-1").positions == []
    put(session, at(0), at(0, "TRK-2"), at(5))
    assert recent.recent("TRK-1").positions == [at(0), at(5)]
    assert recent.recent("TRK-1").positions == [at(0), at(5)]
    frame = gzip_frame([encode_position(at(10)), b"bad", encode_position(at(15)), encode_position(at(9, "TRK-3"))])
    KinesisStream(session).put([OutgoingRecord("frame", frame), OutgoingRecord("TRK-1", b"no position")])
    found = recent.recent("TRK-1")
    assert sorted(found.positions, key=lambda each: each.timestamp_ms) == [at(0), at(5), at(10), at(15)]
    assert sorted(found.indexes) == [0, 0, 0, 2]
    assert recent.recent("TRK-3").positions == [at(9, "TRK-3")]


def test_what_the_archive_has_long_since_is_dropped(session: AwsSession) -> None:
    put(session, at(0))
    clock = MovableClock(now_ms())
    recent = recent_of(session, clock)
    assert recent.recent("TRK-1").positions == [at(0)]
    clock.advance(KEPT_MS + 60_000)
    assert recent.recent("TRK-1").positions == []
    assert recent_of(session, clock).recent("TRK-1").positions == []  # nor is it read again


def test_after_a_long_silence_the_tail_is_begun_anew(session: AwsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, clock, seconds = KinesisStream(session, sleep=lambda _: None), MovableClock(now_ms()), Seconds()
    recent = AwsRecent(stream, clock, monotonic=seconds)
    read, begun = stream.read, list[bool]()

    def watched(shard_id: str, after: int, limit: int, **options: int) -> Sequence[StreamRecord]:
        begun.append(after == 0)
        return read(shard_id, after, limit, **options)

    monkeypatch.setattr(stream, "read", watched)
    put(session, at(0))
    assert recent.recent("TRK-1").positions == [at(0)]
    seconds.now_s = 60.0
    begun.clear()
    assert recent.recent("TRK-1").positions == [at(0)]
    assert not all(begun)
    # What came meanwhile would be dropped anyway, and the record it would go on from may be trimmed.
    seconds.now_s += KEPT_MS / 1000 + 1
    clock.advance(KEPT_MS + 1000)
    begun.clear()
    assert recent.recent("TRK-1").positions == []
    assert begun
    assert all(begun)


def test_positions_are_looked_at_every_two_seconds_whoever_asks(session: AwsSession) -> None:
    client, seconds = session.client("dynamodb"), Seconds()
    feed = AwsPositionFeed(client, "truck-positions", monotonic=seconds, at_once=1)
    faults = AwsFaults(client)
    for _ in range(5):
        assert list(feed.changed_since("")[0]) == []
    assert faults.calls == ["Scan"]
    feed.put_newer([Track(at(0))])
    assert list(feed.changed_since("")[0]) == []
    seconds.now_s = 2.0
    assert [track.last for track in feed.changed_since("")[0]] == [at(0)]
    assert faults.calls.count("Scan") == 2


def test_looks_at_a_large_table_leave_the_consumers_their_reads(
    session: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, seconds = session.client("dynamodb"), Seconds()
    feed = AwsPositionFeed(client, "truck-positions", monotonic=seconds, at_once=1)
    monkeypatch.setattr("truckstream.aws.position_feed.UNITS_PER_S", 0.01)  # as if there were 25,000 times as many
    feed.put_newer([Track(Position(f"TRK-{number}", 1000, 47.0, 8.0)) for number in range(5)])
    scans = list[bool]()
    client.meta.events.register(
        "provide-client-params.dynamodb.Scan", lambda params, **_: scans.append(params["ConsistentRead"])
    )
    assert len(feed.changed_since("")[0]) == 5
    for seconds.now_s in (2.0, 19.9):  # a fifth of a unit at a hundredth a second
        feed.changed_since("")
    assert scans == [False]
    seconds.now_s = 20.0
    feed.changed_since("")
    assert scans == [False, False]


def test_a_copy_of_the_table_that_lags_moves_no_truck_back(
    session: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = AwsPositionFeed(session.client("dynamodb"), "truck-positions", every_s=0, at_once=1)
    feed.put_newer([Track(at(0))])
    before = list(feed.look())
    feed.put_newer([Track(at(5))])
    found, mark = feed.changed_since("")
    assert [track.last for track in found] == [at(5)]
    monkeypatch.setattr(feed, "look", lambda: iter(before))
    assert list(feed.changed_since(mark)[0]) == []
    assert [track.last for track in feed.changed_since("")[0]] == [at(5)]


def test_a_look_that_fails_is_made_again_and_loses_no_change(session: AwsSession) -> None:
    client = session.client("dynamodb")
    feed = AwsPositionFeed(client, "truck-positions", every_s=0, at_once=1)
    _, mark = feed.changed_since("")
    feed.put_newer([Track(at(0))])
    AwsFaults(client).fail("Scan", "ThrottlingException")
    with pytest.raises(Exception, match="slow down"):
        feed.changed_since(mark)
    assert [track.last for track in feed.changed_since(mark)[0]] == [at(0)]


def test_health_asks_aws_twice_a_minute_and_goes_without_what_it_may_not_ask(session: AwsSession) -> None:
    stores = AwsStores(SETTINGS, outlier_limit_kmh=200.0)
    stores.session = session
    put(session, at(0))
    reasons = ["latitude: must be at most 90", "not JSON", "latitude: must be at most 90"]
    stores.rejected.put(
        [RejectedRecord("shard", number, 0, reason, b"x", now_ms()) for number, reason in enumerate(reasons)]
    )
    faults = AwsFaults(session.client("lambda"))
    faults.fail("ListEventSourceMappings", "AccessDeniedException", status=403)
    seconds = Seconds()
    health = AwsHealth(stores, now_ms, monotonic=seconds)
    seen = health.health()
    assert (seen.shards, seen.rejected, seen.alerts, seen.outbox, seen.consumers) == (2, 3, 0, 0, {})
    assert seen.writer == "AWS Lambda"  # nothing says that it is not
    assert list(seen.rejected_reasons) == [("latitude: must be at most 90", 2), ("not JSON", 1)]
    assert seen.last_arrival_ms is not None
    assert abs(seen.last_arrival_ms - now_ms()) < 60_000
    seconds.now_s = 29.0
    assert health.health() is seen
    seconds.now_s = 30.0
    assert health.health() is not seen
    assert faults.calls == ["ListEventSourceMappings"] * 2


def test_a_service_that_does_not_answer_is_not_asked_by_everybody(session: AwsSession) -> None:
    stores = AwsStores(SETTINGS, outlier_limit_kmh=200.0)
    stores.session = session
    faults = AwsFaults(session.client("lambda"))
    faults.fail("ListEventSourceMappings", "ServiceException", status=500)
    seconds = Seconds()
    health = AwsHealth(stores, now_ms, monotonic=seconds)
    for _ in range(5):
        with pytest.raises(Unavailable):
            health.health()
    assert faults.calls == ["ListEventSourceMappings"]
    seconds.now_s = 30.0
    assert health.health().writer == ""  # asked again: no function is connected


def test_functions_that_are_connected_run_the_pipeline(session: AwsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("truckstream.aws.health.lags", lambda *_: {"dashboard": Lag(None, 400)})
    stores = AwsStores(SETTINGS, outlier_limit_kmh=200.0)
    stores.session = session
    assert AwsHealth(stores, now_ms).health().writer == "AWS Lambda"
