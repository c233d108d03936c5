"""The web application over real HTTP: uvicorn in a thread, stores of a data directory behind it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from truckstream.cli.web_sources import local_sources
from truckstream.core.records import Position, encode_position
from truckstream.http.serving import listen, serve, url_of
from truckstream.http.tokens import TokenDoor
from truckstream.local.directory import DataDirectory
from truckstream.local.runtime import Pipeline
from truckstream.local.stores import LocalStores
from truckstream.ports import OutgoingRecord
from truckstream.web.application import WebApplication
from truckstream.web.sources import WebOptions, WebSources


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class System:
    """A data directory with its pipeline, which runs when it is told to."""

    def __init__(self, stores: LocalStores) -> None:
        self.stores = stores
        self.pipeline = Pipeline(stores)

    def send(self, *positions: Position) -> None:
        """Put positions on the stream and let every consumer take them."""
        self.place(*positions)
        self.pipeline.poll(now_ms(), flush=True)

    def place(self, *positions: Position) -> None:
        """Put positions on the stream alone."""
        self.pipeline.put([OutgoingRecord(each.truck_id, encode_position(each)) for each in positions])


@contextmanager
def system(folder: Path) -> Iterator[System]:
    directory = DataDirectory(folder)
    directory.create()
    with LocalStores(directory) as stores:
        yield System(stores)


@contextmanager
def served(
    sources: WebSources,
    options: WebOptions | None = None,
    door: TokenDoor | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
) -> Iterator[str]:
    """Serve in a thread; yield the address. `port` 0 takes a free one."""
    application = WebApplication(sources, options, door)
    stops: list[Callable[[], None]] = []
    listener = listen(host, port)
    arguments = {"ready": stops.append, "before_end": application.streams.stop}
    thread = threading.Thread(target=serve, args=(application.asgi, listener), kwargs=arguments)
    thread.start()
    try:
        yield url_of(listener)
    finally:
        while not stops:
            time.sleep(0.01)
        stops[0]()
        thread.join(30)
        assert not thread.is_alive(), "the server did not stop"


@contextmanager
def served_directory(folder: Path, options: WebOptions | None = None) -> Iterator[httpx.Client]:
    """Serve a data directory; yield a client of it."""
    with (
        local_sources(DataDirectory(folder)) as sources,
        served(sources, options) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client


class Events:
    """Server-sent events of an open stream, one by one."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.cursor = ""
        self._lines = response.iter_lines()

    def next(self) -> tuple[str, dict[str, Any]]:
        """Return the next event's name and data."""
        name = ""
        for line in self._lines:
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("id: "):
                self.cursor = line[4:]
            elif line.startswith("data: "):
                return name, json.loads(line[6:])
        raise AssertionError("the stream ended")

    def until(self, wanted: Callable[[dict[str, Any]], bool], frames: int = 20) -> dict[str, Any]:
        """Return the first event that is as wanted."""
        for _ in range(frames):
            _, data = self.next()
            if wanted(data):
                return data
        raise AssertionError(f"nothing as wanted within {frames} frames")


@contextmanager
def live(client: httpx.Client, query: str = "", headers: dict[str, str] | None = None) -> Iterator[Events]:
    with client.stream("GET", f"/api/v1/live{query}", headers=headers or {}) as response:
        assert response.status_code == 200, response.read()
        yield Events(response)


def truck(data: dict[str, Any], truck_id: str) -> dict[str, Any] | None:
    """Return a truck of a frame under the names of its fields."""
    rows: Sequence[Sequence[Any]] = data["trucks"]
    return next((dict(zip(data["fields"], row, strict=True)) for row in rows if row[0] == truck_id), None)
