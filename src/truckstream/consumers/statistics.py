"""Keeps the hourly statistics of the archive up to date, a date at a time, recomputing only what changed.

Each date's file remembers what it was made from: a fingerprint of the date's position files, of the carry
from the date before, of later dates consulted for positions set aside at its end, and the settings. A date
whose fingerprints still fit is left alone. `current` gives a reader the same numbers without writing.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np

from truckstream.consumers import resuming
from truckstream.consumers.archive_keys import HOURLY, date_in, day_ms, hourly_key
from truckstream.consumers.compaction import is_closed
from truckstream.consumers.history import by_date, fingerprint, read_date
from truckstream.consumers.resuming import Resume, decode_state, encode_state
from truckstream.core.errors import StorageDamaged
from truckstream.core.hourly_table import ACTIVITY_COLUMNS, VALUE_COLUMNS
from truckstream.core.instants import DAY_MS, date_of
from truckstream.core.outliers import Track
from truckstream.core.stats import HourlyPass, HourlyTable
from truckstream.ports import ArchiveFormat, ArchiveStore

RULES_VERSION = "3"
"""Raise it when a rule of the statistics changes: everything is then recomputed."""

_SAME_TO = 1e-9  # km, km/h, minutes: a sum in another order is no change


class Refreshed(msgspec.Struct):
    """What `refresh` did: dates there are, computed anew, and written."""

    dates: int = 0
    computed: int = 0
    written: int = 0


class _Day(msgspec.Struct):
    """The statistics of a date, what they were made from, and whether they differ from what is stored."""

    date: str
    table: HourlyTable
    metadata: dict[str, str]
    computed: bool
    changed: bool


def refresh(
    archive: ArchiveStore,
    format: ArchiveFormat,
    *,
    clock_ms: int | None,
    limit_kmh: float,
    force: bool = False,
) -> Refreshed:
    """Bring the files of hourly statistics up to date with the archive; only one refresh may run at a time.

    Args:
        clock_ms: the newest stream arrival time, which makes hours final; None makes all of them final.
        limit_kmh: the fastest believable speed, 0 for off.
        force: compute every date anew, whatever the fingerprints say.

    Raises whatever the store raises; running again continues.
    """
    done = Refreshed()
    for day in _days(archive, format, clock_ms=clock_ms, limit_kmh=limit_kmh, force=force):
        done.dates += 1
        done.computed += day.computed
        if day.changed:
            archive.put(hourly_key(day.date), format.write_hourly(day.table, day.metadata))
            done.written += 1
    return done


def current(
    archive: ArchiveStore,
    format: ArchiveFormat,
    *,
    clock_ms: int | None,
    limit_kmh: float,
    force: bool = False,
    trucks: Collection[str] | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> HourlyTable:
    """Return what `refresh` followed by `read_stats` would, without writing anything."""
    days = _days(archive, format, clock_ms=clock_ms, limit_kmh=limit_kmh, force=force)
    return HourlyTable.concat([day.table.select(trucks=trucks, from_ms=from_ms, to_ms=to_ms) for day in days])


def read_stats(
    archive: ArchiveStore,
    format: ArchiveFormat,
    *,
    trucks: Collection[str] | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> HourlyTable:
    """Return the stored statistics with `from_ms <= hour_ms < to_ms`, by truck and hour.

    Raises StorageDamaged naming a file that cannot be read.
    """
    tables = []
    for file in archive.list(HOURLY):
        date = date_in(file.key)
        if date is None or (from_ms is not None and date < date_of(from_ms)):
            continue
        if to_ms is None or date <= date_of(to_ms):
            try:
                table, _ = format.read_hourly(archive.get(file.key))
            except StorageDamaged as error:
                hint = "It is made anew: within a minute while 'truckstream run' works, within the hour on AWS."
                raise StorageDamaged(f"{file.key}: {error.message}", hint=hint) from error
            tables.append(table.select(trucks=trucks, from_ms=from_ms, to_ms=to_ms))
    return HourlyTable.concat(tables)


class DayStatistics(NamedTuple):
    """The statistics of one date and the fingerprint of the position files they were made from."""

    date: str
    table: HourlyTable
    inputs: str


def current_days(
    archive: ArchiveStore, format: ArchiveFormat, *, clock_ms: int | None, limit_kmh: float
) -> Iterator[DayStatistics]:
    """Yield what `refresh` would leave behind, date by date, without writing anything."""
    for day in _days(archive, format, clock_ms=clock_ms, limit_kmh=limit_kmh, force=False):
        yield DayStatistics(day.date, day.table, day.metadata["inputs"])


def stored_day(archive: ArchiveStore, format: ArchiveFormat, date: str, *, limit_kmh: float) -> DayStatistics | None:
    """Return a date's statistics as stored, which may be older than its positions; None when there are none.

    Those made with other rules or another outlier speed are none.
    """
    stored = _stored(archive, format, date)
    if stored is None:
        return None
    table, metadata = stored
    if metadata.get("rules") != RULES_VERSION or metadata.get("limit_kmh") != repr(float(limit_kmh)):
        return None
    return DayStatistics(date, table, metadata.get("inputs", ""))


def _days(
    archive: ArchiveStore, format: ArchiveFormat, *, clock_ms: int | None, limit_kmh: float, force: bool
) -> Iterator[_Day]:
    """Yield every date's statistics in order, computing those that are not stored as they must be."""
    fingerprints = _fingerprints(archive)
    dates = list(fingerprints)
    carry = encode_carry({})
    for place, date in enumerate(dates):
        following = dates[place + 1 :]
        stored = _stored(archive, format, date)
        made_from = {
            "rules": RULES_VERSION,
            "limit_kmh": repr(float(limit_kmh)),
            "inputs": fingerprints[date],
            "carry_in": hashlib.blake2b(carry.encode(), digest_size=16).hexdigest(),
        }
        if stored is not None and not force and _fits(stored[1], made_from, following, fingerprints):
            table, metadata = stored
            final = _final(table, clock_ms)
            changed = bool((final != table.final).any())
            yield _Day(date, replace(table, final=final), metadata, computed=False, changed=changed)
        else:
            resumed = None if stored is None or force else _resumed(*stored, made_from)
            table, found = _compute(archive, format, date, following, decode_carry(carry), limit_kmh, resumed)
            metadata = made_from | found
            table = replace(table, final=_final(table, clock_ms))
            if table.final.all():
                del metadata["resume"]  # little more will come, and readers need not carry it along
            if stored is not None:
                table = _revised(table, stored[0])
            changed = stored is None or stored[1] != metadata or not _same(stored[0], table)
            yield _Day(date, table, metadata, computed=True, changed=changed)
        carry = metadata["carry"]


def _compute(
    archive: ArchiveStore,
    format: ArchiveFormat,
    date: str,
    following: Sequence[str],
    carry: Mapping[str, Track],
    limit_kmh: float,
    stored: tuple[HourlyTable, Resume] | None,
) -> tuple[HourlyTable, dict[str, str]]:
    """Return a date's statistics from its positions, and what was found on the way.

    `stored`: the date's statistics as they are, and where they can go on; None computes all of it.
    """
    from_ms = day_ms(date)
    table, resume = stored or (HourlyTable.empty(), None)
    begin = resuming.begin(archive, format, date, from_ms, carry, resume, table)
    files = begin.files
    window = HourlyPass(begin.tracks, limit_kmh, from_ms=from_ms, to_ms=from_ms + DAY_MS)
    resume_ms = max(begin.until_ms, resuming.settled_until_ms(files, from_ms))
    found: Resume | None = None
    for hour_ms in files.hours_ms:
        if found is None and hour_ms >= resume_ms:
            found = resuming.snapshot(files, window, resume_ms)
        if hour_ms >= begin.until_ms:
            window.add(files.hour(hour_ms))
        elif begin.anew:
            window.add(files.hour(hour_ms, begin.anew))
    found = found or resuming.snapshot(files, window, resume_ms)
    consulted = []
    for later in following:
        if not window.pending():
            break
        ahead = read_date(archive, format, later, settled_later=True)
        consulted.append(f"{later}={ahead.fingerprint}")
        for hour_ms in ahead.hours_ms:
            if pending := window.pending():
                window.look_ahead(ahead.hour(hour_ms, pending))
    if window.pending():
        consulted.append("open")  # any date to come may change the answer
    return HourlyTable.concat([begin.kept, window.table()]), {
        "inputs": files.fingerprint,
        "ahead": ",".join(consulted),
        "carry": encode_carry(window.carry()),
        "resume": encode_state(found),
    }


def _resumed(
    table: HourlyTable, metadata: Mapping[str, str], made_from: Mapping[str, str]
) -> tuple[HourlyTable, Resume] | None:
    """Return the stored statistics and where they can go on, if the rules and the carry are the same now."""
    if "resume" not in metadata:
        return None
    if any(metadata.get(key) != made_from[key] for key in ("rules", "limit_kmh", "carry_in")):
        return None
    return table, decode_state(metadata["resume"], Resume)


def _fits(
    stored: Mapping[str, str],
    made_from: Mapping[str, str],
    following: Sequence[str],
    fingerprints: Mapping[str, str],
) -> bool:
    """Return whether a stored date was made from exactly what is there now."""
    if any(stored.get(key) != value for key, value in made_from.items()) or "carry" not in stored:
        return False
    consulted = stored.get("ahead", "").split(",") if stored.get("ahead") else []
    if consulted and consulted[-1] == "open":
        consulted = consulted[:-1]
        if len(following) != len(consulted):
            return False
    now = [f"{date}={fingerprints[date]}" for date in following[: len(consulted)]]
    return now == consulted


def _fingerprints(archive: ArchiveStore) -> dict[str, str]:
    """Return the fingerprint of every date that has positions, dates ascending."""
    return {date: fingerprint(files) for date, files in by_date(archive).items()}


def _stored(archive: ArchiveStore, format: ArchiveFormat, date: str) -> tuple[HourlyTable, dict[str, str]] | None:
    """Return a date's stored statistics. A missing or damaged file is no loss: it is made anew."""
    try:
        return format.read_hourly(archive.get(hourly_key(date)))
    except (KeyError, StorageDamaged):
        return None


def _final(table: HourlyTable, clock_ms: int | None) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    closed = {hour_ms: is_closed(hour_ms, clock_ms) for hour_ms in set(table.hour_ms.tolist())}
    return np.array([closed[hour_ms] for hour_ms in table.hour_ms.tolist()], np.bool_)


def _revised(table: HourlyTable, before: HourlyTable) -> HourlyTable:
    """Count a revision for every hour that was final and has other values now."""
    place_of = {key: place for place, key in enumerate(zip(before.truck_id, before.hour_ms.tolist(), strict=True))}
    known = [place_of.get(key) for key in zip(table.truck_id, table.hour_ms.tolist(), strict=True)]
    here = np.array([row for row, place in enumerate(known) if place is not None], np.int64)
    there = np.array([place for place in known if place is not None], np.int64)
    differs = np.zeros(len(here), np.bool_)
    for column in VALUE_COLUMNS:
        now, then = getattr(table, column)[here], getattr(before, column)[there]
        differs |= ~np.isclose(now, then, rtol=1e-12, atol=_SAME_TO, equal_nan=True)
    revision = table.revision.copy()
    revision[here] = before.revision[there] + (differs & before.final[there])
    return replace(table, revision=revision)


def _same(one: HourlyTable, other: HourlyTable) -> bool:
    return one.truck_id == other.truck_id and all(
        np.array_equal(getattr(one, column), getattr(other, column), equal_nan=column in VALUE_COLUMNS)
        for column in ("hour_ms", *VALUE_COLUMNS, "final", "revision", *ACTIVITY_COLUMNS)
    )


def encode_carry(carry: Mapping[str, Track]) -> str:
    """Return a carry as text; equal carries give equal texts."""
    return encode_state(dict(carry))


def decode_carry(text: str) -> dict[str, Track]:
    """Return the carry that `encode_carry` was given."""
    return decode_state(text, dict[str, Track])
