"""Where the statistics of a date that still grows can go on, so that a minute's news do not cost the whole day again.

A resume is the state of every truck at the end of an hour, with the tags of the settled files it was made from. Files
of settled hours only gain positions, and each of them has a known identity, so a truck's rows changed just where its
count did. Trucks with news before that hour, or with positions there that are still in doubt, begin the date anew.
"""

import base64
import zlib
from collections.abc import Collection, Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from truckstream.consumers.history import DateFiles, read_date
from truckstream.core.columns import PositionColumns
from truckstream.core.hourly_table import HourlyTable
from truckstream.core.instants import HOUR_MS
from truckstream.core.outliers import Track
from truckstream.core.stats import HourlyPass
from truckstream.ports import ArchiveFormat, ArchiveStore


class Resume(msgspec.Struct, frozen=True):
    """The state before `until_ms`. `tags`: of the settled files before it, by hour; `open`: trucks still in doubt."""

    until_ms: int
    tags: dict[str, str]
    carry: dict[str, Track]
    open: list[str]


class Beginning(NamedTuple):
    """What to compute: trucks in `anew` from the date's first hour, others from `until_ms`; `kept` are their rows."""

    files: DateFiles
    until_ms: int
    anew: Collection[str]
    tracks: Mapping[str, Track]
    kept: HourlyTable


def encode_state[T](state: T) -> str:
    """Return a struct or dict as text; equal ones give equal texts."""
    return base64.b64encode(zlib.compress(msgspec.msgpack.encode(state, order="deterministic"))).decode()


def decode_state[T](text: str, kind: type[T]) -> T:
    """Return what `encode_state` was given."""
    return msgspec.msgpack.decode(zlib.decompress(base64.b64decode(text)), type=kind)


def begin(
    archive: ArchiveStore,
    format: ArchiveFormat,
    date: str,
    from_ms: int,
    carry: Mapping[str, Track],
    resume: Resume | None,
    stored: HourlyTable,
) -> Beginning:
    """Return where the statistics of a date begin: at its first hour without a resume that fits.

    Args:
        from_ms: the date's first instant.
        carry: the state of every truck there.
        resume: what `snapshot` gave when `stored` was computed.
    """
    files = read_date(archive, format, date, settled_later=True)
    changed = None if resume is None else _changed_hours(files, resume)
    if resume is None or changed is None:
        return Beginning(files, from_ms, (), carry, HourlyTable.empty())
    anew = set(resume.open) | files.trucks_before(resume.until_ms)
    for hour_ms in changed:
        anew |= _grown(files.settled_rows(hour_ms), stored, hour_ms)
    tracks = {name: track for name, track in resume.carry.items() if name not in anew}
    tracks |= {name: carry[name] for name in anew if name in carry}
    return Beginning(files, resume.until_ms, anew, tracks, stored.select(to_ms=resume.until_ms, without=anew))


def snapshot(files: DateFiles, window: HourlyPass, until_ms: int) -> Resume:
    """Return the state of a pass that has just taken all hours before `until_ms`."""
    return Resume(until_ms, files.settled_tags(until_ms), window.carry(), sorted(window.pending()))


def settled_until_ms(files: DateFiles, from_ms: int) -> int:
    """Return the end of the last hour before which everything is settled; `from_ms` when nothing is."""
    until_ms = from_ms
    for hour_ms in files.hours_ms:
        if hour_ms not in files.settled_hours_ms:
            break
        until_ms = hour_ms + HOUR_MS
    return until_ms


def _changed_hours(files: DateFiles, resume: Resume) -> list[int] | None:
    """Return the settled hours that are new or have grown; None when one is gone, and nothing can be said."""
    now = files.settled_tags(resume.until_ms)
    if not resume.tags.keys() <= now.keys():
        return None
    return [int(hour_ms) for hour_ms, tag in now.items() if resume.tags.get(hour_ms) != tag]


def _grown(columns: PositionColumns, stored: HourlyTable, hour_ms: int) -> set[str]:
    """Return the trucks that have more positions in an hour than were counted."""
    counts = np.bincount(columns.truck, minlength=len(columns.trucks)).tolist()
    hour = stored.select(from_ms=hour_ms, to_ms=hour_ms + 1)
    before = dict(zip(hour.truck_id, hour.coordinates_count.tolist(), strict=True))
    return {name for name, count in zip(columns.trucks, counts, strict=True) if count != before.get(name, 0)}
