"""The reports of real tracks show the reference answers, in UTC and in the tracks' own time zone, over HTTP."""

import csv
import gzip
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from tests.support.reports_process import Reports, reports_of

pytestmark = pytest.mark.data


class Case(NamedTuple):
    data: Path
    reports: Reports
    hourly: list[dict[str, str]]
    transitions: list[dict[str, str]]
    rows: int
    late: int
    tz: str
    from_: str
    to: str


# Data set, expected answers, its own zone, a period that holds all of it in every zone.
CASES = {
    "austin_arrival": ("austin", "America/Chicago", "2015-09-05", "2015-09-08"),
    "zurich_vans": ("zurich_vans", "Europe/Zurich", "2024-01-14", "2024-01-16"),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Case]:
    name = str(request.param)
    answers, tz, from_, to = CASES[name]
    data = tmp_path_factory.mktemp(name) / "data"
    source = test_data / f"{name}.csv.gz"
    command = [
        sys.executable, "-m", "truckstream", "replay", str(source), "--speed", "max", "--outlier-speed", "0",
        "--geofences", str(test_data / f"geofences_{answers}.json"), "--data", str(data),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with gzip.open(source, "rt") as file:
        rows = [(row["truck_id"], row["timestamp"]) for row in csv.DictReader(file)]
    folder = test_data / "expected" / answers
    with reports_of(data) as reports:
        hourly, transitions = _read(folder, "hourly"), _read(folder, "transitions")
        yield Case(data, reports, hourly, transitions, len(rows), late_in(rows), tz, from_, to)


def late_in(rows: list[tuple[str, str]]) -> int:
    """Return how many rows are older than one before of the same truck, repeated ones left out."""
    newest: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    late = 0
    for truck_id, timestamp in rows:
        late += (truck_id, timestamp) not in seen and timestamp < newest.get(truck_id, "")
        seen.add((truck_id, timestamp))
        newest[truck_id] = max(timestamp, newest.get(truck_id, ""))
    return late


def _read(folder: Path, name: str) -> list[dict[str, str]]:
    packed = folder / f"{name}.csv.gz"
    with gzip.open(packed, "rt") if packed.exists() else open(folder / f"{name}.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def asked(case: Case, tz: str) -> dict[str, Any]:
    return {"from_": case.from_, "to": case.to, "tz": tz}


@pytest.mark.parametrize("own_zone", [False, True])
def test_hourly_table_equals_the_reference(case: Case, own_zone: bool) -> None:
    tz = case.tz if own_zone else "UTC"
    rows = case.reports.items("hourly", **asked(case, tz), limit=700)
    assert len(rows) == len(case.hourly)
    told = {(row["truck_id"], row["hour"]): row for row in case.hourly}
    assert len(told) == len(case.hourly)
    for row in rows:
        expected = told[row["truck_id"], row["hour"]]
        assert row["coordinates_count"] == int(expected["coordinates_count"])
        assert row["total_distance_km"] == pytest.approx(float(expected["total_distance_km"]), rel=1e-6, abs=2e-6)
        for field in ("average_speed_kmh", "max_speed_kmh", "idle_time_minutes"):
            number = float(expected[field]) if expected[field] else None
            assert row[field] == (pytest.approx(number, abs=1e-3) if number is not None else None)
        local = datetime.fromisoformat(row["hour_local"])
        assert local == datetime.fromisoformat(row["hour"])
        assert local.utcoffset() == datetime.fromisoformat(row["hour"]).astimezone(ZoneInfo(tz)).utcoffset()


@pytest.mark.parametrize("own_zone", [False, True])
def test_days_are_those_of_the_zone_and_add_up(case: Case, own_zone: bool) -> None:
    tz = case.tz if own_zone else "UTC"
    fleet = case.reports.get("fleet", **asked(case, tz))
    distance: dict[str, float] = defaultdict(float)
    positions: Counter[str] = Counter()
    for row in case.hourly:
        date = datetime.fromisoformat(row["hour"]).astimezone(ZoneInfo(tz)).date().isoformat()
        distance[date] += float(row["total_distance_km"])
        positions[date] += int(row["coordinates_count"])
    days = {day["date"]: day for day in fleet["days"]}
    assert {date for date, day in days.items() if day["positions"]} == set(positions)
    for date, count in positions.items():
        assert days[date]["positions"] == count
        assert days[date]["distance_km"] == pytest.approx(distance[date], rel=1e-6)
    # The austin data is one local day: in its own zone it is on one date, in UTC on two.
    assert len(positions) == (1 if own_zone or case.tz == "Europe/Zurich" else 2)
    totals = fleet["totals"]
    assert totals["positions"] == sum(positions.values())
    assert totals["trucks"] == len({row["truck_id"] for row in case.hourly}) == len(fleet["trucks"])
    assert totals["distance_km"] == pytest.approx(sum(distance.values()), rel=1e-6)
    for part in ("days", "trucks"):
        assert sum(row["driving_minutes"] for row in fleet[part]) == pytest.approx(totals["driving_minutes"], abs=0.1)
        assert sum(row["distance_km"] for row in fleet[part]) == pytest.approx(totals["distance_km"], rel=1e-6)
    assert sum(fleet["speeds"]["minutes"]) == pytest.approx(totals["driving_minutes"], abs=0.01)
    shown = sum(cell or 0 for line in fleet["heatmap"]["minutes"] for cell in line)
    assert shown == pytest.approx(totals["driving_minutes"], rel=1e-3)
    idle = sum(float(row["idle_time_minutes"] or 0) for row in case.hourly)
    assert totals["idle_minutes"] == (
        None if all(row["idle_time_minutes"] == "" for row in case.hourly) else pytest.approx(idle, abs=0.1)
    )


def test_trips_stops_and_gaps_have_the_distance_of_the_hours(case: Case) -> None:
    query = asked(case, case.tz)
    trips, stops = (case.reports.items(name, **query, limit=10_000) for name in ("trips", "stops"))
    driven: dict[str, float] = defaultdict(float)
    for row in trips:
        driven[row["truck_id"]] += row["distance_km"]
    for row in stops:
        driven[row["truck_id"]] += row["moved_km"]
    fleet = case.reports.get("fleet", **query)
    for truck in fleet["trucks"]:
        # What is missing is in gaps, which are neither trip nor stop.
        missing = truck["distance_km"] - driven[truck["truck_id"]]
        assert missing > -0.001
        ends = [row["after"] for row in (*trips, *stops) if row["truck_id"] == truck["truck_id"]]
        if "gap" not in ends:
            assert abs(missing) < 0.001
    assert fleet["totals"]["trips"] == len(trips)
    assert fleet["totals"]["stops"] == len(stops)


def test_visits_are_the_reference_transitions_in_pairs(case: Case) -> None:
    visits = case.reports.items("visits", **asked(case, case.tz), limit=10_000)
    events = Counter((row["truck_id"], row["geofence_id"], row["event"], row["timestamp"]) for row in case.transitions)
    shown = Counter(
        (row["truck_id"], row["geofence_id"], event, row[field])
        for row in visits
        for event, field in (("enter", "arrive"), ("exit", "leave"))
        if row[field] is not None and (event == "exit" or row["arrive_seen"])
    )
    assert shown == events
    assert all(row["minutes"] >= 0 for row in visits)


def test_quality_counts_what_came_twice_and_late(case: Case) -> None:
    quality = case.reports.get("quality", **asked(case, case.tz))
    kept = sum(int(row["coordinates_count"]) for row in case.hourly)
    totals = quality["totals"]
    assert totals["positions"] == kept
    assert totals["duplicates"] == case.rows - kept
    assert totals["late"] == case.late
    assert (case.late > 0) == (case.rows > kept)  # one of the two files came as a real stream does
    assert totals["rejected"] == 0
    for part in ("days", "trucks"):
        for figure in ("duplicates", "late", "gaps"):
            assert sum(row[figure] for row in quality[part]) == totals[figure], (part, figure)
    assert len(quality["gaps"]) == totals["gaps"] == (261 if case.tz == "America/Chicago" else 6)
    assert sum(row["minutes"] for row in quality["gaps"]) == pytest.approx(totals["gap_minutes"], abs=0.1)


def test_a_truck_alone_has_its_own_rows_and_route(case: Case) -> None:
    truck = case.hourly[len(case.hourly) // 2]["truck_id"]
    own = [row for row in case.hourly if row["truck_id"] == truck]
    query = asked(case, case.tz) | {"trucks": truck}
    assert len(case.reports.items("hourly", **query)) == len(own)
    route = case.reports.get("route", **asked(case, case.tz), truck=truck, limit=100_000)
    assert sum(row is not None for row in route["rows"]) == sum(int(row["coordinates_count"]) for row in own)
    several = case.reports.items("hourly", **(query | {"trucks": f"{truck},{case.hourly[0]['truck_id']}"}))
    assert {row["truck_id"] for row in several} == {truck, case.hourly[0]["truck_id"]}


def test_quality_is_the_same_when_everything_is_compacted(case: Case, tmp_path: Path) -> None:
    """Settled files hold neither duplicates nor the order of reception; their counts are kept."""
    before = case.reports.get("quality", **asked(case, case.tz))
    shutil.copytree(case.data, tmp_path / "data")
    command = [sys.executable, "-m", "truckstream", "compact", "--all", "--data", str(tmp_path / "data")]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    positions = tmp_path / "data" / "archive" / "positions"
    assert {file.name[0] for file in positions.rglob("*.parquet")} == {"h"}
    with reports_of(tmp_path / "data") as reports:
        after = reports.get("quality", **asked(case, case.tz))
    for part in ("totals", "days", "trucks", "gaps"):
        assert after[part] == before[part], part
