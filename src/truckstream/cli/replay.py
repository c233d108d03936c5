"""`truckstream replay`: files through the whole pipeline, as fast as it goes or at a chosen speed."""

import gc
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from truckstream.cli.aws_run import replay_on_aws
from truckstream.cli.backends import backend_of, local_directory, refuse_local_options
from truckstream.cli.feeding import Pacer, drain, feed, feed_paced, now_ms, step
from truckstream.cli.fences import read_geofence_file
from truckstream.cli.notify import sending
from truckstream.cli.options import (
    DEFAULT_DATA,
    BackendOption,
    DataOption,
    JsonOption,
    OutlierOption,
    speed_option,
)
from truckstream.cli.output import program
from truckstream.cli.placing import pays, place_aside
from truckstream.cli.signals import terminate_as_interrupt
from truckstream.cli.sources import Source, check_sources, open_source
from truckstream.core.geofences import Geofence
from truckstream.local.lock import WriterLock
from truckstream.local.stores import LocalStores

if TYPE_CHECKING:
    from truckstream.local.runtime import Pipeline

# What a step of replaying makes, and drops again.
_OBJECTS_BEFORE_COLLECTION = 200_000
EXAMPLE = "Example: truckstream replay day.csv.gz --geofences geofences.json --data replayed"


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV, CSV.gz, NDJSON, Parquet or GPX.")],
    geofences: Annotated[
        Path | None, typer.Option("--geofences", metavar="FILE", help="Import these geofences first.")
    ] = None,
    speed: Annotated[
        str, typer.Option("--speed", metavar="X|max", help="Times real time (1 = as it happened), or max.")
    ] = "max",
    outlier_speed: OutlierOption = None,
    no_notify: Annotated[bool, typer.Option("--no-notify", help="Record alerts, but send none.")] = False,
    webhook: Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Post alerts there.")] = None,
    as_json: JsonOption = False,
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Run files of positions through the whole pipeline; ends when every consumer has drained.

    Rows go in file order. A row's arrival is its `arrival` column, else its own timestamp; that is the only
    clock of the rules on late and future positions.

    With --backend aws the files go onto Kinesis, which notes its own arrival time: alerts of events older than
    15 minutes are recorded, not sent. It ends when all is placed; the consumers go on in Lambda.
    """
    from truckstream.local.runtime import REPLAY, Pipeline

    factor = speed_option(speed)
    check_sources(files)
    imported = read_geofence_file(geofences) if geofences else None
    if backend_of(backend) == "aws":
        refuse_local_options(outlier_speed=outlier_speed is not None, no_notify=no_notify, webhook=bool(webhook))
        _on_aws(files, imported.geofences if imported else (), factor, as_json=as_json)
        return
    directory = local_directory(data, "local", must_exist=False)
    with WriterLock(data, "replay"):
        directory.create()
        directory.set_outlier_speed(outlier_speed)
        with LocalStores(directory) as stores:
            if imported is not None:
                stores.geofences.put(imported.geofences)
            pipeline = Pipeline(stores, tuning=REPLAY, notify=not no_notify)
            before = _Counts.of(stores)
            started = time.monotonic()
            with terminate_as_interrupt(), sending(directory, webhook, notify=not no_notify), _little_garbage():
                rows = _replay(pipeline, files, factor)
            pipeline.maintain(now_ms(), force=True)
            seconds = time.monotonic() - started
            _summary(rows, seconds, _Counts.of(stores).since(before), data, as_json)


def _on_aws(files: list[Path], geofences: Sequence[Geofence], factor: float, *, as_json: bool) -> None:
    rows, refused, seconds = replay_on_aws(files, geofences, factor)
    if as_json:
        print(msgspec.json.encode({"rows": rows, "seconds": round(seconds, 3), "rejected": refused}).decode())
        return
    print(f"{rows:,} rows placed in {seconds:.1f} s, {refused:,} rejected; Lambda's consumers take them from there")
    if refused:
        print("See why: truckstream rejected --backend aws")


class _Counts(msgspec.Struct):
    rejected: int
    alerts: int

    @classmethod
    def of(cls, stores: LocalStores) -> "_Counts":
        return cls(stores.rejected.count(), stores.alerts.count())

    def since(self, before: "_Counts") -> "_Counts":
        return _Counts(self.rejected - before.rejected, self.alerts - before.alerts)


def _replay(pipeline: "Pipeline", files: list[Path], factor: float) -> int:
    rows = 0
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} positions"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bar as progress:
        try:
            for path in files:
                with closing(open_source(path)) as source, closing(_feed(pipeline, source, path, factor)) as steps:
                    total = max(1, source.size_bytes)
                    task = progress.add_task(path.name, total=total, rows="0")
                    for count, position_bytes in steps:
                        rows += count
                        progress.update(task, completed=position_bytes, rows=f"{rows:,}")
                    progress.update(task, completed=total)
        finally:  # what was placed is processed, also when a file ends early or someone presses Ctrl-C
            drain(pipeline)
    return rows


def _feed(pipeline: "Pipeline", source: Source, path: Path, factor: float) -> Generator[tuple[int, int]]:
    """Put the file's rows through the pipeline; yield rows done since the last time, and the place in the file."""
    if factor != float("inf"):
        for count in feed_paced(pipeline, source, Pacer(factor)):
            yield count, source.position_bytes()
    elif not pays(source):
        for count in feed(pipeline, source):
            yield count, source.position_bytes()
    else:
        with closing(place_aside(path, pipeline.stores.directory.root)) as placed:
            for part in placed:
                step(pipeline, flush=True)
                yield part.rows, part.position_bytes


@contextmanager
def _little_garbage() -> Iterator[None]:
    """Look for reference cycles seldom: positions are in none, and going through all of them takes its time."""
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION, *before[1:])
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def _summary(rows: int, seconds: float, counts: _Counts, data: Path, as_json: bool) -> None:
    rate = rows / seconds if seconds > 0 else 0.0
    if as_json:
        result = {
            "rows": rows, "seconds": round(seconds, 3), "rows_per_s": round(rate), "alerts": counts.alerts,
            "rejected": counts.rejected, "data": str(data),
        }  # fmt: skip
        print(msgspec.json.encode(result).decode())
        return
    print(
        f"{rows:,} rows in {seconds:.1f} s ({rate:,.0f} rows/s), {counts.alerts:,} alerts, {counts.rejected:,} rejected"
    )
    if counts.rejected:
        print(f"See why: {program()} rejected --data {data}")
    print(f"Look at it: {program()} stats --data {data}, also positions, transitions, alerts, query")
