"""`truckstream compact`, `verify`, `status`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from truckstream.cli.backends import Stores, aws_stores, backend_of, local_directory, open_stores
from truckstream.cli.live import lag_texts
from truckstream.cli.options import DEFAULT_DATA, BackendOption, DataOption, JsonOption
from truckstream.core.errors import StorageDamaged
from truckstream.core.instants import format_instant
from truckstream.core.status import Status
from truckstream.local.lock import WriterLock
from truckstream.local.stores import LocalStores


def compact(
    everything: Annotated[
        bool,
        typer.Option("--all", help="Also hours that are still open; late rows are merged again next time."),
    ] = False,
    as_json: JsonOption = False,
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Merge the archive's small files of closed hours into one per hour, dropping duplicates.

    Safe to interrupt at any point; every reader gives the same answer before, during and after it.
    """
    from truckstream.consumers import compaction

    with _compacting(data, backend) as (stores, renew):
        clock_ms = None if everything else stores.arrived_ms()
        before = stores.archive_size()
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("compacting", total=None)

            def done(date: str, place: int, total: int) -> None:
                progress.update(task, description=date, completed=place, total=total)
                renew()

            compaction.compact(stores.archive, stores.format, clock_ms=clock_ms, progress=done)
        after = stores.archive_size()
        if isinstance(stores, LocalStores):
            stores.stream.trim(stores.stream.last_arrival_ms())
    if as_json:
        print(msgspec.json.encode({"before": before, "after": after}).decode())
    else:
        print(
            f"{before.files:,} files, {before.size_bytes:,} bytes before; "
            f"{after.files:,} files, {after.size_bytes:,} bytes after"
        )


@contextmanager
def _compacting(data: Path, backend: str | None) -> Iterator[tuple[Stores, Callable[[], None]]]:
    """Give the stores as long as no other compaction works on them, and what to call now and then meanwhile."""
    if backend_of(backend) == "local":
        directory = local_directory(data, "local")
        with WriterLock(data, "compact"), LocalStores(directory) as local:
            yield local, _nothing
        return
    with aws_stores() as stores, stores.compaction_lease() as lease:
        yield stores, lease.renew


def _nothing() -> None:
    """A lock on this machine lasts by itself."""


def verify(
    settle: Annotated[
        int,
        typer.Option(
            "--settle", metavar="S", min=0, help="On aws: leave out what arrived in the last so many seconds."
        ),
    ] = 120,
    as_json: JsonOption = False,
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Compare the archive with the stream, by count and by a hash of every row.

    On this machine with all the archive consumer has read; on aws, where only Lambda knows how far that is, with
    all that arrived before the last --settle seconds.
    """
    from truckstream.consumers import answers

    hint = "Replay the source into a new data directory, or restore the archive from a backup."
    with open_stores(data, backend) as stores:
        if isinstance(stores, LocalStores):
            received = stores.received()
        else:
            received = stores.received(settled_ms=settle * 1000)
            hint = "If 'truckstream status' shows the archive consumer behind, try again later; see 'rejected' too."
        found = answers.verify(stores, received)
    if as_json:
        print(msgspec.json.encode({"ok": found.ok, **msgspec.to_builtins(found)}).decode())
    else:
        print(
            f"stream: {found.stream_records:,} records read by the archive, {found.stream_positions:,} positions, "
            f"{found.duplicates:,} duplicates, {found.rejected:,} rejected, hash {found.stream_hash}\n"
            f"archive: {found.archived:,} positions, hash {found.archive_hash}; "
            f"{found.archive_only:,} of them not among those"
        )
    if not found.ok:
        raise StorageDamaged(
            f"{found.missing:,} positions of the stream are not in the archive, {found.different:,} differ", hint=hint
        )
    if not as_json:
        print("ok: the archive holds every position of the stream, unchanged")


def status(as_json: JsonOption = False, data: DataOption = DEFAULT_DATA, backend: BackendOption = None) -> None:
    """Print lag per consumer, counts and freshness."""
    with open_stores(data, backend) as stores:
        now = stores.status()
    if as_json:
        print(msgspec.json.encode(now).decode())
        return
    console = Console()
    consumers = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("consumer", "lag (records)", "oldest unread", ""):
        consumers.add_column(heading, justify="right" if heading.startswith(("lag", "oldest")) else "left")
    for name, lag in now.consumers.items():
        consumers.add_row(name, *lag_texts(lag), lag.state)
    console.print(consumers if now.consumers else "no function is connected to the stream")
    local = backend_of(backend) == "local"
    console.print((f"running: {now.writer or 'no'}\n" if local else "") + _facts(now), highlight=False)


def _facts(now: Status) -> str:
    def instant(value: int | None) -> str:
        return format_instant(value) if value else "never"

    return (
        f"trucks: {now.trucks:,}, newest position {instant(now.newest_position_ms)}\n"
        f"stream: {now.shards} shards, last arrival {instant(now.last_arrival_ms)}\n"
        f"alerts: {now.alerts:,}, to be sent {now.alerts_pending:,}\n"
        f"rejected: {now.rejected:,}\n"
        f"archive: {now.archive_files:,} files, {now.archive_bytes:,} bytes"
    )
