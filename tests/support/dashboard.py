"""A dashboard with a data directory of its own and a clock that begins at a known instant, for the page tests."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from pathlib import Path
from typing import Any

from tests.support.web import System, served, system

from truckstream.cli.web_sources import local_sources
from truckstream.core.geofences import parse_geofences
from truckstream.core.records import Position, encode_position
from truckstream.local.directory import DataDirectory
from truckstream.ports import OutgoingRecord
from truckstream.web.sources import WebOptions

NOW_MS = int(datetime(2024, 1, 15, 14, 0, tzinfo=UTC).timestamp() * 1000)
"""When the page's day begins for the tests: 15:00 in Zurich."""

MINUTE_MS = 60_000


@dataclass
class Dashboard:
    """The page's address and the system behind it."""

    system: System
    url: str

    def place(self, positions: Iterable[Position], *, arrival_ms: int | None = None, per_record: int = 1) -> None:
        """Put positions on the stream, as if each came when it was made, or all at `arrival_ms`."""
        records = []
        for group in batched(positions, per_record):
            data = b"\n".join(encode_position(each) for each in group)
            records.append(OutgoingRecord(group[0].truck_id, data, arrival_ms or group[-1].timestamp_ms))
        self.system.pipeline.put(records)

    def send(self, positions: Iterable[Position], *, arrival_ms: int | None = None, per_record: int = 1) -> None:
        """Put positions on the stream and let every consumer take them."""
        self.place(positions, arrival_ms=arrival_ms, per_record=per_record)
        self.system.pipeline.poll(NOW_MS, flush=True)

    def geofences(self, data: bytes) -> None:
        """Store the geofences of a file."""
        self.system.stores.geofences.put(parse_geofences(data).geofences)

    def stored(self) -> dict[str, Any]:
        """Return the stored geofences by id."""
        return {each.geofence_id: each for each in self.system.stores.geofences.catalogue().geofences}


@contextmanager
def dashboard(folder: Path) -> Iterator[Dashboard]:
    """Serve a new data directory; the server's clock stands at NOW_MS and goes on from there."""
    began = time.monotonic()
    options = WebOptions(clock=lambda: NOW_MS + int((time.monotonic() - began) * 1000))
    with (
        system(folder) as running,
        local_sources(DataDirectory(folder)) as sources,
        served(sources, options) as url,
    ):
        yield Dashboard(running, f"{url}/")


def passage(truck_id: str, begin_ms: int, *, latitude: float = 47.3769, step_ms: int = 10_000) -> Sequence[Position]:
    """Return half an hour's drive eastwards from 8.50 to 8.58 degrees, at a steady 12 km/h."""
    count = 30 * MINUTE_MS // step_ms
    return [
        Position(
            truck_id, begin_ms + i * step_ms, latitude, round(8.50 + 0.08 * i / count, 7), speed_kmh=12.0, heading=90.0
        )
        for i in range(count)
    ]
