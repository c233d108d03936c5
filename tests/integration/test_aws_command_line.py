"""The command line on `--backend aws`: each command against the deployed system's parts (moto), handlers between."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.support.aws_parts import ACCOUNT, BUCKET, REGION, STREAM
from tests.support.cloud import ENVIRONMENT, Cloud, deployed
from tests.support.lambda_poller import Context, LambdaMapping

from truckstream.aws import handlers
from truckstream.aws.lease import BucketLease
from truckstream.aws.session import AwsSettings
from truckstream.aws.stores import AwsStores
from truckstream.aws.stream import KinesisStream
from truckstream.cli.main import execute
from truckstream.core.errors import Unavailable
from truckstream.core.records import Position, encode_position
from truckstream.local.mapping import MappingSettings

POSITIONS = """truck_id,timestamp,latitude,longitude,speed_kmh,heading,engine_status
A,2024-01-15T10:00:00.000Z,47.0000000,8.0000000,30,90,running
B,2024-01-15T10:00:01.000Z,46.5000000,7.5000000,,,
A,2024-01-15T10:00:05.000Z,47.0010000,8.0000000,31.5,90,running
A,2024-01-15T10:00:10.000Z,47.0030000,8.0000000,32,90,running
B,2024-01-15T10:00:06.000Z,99.0000000,7.5000000,,,
B,2024-01-15T10:00:07.000Z,47
"""
DEPOT = {
    "geofence_id": "depot",
    "name": "Depot",
    "type": "circle",
    "center": {"latitude": 47.0, "longitude": 8.0},
    "radius_meters": 300,
    "alert_on": "both",
}
CONSUMERS = ("dashboard", "geofence", "archive")


@pytest.fixture(scope="module")
def server() -> Iterator[Cloud]:
    with deployed() as made:
        yield made


@pytest.fixture
def shell(server: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shell that is set up for the deployed system."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.address)
    monkeypatch.setenv("TRUCKSTREAM_BACKEND", "aws")


@pytest.fixture
def cloud(server: Cloud, shell: None) -> Iterator[Cloud]:
    """The deployed system, new."""
    server.fresh()
    yield server
    handlers.disconnect()


@pytest.fixture
def stores(cloud: Cloud) -> Iterator[AwsStores]:
    settings = AwsSettings(stream_name=STREAM, geofences_table="geofences", bucket=BUCKET, region=REGION)
    with AwsStores(settings, outlier_limit_kmh=200.0) as made:
        yield made


def let_lambda_work(stores: AwsStores) -> None:
    """Bring everything on the stream to the three functions."""
    stream = KinesisStream(stores.session, sleep=lambda seconds: None)
    for name in CONSUMERS:
        function = getattr(handlers, f"{name}_consumer")
        LambdaMapping(stream, name, partial(function, context=Context()), MappingSettings(1000)).drain()


@pytest.fixture
def replayed(stores: AwsStores, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A small replay put on Kinesis and taken by the functions."""
    source, fences = tmp_path / "positions.csv", tmp_path / "fences.json"
    source.write_text(POSITIONS)
    fences.write_text(json.dumps([DEPOT]))
    assert execute(["replay", str(source), "--geofences", str(fences), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["rows"], said["rejected"]) == (6, 1)
    let_lambda_work(stores)
    return source


def json_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()  # what the functions logged
    assert execute([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_was_replayed_is_read_back_from_every_store(
    replayed: Path, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = json_of(capsys, "positions")
    assert (first["truck_id"], first["timestamp"], first["speed_kmh"]) == ("A", "2024-01-15T10:00:10.000Z", 32.0)
    assert (second["truck_id"], second["heading"]) == ("B", None)
    (alert,) = json_of(capsys, "alerts", "--truck", "A")
    assert (alert["alert_type"], alert["timestamp"], alert["late"]) == ("exit", "2024-01-15T10:00:10.000Z", True)
    assert cloud.messages() == []  # late ones are recorded, not sent
    (transition,) = json_of(capsys, "transitions")
    assert (transition["event"], transition["timestamp"]) == ("exit", "2024-01-15T10:00:10.000Z")
    for refresh in ([], ["--refresh"]):
        capsys.readouterr()
        assert execute(["stats", "--csv", *refresh]) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert [(row["truck_id"], row["coordinates_count"], row["final"]) for row in rows] == [
            ("A", "3", "true"), ("B", "1", "true"),
        ]  # fmt: skip
        assert rows[0]["total_distance_km"] == "0.333513"


def test_rejected_records_are_listed_and_redriven(
    replayed: Path, stores: AwsStores, capsys: pytest.CaptureFixture[str]
) -> None:
    of_stream, of_source = json_of(capsys, "rejected")
    assert of_stream["reason"].startswith("latitude")
    assert '"latitude":99.0000000' in of_stream["payload"]
    assert (of_source["shard_id"], of_source["sequence_number"]) == (f"source:{replayed}", 7)
    capsys.readouterr()
    assert execute(["rejected", "--redrive"]) == 0
    assert capsys.readouterr().out.startswith("1 records put on the stream again; 1 stay")
    assert len(json_of(capsys, "rejected")) == 1
    let_lambda_work(stores)
    assert [entry["reason"][:8] for entry in json_of(capsys, "rejected", "--truck", "B")] == ["latitude"]


def test_verify_compares_the_archive_with_the_stream(
    replayed: Path, stores: AwsStores, capsys: pytest.CaptureFixture[str]
) -> None:
    found = json_of(capsys, "verify", "--settle", "0")
    assert (found["ok"], found["stream_positions"], found["archived"], found["rejected"]) == (True, 4, 4, 1)
    assert found["stream_hash"] == found["archive_hash"]
    stores.archive.delete([file.key for file in stores.archive.list("positions/")][:1])
    assert execute(["verify", "--settle", "0"]) == 1
    said = capsys.readouterr().err
    assert "are not in the archive" in said
    assert "truckstream status" in said
    assert json_of(capsys, "verify")["stream_records"] == 0  # nothing is two minutes old yet


def test_compaction_merges_files_and_keeps_every_answer(
    replayed: Path, stores: AwsStores, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["ingest", str(replayed)]) == 0
    let_lambda_work(stores)
    capsys.readouterr()
    before = json_of(capsys, "stats")
    done = json_of(capsys, "compact")
    assert done["before"]["files"] > done["after"]["files"] == 1
    assert json_of(capsys, "stats") == before
    assert json_of(capsys, "verify", "--settle", "0")["ok"]
    lease = BucketLease(stores.session.client("s3"), BUCKET, "compaction")
    with lease:
        assert execute(["compact"]) == 75
        assert "compaction is running elsewhere" in capsys.readouterr().err
        with pytest.raises(Unavailable, match="running elsewhere"):
            handlers.compact_archive({"time": "2024-01-16T00:00:00Z"}, Context())
    assert execute(["compact"]) == 0


def test_geofences_are_managed_in_dynamodb(replayed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert [row["version"] for row in json_of(capsys, "geofences", "list")] == [1]
    for form in ([], ["--geojson"]):
        capsys.readouterr()
        assert execute(["geofences", "export", *form]) == 0
        exported = tmp_path / "exported.json"
        exported.write_text(capsys.readouterr().out)
        assert execute(["geofences", "import", str(exported)]) == 0
        assert capsys.readouterr().out == "0 added, 0 changed, 1 unchanged\n"
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps({**DEPOT, "geofence_id": "draft", "alert_on": "exit"}))
    assert execute(["geofences", "test", str(draft)]) == 0
    assert capsys.readouterr().out == "draft: would have fired 1 times (exit 1)\n"
    assert execute(["geofences", "add", str(draft)]) == 0
    assert capsys.readouterr().out == "1 added, 0 changed, 0 unchanged\n"
    assert execute(["geofences", "remove", "draft", "nowhere"]) == 1
    assert capsys.readouterr().out == "removed draft\n"


def test_status_tells_counts_and_what_lambda_reports(
    replayed: Path, cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    status = json_of(capsys, "status")
    assert (status["shards"], status["trucks"], status["alerts"], status["alerts_pending"]) == (2, 2, 1, 0)
    assert (status["rejected"], status["archive_files"] > 0, status["consumers"]) == (2, True, {})
    assert abs(status["last_arrival_ms"] - time.time() * 1000) < 60_000
    assert execute(["status"]) == 0
    assert "no function is connected to the stream" in capsys.readouterr().out

    connect_functions(cloud)
    cloud.client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "IteratorAge",
                "Dimensions": [{"Name": "FunctionName", "Value": "truckstream-archive-consumer"}],
                "Value": 1500.0,
                "Unit": "Milliseconds",
            }
        ],
    )
    consumers = json_of(capsys, "status")["consumers"]
    assert list(consumers) == ["dashboard", "archive"]
    assert consumers["archive"] == {"records": None, "age_ms": 1500, "state": ""}
    assert consumers["dashboard"] == {"records": None, "age_ms": None, "state": "Disabled"}
    assert execute(["status"]) == 0
    assert "1.5 s" in capsys.readouterr().out


def connect_functions(cloud: Cloud) -> None:
    role = {"Version": "2012-10-17", "Statement": []}
    arn = cloud.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=json.dumps(role))["Role"]["Arn"]
    awslambda = cloud.client("lambda")
    for name in ("archive", "dashboard"):
        awslambda.create_function(
            FunctionName=f"truckstream-{name}-consumer",
            Runtime="python3.12",
            Role=arn,
            Handler="truckstream.aws.handlers.x",
            Code={"ZipFile": empty_zip()},
        )
        awslambda.create_event_source_mapping(
            FunctionName=f"truckstream-{name}-consumer",
            EventSourceArn=f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{STREAM}",
            StartingPosition="TRIM_HORIZON",
            Enabled=name == "archive",
        )


def empty_zip() -> bytes:
    import zipfile

    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("x.py", "")
    return made.getvalue()


def test_query_goes_to_athena_and_shows_its_cost(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.client("athena").create_work_group(Name="truckstream", Configuration={})
    result = {
        "rows": [{"Data": [{"VarCharValue": "truck_id"}]}, {"Data": [{"VarCharValue": "A"}]}],
        "column_info": [
            {
                "CatalogName": "hive", "SchemaName": "", "TableName": "", "Name": "truck_id", "Label": "truck_id",
                "Type": "varchar", "Precision": 0, "Scale": 0, "Nullable": "UNKNOWN", "CaseSensitive": True,
            }
        ],
    }  # fmt: skip
    body = json.dumps({"results": [result], "region": REGION, "account_id": ACCOUNT}).encode()
    request = Request(
        f"{cloud.address}/moto-api/static/athena/query-results", body, {"Content-Type": "application/json"}
    )
    with urlopen(request, timeout=30):
        pass
    assert execute(["query", "select truck_id from positions", "--csv"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["truck_id", "A"]
    assert "USD" in said.err
    assert execute(["query", "drop table positions"]) == 1
    assert "only a single SELECT" in capsys.readouterr().err


def test_simulated_trucks_drive_on_kinesis(stores: AwsStores, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["simulate", "--trucks", "3", "--every", "0.2", "--duration", "0.7"]) == 0
    placed = int(capsys.readouterr().err.rpartition(" positions placed")[0].split()[-1])
    assert placed >= 6
    assert count_on(stores) == placed


def test_run_puts_a_fleet_on_kinesis_and_shows_what_aws_tells(
    stores: AwsStores, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["run", "--trucks", "4", "--every", "0.3", "--duration", "1.5"]) == 0
    said = capsys.readouterr().out
    assert f"4 simulated trucks to the stream {STREAM} on AWS" in said
    assert "0 rejected" in said.splitlines()[-2]
    assert count_on(stores) >= 12
    assert stores.geofences.catalogue().revision == 1  # the demonstration's
    let_lambda_work(stores)
    assert len(json_of(capsys, "positions")) == 4


def test_run_takes_a_file_at_its_own_pace(
    stores: AwsStores, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "live.ndjson"
    rows = [encode_position(Position("A", 1_705_314_600_000 + n * 100, 47.0, 8.0)) for n in range(3)]
    source.write_bytes(b"\n".join([*rows, b"not a record"]))
    assert execute(["run", "--source", str(source), "--duration", "1"]) == 0
    assert count_on(stores) == 4
    assert "4 positions" in capsys.readouterr().out


def count_on(stores: AwsStores) -> int:
    return sum(len(stores.stream.read(shard.shard_id, 0, 10_000)) for shard in stores.stream.shards())


# --- what is missing ------------------------------------------------------------------------------------

MISSING = {
    "no bucket": ({"S3_BUCKET": ""}, ["stats"], 1, "S3_BUCKET is not set"),
    "no bucket for a producer": ({"S3_BUCKET": ""}, ["simulate", "--duration", "0"], 1, "S3_BUCKET is not set"),
    "bucket that is not there": ({"S3_BUCKET": "somewhere-else"}, ["rejected"], 1, "S3_BUCKET"),
    "no geofences table": ({"GEOFENCES_TABLE": ""}, ["alerts"], 1, "GEOFENCES_TABLE is not set"),
    "table that is not there": ({"DYNAMODB_TABLE": "nothing"}, ["positions"], 1, "DYNAMODB_TABLE"),
    "stream that is not there": ({"STREAM_NAME": "nothing"}, ["ingest", "{file}"], 1, "STREAM_NAME"),
    "wrong topic": ({"SNS_TOPIC_ARN": "alerts"}, ["alerts"], 1, "SNS_TOPIC_ARN"),
    "no region": ({"AWS_REGION": ""}, ["positions"], 1, "AWS_REGION"),
    "impossible region": ({"AWS_REGION": "the moon"}, ["positions"], 1, "AWS_REGION"),
    "no credentials": ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, ["positions"], 1, "AWS_PROFILE"),
    "no service there": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, ["positions"], 75, "AWS_ENDPOINT_URL"),
    "endpoint that is no address": ({"AWS_ENDPOINT_URL": "moto"}, ["positions"], 1, "AWS_ENDPOINT_URL"),
    "a local option": ({}, ["run", "--webhook", "http://127.0.0.1/", "--duration", "0"], 1, "--webhook"),
    "a local option of replay": ({}, ["replay", "{file}", "--no-notify"], 1, "--no-notify"),
}


@pytest.mark.parametrize(("environment", "call", "code", "named"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_named_in_two_lines(
    shell: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    environment: dict[str, str],
    call: list[str],
    code: int,
    named: str,
) -> None:
    file = tmp_path / "positions.csv"
    file.write_text(POSITIONS)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert execute([part.format(file=file) for part in call]) == code
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["error", "hint"]
    assert named in " ".join(lines)


def test_a_missing_permission_is_named(shell: None, capsys: pytest.CaptureFixture[str]) -> None:
    import truckstream.cli.backends as backends

    def refuse(client: Any, service: str, operation: str, code: str, status: int) -> None:
        from tests.support.aws_faults import AwsFaults

        AwsFaults(client).fail(
            operation, code, status=status, message=f"not authorized to perform: {service}:{operation}"
        )

    made = backends.aws_stores()
    refuse(made.session.client("dynamodb"), "dynamodb", "Scan", "AccessDeniedException", 400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("truckstream.cli.show.open_stores", lambda data, backend: made)
        assert execute(["positions"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[1] == "hint: Grant dynamodb:Scan on the positions table truck-positions."


def test_without_the_extra_the_message_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert execute(["positions", "--backend", "aws"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[1] == "hint: Install it with: pip install 'truckstream[aws]'"


def test_the_installed_command_runs_the_whole_way(replayed: Path, stores: AwsStores, cloud: Cloud) -> None:
    def command(*arguments: str) -> str:
        program = Path(sys.executable).with_name("truckstream")
        done = subprocess.run([program, *arguments, "--backend", "aws"], capture_output=True, text=True, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        return done.stdout

    assert command("ingest", str(replayed)) == "5 records placed, 1 rejected; see truckstream rejected --backend aws\n"
    let_lambda_work(stores)
    assert command("positions", "--csv").splitlines()[1].startswith("A,2024-01-15T10:00:10.000Z,47.0030000")
    assert "ok: the archive holds every position" in command("verify", "--settle", "0")

    program = Path(sys.executable).with_name("truckstream")
    with subprocess.Popen([program, "run", "--trucks", "2"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert "on AWS" in running.stdout.readline()
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        assert "Stopped." in running.stdout.read()
    assert running.returncode == 0
