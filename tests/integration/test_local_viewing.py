"""What only the local backend has: the stream's tail beside the archive, health, feeds across processes."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.web import System, now_ms, system

from truckstream.core.presence import Alert, TruckPresence
from truckstream.core.records import Position, encode_position
from truckstream.core.wire import gzip_frame
from truckstream.local.alert_feed import LocalAlertFeed
from truckstream.local.health import LocalHealth
from truckstream.local.recent import LocalRecent
from truckstream.ports import OutgoingRecord, PresenceChange, StreamRecord
from truckstream.ports_viewing import AlertFilter


@pytest.fixture
def running(tmp_path: Path) -> Iterator[System]:
    with system(tmp_path / "data") as running:
        yield running


def at(truck_id: str, ago_s: int) -> Position:
    return Position(truck_id, now_ms() - ago_s * 1000, 47.0, 8.0, 50.0)


def test_recent_positions_are_those_the_archive_lacks_whatever_record_brought_them(running: System) -> None:
    recent = LocalRecent(running.stores.stream)
    running.send(at("TRK-1", 100))
    assert recent.recent("TRK-1").positions == []
    lines = [encode_position(at(name, ago)) for name, ago in (("TRK-1", 50), ("TRK-2", 49), ("TRK-1", 48))]
    running.pipeline.put([OutgoingRecord("bucket-1", gzip_frame([*lines, b"no record"]))])
    running.place(at("TRK-1", 40))
    found = recent.recent("TRK-1")
    assert len(found.positions) == 3
    assert len(set(zip(found.sequence_numbers, found.indexes, strict=True))) == 3
    running.place(at("TRK-1", 30))
    assert len(recent.recent("TRK-1").positions) == 4
    running.pipeline.poll(now_ms(), flush=True)
    assert recent.recent("TRK-1").positions == []
    assert recent.recent("TRK-9").positions == []


def test_of_a_long_backlog_only_what_is_kept_is_read(running: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("truckstream.local.recent.KEPT_POSITIONS", 4)
    stream = running.stores.stream
    read, read_from = stream.read, list[int]()

    def watched(shard_id: str, after: int, limit: int) -> Sequence[StreamRecord]:
        read_from.append(after)
        return read(shard_id, after, limit)

    monkeypatch.setattr(stream, "read", watched)
    running.place(*(Position("TRK-1", now_ms() - 1000 * (50 - step), 47.0, 8.0) for step in range(50)))
    recent = LocalRecent(stream)
    first = recent.recent("TRK-1")
    assert len(first.positions) == 4
    running.place(Position("TRK-1", now_ms(), 47.0, 8.0))
    assert recent.recent("TRK-1").positions[:3] == first.positions[1:]
    assert [after for after in read_from if 0 < after < 46] == []
    assert 46 in read_from


def test_health_counts_records_positions_and_reasons(running: System) -> None:
    health = LocalHealth(running.stores)
    assert health.health().last_arrival_ms is None
    lines = [encode_position(at(f"TRK-{n}", n)) for n in range(9)]
    running.pipeline.put([OutgoingRecord("bucket", gzip_frame(lines)), OutgoingRecord("-", b"not json")])
    before = health.health()
    assert before.records == 2
    assert before.consumers["archive"].records == 2
    running.pipeline.poll(now_ms(), flush=True)
    after = health.health()
    assert after.positions_per_record == pytest.approx(9 / 2)
    assert after.archived_until_ms == after.last_arrival_ms
    assert (after.rejected, [count for _, count in after.rejected_reasons]) == (1, [1])
    assert after.shards == 4


def test_another_process_sees_each_alert_once_while_they_are_committed(running: System) -> None:
    with closing(LocalAlertFeed(running.stores.directory.alerts)) as feed:
        seen: list[str] = []
        cursor = ""
        for number in range(20):
            alert = Alert(f"a{number}", "T", "A", "Fence", "exit", number, 47.0, 8.0, 1)
            expected = number if number else None
            running.stores.alerts.commit([PresenceChange(expected, TruckPresence("T", number + 1), (alert,))])
            page = feed.committed(cursor, 7, AlertFilter())
            seen += [each.alert_id for each in page.alerts]
            cursor = page.cursor
        assert seen == [f"a{number}" for number in range(20)]
