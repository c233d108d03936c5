"""A network between browser and server that can lose everything without saying so, as a phone out of reach does.

Unplugged, connections stay open and silent, and new ones get no answer: nobody is told anything.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Relay:
    """Passes bytes between its own port and a server's while it is plugged in."""

    def __init__(self, server_port: int) -> None:
        self._server = ("127.0.0.1", server_port)
        self._plugged = threading.Event()
        self._plugged.set()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._changing = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._closed = False
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def unplug(self) -> None:
        """Lose the network; what was on its way is lost with it."""
        self._plugged.clear()

    def plug(self) -> None:
        """Have it again; connections from before stay dead."""
        with self._changing:
            for each in self._sockets:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self._join()
            self._plugged.set()

    def close(self) -> None:
        self._closed = True
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listener.close()
        self._accepting.join(5)
        self.plug()

    def _join(self) -> None:
        for thread in self._threads:
            thread.join(5)
        for each in self._sockets:
            each.close()
        self._threads.clear()
        self._sockets.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._changing:
                self._take(near)

    def _take(self, near: socket.socket) -> None:
        self._sockets.append(near)
        if self._closed or not self._plugged.is_set():
            return  # nobody answers
        far = socket.create_connection(self._server)
        self._sockets.append(far)
        for source, target in ((near, far), (far, near)):
            thread = threading.Thread(target=self._pass, args=(source, target), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                if self._plugged.is_set():
                    target.sendall(data)
            if self._plugged.is_set():
                target.shutdown(socket.SHUT_WR)


@contextmanager
def relay(server_port: int) -> Iterator[Relay]:
    running = Relay(server_port)
    try:
        yield running
    finally:
        running.close()
