"""The reporting API over an archive made by hand: reports, exports, saved links, odd input."""

import csv
import io
import json
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import openpyxl
import pyarrow.parquet as pq
import pytest
from tests.support.aws_parts import moto_session
from tests.support.http_server import running
from tests.support.reports_process import reports_of

from truckstream.aws.archive import S3Archive
from truckstream.consumers import journeys
from truckstream.consumers.archive_keys import live_key
from truckstream.consumers.compaction import compact
from truckstream.consumers.statistics import refresh
from truckstream.core.errors import InvalidInput
from truckstream.core.geofences import Geofence, LatLon
from truckstream.core.instants import date_of, parse_instant
from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.trips import Segment
from truckstream.local.directory import DataDirectory
from truckstream.parquet import ParquetFormat
from truckstream.ports import RejectedRecord
from truckstream.reports import hours
from truckstream.reports.application import ReportApplication
from truckstream.reports.period import parse_period
from truckstream.reports.reader import Filter, Reader
from truckstream.reports.sources import ReportOptions, ReportSources
from truckstream.testing import MemoryArchive, MemoryGeofences, MemoryRejected

FORMAT = ParquetFormat()
ROOT = Path(__file__).resolve().parents[2]
FORMULA = "-1.HYPERLINK"  # a truck id a spreadsheet would calculate
T0 = parse_instant("2024-03-30T22:00:00Z")  # an hour before the local day of 23 hours
MINUTE_MS = 60_000


def drive(truck: str, from_minute: int, minutes: int, *, kmh: float = 0.0, east_km: float = 0.0) -> list[Position]:
    """Return a position a minute, driving east (or standing) at that speed."""
    return [
        Position(
            truck,
            T0 + (from_minute + at) * MINUTE_MS,
            47.0,
            round(8.0 + (east_km + kmh * at / 60) / 76.06, 7),
            kmh,
            engine_status="running" if kmh else "idle",
        )
        for at in range(minutes)
    ]


def fleet() -> list[Position]:
    """Two trucks over the night in which the clock goes forward; one is silent for 90 minutes."""
    a = [
        *drive("A", 0, 60),
        *drive("A", 60, 30, kmh=60),
        *drive("A", 90, 90, east_km=30),
        *drive("A", 270, 200, kmh=30, east_km=30),
    ]
    return [*a, *drive(FORMULA, 100, 60, kmh=90)]


def put(archive: MemoryArchive, sequence: int, positions: list[Position]) -> None:
    for date in sorted({date_of(position.timestamp_ms) for position in positions}):
        places = [place for place, position in enumerate(positions) if date_of(position.timestamp_ms) == date]
        part = [positions[place] for place in places]
        rows = ReceivedPositions(part, [sequence] * len(part), places, [T0] * len(part))
        archive.put(live_key(date, "shard-0", sequence, sequence), FORMAT.write_received(rows))


def sources() -> ReportSources:
    archive = MemoryArchive()
    put(archive, 1, fleet())
    put(archive, 2, [*drive("A", 5, 3), *drive("A", 180, 1, east_km=30)])  # three twice, one late
    yard = Geofence(
        geofence_id="yard", name="=cmd|' /C calc'!A0", type="circle", center=LatLon(47.0, 8.0), radius_meters=500
    )
    rejected = MemoryRejected()
    rejected.put([RejectedRecord("shard-0", 9, 0, "latitude: missing", b"{}", T0 + 3_600_000, "A")])
    return ReportSources(archive, FORMAT, MemoryGeofences([yard]), rejected, 200.0)


class Api:
    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=f"{url}/api/v1/reports", timeout=30)

    def ask(self, name: str, **query: Any) -> httpx.Response:
        base = {"from": "2024-03-31", "to": "2024-03-31", "tz": "Europe/Zurich"}
        return self.client.get(f"/{name}", params=base | query)

    def get(self, name: str, **query: Any) -> dict[str, Any]:
        answer = self.ask(name, **query)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture(scope="module")
def application() -> ReportApplication:
    return ReportApplication(sources(), ReportOptions(clock=lambda: T0))


@pytest.fixture(scope="module")
def url(application: ReportApplication) -> Generator[str]:
    with running(application.asgi) as address:
        yield address


@pytest.fixture(scope="module")
def api(url: str) -> Generator[Api]:
    with asking(url) as api:
        yield api


@contextmanager
def asking(url: str) -> Generator[Api]:
    api = Api(url)
    with api.client:
        yield api


def comments(text: str) -> dict[str, str]:
    return dict(line[2:].split(": ", 1) for line in text.splitlines() if line.startswith("# "))


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(line for line in io.StringIO(text) if not line.startswith("# ")))


# --- reports ----------------------------------------------------------------------------------------------


def test_day_of_23_hours_says_so_and_its_hours_add_up(api: Api) -> None:
    fleet = api.get("fleet")
    assert [(day["date"], day["hours"]) for day in fleet["days"]] == [("2024-03-31", 23)]
    assert any("23 hours" in note for note in fleet["complete"]["notes"])
    assert len(fleet["heatmap"]["hours"]) == 23
    assert (fleet["from"], fleet["to"]) == ("2024-03-30T23:00:00.000Z", "2024-03-31T22:00:00.000Z")
    assert sum(row["positions"] for row in fleet["hours"]) == fleet["totals"]["positions"] == 381
    # The hour before midnight belongs to the day before.
    before = api.get("fleet", **{"from": "2024-03-30", "to": "2024-03-30"})
    assert before["totals"]["positions"] == 60
    assert fleet["previous"]["positions"] == 60


def test_half_hour_zone_counts_each_utc_hour_to_the_day_in_which_it_begins(api: Api) -> None:
    days = api.get("fleet", **{"from": "2024-03-31", "to": "2024-04-01", "tz": "Asia/Kolkata"})["days"]
    rows = api.get("hourly", **{"from": "2024-03-31", "to": "2024-04-01", "tz": "Asia/Kolkata"})["items"]
    assert sum(day["positions"] for day in days) == sum(row["coordinates_count"] for row in rows) == 441
    assert {row["hour_local"][14:16] for row in rows} == {"30"}


def test_trips_stops_and_gaps_of_the_night(api: Api) -> None:
    trips, stops = (api.get(name, trucks="A")["items"] for name in ("trips", "stops"))
    assert [(row["start"][11:16], row["end"] and row["end"][11:16]) for row in trips] == [
        ("23:00", "23:30"),
        ("02:30", None),
    ]
    assert trips[0]["start_local"] == "2024-03-31T00:00:00+01:00"
    assert trips[1]["start_local"] == "2024-03-31T04:30:00+02:00"
    assert stops[-1]["duration_minutes"] == pytest.approx(180, abs=1)
    quality = api.get("quality", trucks="A")
    assert [round(gap["minutes"]) for gap in quality["gaps"]] == [90]


def test_period_within_an_hour_is_not_said_to_be_without_positions(api: Api) -> None:
    asked = {"from": "2024-03-30T23:10:00Z", "to": "2024-03-30T23:50:00Z", "tz": "UTC"}
    trips = api.get("trips", **asked)
    assert trips["items"]
    for answer in (trips, api.get("fleet", **asked), api.get("quality", **asked)):
        assert answer["complete"]["notes"][0].startswith("No clock hour begins in this period")
    nothing = api.get("fleet", **{"from": "2024-03-01", "to": "2024-03-01"})
    assert nothing["complete"]["notes"][0] == "There are no positions in this period."


def test_quality_tells_what_came_twice_late_or_not_at_all(api: Api) -> None:
    quality = api.get("quality", **{"from": "2024-03-30"})
    totals = quality["totals"]
    assert (totals["duplicates"], totals["late"], totals["rejected"], totals["gaps"]) == (3, 1, 1, 1)
    assert quality["reasons"] == [{"reason": "latitude: missing", "count": 1}]
    by_truck = {row["truck_id"]: row for row in quality["trucks"]}
    assert (by_truck["A"]["duplicates"], by_truck[FORMULA]["duplicates"]) == (3, 0)


def test_compaction_changes_no_figure() -> None:
    source = sources()
    before = ReportApplication(source, ReportOptions(clock=lambda: T0))
    refresh(source.archive, FORMAT, clock_ms=None, limit_kmh=200.0)
    with running(before.asgi) as address, asking(address) as api:
        fleet, trips, quality = api.get("fleet"), api.get("trips"), api.get("quality")
        compact(source.archive, FORMAT, clock_ms=None)
        assert api.get("fleet")["totals"] == fleet["totals"]
        assert api.get("trips")["items"] == trips["items"]
        for part in ("totals", "days", "trucks", "gaps", "reasons"):
            assert api.get("quality")[part] == quality[part], part


def test_hours_that_were_compacted_uncounted_have_unknown_duplicates() -> None:
    source = sources()
    refresh(source.archive, FORMAT, clock_ms=None, limit_kmh=200.0)
    compact(source.archive, FORMAT, clock_ms=None)
    kept = [file.key for file in source.archive.list("positions/") if file.key.endswith("_deliveries.bin")]
    source.archive.delete(kept[:1])  # as of an archive that an older version compacted
    with running(ReportApplication(source).asgi) as address, asking(address) as api:
        quality = api.get("quality")
        assert quality["totals"]["duplicates"] is not None
        assert any("of an hour are not known" in note for note in quality["complete"]["notes"])
        # What nobody counted is unknown, not 0, beside what is known.
        wide = api.get("quality", **{"from": "2024-03-30", "tz": "UTC"})
        assert [day["late"] for day in wide["days"]] == [None, wide["totals"]["late"]]
        assert wide["totals"]["late"] is not None
    source.archive.delete(kept)
    with running(ReportApplication(source).asgi) as address, asking(address) as api:
        quality = api.get("quality")
        assert (quality["totals"]["duplicates"], quality["totals"]["late"]) == (None, None)
        assert any("of these hours are not known" in note for note in quality["complete"]["notes"])


def test_empty_archive_answers_everything_with_nothing() -> None:
    empty = ReportSources(MemoryArchive(), FORMAT, MemoryGeofences(), MemoryRejected(), 200.0)
    with running(ReportApplication(empty).asgi) as address, asking(address) as api:
        found = api.client.get("/range").json()
        assert (found["first"], found["last"], found["trucks"]) == (None, None, [])
        fleet = api.get("fleet")
        assert (fleet["totals"]["positions"], fleet["complete"]["ok"], fleet["heatmap"]["trucks"]) == (0, False, [])
        for name in ("hourly", "trips", "stops", "visits"):
            assert api.get(name)["items"] == []
        assert api.get("quality")["totals"]["positions"] == 0
        assert api.get("route", truck="A")["rows"] == []
        assert api.get("compare", other_from="2024-01-01", other_to="2024-01-02")["trucks"] == []
        for form in ("csv", "xlsx", "parquet", "gpx", "geojson"):
            assert api.ask(f"export/trips.{form}").status_code == 200


def test_pages_of_rows_hold_each_row_once(api: Api) -> None:
    whole = api.get("hourly", **{"from": "2024-03-30"})
    rows, cursor = [], None
    while True:
        page = api.get("hourly", **{"from": "2024-03-30", "limit": 2} | ({"cursor": cursor} if cursor else {}))
        rows += page["items"]
        assert len(page["items"]) <= 2
        cursor = page["next"]
        if cursor is None:
            break
    assert rows == whole["items"]
    assert whole["total"] == len(rows) > 5
    assert api.ask("hourly", cursor="00").status_code == 400
    assert api.ask("hourly", cursor="zz").status_code == 400


def test_visits_of_one_geofence_and_their_name(api: Api) -> None:
    (visit,) = api.get("visits", geofence="yard", trucks="A", **{"from": "2024-03-30"})["items"]
    assert (visit["arrive_seen"], visit["arrive"], visit["leave"][:16]) == (
        False,
        "2024-03-30T22:00:00.000Z",
        "2024-03-30T23:01",
    )
    assert visit["geofence_name"].startswith("=cmd")
    assert api.get("visits", geofence="elsewhere")["items"] == []


# --- exports ----------------------------------------------------------------------------------------------


def test_csv_holds_what_is_shown_with_zone_and_filter(api: Api) -> None:
    answer = api.ask("export/hourly.csv", trucks="A")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith('"hourly_2024-03-31_2024-03-31_Europe-Zurich.csv"')
    about = comments(answer.text)
    assert (about["time zone"], about["trucks"], about["table"]) == ("Europe/Zurich", "A", "hourly")
    assert about["from"] == "2024-03-31T00:00:00+01:00"
    assert about["to"] == "2024-04-01T00:00:00+02:00 (not included)"
    shown = api.get("hourly", trucks="A")["items"]
    rows = rows_of(answer.text)
    assert list(rows[0]) == list(shown[0])
    assert [(row["hour"], float(row["total_distance_km"])) for row in rows] == [
        (row["hour"], row["total_distance_km"]) for row in shown
    ]


@pytest.mark.parametrize(("name", "first"), [("quality_days", ["date", "hours"]), ("quality_trucks", ["truck_id"])])
def test_columns_begin_with_what_the_row_is_about(api: Api, name: str, first: list[str]) -> None:
    (row, *_) = rows_of(api.ask(f"export/{name}.csv").text)
    names = list(row)
    assert names == [*first, "positions", "gaps", "gap_minutes", "duplicates", "late", "rejected"]
    (told, *_) = api.get("quality")[name.removeprefix("quality_")]
    assert [row[column] for column in first] == [str(told[column]).replace("-1.", "'-1.") for column in first]
    assert row["positions"] == str(told["positions"])


def test_text_that_a_spreadsheet_would_calculate_is_defused(api: Api) -> None:
    rows = rows_of(api.ask("export/trucks.csv").text)
    assert [row["truck_id"] for row in rows] == [f"'{FORMULA}", "A"]
    visits = rows_of(api.ask("export/visits.csv", **{"from": "2024-03-30"}).text)
    assert visits[0]["geofence_name"].startswith("'=cmd")
    book = openpyxl.load_workbook(io.BytesIO(api.ask("export/visits.xlsx", **{"from": "2024-03-30"}).content))
    cells = [cell for line in book["visits"].iter_rows() for cell in line]
    assert any(cell.value == "=cmd|' /C calc'!A0" for cell in cells)
    assert "f" not in {cell.data_type for cell in cells}


def test_xlsx_has_real_numbers_and_local_times_and_a_sheet_about_itself(api: Api) -> None:
    book = openpyxl.load_workbook(io.BytesIO(api.ask("export/trips.xlsx", trucks="A").content))
    lines = [[cell.value for cell in line] for line in book["trips"].iter_rows()]
    shown = api.get("trips", trucks="A")["items"]
    assert lines[0] == list(shown[0])
    first = dict(zip(lines[0], lines[1], strict=True))
    assert first["distance_km"] == shown[0]["distance_km"]
    assert first["start_local"] == datetime(2024, 3, 31)
    assert first["start"] == shown[0]["start"]
    about = {line[0].value: line[1].value for line in book["about"].iter_rows()}
    assert about["time zone"] == "Europe/Zurich"


def test_parquet_has_types_and_the_filter_in_its_metadata(api: Api) -> None:
    table = pq.read_table(io.BytesIO(api.ask("export/hourly.parquet").content))
    shown = api.get("hourly")["items"]
    assert table.column_names == list(shown[0])
    assert str(table.schema.field("hour").type) == "timestamp[ms, tz=UTC]"
    assert table["total_distance_km"].to_pylist() == [row["total_distance_km"] for row in shown]
    about = dict(json.loads(table.schema.metadata[b"truckstream.report"]))
    assert (about["time zone"], about["trucks"]) == ("Europe/Zurich", "all")


def test_geojson_and_gpx_show_the_way(api: Api) -> None:
    trips = api.ask("export/trips.geojson", trucks="A").json()
    assert trips["about"]["time zone"] == "Europe/Zurich"
    assert [len(feature["geometry"]["coordinates"]) for feature in trips["features"]] == [
        feature["properties"]["positions"] for feature in trips["features"]
    ]
    stops = api.ask("export/stops.geojson", trucks="A").json()["features"]
    assert {feature["geometry"]["type"] for feature in stops} == {"Point"}
    route = api.ask("export/route.geojson", truck="A").json()["features"][0]
    assert [len(line) for line in route["geometry"]["coordinates"]] == [121, 200]
    space = {"g": "http://www.topografix.com/GPX/1/1"}
    gpx = ElementTree.fromstring(api.ask("export/route.gpx", truck="A").content)
    assert [len(part) for part in gpx.findall(".//g:trkseg", space)] == [121, 200]
    assert "Europe/Zurich" in (gpx.findtext(".//g:desc", namespaces=space) or "")
    tracks = ElementTree.fromstring(api.ask("export/trips.gpx").content).findall("g:trk", space)
    assert len(tracks) == len(api.get("trips")["items"])


def test_export_of_a_route_is_never_thinned(api: Api) -> None:
    assert sum(row is not None for row in api.get("route", truck="A", limit=10)["rows"]) < 20
    assert len(rows_of(api.ask("export/route.csv", truck="A").text)) == 321


def test_exports_are_sorted_as_asked(api: Api) -> None:
    for table, column in (("hourly", "total_distance_km"), ("trucks", "distance_km"), ("trips", "end")):
        for sign in ("", "-"):
            rows = rows_of(api.ask(f"export/{table}.csv", sort=sign + column).text)
            values = [row[column] for row in rows if row[column]]
            numbers = [float(value) if column != "end" else value for value in values]
            assert numbers == sorted(numbers, reverse=bool(sign)), (table, column)
            assert [row[column] for row in rows[len(values) :]] == [""] * (len(rows) - len(values))
    assert "sort" in api.ask("export/trips.csv", sort="nothing").json()["error"]


@pytest.mark.parametrize(
    ("name", "rows"),
    [("days", 1), ("gaps", 1), ("quality_days", 1), ("quality_trucks", 2), ("compare", 7), ("compare_trucks", 2)],
)
def test_every_table_can_be_exported(api: Api, name: str, rows: int) -> None:
    other = {"other_from": "2024-03-30", "other_to": "2024-03-30"}
    assert len(rows_of(api.ask(f"export/{name}.csv", **other).text)) == rows
    for form in ("xlsx", "parquet"):
        assert api.ask(f"export/{name}.{form}", **other).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "export/days.gpx",
        "export/route.csv",
        "export/compare.csv",
        "export/nothing.csv",
        "export/trips.pdf",
        "export/trips",
        "fleet?tz=Mars/Olympus",
        "fleet?trucks=" + ",".join(str(number) for number in range(5_001)),
        "hourly?limit=0",
        "route",
    ],
)
def test_wrong_requests_are_refused_in_words(api: Api, path: str) -> None:
    name, _, query = path.partition("?")
    more = dict(part.split("=", 1) for part in query.split("&") if part)
    answer = api.ask(name, **more)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert answer.json()["hint"]


def test_memory_is_bounded_and_what_was_forgotten_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    source = sources()
    refresh(source.archive, FORMAT, clock_ms=None, limit_kmh=200.0)
    reader = Reader(source, lambda: T0)
    wanted = Filter(parse_period("2024-03-30", "2024-03-31", "UTC"))
    fleet = reader.fleet(wanted)
    monkeypatch.setattr(hours, "KEPT_ROWS", 1)
    assert [reader.fleet(wanted) for _ in range(2)] == [fleet] * 2
    assert reader.range("UTC").trucks == [FORMULA, "A"]
    monkeypatch.setattr(hours, "MOST_ROWS", 5)
    with pytest.raises(InvalidInput, match=r"^to: "):
        reader.fleet(wanted)
    assert reader.range("UTC").trucks == [FORMULA, "A"]


def test_a_period_that_fits_is_told_also_when_the_one_before_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    source = sources()
    assert isinstance(source.archive, MemoryArchive)
    put(source.archive, 50, drive("A", -5 * 24 * 60, 60))  # within the reach of the period before only
    refresh(source.archive, FORMAT, clock_ms=None, limit_kmh=200.0)
    reader = Reader(source, lambda: T0)
    wanted = Filter(parse_period("2024-04-01", "2024-04-03", "UTC"))
    assert reader.fleet(wanted).previous is not None
    monkeypatch.setattr(hours, "MOST_ROWS", len(reader.look(wanted).around))
    fleet = reader.fleet(wanted)
    assert fleet.previous is None
    assert any("no comparison" in note for note in fleet.complete.notes)


# --- saved links ------------------------------------------------------------------------------------------


def test_links_are_saved_listed_and_deleted(api: Api) -> None:
    made = api.client.post("/links", json={"name": " Monday  fleet ", "query": "?view=fleet&period=last7"})
    assert made.status_code == 201
    link = made.json()
    assert (link["name"], link["query"], link["created_at"]) == (
        "Monday fleet",
        "view=fleet&period=last7",
        "2024-03-30T22:00:00.000Z",
    )
    assert api.client.get("/links").json()["items"] == [link]
    assert api.client.delete(f"/links/{link['link_id']}").status_code == 204
    assert api.client.delete(f"/links/{link['link_id']}").status_code == 404
    assert api.client.get("/links").json()["items"] == []


@pytest.mark.parametrize(
    "link",
    [{"name": "", "query": ""}, {"name": "x" * 201, "query": ""}, {"name": "x", "query": "a\nb"}, {"name": "x"}, [], 1],
)
def test_wrong_links_are_refused(api: Api, link: object) -> None:
    assert api.client.post("/links", json=link).status_code == 400


def test_no_link_reaches_out_of_its_folder(api: Api) -> None:
    for link_id in ("..", "../../settings", "%2e%2e%2f", "ABCDEF0123456789"):
        assert api.client.delete(f"/links/{link_id}").status_code in (404, 405)


# --- the server -------------------------------------------------------------------------------------------


def test_many_readers_at_once_get_the_same_answer(api: Api, url: str) -> None:
    answers: list[dict[str, Any]] = []

    def ask() -> None:
        with asking(url) as api:
            answers.append(api.get("fleet"))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer["totals"] for answer in answers] == [api.get("fleet")["totals"]] * 12


def test_what_a_page_asks_at_once_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def slow(*arguments: Any, **more: Any) -> list[Segment]:
        made.append(arguments)
        time.sleep(0.2)
        return real(*arguments, **more)

    real = journeys.trips_and_stops
    monkeypatch.setattr(journeys, "trips_and_stops", slow)
    reader = Reader(sources(), lambda: T0)
    wanted = Filter(parse_period("2024-03-30", "2024-03-31", "UTC"))
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda ask=ask: found.append(len(ask(wanted)[1])))
        for ask in (reader.trips, reader.stops, reader.trips, reader.stops)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), len(made)) == (4, 1)


def test_config_and_session_tell_the_pages_where_they_are(url: str) -> None:
    assert httpx.get(f"{url}/api/v1/session", timeout=30).json() == {"role": "admin", "open": True}
    assert httpx.get(f"{url}/api/v1/config", timeout=30).json()["backend"] == "local"
    assert httpx.get(url, timeout=30).status_code == 200


def test_other_addresses_ask_for_a_token(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    DataDirectory(Path(data)).create()
    tokens = {}
    for role in ("viewer", "dispatcher"):
        command = [sys.executable, "-m", "truckstream", "tokens", "create", "--role", role, "--data", data]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        tokens[role] = next(word for word in said.split() if word.startswith("ts_"))
    with reports_of(Path(data), "--host", "0.0.0.0") as reports:
        query = {"from": "2024-03-31", "to": "2024-03-31", "tz": "UTC"}
        assert reports.client.get("/api/v1/reports/fleet", params=query).status_code == 401
        viewer, dispatcher = ({"Authorization": f"Bearer {token}"} for token in tokens.values())
        assert reports.client.get("/api/v1/reports/fleet", params=query, headers=viewer).status_code == 200
        link = {"name": "ours", "query": "view=fleet"}
        assert reports.client.post("/api/v1/reports/links", json=link, headers=viewer).status_code == 403
        assert reports.client.post("/api/v1/reports/links", json=link, headers=dispatcher).status_code == 201
        assert reports.client.get("/").status_code == 200


def test_demo_script_makes_a_history_that_the_reports_show(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    script = ROOT / "scripts" / "demo.sh"
    subprocess.run([str(script), str(data), "3", "1", "60"], check=True, capture_output=True, timeout=300)
    with reports_of(data) as reports:
        found = reports.get("range", tz="UTC")
        assert len(found["trucks"]) == 3
        fleet = reports.get("fleet", from_=found["first"], to=found["last"], tz="UTC")
        assert fleet["totals"]["trips"] > 5
        assert reports.get("visits", from_=found["first"], to=found["last"], tz="UTC")["total"] > 0
    again = subprocess.run([str(script), str(data)], capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr.splitlines()[0]) == (1, f"error: {data} exists already")


def test_archive_on_s3_gives_the_same_reports_and_keeps_the_links() -> None:
    source = sources()
    with moto_session(bucket=True) as session:
        bucket = S3Archive(session)
        for file in source.archive.list(""):
            bucket.put(file.key, source.archive.get(file.key))
        on_s3 = msgspec.structs.replace(source, archive=bucket, backend="aws")
        with (
            running(ReportApplication(source).asgi) as one,
            running(ReportApplication(on_s3).asgi) as other,
            asking(one) as here,
            asking(other) as there,
        ):
            for name in ("fleet", "hourly", "trips", "stops", "visits", "quality"):
                answers = [api.get(name) for api in (here, there)]
                for answer in answers:
                    del answer["generated_at"]
                assert answers[0] == answers[1], name
            made = there.client.post("/links", json={"name": "ours", "query": "view=fleet"}).json()
            assert there.client.get("/links").json()["items"] == [made]
            assert there.client.delete(f"/links/{made['link_id']}").status_code == 204
