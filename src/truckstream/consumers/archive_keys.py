"""What the archive's files are called. Names say what is inside, so nothing else has to be remembered.

    positions/date=2024-01-15/{shard}-{first}-{last}.parquet   one batch of one shard, as received ("live")
    positions/date=2024-01-15/h10.parquet                      one closed UTC hour, compacted ("settled")
    positions/date=2024-01-15/_deliveries.bin                  what came twice or late in the compacted hours
    hourly/date=2024-01-15/hourly.parquet                      hourly statistics of one date

Dates are event dates, UTC. Sequence numbers have 56 digits, so names sort as the numbers do. Readers of such folders,
Athena too, take files whose names begin with `_` for none of theirs.
"""

import re

from truckstream.core.instants import DAY_MS, HOUR_MS, parse_instant

POSITIONS = "positions/"
HOURLY = "hourly/"

_DATE = re.compile(r"^(?:positions|hourly)/date=(\d{4}-\d\d-\d\d)/[^/]+\.parquet$")
_SETTLED = re.compile(r"/h(\d\d)\.parquet$")
_LIVE = re.compile(r"/[^/]+-\d{56}-\d{56}\.parquet$")


def live_key(date: str, shard_id: str, first_sequence: int, last_sequence: int) -> str:
    """Return the key of one batch's positions of one date; a retried batch gets the same one."""
    return f"{POSITIONS}date={date}/{shard_id}-{first_sequence:056d}-{last_sequence:056d}.parquet"


def settled_key(date: str, hour_ms: int) -> str:
    """Return the key of a compacted hour."""
    return f"{POSITIONS}date={date}/h{hour_ms % DAY_MS // HOUR_MS:02d}.parquet"


def deliveries_key(date: str) -> str:
    """Return the key of what compaction has counted of a date, see `consumers.deliveries`."""
    return f"{POSITIONS}date={date}/_deliveries.bin"


def hourly_key(date: str) -> str:
    """Return the key of a date's hourly statistics."""
    return f"{HOURLY}date={date}/hourly.parquet"


def date_in(key: str) -> str | None:
    """Return the date a key belongs to; None when it is no file of the archive."""
    match = _DATE.match(key)
    return match and match[1]


def settled_hour_ms(key: str) -> int | None:
    """Return the start of the hour a compacted file holds; None for a live file."""
    date, hour = date_in(key), _SETTLED.search(key)
    return day_ms(date) + int(hour[1]) * HOUR_MS if date and hour else None


def is_batch(key: str) -> bool:
    """Return whether a file is named as the archive consumer names a batch; else it is somebody's, a copy perhaps."""
    return _LIVE.search(key) is not None


def day_ms(date: str) -> int:
    """Return the first instant of a UTC date."""
    return parse_instant(f"{date}T00:00:00Z")
