"""What came twice and what came late, by truck and hour, also of hours whose files no longer tell it.

A duplicate is another record of a known identity. A late position is older than the newest one received before of its
truck, of its own date or the next. Both follow from the order of reception, which settled files drop; so compaction
counts before it settles, and keeps the counts of a date beside its files.

With them it keeps the first and the last place in the stream of every truck's positions of an hour. The records of a
truck are archived in order: what is not behind the last has been counted, so nothing counts twice, wherever a run was
interrupted and however often a batch is worked on.
"""

import zlib
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from truckstream.consumers.archive_keys import day_ms, deliveries_key, settled_hour_ms
from truckstream.consumers.history import READ_ATTEMPTS, DateFiles, HourRows, by_date, read_date, restless
from truckstream.core.columns import SEQUENCE_DIGITS, Bool, Int32, Int64
from truckstream.core.instants import DAY_MS, date_of
from truckstream.ports import ArchiveFormat, ArchiveObject, ArchiveStore

_INDEX_DIGITS: Final = 7
_KEY_BYTES: Final = SEQUENCE_DIGITS + _INDEX_DIGITS


class HourCounts(msgspec.Struct):
    """Of one hour: duplicates and late positions of the trucks that have any.

    `first`, `last`: for each of `trucks`, the places in the stream (`_KEY_BYTES` digits, sequence number and index) of
    the first and the last of its positions of this hour that were received and counted.
    """

    trucks: list[str] = []
    first: bytes = b""
    last: bytes = b""
    duplicates: dict[str, int] = {}
    late: dict[str, int] = {}

    @property
    def is_whole(self) -> bool:
        """Whether every truck has its places."""
        return len(self.first) == len(self.last) == len(self.trucks) * _KEY_BYTES

    def firsts(self) -> dict[str, bytes]:
        """Return what was received first, by truck."""
        return _apart(self.trucks, self.first)

    def lasts(self) -> dict[str, bytes]:
        """Return what was received last, by truck."""
        return _apart(self.trucks, self.last)


class _Kept(msgspec.Struct):
    hours: dict[str, HourCounts]  # equal counts give equal bytes: only text can be ordered as a key


class DateCounts:
    """The counts of one date, made hour by hour from the last one back: later hours tell what is late in earlier ones.

    `hours` are those that are known. An hour that was settled without having been counted stays unknown.
    """

    def __init__(
        self,
        files: DateFiles,
        hours: dict[int, HourCounts],
        next_date: Mapping[str, bytes],
    ) -> None:
        """Begin after the last hour.

        Args:
            hours: what was counted before.
            next_date: what was received first of the date after this one, by truck.
        """
        self.hours = hours
        self.firsts: dict[str, bytes] = {}
        self._files = files
        self._next_date = next_date

    @property
    def hours_ms(self) -> list[int]:
        """The hours there are to go through, the last one first."""
        return sorted({*self.hours, *self._files.hours_ms}, reverse=True)

    def back_to(self, hour_ms: int, hour: HourRows | None, *, count: bool) -> bool:
        """Go on to the next earlier hour; with `count` return whether there was anything new in it.

        `hour`: its rows; None where no live file has any. Files by other names than the archive consumer gives tell no
        order.
        """
        known = self.hours.get(hour_ms)
        counted = None
        hour = hour and _of_batches(hour)
        if hour and count and (known is not None or hour_ms not in self._files.settled_hours_ms):
            counted = _counted(known or HourCounts(), hour_ms, hour, self._first_after)
            if counted is not None:
                known = self.hours[hour_ms] = counted
        if known is not None:
            _keep_lowest(self.firsts, known.firsts().items())
        if hour and counted is None:
            _keep_lowest(self.firsts, ((name, first) for name, first, _ in _Received(hour).ends()))
        return counted is not None

    def encoded(self) -> bytes:
        """Return the counts as `read_counts` finds them."""
        kept = _Kept({str(hour_ms): hour for hour_ms, hour in self.hours.items()})
        return zlib.compress(msgspec.msgpack.encode(kept, order="deterministic"))

    def _first_after(self, name: str) -> bytes | None:
        """Return what was received first of a truck among the hours gone through, and the next date."""
        found = [first for first in (self.firsts.get(name), self._next_date.get(name)) if first is not None]
        return min(found, default=None)


def read_counts(archive: ArchiveStore, date: str) -> dict[int, HourCounts]:
    """Return what compaction has counted of a date, by hour. Damaged counts are unknown ones: no position is lost."""
    return _decoded(_stored(archive, date))


def _stored(archive: ArchiveStore, date: str) -> bytes:
    try:
        return archive.get(deliveries_key(date))
    except KeyError:
        return b""


def _decoded(kept: bytes) -> dict[int, HourCounts]:
    try:
        hours = msgspec.msgpack.decode(zlib.decompress(kept), type=_Kept).hours
        return {int(hour_ms): hour for hour_ms, hour in hours.items() if hour.is_whole}
    except (zlib.error, msgspec.DecodeError, ValueError):
        return {}


def firsts_of(hours: Mapping[int, HourCounts]) -> dict[str, bytes]:
    """Return what was received first of a date as far as it was counted, by truck."""
    firsts: dict[str, bytes] = {}
    for hour in hours.values():
        _keep_lowest(firsts, hour.firsts().items())
    return firsts


def date_firsts(archive: ArchiveStore, format: ArchiveFormat, date: str) -> dict[str, bytes]:
    """Return what was received first of a date, by truck, live files included."""
    files = read_date(archive, format, date, settled_later=True)
    counts = DateCounts(files, read_counts(archive, date), {})
    for hour_ms in counts.hours_ms:
        counts.back_to(hour_ms, files.rows(hour_ms) if hour_ms in files.live_hours_ms else None, count=False)
    return counts.firsts


def count_deliveries(
    archive: ArchiveStore,
    format: ArchiveFormat,
    first_date: str,
    last_date: str,
    trucks: Collection[str] | None = None,
    *,
    listed: Mapping[str, Sequence[ArchiveObject]] | None = None,
) -> dict[int, HourCounts]:
    """Return the counts of these dates (of these trucks) by hour; hours nobody counted in time are not in it.

    Live files are read whole, so their size is the caller's concern. Of the hours only duplicates and late positions
    are kept: a year of a large fleet fits. `listed`: what `by_date` has just given.

    Raises Unavailable when a date never holds still.
    """
    end = date_of(day_ms(last_date) + DAY_MS)
    listed = by_date(archive) if listed is None else listed
    dates = {date: files for date, files in listed.items() if first_date <= date <= end}
    live = {date for date, files in dates.items() if any(settled_hour_ms(file.key) is None for file in files)}
    found: dict[int, HourCounts] = {}
    next_firsts: dict[str, bytes] = {}
    for date in sorted(dates, reverse=True):
        if date_of(day_ms(date) + DAY_MS) not in dates:
            next_firsts = {}
        before = date_of(day_ms(date) - DAY_MS)
        if date in live:
            hours, next_firsts = _date_counts(archive, format, date, next_firsts, trucks, count=date <= last_date)
        else:
            hours = read_counts(archive, date)
            next_firsts = firsts_of(hours) if before in live else {}
        if date <= last_date:
            for hour_ms, hour in hours.items():
                found[hour_ms] = HourCounts(duplicates=hour.duplicates, late=hour.late)
    return found


def _date_counts(
    archive: ArchiveStore,
    format: ArchiveFormat,
    date: str,
    next_date: Mapping[str, bytes],
    trucks: Collection[str] | None,
    *,
    count: bool,
) -> tuple[dict[int, HourCounts], dict[str, bytes]]:
    """Return the counts of a date that has live files, and what was received first of each truck."""
    for _ in range(READ_ATTEMPTS):
        # Files first: what is compacted in between has then been seen, or counted, or both, which is once.
        files = read_date(archive, format, date, settled_later=True)
        kept = _stored(archive, date)
        counts = DateCounts(files, _decoded(kept), next_date)
        for hour_ms in counts.hours_ms:
            rows = files.rows(hour_ms, trucks) if hour_ms in files.live_hours_ms else None
            counts.back_to(hour_ms, rows, count=count)
        # A settled file that was fetched after these counts changed has what is new: it would look as if it came again.
        if _stored(archive, date) == kept:
            return counts.hours, counts.firsts
    raise restless(date)


def _of_batches(hour: HourRows) -> HourRows | None:
    """Return the settled rows and those of the archive consumer's files; None when there are none of these."""
    known = hour.settled + hour.batches
    if known < len(hour.rows):
        hour = hour._replace(rows=hour.rows.take(slice(known)))
    return hour if hour.batches else None


class _Received:
    """The rows of an hour by truck and in the order of reception, settled ones first: places into `order`."""

    def __init__(self, hour: HourRows) -> None:
        rows = hour.rows
        assert rows.delivery is not None
        self._rows = rows
        self._sequence, self._index = rows.delivery.sequence, rows.delivery.record_index
        self.order = np.lexsort((self._index, self._sequence, rows.truck))
        self.truck = rows.truck[self.order]
        self.is_live = self.order >= hour.settled

    def runs(self) -> Iterable[tuple[str, int, int]]:
        """Yield each truck and where its rows begin and end."""
        edges = [0, *(np.flatnonzero(self.truck[1:] != self.truck[:-1]) + 1).tolist(), len(self.truck)]
        for begin, end in pairwise(edges):
            yield self._rows.trucks[self.truck[begin]], begin, end

    def key(self, place: int) -> bytes:
        """Return the place in the stream of a row, as digits that sort; a settled row's is below all others."""
        row = self.order[place]
        sequence = self._sequence[row]
        if isinstance(sequence, bytes):
            digits = sequence.rjust(SEQUENCE_DIGITS, b"0")
        else:
            digits = b"%0*d" % (SEQUENCE_DIGITS, max(int(sequence), 0))
        return digits + b"%0*d" % (_INDEX_DIGITS, self._index[row])

    def ends(self) -> Iterable[tuple[str, bytes, bytes]]:
        """Yield the keys of what was received of each truck first and last."""
        for name, begin, end in self.runs():
            if self.is_live[end - 1]:
                yield name, self.key(begin + int(np.argmax(self.is_live[begin:end]))), self.key(end - 1)

    def repeated_records(self) -> Int64:
        """Return where a record comes again: a batch that was worked on twice, in other parts, left it in two files."""
        same = (self.truck[1:] == self.truck[:-1]) & self.is_live[1:] & self.is_live[:-1]
        times = self._rows.timestamp_ms[self.order]
        places = np.flatnonzero(same & (times[1:] == times[:-1])) + 1  # nearly none: few texts to compare
        now, before = self.order[places], self.order[places - 1]
        same = (self._sequence[now] == self._sequence[before]) & (self._index[now] == self._index[before])
        found: Int64 = places[same]
        return found


def _counted(
    known: HourCounts, hour_ms: int, hour: HourRows, first_after: Callable[[str], bytes | None]
) -> HourCounts | None:
    """Return the counts of an hour with those of its records that are new; None when there are none.

    Args:
        first_after: what was received first of a truck's later hours.
    """
    received = _Received(hour)
    rows, truck = hour.rows, received.truck
    firsts, lasts = known.firsts(), known.lasts()
    is_new = received.is_live.copy()
    for name, begin, end in received.runs():
        if (last := lasts.get(name)) is not None:
            is_new[begin : begin + bisect_right(range(begin, end), last, key=received.key)] = False
    if not is_new.any():
        return None
    is_new[received.repeated_records()] = False
    identity = truck.astype(np.int64) * DAY_MS + (rows.timestamp_ms[received.order] - hour_ms)
    again = _repeats(identity)
    late = identity < np.maximum.accumulate(identity)
    for name, begin, end in received.runs():
        later = first_after(name)
        if later is not None and received.key(end - 1) > later:
            late[bisect_right(range(begin, end), later, key=received.key) + begin : end] = True
    for name, first, last in received.ends():
        firsts[name] = min(first, firsts.get(name, first))
        lasts[name] = max(last, lasts.get(name, last))
    names = sorted(firsts)
    return HourCounts(
        trucks=names,
        first=b"".join(firsts[name] for name in names),
        last=b"".join(lasts[name] for name in names),
        duplicates=_sum(known.duplicates, rows.trucks, truck[is_new & again]),
        late=_sum(known.late, rows.trucks, truck[is_new & late & ~again]),
    )


def _repeats(values: Int64) -> Bool:
    """Return which values were there before."""
    order = np.argsort(values, kind="stable")
    again = np.zeros(len(values), np.bool_)
    again[order[1:]] = values[order[1:]] == values[order[:-1]]
    return again


def _sum(before: Mapping[str, int], names: tuple[str, ...], truck: Int32) -> dict[str, int]:
    total = dict(before)
    codes, counts = np.unique(truck, return_counts=True)
    for code, count in zip(codes.tolist(), counts.tolist(), strict=True):
        total[names[code]] = total.get(names[code], 0) + count
    return total


def _apart(names: Sequence[str], keys: bytes) -> dict[str, bytes]:
    places = range(0, len(keys), _KEY_BYTES)
    return {name: keys[place : place + _KEY_BYTES] for name, place in zip(names, places, strict=True)}


def _keep_lowest(lowest: dict[str, bytes], others: Iterable[tuple[str, bytes]]) -> None:
    for name, key in others:
        lowest[name] = min(key, lowest.get(name, key))
