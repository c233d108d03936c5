"""`truckstream compact`, `verify`, `status`."""

from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from truckstream.cli.backends import local_directory
from truckstream.cli.options import DEFAULT_DATA, BackendOption, DataOption, JsonOption
from truckstream.core.errors import StorageDamaged
from truckstream.core.instants import format_instant
from truckstream.local.lock import WriterLock
from truckstream.local.status import Status, status_of
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

    directory = local_directory(data, backend)
    with WriterLock(data, "compact"), LocalStores(directory) as stores:
        clock_ms = None if everything else stores.stream.last_arrival_ms()
        before = stores.archive_size()
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("compacting", total=None)
            compaction.compact(
                stores.archive,
                stores.format,
                clock_ms=clock_ms,
                progress=lambda date, done, total: progress.update(task, description=date, completed=done, total=total),
            )
        after = stores.archive_size()
        stores.stream.trim(stores.stream.last_arrival_ms())
    if as_json:
        print(msgspec.json.encode({"before": before, "after": after}).decode())
    else:
        print(
            f"{before.files:,} files, {before.size_bytes:,} bytes before; "
            f"{after.files:,} files, {after.size_bytes:,} bytes after"
        )


def verify(as_json: JsonOption = False, data: DataOption = DEFAULT_DATA, backend: BackendOption = None) -> None:
    """Compare the archive with the stream, by count and by a hash of every row."""
    from truckstream.local import answers

    with LocalStores(local_directory(data, backend)) as stores:
        found = answers.verify(stores)
    if as_json:
        print(msgspec.json.encode({"ok": found.ok, **msgspec.to_builtins(found)}).decode())
    else:
        print(
            f"stream: {found.stream_records:,} records read by the archive, {found.stream_positions:,} positions, "
            f"{found.duplicates:,} duplicates, {found.rejected:,} rejected, hash {found.stream_hash}\n"
            f"archive: {found.archived:,} positions, hash {found.archive_hash}; "
            f"{found.archive_only:,} of them no longer on the stream"
        )
    if not found.ok:
        raise StorageDamaged(
            f"{found.missing:,} positions of the stream are not in the archive, {found.different:,} differ",
            hint="Replay the source into a new data directory, or restore the archive from a backup.",
        )
    if not as_json:
        print("ok: the archive holds every position of the stream, unchanged")


def status(as_json: JsonOption = False, data: DataOption = DEFAULT_DATA, backend: BackendOption = None) -> None:
    """Print lag per consumer, counts and freshness."""
    with LocalStores(local_directory(data, backend)) as stores:
        now = status_of(stores)
    if as_json:
        print(msgspec.json.encode(now).decode())
        return
    console = Console()
    consumers = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("consumer", "lag (records)", "oldest unread"):
        consumers.add_column(heading, justify="left" if heading == "consumer" else "right")
    for name, lag in now.consumers.items():
        consumers.add_row(name, f"{lag.records:,}", f"{lag.age_ms / 1000:,.1f} s" if lag.records else "-")
    console.print(consumers)
    console.print(_facts(now), highlight=False)


def _facts(now: Status) -> str:
    def instant(value: int | None) -> str:
        return format_instant(value) if value else "never"

    return (
        f"running: {now.writer or 'no'}\n"
        f"trucks: {now.trucks:,}, newest position {instant(now.newest_position_ms)}\n"
        f"stream: {now.shards} shards, last arrival {instant(now.last_arrival_ms)}\n"
        f"alerts: {now.alerts:,}, to be sent {now.alerts_pending:,}\n"
        f"rejected: {now.rejected:,}\n"
        f"archive: {now.archive_files:,} files, {now.archive_bytes:,} bytes"
    )
