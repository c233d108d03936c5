"""Every report as data: one method for each, the same for JSON answers and exported files."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from truckstream.core.errors import InvalidInput
from truckstream.core.instants import format_instant
from truckstream.reports import answers, overview
from truckstream.reports.hours import Hours, HourStore
from truckstream.reports.period import Period, local_date, zone_names, zone_of
from truckstream.reports.rows import HourlyRows, ListRows, Rows
from truckstream.reports.sources import ReportSources
from truckstream.reports.travel import Travel, stop_row, trip_row, visit_row


class Filter(msgspec.Struct, frozen=True):
    """What a report is about: a period, and the trucks; None is all."""

    period: Period
    trucks: frozenset[str] | None = None


class Reader:
    """Answers reports; any number of threads may ask at once."""

    def __init__(self, sources: ReportSources, clock: Callable[[], int]) -> None:
        self.sources = sources
        self.clock = clock
        self.hours = HourStore(sources)
        self.travel = Travel(sources, self.hours)

    def range(self, tz: str) -> answers.Range:
        """Return what there is to report on."""
        zone = zone_of(tz)
        extent = self.hours.extent()
        first, last, trucks = extent if extent is not None else (None, None, [])
        return answers.Range(
            first=None if first is None else local_date(first, zone).isoformat(),
            last=None if last is None else local_date(last, zone).isoformat(),
            tz=tz,
            trucks=trucks,
            zones=sorted(zone_names()),
            generated_at=format_instant(self.clock()),
        )

    def fleet(self, wanted: Filter) -> answers.Fleet:
        """Return the overview of a period, with the one before."""
        look = self._look(wanted)
        counted = self.travel.counted(look.hours, wanted.period, wanted.trucks)
        heatmap, notes = overview.heat_map(look.hours, wanted.period)
        previous, told = self._previous(wanted)
        notes += [*told, *_uncounted(counted)]
        return answers.Fleet(
            **self.base(wanted.period, look, notes),
            totals=overview.totals(look.hours, counted),
            previous=previous,
            days=overview.day_totals(look.hours, look.around, wanted.period.days),
            hours=overview.hour_totals(look.hours, wanted.period),
            trucks=overview.truck_totals(look.hours, counted),
            heatmap=heatmap,
            speeds=overview.speeds(look.hours),
        )

    def compare(self, wanted: Filter, other: Period) -> answers.Comparison:
        """Return two periods side by side."""
        sides, tables, looks, uncounted = [], [], [], []
        for each in (wanted, Filter(other, wanted.trucks)):
            look = self._look(each)
            counted = self.travel.counted(look.hours, each.period, each.trucks)
            looks.append(look)
            uncounted += _uncounted(counted)
            tables.append({row.truck_id: row for row in overview.truck_totals(look.hours, counted)})
            sides.append(
                answers.Compared(
                    from_=format_instant(each.period.from_ms),
                    to=format_instant(each.period.to_ms),
                    totals=overview.totals(look.hours, counted),
                    days=overview.day_totals(look.hours, look.around, each.period.days),
                    speeds=overview.speeds(look.hours),
                )
            )
        notes = [*uncounted[:1], *(f"Compared period: {note}" for note in (*looks[1].missing, *other.notes()))]
        base = self.base(wanted.period, looks[0], notes)
        if looks[1].missing:
            base["complete"] = msgspec.structs.replace(base["complete"], ok=False)
        now, then = tables
        return answers.Comparison(
            **base,
            now=sides[0],
            then=sides[1],
            trucks=[
                answers.TruckChange(truck_id=name, now=now.get(name), then=then.get(name))
                for name in sorted({*now, *then})
            ],
        )

    def hourly(self, wanted: Filter) -> tuple["Look", Rows[answers.HourlyRow]]:
        """Return the hourly table by truck and hour."""
        look = self._look(wanted)
        return look, HourlyRows(look.hours, wanted.period)

    def trips(self, wanted: Filter) -> tuple["Look", Rows[answers.TripRow]]:
        """Return the trips that overlap the period, by truck and time."""
        look = self._look(wanted)
        self.travel.check_size(look.hours)
        found = [each for each in self.travel.segments(wanted.period, wanted.trucks) if each.kind == "trip"]
        return look, ListRows([trip_row(each, wanted.period) for each in found], ("truck_id", "start"))

    def stops(self, wanted: Filter) -> tuple["Look", Rows[answers.StopRow]]:
        """Return the stops that overlap the period, by truck and time."""
        look = self._look(wanted)
        self.travel.check_size(look.hours)
        found = [each for each in self.travel.segments(wanted.period, wanted.trucks) if each.kind == "stop"]
        return look, ListRows([stop_row(each, wanted.period) for each in found], ("truck_id", "start"))

    def visits(self, wanted: Filter, geofence_id: str | None = None) -> tuple["Look", Rows[answers.VisitRow]]:
        """Return the geofence visits that overlap the period, by arrival."""
        look = self._look(wanted)
        self.travel.check_size(look.hours)
        found, names = self.travel.stays(wanted.period, wanted.trucks)
        chosen = [each for each in found if geofence_id in (None, each.geofence_id)]
        return look, ListRows(
            [visit_row(each, names, wanted.period) for each in chosen], ("arrive", "truck_id", "geofence_id")
        )

    def route(self, wanted: Filter, truck_id: str, limit: int) -> answers.Route:
        """Return where one truck went."""
        look = self._look(Filter(wanted.period, frozenset({truck_id})))
        self.travel.check_size(look.hours)
        rows, every = self.travel.route(wanted.period, truck_id, limit)
        notes = [f"Every {every}th position is shown."] if every > 1 else []
        return answers.Route(
            **self.base(wanted.period, look, notes),
            truck_id=truck_id,
            fields=["timestamp_ms", "latitude", "longitude", "speed_kmh"],
            rows=rows,
            every=every,
        )

    def base(self, period: Period, look: "Look", notes: Sequence[str] = ()) -> dict[str, Any]:
        """Return what every answer repeats."""
        told = [*look.missing, *notes, *period.notes()]
        return {
            "from_": format_instant(period.from_ms),
            "to": format_instant(period.to_ms),
            "tz": period.tz,
            "generated_at": format_instant(self.clock()),
            "complete": answers.Complete(not look.missing, told),
        }

    def look(self, wanted: Filter) -> "Look":
        """Return the hours of the filter, and what is missing of them."""
        return self._look(wanted)

    def _look(self, wanted: Filter) -> "Look":
        period = wanted.period
        around, missing = self.hours.read(period.from_ms, period.to_ms)
        if wanted.trucks is not None:
            around = around.select(-(2**62), 2**62, wanted.trucks)
        hours = around.select(period.from_ms, period.to_ms)
        return Look(hours, around, [*missing, *_missing(hours, period)])

    def _previous(self, wanted: Filter) -> tuple[answers.PreviousTotals | None, list[str]]:
        """Return the totals of the period before, and why there are none where there should be some."""
        period = wanted.period.before()
        if period.from_ms < 0:
            return None, []
        try:
            look = self._look(Filter(period, wanted.trucks))
        except InvalidInput:  # of the two periods the one that was asked for fits
            return None, ["There is no comparison: the period before holds too many hours of trucks."]
        if not len(look.hours):
            return None, []
        counted = self.travel.counted(look.hours, period, wanted.trucks)
        totals = answers.PreviousTotals(
            **msgspec.structs.asdict(overview.totals(look.hours, counted)),
            from_=format_instant(period.from_ms),
            to=format_instant(period.to_ms),
            days=overview.day_totals(look.hours, look.around, period.days),
        )
        return totals, []


class Look(NamedTuple):
    """The hours of a filter; `around`: also those of the dates next to them. `missing`: why they are not all."""

    hours: Hours
    around: Hours
    missing: list[str]


def _uncounted(counted: overview.Counted | None) -> list[str]:
    """Return why trips and stops are not counted, where they are not."""
    if counted is not None:
        return []
    return ["Trips and stops are not counted for so many positions: choose fewer trucks or a shorter period."]


def _missing(hours: Hours, period: Period) -> list[str]:
    """Return why a period's figures are not all there will be."""
    if not len(overview.hour_starts(period)):
        return ["No clock hour begins in this period: it has no sums, whatever positions there are."]
    if not len(hours):
        return ["There are no positions in this period."]
    notes = []
    places = set(overview.day_places(hours.hour_ms, period.days).tolist())
    empty = [day.date for place, day in enumerate(period.days) if place not in places and day.hours]
    if empty:
        notes.append(f"No positions on {', '.join(empty[:5])}{', ...' if len(empty) > 5 else ''}.")
    still_open = hours.hour_ms[~hours.final]
    if len(still_open):
        notes.append(f"Hours from {period.minute(int(still_open.min()))} on are still open and may grow.")
    return notes
