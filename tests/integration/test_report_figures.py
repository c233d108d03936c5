"""The reports' figures where data is patchy: speeds known now and then, silent days, rows that came late or again."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from tests.support.http_server import running

from truckstream.consumers.archive_keys import live_key
from truckstream.core.instants import HOUR_MS, date_of, parse_instant
from truckstream.core.records import Position, ReceivedPositions
from truckstream.parquet import ParquetFormat
from truckstream.ports import RejectedRecord
from truckstream.reports.application import ReportApplication
from truckstream.reports.sources import ReportOptions, ReportSources
from truckstream.testing import MemoryArchive, MemoryGeofences, MemoryRejected

FORMAT = ParquetFormat()
T0 = parse_instant("2024-05-02T12:00:00Z")
DAY_MS = 24 * HOUR_MS


def put(archive: MemoryArchive, first: int, *positions: Position) -> None:
    """Archive positions received in this order, the first with sequence number `first`; one file for each date."""
    for date in sorted({date_of(position.timestamp_ms) for position in positions}):
        mine = [(first + at, each) for at, each in enumerate(positions) if date_of(each.timestamp_ms) == date]
        numbers, rows = [number for number, _ in mine], [each for _, each in mine]
        received = ReceivedPositions(rows, numbers, [0] * len(rows), [T0] * len(rows))
        archive.put(live_key(date, "shard-0", numbers[0], numbers[-1]), FORMAT.write_received(received))


def at(truck: str, ms: int, speed: float | None = None, *, north: float = 0.0) -> Position:
    return Position(truck, T0 + ms, 47.0 + north, 8.0, speed)


@contextmanager
def reports(archive: MemoryArchive, *rejected: RejectedRecord) -> Generator[Any]:
    """Serve reports of the archive; call what this yields with a report's name, first and last day."""
    store = MemoryRejected()
    store.put(rejected)
    source = ReportSources(archive, FORMAT, MemoryGeofences([]), store, 0.0)
    with (
        running(ReportApplication(source, ReportOptions(clock=lambda: T0)).asgi) as address,
        httpx.Client(base_url=f"{address}/api/v1/reports", timeout=30) as client,
    ):

        def ask(name: str, first: str, last: str) -> Any:
            answer = client.get(f"/{name}", params={"from": first, "to": last, "tz": "UTC"})
            assert answer.status_code == 200, answer.text
            return answer.json()

        yield ask


def test_average_speed_weighs_every_position_with_a_speed_the_same() -> None:
    archive = MemoryArchive()
    first = [at("A", 60_000 * minute, 100.0 if minute == 5 else None) for minute in range(11)]
    second = [at("A", HOUR_MS + 60_000 * minute, 10.0) for minute in range(10)]
    put(archive, 1, *first, *second)
    with reports(archive) as ask:
        (truck,) = ask("fleet", "2024-05-02", "2024-05-02")["trucks"]
        assert truck["average_speed_kmh"] == pytest.approx((100 + 10 * 10) / 11, abs=1e-4)


def test_silent_time_of_days_and_of_trucks_is_the_same_also_where_a_day_has_no_positions() -> None:
    archive = MemoryArchive()
    put(archive, 1, at("A", 0), at("A", 60_000), at("A", 2 * DAY_MS), at("A", 2 * DAY_MS + 60_000))
    with reports(archive) as ask:
        quality = ask("quality", "2024-05-02", "2024-05-04")
        days = [day["gap_minutes"] for day in quality["days"]]
        assert days == [719.0, 1440.0, 720.0]
        assert sum(days) == quality["totals"]["gap_minutes"] == sum(row["gap_minutes"] for row in quality["trucks"])
        assert [day["gap_minutes"] for day in ask("fleet", "2024-05-02", "2024-05-04")["days"]] == days
        # Within the silence: the truck is listed with its time, though nothing came from it.
        between = ask("quality", "2024-05-03", "2024-05-03")
        assert [(row["truck_id"], row["positions"], row["gap_minutes"]) for row in between["trucks"]] == [
            ("A", 0, 1440)
        ]


def test_silence_over_a_long_weekend_is_the_same_in_any_period() -> None:
    archive = MemoryArchive()
    put(archive, 1, at("A", 0), at("A", 60_000), at("A", 4 * DAY_MS), at("A", 4 * DAY_MS + 60_000))
    put(archive, 11, at("B", DAY_MS), at("B", DAY_MS + 60_000))  # another truck has data one day longer
    with reports(archive) as ask:
        days = ask("fleet", "2024-05-02", "2024-05-06")["days"]
        assert [day["gap_minutes"] for day in days] == [719.0, 1440.0, 1440.0, 1440.0, 720.0]
        assert [ask("fleet", day["date"], day["date"])["days"] for day in days] == [[day] for day in days]


def test_day_without_positions_or_known_silence_has_no_silent_time() -> None:
    archive = MemoryArchive()
    put(archive, 1, at("A", 0), at("A", 60_000))
    with reports(archive) as ask:
        days = ask("quality", "2024-05-02", "2024-05-04")["days"]
        assert [day["gap_minutes"] for day in days] == [0.0, None, None]


def test_position_that_a_newer_one_of_the_next_day_overtook_is_late_in_either_period() -> None:
    archive = MemoryArchive()
    midnight = DAY_MS // 2
    put(archive, 1, at("A", midnight - 120_000), at("A", midnight + 5_000), at("A", midnight - 60_000))
    with reports(archive) as ask:
        alone = ask("quality", "2024-05-02", "2024-05-02")
        both = ask("quality", "2024-05-02", "2024-05-03")
        assert [day["late"] for day in alone["days"]] == [1]
        assert [day["late"] for day in both["days"]] == [1, 0]


def test_batch_that_was_worked_on_again_in_parts_makes_no_duplicates() -> None:
    archive = MemoryArchive()
    rows = [at("A", 5_000 * place) for place in range(4)]
    put(archive, 1, *rows)
    put(archive, 1, *rows[:2])  # the same records, in a file of their own
    put(archive, 9, rows[3])  # and one that was really sent twice
    with reports(archive) as ask:
        totals = ask("quality", "2024-05-02", "2024-05-02")["totals"]
        assert (totals["duplicates"], totals["late"]) == (1, 0)


def test_rejected_records_of_one_kind_are_one_line() -> None:
    reasons = [
        "not JSON: damaged at character 105: '\"sp'",
        "not JSON: damaged at character 7: '}'",
        "latitude: missing",
    ]
    records = [RejectedRecord("shard-0", at, 0, reason, b"{", T0, "A") for at, reason in enumerate(reasons)]
    archive = MemoryArchive()
    put(archive, 1, at("A", 0))
    with reports(archive, *records) as ask:
        found = ask("quality", "2024-05-02", "2024-05-02")
        assert found["reasons"] == [
            {"reason": "not JSON: damaged", "count": 2},
            {"reason": "latitude: missing", "count": 1},
        ]
        assert found["totals"]["rejected"] == 3


def test_figures_left_out_are_said_in_a_comparison_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("truckstream.reports.travel.COUNTED_POSITIONS", 1)
    archive = MemoryArchive()
    put(archive, 1, at("A", 0), at("A", 60_000, north=0.01))
    source = ReportSources(archive, FORMAT, MemoryGeofences([]), MemoryRejected(), 0.0)
    with (
        running(ReportApplication(source, ReportOptions(clock=lambda: T0)).asgi) as address,
        httpx.Client(base_url=f"{address}/api/v1/reports", timeout=30) as client,
    ):
        query = {"from": "2024-05-02", "to": "2024-05-02", "tz": "UTC"}
        other = {"other_from": "2024-05-01", "other_to": "2024-05-01"}
        found = client.get("/compare", params=query | other).json()
        assert found["now"]["totals"]["trips"] is None
        assert [note for note in found["complete"]["notes"] if "Trips and stops are not counted" in note]


def test_open_hours_are_said_to_be_open_where_no_statistics_were_made_yet() -> None:
    archive = MemoryArchive()
    put(archive, 1, at("A", 0), at("A", HOUR_MS + 60_000), at("A", 2 * HOUR_MS + 240_000))
    with reports(archive) as ask:
        fleet = ask("fleet", "2024-05-02", "2024-05-02")
        assert any("Hours from 2024-05-02 13:00 on are still open" in note for note in fleet["complete"]["notes"])
        rows = ask("hourly", "2024-05-02", "2024-05-02")["items"]
        assert [row["final"] for row in rows] == [True, False, False]


def test_route_over_the_antimeridian_is_cut_there_in_geojson() -> None:
    archive = MemoryArchive()
    way = [
        Position("A", T0 + 60_000 * minute, -17.0, (179.99, 179.995, -179.995, -179.99)[minute]) for minute in range(4)
    ]
    put(archive, 1, *way)
    source = ReportSources(archive, FORMAT, MemoryGeofences([]), MemoryRejected(), 0.0)
    with (
        running(ReportApplication(source, ReportOptions(clock=lambda: T0)).asgi) as address,
        httpx.Client(base_url=f"{address}/api/v1/reports", timeout=30) as client,
    ):
        query = {"from": "2024-05-02", "to": "2024-05-02", "tz": "UTC"}
        expected = [
            [[179.99, -17.0], [179.995, -17.0], [180.0, -17.0]],
            [[-180.0, -17.0], [-179.995, -17.0], [-179.99, -17.0]],
        ]
        (route,) = client.get("/export/route.geojson", params=query | {"truck": "A"}).json()["features"]
        assert route["geometry"] == {"type": "MultiLineString", "coordinates": expected}
        middle = "2024-05-02T12:01:30.000Z"
        assert [times[0] for times in route["properties"]["times"]] == ["2024-05-02T12:00:00.000Z", middle]
        assert route["properties"]["times"][0][-1] == middle
        (trip,) = client.get("/export/trips.geojson", params=query).json()["features"]
        assert trip["geometry"]["coordinates"] == expected
        assert "to the newest position" in client.get("/export/trips.gpx", params=query).text
