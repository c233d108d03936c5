"""Data quality: what is missing, what came twice or late, what was set aside.

Gaps come from the hourly statistics, duplicates and late positions from `consumers.deliveries`, where compaction keeps
what it counted. Hours that were compacted without having been counted are not known, and the answer says so. Rejected
records count by their arrival.
"""

from collections import Counter
from typing import Final, NamedTuple

import numpy as np

from truckstream.consumers.archive_keys import settled_hour_ms
from truckstream.consumers.deliveries import count_deliveries
from truckstream.consumers.history import by_date, dates, read_date
from truckstream.core.instants import DAY_MS, date_of, format_instant
from truckstream.core.pairs import GAP_MS
from truckstream.core.reasons import count_kinds
from truckstream.reports import answers
from truckstream.reports.hours import Int64
from truckstream.reports.overview import day_places, gap_minutes, rounded, sums
from truckstream.reports.period import Period
from truckstream.reports.reader import Filter, Look, Reader

GAPS_SHOWN: Final = 1_000
_LIVE_BYTES: Final = 64 * 1024 * 1024
_INNER_POSITIONS: Final = 3_000_000
_REASONS_SHOWN: Final = 50

type Counts = dict[tuple[str, int], int]


class Received(NamedTuple):
    """How often positions came twice and late, by truck and UTC hour.

    `uncounted`: the hours of which that is not known, and `unknown` says why; `known` False: of none it is.
    """

    duplicates: Counts
    late: Counts
    known: bool
    uncounted: frozenset[int]
    unknown: str | None

    def known_at(self, places: Int64, hour_ms: Int64, count: int) -> list[bool]:
        """Return for each place (a day, a truck) whether some hour of it is known; it is where there are no hours."""
        if not self.known:
            return [False] * count
        counted = ~np.isin(hour_ms, np.array(sorted(self.uncounted), np.int64))
        some, none = sums(places, counted, count) > 0, np.bincount(places, minlength=count) == 0
        known: list[bool] = (some | none).tolist()
        return known


def quality(reader: Reader, wanted: Filter) -> answers.Quality:
    """Return the quality of a period's data."""
    period, look = wanted.period, reader.look(wanted)
    received = reader.travel.remembered("received", period, wanted.trucks, lambda: _received(reader, wanted, look))
    rejected = _rejected(reader, wanted)
    gaps, all_listed = gap_rows(reader, wanted, look)
    notes = []
    if received.unknown is not None:
        notes.append(received.unknown)
    if not all_listed:
        notes.append("Gaps within an hour are counted, but not listed one by one, for so many positions.")
    if len(gaps) > GAPS_SHOWN:
        notes.append(f"The {GAPS_SHOWN:,} longest of {len(gaps):,} gaps are listed; an export holds all of them.")
    days = _days(look, period, received, rejected)
    return answers.Quality(
        **reader.base(period, look, notes),
        totals=_totals(days, received),
        days=days,
        trucks=_trucks(look, period, received, rejected),
        gaps=sorted(gaps, key=lambda gap: -gap.minutes)[:GAPS_SHOWN],
        reasons=_reasons(rejected),
    )


def gap_rows(reader: Reader, wanted: Filter, look: Look) -> tuple[list[answers.GapRow], bool]:
    """Return the gaps that overlap the period by truck and time, and whether those within an hour are among them."""
    period = wanted.period
    truck, begin, end = look.around.silences()
    found = [
        (look.around.trucks[code], begin_ms, end_ms)
        for code, begin_ms, end_ms in zip(truck.tolist(), begin.tolist(), end.tolist(), strict=True)
        if end_ms > period.from_ms and begin_ms < period.to_ms
    ]
    broken = look.hours.take(look.hours.gap_count > 0)
    all_listed = int(broken.coordinates_count.sum()) <= _INNER_POSITIONS
    if len(broken) and all_listed:
        inner = reader.travel.remembered("gaps", period, wanted.trucks, lambda: _inner_gaps(reader, look, period))
        found += inner
    rows = [
        answers.GapRow(
            truck_id=name,
            start=format_instant(begin_ms),
            start_local=period.local(begin_ms),
            end=format_instant(end_ms),
            end_local=period.local(end_ms),
            minutes=rounded((end_ms - begin_ms) / 60_000, 4),
        )
        for name, begin_ms, end_ms in sorted(found)
    ]
    return rows, all_listed


def _inner_gaps(reader: Reader, look: Look, period: Period) -> list[tuple[str, int, int]]:
    """Return the gaps within hours, from the positions of just those hours and trucks."""
    broken = look.hours.take(look.hours.gap_count > 0)
    wanted: dict[int, set[str]] = {}
    for code, hour_ms in zip(broken.truck.tolist(), broken.hour_ms.tolist(), strict=True):
        wanted.setdefault(hour_ms, set()).add(broken.trucks[code])
    found = []
    source = reader.sources
    for date in dates(source.archive):
        hours_ms = [hour_ms for hour_ms in wanted if date_of(hour_ms) == date]
        if not hours_ms:
            continue
        files = read_date(source.archive, source.format, date)
        for hour_ms in sorted(hours_ms):
            columns = files.hour(hour_ms, wanted[hour_ms])
            silence = np.diff(columns.timestamp_ms)
            places = np.flatnonzero((silence > GAP_MS) & (columns.truck[1:] == columns.truck[:-1]))
            for place in places.tolist():
                name = columns.trucks[columns.truck[place]]
                found.append((name, int(columns.timestamp_ms[place]), int(columns.timestamp_ms[place + 1])))
    return [(name, begin, end) for name, begin, end in found if end > period.from_ms and begin < period.to_ms]


def _received(reader: Reader, wanted: Filter, look: Look) -> Received:
    """Return what came twice and late in the hours that begin in the period."""
    period, source, listed = wanted.period, reader.sources, by_date(reader.sources.archive)
    first, last = date_of(period.from_ms), date_of(period.to_ms - 1)
    live = sum(
        file.size
        for date, files in listed.items()
        if first <= date <= date_of(period.to_ms - 1 + DAY_MS)
        for file in files
        if settled_hour_ms(file.key) is None
    )
    if live > _LIVE_BYTES:
        why = "Duplicates and late positions are not known: too much is not compacted yet."
        return Received({}, {}, known=False, uncounted=frozenset(look.hours.hour_ms.tolist()), unknown=why)
    counts = count_deliveries(source.archive, source.format, first, last, wanted.trucks, listed=listed)
    duplicates: Counts = {}
    late: Counts = {}
    for hour_ms, hour in counts.items():
        if period.from_ms <= hour_ms < period.to_ms:
            for found, of_trucks in ((duplicates, hour.duplicates), (late, hour.late)):
                for name, count in of_trucks.items():
                    if wanted.trucks is None or name in wanted.trucks:
                        found[name, hour_ms] = count
    missing = set(look.hours.hour_ms.tolist()) - counts.keys()
    known = not missing or any(hour_ms in counts for hour_ms in look.hours.hour_ms.tolist())
    unknown = None
    if missing:
        many = f"of {len(missing):,} hours from {period.minute(min(missing))} on"
        of = "of these hours" if not known else many if len(missing) > 1 else "of an hour"
        unknown = f"Duplicates and late positions {of} are not known: compacted before they were counted."
    return Received(duplicates, late, known, frozenset(missing), unknown)


class _Rejected(NamedTuple):
    truck_id: str
    arrival_ms: int
    reason: str


def _rejected(reader: Reader, wanted: Filter) -> list[_Rejected]:
    period = wanted.period
    return [
        _Rejected(record.partition_key, record.arrival_ms, record.reason)
        for record in reader.sources.rejected.list(from_ms=period.from_ms, to_ms=period.to_ms)
        if wanted.trucks is None or record.partition_key in wanted.trucks
    ]


def _counts(places: Int64, count: int) -> list[int]:
    found: list[int] = np.bincount(places, minlength=count).tolist()
    return found


def _days(look: Look, period: Period, received: Received, rejected: list[_Rejected]) -> list[answers.DayQuality]:
    days, hours = period.days, look.hours
    count = len(days)
    place = day_places(hours.hour_ms, days)
    positions = sums(place, hours.coordinates_count, count).astype(int).tolist()
    inner = sums(place, hours.gap_count, count).astype(int)
    end = look.around.silences()[2]
    ends_here = (end > period.from_ms) & (end <= period.to_ms)
    gaps = (inner + np.array(_counts(day_places(end[ends_here] - 1, days), count))).tolist()
    minutes = gap_minutes(hours, look.around, days).tolist()
    of_day = [
        sums(day_places(np.array(list(instants), np.int64), days), np.array(list(weights)), count).astype(int).tolist()
        for instants, weights in (
            ([hour_ms for _, hour_ms in received.duplicates], received.duplicates.values()),
            ([hour_ms for _, hour_ms in received.late], received.late.values()),
            ([each.arrival_ms for each in rejected], [1] * len(rejected)),
        )
    ]
    known = received.known_at(place, hours.hour_ms, count)
    return [
        answers.DayQuality(
            date=day.date,
            hours=day.hours,
            positions=positions[at],
            gaps=gaps[at],
            # A day without any position has silences too, where they are known: the days add up to the trucks.
            gap_minutes=rounded(minutes[at], 4) if positions[at] or minutes[at] else None,
            duplicates=of_day[0][at] if known[at] else None,
            late=of_day[1][at] if known[at] else None,
            rejected=of_day[2][at],
        )
        for at, day in enumerate(days)
    ]


def _totals(days: list[answers.DayQuality], received: Received) -> answers.QualityCounts:
    return answers.QualityCounts(
        positions=sum(day.positions for day in days),
        gaps=sum(day.gaps for day in days),
        gap_minutes=rounded(sum(day.gap_minutes or 0.0 for day in days), 4),
        duplicates=sum(received.duplicates.values()) if received.known else None,
        late=sum(received.late.values()) if received.known else None,
        rejected=sum(day.rejected or 0 for day in days),
    )


def _trucks(look: Look, period: Period, received: Received, rejected: list[_Rejected]) -> list[answers.TruckQuality]:
    hours, around = look.hours, look.around
    count = len(hours.trucks)
    positions = sums(hours.truck, hours.coordinates_count, count)
    gaps = sums(hours.truck, hours.gap_count, count)
    minutes = sums(hours.truck, hours.gap_time_minutes, count)
    truck, begin, end = around.silences()
    clipped = np.clip(np.minimum(end, period.to_ms) - np.maximum(begin, period.from_ms), 0, None)
    minutes += sums(truck, clipped / 60_000, count)
    gaps += sums(truck, (end > period.from_ms) & (end <= period.to_ms), count)
    known = received.known_at(hours.truck, hours.hour_ms, count)
    listed = sorted({*hours.present().tolist(), *truck[clipped > 0].tolist()})
    found: dict[str, list[int]] = {hours.trucks[code]: [0, 0, 0] for code in listed}
    for column, counted in enumerate(
        (
            [(name, many) for (name, _), many in received.duplicates.items()],
            [(name, many) for (name, _), many in received.late.items()],
            [(each.truck_id, 1) for each in rejected],
        )
    ):
        for name, many in counted:
            if name in found:
                found[name][column] += many
    code_of = {name: code for code, name in enumerate(hours.trucks)}
    return [
        answers.TruckQuality(
            truck_id=name,
            positions=int(positions[code_of[name]]),
            gaps=int(gaps[code_of[name]]),
            gap_minutes=rounded(minutes[code_of[name]], 4),
            duplicates=twice if known[code_of[name]] else None,
            late=late if known[code_of[name]] else None,
            rejected=aside,
        )
        for name, (twice, late, aside) in found.items()
    ]


def _reasons(rejected: list[_Rejected]) -> list[answers.ReasonCount]:
    kinds = count_kinds(Counter(each.reason for each in rejected).items())
    most = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))[:_REASONS_SHOWN]
    return [answers.ReasonCount(reason=reason, count=count) for reason, count in most]
