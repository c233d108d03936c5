"""The one way to read the archive: unique positions in event order, from live and settled files in any mix.

Reading is consistent while the archive is written and compacted: all files of a date are fetched, then
listed again, and fetched anew when one of them was replaced or compacted away meanwhile. Rows are decoded an
hour at a time, so a date of any size needs little memory beyond its compressed files.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from truckstream.consumers.archive_keys import POSITIONS, date_in, is_batch, settled_hour_ms, settled_key
from truckstream.core.columns import UNKNOWN, PositionColumns
from truckstream.core.errors import StorageDamaged, Unavailable
from truckstream.core.instants import HOUR_MS, date_of
from truckstream.core.records import Position
from truckstream.ports import ArchiveFormat, ArchiveObject, ArchiveStore

READ_ATTEMPTS = 20
RESTORE_FILE = "Restore that file from a backup, in a bucket its version before; or move it away and replay its source."
HELD_ROWS = 500_000
"""Decoded live rows kept in memory; beyond that a live file is decoded once for each of its hours."""


class HourRows(NamedTuple):
    """All rows of an hour: first those that are `settled` (so many), then those of `batches`, as received, then others.

    Others are of files that somebody put there under another name: they count, and tell no order.
    """

    rows: PositionColumns
    settled: int
    batches: int


class LiveFile(NamedTuple):
    """A file as the archive consumer wrote it, and the hours it has rows of."""

    key: str
    data: bytes
    hours_ms: frozenset[int]


class DateFiles:
    """The files of one event date as they were at one moment; `listed` are all of them, `files` those that were read.

    `fingerprint` is of all. `fetch` gets a settled file when its hour is asked for; None: they were read, or left out.
    """

    def __init__(
        self,
        format: ArchiveFormat,
        files: Sequence[tuple[ArchiveObject, bytes]],
        listed: Sequence[ArchiveObject],
        fetch: Callable[[str], bytes] | None = None,
    ) -> None:
        self._format = format
        self._fetch = fetch
        self._decoded: dict[str, PositionColumns] = {}
        self.fingerprint = fingerprint(listed)
        self._tags = {hour_ms: file.tag for file in listed if (hour_ms := settled_hour_ms(file.key)) is not None}
        self._settled: dict[int, bytes] = {}
        self.live: list[LiveFile] = []
        held = 0
        for file, data in files:
            hour_ms = settled_hour_ms(file.key)
            if hour_ms is not None:
                self._settled[hour_ms] = data
                continue
            columns = read_file(format, file.key, data)
            hours = np.unique(columns.timestamp_ms // HOUR_MS) * HOUR_MS
            self.live.append(LiveFile(file.key, data, frozenset(hours.tolist())))
            if held + len(columns) <= HELD_ROWS:
                self._decoded[file.key] = columns
                held += len(columns)
        self.live.sort(key=lambda file: not is_batch(file.key))  # others come last, see `HourRows`

    @property
    def hours_ms(self) -> list[int]:
        """The hours that have rows and were not left out, ascending."""
        settled = self._settled if self._fetch is None else self._tags
        return sorted(set(settled).union(*(file.hours_ms for file in self.live)))

    @property
    def live_hours_ms(self) -> Collection[int]:
        """The hours that live files have rows of."""
        return frozenset().union(*(file.hours_ms for file in self.live))

    @property
    def settled_hours_ms(self) -> Collection[int]:
        """The hours that have a settled file."""
        return self._tags.keys()

    def settled_tags(self, before_ms: int) -> dict[str, str]:
        """Return the tags of the settled files of the hours before an instant, by hour in ms."""
        return {str(hour_ms): tag for hour_ms, tag in sorted(self._tags.items()) if hour_ms < before_ms}

    def settled_rows(self, hour_ms: int, trucks: Collection[str] | None = None) -> PositionColumns:
        """Return the rows of an hour (of these trucks) that are settled."""
        data = self.settled_data(hour_ms)
        if data is None:
            return PositionColumns.empty()
        return read_file(self._format, settled_key(date_of(hour_ms), hour_ms), data, trucks)

    def settled_data(self, hour_ms: int) -> bytes | None:
        """Return the settled file of an hour; None when there is none, or it was left out."""
        if hour_ms not in self._settled and self._fetch is not None and hour_ms in self._tags:
            try:
                self._settled = {hour_ms: self._fetch(settled_key(date_of(hour_ms), hour_ms))}  # one at a time
            except KeyError as error:
                raise restless(date_of(hour_ms)) from error
        return self._settled.get(hour_ms)

    def trucks_before(self, before_ms: int) -> set[str]:
        """Return the trucks that have rows before an instant in live files."""
        found: set[str] = set()
        for file in self.live:
            if any(hour_ms < before_ms for hour_ms in file.hours_ms):
                rows = self._rows(file)
                found.update(rows.trucks[code] for code in np.unique(rows.truck[rows.timestamp_ms < before_ms]))
        return found

    def hour(self, hour_ms: int, trucks: Collection[str] | None = None) -> PositionColumns:
        """Return the rows of an hour (of these trucks), unique, by truck and time."""
        return self.rows(hour_ms, trucks).rows.settled()

    def rows(self, hour_ms: int, trucks: Collection[str] | None = None) -> HourRows:
        """Return the rows of an hour (of these trucks), unordered and with duplicates."""
        settled = batches = 0

        def each() -> Iterator[PositionColumns]:
            nonlocal settled, batches
            rows = self.settled_rows(hour_ms, trucks)
            if trucks is not None:
                rows = rows.of_trucks(trucks)
            settled = len(rows)
            yield rows
            for file in self.live:
                if hour_ms in file.hours_ms:
                    rows = self._rows(file).between(hour_ms, hour_ms + HOUR_MS)
                    if trucks is not None:
                        rows = rows.of_trucks(trucks)
                    batches += len(rows) if is_batch(file.key) else 0
                    yield rows

        # A generator: what is put together is held by nobody else, and the hour of a large fleet is there only once.
        rows = PositionColumns.concat(each())
        return HourRows(rows, settled, batches)

    def _rows(self, file: LiveFile) -> PositionColumns:
        columns = self._decoded.get(file.key)
        return read_file(self._format, file.key, file.data) if columns is None else columns


def read_file(format: ArchiveFormat, key: str, data: bytes, trucks: Collection[str] | None = None) -> PositionColumns:
    """Return the rows of a position file, see `ArchiveFormat.read`. Raises StorageDamaged, which names the file."""
    try:
        return format.read(data, trucks)
    except StorageDamaged as error:
        raise StorageDamaged(f"{key}: {error.message}", hint=RESTORE_FILE) from error


def by_date(archive: ArchiveStore) -> dict[str, list[ArchiveObject]]:
    """Return the position files of every event date, dates ascending."""
    files: dict[str, list[ArchiveObject]] = {}
    for file in archive.list(POSITIONS):
        if date := date_in(file.key):
            files.setdefault(date, []).append(file)
    return {date: files[date] for date in sorted(files)}


def dates(archive: ArchiveStore) -> list[str]:
    """Return the event dates that have positions, ascending."""
    return list(by_date(archive))


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
    settled_later: bool = False,
) -> DateFiles:
    """Return the files of a date as at one moment; settled hours wholly outside of a period are left out.

    `settled_later`: settled files are fetched when their hour is asked for, so that a date of any size takes the
    memory of an hour; what was compacted meanwhile is then in them and in the live files, which makes no difference,
    and so may be positions that came after that moment.

    Raises Unavailable when they never hold still.
    """
    for _ in range(READ_ATTEMPTS):
        listed = list_date(archive, date)
        files = [file for file in listed if _touches(settled_hour_ms(file.key), from_ms, to_ms)]
        if settled_later:
            files = [file for file in files if settled_hour_ms(file.key) is None]
        try:
            contents = [(file, archive.get(file.key)) for file in files]
        except KeyError:
            continue  # compacted away since it was listed
        now = {file.key: file.tag for file in list_date(archive, date)}
        if all(now.get(file.key) == file.tag for file in listed):
            return DateFiles(format, contents, listed, archive.get if settled_later else None)
    raise restless(date)


def restless(date: str) -> Unavailable:
    """Return the error of a date whose files never hold still."""
    return Unavailable(
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
