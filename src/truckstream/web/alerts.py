"""`/api/v1/alerts`: the feed, and acknowledging."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, delete, get, put
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody, PathParameter, QueryParameter

from truckstream.core.alerts import Alert, EventType, alert_fields
from truckstream.core.instants import format_instant
from truckstream.http.access import caller_of, need
from truckstream.http.listing import Cursor, From, Limit, To, instant, json_response
from truckstream.http.problems import NotFound, problems
from truckstream.ports_viewing import Acknowledgement, AlertFilter
from truckstream.web.sources import WebSources

AlertId = Annotated[str, PathParameter(max_length=64, description="An alert's id.")]


class Acknowledged(msgspec.Struct, frozen=True):
    """Who saw to it, when, and what they noted."""

    at: str
    by: str
    note: str


class AlertItem(msgspec.Struct, frozen=True):
    """An alert under its wire names, and who acknowledged it."""

    alert_id: str
    truck_id: str
    geofence_id: str
    geofence_name: str
    alert_type: EventType
    timestamp: str
    latitude: float
    longitude: float
    geofence_version: int
    late: bool
    acknowledged: Acknowledged | None


class AlertItems(msgspec.Struct, frozen=True):
    """Some alerts, and the cursor to go on from. `more`: there are further ones already."""

    items: list[AlertItem]
    next: str | None
    more: bool


class Note(msgspec.Struct, frozen=True):
    """What to remember about the alert."""

    note: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


def alerts_handlers(sources: WebSources, clock: Callable[[], int]) -> list[BaseRouteHandler]:
    """Return the handlers of alerts."""
    feed, acknowledgements = sources.alerts, sources.acknowledgements

    @get(
        "/alerts",
        tags=["alerts"],
        guards=[need("viewer")],
        responses=problems(),
        summary="Read the feed",
        sync_to_thread=True,
    )
    def list_alerts(
        limit: Limit = 1000,
        cursor: Cursor = None,
        truck: Annotated[str | None, QueryParameter(max_length=64, description="Only of this truck.")] = None,
        geofence: Annotated[str | None, QueryParameter(max_length=64, description="Only of this geofence.")] = None,
        kind: Annotated[EventType | None, QueryParameter(name="type", description="Only of this type.")] = None,
        since: From = None,
        until: To = None,
        order: Annotated[
            Literal["asc", "desc"],
            QueryParameter(description="desc: newest first; asc: as committed."),
        ] = "asc",
    ) -> Response[AlertItems]:
        """Alerts with who acknowledged them.

        `order=asc` without `from` and `to` follows the log as it grows: `next` is never null then, and reading on
        from it gives each later alert exactly once.
        """
        from_ms, to_ms = instant("from", since), instant("to", until)
        wanted = AlertFilter(truck, geofence, kind, from_ms, to_ms)
        if order == "asc" and from_ms is None and to_ms is None:
            page = feed.committed(cursor or "", limit, wanted)
            following: str | None = page.cursor
        else:
            page = feed.by_time(cursor or "", limit, wanted, newest_first=order == "desc")
            following = page.cursor if page.more else None
        known = acknowledgements.get([alert.alert_id for alert in page.alerts])
        items = [_item(alert, known.get(alert.alert_id)) for alert in page.alerts]
        return json_response(AlertItems(items, following, page.more))

    @put(
        "/alerts/{alert_id:str}/acknowledgement",
        tags=["alerts"],
        guards=[need("dispatcher")],
        responses=problems(404),
        sync_to_thread=True,
    )
    def acknowledge(alert_id: AlertId, data: JSONBody[Note], request: Request[Any, Any, Any]) -> Acknowledged:
        """Note that someone has seen to the alert; everybody sees who and what they noted."""
        _known(alert_id)
        acknowledgement = Acknowledgement(clock(), caller_of(request).name, data.note)
        acknowledgements.put(alert_id, acknowledgement)
        return Acknowledged(format_instant(acknowledgement.at_ms), acknowledgement.by, acknowledgement.note)

    @delete(
        "/alerts/{alert_id:str}/acknowledgement",
        tags=["alerts"],
        guards=[need("dispatcher")],
        responses=problems(404),
        sync_to_thread=True,
    )
    def take_back(alert_id: AlertId) -> None:
        """Take the acknowledgement back."""
        _known(alert_id)
        if not acknowledgements.remove(alert_id):
            raise NotFound(f"alert {alert_id!r} is not acknowledged")

    def _known(alert_id: str) -> None:
        if feed.get(alert_id) is None:
            raise NotFound(f"there is no alert {alert_id!r}")

    return [list_alerts, acknowledge, take_back]


def _item(alert: Alert, acknowledgement: Acknowledgement | None) -> AlertItem:
    done = None
    if acknowledgement is not None:
        done = Acknowledged(format_instant(acknowledgement.at_ms), acknowledgement.by, acknowledgement.note)
    fields: dict[str, Any] = alert_fields(alert)
    return AlertItem(**fields, acknowledged=done)
