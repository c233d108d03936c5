"""A deployed system on a server of this machine: Terraform's resources in moto, the functions run from their packages.

moto holds the functions and their mappings and runs neither. `consume` does what the mappings would: it takes handler,
environment and batch size from what was deployed, and runs the very package whose hash the function holds.
"""

import base64
import hashlib
import importlib.util
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config
from tests.support.lambda_runtime import ACCOUNT, REGION, LambdaFunction
from tests.support.terraform import ROOT, Folder

ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "")
FUNCTIONS = {
    "gps_producer": "live",
    "dashboard_consumer": "live",
    "geofence_consumer": "live",
    "archive_consumer": "archive",
    "send_outbox": "live",
    "redrive_rejected": "live",
    "hourly_stats": "jobs",
    "compact_archive": "jobs",
}
_SERVER = Path(__file__).resolve().parent / "aws_server.py"


class Server:
    """moto with its shims, on 127.0.0.1."""

    def __init__(self, address: str, log: Path) -> None:
        self.address = address
        self._log = log

    @cache  # noqa: B019 - a handful of servers per run
    def client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        boto: Any = boto3.Session(ACCOUNT, "made-up", region_name=REGION)
        return boto.client(service, endpoint_url=self.address, config=config)

    @property
    def environment(self) -> dict[str, str]:
        """What leads a program of this machine here."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_REGION": REGION,
            "AWS_MAX_ATTEMPTS": "1",  # a call that moto lacks would be tried for minutes
        }

    def unanswered(self) -> list[str]:
        """Return the calls that nobody answers."""
        return [line for line in self._log.read_text().splitlines() if line.startswith("5")]

    def calls_of_roles(self) -> list[dict[str, str]]:
        """Return what functions that ran as their roles have asked so far."""
        lines = self._log.read_text().splitlines()
        return [json.loads(line.removeprefix("CALL ")) for line in lines if line.startswith("CALL ")]


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Run a server until the end of the block."""
    log = folder / "calls.log"
    with log.open("w") as calls:
        process = subprocess.Popen(
            [sys.executable, str(_SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=calls
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            yield Server(f"http://127.0.0.1:{port}", log)
        finally:
            process.stdin.close()
            process.wait(timeout=30)
            process.stdout.close()


def build_packages(folder: Path) -> Path:
    """Build the packages for this machine; skips the test where the wheels cannot be had."""
    if sys.platform != "linux" or sys.version_info[:2] != (3, 12) or not ARCHITECTURE:
        pytest.skip("missing part: Linux and Python 3.12, for which the packages are built")
    spec = importlib.util.spec_from_file_location("lambda_package", ROOT / "scripts" / "lambda_package.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    for group in sorted(set(FUNCTIONS.values())):
        try:
            tool.build(group, ARCHITECTURE, folder)
        except tool.Unobtainable as error:
            pytest.skip(f"missing part: package index ({error})")
    return folder


class Stack:
    """What was deployed to a server, seen through the AWS API alone."""

    def __init__(self, at: Server, packages: Path, prefix: str = "truckstream") -> None:
        self.server = at
        self.client = at.client
        self._packages = packages
        self._prefix = prefix

    def name(self, function: str) -> str:
        return f"{self._prefix}-{function.replace('_', '-')}"

    def configuration(self, function: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client("lambda").get_function_configuration(FunctionName=self.name(function))
        return answer

    def package(self, function: str) -> Path:
        return self._packages / f"lambda-{FUNCTIONS[function]}-{ARCHITECTURE}.zip"

    def holds_its_package(self, function: str) -> bool:
        """Whether the function's code is the built package, by its hash."""
        digest = hashlib.sha256(self.package(function).read_bytes()).digest()
        return bool(self.configuration(function)["CodeSha256"] == base64.b64encode(digest).decode())

    def mapping(self, function: str) -> dict[str, Any]:
        mappings = self.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        answer: dict[str, Any]
        (answer,) = (each for each in mappings if each["FunctionArn"].endswith(f":{self.name(function)}"))
        return answer

    def policies(self, function: str) -> list[dict[str, Any]]:
        """Return the policies of the role the function runs as."""
        role = self.configuration(function)["Role"].rpartition("/")[2]
        iam = self.client("iam")
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]

    def policy_of_people(self, kind: str) -> list[dict[str, Any]]:
        """Return a policy that is there to be attached to people: analyst or operator."""
        iam = self.client("iam")
        arn = f"arn:aws:iam::{ACCOUNT}:policy/{self._prefix}-{kind}"
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        return [iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]]

    @contextmanager
    def running(self, runtime: Path, *functions: str) -> Iterator[dict[str, LambdaFunction]]:
        """Run functions from their packages, with the environment that was deployed."""
        with ExitStack() as stack:
            started = {}
            for function in functions:
                deployed = self.configuration(function)
                environment = deployed["Environment"]["Variables"] | self.server.environment
                environment |= {"AWS_ACCESS_KEY_ID": f"ROLE-{function}"}  # by which the server tells whose call it was
                made = LambdaFunction(
                    self.package(function), deployed["Handler"], runtime, environment=environment, timeout_s=60
                )
                started[function] = stack.enter_context(made)
            yield started


class Deployed(NamedTuple):
    """A stack, Terraform's folder, and the variables it was applied with."""

    stack: Stack
    folder: Folder
    variables: tuple[str, ...]


class Mappings:
    """Brings the stream to the consumers, from its beginning, batch by batch, as the deployed mappings say."""

    def __init__(self, stack: Stack, running: dict[str, LambdaFunction]) -> None:
        self._stack = stack
        self._running = running
        self._places: dict[tuple[str, str], str] = {}
        self.delivered: dict[str, int] = dict.fromkeys(running, 0)

    def consume(self, stop: Callable[[], bool] = lambda: True) -> None:
        """Deliver what is there; again until `stop`."""
        kinesis = self._stack.client("kinesis")
        while True:
            for function in self._running:
                mapping = self._stack.mapping(function)
                stream = mapping["EventSourceArn"].partition("/consumer/")[0].rpartition("/")[2]
                for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
                    self._deliver(function, stream, shard["ShardId"], mapping["BatchSize"])
            if stop():
                return

    def _deliver(self, function: str, stream: str, shard_id: str, batch_size: int) -> None:
        kinesis = self._stack.client("kinesis")
        place = self._places.get((function, shard_id))
        if place is None:
            place = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
        answer = kinesis.get_records(ShardIterator=place, Limit=batch_size)
        self._places[function, shard_id] = answer["NextShardIterator"]
        if answer["Records"]:
            event = {"Records": [_event_record(shard_id, record) for record in answer["Records"]]}
            assert self._running[function].invoke(event) == {"batchItemFailures": []}
            self.delivered[function] += len(answer["Records"])


def _event_record(shard_id: str, record: dict[str, Any]) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record["PartitionKey"],
            "sequenceNumber": record["SequenceNumber"],
            "data": base64.b64encode(record["Data"]).decode(),
            "approximateArrivalTimestamp": record["ApproximateArrivalTimestamp"].timestamp(),
        },
        "eventSource": "aws:kinesis",
        "eventID": f"{shard_id}:{record['SequenceNumber']}",
    }
