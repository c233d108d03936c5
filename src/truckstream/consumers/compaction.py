"""Compaction: the small files of closed hours become one settled file per event hour.

A settled hour holds the winner of every identity among all rows of that hour, also of files that must stay
because another of their hours is open; so a reader gets the same answer whichever of the files it sees.
Settled files are published first, then the merged ones removed: an interruption anywhere leaves duplicates,
never gaps, and the next run finishes the work. Memory: a date's compressed files and the rows of one hour.
"""

from collections.abc import Callable

import msgspec

from truckstream.consumers.archive_keys import POSITIONS, date_in, settled_hour_ms, settled_key
from truckstream.consumers.history import DateFiles, read_date
from truckstream.core.instants import HOUR_MS
from truckstream.ports import ArchiveFormat, ArchiveStore

CLOSES_AFTER_MS = 300_000
"""An hour is closed this long after its end."""


class Compacted(msgspec.Struct):
    """What a run did: files merged and removed, hours written anew."""

    files_merged: int = 0
    hours_written: int = 0


type Progress = Callable[[str, int, int], None]
"""Called with the date just done, how many dates with live files are done, and how many there are."""


def is_closed(hour_ms: int, clock_ms: int | None) -> bool:
    """Return whether an hour is closed (and final) at a stream arrival time; None closes everything."""
    return clock_ms is None or hour_ms + HOUR_MS + CLOSES_AFTER_MS <= clock_ms


def compact(
    archive: ArchiveStore,
    format: ArchiveFormat,
    *,
    clock_ms: int | None,
    progress: Progress | None = None,
) -> Compacted:
    """Merge the files all of whose rows lie in closed hours; only one compaction may run at a time.

    Args:
        clock_ms: the newest stream arrival time; None takes every hour as closed.

    Raises whatever the store raises; running again continues.
    """
    done = Compacted()
    # One listing tells where there is something to merge: years of settled dates cost no call each, every hour.
    live_dates = sorted(
        {date for file in archive.list(POSITIONS) if settled_hour_ms(file.key) is None and (date := date_in(file.key))}
    )
    for place, date in enumerate(live_dates, 1):
        _compact_date(archive, format, read_date(archive, format, date, settled_later=True), clock_ms, done)
        if progress is not None:
            progress(date, place, len(live_dates))
    return done


def _compact_date(
    archive: ArchiveStore, format: ArchiveFormat, files: DateFiles, clock_ms: int | None, done: Compacted
) -> None:
    merged = [file for file in files.live if all(is_closed(hour, clock_ms) for hour in file.hours_ms)]
    for hour_ms in sorted({hour for file in merged for hour in file.hours_ms}):
        data = format.write_settled(files.hour(hour_ms))
        if data != files.settled_data(hour_ms):
            date = date_in(merged[0].key)
            assert date is not None
            archive.put(settled_key(date, hour_ms), data)
            done.hours_written += 1
    archive.delete([file.key for file in merged])
    done.files_merged += len(merged)
