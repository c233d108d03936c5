"""What a truck is doing, for people who look at it now: moving, idling, stopped, offline, or never seen.

"Idling" is what the hourly statistics count as idle: engine_status idle, or engine not off and slower than 3 km/h.
Ages are honest: a position is as old as its own timestamp says, and never younger than its arrival. So a clock
that runs ahead makes no truck fresher, and a clock hours behind shows the truck as hours old.
"""

from typing import Final, Literal

from truckstream.core.coalescing import MOVING_KMH
from truckstream.core.geodesy import distance_m
from truckstream.core.records import Position

TruckState = Literal["moving", "idling", "stopped", "offline", "never"]
STATES: Final[tuple[TruckState, ...]] = ("moving", "idling", "stopped", "offline", "never")

OFFLINE_AFTER_MS: Final = 300_000
_MS_PER_HOUR: Final = 3_600_000


def fresh_ms(timestamp_ms: int, received_ms: int) -> int:
    """Return the instant a position is as fresh as. `received_ms` 0: not known.

    >>> fresh_ms(9_000, 5_000), fresh_ms(4_000, 5_000), fresh_ms(9_000, 0)
    (5000, 4000, 9000)
    """
    return min(timestamp_ms, received_ms) if received_ms else timestamp_ms


def is_offline(timestamp_ms: int, received_ms: int, now_ms: int, offline_after_ms: int = OFFLINE_AFTER_MS) -> bool:
    """Return whether a position is too old to say what the truck is doing now."""
    return now_ms - fresh_ms(timestamp_ms, received_ms) > offline_after_ms


def activity(position: Position, before: Position | None = None) -> TruckState:
    """Return what the truck did at `position`; `before` is the position before it, for trucks that tell no speed."""
    speed_kmh, engine = position.speed_kmh, position.engine_status
    if engine == "idle":
        return "idling"
    if speed_kmh is None:
        speed_kmh = _speed_kmh(before, position)
        if speed_kmh is None:
            return "stopped"
        if speed_kmh < MOVING_KMH:
            return "stopped"  # idling is only what is known to idle
    if speed_kmh >= MOVING_KMH:
        return "moving"
    return "stopped" if engine == "off" else "idling"


def _speed_kmh(before: Position | None, position: Position) -> float | None:
    """Return the speed between two positions in km/h, None when they do not tell one."""
    if before is None or position.timestamp_ms <= before.timestamp_ms:
        return None
    metres = distance_m(before.latitude, before.longitude, position.latitude, position.longitude)
    return metres / 1000 * _MS_PER_HOUR / (position.timestamp_ms - before.timestamp_ms)
