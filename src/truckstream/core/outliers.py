"""Positions no truck can have reached: which are set aside, and when the track moves on without its past.

A position too fast from the last accepted one is set aside from distance, presence and latest position.
Six mutually consistent positions lasting over 60 s re-anchor the track: four consistent false fixes over
45 s occur in real tracks, so fewer would believe them, and without re-anchoring one false first fix would
lock a truck out for good. Pure functions of event time: no clock, and the answer does not depend on batches.
"""

from collections.abc import Sequence
from math import cos, radians, sqrt
from typing import Final

import msgspec

from truckstream.core.geodesy import axis_and_height_m, chord_m, distance_m
from truckstream.core.records import Position

CHAIN_POSITIONS: Final = 6
CHAIN_LASTS_MS: Final = 60_000
SET_ASIDE_LIMIT: Final = 600
# No degree is longer than this on WGS 84, along a meridian (111.694 km at the poles) or a parallel (111.320 km),
_LONGEST_DEGREE_M: Final = 111_700.0
# and no degree of latitude is shorter than this (110.574 km at the equator).
_SHORTEST_LATITUDE_DEGREE_M: Final = 110_570.0
_KMH_PER_M_PER_MS: Final = 3_600.0
_FORMULA_M: Final = 4_000.0  # surely within the reach of the quick formula of `distance_m`
_MARGIN_M: Final = 0.01
_ANY_SPEED_KMH: Final = float("inf")


class Track(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A truck's last accepted position, and what was set aside after it (in time order).

    `run_count` positions were accepted since `run_since_ms`, the start or the last re-anchoring. `received_ms`: when
    the newest position seen arrived on the stream; 0 where nobody noted it. It decides nothing.
    """

    last: Position
    set_aside: tuple[Position, ...] = ()
    run_count: int = 1
    run_since_ms: int = 0
    received_ms: int = 0

    @property
    def truck_id(self) -> str:
        """The truck this is the track of."""
        return self.last.truck_id

    @property
    def seen_ms(self) -> int:
        """Timestamp of the newest position seen, set aside or not, in ms since the epoch."""
        return self.set_aside[-1].timestamp_ms if self.set_aside else self.last.timestamp_ms


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What one position did to a track.

    `accepted`: newly accepted positions in time order: none when it was late or set aside, several after a
    re-anchoring. `reanchored`: no distance joins the position accepted before with the first of `accepted`.
    `restarted`: moreover the run before was too short to be believed, so it counts as false as well.
    """

    track: Track
    accepted: tuple[Position, ...] = ()
    reanchored: bool = False
    restarted: bool = False
    late: bool = False


def too_fast(earlier: Position, later: Position, limit_kmh: float) -> bool:
    """Return whether going from `earlier` to `later` needs more than `limit_kmh` (0: never too fast)."""
    if limit_kmh <= 0:
        return False
    lat1, lon1, lat2, lon2 = earlier.latitude, earlier.longitude, later.latitude, later.longitude
    reach_m = limit_kmh * (later.timestamp_ms - earlier.timestamp_ms) / _KMH_PER_M_PER_MS
    north, east = abs(lat2 - lat1), abs(lon2 - lon1)
    at_most_m = (north + east) * _LONGEST_DEGREE_M
    if at_most_m <= reach_m:
        return False  # nearly every step of a real truck ends here
    if north * _SHORTEST_LATITUDE_DEGREE_M > reach_m:
        return True
    if at_most_m > _FORMULA_M:
        known = _compare_chord(lat1, lon1, lat2, lon2, reach_m)
        if known is not None:
            return known
    return distance_m(lat1, lon1, lat2, lon2) > reach_m


def _compare_chord(lat1: float, lon1: float, lat2: float, lon2: float, reach_m: float) -> bool | None:
    """Say whether the distance is more than `reach_m` from the straight line through the earth, if that can tell.

    Spares a broken device's jumps the geodesic, 60 times as slow: each is compared with up to 600 others.
    """
    axis1, height1 = axis_and_height_m(lat1)
    axis2, height2 = axis_and_height_m(lat2)
    turned = 2.0 * axis1 * axis2 * (1.0 - cos(radians(lon2 - lon1)))
    chord = sqrt((axis1 - axis2) ** 2 + turned + (height1 - height2) ** 2)
    if chord > reach_m + _MARGIN_M:
        return True
    if chord < chord_m(reach_m) - _MARGIN_M:
        return False
    return None


def judge(track: Track | None, position: Position, limit_kmh: float) -> Verdict:
    """Say what `position` does to a truck's track (None: the truck's first position).

    Args:
        track: the state after all positions before.
        position: any position of the same truck.
        limit_kmh: the fastest believable speed, in km/h; 0 believes everything.
    """
    if track is None:
        return Verdict(Track(position, (), 1, position.timestamp_ms), (position,))
    if position.timestamp_ms <= track.seen_ms:
        return Verdict(track, late=True)
    if not too_fast(track.last, position, limit_kmh):
        return Verdict(Track(position, (), track.run_count + 1, track.run_since_ms), (position,))
    set_aside = _bounded((*track.set_aside, position))
    chain = _chain(set_aside, limit_kmh)
    if chain is None:
        return Verdict(Track(track.last, set_aside, track.run_count, track.run_since_ms))
    return Verdict(
        Track(position, (), len(chain), chain[0].timestamp_ms),
        chain,
        reanchored=True,
        restarted=not _established(track),
    )


def advance(track: Track | None, positions: Sequence[Position], limit_kmh: float) -> Track | None:
    """Return the track after `positions` of one truck, taken in the order given: `judge` over each of them.

    Returns the same object when none of them changed anything.
    """
    place = 0
    while place < len(positions):
        if track is not None:
            plain = plain_steps(track, positions, place, limit_kmh)
            if plain:
                place += plain
                track = further(track, positions[place - 1], plain)
                continue
        track = judge(track, positions[place], limit_kmh).track
        place += 1
    return track


def plain_steps(track: Track, positions: Sequence[Position], start: int, limit_kmh: float) -> int:
    """Return how many positions from `start` on are each newer than the one before and surely not too fast.

    All of them are simply accepted by `judge`. 0 says nothing: ask `judge`.
    """
    if track.set_aside:
        return 0
    # Whoever stays within this has not gone `limit_kmh`; the same comparison as the first one in `too_fast`.
    reach_per_ms = limit_kmh if limit_kmh > 0 else _ANY_SPEED_KMH
    last = track.last
    ms, lat, lon = last.timestamp_ms, last.latitude, last.longitude
    for place in range(start, len(positions)):
        position = positions[place]
        now_ms, now_lat, now_lon = position.timestamp_ms, position.latitude, position.longitude
        reach_m = reach_per_ms * (now_ms - ms) / _KMH_PER_M_PER_MS
        if now_ms <= ms or (abs(now_lat - lat) + abs(now_lon - lon)) * _LONGEST_DEGREE_M > reach_m:
            return place - start
        ms, lat, lon = now_ms, now_lat, now_lon
    return len(positions) - start


def further(track: Track, last: Position, count: int) -> Track:
    """Return the track after `count` accepted positions, of which `last` is the last."""
    return Track(last, (), track.run_count + count, track.run_since_ms)


def _established(track: Track) -> bool:
    lasted_ms = track.last.timestamp_ms - track.run_since_ms
    return track.run_count >= CHAIN_POSITIONS and lasted_ms > CHAIN_LASTS_MS


def _chain(set_aside: tuple[Position, ...], limit_kmh: float) -> tuple[Position, ...] | None:
    """Return the positions that agree with the newest one, each with its next; None: too few or too short."""
    newest = set_aside[-1]
    if len(set_aside) < CHAIN_POSITIONS or newest.timestamp_ms - set_aside[0].timestamp_ms <= CHAIN_LASTS_MS:
        return None
    chain = [newest]
    for earlier in reversed(set_aside[:-1]):
        if not too_fast(earlier, chain[-1], limit_kmh):
            chain.append(earlier)
    if len(chain) < CHAIN_POSITIONS or newest.timestamp_ms - chain[-1].timestamp_ms <= CHAIN_LASTS_MS:
        return None
    return tuple(reversed(chain))


def _bounded(set_aside: tuple[Position, ...]) -> tuple[Position, ...]:
    """Keep the state small. More than ten positions a second are thinned out, or no chain could ever last."""
    if len(set_aside) <= SET_ASIDE_LIMIT:
        return set_aside
    if set_aside[-1].timestamp_ms - set_aside[0].timestamp_ms > CHAIN_LASTS_MS:
        return set_aside[-SET_ASIDE_LIMIT:]
    return (*set_aside[:-1:2], set_aside[-1])
