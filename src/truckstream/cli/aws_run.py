"""`run` and `replay` with `--backend aws`: the producer's side on this machine, the consumers in Lambda."""

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec
from rich.console import Console
from rich.progress import Progress

from truckstream.cli.feeding import Pacer, now_ms, place, records_of
from truckstream.cli.live import RECENT_ALERTS, Glance, LiveStatus
from truckstream.cli.paced import PacedSource
from truckstream.cli.produce import as_record, producing_on_aws
from truckstream.cli.signals import rounds, stop_signals, terminate_as_interrupt
from truckstream.cli.sources import check_sources, open_source
from truckstream.cli.ticks import Tick, no_records, paced_tick
from truckstream.core.errors import TruckstreamError
from truckstream.core.fleet import Faults, Fleet, demo_geofences
from truckstream.core.geofences import Geofence, parse_geofences

if TYPE_CHECKING:
    from truckstream.aws.stores import AwsStores

_STEP_S = 0.1
_ASK_EVERY_S = 15.0
_STOPS = "Ctrl-C stops; the consumers go on in Lambda."


def run_on_aws(
    trucks: int, every: float, seed: int, faults: Faults, source: Path | None, duration: float | None
) -> None:
    """Put a simulated fleet, or a source at its own pace, on Kinesis; show what AWS tells of the rest."""
    with ExitStack() as stack:
        paced = stack.enter_context(closing(PacedSource(source))) if source is not None else None
        stores = stack.enter_context(producing_on_aws())
        what = "no trucks of its own"
        tick: Tick = no_records
        if paced is not None:
            what, tick = str(source), paced_tick(paced, stores.rejected)
        elif trucks:
            what, tick = f"{trucks:,} simulated trucks", _fleet(trucks, every, seed, faults, stores)
            if not stores.geofences.catalogue().revision:
                stores.geofences.put(parse_geofences(msgspec.json.encode(demo_geofences())).geofences)
        stopping = stack.enter_context(stop_signals())
        watch = stack.enter_context(_Watch(stores))
        title = f"truckstream: {what} to the stream {stores.stream.name} on AWS"
        status = stack.enter_context(LiveStatus(watch.glance, title, ending=_STOPS))
        for _ in rounds(stopping, duration, _STEP_S):
            records = tick(now_ms())
            if records:
                watch.placed += len(records) - place(stores.stream, stores.rejected, what, records)
            status.update()
        watch.ask()
        last = status.line()
    print(f"{last}\nStopped. Look at it: truckstream positions --backend aws, also stats, alerts, transitions, status")


def replay_on_aws(files: Sequence[Path], geofences: Sequence[Geofence], factor: float) -> tuple[int, int, float]:
    """Put files on Kinesis at `factor` times real time; return rows, those set aside, and seconds.

    Kinesis notes its own arrival time, so to the consumers everything happened before now.
    """
    check_sources(files)
    rows = refused = 0
    with producing_on_aws() as stores, terminate_as_interrupt(), Progress(console=Console(stderr=True)) as progress:
        if geofences:
            stores.geofences.put(geofences)
        started = time.monotonic()
        for path in files:
            pacer = Pacer(factor)
            with closing(open_source(path)) as source:
                task = progress.add_task(path.name, total=max(1, source.size_bytes))
                for chunk in source.chunks():
                    records = records_of(chunk, stores.rejected, source.name)
                    refused += len(chunk) - len(records)
                    for wait_s, part in pacer.due(records) if factor != float("inf") else [(0.0, records)]:
                        time.sleep(max(0.0, wait_s))
                        refused += place(stores.stream, stores.rejected, source.name, part)
                    rows += len(chunk)
                    progress.update(task, completed=source.position_bytes())
        return rows, refused, time.monotonic() - started


class _Watch:
    """Asks AWS now and then, from a thread of its own: a slow answer must not hold up the producer."""

    def __init__(self, stores: "AwsStores") -> None:
        self.placed = 0
        self._stores = stores
        self._seen = Glance(0, None, None, {})
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._ask_now_and_then, name="watch-aws", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(timeout=5.0)

    def glance(self) -> Glance:
        """Return what was placed by now, and what AWS said last."""
        return msgspec.structs.replace(self._seen, positions=self.placed)

    def ask(self) -> None:
        """Ask for everything but what was placed; what goes wrong is shown, and asked again next time."""
        try:
            now = self._stores.status()
            recent = self._stores.alerts.recent(RECENT_ALERTS)
            self._seen = Glance(0, now.alerts, now.rejected, now.consumers, recent)
        except TruckstreamError as error:
            self._seen = msgspec.structs.replace(self._seen, trouble=f"{error.message} {error.hint}")

    def _ask_now_and_then(self) -> None:
        while not self._done.is_set():
            self.ask()
            self._done.wait(_ASK_EVERY_S)


def _fleet(trucks: int, every: float, seed: int, faults: Faults, stores: "AwsStores") -> Tick:
    known = [track.last for track in stores.positions.list()]
    fleet = Fleet(trucks, every, seed, faults, start_ms=now_ms(), resume=known)
    return lambda at_ms: [as_record(sent) for sent in fleet.tick(at_ms)]
