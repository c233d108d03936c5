"""The statistics of a day that grows: a minute's news, against computing the whole day anew."""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from bench.harness import Peer, Report, alternate, seconds

from truckstream.consumers.archive_keys import day_ms, live_key, settled_key
from truckstream.consumers.statistics import refresh
from truckstream.core.columns import ENGINE_UNKNOWN, UNKNOWN, PositionColumns
from truckstream.core.instants import HOUR_MS
from truckstream.core.records import Position, ReceivedPositions
from truckstream.local.archive import DirectoryArchive
from truckstream.parquet import ParquetFormat

DATE = "2024-03-01"
PER_HOUR = 720
GOAL_RATIO = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trucks", type=int, default=1_000)
    parser.add_argument("--hours", type=int, default=10, help="of the day that are over")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        day = Day(Path(scratch), chosen.trucks, chosen.hours)
        both = alternate(day.news, lambda: day.refresh(force=True), rounds=chosen.rounds)
    report = Report("refresh")
    positions = chosen.trucks * chosen.hours * PER_HOUR
    peer = Peer(f"computing {positions:,} positions anew", both.b)
    report.add("refresh after a minute's news", both.a, "s", better="lower", peer=peer, goal=both.b / GOAL_RATIO)
    return report.print()


class Day:
    """An archive with some settled hours of a fleet that drives to and fro, and the minutes after them."""

    def __init__(self, root: Path, trucks: int, hours: int) -> None:
        self.archive, self.format = DirectoryArchive(root), ParquetFormat()
        self.names = tuple(f"TRK-{number:05d}" for number in range(trucks))
        self.now_ms = day_ms(DATE) + hours * HOUR_MS
        self.sequence = 0
        for hour in range(hours):
            columns = self._hour(hour)
            self.archive.put(settled_key(DATE, day_ms(DATE) + hour * HOUR_MS), self.format.write_settled(columns))

    def news(self) -> float:
        """Archive a minute of every truck; return how long the refresh after it takes."""
        times = range(self.now_ms, self.now_ms + 60_000, 5_000)
        rows = [Position(name, at_ms, 47.0, 8.0, 45.0) for name in self.names for at_ms in times]
        self.now_ms += 60_000
        first, self.sequence = self.sequence + 1, self.sequence + len(rows)
        received = ReceivedPositions(
            rows, list(range(first, self.sequence + 1)), [0] * len(rows), [self.now_ms] * len(rows)
        )
        key = live_key(DATE, "shard-0", first, self.sequence)
        self.archive.put(key, self.format.write_received(received))
        return self.refresh()

    def refresh(self, *, force: bool = False) -> float:
        """Return how long the job takes."""
        return seconds(lambda: refresh(self.archive, self.format, clock_ms=self.now_ms, limit_kmh=200.0, force=force))

    def _hour(self, hour: int) -> PositionColumns:
        count = len(self.names) * PER_HOUR
        step = np.tile(np.arange(hour * PER_HOUR, (hour + 1) * PER_HOUR), len(self.names))
        there = np.minimum(step % 1_000, 1_000 - step % 1_000)  # 500 steps of 33 m and back

        def unknown() -> np.ndarray[tuple[int], np.dtype[np.int32]]:
            return np.full(count, UNKNOWN, np.int32)

        return PositionColumns(
            self.names,
            np.repeat(np.arange(len(self.names), dtype=np.int32), PER_HOUR),
            day_ms(DATE) + step.astype(np.int64) * 5_000,
            470_000_000 + there.astype(np.int64) * 3_000,
            np.full(count, 80_000_000, np.int64),
            np.full(count, 24_000, np.int32),
            unknown(),
            unknown(),
            unknown(),
            unknown(),
            np.full(count, ENGINE_UNKNOWN, np.int8),
        )


if __name__ == "__main__":
    sys.exit(main())
