"""Reading the archive: unique rows from any mixture of files, consistent beside writers; transitions."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pytest

from truckstream.consumers.archive_keys import live_key
from truckstream.consumers.compaction import compact
from truckstream.consumers.history import dates, iterate, positions_of
from truckstream.consumers.passages import events, transitions
from truckstream.core.errors import StorageDamaged, Unavailable
from truckstream.core.geofences import Catalogue, parse_geofence
from truckstream.core.instants import date_of
from truckstream.core.records import Position, ReceivedPositions
from truckstream.parquet import ParquetFormat
from truckstream.ports import ArchiveObject
from truckstream.testing import MemoryArchive

FORMAT = ParquetFormat()
T0 = 1_705_312_800_000  # 2024-01-15T10:00:00Z
MINUTE_MS = 60_000


def at(minute: int, *, truck: str = "A", latitude: float = 47.0, speed: float | None = None) -> Position:
    return Position(truck, T0 + minute * MINUTE_MS, latitude, 8.0, speed)


def put(archive: MemoryArchive, sequence: int, positions: Iterable[Position]) -> None:
    by_date: dict[str, list[Position]] = {}
    for position in positions:
        by_date.setdefault(date_of(position.timestamp_ms), []).append(position)
    for date, part in by_date.items():
        rows = ReceivedPositions(part, [sequence] * len(part), list(range(len(part))), [T0] * len(part))
        archive.put(live_key(date, "shard-0", sequence, sequence), FORMAT.write_received(rows))


class MovingArchive(MemoryArchive):
    """Something else happens to the archive after every `list`, as long as there is something to happen."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: list[Callable[[], object]] = []

    def list(self, prefix: str) -> Sequence[ArchiveObject]:
        found = super().list(prefix)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return found


def test_a_damaged_file_is_named() -> None:
    archive = MemoryArchive()
    put(archive, 1, [at(0)])
    compact(archive, FORMAT, clock_ms=None)
    put(archive, 2, [at(1)])
    for key in ("positions/date=2024-01-15/h10.parquet", live_key("2024-01-15", "shard-0", 2, 2)):
        data = archive.get(key)
        archive.put(key, data[:-100])
        with pytest.raises(StorageDamaged) as caught:
            positions_of(archive, FORMAT, "2024-01-15")
        assert caught.value.message.startswith(f"{key}: ")
        assert "Restore that file" in caught.value.hint
        archive.put(key, data)


def test_rows_come_from_live_and_settled_files_alike() -> None:
    archive = MemoryArchive()
    put(archive, 1, [at(0), at(70), at(15 * 60)])
    compact(archive, FORMAT, clock_ms=None)
    put(archive, 2, [at(0, speed=9), at(1), at(0, truck="B")])
    assert dates(archive) == ["2024-01-15", "2024-01-16"]
    assert positions_of(archive, FORMAT, "2024-01-15").to_positions() == [at(0), at(1), at(70), at(0, truck="B")]
    assert positions_of(archive, FORMAT, "2024-01-15", ["B"]).to_positions() == [at(0, truck="B")]
    assert len(positions_of(archive, FORMAT, "2024-01-17")) == 0


def test_reading_beside_a_compaction_misses_and_doubles_nothing() -> None:
    archive = MovingArchive()
    put(archive, 1, [at(0), at(70)])
    put(archive, 2, [at(1)])
    archive.meanwhile = [lambda: compact(archive, FORMAT, clock_ms=None)]
    assert positions_of(archive, FORMAT, "2024-01-15").to_positions() == [at(0), at(1), at(70)]
    archive.meanwhile = [lambda: put(archive, 3, [at(2)]), lambda: compact(archive, FORMAT, clock_ms=None)]
    assert len(positions_of(archive, FORMAT, "2024-01-15")) in (3, 4)
    assert len(positions_of(archive, FORMAT, "2024-01-15")) == 4


def test_an_archive_that_never_holds_still_is_unavailable() -> None:
    archive = MovingArchive()
    put(archive, 0, [at(0)])
    archive.meanwhile = [partial(put, archive, 0, [at(0), at(number)]) for number in range(1, 100)]
    with pytest.raises(Unavailable):
        positions_of(archive, FORMAT, "2024-01-15")


def test_iterating_is_by_date_within_the_limits() -> None:
    archive = MemoryArchive()
    rows = [at(minute) for minute in (0, 1, 15 * 60, 15 * 60 + 1, 40 * 60)]
    put(archive, 1, rows)
    assert [part.to_positions() for part in iterate(archive, FORMAT)] == [rows[:2], rows[2:4], rows[4:]]
    limited = iterate(archive, FORMAT, from_ms=rows[1].timestamp_ms, to_ms=rows[3].timestamp_ms, trucks=["A"])
    assert [part.to_positions() for part in limited] == [[rows[1]], [rows[2]]]
    assert list(iterate(archive, FORMAT, trucks=["B"])) == []


# --- transitions --------------------------------------------------------------------------------------------


def catalogue(alert_on: str = "both", **more: object) -> Catalogue:
    geofence, _ = parse_geofence(
        {
            "geofence_id": "depot",
            "name": "Depot",
            "type": "circle",
            "center": {"latitude": 47.0, "longitude": 8.0},
            "radius_meters": 500,
            "alert_on": alert_on,
            **more,
        }
    )
    return Catalogue(1, (geofence,))


OUT = 47.01
ROUND = [at(0), at(1, latitude=OUT), at(15 * 60), at(15 * 60 + 1, latitude=OUT)]


def told(archive: MemoryArchive, **filters: object) -> list[tuple[str, str, int]]:
    found = transitions(archive, FORMAT, catalogue("exit"), limit_kmh=0, **filters)  # type: ignore[arg-type]
    return [(e.truck_id, e.event, (e.timestamp_ms - T0) // MINUTE_MS) for e in found]


def test_transitions_go_on_over_dates_whatever_alert_on() -> None:
    archive = MemoryArchive()
    put(archive, 1, ROUND)
    expected = [("A", "exit", 1), ("A", "enter", 900), ("A", "exit", 901)]
    assert told(archive) == expected
    compact(archive, FORMAT, clock_ms=None)
    assert told(archive) == expected


def test_transitions_are_ordered_by_truck_then_time() -> None:
    archive = MemoryArchive()
    put(archive, 1, [*ROUND, at(0, truck="B"), at(5, truck="B", latitude=OUT)])
    assert told(archive) == [("A", "exit", 1), ("A", "enter", 900), ("A", "exit", 901), ("B", "exit", 5)]


def test_limits_hide_transitions_but_do_not_change_them() -> None:
    archive = MemoryArchive()
    put(archive, 1, [*ROUND, at(0, truck="B"), at(5, truck="B", latitude=OUT)])
    assert told(archive, from_ms=T0 + 5 * MINUTE_MS) == [("A", "enter", 900), ("A", "exit", 901), ("B", "exit", 5)]
    assert told(archive, truck_id="A", to_ms=T0 + 901 * MINUTE_MS) == [("A", "exit", 1), ("A", "enter", 900)]
    assert told(archive, truck_id="C") == []


def test_events_include_dwell_and_speeding() -> None:
    archive = MemoryArchive()
    put(archive, 1, [at(minute, speed=90) for minute in range(10)])
    rules = catalogue(dwell_minutes=5, speed_limit_kmh=50)
    found = list(events(archive, FORMAT, rules, limit_kmh=0))
    assert [event.event for event in found] == ["speeding", "dwell"]
    assert list(transitions(archive, FORMAT, rules, limit_kmh=0)) == []
