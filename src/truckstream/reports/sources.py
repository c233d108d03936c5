"""What the reporting application reads: the archive and its statistics, and a little beside them.

Never the live stores: it works while the pipeline is down, and cannot slow it. Beside the archive it reads the
geofences (a visit needs a shape), the records set aside (they are in no archive), and who may come in.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from truckstream.ports import ArchiveFormat, ArchiveStore, GeofenceStore, RejectedRecord


class RejectedReader(Protocol):
    """The reading end of a rejected store."""

    def list(
        self, *, include_redriven: bool = False, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[RejectedRecord]:
        """Yield entries with `from_ms <= arrival_ms < to_ms`, ordered by (shard_id, sequence_number, index)."""
        ...


class ReportSources(msgspec.Struct, frozen=True):
    """Where reports come from. `limit_kmh`: the fastest believable speed, 0 for off."""

    archive: ArchiveStore
    format: ArchiveFormat
    geofences: GeofenceStore
    rejected: RejectedReader
    limit_kmh: float
    backend: str = "local"


def wall_clock_ms() -> int:
    """Return the present."""
    return time.time_ns() // 1_000_000


class ReportOptions(msgspec.Struct, frozen=True):
    """How the application is set up. `pages`: the folder of the built pages."""

    pages: Path = Path(__file__).parent / "pages"
    map_style_url: str | None = None
    map_tiles_url: str | None = None
    web_url: str | None = None
    clock: Callable[[], int] = wall_clock_ms
