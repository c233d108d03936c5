"""`truckstream run`: the whole system on this machine, live."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from truckstream.cli.apps import Applications, applications
from truckstream.cli.aws_run import run_on_aws
from truckstream.cli.backends import backend_of, local_directory, refuse_local_options
from truckstream.cli.feeding import drain, now_ms, place
from truckstream.cli.live import LiveStatus, glance_at
from truckstream.cli.notify import sending
from truckstream.cli.options import DEFAULT_DATA, BackendOption, DataOption, OutlierOption
from truckstream.cli.output import program
from truckstream.cli.paced import PacedSource
from truckstream.cli.produce import EveryOption, FaultsOption, LimitsOption, SeedOption, TrucksOption, as_record
from truckstream.cli.signals import rounds, stop_signals
from truckstream.cli.ticks import Tick, no_records, paced_tick
from truckstream.cli.web import DEFAULT_PORT
from truckstream.core.fleet import Faults, Fleet, demo_geofences
from truckstream.core.geofences import parse_geofences
from truckstream.local.lock import WriterLock
from truckstream.local.stores import LocalStores

if TYPE_CHECKING:
    from truckstream.local.runtime import Pipeline

EXAMPLE = "Example: truckstream run --trucks 50 --duration 60"
_STEP_S = 0.1


def run(
    trucks: TrucksOption = 50,
    every: EveryOption = 5.0,
    duration: Annotated[
        float | None,
        typer.Option("--duration", min=0, metavar="S", help="Stop after so many seconds; default: Ctrl-C."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--source",
            metavar="FILE",
            help="Take positions from this file at its own pace (- standard input) instead of simulating.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Of the dashboard; the reports take the next one. Default: 8080, else a free one. 0: a free one.",
        ),
    ] = None,
    no_web: Annotated[bool, typer.Option("--no-web", help="Offer neither dashboard nor reports.")] = False,
    seed: SeedOption = 1,
    faults: FaultsOption = "",
    outlier_speed: OutlierOption = None,
    no_notify: Annotated[bool, typer.Option("--no-notify", help="Record alerts, but send none.")] = False,
    webhook: Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Post alerts there.")] = None,
    shard_limits: LimitsOption = False,
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Run the whole system on this machine: a simulated fleet, the stream and its three consumers.

    --trucks 0 simulates none (another `truckstream simulate` may feed the stream). At the end of --duration,
    or with Ctrl-C, consumers drain and the archive is written; a restart goes on where it stopped.

    With --backend aws the fleet or the source goes onto Kinesis, and the consumers run in Lambda.
    """
    from truckstream.local.runtime import Pipeline

    wanted_faults = Faults.parse(faults)
    if backend_of(backend) == "aws":
        refuse_local_options(
            port=port is not None, no_web=no_web, outlier_speed=outlier_speed is not None, no_notify=no_notify,
            webhook=bool(webhook), shard_limits=shard_limits,
        )  # fmt: skip
        run_on_aws(trucks, every, seed, wanted_faults, source, duration)
        return
    directory = local_directory(data, "local", must_exist=False)
    with ExitStack() as stack:
        paced = stack.enter_context(closing(PacedSource(source))) if source is not None else None
        stack.enter_context(WriterLock(data, "run"))
        directory.create()
        directory.set_outlier_speed(outlier_speed)
        with LocalStores(directory, shard_limits=shard_limits) as stores:
            pipeline = Pipeline(stores, notify=not no_notify)
            tick: Tick = no_records
            what = "no trucks of its own"
            if paced is not None:
                tick, what = paced_tick(paced, stores.rejected), str(source)
            elif trucks:
                tick, what = _fleet_tick(trucks, every, seed, wanted_faults, stores), f"{trucks:,} simulated trucks"
                _add_demo_geofences(stores)
            with (
                applications(data, port, DEFAULT_PORT, wanted=not no_web) as apps,
                sending(directory, webhook, notify=not no_notify),
            ):
                title = f"truckstream: {what}, data in {data}{apps.text}"
                print(_live(pipeline, tick, title, what, duration, apps))
            print(f"Stopped. Look at it: {program()} stats --data {data}, also positions, alerts, transitions, query")


def _live(pipeline: "Pipeline", tick: Tick, title: str, what: str, duration: float | None, apps: Applications) -> str:
    """Run until the end of `duration` or a signal, drain, and return the last status."""
    with stop_signals() as stopping, LiveStatus(lambda: glance_at(pipeline), title) as status:
        try:
            for _ in rounds(stopping, duration, _STEP_S):
                records = tick(now_ms())
                if records:
                    place(pipeline, pipeline.stores.rejected, what, records)
                pipeline.poll(now_ms())
                pipeline.maintain(now_ms())
                apps.attend()
                status.update()
        finally:
            drain(pipeline)
        pipeline.maintain(now_ms(), force=True)
        return status.line()


def _fleet_tick(trucks: int, every: float, seed: int, faults: Faults, stores: LocalStores) -> Tick:
    known = [track.last for track in stores.positions.list()]
    fleet = Fleet(trucks, every, seed, faults, start_ms=now_ms(), resume=known)
    return lambda at_ms: [as_record(sent) for sent in fleet.tick(at_ms)]


def _add_demo_geofences(stores: LocalStores) -> None:
    """Give a simulated fleet something to enter and leave, unless there are geofences already."""
    if not stores.geofences.catalogue().revision:
        stores.geofences.put(parse_geofences(msgspec.json.encode(demo_geofences())).geofences)
