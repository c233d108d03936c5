"""The built Lambda packages: small, reproducible, right for their machine, and every function runs from them."""

import binascii
import hashlib
import io
import json
import platform
import re
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from tests.support.cloud import ENVIRONMENT, Cloud, deployed
from tests.support.kinesis import kinesis_session
from tests.support.lambda_poller import LambdaMapping, Reader
from tests.support.lambda_runtime import ACCOUNT, REGION, FunctionError, LambdaFunction, package_tool, runtime_folder
from tests.support.reference import check_latest, check_statistics, check_transitions

from truckstream.aws.archive import S3Archive
from truckstream.aws.geofences import AwsGeofences
from truckstream.aws.positions import AwsPositions
from truckstream.aws.rejected import S3Rejected
from truckstream.aws.session import AwsSession, AwsSettings
from truckstream.aws.stream import KinesisStream
from truckstream.cli.main import execute
from truckstream.consumers.deliveries import count_deliveries
from truckstream.consumers.history import list_date
from truckstream.consumers.statistics import read_stats
from truckstream.core.geofences import parse_geofences
from truckstream.core.instants import format_instant
from truckstream.core.records import Position, encode_position
from truckstream.local.mapping import MappingSettings
from truckstream.parquet import ParquetFormat

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ("live", "archive", "jobs")
LARGEST_MB = {"live": 2.0, "archive": 12.5, "jobs": 30.0}
ELF_MACHINE = {"x86_64": 62, "arm64": 183}  # e_machine: EM_X86_64, EM_AARCH64
OWN = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "")
BUCKET = f"gps-archive-{ACCOUNT}"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info[:2] != (3, 12),
    reason="missing part: Linux and Python 3.12, for which the packages are built",
)


@pytest.fixture(scope="session")
def tool() -> ModuleType:
    return package_tool()


@pytest.fixture(scope="session")
def package(tool: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Builds each package once."""
    folder = tmp_path_factory.mktemp("dist")
    built: dict[tuple[str, str], Path] = {}

    def get(group: str, arch: str) -> Path:
        if (group, arch) not in built:
            try:
                built[group, arch] = tool.build(group, arch, folder).path
            except tool.Unobtainable as error:
                pytest.skip(f"missing part: package index ({error})")
        return built[group, arch]

    return get


def native_files(path: Path) -> dict[str, int]:
    """Return the machine type of every ELF file in a zip."""
    with zipfile.ZipFile(path) as archive:
        heads = {name: archive.open(name).read(20) for name in archive.namelist()}
    return {name: int.from_bytes(head[18:20], "little") for name, head in heads.items() if head[:4] == b"\x7fELF"}


def modules(path: Path) -> set[str]:
    """Return what can be imported, native modules without their machine's name."""
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if ".libs/" not in name]
    return {re.sub(r"\.(cpython-\d+-[^/]+|abi3)\.so$", ".so", name) for name in names if name.endswith((".py", ".so"))}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("arch", ELF_MACHINE)
def test_package_is_small_and_right_for_its_machine(package: Any, group: str, arch: str) -> None:
    path = package(group, arch)
    assert path.stat().st_size < LARGEST_MB[group] * 1e6
    found = native_files(path)
    assert found
    assert set(found.values()) == {ELF_MACHINE[arch]}, found


@pytest.mark.parametrize("group", GROUPS)
def test_packages_of_both_machines_hold_the_same_modules(package: Any, group: str) -> None:
    assert modules(package(group, "arm64")) == modules(package(group, "x86_64"))


@pytest.mark.parametrize(("group", "arch"), [("live", "arm64"), ("live", "x86_64"), ("jobs", "arm64")])
def test_built_again_it_has_the_same_bytes(
    package: Any, tool: ModuleType, tmp_path: Path, group: str, arch: str
) -> None:
    first = package(group, arch).read_bytes()
    assert (
        hashlib.sha256(tool.build(group, arch, tmp_path).path.read_bytes()).digest() == hashlib.sha256(first).digest()
    )


def test_package_holds_nothing_compiled_foreign_or_dated(package: Any) -> None:
    for group in GROUPS:
        with zipfile.ZipFile(package(group, "x86_64")) as archive:
            entries = archive.infolist()
        names = [entry.filename for entry in entries]
        assert names == sorted(names)
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in entries} <= {0o100644, 0o100755}
        assert not [
            name for name in names if name.endswith(".pyc") or "/tests/" in name or "boto" in name.split("/")[0]
        ]
        assert not [name for name in names if name.startswith(("truckstream/cli", "truckstream/local", "pyarrow"))]


# --- running them ---------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return runtime_folder(tmp_path_factory.mktemp("runtime"))
    except PackageNotFoundError as error:
        pytest.skip(f"missing part: {error.name}, which Lambda's runtime brings")


@pytest.fixture(scope="module")
def server() -> Iterator[Cloud]:
    with deployed() as made:
        yield made


@pytest.fixture
def cloud(server: Cloud) -> str:
    """The address of the deployed system's parts, new."""
    server.fresh()
    return server.address


@pytest.fixture
def session(cloud: str, monkeypatch: pytest.MonkeyPatch) -> AwsSession:
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    settings = AwsSettings(geofences_table="geofences", bucket=BUCKET, region=REGION)
    return AwsSession(settings, boto=boto3.Session(ACCOUNT, "made-up", region_name=REGION))


@pytest.fixture
def function(package: Any, runtime: Path, cloud: str) -> Iterator[Callable[[str, str], LambdaFunction]]:
    """Starts a function from its package, with the deployed system's environment."""
    started: list[LambdaFunction] = []
    environment = {
        "AWS_ENDPOINT_URL": cloud,
        "GEOFENCES_TABLE": "geofences",
        "S3_BUCKET": BUCKET,
        "SNS_TOPIC_ARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts",
        "NUM_TRUCKS": "5",
    }

    def start(group: str, name: str, **others: str) -> LambdaFunction:
        handler = f"truckstream.aws.handlers.{name}"
        made = LambdaFunction(package(group, OWN), handler, runtime, environment=environment | others, timeout_s=60)
        started.append(made.__enter__())
        return made

    yield start
    for each in started:
        each.__exit__(None, None, None)


def kinesis_event(shard_id: str, records: list[tuple[int, bytes]], arrival_ms: int) -> dict[str, Any]:
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "1",
                    "sequenceNumber": str(sequence),
                    "data": binascii.b2a_base64(data, newline=False).decode(),
                    "approximateArrivalTimestamp": arrival_ms / 1000,
                },
                "eventSource": "aws:kinesis",
                "eventID": f"{shard_id}:{sequence}",
            }
            for sequence, data in records
        ]
    }


SHARD = "shardId-000000000006"
T0 = 1_705_314_600_000  # 2024-01-15T10:30:00Z


def drive(count: int = 40) -> list[Position]:
    """Return a truck's way out of the depot, 100 m every 5 s."""
    return [Position("TRK-1", T0 + n * 5000, 47.0 + n * 0.0009, 8.0, 72.0) for n in range(count)]


def batch(first: int = 2**185) -> dict[str, Any]:
    data = [encode_position(position) for position in drive()]
    data.insert(7, b"poison")
    return kinesis_event(SHARD, [(first + place, each) for place, each in enumerate(data)], T0 + 60_000)


def logged(function: LambdaFunction, message: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in function.log if line.startswith("{")]
    return [line for line in lines if line.get("message") == message]


@pytest.mark.parametrize(
    ("group", "name"),
    [("live", "dashboard_consumer"), ("live", "geofence_consumer"), ("archive", "archive_consumer")],
)
def test_consumers_set_the_sample_events_of_aws_aside(
    function: Any, session: AwsSession, test_data: Path, group: str, name: str
) -> None:
    running = function(group, name)
    for sample in ("kinesisStreamEvent.json", "kinesisStreamEventOneRecord.json"):
        event = json.loads((test_data / "aws_events" / sample).read_bytes())
        assert running.invoke(event) == {"batchItemFailures": []}
    set_aside = {record.sequence_number: record.payload for record in S3Rejected(session).list()}
    assert set_aside[49590338271490256608559692538361571095921575989136588898] == b"Hello, this is a test."
    for sample in ("snsEvent.json", "sqsDlqTriggerEvent.json", "dynamoStreamEvent.json", "eventBridgeEvent.json"):
        with pytest.raises(FunctionError) as caught:
            running.invoke(json.loads((test_data / "aws_events" / sample).read_bytes()))
        assert caught.value.kind == "InvalidInput"


def test_dashboard_consumer_runs_from_its_package(function: Any, session: AwsSession) -> None:
    running = function("live", "dashboard_consumer")
    for _ in range(2):
        assert running.invoke(batch()) == {"batchItemFailures": []}
    positions = AwsPositions(session.client("dynamodb"), "truck-positions")
    assert [track.last for track in positions.list()] == [drive()[-1]]
    assert [record.payload for record in S3Rejected(session).list()] == [b"poison"]


def test_geofence_consumer_and_outbox_run_from_their_package(function: Any, session: AwsSession, server: Cloud) -> None:
    fences = b"""[{"geofence_id":"depot","name":"Depot","type":"circle","center":{"latitude":47.0,"longitude":8.0},
    "radius_meters":500,"alert_on":"exit"}]"""
    AwsGeofences(session.client("dynamodb"), "geofences").put(parse_geofences(fences).geofences)
    running = function("live", "geofence_consumer")
    for _ in range(2):
        assert running.invoke(batch()) == {"batchItemFailures": []}
    assert function("live", "send_outbox").invoke({"time": "2024-01-15T10:31:00Z"}) == {"sent": 0}
    alerts = [json.loads(message) for message in server.messages()]
    assert [(alert["truck_id"], alert["alert_type"], alert["timestamp"]) for alert in alerts] == [
        ("TRK-1", "exit", format_instant(T0 + 25_000))
    ]


def test_archive_and_jobs_run_from_their_packages(function: Any, session: AwsSession) -> None:
    archiver, statistics = function("archive", "archive_consumer"), function("jobs", "hourly_stats")
    assert archiver.invoke(batch()) == {"batchItemFailures": []}
    assert archiver.invoke(batch()) == {"batchItemFailures": []}
    assert archiver.invoke(batch(2**185 + 100)) == {"batchItemFailures": []}
    archive, parquet = S3Archive(session), ParquetFormat()
    assert len(archive.list("positions/")) == 2
    event = {"time": "2024-01-15T12:00:00Z"}
    assert statistics.invoke(event) == {"dates": 1, "computed": 1, "written": 1}
    assert function("jobs", "compact_archive").invoke(event) == {"files_merged": 2, "hours_written": 1}
    assert statistics.invoke(event)["dates"] == 1
    (settled,) = list_date(archive, "2024-01-15")
    assert parquet.read(archive.get(settled.key)).to_positions() == drive()
    (row,) = read_stats(archive, parquet).rows()
    assert (row.coordinates_count, row.final, row.revision) == (40, True, 1)
    assert row.total_distance_km == pytest.approx(39 * 0.1000, rel=0.01)
    (hour,) = count_deliveries(archive, parquet, "2024-01-15", "2024-01-15").values()
    assert (hour.duplicates, hour.late) == ({row.truck_id: 40}, {})  # the third batch; the second was the first again


def test_producer_and_redrive_run_from_their_package(function: Any, session: AwsSession) -> None:
    minute = format_instant(time.time_ns() // 1_000_000)
    assert function("live", "gps_producer").invoke({"time": minute}) == {"records": 5}
    function("live", "dashboard_consumer").invoke(batch())
    redriver = function("live", "redrive_rejected")
    assert redriver.invoke({}) == {"placed": 1, "refused": 0}
    assert redriver.invoke({}) == {"placed": 0, "refused": 0}
    stream = KinesisStream(session)
    records = [record for shard in stream.shards() for record in stream.read(shard.shard_id, 0, 1000)]
    assert len(records) == 6
    assert b"poison" in [record.data for record in records]


@pytest.mark.data
def test_two_cars_trips_through_kinesis_local_and_the_packages_give_the_reference_answers(
    function: Any, cloud: str, test_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_kinesis_local = kinesis_session(2, monkeypatch)
    shell = ENVIRONMENT | {
        "AWS_ENDPOINT_URL": cloud,
        "AWS_ENDPOINT_URL_KINESIS": on_kinesis_local.client("kinesis").meta.endpoint_url,
        "STREAM_NAME": on_kinesis_local.settings.stream_name,
        "TRUCKSTREAM_BACKEND": "aws",
        "OUTLIER_SPEED_KMH": "0",
    }
    for name, value in shell.items():
        monkeypatch.setenv(name, value)
    geofences = str(test_data / "geofences_envirocar.json")
    said = printed("replay", str(test_data / "envirocar.csv.gz"), "--geofences", geofences, "--json")
    assert json.loads(said)["rows"] == 1_303
    stream = Reader(KinesisStream(on_kinesis_local))
    for group, name in (("live", "dashboard"), ("live", "geofence"), ("archive", "archive")):
        running = function(group, f"{name}_consumer", OUTLIER_SPEED_KMH="0")
        LambdaMapping(stream, name, running.invoke, MappingSettings(400)).drain()
    folder = test_data / "expected" / "envirocar"
    check_statistics(printed("stats", "--csv"), folder)
    check_transitions(printed("transitions", "--csv"), folder)
    check_latest(printed("positions", "--csv"), folder)
    found = json.loads(printed("verify", "--settle", "0", "--json"))
    assert (found["ok"], found["stream_records"], found["archived"]) == (True, 1_303, 1_301)


def printed(*arguments: str) -> str:
    """Return what a command prints."""
    with redirect_stdout(io.StringIO()) as said:
        assert execute(list(arguments)) == 0
    return said.getvalue()


def test_missing_configuration_stops_with_the_variable(function: Any) -> None:
    for group, name, variable in (
        ("archive", "archive_consumer", "S3_BUCKET"),
        ("live", "geofence_consumer", "GEOFENCES_TABLE"),
    ):
        with pytest.raises(FunctionError, match=f"{variable} is not set"):
            function(group, name, **{variable: ""}).invoke(batch())


def test_an_unreachable_service_fails_the_whole_batch(function: Any) -> None:
    running = function("archive", "archive_consumer", S3_BUCKET="no-such-bucket")
    with pytest.raises(FunctionError) as caught:
        running.invoke(batch())
    assert "S3_BUCKET" in str(caught.value)
    assert logged(running, "invocation failed")
