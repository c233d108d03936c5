"""`/api/v1/reports/...`: the reports as JSON."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter

from truckstream.core.errors import InvalidInput
from truckstream.http.access import need
from truckstream.http.listing import Cursor, Limit, read_cursor, write_cursor
from truckstream.http.problems import problems
from truckstream.reports import answers
from truckstream.reports.period import parse_period
from truckstream.reports.quality import quality
from truckstream.reports.reader import Filter, Look, Reader
from truckstream.reports.rows import Rows
from truckstream.reports.travel import ROUTE_ROWS

_MOST_TRUCKS = 5_000
_EDGE = "a local date (both days included), or an instant like 2024-01-15T10:30:00Z."

Edge = Annotated[str, QueryParameter(name="from", max_length=64, description=f"The period's begin: {_EDGE}")]
End = Annotated[str, QueryParameter(name="to", max_length=64, description=f"The period's end: {_EDGE}")]
OtherEdge = Annotated[str, QueryParameter(name="other_from", max_length=64, description=f"The other begin: {_EDGE}")]
OtherEnd = Annotated[str, QueryParameter(name="other_to", max_length=64, description=f"The other end: {_EDGE}")]
Zone = Annotated[str, QueryParameter(max_length=64, description="Time zone of days and local times: an IANA name.")]
Trucks = Annotated[
    list[str] | None, QueryParameter(description="Only these trucks: repeat it, or put commas between; default all.")
]
Truck = Annotated[str, QueryParameter(min_length=1, max_length=64, description="A truck's id.")]
Geofence = Annotated[str | None, QueryParameter(max_length=200, description="Only visits of this geofence.")]
RouteRows = Annotated[
    int, QueryParameter(name="limit", ge=2, le=200_000, description="Thin the route to about so many positions.")
]


def filter_of(from_: Edge, to: End, tz: Zone, trucks: Trucks = None) -> Filter:
    """Return the filter that a query names. Raises InvalidInput."""
    return Filter(parse_period(from_, to, tz), trucks_of(trucks))


def trucks_of(trucks: list[str] | None) -> frozenset[str] | None:
    """Return the trucks named by a repeated parameter with commas; None for all. Raises InvalidInput."""
    named = frozenset(name for text in trucks or () for name in text.split(",") if name)
    if len(named) > _MOST_TRUCKS:
        raise InvalidInput(f"trucks: more than {_MOST_TRUCKS:,} of them", hint="Leave it out for all trucks.")
    return named or None


def report_router(reader: Reader) -> Router:
    """Return the routes of the reports."""
    asked: dict[str, Any] = {"responses": problems(), "guards": [need("viewer")], "sync_to_thread": True}

    @get("/range", summary="What there is to report on", **asked)
    def range_(tz: Zone = "UTC") -> answers.Range:
        """First and last local date with data, the trucks, and the time zones to choose from."""
        return reader.range(tz)

    @get("/fleet", summary="Fleet overview", **asked)
    def fleet(wanted: NamedDependency[Filter]) -> answers.Fleet:
        """Distance, driving and idle time by day and truck, the heat map, speeds, and the period before."""
        return reader.fleet(wanted)

    @get("/compare", summary="Two periods", **asked)
    def compare(wanted: NamedDependency[Filter], other_from: OtherEdge, other_to: OtherEnd) -> answers.Comparison:
        """The same figures for two periods, and every truck in both."""
        return reader.compare(wanted, parse_period(other_from, other_to, wanted.period.tz))

    @get("/hourly", summary="Hourly statistics", **asked)
    def hourly(wanted: NamedDependency[Filter], limit: Limit = 1000, cursor: Cursor = None) -> answers.HourlyPage:
        """A row per truck and UTC clock hour that begins in the period, by truck and hour."""
        return page(reader, answers.HourlyPage, wanted, reader.hourly(wanted), limit, cursor)

    @get("/trips", summary="Trips", **asked)
    def trips(wanted: NamedDependency[Filter], limit: Limit = 1000, cursor: Cursor = None) -> answers.TripPage:
        """The trips that overlap the period, whole, by truck and time."""
        return page(reader, answers.TripPage, wanted, reader.trips(wanted), limit, cursor)

    @get("/stops", summary="Stops", **asked)
    def stops(wanted: NamedDependency[Filter], limit: Limit = 1000, cursor: Cursor = None) -> answers.StopPage:
        """The stops that overlap the period, whole, by truck and time."""
        return page(reader, answers.StopPage, wanted, reader.stops(wanted), limit, cursor)

    @get("/visits", summary="Geofence visits", **asked)
    def visits(
        wanted: NamedDependency[Filter], geofence: Geofence = None, limit: Limit = 1000, cursor: Cursor = None
    ) -> answers.VisitPage:
        """Stays in the geofences as they are now, by arrival; one that goes on has no leave."""
        return page(reader, answers.VisitPage, wanted, reader.visits(wanted, geofence), limit, cursor)

    @get("/route", summary="Route of a truck", **asked)
    def route(wanted: NamedDependency[Filter], truck: Truck, limit: RouteRows = ROUTE_ROWS) -> answers.Route:
        """Where one truck went: compact rows, null where it was silent for over 5 minutes."""
        return reader.route(wanted, truck, limit)

    @get("/quality", summary="Data quality", **asked)
    def data_quality(wanted: NamedDependency[Filter]) -> answers.Quality:
        """Gaps, duplicates, late and rejected records, per day and truck."""
        return quality(reader, wanted)

    return Router(
        "/api/v1/reports",
        route_handlers=[range_, fleet, compare, hourly, trips, stops, visits, route, data_quality],
        dependencies={"wanted": Provide(filter_of, sync_to_thread=False)},
        tags=["reports"],
    )


def page[Row: msgspec.Struct, Found](
    reader: Reader,
    kind: Callable[..., Found],
    wanted: Filter,
    found: tuple[Look, Rows[Row]],
    limit: int,
    cursor: str | None,
) -> Found:
    """Return one page of rows. Raises InvalidInput for a cursor that is none of ours."""
    look, rows = found
    start = 0 if cursor is None else rows.after(read_cursor(cursor, list[str]))
    items = rows.part(start, start + limit)
    more = start + limit < len(rows)
    base: dict[str, Any] = reader.base(wanted.period, look)
    return kind(**base, items=items, next=write_cursor(rows.key(items[-1])) if more else None, total=len(rows))
