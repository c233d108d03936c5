"""The deployed functions at work on the deployed resources, as their mappings and schedules would run them."""

import json
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import httpx
import pytest
from tests.support.iam import Question, arn, asked_of, decide
from tests.support.lambda_runtime import ACCOUNT, REGION, runtime_folder
from tests.support.stack import FUNCTIONS, Deployed, Mappings, Stack
from tests.support.web import served

from truckstream.aws.archive import S3Archive
from truckstream.aws.geofences import AwsGeofences
from truckstream.aws.positions import AwsPositions
from truckstream.aws.rejected import S3Rejected
from truckstream.aws.session import AwsSession, AwsSettings
from truckstream.aws.stream import KinesisStream
from truckstream.cli.main import execute
from truckstream.cli.web_sources import web_sources
from truckstream.consumers.history import iterate
from truckstream.consumers.statistics import read_stats
from truckstream.core.geofences import parse_geofences
from truckstream.core.instants import HOUR_MS, format_instant
from truckstream.core.records import Position, encode_position
from truckstream.parquet import ParquetFormat
from truckstream.ports import OutgoingRecord, RejectedRecord

CONSUMERS = ("dashboard_consumer", "geofence_consumer", "archive_consumer")
FENCE = b"""[{"geofence_id":"depot","name":"Depot","type":"circle","center":{"latitude":47.0,"longitude":8.0},
"radius_meters":500,"alert_on":"exit"}]"""
LIVE = range(5)  # trucks whose positions arrive at once; alerts of the others are late, recorded and not sent


class Ran(NamedTuple):
    """What was sent, and what the functions answered."""

    stack: Stack
    session: AwsSession
    sent: list[Position]
    answers: dict[str, dict[str, int]]


@pytest.fixture(scope="module")
def ran(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Ten trucks leave the depot, five of them hours ago; one record is none. Every function runs, consumers twice."""
    stack = deployed.stack
    try:
        runtime = runtime_folder(tmp_path_factory.mktemp("runtime"))
    except PackageNotFoundError as error:
        pytest.skip(f"missing part: {error.name}, which Lambda's runtime brings")
    now_ms = time.time_ns() // 1_000_000
    sent = [
        Position(f"TRK-{truck}", begin_ms + n * 5000, 47.0 + n * 0.0009, 8.0, 72.0)
        for truck in range(10)
        for begin_ms in [now_ms - 60_000 if truck in LIVE else now_ms - 2 * HOUR_MS]
        for n in range(12)
    ]
    session = _session(stack)
    AwsGeofences(session.client("dynamodb"), "truck-geofences").put(parse_geofences(FENCE).geofences)
    stream = KinesisStream(session)
    stream.put([OutgoingRecord(each.truck_id, encode_position(each)) for each in sent])
    stream.put([OutgoingRecord("TRK-1", b"poison")])
    with stack.running(runtime, *FUNCTIONS) as functions:
        consumers = {name: functions[name] for name in CONSUMERS}
        for _ in range(2):  # a mapping made anew begins at the beginning: nothing may change
            Mappings(stack, consumers).consume()
        now = {"time": format_instant(time.time_ns() // 1_000_000)}
        answers = {
            name: functions[name].invoke(now)
            for name in ("hourly_stats", "compact_archive", "send_outbox", "redrive_rejected", "gps_producer")
        }
        answers["hourly_stats again"] = functions["hourly_stats"].invoke(now)
    return Ran(stack, session, sent, answers)


def _session(stack: Stack) -> AwsSession:
    settings = AwsSettings(geofences_table="truck-geofences", bucket=f"gps-archive-{ACCOUNT}", region=REGION)
    boto = boto3.Session(ACCOUNT, "made-up", region_name=REGION)
    session = AwsSession(settings, boto=boto)
    session._clients |= {name: stack.client(name) for name in ("dynamodb", "s3", "kinesis", "sns")}
    return session


def test_positions_reach_table_archive_and_statistics(ran: Ran) -> None:
    last = {position.truck_id: position for position in ran.sent}
    stored = AwsPositions(ran.session.client("dynamodb"), "truck-positions").list()
    assert {track.truck_id: track.last for track in stored} == last
    archive, parquet = S3Archive(ran.session), ParquetFormat()
    rows = [row for columns in iterate(archive, parquet) for row in columns.to_positions()]
    assert sorted(rows, key=lambda row: (row.truck_id, row.timestamp_ms)) == ran.sent
    counted = sum(row.coordinates_count for row in read_stats(archive, parquet).rows())
    assert counted == len(ran.sent)


def test_each_exit_is_told_once_to_the_subscriber(ran: Ran) -> None:
    sqs = ran.stack.client("sqs")
    url = sqs.get_queue_url(QueueName="dispatch")["QueueUrl"]
    bodies = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        bodies += [json.loads(message["Body"]) for message in messages]
    assert sorted(alert["truck_id"] for alert in bodies) == [f"TRK-{truck}" for truck in LIVE]
    assert {alert["alert_type"] for alert in bodies} == {"exit"}


def test_a_bad_record_is_set_aside_once_and_redriven(ran: Ran) -> None:
    entries = list(S3Rejected(ran.session).list(include_redriven=True))
    assert [entry.payload for entry in entries] == [b"poison"]
    assert ran.answers["redrive_rejected"] == {"placed": 1, "refused": 0}


def test_jobs_and_producer_answer(ran: Ran) -> None:
    assert ran.answers["hourly_stats"]["written"] >= 1
    assert ran.answers["compact_archive"]["files_merged"] >= 1
    assert ran.answers["gps_producer"]["records"] == 1
    assert ran.answers["send_outbox"] == {"sent": 0}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_role_allows_every_call_its_function_made(ran: Ran, function: str) -> None:
    assert refused(ran.stack.policies(function), ran.stack, function) == {}


def test_operator_policy_allows_every_call_of_the_command_line_and_the_pages(
    ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = ran.stack.server.environment | {
        "AWS_ACCESS_KEY_ID": "ROLE-operator",
        "TRUCKSTREAM_BACKEND": "aws",
        "GEOFENCES_TABLE": "truck-geofences",
        "S3_BUCKET": f"gps-archive-{ACCOUNT}",
        "SNS_TOPIC_ARN": arn("sns", "truckstream-alerts"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    fences, rows = tmp_path / "fences.json", tmp_path / "rows.ndjson"
    fences.write_bytes(FENCE.replace(b"depot", b"yard"))
    rows.write_bytes(encode_position(ran.sent[0]) + b"\nno record\n")
    now_ms = time.time_ns() // 1_000_000
    S3Rejected(ran.session).put([RejectedRecord("shardId-000000000000", 1, 0, "not JSON", b"no record", now_ms)])
    for command in (
        ["ingest", str(rows)],
        ["simulate", "--trucks", "1", "--every", "0.2", "--duration", "0.3"],
        ["replay", str(rows), "--geofences", str(fences)],
        ["geofences", "list"],
        ["geofences", "test", str(fences)],
        ["geofences", "remove", "yard"],
        ["positions"],
        ["alerts"],
        ["alerts", "--truck", "TRK-1"],
        ["transitions"],
        ["stats", "--refresh"],
        ["rejected"],
        ["rejected", "--redrive"],
        ["query", "select truck_id from positions"],
        ["compact"],
        ["verify"],
        ["status"],
    ):
        assert execute(command) == 0, (command, capsys.readouterr())

    with (
        web_sources(tmp_path, "aws") as sources,
        served(sources) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        alert = client.get("/api/v1/alerts").raise_for_status().json()["items"][0]
        seen = f"/api/v1/alerts/{alert['alert_id']}/acknowledgement"
        client.put(seen, json={"note": "seen"}).raise_for_status()
        client.delete(seen).raise_for_status()
        period = {"from": format_instant(ran.sent[0].timestamp_ms), "to": format_instant(now_ms)}
        client.get(f"/api/v1/positions/{alert['truck_id']}/history", params=period).raise_for_status()
        for path in ("/api/v1/positions", "/api/v1/geofences", "/api/v1/health", "/status", "/metrics"):
            client.get(path).raise_for_status()
        client.post("/api/v1/positions", content=encode_position(ran.sent[0])).raise_for_status()
    assert refused(ran.stack.policy_of_people("operator"), ran.stack, "operator") == {}


def refused(policies: list[dict[str, Any]], stack: Stack, role: str) -> dict[str, str]:
    """Return what the role asked for and its policies do not allow."""
    questions: dict[str, Question] = {}
    for call in stack.server.calls_of_roles():
        if call["function"] == role:
            for question in asked_of(call):
                questions.setdefault(f"{question.action} {question.resource} {question.context}", question)
    assert questions, "no call was made"
    decisions = decide(policies, list(questions.values()))
    return {asked: decision for asked, decision in zip(questions, decisions, strict=True) if decision != "Allowed"}
