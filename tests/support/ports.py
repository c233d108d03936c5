"""Ports that stay with a test while the servers on them come and go."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_port() -> Iterator[int]:
    """Keep a port of 127.0.0.1 until the end of the block: servers may listen on it, nobody else is given it.

    The socket that keeps it is bound and does not listen; with SO_REUSEADDR on both, a server binds beside it.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        port: int = keeper.getsockname()[1]
        yield port
