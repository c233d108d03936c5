"""Real tracks through Kinesis, the real handlers and DynamoDB / S3 / SNS, against the reference answers.

Austin's bus fleet goes through the handlers in process, on AWS's own DynamoDB Local; the two cars go through
kinesis-local and the built packages. Kinesis dates arrivals now, so every alert is late: recorded, not sent.
"""

import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import pytest
from tests.support.aws_parts import REGION
from tests.support.cloud import ENVIRONMENT, Cloud, deployed
from tests.support.dynamodb import local_tables
from tests.support.lambda_poller import Context, LambdaMapping, Reader
from tests.support.reference import check_latest, check_statistics, check_transitions, expected, rows_of

from truckstream.aws import handlers
from truckstream.aws.session import AwsSession, AwsSettings
from truckstream.aws.stream import KinesisStream
from truckstream.cli.main import execute
from truckstream.local.mapping import MappingSettings

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with deployed() as made:
        yield made


def shell(patch: pytest.MonkeyPatch, cloud: Cloud, **others: str) -> None:
    """Set up the environment of a shell and, in process, of the functions."""
    settings = {
        **ENVIRONMENT,
        "AWS_ENDPOINT_URL": cloud.address,
        "TRUCKSTREAM_BACKEND": "aws",
        "OUTLIER_SPEED_KMH": "0",
    }
    for name, value in (settings | others).items():
        patch.setenv(name, value)
    patch.delenv("AWS_PROFILE", raising=False)


def truckstream(*arguments: str) -> str:
    """Return what a command prints."""
    with redirect_stdout(io.StringIO()) as said:
        assert execute(list(arguments)) == 0
    return said.getvalue()


LIVE = ("south-west", "far-north", "riverside")
"""Geofences in force while the stream is consumed: two circles and a polygon, 1,229 alerts of the 10,024."""


def check_alert_log(folder: Path, geofences: Path) -> None:
    """Compare the alerts raised live with the transitions their geofences ask for."""
    asked = {fence["geofence_id"]: fence["alert_on"] for fence in json.loads(geofences.read_text())}
    wanted = [
        (row["truck_id"], row["geofence_id"], row["event"], row["timestamp"])
        for row in expected(folder, "transitions")
        if row["geofence_id"] in asked and asked[row["geofence_id"]] in ("both", row["event"])
    ]
    raised = rows_of(truckstream("alerts", "--csv"))
    found = [(row["truck_id"], row["geofence_id"], row["alert_type"], row["timestamp"]) for row in raised]
    assert sorted(found) == sorted(wanted)
    assert {row["late"] for row in raised} == {"true"}


def test_a_bus_fleets_day_through_kinesis_and_the_handlers_gives_the_reference_answers(
    cloud: Cloud, test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.fresh(shard_count=24)  # moto takes longer the more a shard holds
    tables = local_tables()
    shell(
        monkeypatch, cloud, AWS_ENDPOINT_URL_DYNAMODB=tables.client.meta.endpoint_url,
        DYNAMODB_TABLE=tables.positions(), GEOFENCES_TABLE=tables.geofences(), LOG_LEVEL="ERROR",
    )  # fmt: skip
    geofences, live = test_data / "geofences_austin.json", tmp_path / "live.json"
    live.write_text(json.dumps([each for each in json.loads(geofences.read_text()) if each["geofence_id"] in LIVE]))
    said = truckstream("replay", str(test_data / "austin.csv.gz"), "--geofences", str(live), "--json")
    assert (json.loads(said)["rows"], json.loads(said)["rejected"]) == (53_569, 0)
    stream = KinesisStream(AwsSession(AwsSettings(region=REGION)), sleep=lambda seconds: None)
    try:
        with redirect_stdout(io.StringIO()):
            reader = Reader(stream)
            for name in ("dashboard", "geofence", "archive"):
                function = partial(getattr(handlers, f"{name}_consumer"), context=Context())
                LambdaMapping(reader, name, function, MappingSettings(10_000)).drain()
    finally:
        handlers.disconnect()
    folder = test_data / "expected" / "austin"
    check_alert_log(folder, live)
    assert cloud.messages() == []
    check_latest(truckstream("positions", "--csv"), folder)
    check_statistics(truckstream("stats", "--csv"), folder)
    truckstream("geofences", "import", str(geofences))
    check_transitions(truckstream("transitions", "--csv"), folder)
