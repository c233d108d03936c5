"""What every backend tells the pages of its stream's tail (`RecentPositions`) and of itself (`HealthSource`)."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.aws_parts import SETTINGS, moto_session
from tests.support.dynamodb import GEOFENCES_TABLE, POSITIONS_TABLE

from truckstream.aws.alerts import AwsAlerts
from truckstream.aws.health import AwsHealth
from truckstream.aws.recent import AwsRecent
from truckstream.aws.stores import AwsStores
from truckstream.aws.stream import KinesisStream
from truckstream.core.presence import Alert, TruckPresence
from truckstream.core.records import Position, encode_position
from truckstream.core.wire import gzip_frame
from truckstream.local.alerts import LocalAlerts
from truckstream.local.directory import DataDirectory, DirectorySettings
from truckstream.local.health import LocalHealth
from truckstream.local.recent import LocalRecent
from truckstream.local.stores import LocalStores
from truckstream.ports import OutgoingRecord, PresenceChange, RecordSink, RejectedRecord, RejectedStore
from truckstream.ports_viewing import HealthSource, RecentPositions

BEGIN_MS = 1_705_314_600_000


class Backend(NamedTuple):
    """The two ports, and what fills the stores they look at. The stream has two shards and no consumer."""

    recent: RecentPositions
    health: HealthSource
    sink: RecordSink
    presence: LocalAlerts | AwsAlerts  # PresenceStore and AlertLog in one
    rejected: RejectedStore


def local(folder: Path) -> Iterator[Backend]:
    directory = DataDirectory(folder)
    directory.save(DirectorySettings(shard_count=2))
    with LocalStores(directory) as stores:
        yield Backend(LocalRecent(stores.stream), LocalHealth(stores), stores.stream, stores.alerts, stores.rejected)


def aws(folder: Path) -> Iterator[Backend]:
    del folder
    with moto_session(shard_count=2, bucket=True) as session:
        session.client("dynamodb").create_table(TableName="truck-positions", **POSITIONS_TABLE)
        session.client("dynamodb").create_table(TableName="geofences", **GEOFENCES_TABLE)
        stores = AwsStores(SETTINGS, outlier_limit_kmh=200.0)
        stores.session = session
        reader = KinesisStream(session, sleep=lambda seconds: None)
        yield Backend(
            AwsRecent(reader, now_ms, every_s=0),
            AwsHealth(stores, now_ms, every_s=0),
            stores.stream,
            stores.alerts,
            stores.rejected,
        )


BACKENDS: dict[str, Callable[[Path], Iterator[Backend]]] = {"local": local, "aws": aws}
"""A backend joins by adding itself here. Those in memory answer what a test tells them, so there is nothing to hold."""


@pytest.fixture(params=[*BACKENDS])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    yield from BACKENDS[request.param](tmp_path)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def at(second: int, truck_id: str = "TRK-1") -> Position:
    return Position(truck_id, BEGIN_MS + second * 1000, 47.0, 8.0, 50.0)


def put(backend: Backend, *positions: Position) -> None:
    backend.sink.put([OutgoingRecord(each.truck_id, encode_position(each)) for each in positions])


def seconds_of(backend: Backend, truck_id: str = "TRK-1") -> Sequence[int]:
    found = backend.recent.recent(truck_id).positions
    return sorted((each.timestamp_ms - BEGIN_MS) // 1000 for each in found)


def test_a_truck_without_records_has_no_recent_positions(backend: Backend) -> None:
    assert seconds_of(backend) == []
    put(backend, at(0, "TRK-2"))
    assert seconds_of(backend) == []


def test_what_the_stream_took_is_there_at_the_next_call(backend: Backend) -> None:
    put(backend, at(0), at(0, "TRK-2"), at(5))
    assert seconds_of(backend) == [0, 5]
    put(backend, at(3), at(10, "TRK-3"))
    assert seconds_of(backend) == [0, 3, 5]
    assert seconds_of(backend, "TRK-3") == [10]


def test_positions_of_a_frame_are_each_there_and_bad_lines_are_left_out(backend: Backend) -> None:
    lines = [encode_position(at(1)), b"no record", encode_position(at(2, "TRK-2")), encode_position(at(3))]
    backend.sink.put([OutgoingRecord("bucket", gzip_frame(lines)), OutgoingRecord("TRK-1", b"no record either")])
    assert seconds_of(backend) == [1, 3]
    found = backend.recent.recent("TRK-1")
    assert sorted(found.indexes) == [0, 3]
    assert len(set(found.sequence_numbers)) == 1
    assert all(abs(arrival_ms - now_ms()) < 60_000 for arrival_ms in found.arrivals_ms)


def test_a_pipeline_in_which_nothing_happened_is_quiet(backend: Backend) -> None:
    health = backend.health.health()
    assert (health.shards, health.rejected, list(health.rejected_reasons)) == (2, 0, [])
    assert (health.alerts, health.outbox, health.archive_files, health.archive_bytes) == (0, 0, 0, 0)
    assert (health.last_arrival_ms, health.archived_until_ms, health.writer) == (None, None, "")


def test_the_newest_arrival_is_told(backend: Backend) -> None:
    put(backend, at(0))
    arrived_ms = backend.health.health().last_arrival_ms
    assert arrived_ms is not None
    assert abs(arrived_ms - now_ms()) < 60_000


def test_alerts_and_those_that_wait_are_counted(backend: Backend) -> None:
    alerts = [Alert(f"a{n}", "TRK-1", "depot", "Depot", "exit", BEGIN_MS + n, 47.0, 8.0, 1) for n in range(3)]
    backend.presence.commit([PresenceChange(None, TruckPresence("TRK-1", 1), tuple(alerts))])
    health = backend.health.health()
    assert (health.alerts, health.outbox) == (3, 3)
    backend.presence.mark_sent(["a0"], now_ms())
    health = backend.health.health()
    assert (health.alerts, health.outbox) == (3, 2)


def test_rejected_records_are_counted_by_reason_commonest_first(backend: Backend) -> None:
    reasons = ["not JSON", "latitude: must be at most 90", "not JSON", "not JSON", "latitude: must be at most 90"]
    backend.rejected.put(
        [RejectedRecord("shard", number, 0, reason, b"x", now_ms()) for number, reason in enumerate(reasons)]
    )
    health = backend.health.health()
    assert health.rejected == 5
    assert [count for _, count in health.rejected_reasons] == [3, 2]
    assert health.rejected_reasons[0][0] == "not JSON"
