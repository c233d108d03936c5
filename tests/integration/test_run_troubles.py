"""What goes wrong beside the consumers while `run` works: it is said, and the trucks move on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from truckstream.cli.live import Glance, LiveStatus, glance_at
from truckstream.core.errors import StorageDamaged
from truckstream.core.records import Position, encode_position
from truckstream.local.directory import DataDirectory
from truckstream.local.runtime import COMPACT_EVERY_MS, STATISTICS_EVERY_MS, Pipeline
from truckstream.local.stores import LocalStores
from truckstream.ports import OutgoingRecord
from truckstream.testing import MovableClock

T0 = 1_705_314_600_000


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(T0)


@pytest.fixture
def pipeline(tmp_path: Path, clock: MovableClock) -> Iterator[Pipeline]:
    with LocalStores(DataDirectory(tmp_path), clock=clock) as stores:
        yield Pipeline(stores)


def send(pipeline: Pipeline, clock: MovableClock, second: int) -> None:
    position = Position("TRK-1", T0 + second * 1000, 47.0, 8.0 + second / 1e5)
    pipeline.put([OutgoingRecord("TRK-1", encode_position(position))])
    pipeline.poll(clock(), flush=True)


def test_a_damaged_archive_file_does_not_stop_the_trucks(pipeline: Pipeline, clock: MovableClock) -> None:
    send(pipeline, clock, 0)
    (file,) = (pipeline.stores.directory.archive / "positions").rglob("*.parquet")
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    pipeline.maintain(clock())
    clock.advance(COMPACT_EVERY_MS)
    pipeline.maintain(clock())
    assert pipeline.troubles.keys() == {"statistics", "compaction"}
    assert file.name in glance_at(pipeline).trouble
    send(pipeline, clock, 5)
    assert pipeline.stores.positions.load(["TRK-1"])["TRK-1"].last.timestamp_ms == T0 + 5_000
    with pytest.raises(StorageDamaged, match=file.name):
        pipeline.maintain(clock(), force=True)

    file.write_bytes(whole)
    pipeline.maintain(clock.advance(STATISTICS_EVERY_MS))
    assert pipeline.troubles.keys() == {"compaction"}  # until its next turn
    pipeline.maintain(clock.advance(COMPACT_EVERY_MS))
    assert glance_at(pipeline).trouble == ""


def test_statistics_that_take_long_come_less_often(tmp_path: Path, clock: MovableClock) -> None:
    taking_s = iter([0.0, 10.0, 100.0, 100.5])

    def due(pipeline: Pipeline) -> bool:
        (hourly,) = (pipeline.stores.directory.archive / "hourly").rglob("*.parquet")
        before = hourly.read_bytes()
        send(pipeline, clock, (clock() - T0) // 1000)
        pipeline.maintain(clock())
        return hourly.read_bytes() != before

    with LocalStores(DataDirectory(tmp_path), clock=clock) as stores:
        pipeline = Pipeline(stores, stopwatch_s=lambda: next(taking_s))
        send(pipeline, clock, 0)
        pipeline.maintain(clock())  # takes ten seconds
        clock.advance(STATISTICS_EVERY_MS)
        assert not due(pipeline)
        clock.advance(2 * STATISTICS_EVERY_MS)
        assert not due(pipeline)
        clock.advance(STATISTICS_EVERY_MS // 2)
        assert due(pipeline)


def test_a_log_says_when_trouble_begins_and_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now_s, trouble = 0.0, ""
    monkeypatch.setattr("truckstream.cli.live.time.monotonic", lambda: now_s)
    with LiveStatus(lambda: Glance(1, 0, 0, {}, trouble=trouble), "title") as status:
        for now_s, trouble in ((1.0, ""), (2.0, "disk full"), (3.0, "disk full"), (4.0, "")):  # noqa: B007
            status.update()
    assert capsys.readouterr().out.splitlines() == ["title", "warning: disk full", "the trouble is over"]
