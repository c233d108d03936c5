"""Instants: ISO 8601 text to integer milliseconds since 1970-01-01T00:00:00Z, and back.

Accepted: a date, `T`, `t` or one space, a time and an offset (`Z`, `z`, `+HH`, `+HH:MM`, `+HHMM`); seconds
may be left out, a fraction of a second may have any length and either mark; extended (2024-01-15T10:30:00Z)
or basic (20240115T103000Z) throughout. Refused: no offset, leap seconds, 24:00, week and ordinal dates,
digits other than ASCII, anything outside the years 1 to 9999 UTC. The grammar is our own, so every Python
version agrees.

The two commonest forms are remembered per second in small bounded tables, because a fleet repeats them.
"""

import re
from datetime import date
from typing import Final

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000

_MINUTE_MS: Final = 60_000
_MEMO_SIZE: Final = 8_192  # about 1 MB per table, more seconds than any batch spans
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_FIRST_MS: Final = (1 - _EPOCH_DAY) * DAY_MS
_END_MS: Final = (date.max.toordinal() + 1 - _EPOCH_DAY) * DAY_MS
_DAYS_IN_400_YEARS: Final = 146_097
_SHOWN: Final = 40  # characters of a bad value worth repeating

_OFFSET = r"(?P<offset>[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?"
_EXTENDED = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?" + _OFFSET
)
_BASIC = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})[Tt ]([0-9]{2})([0-9]{2})(?:([0-9]{2})(?:[.,]([0-9]+))?)?" + _OFFSET
)

MILLIS_MS: Final = {f"{ms:03d}Z": ms for ms in range(1000)}
"""What may follow a key of `SECONDS_MS` in an instant of 24 characters."""

SECONDS_MS: Final[dict[str, int]] = {}
"""Seconds seen lately: `2024-01-15T10:30:00.` (only this form) to ms. For reading only."""

_whole: dict[str, int] = {}  # "2024-01-15T10:30:00Z" -> ms
_minute_text: dict[int, str] = {}  # minutes since the epoch -> "2024-01-15T10:30:"


def parse_instant(text: str) -> int:
    """Return the milliseconds since the epoch; finer digits are cut off (floor, also before 1970).

    Raises:
        ValueError: the text breaks a rule; the message is that rule, in words for whoever sent it.

    >>> parse_instant("2024-01-15T11:30:00.0019+01:00")
    1705314600001
    """
    try:
        return SECONDS_MS[text[:20]] + MILLIS_MS[text[20:]]
    except KeyError:
        return _not_remembered(text)


def format_instant(ms: int) -> str:
    """Return the instant as `2024-01-15T10:30:00.000Z`.

    Raises:
        ValueError: before year 1 or after year 9999.
    """
    minute, rest = divmod(ms, _MINUTE_MS)
    text = _minute_text.get(minute)
    if text is None:
        day, minute_of_day = divmod(minute, 1440)
        text = f"{date_of(day * DAY_MS)}T{minute_of_day // 60:02d}:{minute_of_day % 60:02d}:"
        if len(_minute_text) >= _MEMO_SIZE:
            _minute_text.clear()
        _minute_text[minute] = text
    return f"{text}{rest // 1000:02d}.{rest % 1000:03d}Z"


def hour_of(ms: int) -> int:
    """Return the start of the UTC clock hour that holds the instant."""
    return ms - ms % HOUR_MS


def format_hour(ms: int) -> str:
    """Return the start of the instant's UTC hour as `2024-01-15T10:00:00Z`."""
    return format_instant(hour_of(ms))[:19] + "Z"


def date_of(ms: int) -> str:
    """Return the instant's UTC date as `2024-01-15`.

    Raises:
        ValueError: before year 1 or after year 9999.
    """
    if not _FIRST_MS <= ms < _END_MS:
        raise ValueError("not within the years 1 to 9999 (UTC)")
    return date.fromordinal(ms // DAY_MS + _EPOCH_DAY).isoformat()


def _not_remembered(text: str) -> int:
    if len(text) == 20:
        known = _whole.get(text)
        if known is None:
            known = _read(text)
            _remember(_whole, text, known)
        return known
    at = _read(text)
    if len(text) == 24 and text[19] == "." and text[20:] in MILLIS_MS:  # no other accepted form looks so
        _remember(SECONDS_MS, text[:20], at - MILLIS_MS[text[20:]])
    return at


def _remember(memo: dict[str, int], key: str, ms: int) -> None:
    if len(memo) >= _MEMO_SIZE:
        memo.clear()
    memo[key] = ms


def _read(text: str) -> int:
    """Read any accepted form, without the memos."""
    match = _EXTENDED.fullmatch(text) or _BASIC.fullmatch(text)
    if match is None:
        raise ValueError(f"{_shown(text)} is not an ISO 8601 instant like 2024-01-15T10:30:00.000Z")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if offset is None:
        raise ValueError(f"{_shown(text)} has no UTC offset; add Z or +HH:MM")
    minutes = _day_number(text, int(year), int(month), int(day)) * 1440
    minutes += _clock_minutes(text, int(hour), int(minute)) - _offset_minutes(text, offset)
    seconds = int(second or 0)
    if seconds > 59:
        raise ValueError(f"{_shown(text)}: seconds run from 00 to 59 (no leap seconds)")
    millis = int(fraction[:3].ljust(3, "0")) if fraction else 0
    at = minutes * _MINUTE_MS + seconds * 1000 + millis
    if not _FIRST_MS <= at < _END_MS:
        raise ValueError(f"{_shown(text)} is not within the years 1 to 9999 (UTC)")
    return at


def _day_number(text: str, year: int, month: int, day: int) -> int:
    """Return the days since the epoch. Year 0 exists here: its last hours may be year 1 in UTC."""
    try:
        if year == 0:
            return date(400, month, day).toordinal() - _DAYS_IN_400_YEARS - _EPOCH_DAY
        return date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        raise ValueError(f"{_shown(text)} names a day that does not exist") from None


def _clock_minutes(text: str, hour: int, minute: int) -> int:
    if hour > 23 or minute > 59:
        raise ValueError(f"{_shown(text)}: the time of day runs from 00:00 to 23:59")
    return hour * 60 + minute


def _offset_minutes(text: str, offset: str) -> int:
    if offset in "Zz":
        return 0
    hours, minutes = int(offset[1:3]), int(offset[-2:]) if len(offset) > 3 else 0
    if hours > 23 or minutes > 59:
        raise ValueError(f"{_shown(text)}: the UTC offset runs to 23:59")
    return -(hours * 60 + minutes) if offset[0] == "-" else hours * 60 + minutes


def _shown(text: str) -> str:
    """Quote the value, shortened, on one line, in ASCII."""
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
