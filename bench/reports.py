"""The reports of a large fleet: seconds until an answer over HTTP, from statistics alone."""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from bench.harness import Peer, Report, alternate, seconds
from tests.support.reports_process import Reports, reports_of

from truckstream.consumers.archive_keys import day_ms, hourly_key, live_key
from truckstream.consumers.history import fingerprint, list_date
from truckstream.consumers.statistics import RULES_VERSION
from truckstream.core.columns import PositionColumns
from truckstream.core.fleet import Fleet
from truckstream.core.hourly_table import HourlyTable
from truckstream.core.instants import DAY_MS, HOUR_MS, date_of
from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.speed_bands import BANDS
from truckstream.local.archive import DirectoryArchive
from truckstream.local.directory import DataDirectory
from truckstream.parquet import ParquetFormat

FIRST_DATE = "2024-03-01"
POSITIONS_PER_HOUR = 720
GOAL_FIRST_S, GOAL_AGAIN_S = 2.0, 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trucks", type=int, default=1_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = Path(scratch) / "data"
        make_statistics(data, chosen.trucks, chosen.days)
        with reports_of(data) as reports:
            return measure(reports, chosen.trucks, chosen.days, chosen.rounds)


def make_statistics(data: Path, trucks: int, days: int) -> None:
    """Write what the statistics job would have for a fleet that drives by day, with a token position file a date."""
    directory = DataDirectory(data)
    directory.create()
    archive, form = DirectoryArchive(directory.archive), ParquetFormat()
    names = tuple(f"TRK-{number:04d}" for number in range(trucks))
    chance = np.random.default_rng(1)
    for day in range(days):
        date = date_of(day_ms(FIRST_DATE) + day * DAY_MS)
        begin_ms = day_ms(date)
        token = ReceivedPositions([Position(names[0], begin_ms, 47.0, 8.0)], [1], [0], [begin_ms])
        archive.put(live_key(date, "shard-0", 1, 1), form.write_received(token))
        made_from = {
            "rules": RULES_VERSION,
            "limit_kmh": repr(float(directory.settings().outlier_speed_kmh)),
            "inputs": fingerprint(list_date(archive, date)),
        }
        archive.put(hourly_key(date), form.write_hourly(_table(names, begin_ms, chance), made_from))


def _table(names: tuple[str, ...], begin_ms: int, chance: np.random.Generator) -> HourlyTable:
    count = len(names) * 24
    hour = np.tile(np.arange(24), len(names))
    hour_ms = begin_ms + hour * HOUR_MS
    works = (hour >= 6) & (hour < 20)
    bands = (chance.dirichlet(np.ones(BANDS), count) * 2_400_000 * works[:, None]).astype(np.int32)
    driving = bands.sum(axis=1) / 60_000
    return HourlyTable(
        tuple(name for name in names for _ in range(24)),
        hour_ms,
        driving * 0.8,
        np.where(works, 45.0, 0.0),
        np.where(works, chance.uniform(70, 100, count), 0.0),
        np.where(works, 10.0, 0.0),
        np.full(count, POSITIONS_PER_HOUR, np.int64),
        np.ones(count, np.bool_),
        np.ones(count, np.int32),
        driving,
        np.zeros(count),
        np.zeros(count, np.int64),
        np.full(count, POSITIONS_PER_HOUR, np.int64),
        hour_ms,
        hour_ms + HOUR_MS - 5_000,
        bands,
    )


def measure(reports: Reports, trucks: int, days: int, rounds: int) -> int:
    report = Report("reports")
    last = date_of(day_ms(FIRST_DATE) + (days - 1) * DAY_MS)
    month = {"from_": FIRST_DATE, "to": last, "tz": "Europe/Zurich"}
    rows = trucks * days * 24
    first = _seconds(reports, "fleet", month)
    size = f"{trucks:,} trucks x {days} days"
    report.add(f"fleet overview, {size}, first time", first, "s", goal=GOAL_FIRST_S, better="lower")
    for name, query in {
        f"fleet overview, {size}": ("fleet", month),
        f"data quality, {size}": ("quality", month),
        f"a page of {rows:,} hourly rows": ("hourly", month),
        "fleet overview, one day": ("fleet", month | {"to": FIRST_DATE}),
        "fleet overview, one truck": ("fleet", month | {"trucks": "TRK-0007"}),
    }.items():
        took = [_seconds(reports, *query) for _ in range(rounds)]
        report.add(name, statistics.median(took), "s", goal=GOAL_AGAIN_S, better="lower")
    _one_truck(report, rounds)
    for form in ("csv", "parquet"):
        begin = time.perf_counter()
        received = _download(reports.client, form, month)
        report.add(f"export of all hourly rows, {form}", rows / (time.perf_counter() - begin), "rows/s", goal=50_000)
        report.add(f"size of that {form} file", received / rows, "bytes/row")
    return report.print()


def _one_truck(report: Report, rounds: int) -> None:
    """Add what reading one truck of an hour takes against reading all of them, and what small row groups cost."""
    fleet, now_ms, sent = Fleet(300, 5.0, 1, start_ms=day_ms(FIRST_DATE)), day_ms(FIRST_DATE), []
    for _ in range(POSITIONS_PER_HOUR):
        now_ms += 5_000
        sent += [each for each in fleet.tick(now_ms) if isinstance(each, Position)]
    form, columns = ParquetFormat(), PositionColumns.from_positions(sent)
    data = form.write_settled(columns)
    read = alternate(
        lambda: seconds(lambda: form.read(data, {columns.trucks[150]})), lambda: seconds(lambda: form.read(data)),
        rounds=rounds,
    )  # fmt: skip
    peer = Peer("all of them", read.b * 1000)
    report.add("reading one truck of an hour of 300 trucks", read.a * 1000, "ms", better="lower", peer=peer)
    report.add("size of that hour", len(data) / len(columns), "bytes/position", better="lower", goal=5.2)


def _seconds(reports: Reports, name: str, query: dict[str, str]) -> float:
    begin = time.perf_counter()
    reports.get(name, **query)
    return time.perf_counter() - begin


def _download(client: httpx.Client, form: str, query: dict[str, str]) -> int:
    wanted = {name.rstrip("_"): value for name, value in query.items()}
    with client.stream("GET", f"/api/v1/reports/export/hourly.{form}", params=wanted) as answer:
        assert answer.status_code == 200
        return sum(len(chunk) for chunk in answer.iter_raw())


if __name__ == "__main__":
    sys.exit(main())
