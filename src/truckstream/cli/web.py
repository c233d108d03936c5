"""`truckstream web`: the live dashboard and the HTTP API, beside a running pipeline or alone."""

import socket
import sys
import threading
from collections.abc import Callable
from typing import Annotated

import typer

from truckstream.cli.backends import local_directory
from truckstream.cli.options import DEFAULT_DATA, BackendOption, DataOption
from truckstream.local.directory import DataDirectory

EXAMPLE = "Example: truckstream web --data truckstream-data --port 8080"
DEFAULT_PORT = 8080

HostOption = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; any but 127.0.0.1 asks for tokens.")
]


def web(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free port.")] = DEFAULT_PORT,
    host: HostOption = "127.0.0.1",
    listener: Annotated[int | None, typer.Option("--listener", hidden=True)] = None,
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Serve the live dashboard and the HTTP API of a data directory. Ctrl-C stops."""
    from truckstream.cli.web_sources import local_sources
    from truckstream.http.serving import is_loopback, listen, serve, url_of
    from truckstream.http.tokens import TokenDoor
    from truckstream.local.tokens import TokenFile
    from truckstream.web.application import WebApplication
    from truckstream.web.sources import WebOptions

    directory = local_directory(data, backend)
    with local_sources(directory) as sources:
        options = WebOptions()
        taken = listen(host, port) if listener is None else socket.socket(fileno=listener)
        book = TokenFile(DataDirectory(data).tokens)
        door = None if is_loopback(taken.getsockname()[0]) else TokenDoor(book, options.clock)
        application = WebApplication(sources, options, door, known_ids=book.trucks)

        def ready(stop: Callable[[], None]) -> None:
            if listener is None:
                print(f"truckstream web: {url_of(taken)}, data in {data}; Ctrl-C stops", flush=True)
                if door is not None and not book.list():
                    print("No tokens yet, so nobody can sign in: truckstream tokens create --role viewer", flush=True)
            else:
                _end_with_parent(stop)

        serve(application.asgi, taken, ready=ready, before_end=application.streams.stop)


def _end_with_parent(stop: Callable[[], None]) -> None:
    """Stop when standard input ends: whoever started this process is gone, however it went."""

    def wait() -> None:
        sys.stdin.buffer.read()
        stop()

    threading.Thread(target=wait, name="parent", daemon=True).start()
