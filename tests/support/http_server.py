"""A web application on a real, free port of 127.0.0.1 for as long as a test needs it."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from litestar.types import ASGIApp

from truckstream.http.serving import Serving, listen, url_of


@contextmanager
def running(app: ASGIApp) -> Generator[str]:
    """Serve the application; yield its address."""
    listener = listen("127.0.0.1", 0)
    server = Serving(app)
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), name="http-server")
    thread.start()
    try:
        yield url_of(listener)
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()
        assert not thread.is_alive()
