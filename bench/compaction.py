"""The compaction of an hour, against DuckDB writing the same rows in order; memory of both jobs as Lambda runs them."""

import argparse
import itertools
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
from bench.harness import Peer, Report, alternate, run_child, seconds

from truckstream.consumers.archive_keys import day_ms, live_key
from truckstream.consumers.compaction import compact
from truckstream.consumers.deliveries import DateCounts
from truckstream.consumers.history import read_date
from truckstream.consumers.statistics import refresh
from truckstream.core.instants import HOUR_MS
from truckstream.core.records import Position, ReceivedPositions
from truckstream.local.archive import DirectoryArchive
from truckstream.parquet import ParquetFormat
from truckstream.parquet.with_arro3 import Arro3Format

DATE, BEGIN_MS = "2024-03-01", day_ms("2024-03-01") + 10 * HOUR_MS
FIRST_OF_KINESIS = 49590338271490256608559692538361571095921575989136588898
SHARDS, MINUTES = 4, 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trucks", type=int, default=1_000, help="each with a position every 5 s")
    parser.add_argument("--kinesis", action="store_true", help="56-digit sequence numbers instead of small ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--job", choices=sorted(JOBS), help="do that once in --archive, and nothing else")
    parser.add_argument("--archive", type=Path)
    chosen = parser.parse_args()
    if chosen.job:
        JOBS[chosen.job](DirectoryArchive(chosen.archive))
        return 0
    positions = chosen.trucks * MINUTES * 12
    with tempfile.TemporaryDirectory() as scratch:
        hour = Hour(Path(scratch), chosen.trucks, FIRST_OF_KINESIS if chosen.kinesis else 0)
        both = alternate(hour.compact, hour.duckdb, rounds=chosen.rounds)
        counting = alternate(hour.count, hour.compact, rounds=chosen.rounds)
        held = {job: hour.held_bytes(job) / positions for job in JOBS}
    report = Report("compaction")
    peer = Peer(f"DuckDB, one thread, {positions:,} positions", both.b)
    report.add("compaction of an hour", both.a, "s", better="lower", peer=peer)
    report.add("counting what came twice or late", 100 * counting.ratio, "% of it")
    for job, size in held.items():
        report.add(f"{job}: memory beyond an empty run", size, "bytes/position")
    return report.print()


JOBS: dict[str, Callable[[DirectoryArchive], object]] = {
    "compaction": lambda archive: compact(archive, Arro3Format(), clock_ms=None),
    "statistics": lambda archive: refresh(archive, Arro3Format(), clock_ms=None, limit_kmh=200.0),
}
"""As Lambda does them."""


class Hour:
    """The live files of an hour, as the archive consumer writes them every minute for each shard."""

    def __init__(self, root: Path, trucks: int, first_sequence: int) -> None:
        self._live, self._work, self._format = root / "live", root / "work", ParquetFormat()
        archive, numbers, chance = DirectoryArchive(self._live), itertools.count(first_sequence + 1), random.Random(1)
        for minute, shard in itertools.product(range(MINUTES), range(SHARDS)):
            rows = list(self._minute(minute, range(shard, trucks, SHARDS), chance))
            sequence = [next(numbers) for _ in rows]
            received = ReceivedPositions(rows, sequence, [0] * len(rows), [BEGIN_MS] * len(rows))
            key = live_key(DATE, f"shardId-{shard:012d}", sequence[0], sequence[-1])
            archive.put(key, self._format.write_received(received))

    def compact(self) -> float:
        archive = self._fresh()
        return seconds(lambda: compact(archive, self._format, clock_ms=None))

    def count(self) -> float:
        files = read_date(DirectoryArchive(self._live), self._format, DATE)
        counts = DateCounts(files, {}, {})
        return seconds(lambda: (counts.back_to(BEGIN_MS, files.rows(BEGIN_MS), count=True), counts.encoded()))

    def duckdb(self) -> float:
        self._fresh()
        with duckdb.connect() as connection:
            connection.execute("set threads = 1")
            return seconds(
                lambda: connection.execute(f"""
                    copy (
                        select * exclude (sequence_number, record_index, arrival)
                        from read_parquet('{self._work}/positions/*/*.parquet', hive_partitioning = false)
                        qualify row_number() over (
                            partition by truck_id, timestamp order by sequence_number, record_index
                        ) = 1
                        order by truck_id, timestamp
                    ) to '{self._work}/hour.parquet' (compression zstd)
                """)
            )

    def held_bytes(self, job: str) -> float:
        """Return how much more memory a job takes than over an empty archive."""
        archive = self._fresh()
        if job == "statistics":
            compact(archive, self._format, clock_ms=None)
        sizes = []
        for root in (self._work, self._work / "empty"):
            command = [sys.executable, __file__, "--job", job, "--archive", str(root)]
            sizes.append(run_child(command).resident_mib * 2**20)
        return sizes[0] - sizes[1]

    def _fresh(self) -> DirectoryArchive:
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._live, self._work)
        return DirectoryArchive(self._work)

    @staticmethod
    def _minute(minute: int, trucks: range, chance: random.Random) -> Iterator[Position]:
        for step, truck in itertools.product(range(12), trucks):
            at_ms = BEGIN_MS + minute * 60_000 + step * 5_000
            latitude, longitude = round(47 + chance.random(), 7), round(8 + chance.random(), 7)
            yield Position(f"TRK-{truck:05d}", at_ms, latitude, longitude, 45.0, 90.0)


if __name__ == "__main__":
    sys.exit(main())
