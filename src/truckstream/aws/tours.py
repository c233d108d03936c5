"""The simulated fleet of the deployed system: any minute of it from the time alone, without any state.

Every hour each truck drives a tour: from its home half an hour out by roads drawn for that hour, then the same
way back, as the tape runs backwards (also its tank). So it ends where the next tour begins, and minutes made by
different invocations, in any order, join without a jump. A minute costs at most half an hour of simulation:
2.4 ms per truck of a fast CPU in the middle of the hour.
"""

from truckstream.core.fleet import Fleet
from truckstream.core.instants import HOUR_MS, hour_of
from truckstream.core.records import Position

EVERY_MS = 5_000
_MINUTE_MS = 60_000
_MINUTES_OUT = 30
_LAST_ROUND = HOUR_MS // EVERY_MS - 1


def minute_of_fleet(trucks: int, minute_ms: int, *, seed: int = 1) -> dict[str, list[Position]]:
    """Return what each truck sends within the minute that begins at `minute_ms`: 12 positions, by time.

    Args:
        trucks: how many there are.
        minute_ms: ms since the epoch, a whole minute.
        seed: another seed has other homes.

    Raises:
        InvalidSetting: `trucks` is out of range.
    """
    hour_ms = hour_of(minute_ms)
    minute = (minute_ms - hour_ms) // _MINUTE_MS
    outward = minute < _MINUTES_OUT
    homes = Fleet(trucks, EVERY_MS / 1000, seed, start_ms=hour_ms).tick(hour_ms + EVERY_MS)
    fleet = Fleet(
        trucks,
        EVERY_MS / 1000,
        hour_ms // HOUR_MS,
        start_ms=hour_ms,
        resume=[home for home in homes if isinstance(home, Position)],
    )
    begin_ms = hour_ms + (minute if outward else 2 * _MINUTES_OUT - 1 - minute) * _MINUTE_MS
    for before_ms in range(hour_ms + _MINUTE_MS, begin_ms + 1, _MINUTE_MS):
        fleet.tick(before_ms)
    of_trucks: dict[str, list[Position]] = {}
    for position in fleet.tick(begin_ms + _MINUTE_MS):
        assert isinstance(position, Position)  # no faults were asked for
        of_trucks.setdefault(position.truck_id, []).append(position)
    if outward:
        return of_trucks
    return {truck_id: [_back(position, hour_ms) for position in reversed(own)] for truck_id, own in of_trucks.items()}


def _back(position: Position, hour_ms: int) -> Position:
    """Return the position on the way back for one on the way out: same place, mirrored time, other heading."""
    number, phase_ms = divmod(position.timestamp_ms - hour_ms - 1, EVERY_MS)
    heading = position.heading
    return Position(
        position.truck_id,
        hour_ms + (_LAST_ROUND - number) * EVERY_MS + phase_ms + 1,
        position.latitude,
        position.longitude,
        position.speed_kmh,
        None if heading is None else round((heading + 180.0) % 360.0, 1),
        position.altitude_m,
        position.accuracy_m,
        position.fuel_level_pct,
        position.engine_status,
    )
