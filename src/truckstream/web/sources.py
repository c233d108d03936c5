"""What the web application is given: ports of a backend, options, and a clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from truckstream.core.truck_state import OFFLINE_AFTER_MS
from truckstream.ports import (
    ArchiveFormat,
    ArchiveStore,
    GeofenceStore,
    PositionStore,
    PresenceStore,
    RecordSink,
    RejectedStore,
)
from truckstream.ports_viewing import (
    AcknowledgementStore,
    AlertFeed,
    HealthSource,
    PositionFeed,
    RecentPositions,
)


class Positions(PositionStore, PositionFeed, Protocol):
    """Latest positions, and which of them changed."""


@dataclass(frozen=True)
class WebSources:
    """Ports over one backend. `backend` names it to people; `outlier_limit_kmh` is the rule of its data."""

    backend: str
    positions: Positions
    presence: PresenceStore
    geofences: GeofenceStore
    alerts: AlertFeed
    acknowledgements: AcknowledgementStore
    archive: ArchiveStore
    format: ArchiveFormat
    recent: RecentPositions
    stream: RecordSink
    rejected: RejectedStore
    health: HealthSource
    outlier_limit_kmh: float


def wall_clock_ms() -> int:
    """Return the present in ms since the epoch: ages and arrivals, never event time."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class WebOptions:
    """How the application is served.

    `pages`: folder of the built pages. `map_style_url`, `map_tiles_url`: where another map than the
    built-in one comes from; their origins are then allowed. `reports_url`: the reporting application, for a link.
    """

    pages: Path = field(default_factory=lambda: Path(__file__).parent / "pages")
    offline_after_ms: int = OFFLINE_AFTER_MS
    map_style_url: str | None = None
    map_tiles_url: str | None = None
    reports_url: str | None = None
    clock: Callable[[], int] = wall_clock_ms
