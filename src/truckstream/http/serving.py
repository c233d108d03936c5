"""Listening and serving until told to stop: what `truckstream web` and `truckstream reports` do."""

import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Generator
from types import FrameType
from typing import Final

import uvicorn
from litestar.types import ASGIApp

from truckstream.core.errors import InvalidSetting
from truckstream.http.access import LOOPBACK

_BACKLOG: Final = 2_048
_GRACE_S: Final = 5


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach the address."""
    return host in LOOPBACK or host.startswith("127.")


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; port 0 takes a free one. Raises InvalidSetting."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidSetting(
            f"--host {host!r}: {error.strerror or error}", hint="Give an address of this machine, like 127.0.0.1."
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        taken = error.errno == errno.EADDRINUSE
        raise InvalidSetting(
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            hint="Choose another --port; 0 takes a free one." if taken else "Choose another --host or --port.",
        ) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address of a bound socket as people open it."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Serving(uvicorn.Server):
    """A server that ends in peace: after SIGINT or SIGTERM open requests finish and `run` returns."""

    def __init__(self, app: ASGIApp, *, before_end: Callable[[], Awaitable[None]] | None = None) -> None:
        self._before_end = before_end
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            lifespan="on",
            timeout_graceful_shutdown=_GRACE_S,
            timeout_keep_alive=30,
            ws="none",
        )
        super().__init__(config)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop serving; answers that never end by themselves are told first."""
        if self._before_end is not None:
            await self._before_end()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Turn signals into a request to stop; elsewhere than in the main thread someone else hears them."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self.handle_exit(number, frame)

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    app: ASGIApp,
    listener: socket.socket,
    *,
    ready: Callable[[Callable[[], None]], None] = lambda stop: None,
    before_end: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then close the socket.

    Args:
        app: the application.
        listener: a bound socket; connections queue there already, so none made after `ready` is refused.
        ready: called before the first request is taken, with a function that ends the serving from any thread.
        before_end: tells answers that never end by themselves to end.
    """
    server = Serving(app, before_end=before_end)

    def stop() -> None:
        server.should_exit = True

    with contextlib.closing(listener):
        ready(stop)
        server.run(sockets=[listener])
