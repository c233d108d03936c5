"""What happened at the geofences in the whole archive, by the consumer's own engine: enter, exit, dwell, speeding."""

from collections.abc import Iterator

from truckstream.consumers.history import dates, read_date, spare_positions
from truckstream.core.columns import PositionColumns
from truckstream.core.geofences import Catalogue
from truckstream.core.presence import Event, FenceSet, TruckPresence, step
from truckstream.ports import ArchiveFormat, ArchiveStore


def transitions(
    archive: ArchiveStore,
    format: ArchiveFormat,
    catalogue: Catalogue,
    *,
    limit_kmh: float,
    truck_id: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> Iterator[Event]:
    """Yield every enter and exit of the archive; see `events`."""
    found = events(
        archive,
        format,
        catalogue,
        limit_kmh=limit_kmh,
        truck_id=truck_id,
        from_ms=from_ms,
        to_ms=to_ms,
    )
    return (event for event in found if event.event in ("enter", "exit"))


def events(
    archive: ArchiveStore,
    format: ArchiveFormat,
    catalogue: Catalogue,
    *,
    limit_kmh: float,
    truck_id: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> Iterator[Event]:
    """Yield what happened at these geofences by truck and time; at one instant exits first, then by geofence.

    The geofences are applied to the whole archive, whatever their `alert_on`, from each truck's first
    position on; `from_ms <= timestamp_ms < to_ms` only limits what is shown. `limit_kmh` is the fastest
    believable speed, 0 for off.
    """
    fences = FenceSet(catalogue)
    presences: dict[str, TruckPresence] = {}
    trucks = None if truck_id is None else (truck_id,)
    found: list[Event] = []
    for date in dates(archive):
        files = read_date(archive, format, date)
        for hour_ms in files.hours_ms:
            for event in _steps(fences, presences, files.hour(hour_ms, trucks), limit_kmh):
                if (from_ms is None or event.timestamp_ms >= from_ms) and (to_ms is None or event.timestamp_ms < to_ms):
                    found.append(event)
    found.sort(key=lambda event: (event.truck_id, event.timestamp_ms, _RANK[event.event], event.geofence_id))
    yield from found


_RANK = {"exit": 0, "enter": 1, "dwell": 2, "speeding": 3}


def _steps(
    fences: FenceSet, presences: dict[str, TruckPresence], columns: PositionColumns, limit_kmh: float
) -> Iterator[Event]:
    """Run the engine over rows by truck and time."""
    presence = TruckPresence("")
    for position in spare_positions(columns):
        if presence.truck_id != position.truck_id:
            presence = presences.setdefault(position.truck_id, TruckPresence(position.truck_id))
        yield from step(fences, presence, position, limit_kmh)
