"""What `web` and `reports` share: the socket, the door, saying the address, ending with the parent."""

import os
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from truckstream.local.directory import DataDirectory

if TYPE_CHECKING:
    from litestar.types import ASGIApp

    from truckstream.http.tokens import TokenDoor

HostOption = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; any but 127.0.0.1 asks for tokens.")
]
# `run` binds the socket itself and hands it over.
ListenerOption = Annotated[int | None, typer.Option("--listener", hidden=True)]
StyleOption = Annotated[
    str | None, typer.Option("--map-style", metavar="URL", help="Map style instead of the built-in map.")
]
TilesOption = Annotated[
    str | None, typer.Option("--map-tiles", metavar="URL", help="Raster tiles {z}/{x}/{y} instead of the built-in map.")
]


class Address:
    """Where an application is served. `listener` None: bind `host` and `port`; else a socket of the parent."""

    def __init__(self, host: str, port: int, listener: int | None) -> None:
        from truckstream.http.serving import listen

        self._is_child = listener is not None
        self.socket = listen(host, port) if listener is None else socket.socket(fileno=listener)

    def door(self, data: Path) -> "TokenDoor | None":
        """Return the doorman that asks for tokens; None where only this machine can come."""
        from truckstream.http.serving import is_loopback
        from truckstream.http.tokens import TokenDoor
        from truckstream.local.stores import wall_clock_ms
        from truckstream.local.tokens import TokenFile

        if is_loopback(self.socket.getsockname()[0]):
            return None
        book = TokenFile(DataDirectory(data).tokens)
        if not book.list():
            print("No tokens yet, so nobody can sign in: truckstream tokens create --role viewer", file=sys.stderr)
        return TokenDoor(book, wall_clock_ms)

    def serve(
        self, app: "ASGIApp", name: str, place: str, *, before_end: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Serve until Ctrl-C, SIGTERM or the parent's end."""
        from truckstream.http.serving import serve, url_of

        def ready(stop: Callable[[], None]) -> None:
            if self._is_child:
                _end_with_parent(stop)
            else:
                print(f"truckstream {name}: {url_of(self.socket)}, {place}; Ctrl-C stops", flush=True)

        serve(app, self.socket, ready=ready, before_end=before_end)


def place_of(data: Path, backend: str) -> str:
    """Return where the data is, for people."""
    return "data on AWS" if backend == "aws" else f"data in {data}"


def _end_with_parent(stop: Callable[[], None]) -> None:
    """Stop when standard input ends: whoever started this process is gone, however it went."""

    def wait() -> None:
        # Not `sys.stdin`: a thread that waits in it makes Python abort when the process ends for another reason.
        while os.read(0, 4096):
            pass
        stop()

    threading.Thread(target=wait, name="parent", daemon=True).start()
