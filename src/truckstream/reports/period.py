"""The period of a report: local days of a named time zone, as long as they really are.

A day lasts from its first instant to the next day's: 23 or 25 hours at daylight-saving changes, 24.5 on Lord Howe,
none where a zone skipped a day. Statistics are kept by UTC clock hour; in a zone that is not a whole number of hours
from UTC such an hour begins at half past (or a quarter) and belongs to the local day in which it begins.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from truckstream.core.errors import InvalidInput
from truckstream.core.instants import HOUR_MS, parse_instant

LONGEST_DAYS: Final = 400
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Day(NamedTuple):
    """One local day, or the part of it that is in the period: `from_ms <= t < to_ms`."""

    date: str
    from_ms: int
    to_ms: int

    @property
    def hours(self) -> float:
        """How long it lasts; a whole number nearly always."""
        hours = (self.to_ms - self.from_ms) / HOUR_MS
        return int(hours) if hours.is_integer() else hours


class Period(NamedTuple):
    """`from_ms <= t < to_ms`, in a zone."""

    from_ms: int
    to_ms: int
    tz: str
    zone: ZoneInfo
    days: Sequence[Day]
    by_dates: bool

    def local(self, ms: int) -> str:
        """Return an instant as local time with its offset: `2024-03-31T03:00:00+02:00`."""
        return local_text(ms, self.zone)

    def minute(self, ms: int) -> str:
        """Return an instant as people read it: `2024-03-31 03:00`, local time."""
        return datetime.fromtimestamp(ms // 1000, self.zone).strftime("%Y-%m-%d %H:%M")

    def before(self) -> "Period":
        """Return the period just before: as many local days, or as many hours where instants were given."""
        if not self.by_dates:
            span_ms = self.to_ms - self.from_ms
            return _period(self.from_ms - span_ms, self.from_ms, self.tz, self.zone, by_dates=False)
        first = date.fromisoformat(self.days[0].date)
        from_ms = day_start_ms(first - timedelta(days=len(self.days)), self.zone)
        return _period(from_ms, self.from_ms, self.tz, self.zone, by_dates=True)

    def notes(self) -> list[str]:
        """Return what a reader should know of these days."""
        notes = []
        odd = [day for day in self.days if self.by_dates and day.hours != 24]
        if odd:
            told = ", ".join(f"{day.date} has {day.hours:g} hours" for day in odd[:4])
            notes.append(f"The clock changes in {self.tz}: {told}.")
        minutes = {round(_offset_s(ms, self.zone) / 60) % 60 for ms in (self.from_ms, self.to_ms - 1)} - {0}
        if minutes:
            past = " or ".join(str(each) for each in sorted(minutes))
            notes.append(
                f"Hours are UTC clock hours: in {self.tz} they begin {past} minutes past, "
                "and each counts to the day in which it begins."
            )
        if not self.by_dates and (self.from_ms % HOUR_MS or self.to_ms % HOUR_MS):
            notes.append("Sums count whole hours: those that begin in the period.")
        return notes


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all time zones."""
    return frozenset(name for name in available_timezones() if name not in ("localtime", "posixrules", "Factory"))


def zone_of(tz: str) -> ZoneInfo:
    """Return the zone of an IANA name. Raises InvalidInput."""
    if tz not in zone_names():
        raise InvalidInput(f"tz: {tz[:60]!r} is no time zone", hint="Give an IANA name like Europe/Zurich or UTC.")
    return ZoneInfo(tz)


def parse_period(from_text: str, to_text: str, tz: str) -> Period:
    """Return the period two texts name: dates are local days, both included; instants are as they are.

    Raises InvalidInput naming the parameter.
    """
    zone = zone_of(tz)
    from_ms = _edge_ms("from", from_text, zone, after=0)
    to_ms = _edge_ms("to", to_text, zone, after=1)
    if from_ms >= to_ms:
        raise InvalidInput("to: lies before from", hint="A period goes forward; dates include both days.")
    if to_ms - from_ms > (LONGEST_DAYS + 1) * 24 * HOUR_MS:
        raise InvalidInput(f"to: more than {LONGEST_DAYS} days after from", hint="Ask for a shorter period.")
    by_dates = _DATE.fullmatch(from_text) is not None and _DATE.fullmatch(to_text) is not None
    return _period(from_ms, to_ms, tz, zone, by_dates=by_dates)


def day_start_ms(day: date, zone: ZoneInfo) -> int:
    """Return the first instant of a local day; where midnight is skipped, the one after it."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    # In a gap the offset before it gives the instant of the change itself.
    return round((midnight.astimezone(UTC) - _EPOCH) / timedelta(milliseconds=1))


def local_text(ms: int, zone: ZoneInfo) -> str:
    """Return an instant as local time with its offset."""
    whole = datetime.fromtimestamp(ms // 1000, zone)
    text = whole.isoformat(timespec="seconds")
    return text if ms % 1000 == 0 else f"{text[:19]}.{ms % 1000:03d}{text[19:]}"


def local_date(ms: int, zone: ZoneInfo) -> date:
    """Return the local date of an instant."""
    return datetime.fromtimestamp(ms // 1000, zone).date()


def _period(from_ms: int, to_ms: int, tz: str, zone: ZoneInfo, *, by_dates: bool) -> Period:
    days, at_ms = [], from_ms
    day = local_date(from_ms, zone)
    while at_ms < to_ms:
        following = day + timedelta(days=1)
        end_ms = min(day_start_ms(following, zone), to_ms)
        days.append(Day(day.isoformat(), at_ms, end_ms))
        day, at_ms = following, end_ms
    return Period(from_ms, to_ms, tz, zone, days, by_dates)


def _edge_ms(name: str, text: str, zone: ZoneInfo, *, after: int) -> int:
    try:
        if _DATE.fullmatch(text):
            day = date.fromisoformat(text) + timedelta(days=after)
            ms = day_start_ms(day, zone) if _FIRST_YEAR <= day.year <= _LAST_YEAR else -1
        else:
            # A plus sign of an offset arrives as a blank where the sender did not encode it.
            ms = parse_instant(text.replace(" ", "+") if text[10:11] in ("T", "t") else text)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{name}: {error}", hint="Give a local date like 2024-01-15, or an instant like 2024-01-15T10:30:00Z."
        ) from error
    if not 0 <= ms < 7_258_118_400_000:
        raise InvalidInput(f"{name}: not within the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return ms


def _offset_s(ms: int, zone: ZoneInfo) -> float:
    offset = datetime.fromtimestamp(ms // 1000, zone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
