"""`/api/v1/stats`, `/trips`, `/visits`: what the archive says about a period."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import msgspec
import numpy as np
from litestar import Response, get
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from truckstream.consumers import journeys
from truckstream.consumers.statistics import read_stats
from truckstream.core.errors import InvalidInput
from truckstream.core.instants import DAY_MS, format_hour, format_instant
from truckstream.http.access import need
from truckstream.http.heavy import heavy
from truckstream.http.listing import Cursor, From, Limit, To, json_response, read_cursor, write_cursor
from truckstream.http.problems import problems
from truckstream.web.history import period
from truckstream.web.sources import WebSources

_LONGEST_MS = 31 * DAY_MS
READ_POSITIONS = 10_000_000
"""Trips and visits are made from so many positions at most, a day of a thousand trucks: nobody waits for longer."""

Truck = Annotated[str | None, QueryParameter(max_length=64, description="Only this truck.")]


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """A truck's hour; null is unknown. `final`: no late position is expected any more."""

    truck_id: str
    hour: str
    total_distance_km: float
    average_speed_kmh: float | None
    max_speed_kmh: float | None
    idle_time_minutes: float | None
    coordinates_count: int
    final: bool
    revision: int
    driving_time_minutes: float
    gap_time_minutes: float


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """A trip, a stop or a gap, whole. Latitude and longitude: the middle of a stop, else where it began."""

    truck_id: str
    kind: Literal["trip", "stop", "gap"]
    begin: str
    end: str
    duration_s: float
    distance_m: float
    average_speed_kmh: float | None
    max_speed_kmh: float | None
    positions: int
    latitude: float
    longitude: float
    end_latitude: float
    end_longitude: float
    before: Literal["trip", "stop", "gap", "nothing"]
    after: Literal["trip", "stop", "gap", "nothing"]


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """A truck's stay in a geofence. `leave` null: it is there. `arrive_seen` false: it was there at the beginning."""

    truck_id: str
    geofence_id: str
    geofence_name: str
    arrive: str
    leave: str | None
    time_on_site_s: float
    arrive_seen: bool


class HourPage(msgspec.Struct, frozen=True):
    """Some hours, and the cursor of the next page; null when this was the last."""

    items: list[Hour]
    next: str | None


class JourneyPage(msgspec.Struct, frozen=True):
    """Some trips, stops and gaps, and the cursor of the next page; null when this was the last."""

    items: list[Journey]
    next: str | None


class VisitPage(msgspec.Struct, frozen=True):
    """Some visits, and the cursor of the next page; null when this was the last."""

    items: list[Visit]
    next: str | None


def derived_handlers(sources: WebSources, clock: Callable[[], int]) -> list[BaseRouteHandler]:
    """Return the handlers of statistics, trips and visits."""
    archive, format = sources.archive, sources.format

    @get(
        "/stats",
        tags=["history"],
        guards=[need("viewer")],
        responses=problems(),
        summary="Hourly statistics",
        sync_to_thread=True,
    )
    def stats(
        truck: Truck = None, since: From = None, until: To = None, limit: Limit = 1000, cursor: Cursor = None
    ) -> Response[HourPage]:
        """Statistics per truck and hour, as last refreshed (once a minute while `run` works); open hours included."""
        from_ms, to_ms = period(since, until, clock())
        with heavy():
            table = read_stats(archive, format, trucks=_one(truck), from_ms=from_ms, to_ms=to_ms)
        # Rows of the page alone: a year of a fleet is millions.
        places, following = _part(range(len(table)), limit, cursor)
        rows = table.take(np.array(places, np.int64)).rows()
        items = [
            Hour(
                hour=format_hour(row.hour_ms),
                **{name: getattr(row, name) for name in Hour.__struct_fields__ if name != "hour"},
            )
            for row in rows
        ]
        return json_response(HourPage(items, following))

    @get(
        "/trips",
        tags=["history"],
        guards=[need("viewer")],
        responses=problems(),
        summary="Trips, stops and gaps",
        sync_to_thread=True,
    )
    def trips(
        truck: Truck = None, since: From = None, until: To = None, limit: Limit = 1000, cursor: Cursor = None
    ) -> Response[JourneyPage]:
        """What overlaps the period, whole, by truck and time; at most 31 days, the last day by default."""
        from_ms, to_ms = period(since, until, clock(), longest_ms=_LONGEST_MS)
        with heavy():
            _check_size(sources, truck, from_ms, to_ms)
            found = journeys.trips_and_stops(
                archive, format, limit_kmh=sources.outlier_limit_kmh, trucks=_one(truck), from_ms=from_ms, to_ms=to_ms
            )
        part, following = _part(found, limit, cursor)
        items = [
            Journey(
                begin=format_instant(each.begin_ms),
                end=format_instant(each.end_ms),
                **{name: getattr(each, name) for name in Journey.__struct_fields__ if name not in ("begin", "end")},
            )
            for each in part
        ]
        return json_response(JourneyPage(items, following))

    @get(
        "/visits",
        tags=["history"],
        guards=[need("viewer")],
        responses=problems(),
        summary="Geofence visits",
        sync_to_thread=True,
    )
    def visits(
        truck: Truck = None,
        geofence: Annotated[str | None, QueryParameter(max_length=64, description="Only of this geofence.")] = None,
        since: From = None,
        until: To = None,
        limit: Limit = 1000,
        cursor: Cursor = None,
    ) -> Response[VisitPage]:
        """When trucks came to the geofences as they are now, and left; `leave` null: still there."""
        from_ms, to_ms = period(since, until, clock(), longest_ms=_LONGEST_MS)
        catalogue = sources.geofences.catalogue()
        names = {each.geofence_id: each.name for each in catalogue.geofences}
        if geofence is not None:
            only = tuple(each for each in catalogue.geofences if each.geofence_id == geofence)
            catalogue = msgspec.structs.replace(catalogue, geofences=only)
        with heavy():
            _check_size(sources, truck, from_ms, to_ms)
            found = journeys.visits(
                archive,
                format,
                catalogue,
                limit_kmh=sources.outlier_limit_kmh,
                trucks=_one(truck),
                from_ms=from_ms,
                to_ms=to_ms,
            )
        part, following = _part(found, limit, cursor)
        items = [
            Visit(
                truck_id=each.truck_id,
                geofence_id=each.geofence_id,
                geofence_name=names.get(each.geofence_id, each.geofence_id),
                arrive=format_instant(each.arrive_ms),
                leave=None if each.leave_ms is None else format_instant(each.leave_ms),
                time_on_site_s=each.time_on_site_s,
                arrive_seen=each.arrive_seen,
            )
            for each in part
        ]
        return json_response(VisitPage(items, following))

    return [stats, trips, visits]


def _one(truck: str | None) -> tuple[str, ...] | None:
    return None if truck is None else (truck,)


def _check_size(sources: WebSources, truck: str | None, from_ms: int, to_ms: int) -> None:
    """Refuse to read positions without end, by what the statistics count. Raises InvalidInput."""
    table = read_stats(sources.archive, sources.format, trucks=_one(truck), from_ms=from_ms, to_ms=to_ms)
    positions = int(table.coordinates_count.sum())
    if positions > READ_POSITIONS:
        raise InvalidInput(
            f"truck: {positions:,} positions would have to be read for this",
            hint=f"Name one truck, or ask for a shorter period: up to {READ_POSITIONS:,} positions.",
        )


def _part[T](items: Sequence[T], limit: int, cursor: str | None) -> tuple[Sequence[T], str | None]:
    """Return a page of a list that is made anew each time, and the next cursor: a place in it."""
    start = read_cursor(cursor, int) if cursor else 0
    if start < 0:
        raise InvalidInput("cursor: not one that this server gave", hint="Start again without a cursor.")
    return items[start : start + limit], write_cursor(start + limit) if len(items) > start + limit else None
