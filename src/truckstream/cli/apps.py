"""The web applications beside `run`: processes of their own, started by the first connection to their sockets.

The sockets are bound here, so addresses are known at once and nobody is refused; until someone looks, an application
costs nothing, and none can slow the pipeline. One that dies is started again by the next connection. Each ends with
this process, however it ends: its standard input is a pipe from here.
"""

import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from truckstream.core.errors import InvalidSetting
from truckstream.http.serving import listen, url_of

HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 8.0
_SOON_S: Final = 10.0
_TRIES: Final = 3


class ChildApplication:
    """One application: `command` of truckstream, on a socket of ours."""

    def __init__(self, command: Sequence[str], listener: socket.socket) -> None:
        self.url = url_of(listener)
        self._command = [sys.executable, "-m", "truckstream", *command, "--listener", str(listener.fileno())]
        self._listener = listener
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._failures = 0

    def attend(self) -> None:
        """Start the application when somebody connects. Cheap: call it as often as you like."""
        process = self._process
        if process is not None:
            if process.poll() is None:
                return
            soon = time.monotonic() - self._started_s < _SOON_S
            self._close_pipe()
            self._process = None
            self._count_end(soon=soon, why=f"it ended {_TRIES} times at once")
        if self._failures < _TRIES and select.select([self._listener], [], [], 0)[0]:
            self._started_s = time.monotonic()
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[self._listener.fileno()],
                    start_new_session=True,  # Ctrl-C is for `run`, which ends this when it has drained
                )
            except OSError as error:  # no memory, say: the pipeline goes on all the same
                self._count_end(soon=True, why=f"it cannot be started ({error.strerror or error})")

    def _count_end(self, *, soon: bool, why: str) -> None:
        self._failures = self._failures + 1 if soon else 0
        if self._failures == _TRIES:
            print(f"warning: {self.url} does not work: {why}", file=sys.stderr)
            self._listener.close()  # whoever comes is refused rather than left waiting

    def close(self) -> None:
        """End the application and give the address back."""
        self._listener.close()
        if self._process is not None:
            self._close_pipe()
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _close_pipe(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()


class Applications:
    """The dashboard and the reports, or none."""

    def __init__(self, children: Sequence[ChildApplication]) -> None:
        self._children = children

    @property
    def text(self) -> str:
        """The addresses, for people."""
        names = ("dashboard", "reports")
        return "".join(f", {name} {child.url}" for name, child in zip(names, self._children, strict=False))

    def attend(self) -> None:
        """Start what somebody connects to."""
        for child in self._children:
            child.attend()


@contextmanager
def applications(data: Path, port: int | None, default_port: int, *, wanted: bool) -> Iterator[Applications]:
    """Offer the dashboard at `port` and the reports at the next one while the block runs.

    A port that was asked for and cannot be had raises InvalidSetting. One that was not (`port` None: the default one;
    that of the reports) gives way to a free one.
    """
    children: list[ChildApplication] = []
    try:
        if wanted:
            dashboard = _listen_somewhere(default_port) if port is None else listen(HOST, port)
            reports = _listen_somewhere(dashboard.getsockname()[1] + 1 if port != 0 else 0)
            web_url, reports_url = url_of(dashboard), url_of(reports)
            children.append(ChildApplication(["web", "--data", str(data), "--reports-url", reports_url], dashboard))
            children.append(ChildApplication(["reports", "--data", str(data), "--web-url", web_url], reports))
        yield Applications(children)
    finally:
        for child in children:
            child.close()


def _listen_somewhere(port: int) -> socket.socket:
    try:
        return listen(HOST, port if port <= 65_535 else 0)
    except InvalidSetting:
        return listen(HOST, 0)
