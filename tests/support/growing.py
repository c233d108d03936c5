"""An archive that grows while the statistics job runs now and then."""

from collections.abc import Callable, Collection
from dataclasses import fields

import numpy as np

from truckstream.consumers.archive_keys import day_ms, live_key, settled_hour_ms
from truckstream.consumers.compaction import compact
from truckstream.consumers.statistics import current, read_stats, refresh
from truckstream.core.columns import PositionColumns
from truckstream.core.hourly_table import HourlyTable
from truckstream.core.instants import date_of
from truckstream.core.records import Position, ReceivedPositions
from truckstream.parquet import ParquetFormat
from truckstream.testing import MemoryArchive

LIMIT = 200.0
DATE = "2024-01-15"
T0 = day_ms(DATE)
KM = 0.009  # degrees of latitude, about


class CountingFormat(ParquetFormat):
    """Counts the rows that were decoded."""

    rows_read = 0

    def read(self, data: bytes, trucks: Collection[str] | None = None) -> PositionColumns:
        columns = super().read(data, trucks)
        self.rows_read += len(columns)
        return columns


class MeanwhileArchive(MemoryArchive):
    """Something else happens just before a settled file is fetched."""

    meanwhile: Callable[[], None] | None = None

    def get(self, key: str) -> bytes:
        if self.meanwhile is not None and settled_hour_ms(key) is not None:
            happens, self.meanwhile = self.meanwhile, None
            happens()
        return super().get(key)


class Growing:
    """An archive that positions are put into, and the statistics job over it."""

    def __init__(self) -> None:
        self.archive = MeanwhileArchive()
        self.format = CountingFormat()
        self.clock_ms = 0
        self._sequence = 0

    def put(self, *positions: Position) -> None:
        self._sequence += 1
        self.clock_ms = max(self.clock_ms, *(position.timestamp_ms for position in positions))
        by_date: dict[str, list[Position]] = {}
        for position in positions:
            by_date.setdefault(date_of(position.timestamp_ms), []).append(position)
        for date, part in by_date.items():
            count = len(part)
            rows = ReceivedPositions(part, [self._sequence] * count, list(range(count)), [self.clock_ms] * count)
            key = live_key(date, "shard-0", self._sequence, self._sequence)
            self.archive.put(key, self.format.write_received(rows))

    def compact(self) -> None:
        compact(self.archive, self.format, clock_ms=self.clock_ms)

    def refresh(self) -> int:
        """Bring the statistics up to date; return how many positions were decoded for it."""
        self.format.rows_read = 0
        refresh(self.archive, self.format, clock_ms=self.clock_ms, limit_kmh=LIMIT)
        return self.format.rows_read

    def assert_as_computed_anew(self) -> None:
        """Every column but the revision, to the last bit."""
        stored = read_stats(self.archive, self.format)
        anew = current(self.archive, self.format, clock_ms=self.clock_ms, limit_kmh=LIMIT, force=True)
        assert stored.truck_id == anew.truck_id
        for column in (field.name for field in fields(HourlyTable)):
            if column not in ("truck_id", "revision"):
                np.testing.assert_array_equal(getattr(stored, column), getattr(anew, column), column)


def at(minute: float, truck: str = "A", north_km: float = 0.0) -> Position:
    return Position(truck, T0 + round(minute * 60_000), round(10 + north_km * KM, 7), 8.0, 40.0)
