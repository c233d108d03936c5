"""What deploy.sh asks AWS: who we are, and whether a position put on the stream comes out at the other ends.

The smoke test puts one position of a truck named `smoke-test` onto the stream and waits until it is in the table of
latest positions and in the archive. The truck is then removed from the table; its row in the archive stays.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from truckstream.aws.archive import S3Archive
from truckstream.aws.positions import AwsPositions
from truckstream.aws.session import AwsSession, AwsSettings
from truckstream.aws.stream import KinesisStream
from truckstream.core.errors import TruckstreamError, Unavailable
from truckstream.core.instants import date_of, format_instant
from truckstream.core.records import Position, encode_position
from truckstream.parquet import ParquetFormat
from truckstream.ports import NotPlaced, OutgoingRecord

TRUCK = "smoke-test"
TIMEOUT_S = 600.0  # a mapping begins to read within minutes, and may then gather a batch for five
POLL_S = 2.0
KEPT_UNRESERVED = 100  # invocations of an account that no function may reserve (Lambda quotas)
RESERVED = 2  # hourly_stats, compact_archive


def identity() -> None:
    """Print account and region. Raises Denied or InvalidSetting when one of them is missing."""
    from truckstream.aws.errors import aws_errors

    # boto3 itself knows AWS_DEFAULT_REGION alone; Terraform and the command line take AWS_REGION as well.
    session = AwsSession(AwsSettings(region=os.environ.get("AWS_REGION", "")))
    client = session.client("sts")
    with aws_errors("sts:GetCallerIdentity", "credentials"):
        found = client.get_caller_identity()
    print(f"deploy: account {found['Account']}, region {client.meta.region_name}, as {found['Arn']}", file=sys.stderr)
    _tell_of_a_small_account(session.client("lambda"))


def _tell_of_a_small_account(client: Any) -> None:
    """Say it before `apply` is refused half-way. Whoever may not ask is told nothing."""
    from truckstream.aws.errors import aws_errors

    try:
        with aws_errors("lambda:GetAccountSettings", "account"):
            limit = int(client.get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    except TruckstreamError:
        return
    if limit < KEPT_UNRESERVED + RESERVED:
        print(
            f"deploy: this account runs {limit} functions at once, of which AWS lets nobody reserve one: set "
            "jobs_reserve_concurrency = false, and ask for more (docs/operations.md, Before the first deployment)",
            file=sys.stderr,
        )


def smoke_test(environment: dict[str, str]) -> None:
    """Put a position and wait for it. Raises Unavailable when it does not arrive in time."""
    session = AwsSession(
        AwsSettings(
            stream_name=environment["STREAM_NAME"],
            positions_table=environment["DYNAMODB_TABLE"],
            bucket=environment["S3_BUCKET"],
            region=environment["AWS_REGION"],
        )
    )
    table, archive = session.require("positions_table"), S3Archive(session)
    positions = AwsPositions(session.client("dynamodb"), table)
    now_ms = time.time_ns() // 1_000_000
    position = Position(TRUCK, now_ms, 47.3769, 8.5417, 0.0)
    prefix = f"positions/date={date_of(now_ms)}/"
    read = {file.key for file in archive.list(prefix)}

    (placed,) = KinesisStream(session).put([OutgoingRecord(TRUCK, encode_position(position), now_ms)])
    if isinstance(placed, NotPlaced):
        raise Unavailable(f"the stream did not take the position: {placed.reason}")
    print(f"smoke test: position of {format_instant(now_ms)} is on the stream", file=sys.stderr)

    def in_table() -> bool:
        track = positions.load([TRUCK]).get(TRUCK)
        return track is not None and track.last.timestamp_ms >= now_ms

    def in_archive() -> bool:
        for file in archive.list(prefix):
            if file.key not in read:
                if position in ParquetFormat().read(archive.get(file.key)).to_positions():
                    return True
                read.add(file.key)
        return False

    begun_s = time.monotonic()
    for where, arrived in ((f"table {table}", in_table), (f"archive {archive.bucket}", in_archive)):
        _wait(where, arrived, begun_s + TIMEOUT_S)
        print(f"smoke test: in {where} after {time.monotonic() - begun_s:.0f} s", file=sys.stderr)
    session.client("dynamodb").delete_item(TableName=table, Key={"truck_id": {"S": TRUCK}})


def _wait(where: str, arrived: Callable[[], bool], deadline_s: float) -> None:
    while not arrived():
        if time.monotonic() > deadline_s:
            raise Unavailable(
                f"the position is not in {where} after {TIMEOUT_S:g} s",
                hint="See docs/operations.md, First look: the functions' logs say why.",
            )
        time.sleep(POLL_S)


def main() -> int:
    """Run what the argument names; errors are two lines."""
    try:
        if sys.argv[1:] == ["identity"]:
            identity()
        elif sys.argv[1:] == ["smoke-test"]:
            smoke_test(json.load(sys.stdin))
        else:
            print("usage: deployment.py identity | smoke-test <environment.json", file=sys.stderr)
            return 2
    except TruckstreamError as error:
        print(f"error: {error.message}\nhint: {error.hint}", file=sys.stderr)
        return 75 if error.retryable else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
