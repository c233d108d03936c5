"""A small fleet on a real pipeline and server, for the dashboard's page tests."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.support.web import System, now_ms, served, system

from truckstream.cli.web_sources import local_sources
from truckstream.core.geofence_reading import parse_geofence
from truckstream.core.records import EngineStatus, Position
from truckstream.local.directory import DataDirectory

HOME = (47.3769, 8.5417)


def at(
    truck_id: str,
    *,
    age_s: float = 1,
    speed: float | None = 50,
    engine: EngineStatus | None = "running",
    latitude: float = HOME[0],
    longitude: float = HOME[1],
    heading: float | None = 90.0,
) -> Position:
    """Return a position that was measured `age_s` ago."""
    measured_ms = now_ms() - round(age_s * 1000)
    return Position(truck_id, measured_ms, latitude, longitude, speed, heading, 408.0, 5.0, 75.0, engine)


class Fleet:
    """A data directory with its pipeline, and the address of its dashboard."""

    def __init__(self, running: System, url: str) -> None:
        self.running = running
        self.url = url

    def send(self, *positions: Position) -> None:
        """Put positions on the stream and let every consumer take all of them."""
        self.running.place(*positions)
        while not self.running.pipeline.drained:
            self.running.pipeline.poll(now_ms(), flush=True)

    def fence(self, *geofences: dict[str, object]) -> None:
        """Store geofences given in the words of the wire."""
        self.running.stores.geofences.put([parse_geofence(each)[0] for each in geofences])


@contextmanager
def fleet_at(folder: Path, port: int = 0) -> Iterator[Fleet]:
    """Run a pipeline and serve its dashboard."""
    with (
        system(folder) as running,
        local_sources(DataDirectory(folder)) as sources,
        served(sources, port=port) as url,
    ):
        yield Fleet(running, f"{url}/")


def five() -> list[Position]:
    """Two moving, one idling, one stopped, one offline."""
    return [
        at("TRK-001", speed=62),
        at("TRK-002", speed=38, latitude=47.39, longitude=8.51),
        at("TRK-003", speed=0, engine="idle", latitude=47.36, longitude=8.55),
        at("TRK-004", speed=0, engine="off", latitude=47.37, longitude=8.52),
        at("TRK-005", speed=20, age_s=900, latitude=47.38, longitude=8.56),
    ]


def wait_for_map(page: Page) -> None:
    """Wait until the map has drawn its layers."""
    expect(page.locator(".map[data-ready]")).to_be_attached(timeout=30_000)


def rows(page: Page) -> list[str]:
    """Return the ids of the rows on the screen, from the top."""
    found = page.locator(".rows .row:visible")
    texts: list[tuple[int, str]] = found.evaluate_all(
        "rows => rows.map(row => [Number(row.getAttribute('aria-rowindex')), row.dataset.truck])"
    )
    return [truck_id for _, truck_id in sorted(texts)]


def until(what: str | Callable[[], str], holds: Callable[[], bool], timeout_s: float = 30) -> None:
    """Wait until `holds()` is true; a callable `what` tells what is seen when it gives up, not when it began."""
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.1)
