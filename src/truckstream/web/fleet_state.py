"""The fleet as viewers see it at one tick: lines that are never changed, only replaced, and what changed since when."""

from collections import Counter, deque
from collections.abc import Sequence
from typing import Final

import msgspec

from truckstream.core.alerts import Alert
from truckstream.core.outliers import Track
from truckstream.core.truck_state import STATES, TruckState

FIELDS: Final = (
    "truck_id", "timestamp_ms", "latitude", "longitude", "speed_kmh", "heading", "state", "fuel_level_pct",
    "engine_status", "received_ms", "state_since_ms",
)  # fmt: skip
REMEMBERED_TICKS: Final = 120
RECENT_ALERTS: Final = 50
KEPT_ALERTS: Final = 500


class TruckLine(msgspec.Struct, frozen=True, gc=False):
    """One truck as viewers see it. `changed`: the tick that made this line. `track` None: never seen.

    `since_ms`: since when the state holds; None where it began before this process looked.
    """

    truck_id: str
    track: Track | None
    state: TruckState
    since_ms: int | None
    latitude: float
    longitude: float
    changed: int
    row: bytes


class AlertLine(msgspec.Struct, frozen=True):
    """One alert as viewers see it, and the tick that brought or changed it."""

    alert: Alert
    changed: int
    row: bytes


class FleetState:
    """What viewers read. Replaced line by line in `apply`, on the event loop; everything in it is immutable."""

    def __init__(self) -> None:
        self.tick = 0
        self.now_ms = 0
        self.lines: dict[str, TruckLine] = {}
        self.recent: deque[tuple[int, Sequence[TruckLine]]] = deque(maxlen=REMEMBERED_TICKS)
        self.gone: deque[tuple[int, Sequence[str]]] = deque(maxlen=REMEMBERED_TICKS)
        self.counts: Counter[str] = Counter()
        self.alerts: dict[str, AlertLine] = {}  # in commit order
        self.geofence_revision = 0
        self.health: bytes = b"null"
        self.failing_since_ms: int | None = None

    def changed_since(self, tick: int) -> list[TruckLine]:
        """Return the lines that changed after `tick`, each once."""
        if not self.recent or self.recent[0][0] > tick + 1:
            return [line for line in self.lines.values() if line.changed > tick]
        parts = [lines for number, lines in self.recent if number > tick and lines]
        if len(parts) == 1:
            return list(parts[0])
        return [line for part in parts for line in part if self.lines.get(line.truck_id) is line]

    def gone_since(self, tick: int) -> list[str]:
        """Return the trucks that left after `tick`."""
        return [
            truck_id for number, ids in self.gone if number > tick for truck_id in ids if truck_id not in self.lines
        ]

    def knows(self, tick: int) -> bool:
        """Return whether what changed after `tick` is still known."""
        return self.tick - REMEMBERED_TICKS < tick <= self.tick

    def count_of(self) -> dict[str, int]:
        """Return the trucks in each state, and of the fleet: the sum."""
        counts: dict[str, int] = {state: self.counts[state] for state in STATES}
        return {**counts, "fleet": len(self.lines)}
