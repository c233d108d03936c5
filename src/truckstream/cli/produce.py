"""`truckstream simulate` and `truckstream ingest`: the producer alone."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from truckstream.cli.backends import Stores, aws_stores, backend_of, local_directory, refuse_local_options
from truckstream.cli.feeding import now_ms, place, rejected_row
from truckstream.cli.options import DEFAULT_DATA, BackendOption, DataOption, JsonOption, instant_option
from truckstream.cli.signals import rounds, stop_signals
from truckstream.cli.sources import RefusedRow, check_sources, open_source
from truckstream.cli.sources.rows import UNREADABLE_KEY
from truckstream.core.errors import Denied, InvalidSetting
from truckstream.core.fleet import Faults, Fleet
from truckstream.core.records import Position, encode_position
from truckstream.local.lock import WriterLock
from truckstream.local.stores import LocalStores
from truckstream.ports import OutgoingRecord

if TYPE_CHECKING:
    from truckstream.aws.stores import AwsStores

SIMULATE_EXAMPLE = "Example: truckstream simulate --trucks 10 --duration 60 --output - > positions.ndjson"
INGEST_EXAMPLE = "Example: some-gateway | truckstream ingest -"

TrucksOption = Annotated[int, typer.Option("--trucks", min=0, max=100_000, help="Fleet size.")]
EveryOption = Annotated[
    float, typer.Option("--every", min=0.1, metavar="S", help="Seconds between two positions of a truck.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed drives the same routes.")]
FaultsOption = Annotated[
    str,
    typer.Option(
        "--faults",
        metavar="NAME=RATE,...",
        help="Faults to add: jitter (m), gaps, duplicates, late, clock, bad; for example late=0.01,bad=0.001.",
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option("--output", metavar="FILE|-", help="Write NDJSON there instead, all of --duration at once."),
]
LimitsOption = Annotated[
    bool,
    typer.Option(
        "--shard-limits",
        help="Let each shard take and give no more than a Kinesis shard: 1,000 records/s and 1 MB/s in, "
        "5 reads/s and 2 MB/s out (counted in this process).",
    ),
]
_CHUNK_MS = 60_000
_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z


def simulate(
    trucks: TrucksOption = 50,
    every: EveryOption = 5.0,
    duration: Annotated[
        float | None, typer.Option("--duration", min=0, metavar="S", help="Stop after so many seconds.")
    ] = None,
    seed: SeedOption = 1,
    faults: FaultsOption = "",
    output: OutputOption = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="TIME", help="First instant, with --output; default now.")
    ] = None,
    shard_limits: LimitsOption = False,
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Drive a simulated fleet and put its positions on the stream in real time (beside `run --trucks 0`, say)."""
    if start is not None and output is None:
        raise InvalidSetting("--start needs --output", hint="On the stream, simulated trucks live now.")
    begin_ms = instant_option("--start", start) or now_ms()
    fleet = Fleet(trucks, every, seed, Faults.parse(faults), start_ms=begin_ms)
    if output is not None:
        _write(fleet, duration, output, begin_ms)
        return
    placed = 0
    with producing(data, backend, shard_limits=shard_limits) as stores, stop_signals() as stopping:
        where = f"in {data}" if isinstance(stores, LocalStores) else stores.stream.name
        print(f"{trucks:,} trucks to the stream {where}; Ctrl-C stops", file=sys.stderr)
        for _ in rounds(stopping, duration, 0.1):
            records = [as_record(sent) for sent in fleet.tick(now_ms())]
            if records:
                placed += len(records) - place(stores.stream, stores.rejected, "simulate", records)
    print(f"{placed:,} positions placed", file=sys.stderr)


def ingest(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of positions; - reads standard input.")],
    shard_limits: LimitsOption = False,
    as_json: JsonOption = False,
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Put records on the stream, with their arrival now; the next `run`, or on aws Lambda, processes them."""
    check_sources(files)
    placed = refused = 0
    with producing(data, backend, lock_as="ingest", shard_limits=shard_limits) as stores:
        for path in files:
            with closing(open_source(path)) as source:
                for chunk in source.chunks():
                    bad = [row for row in chunk if isinstance(row, RefusedRow)]
                    stores.rejected.put([rejected_row(source.name, row) for row in bad])
                    records = [
                        OutgoingRecord(row.partition_key, row.data) for row in chunk if isinstance(row, OutgoingRecord)
                    ]
                    never = place(stores.stream, stores.rejected, source.name, records) if records else 0
                    placed += len(records) - never
                    refused += len(bad) + never
    where = f" --data {data}" if isinstance(stores, LocalStores) else " --backend aws"
    if as_json:
        print(msgspec.json.encode({"placed": placed, "rejected": refused}).decode())
    else:
        print(
            f"{placed:,} records placed, {refused:,} rejected"
            + (f"; see truckstream rejected{where}" if refused else "")
        )


@contextmanager
def producing(data: Path, backend: str | None, *, lock_as: str = "", shard_limits: bool = False) -> Iterator[Stores]:
    """Give the stores to a producer: a new data directory is made; what AWS needs must be configured.

    Args:
        data: the data directory of the local backend.
        backend: the option `--backend`.
        lock_as: the command that holds the data directory meanwhile; empty: beside a `run`.
        shard_limits: whether shards on this machine take no more than Kinesis'; those on AWS do so by themselves.
    """
    if backend_of(backend) == "aws":
        refuse_local_options(shard_limits=shard_limits)
        with producing_on_aws() as stores:
            yield stores
        return
    directory = local_directory(data, "local", must_exist=False)
    with WriterLock(data, lock_as) if lock_as else nullcontext():
        directory.create()
        with LocalStores(directory, shard_limits=shard_limits) as local:
            yield local


@contextmanager
def producing_on_aws() -> Iterator["AwsStores"]:
    """Give the stores of AWS to a producer, once what it needs is known to be there."""
    with aws_stores() as stores:
        stores.stream.arn()
        stores.rejected.check()
        yield stores


def as_record(sent: Position | bytes) -> OutgoingRecord:
    """Return what a simulated truck sent as a record for the stream."""
    if isinstance(sent, Position):
        return OutgoingRecord(sent.truck_id, encode_position(sent))
    return OutgoingRecord(UNREADABLE_KEY, sent)


def _write(fleet: Fleet, duration: float | None, output: str, start_ms: int) -> None:
    if duration is None:
        raise InvalidSetting("--output needs --duration", hint="Say how many seconds of driving to write.")
    end_ms = start_ms + round(duration * 1000)
    if end_ms > _LAST_MS:
        raise InvalidSetting("the simulated time ends after the year 9999", hint="Choose an earlier --start.")
    try:
        with nullcontext(sys.stdout.buffer) if output == "-" else Path(output).open("wb") as file:
            at_ms = start_ms
            while at_ms < end_ms:
                at_ms = min(end_ms, at_ms + _CHUNK_MS)
                for sent in fleet.tick(at_ms):
                    file.write((encode_position(sent) if isinstance(sent, Position) else sent) + b"\n")
            file.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Denied(f"{output}: {error.strerror or error}", hint="Choose a file that can be written.") from error
