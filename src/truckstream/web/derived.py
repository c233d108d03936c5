"""`/api/v1/stats`, `/trips`, `/visits`: what the archive says about a period."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from truckstream.consumers import journeys
from truckstream.consumers.statistics import read_stats
from truckstream.core.errors import InvalidInput
from truckstream.core.instants import DAY_MS, format_hour, format_instant
from truckstream.http.access import need
from truckstream.http.listing import Cursor, From, Limit, To, json_response, read_cursor, write_cursor
from truckstream.http.problems import problems
from truckstream.web.heavy import heavy
from truckstream.web.history import period
from truckstream.web.sources import WebSources

_LONGEST_MS = 31 * DAY_MS
Truck = Annotated[str | None, QueryParameter(max_length=64, description="Only this truck.")]


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
    ) -> Response[bytes]:
        """Statistics per truck and hour, as last refreshed (once a minute while `run` works); open hours included."""
        from_ms, to_ms = period(since, until, clock())
        with heavy():
            table = read_stats(archive, format, trucks=_one(truck), from_ms=from_ms, to_ms=to_ms)
        items = []
        for row in table.rows():
            fields = msgspec.structs.asdict(row)
            hour_ms = fields.pop("hour_ms")
            items.append({"truck_id": fields.pop("truck_id"), "hour": format_hour(hour_ms), **fields})
        return _page(items, limit, cursor)

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
    ) -> Response[bytes]:
        """What overlaps the period, whole, by truck and time; at most 31 days, the last day by default."""
        from_ms, to_ms = period(since, until, clock(), longest_ms=_LONGEST_MS)
        with heavy():
            found = journeys.trips_and_stops(
                archive, format, limit_kmh=sources.outlier_limit_kmh, trucks=_one(truck), from_ms=from_ms, to_ms=to_ms
            )
        items = []
        for each in found:
            fields = msgspec.structs.asdict(each)
            items.append(
                {
                    "truck_id": fields.pop("truck_id"),
                    "kind": fields.pop("kind"),
                    "begin": format_instant(fields.pop("begin_ms")),
                    "end": format_instant(fields.pop("end_ms")),
                    "duration_s": each.duration_s,
                    "average_speed_kmh": each.average_speed_kmh,
                    **fields,
                }
            )
        return _page(items, limit, cursor)

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
    ) -> Response[bytes]:
        """When trucks came to the geofences as they are now, and left; `leave` null: still there."""
        from_ms, to_ms = period(since, until, clock(), longest_ms=_LONGEST_MS)
        catalogue = sources.geofences.catalogue()
        names = {each.geofence_id: each.name for each in catalogue.geofences}
        if geofence is not None:
            only = tuple(each for each in catalogue.geofences if each.geofence_id == geofence)
            catalogue = msgspec.structs.replace(catalogue, geofences=only)
        with heavy():
            found = journeys.visits(
                archive,
                format,
                catalogue,
                limit_kmh=sources.outlier_limit_kmh,
                trucks=_one(truck),
                from_ms=from_ms,
                to_ms=to_ms,
            )
        items = [
            {
                "truck_id": each.truck_id,
                "geofence_id": each.geofence_id,
                "geofence_name": names.get(each.geofence_id, each.geofence_id),
                "arrive": format_instant(each.arrive_ms),
                "leave": None if each.leave_ms is None else format_instant(each.leave_ms),
                "time_on_site_s": each.time_on_site_s,
                "arrive_seen": each.arrive_seen,
            }
            for each in found
        ]
        return _page(items, limit, cursor)

    return [stats, trips, visits]


def _one(truck: str | None) -> tuple[str, ...] | None:
    return None if truck is None else (truck,)


def _page(items: Sequence[dict[str, Any]], limit: int, cursor: str | None) -> Response[bytes]:
    """Return a page of a list that is made anew each time; the cursor is a place in it."""
    start = read_cursor(cursor, int) if cursor else 0
    if start < 0:
        raise InvalidInput("cursor: not one that this server gave", hint="Start again without a cursor.")
    following = write_cursor(start + limit) if len(items) > start + limit else None
    return json_response(msgspec.json.encode({"items": items[start : start + limit], "next": following}))
