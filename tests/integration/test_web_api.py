"""The HTTP API over real HTTP and the stores of a data directory: every address but the live stream."""

import gzip
import json
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.web import System, now_ms, served, served_directory, system
from tests.support.web_memory import MemoryWorld

from truckstream.core.errors import InvalidInput, StorageFull
from truckstream.core.instants import format_instant
from truckstream.core.records import Position, encode_position
from truckstream.web.history import period

DEPOT = {
    "geofence_id": "depot",
    "name": "Depot",
    "type": "circle",
    "center": {"latitude": 47.0, "longitude": 8.0},
    "radius_meters": 500,
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[System]:
    with system(tmp_path / "data") as running:
        yield running


@pytest.fixture
def client(running: System) -> Iterator[httpx.Client]:
    with served_directory(running.stores.directory.root) as client:
        yield client


def at(
    truck_id: str, age_s: float, longitude: float = 8.0, speed: float | None = 50, engine: Any = "running"
) -> Position:
    return Position(truck_id, now_ms() - round(age_s * 1000), 47.0, longitude, speed, 90.0, None, None, 80.0, engine)


def drive(running: System, truck_id: str = "TRK-1", steps: int = 10) -> list[Position]:
    """Drive east out of the depot, 10 s and 300 m a step, and let the pipeline take it."""
    positions = [at(truck_id, 10 * (steps - step), 8.0 + 0.004 * step) for step in range(steps)]
    running.send(*positions)
    return positions


def wait_for(client: httpx.Client, path: str, found: Any) -> Any:
    """Ask until the live view has caught up."""
    for _ in range(200):
        answer = client.get(path)
        if answer.status_code == 200 and found(answer.json()):
            return answer.json()
        time.sleep(0.1)
    raise AssertionError(answer.text)


def test_positions_are_listed_in_pages_with_states_and_searched(running: System, client: httpx.Client) -> None:
    running.send(at("A-1", 1), at("A-2", 2, speed=0), at("B-1", 3, speed=0, engine="off"), at("B-2", 900))
    wait_for(client, "/api/v1/positions", lambda found: len(found["items"]) == 4)
    seen: list[tuple[str, str]] = []
    cursor = None
    for _ in range(5):
        page = client.get("/api/v1/positions", params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
        seen += [(item["truck_id"], item["state"]) for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [("A-1", "moving"), ("A-2", "idling"), ("B-1", "stopped"), ("B-2", "offline")]
    assert [item["truck_id"] for item in client.get("/api/v1/positions?q=b-").json()["items"]] == ["B-1", "B-2"]
    assert [item["truck_id"] for item in client.get("/api/v1/positions?state=moving").json()["items"]] == ["A-1"]
    wrong = client.get("/api/v1/positions?state=flying")
    assert (wrong.status_code, wrong.json()["field"]) == (400, "state")
    assert client.get("/api/v1/positions?cursor=zz").status_code == 400
    assert client.get("/api/v1/positions?limit=10001").status_code == 400


def test_one_truck_tells_its_geofences_and_a_truck_named_only_in_a_geofence_was_never_seen(
    running: System, client: httpx.Client
) -> None:
    client.post("/api/v1/geofences", json=[DEPOT, {**DEPOT, "geofence_id": "own", "trucks": ["TRK-7", "VAN-*"]}])
    running.send(at("TRK-1", 40, 8.008), at("TRK-1", 10, 8.0))
    wait_for(client, "/api/v1/positions/TRK-1", lambda found: found["geofences"])
    truck = client.get("/api/v1/positions/TRK-1").json()
    assert [(each["geofence_id"], each["name"]) for each in truck["geofences"]] == [("depot", "Depot")]
    assert truck["geofences"][0]["since"] == truck["timestamp"]
    never = wait_for(client, "/api/v1/positions/TRK-7", lambda found: True)
    assert (never["state"], never["timestamp"], never["latitude"]) == ("never", None, None)
    assert client.get("/api/v1/positions/VAN-*").status_code == 404
    client.delete("/api/v1/geofences/own")
    for _ in range(200):
        if client.get("/api/v1/positions/TRK-7").status_code == 404:
            break
        wait_for(client, "/api/v1/health", lambda found: True)
        time.sleep(0.1)
    assert client.get("/api/v1/positions/TRK-7").status_code == 404


def test_history_joins_the_archive_with_what_is_not_archived_yet_each_position_once(
    running: System, client: httpx.Client
) -> None:
    archived = drive(running, steps=6)
    tail = [at("TRK-1", -step, 8.1) for step in range(1, 4)]
    running.place(*tail, archived[-1], tail[0])
    expected = [format_instant(each.timestamp_ms) for each in [*archived, *tail]]
    seen: list[str] = []
    cursor = None
    while True:
        query: dict[str, Any] = {"limit": 4, **({"cursor": cursor} if cursor else {})}
        page = client.get("/api/v1/positions/TRK-1/history", params=query).json()
        seen += [item["timestamp"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == expected
    running.pipeline.poll(now_ms(), flush=True)
    after = client.get("/api/v1/positions/TRK-1/history").json()
    assert [item["timestamp"] for item in after["items"]] == expected
    trail = client.get("/api/v1/positions/TRK-1/history?fields=trail").json()
    assert [row[0] for row in trail["rows"]] == [each.timestamp_ms for each in [*archived, *tail]]
    part = client.get("/api/v1/positions/TRK-1/history", params={"from": expected[2], "to": expected[4]}).json()
    assert [item["timestamp"] for item in part["items"]] == expected[2:4]
    assert client.get("/api/v1/positions/NOBODY/history").json() == {"items": [], "next": None}
    for text, name in (("from=yesterday", "from"), ("from=2024-01-02&to=2024-01-01", "from")):
        answer = client.get(f"/api/v1/positions/TRK-1/history?{text}")
        assert (answer.status_code, answer.json()["field"]) == (400, name)


def test_without_a_period_the_last_24_hours_are_meant() -> None:
    now, hour = 1_700_000_000_000, 3_600_000
    assert period(None, None, now) == (now - 24 * hour, now + hour)  # a clock may run ahead
    assert period(None, format_instant(now - hour), now) == (now - 25 * hour, now - hour)
    assert period(format_instant(now - hour), None, now) == (now - hour, now + hour)
    month = 31 * 24 * hour
    assert period(None, None, now, longest_ms=month) == (now - 24 * hour, now + hour)
    assert period(format_instant(now - 2 * month), None, now, longest_ms=month) == (now - 2 * month, now - month)
    with pytest.raises(InvalidInput, match="from: lies in the future"):
        period(format_instant(now + 2 * hour), None, now)
    with pytest.raises(InvalidInput, match="from: must be before to"):
        period(format_instant(now), format_instant(now - hour), now)


def test_geofences_are_stored_changed_exported_and_removed(client: httpx.Client) -> None:
    stored: dict[str, Any] = client.post("/api/v1/geofences", json=DEPOT).json()
    assert (stored["items"][0]["version"], stored["warnings"]) == (1, [])
    assert client.put("/api/v1/geofences/depot", json={**DEPOT, "colour": "red"}).json()["warnings"]
    changed = client.put("/api/v1/geofences/depot", json={**DEPOT, "radius_meters": 600}).json()
    assert changed["items"][0]["version"] == 2
    assert client.get("/api/v1/geofences/depot").json()["radius_meters"] == 600
    exported = client.get("/api/v1/geofences?format=geojson")
    assert "attachment" in exported.headers["content-disposition"]
    assert client.delete("/api/v1/geofences/depot").status_code == 204
    assert client.delete("/api/v1/geofences/depot").status_code == 404
    again = client.post("/api/v1/geofences", content=exported.content).json()
    assert again["items"][0]["radius_meters"] == 600
    client.post("/api/v1/geofences", json=[{**DEPOT, "geofence_id": f"g-{n}"} for n in range(5)])
    page = client.get("/api/v1/geofences?limit=4").json()
    rest = client.get("/api/v1/geofences", params={"cursor": page["next"]}).json()
    assert [item["geofence_id"] for item in page["items"] + rest["items"]] == ["depot", *(f"g-{n}" for n in range(5))]
    assert rest["next"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**DEPOT, "radius_meters": -1}, "radius_meters"),
        ({**DEPOT, "type": "square"}, "type"),
        ({**DEPOT, "center": {"latitude": 91, "longitude": 0}}, "center"),
        ([DEPOT, DEPOT], "geofence_id"),
        ("not json", None),
    ],
)
def test_wrong_geofences_are_refused_by_field_and_nothing_is_stored(
    client: httpx.Client, body: Any, field: str | None
) -> None:
    answer = client.post("/api/v1/geofences", content=body if isinstance(body, str) else json.dumps(body))
    assert answer.status_code == 400
    if field is not None:
        assert answer.json()["field"].startswith(field)
    assert answer.json()["hint"]
    assert client.get("/api/v1/geofences").json()["items"] == []


def test_preview_says_what_a_draft_would_have_fired(running: System, client: httpx.Client) -> None:
    drive(running)
    found = client.post("/api/v1/geofences/preview", json={**DEPOT, "alert_on": "enter"}).json()
    assert (found["enter"], found["exit"], found["alerts"], found["trucks"]) == (0, 1, 0, 1)
    assert (found["items"][0]["event"], found["items"][0]["alert"]) == ("exit", False)
    assert client.get("/api/v1/geofences").json()["items"] == []
    assert client.post("/api/v1/geofences/preview", json={"type": "circle"}).status_code == 400


def test_alert_feed_resumes_exactly_and_alerts_are_acknowledged(running: System, client: httpx.Client) -> None:
    client.post("/api/v1/geofences", json=DEPOT)
    drive(running)
    first = client.get("/api/v1/alerts").json()
    assert [item["alert_type"] for item in first["items"]] == ["exit"]
    assert client.get("/api/v1/alerts", params={"cursor": first["next"]}).json()["items"] == []
    running.send(at("TRK-2", 90), at("TRK-2", 50, 8.01), at("TRK-2", 10))
    later = client.get("/api/v1/alerts", params={"cursor": first["next"]}).json()["items"]
    assert [(item["truck_id"], item["alert_type"]) for item in later] == [("TRK-2", "exit"), ("TRK-2", "enter")]
    assert client.get("/api/v1/alerts?truck=TRK-2&type=enter").json()["items"] == [later[1]]
    newest = client.get("/api/v1/alerts?order=desc&limit=1").json()
    assert newest["items"] == [later[1]]
    rest = client.get("/api/v1/alerts", params={"order": "desc", "cursor": newest["next"]}).json()
    assert rest["items"] == [later[0], *first["items"]] or rest["items"] == [*first["items"], later[0]]

    path = f"/api/v1/alerts/{later[0]['alert_id']}/acknowledgement"
    done = client.put(path, json={"note": "called <b>the driver</b>"}).json()
    assert (done["by"], done["note"]) == ("local", "called <b>the driver</b>")
    shown = client.get("/api/v1/alerts?truck=TRK-2&type=exit").json()["items"][0]["acknowledged"]
    assert shown == done
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert client.put("/api/v1/alerts/unknown/acknowledgement", json={}).status_code == 404
    assert client.put(path, json={"note": "x" * 1001}).status_code == 400


def test_ingest_answers_record_by_record_after_the_durable_append(running: System, client: httpx.Client) -> None:
    good = [encode_position(at(f"TRK-{n}", 5)) for n in range(3)]
    bad = b'{"truck_id":"TRK-9","timestamp":"2024-01-15T10:30:00Z","latitude":91,"longitude":0}'
    bodies: list[tuple[bytes, dict[str, str]]] = [
        (good[0], {}),
        (b"[" + good[1] + b",\n" + bad + b"]", {}),
        (gzip.compress(good[2] + b"\n\n" + bad + b"\nnot json\n"), {"Content-Encoding": "gzip"}),
        (json.dumps(json.loads(good[0]), indent=2).encode(), {}),
    ]
    answers = [client.post("/api/v1/positions", content=body, headers=headers).json() for body, headers in bodies]
    assert [(answer["accepted"], answer["rejected"]) for answer in answers] == [(1, 0), (1, 1), (1, 2), (1, 0)]
    assert answers[1]["results"][1]["status"] == "rejected"
    assert "latitude" in answers[1]["results"][1]["reason"]
    assert [result["index"] for result in answers[2]["results"]] == [0, 1, 2]
    running.pipeline.poll(now_ms(), flush=True)
    assert {track.truck_id for track in running.stores.positions.list()} == {"TRK-0", "TRK-1", "TRK-2"}
    assert sorted(record.shard_id[:6] for record in running.stores.rejected.list()) == ["shardI", "shardI", "source"]
    health = wait_for(client, "/api/v1/health", lambda found: found["rejected"]["count"] == 3)
    assert {"count": 2, "reason": "latitude: a value is outside -90..90"} in health["rejected"]["reasons"]


def test_back_pressure_asks_to_come_again_and_a_full_disk_says_so() -> None:
    world = MemoryWorld()
    records = b"\n".join(encode_position(at(f"TRK-{n}", 5)) for n in range(3))
    with served(world.sources) as url, httpx.Client(base_url=url, timeout=30) as client:
        world.faults.refuse("stream.put", "TRK-1")
        slow = client.post("/api/v1/positions", content=records)
        assert slow.status_code == 429
        assert int(slow.headers["retry-after"]) >= 1
        assert "2 of 3" in slow.json()["error"]
        assert client.post("/api/v1/positions", content=records).json()["accepted"] == 3
        world.faults.fail("stream.put", number=3, error=StorageFull("the disk is full"))
        full = client.post("/api/v1/positions", content=records)
        assert (full.status_code, full.json()["retryable"]) == (503, True)
        assert full.headers["retry-after"]
        large = b'{"truck_id":"TRK-1","x":"' + b"y" * 1_100_000 + b'"}'
        assert client.post("/api/v1/positions", content=large).json()["rejected"] == 1
    assert [record.payload for record in world.rejected.list()] == [large]


def test_ingest_refuses_bombs_and_what_it_cannot_read(client: httpx.Client) -> None:
    def send(body: bytes, **headers: str) -> httpx.Response:
        return client.post("/api/v1/positions", content=body, headers=headers)

    gzipped = {"Content-Encoding": "gzip"}
    assert send(gzip.compress(b" " * (65 * 1024 * 1024)), **gzipped).status_code == 413
    assert send(b"x" * (17 * 1024 * 1024)).status_code == 413
    assert send(b"{}\n" * 20_001).status_code == 413
    for headers in (gzipped, {}):  # a frame says itself what it is
        assert send(gzip.compress(b"{}\n{}"), **headers).json()["rejected"] == 2
    assert send(b"\n" * 30_000 + b"{}").json()["rejected"] == 1
    assert "values" in send(gzip.compress(b"[" + b"0," * 800_001 + b"0]"), **gzipped).json()["error"]
    assert send(gzip.compress(b"{}")[:-3], **gzipped).status_code == 400
    assert send(b"{}", **{"Content-Encoding": "br"}).status_code == 415
    assert send(b"").status_code == 400
    assert send(b"[1,").status_code == 400


def test_bodies_count_as_under_way_while_they_arrive_and_no_longer_when_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("truckstream.web.ingest.IN_FLIGHT_BYTES", 3_000_000)
    records = b"\n".join(encode_position(at("TRK-1", 5)) for _ in range(2)) + b"\n"
    world = MemoryWorld()
    with served(world.sources) as url, httpx.Client(base_url=url, timeout=30) as client:
        gzipped = {"Content-Encoding": "gzip"}
        for _ in range(4):
            assert client.post("/api/v1/positions", content=b" " * 2_000_000 + records).json()["accepted"] == 2
            bomb = client.post("/api/v1/positions", content=gzip.compress(b" " * 4_000_000), headers=gzipped)
            assert bomb.status_code == 429
            assert bomb.headers["retry-after"]


def test_every_refused_body_is_kept_however_many_there_are() -> None:
    # These two have the same CRC-32.
    alike = [b"x|plumless", b"x|buckeroo"]
    assert zlib.crc32(alike[0]) == zlib.crc32(alike[1])
    world = MemoryWorld()
    with served(world.sources) as url, httpx.Client(base_url=url, timeout=30) as client:
        for _ in range(2):
            assert client.post("/api/v1/positions", content=b"\n".join(alike)).json()["rejected"] == 2
    assert sorted(record.payload for record in world.rejected.list()) == sorted(alike)


def test_a_frame_hidden_in_a_line_is_set_aside_and_never_read_as_one(running: System, client: httpx.Client) -> None:
    hidden = gzip.compress(encode_position(at("HIDDEN", 1)))
    if b"\n" not in hidden:
        answer = client.post("/api/v1/positions", content=hidden + b"\n{}").json()
        assert answer["rejected"] == 2
    running.pipeline.poll(now_ms(), flush=True)
    assert list(running.stores.positions.list()) == []


def test_phones_send_by_query_form_and_json(running: System, client: httpx.Client) -> None:
    seconds = now_ms() // 1000
    query = f"id=PHONE-1&lat=47.5&lon=8.5&timestamp={seconds}&speed=10&bearing=90&altitude=400&accuracy=5&batt=77"
    assert client.get(f"/api/v1/osmand?{query}").json()["accepted"] == 1
    assert client.get(f"/?{query.replace('PHONE-1', 'PHONE-2')}").json()["accepted"] == 1
    form = {"id": "PHONE-3", "lat": "47.5", "lon": "8.5", "timestamp": str(seconds * 1000)}
    assert client.post("/api/v1/osmand", data=form).json()["accepted"] == 1
    coords = {"latitude": 47.5, "longitude": 8.5, "speed": 10, "heading": -1, "accuracy": 3}
    body = {"device_id": "PHONE-4", "location": {"timestamp": format_instant(seconds * 1000), "coords": coords}}
    assert client.post("/", json=body).json()["accepted"] == 1
    assert client.get("/api/v1/osmand?id=PHONE-1&lat=999&lon=0").json()["rejected"] == 1
    for nameless in ("/api/v1/osmand?lat=1&lon=1", "/?lat=1&lon=1", "/?location=1,1"):  # no page: nothing was taken
        assert client.get(nameless).json()["field"] == "id", nameless
    for address in (f"/?{query}", f"/api/v1/osmand?{query}", f"//?{query}"):
        assert client.head(address).status_code in (404, 405)  # who only looks sends nothing
    for address in (f"/?{query}", f"/?%69d{query[2:]}", f"/api/v1/osmand?{query}", f"/api/v1/osmand/?{query}"):
        assert client.get(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403, address
        assert client.get(address, headers={"Origin": "http://evil.example"}).status_code == 403, address
    running.pipeline.poll(now_ms(), flush=True)
    found = {track.truck_id: track.last for track in running.stores.positions.list()}
    assert set(found) == {"PHONE-1", "PHONE-2", "PHONE-3", "PHONE-4"}
    assert (found["PHONE-1"].speed_kmh, found["PHONE-1"].fuel_level_pct) == (18.52, None)
    assert found["PHONE-3"].timestamp_ms == seconds * 1000
    assert (found["PHONE-4"].speed_kmh, found["PHONE-4"].heading) == (36.0, None)


def test_statistics_trips_and_visits_come_from_the_archive(running: System, client: httpx.Client) -> None:
    client.post("/api/v1/geofences", json=DEPOT)
    drive(running)
    running.pipeline.maintain(now_ms(), force=True)
    rows = client.get("/api/v1/stats?truck=TRK-1").json()["items"]
    paged: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(f"/api/v1/stats?limit=1&cursor={cursor}").json()
        paged, cursor = paged + page["items"], page["next"]
    assert paged == rows
    for path in ("stats", "trips", "visits", "positions/TRK-1/history"):
        for query in ("to=0001-01-01", "from=0001-01-01", "to=9999-12-31", "from=9999-12-30&to=9999-12-31"):
            assert client.get(f"/api/v1/{path}?{query}").status_code in (200, 400), (path, query)
    assert sum(row["coordinates_count"] for row in rows) == 10
    assert all(row["driving_time_minutes"] >= 0 and row["gap_time_minutes"] == 0 for row in rows)
    assert sum(row["total_distance_km"] for row in rows) == pytest.approx(9 * 0.3045, rel=0.01)
    trips = client.get("/api/v1/trips?truck=TRK-1").json()["items"]
    assert trips[0]["kind"] == "trip"
    assert trips[0]["distance_m"] == pytest.approx(2740, rel=0.01)
    (visit,) = client.get("/api/v1/visits?geofence=depot").json()["items"]
    assert (visit["geofence_name"], visit["arrive_seen"]) == ("Depot", False)
    assert visit["leave"] is not None
    assert client.get("/api/v1/visits?from=2024-01-01&to=2024-03-01").status_code == 400


def test_trips_and_visits_of_too_many_positions_are_refused_in_words(
    running: System, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive(running, "TRK-1")
    drive(running, "TRK-2")
    running.pipeline.maintain(now_ms(), force=True)
    monkeypatch.setattr("truckstream.web.derived.READ_POSITIONS", 15)
    for path in ("trips", "visits"):
        refused = client.get(f"/api/v1/{path}")
        assert refused.status_code == 400
        assert "20 positions" in refused.json()["error"]
        assert "shorter period" in refused.json()["hint"]
        assert client.get(f"/api/v1/{path}?truck=TRK-1").status_code == 200


def test_monitoring_says_how_the_pipeline_does(running: System, client: httpx.Client) -> None:
    drive(running)
    health = wait_for(client, "/api/v1/health", lambda found: found["archive"]["newest"] is not None)
    assert health["consumers"]["archive"]["records"] == 0
    wait_for(client, "/api/v1/health", lambda found: found["trucks"] == 1)
    assert client.get("/status").json()["trucks"] == 1
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "truckstream_trucks 1\n" in metrics.text
    assert 'truckstream_fleet_trucks{state="moving"} 1\n' in metrics.text
    assert client.get("/healthz").text == "ok\n"
    config = client.get("/api/v1/config").json()
    assert (config["backend"], config["role"], config["offline_after_s"]) == ("local", "admin", 300.0)
    assert client.get("/api/v1/session").json() == {"role": "admin", "open": True}


def test_answers_are_gzip_where_it_pays(running: System, client: httpx.Client) -> None:
    running.send(*(at(f"TRK-{n:04d}", 5) for n in range(200)))
    wait_for(client, "/api/v1/positions", lambda found: len(found["items"]) == 200)
    assert client.get("/api/v1/positions").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in client.get("/api/v1/config").headers
