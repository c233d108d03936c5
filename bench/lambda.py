"""The Lambda functions from their packages: CPU per invocation, record, position and truck; start; memory.

Each function runs as Lambda runs it, in AWS's own runtime client, against moto on this machine. What is measured
is the CPU time of the function's process: the services' own time is not in it, and neither is the network's.
`--write` puts the figures where `truckstream plan` reads them.
"""

import argparse
import binascii
import json
import logging
import math
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Any

import boto3
import msgspec
from bench.harness import Report
from bench.replay import geofences
from moto.server import ThreadedMotoServer
from tests.support.dynamodb import GEOFENCES_TABLE, POSITIONS_TABLE
from tests.support.lambda_runtime import ACCOUNT, REGION, LambdaFunction, package_tool, runtime_folder

from truckstream.aws.geofences import AwsGeofences
from truckstream.consumers.archive_keys import live_key
from truckstream.consumers.compaction import compact
from truckstream.consumers.statistics import refresh
from truckstream.core.columns import PositionColumns
from truckstream.core.fleet import Fleet
from truckstream.core.geofences import parse_geofences
from truckstream.core.plan.measured import FunctionCost
from truckstream.core.records import Position, ReceivedPositions, encode_position
from truckstream.core.wire import gzip_frame
from truckstream.parquet.with_arro3 import Arro3Format
from truckstream.testing import MemoryArchive

ROOT = Path(__file__).resolve().parents[1]
DATA_FILE = ROOT / "src" / "truckstream" / "cli" / "data" / "measured.json"
BUCKET = f"gps-archive-{ACCOUNT}"
SHARD = "shardId-000000000000"
START_MS = 1_705_312_800_000  # 2024-01-15T10:00:00Z
GROUP_OF = {"dashboard": "live", "geofence": "live", "archive": "archive"}
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
MANY = 2_000
TRUCKS = 400
FRAME_SIZES = (1, 2, 5, 12, 25, 60, 100, 250, 1_000, 4_000, 10_000)
FILE_SIZES = (1, 12, 100, 1_000, 10_000, 60_000)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="rounds per figure; the median counts")
    parser.add_argument("--write", action="store_true", help=f"write {DATA_FILE.relative_to(ROOT)}")
    chosen = parser.parse_args()
    report = Report("lambda")
    with tempfile.TemporaryDirectory(prefix="bench-lambda-") as folder:
        costs, items = functions(Path(folder), chosen.rounds)
    for name, cost in costs.items():
        report.add(f"{name}: an invocation", cost.invocation_ms, "ms", better="lower")
        report.add(f"{name}: and for each record", cost.record_us, "us", better="lower")
        report.add(f"{name}: and for each position", cost.position_us, "us", better="lower")
        report.add(f"{name}: and for each truck", cost.truck_us, "us", better="lower")
        if cost.unwritten_truck_us != cost.truck_us:
            report.add(f"{name}: for each truck not written", cost.unwritten_truck_us, "us", better="lower")
        report.add(f"{name}: first answer after", cost.start_ms, "ms", better="lower")
        report.add(f"{name}: resident memory", cost.resident_mib, "MiB", better="lower")
    for kind, size in items.items():
        report.add(f"largest item of {kind}", size, "bytes", better="lower")
    record_bytes, frames, files, settled = sizes()
    statistics_us, compaction_us = jobs()
    report.add("one JSON record", record_bytes, "bytes", better="lower")
    for count, each in frames:
        report.add(f"gzip frame of {count:,}, per position", each, "bytes", better="lower")
    for count, each in files:
        report.add(f"archive file of {count:,}, per position", each, "bytes", better="lower")
    report.add("compacted hour, per position", settled, "bytes", better="lower")
    report.add("hourly statistics, per position of the date", statistics_us, "us", better="lower")
    report.add("compaction, per position", compaction_us, "us", better="lower")
    if chosen.write:
        write(costs, items, record_bytes, frames, files, settled, statistics_us, compaction_us)
    return report.print()


def write(
    costs: dict[str, FunctionCost],
    items: dict[str, int],
    record_bytes: float,
    frames: Sequence[tuple[int, float]],
    files: Sequence[tuple[int, float]],
    settled: float,
    statistics_us: float,
    compaction_us: float,
) -> None:
    """Put the figures into the data file of `truckstream plan`."""
    content = {
        "measured": datetime.now(UTC).date().isoformat(),
        "command": "scripts/bench.sh lambda --write",
        "machine": f"{processor()}, Python {platform.python_version()}",
        "functions": {
            name: {field: float(f"{value:.4g}") for field, value in msgspec.structs.asdict(cost).items()}
            for name, cost in costs.items()
        },
        "item_bytes": items,
        "record_bytes": round(record_bytes, 1),
        "frame_bytes_per_position": [[count, round(each, 2)] for count, each in frames],
        "file_bytes_per_position": [[count, round(each, 2)] for count, each in files],
        "settled_bytes_per_position": round(settled, 2),
        "statistics_us_per_position": float(f"{statistics_us:.4g}"),
        "compaction_us_per_position": float(f"{compaction_us:.4g}"),
    }
    DATA_FILE.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2)
    text = re.sub(r"\[\s+([\d.]+),\s+([\d.]+)\s+\]", r"[\1, \2]", text)  # pairs on one line
    DATA_FILE.write_text(text + "\n")
    print(f"written: {DATA_FILE.relative_to(ROOT)}", file=sys.stderr)


def processor() -> str:
    """Return the processor's name as the kernel tells it."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found.group(1).strip() if found else platform.machine()


# --- the functions ------------------------------------------------------------------------------------------


def functions(folder: Path, rounds: int) -> tuple[dict[str, FunctionCost], dict[str, int]]:
    """Measure the three consumers, and the largest items they left in the tables."""
    tool = package_tool()
    arch = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    packages = {group: tool.build(group, arch, folder).path for group in set(GROUP_OF.values())}
    runtime = runtime_folder(folder / "runtime")
    costs = {}
    with _cloud() as environment:
        for name, group in GROUP_OF.items():

            def start(name: str = name, group: str = group, **others: str) -> LambdaFunction:
                handler = f"truckstream.aws.handlers.{name}_consumer"
                return LambdaFunction(
                    packages[group], handler, runtime, environment=environment | others, timeout_s=120
                )

            events = Events()
            with ExitStack() as stack:
                begin = time.perf_counter()
                function = stack.enter_context(start())
                function.invoke(events.plain(1, 1))
                start_ms = (time.perf_counter() - begin) * 1000
                quiet = stack.enter_context(start(POSITION_EVERY_S="1000000")) if name == "dashboard" else None
                costs[name] = _measure(function, quiet, events, rounds, start_ms)
            print(f"{name}: {costs[name]}", file=sys.stderr)
        items = item_bytes(environment["AWS_ENDPOINT_URL"])
    return costs, items


def item_bytes(address: str) -> dict[str, int]:
    """Return the bytes of the largest item of each kind, as DynamoDB counts them."""
    client = boto3.Session(ACCOUNT, "made-up", region_name=REGION).client("dynamodb", endpoint_url=address)
    try:
        positions = client.scan(TableName="truck-positions")["Items"]
        states = client.scan(TableName="geofences")["Items"]
    finally:
        client.close()
    presence = [item for item in states if item["pk"]["S"].startswith("presence#")]
    return {"positions": max(map(_counted, positions)), "presence": max(map(_counted, presence))}


def _counted(item: dict[str, dict[str, Any]]) -> int:
    size = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        size += len(name) + (len(content) // 2 + 1 if kind == "N" else len(content))
    return size


def _measure(
    function: LambdaFunction, quiet: LambdaFunction | None, events: "Events", rounds: int, start_ms: float
) -> FunctionCost:
    """Kinds of batches each of which differs from another in one thing only; `quiet` writes no position."""

    def cpu_s(make: Callable[[], dict[str, Any]], times: int) -> float:
        runs = []
        for _ in range(rounds):
            batches = [make() for _ in range(times)]
            before = _cpu_s(function.pid)
            for batch in batches:
                assert function.invoke(batch) == {"batchItemFailures": []}
            runs.append((_cpu_s(function.pid) - before) / times)
        return statistics.median(runs)

    smallest = cpu_s(lambda: events.frames(1, 1, 1), 40)
    positions = cpu_s(lambda: events.frames(1, MANY, 1), 10)
    records = cpu_s(lambda: events.plain(MANY, 1), 10)
    trucks = cpu_s(lambda: events.frames(1, MANY, TRUCKS), 2)
    unwritten, resident_mib = trucks, _resident_mib(function.pid)
    if quiet is not None:
        quiet.invoke(events.frames(1, TRUCKS, TRUCKS))
        function = quiet
        unwritten = cpu_s(lambda: events.frames(1, MANY, TRUCKS), 4)
    return FunctionCost(
        invocation_ms=smallest * 1e3,
        record_us=max(0.0, records - positions) / (MANY - 1) * 1e6,
        position_us=max(0.0, positions - smallest) / (MANY - 1) * 1e6,
        truck_us=max(0.0, trucks - positions) / (TRUCKS - 1) * 1e6,
        unwritten_truck_us=max(0.0, unwritten - positions) / (TRUCKS - 1) * 1e6,
        start_ms=start_ms,
        resident_mib=resident_mib,
    )


class Events:
    """Kinesis events of trucks that drive in small circles: every position is new, and none crosses a geofence."""

    def __init__(self) -> None:
        self._sequence = 2**185
        self._now_ms = START_MS
        first = Fleet(TRUCKS, 5.0, 1, start_ms=START_MS).tick(START_MS + 5_000)
        self._homes = [each for each in first if isinstance(each, Position)]

    def plain(self, records: int, trucks: int) -> dict[str, Any]:
        """Return an event of one position per record."""
        return self._event([encode_position(position) for position in self._positions(records, trucks)])

    def frames(self, records: int, positions: int, trucks: int) -> dict[str, Any]:
        """Return an event of gzip frames that share the positions."""
        lines = [encode_position(position) for position in self._positions(positions, trucks)]
        return self._event([gzip_frame(lines[place::records]) for place in range(records)])

    def _positions(self, count: int, trucks: int) -> list[Position]:
        made = []
        for number in range(count):
            home = self._homes[number % trucks]
            if number % trucks == 0:
                self._now_ms += 5_000
            angle = self._now_ms / 5_000 * 0.7
            latitude, longitude = home.latitude + 3e-4 * math.sin(angle), home.longitude + 3e-4 * math.cos(angle)
            made.append(Position(home.truck_id, self._now_ms, round(latitude, 7), round(longitude, 7), 30.0, 90.0))
        return made

    def _event(self, payloads: Sequence[bytes]) -> dict[str, Any]:
        entries = []
        for data in payloads:
            self._sequence += 1
            kinesis = {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "1",
                "sequenceNumber": str(self._sequence),
                "data": binascii.b2a_base64(data, newline=False).decode(),
                "approximateArrivalTimestamp": self._now_ms / 1000,
            }
            entries.append(
                {
                    "kinesis": kinesis,
                    "eventSource": "aws:kinesis",
                    "eventVersion": "1.0",
                    "eventID": f"{SHARD}:{self._sequence}",
                    "eventName": "aws:kinesis:record",
                    "invokeIdentityArn": f"arn:aws:iam::{ACCOUNT}:role/consumer",
                    "awsRegion": REGION,
                    "eventSourceARN": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/gps-coordinates-stream",
                }
            )
        return {"Records": entries}


@contextmanager
def _cloud() -> Iterator[dict[str, str]]:
    """The services in this process; gives the functions' environment."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto = boto3.Session(ACCOUNT, "made-up", region_name=REGION)
    dynamodb, s3, sns = (boto.client(name, endpoint_url=address) for name in ("dynamodb", "s3", "sns"))
    try:
        dynamodb.create_table(TableName="truck-positions", **POSITIONS_TABLE)
        dynamodb.create_table(TableName="geofences", **GEOFENCES_TABLE)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        topic = sns.create_topic(Name="alerts")["TopicArn"]
        rules = json.dumps(geofences(100)).encode()
        AwsGeofences(dynamodb, "geofences").put(parse_geofences(rules).geofences)
        yield {
            "AWS_ENDPOINT_URL": address,
            "GEOFENCES_TABLE": "geofences",
            "S3_BUCKET": BUCKET,
            "SNS_TOPIC_ARN": topic,
            "POSITION_MOVE_M": "0",
            "POSITION_EVERY_S": "0",
        }
    finally:
        for client in (dynamodb, s3, sns):
            client.close()
        server.stop()


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S  # utime, stime: threads that ended included


def _resident_mib(pid: int) -> float:
    found = re.search(r"VmHWM:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) / 1024


# --- sizes and jobs -----------------------------------------------------------------------------------------


def driven(trucks: int, rounds: int) -> list[Position]:
    """Return what a simulated fleet sends in so many rounds of 5 s, in order of time."""
    fleet = Fleet(trucks, 5.0, 1, start_ms=START_MS)
    sent: list[Position] = []
    for number in range(1, rounds + 1):
        sent += [each for each in fleet.tick(START_MS + number * 5_000) if isinstance(each, Position)]
    return sent


def sizes() -> tuple[float, list[tuple[int, float]], list[tuple[int, float]], float]:
    """Return bytes of a record, and bytes per position of frames, archive files and a compacted hour."""
    positions = driven(1_000, 60)
    lines = [encode_position(position) for position in positions]
    record_bytes = sum(map(len, lines)) / len(lines)
    frames = []
    for count in FRAME_SIZES:
        starts = range(0, min(len(lines), 40 * count), count)
        frames.append((count, statistics.mean(len(gzip_frame(lines[at : at + count])) / count for at in starts)))
    files = [(count, len(Arro3Format().write_received(received(positions[:count]))) / count) for count in FILE_SIZES]
    hour = driven(80, 720)  # an hour of 80 trucks
    settled = Arro3Format().write_settled(PositionColumns.from_positions(hour))
    return record_bytes, frames, files, len(settled) / len(hour)


def received(positions: list[Position]) -> ReceivedPositions:
    """Return positions as an archive function gets them."""
    numbers = list(range(2**185, 2**185 + len(positions)))
    return ReceivedPositions(positions, numbers, [0] * len(positions), [each.timestamp_ms + 500 for each in positions])


def jobs() -> tuple[float, float]:
    """Return CPU microseconds per position of the hourly statistics and of the compaction."""
    positions = driven(80, 720)
    archive, form = MemoryArchive(), Arro3Format()
    for number, part in enumerate(batched(positions, 4_800)):
        key = live_key("2024-01-15", SHARD, number * 10, number * 10 + 9)
        archive.put(key, form.write_received(received(list(part))))
    begin_s = time.process_time()
    refresh(archive, form, clock_ms=None, limit_kmh=200.0)
    middle_s = time.process_time()
    compact(archive, form, clock_ms=None)
    end_s = time.process_time()
    return tuple(took / len(positions) * 1e6 for took in (middle_s - begin_s, end_s - middle_s))  # type: ignore[return-value]


if __name__ == "__main__":
    sys.exit(main())
