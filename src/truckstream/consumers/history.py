"""The one way to read the archive: unique positions in event order, from live and settled files in any mix.

Reading is consistent while the archive is written and compacted: all files of a date are fetched, then
listed again, and fetched anew when one of them was replaced or compacted away meanwhile. Rows are decoded an
hour at a time, so a date of any size needs little memory beyond its compressed files.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from truckstream.consumers.archive_keys import POSITIONS, date_in, settled_hour_ms, settled_key
from truckstream.core.columns import UNKNOWN, PositionColumns
from truckstream.core.errors import StorageDamaged, Unavailable
from truckstream.core.geofences import Catalogue
from truckstream.core.instants import HOUR_MS, date_of
from truckstream.core.presence import Event, FenceSet, TruckPresence, step
from truckstream.core.records import Position
from truckstream.ports import ArchiveFormat, ArchiveObject, ArchiveStore

READ_ATTEMPTS = 20
RESTORE_FILE = "Restore that file from a backup, in a bucket its version before; or move it away and replay its source."
HELD_ROWS = 500_000
"""Decoded live rows kept in memory; beyond that a live file is decoded once for each of its hours."""


class LiveFile(NamedTuple):
    """A file as the archive consumer wrote it, and the hours it has rows of."""

    key: str
    data: bytes
    hours_ms: frozenset[int]


class DateFiles:
    """All files of one event date as they were at one moment."""

    def __init__(self, format: ArchiveFormat, files: Sequence[tuple[ArchiveObject, bytes]]) -> None:
        self._format = format
        self._decoded: dict[str, PositionColumns] = {}
        self.fingerprint = fingerprint([file for file, _ in files])
        self.settled: dict[int, bytes] = {}
        self.live: list[LiveFile] = []
        held = 0
        for file, data in files:
            hour_ms = settled_hour_ms(file.key)
            if hour_ms is not None:
                self.settled[hour_ms] = data
                continue
            columns = read_file(format, file.key, data)
            hours = np.unique(columns.timestamp_ms // HOUR_MS) * HOUR_MS
            self.live.append(LiveFile(file.key, data, frozenset(hours.tolist())))
            if held + len(columns) <= HELD_ROWS:
                self._decoded[file.key] = columns
                held += len(columns)

    @property
    def hours_ms(self) -> list[int]:
        """The hours that have rows, ascending."""
        return sorted(set(self.settled).union(*(file.hours_ms for file in self.live)))

    def hour(self, hour_ms: int, trucks: Collection[str] | None = None) -> PositionColumns:
        """Return the rows of an hour (of these trucks), unique, by truck and time."""
        parts = []
        if hour_ms in self.settled:
            key = settled_key(date_of(hour_ms), hour_ms)
            parts.append(read_file(self._format, key, self.settled[hour_ms], trucks))
        for file in self.live:
            if hour_ms in file.hours_ms:
                columns = self._decoded.get(file.key)
                if columns is None:
                    columns = read_file(self._format, file.key, file.data)
                parts.append(columns.between(hour_ms, hour_ms + HOUR_MS))
        if trucks is not None:
            parts = [part.of_trucks(trucks) for part in parts]
        return PositionColumns.concat(parts).settled()


def read_file(format: ArchiveFormat, key: str, data: bytes, trucks: Collection[str] | None = None) -> PositionColumns:
    """Return the rows of a position file, see `ArchiveFormat.read`. Raises StorageDamaged, which names the file."""
    try:
        return format.read(data, trucks)
    except StorageDamaged as error:
        raise StorageDamaged(f"{key}: {error.message}", hint=RESTORE_FILE) from error


def dates(archive: ArchiveStore) -> list[str]:
    """Return the event dates that have positions, ascending."""
    return sorted({date for file in archive.list(POSITIONS) if (date := date_in(file.key))})


def list_date(archive: ArchiveStore, date: str) -> list[ArchiveObject]:
    """Return the position files of a date, ordered by key."""
    return [file for file in archive.list(f"{POSITIONS}date={date}/") if date_in(file.key)]


def fingerprint(files: Sequence[ArchiveObject]) -> str:
    """Return a hash that changes when any of the files does."""
    lines = "".join(f"{file.key}\t{file.tag}\n" for file in files)
    return hashlib.blake2b(lines.encode(), digest_size=16).hexdigest()


def read_date(
    archive: ArchiveStore,
    format: ArchiveFormat,
    date: str,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> DateFiles:
    """Return the files of a date as at one moment; settled hours wholly outside of a period are left out.

    Raises Unavailable when they never hold still.
    """
    for _ in range(READ_ATTEMPTS):
        files = [file for file in list_date(archive, date) if _touches(settled_hour_ms(file.key), from_ms, to_ms)]
        try:
            contents = [(file, archive.get(file.key)) for file in files]
        except KeyError:
            continue  # compacted away since it was listed
        now = {file.key: file.tag for file in list_date(archive, date)}
        if all(now.get(file.key) == file.tag for file in files):
            return DateFiles(format, contents)
    raise Unavailable(
        f"the archive files of {date} change faster than they can be read",
        hint="Try again when the compaction or replay that is running has ended.",
    )


def _touches(hour_ms: int | None, from_ms: int | None, to_ms: int | None) -> bool:
    if hour_ms is None:  # a live file tells its hours only when read
        return True
    return (from_ms is None or hour_ms + HOUR_MS > from_ms) and (to_ms is None or hour_ms < to_ms)


def positions_of(
    archive: ArchiveStore, format: ArchiveFormat, date: str, trucks: Collection[str] | None = None
) -> PositionColumns:
    """Return the positions of a date (of these trucks): unique, by truck and time."""
    files = read_date(archive, format, date)
    return PositionColumns.concat([files.hour(hour_ms, trucks) for hour_ms in files.hours_ms]).sorted()


def iterate(
    archive: ArchiveStore,
    format: ArchiveFormat,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
    trucks: Collection[str] | None = None,
) -> Iterator[PositionColumns]:
    """Yield the positions with `from_ms <= timestamp_ms < to_ms`, date by date, each by truck and time."""
    for date in dates(archive):
        if (from_ms is None or date >= date_of(from_ms)) and (to_ms is None or date <= date_of(to_ms)):
            columns = positions_of(archive, format, date, trucks)
            if from_ms is not None:
                columns = columns.take(columns.timestamp_ms >= from_ms)
            if to_ms is not None:
                columns = columns.take(columns.timestamp_ms < to_ms)
            if len(columns):
                yield columns


def iterate_hours(
    archive: ArchiveStore, format: ArchiveFormat, *, from_ms: int, to_ms: int
) -> Iterator[tuple[int, PositionColumns]]:
    """Yield each hour that has rows with `from_ms <= timestamp_ms < to_ms`, and those rows by truck and time."""
    for date in dates(archive):
        if date_of(from_ms) <= date <= date_of(to_ms - 1):
            files = read_date(archive, format, date, from_ms=from_ms, to_ms=to_ms)
            for hour_ms in files.hours_ms:
                if hour_ms + HOUR_MS > from_ms and hour_ms < to_ms:
                    yield hour_ms, files.hour(hour_ms).between(from_ms, to_ms)


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


def spare_positions(columns: PositionColumns) -> Iterator[Position]:
    """Yield the rows as positions with only the fields that presence, trips and outliers look at."""
    names = columns.trucks
    for code, timestamp_ms, latitude, longitude, speed in zip(
        columns.truck.tolist(),
        columns.timestamp_ms.tolist(),
        (columns.latitude_e7 / 1e7).tolist(),
        (columns.longitude_e7 / 1e7).tolist(),
        columns.speed.tolist(),
        strict=True,
    ):
        speed_kmh = None if speed == UNKNOWN else speed / 1000
        yield Position(names[code], timestamp_ms, latitude, longitude, speed_kmh)
