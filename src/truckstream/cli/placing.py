"""Placing a large file's rows from a process of its own, so that a second core reads while this one consumes.

The process appends to the stream as `truckstream ingest` would. It is at most one step ahead, waits to be asked
for each step and ends when nobody asks any more, however the asking process came to its end. Ctrl-C is not for
it: the asking process hears of it, and stops it between two steps.
"""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import msgspec

from truckstream.cli.feeding import ROWS_PER_STEP, put_rows
from truckstream.cli.sources import Source, open_source
from truckstream.core import errors
from truckstream.core.errors import TruckstreamError
from truckstream.local.directory import DataDirectory
from truckstream.local.rejected import LocalRejected
from truckstream.local.stream import LocalStream

# Below this, reading is done before another Python has started.
_LARGE_BYTES = 16 * 1024 * 1024


class Step(msgspec.Struct, frozen=True):
    """Rows placed since the last step, and how far into the file the reader is."""

    rows: int
    position_bytes: int


class _Report(msgspec.Struct, frozen=True):
    """A step; at the end `last`, with the error that ended it if there was one."""

    step: Step
    last: bool = False
    error: str = ""
    message: str = ""
    hint: str = ""


def pays(source: Source) -> bool:
    """Say whether a process of its own makes placing this file's rows faster."""
    return source.size_bytes >= _LARGE_BYTES and (os.cpu_count() or 1) > 1


def place_aside(path: Path, data: Path) -> Generator[Step]:
    """Place the file's rows from another process; yield each step once it is durable.

    Closing the iterator waits for the step that is under way. Raises what placing raised.
    """
    # A session of its own: the terminal's Ctrl-C goes to this process alone.
    with subprocess.Popen(
        [sys.executable, "-m", "truckstream.cli.placing", str(path), str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with process.stdin as ask:
            for line in process.stdout:
                report = _decode(line)
                if not report.last:
                    ask.write(b"\n")  # for the next step, while the caller consumes this one
                    ask.flush()
                yield report.step
                if report.last:
                    break
            else:
                raise TruckstreamError(
                    f"placing the rows of {path} ended unexpectedly (exit code {process.wait()})",
                    hint="See what it printed above, and whether memory ran out; then replay into a new --data DIR.",
                )
    if report.error:
        kind: type[TruckstreamError] = getattr(errors, report.error)
        error = kind.__new__(kind)
        TruckstreamError.__init__(error, report.message, hint=report.hint)
        raise error


def main(path: str, data: str) -> None:
    """Place the rows, one step for each line on standard input; report on standard output."""
    rows = position_bytes = 0
    failure: TruckstreamError | None = None
    try:
        directory = DataDirectory(Path(data))
        with (
            closing(LocalStream(directory.stream, keep_for_readers=False)) as stream,
            closing(LocalRejected(directory.rejected)) as rejected,
            closing(open_source(Path(path))) as source,
        ):
            for count in put_rows(stream, rejected, source):
                rows += count
                position_bytes = source.position_bytes()
                if rows >= ROWS_PER_STEP:
                    _report(_Report(Step(rows, position_bytes)))
                    rows = 0
                    if not sys.stdin.buffer.readline():
                        return
    except TruckstreamError as error:
        failure = error
    step = Step(rows, position_bytes)
    if failure is None:
        _report(_Report(step, last=True))
    else:
        _report(_Report(step, True, type(failure).__name__, failure.message, failure.hint))


def _report(report: _Report) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
    sys.stdout.buffer.flush()


_decode = msgspec.json.Decoder(_Report).decode

if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BrokenPipeError:  # whoever asked is gone
        os._exit(0)
