"""Which newer positions are worth a write: most of a parked truck's say nothing new, and each write costs.

A pure function of what is stored and what is new, by event time alone. The stored position never goes
backwards, and once a truck falls silent it lags by less than the longer of `every_s` and `at_most_every_s`.
Positions set aside as outliers are written as they come, or the evidence for re-anchoring a track would be lost.
"""

from typing import Final

import msgspec

from truckstream.core.geodesy import distance_m
from truckstream.core.outliers import Track
from truckstream.core.records import Position

MOVING_KMH: Final = 3.0
"""At this speed and above a truck drives; below it idles (DESIGN rule 7)."""


class CoalescingPolicy(msgspec.Struct, frozen=True):
    """When to write a newer position; each part 0 = off.

    `move_m`: when the truck is more than this far from the stored position, in metres.
    `every_s`: when this many seconds have passed since the stored position.
    `at_most_every_s`: but not before this many seconds have passed since the stored one, whatever happened.

    A change of state (engine_status, or driving to standing) is always worth a write. With `move_m` and
    `every_s` both off every newer position is.
    """

    move_m: float = 25.0
    every_s: float = 60.0
    at_most_every_s: float = 0.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")


EVERY_POSITION: Final = CoalescingPolicy(0.0, 0.0, 0.0)
"""Everything off: each newer position is written."""


def worth_writing(policy: CoalescingPolicy, stored: Track | None, track: Track) -> bool:
    """Return whether `track` should replace `stored`, which may be what an earlier call left in place.

    A track that is not newer (`seen_ms`) never is.
    """
    if stored is None:
        return True
    if track.seen_ms <= stored.seen_ms:
        return False
    if track.seen_ms - stored.seen_ms < policy.at_most_every_s * 1000:
        return False
    if not policy.move_m and not policy.every_s:
        return True
    before, after = stored.last, track.last
    return (
        track.set_aside != stored.set_aside
        or _state(after) != _state(before)
        or (policy.every_s > 0 and after.timestamp_ms - before.timestamp_ms >= policy.every_s * 1000)
        or (
            policy.move_m > 0
            and distance_m(before.latitude, before.longitude, after.latitude, after.longitude) > policy.move_m
        )
    )


def _state(position: Position) -> tuple[str | None, bool | None]:
    speed_kmh = position.speed_kmh
    return (position.engine_status, None if speed_kmh is None else speed_kmh >= MOVING_KMH)
