"""Compaction: the small files of closed hours become one settled file per event hour.

A settled hour holds the winner of every identity among all rows of that hour, also of files that must stay
because another of their hours is open; so a reader gets the same answer whichever of the files it sees.
What was delivered twice or late is counted first, then settled files are published, then the merged ones removed: an
interruption anywhere leaves duplicates, never gaps, and the next run finishes the work. The newest date and hour come
first, because they tell what is late in earlier ones. Memory: a date's compressed live files and the rows of one hour.
"""

from collections.abc import Callable

import msgspec

from truckstream.consumers.archive_keys import day_ms, deliveries_key, settled_hour_ms, settled_key
from truckstream.consumers.deliveries import DateCounts, date_firsts, read_counts
from truckstream.consumers.history import by_date, read_date
from truckstream.core.instants import DAY_MS, HOUR_MS, date_of
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
    live_dates = [
        date for date, files in by_date(archive).items() if any(settled_hour_ms(file.key) is None for file in files)
    ]
    for place, date in enumerate(reversed(live_dates), 1):  # the newest first
        _compact_date(archive, format, date, clock_ms, done)
        if progress is not None:
            progress(date, place, len(live_dates))
    return done


def _compact_date(
    archive: ArchiveStore, format: ArchiveFormat, date: str, clock_ms: int | None, done: Compacted
) -> None:
    files = read_date(archive, format, date, settled_later=True)
    merged = [file for file in files.live if all(is_closed(hour, clock_ms) for hour in file.hours_ms)]
    if not merged:
        return
    settling = {hour for file in merged for hour in file.hours_ms}
    # The next date is looked at after this date's files: what came before any of their rows is there.
    next_date = date_firsts(archive, format, date_of(day_ms(date) + DAY_MS))
    counts = DateCounts(files, read_counts(archive, date), next_date)
    for hour_ms in counts.hours_ms:
        if hour_ms < min(settling):
            break
        hour = files.rows(hour_ms) if hour_ms in files.live_hours_ms else None
        if counts.back_to(hour_ms, hour, count=hour_ms in settling):
            archive.put(deliveries_key(date), counts.encoded())
        if hour is not None and hour_ms in settling:
            rows = hour.rows.settled()
            del hour  # the hour of a large fleet is in memory once
            data = format.write_settled(rows)
            if data != files.settled_data(hour_ms):
                archive.put(settled_key(date, hour_ms), data)
                done.hours_written += 1
    archive.delete([file.key for file in merged])
    done.files_merged += len(merged)
