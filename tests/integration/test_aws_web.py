"""The dashboard and the reports beside the deployed system: the same servers over the ports on AWS (moto)."""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests.support.aws_parts import BUCKET, REGION, STREAM
from tests.support.cloud import ENVIRONMENT, Cloud, deployed
from tests.support.lambda_poller import Context, LambdaMapping
from tests.support.web import live, now_ms, served

from truckstream.aws import handlers
from truckstream.aws.session import AwsSession, AwsSettings
from truckstream.aws.stream import KinesisStream
from truckstream.cli.web_sources import web_sources
from truckstream.core.instants import date_of, format_instant
from truckstream.core.records import Position, encode_position
from truckstream.local.mapping import MappingSettings
from truckstream.ports import OutgoingRecord

DEPOT = {
    "geofence_id": "depot", "name": "Depot", "type": "circle", "center": {"latitude": 47.0, "longitude": 8.0},
    "radius_meters": 300, "alert_on": "both",
}  # fmt: skip


class System:
    """The deployed system, whose functions run when they are told to."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.stream = KinesisStream(AwsSession(AwsSettings(region=REGION)), sleep=lambda seconds: None)
        self.began_ms = now_ms() - 60_000
        self._mappings = {
            name: LambdaMapping(
                self.stream,
                name,
                partial(getattr(handlers, f"{name}_consumer"), context=Context()),
                MappingSettings(1000),
            )
            for name in ("dashboard", "geofence", "archive")
        }

    def send(self, second: int, latitude: float, *, archive: bool = True) -> Position:
        position = Position("TRK-1", self.began_ms + second * 1000, latitude, 8.0, 50.0)
        self.stream.put([OutgoingRecord("TRK-1", encode_position(position))])
        for name, mapping in self._mappings.items():
            if archive or name != "archive":
                mapping.drain()
        return position


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    with deployed() as cloud:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": cloud.address, "POSITION_MOVE_M": "1"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield System(cloud)
    handlers.disconnect()


@pytest.fixture
def client(system: System, tmp_path: Path) -> Iterator[httpx.Client]:
    with (
        web_sources(tmp_path, "aws") as sources,
        served(sources) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client


def test_the_dashboard_lives_on_what_aws_holds(system: System, client: httpx.Client) -> None:
    assert client.get("/api/v1/config").json()["backend"] == "aws"
    stored = client.put("/api/v1/geofences/depot", json=DEPOT)
    assert stored.status_code == 200, stored.text
    assert client.get("/api/v1/geofences").json()["items"][0]["version"] == 1

    with live(client) as events:
        name, snapshot = events.next()
        assert (name, snapshot["trucks"]) == ("snapshot", [])
        sent = [system.send(second, 47.0 + second * 0.0002) for second in (0, 5, 10)]
        frame = events.until(lambda data: bool(data["trucks"]) and data["trucks"][0][1] == sent[-1].timestamp_ms)
        assert frame["trucks"][0][0] == "TRK-1"
        exit_ms = system.send(20, 47.004).timestamp_ms
        frame = events.until(lambda data: bool(data["alerts"]))
        assert frame["alerts"][0]["alert_type"] == "exit"
    (message,) = system.cloud.messages()
    assert json.loads(message)["timestamp"] == format_instant(exit_ms)

    def latitude() -> float:
        (truck,) = client.get("/api/v1/positions").json()["items"]
        return float(truck["latitude"])

    patience = time.monotonic() + 30  # the table is looked at every two seconds
    while latitude() != 47.004:
        assert time.monotonic() < patience
        time.sleep(0.2)
    assert client.get("/api/v1/positions/TRK-1").json()["geofences"] == []

    waiting = system.send(25, 47.0045, archive=False)  # on the stream, not in the archive
    period = {"from": format_instant(system.began_ms), "to": format_instant(now_ms())}
    history = client.get("/api/v1/positions/TRK-1/history", params=period).json()["items"]
    assert [each["timestamp"] for each in history] == [
        format_instant(system.began_ms + second * 1000) for second in (0, 5, 10, 20)
    ] + [format_instant(waiting.timestamp_ms)]


def test_alerts_are_followed_and_acknowledged_on_aws(system: System, client: httpx.Client) -> None:
    client.put("/api/v1/geofences/depot", json=DEPOT)
    cursor = client.get("/api/v1/alerts").json()["next"]
    handlers.disconnect()  # a function started before the geofence would know it a minute later
    for second, latitude in ((0, 47.0), (10, 47.004), (20, 47.0)):
        system.send(second, latitude)
    page = client.get("/api/v1/alerts", params={"cursor": cursor}).json()
    assert [alert["alert_type"] for alert in page["items"]] == ["exit", "enter"]
    assert client.get("/api/v1/alerts", params={"cursor": page["next"]}).json()["items"] == []
    newest = client.get("/api/v1/alerts", params={"order": "desc", "limit": 1}).json()["items"]
    assert [alert["alert_type"] for alert in newest] == ["enter"]
    path = f"/api/v1/alerts/{newest[0]['alert_id']}/acknowledgement"
    assert client.put(path, json={"note": "seen"}).status_code == 200
    acknowledged = client.get("/api/v1/alerts", params={"order": "desc", "limit": 1}).json()["items"][0]
    assert acknowledged["acknowledged"]["note"] == "seen"
    assert client.delete(path).status_code in (200, 204)
    assert client.get("/api/v1/alerts").json()["items"][1]["acknowledged"] is None


def test_positions_come_in_by_http_and_health_tells_of_aws(system: System, client: httpx.Client) -> None:
    position = Position("TRK-9", now_ms() - 1000, 47.0, 8.0, 50.0)
    answer = client.post("/api/v1/positions", content=encode_position(position)).json()
    assert (answer["accepted"], answer["rejected"]) == (1, 0)
    (record,) = [each for shard in system.stream.shards() for each in system.stream.read(shard.shard_id, 0, 10)]
    assert json.loads(record.data)["truck_id"] == "TRK-9"
    health = client.get("/api/v1/health").json()
    assert (health["consumers"], health["records_per_s"], health["writer"]) == ({}, None, "")
    assert client.get("/status").json()["shards"] == 2
    assert "truckstream_archive_files 0" in client.get("/metrics").text
    assert client.get("/healthz").status_code == 200


def test_the_reports_read_the_bucket(system: System, client: httpx.Client) -> None:
    from truckstream.aws.stores import AwsStores
    from truckstream.reports.application import ReportApplication
    from truckstream.reports.sources import ReportOptions, ReportSources

    sent = [system.send(second, 47.0 + second * 0.0002) for second in (0, 5, 10)]
    settings = AwsSettings(stream_name=STREAM, geofences_table="geofences", bucket=BUCKET, region=REGION)
    with AwsStores(settings, outlier_limit_kmh=200.0) as stores:
        sources = ReportSources(
            archive=stores.archive, format=stores.format, geofences=stores.geofences, rejected=stores.rejected,
            limit_kmh=200.0, backend="aws",
        )  # fmt: skip
        application = ReportApplication(sources, ReportOptions(), None)
        transport = httpx.ASGITransport(app=application.asgi)  # type: ignore[arg-type]

        async def fleet() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as reader:
                first, last = date_of(sent[0].timestamp_ms), date_of(sent[-1].timestamp_ms)  # midnight may lie between
                return await reader.get("/api/v1/reports/fleet", params={"from": first, "to": last, "tz": "UTC"})

        import asyncio

        answer = asyncio.run(fleet())
    assert answer.status_code == 200, answer.text
    assert answer.json()["totals"]["positions"] == 3
