"""`/api/v1/geofences`: list, read, add, import, export, change, remove."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Literal, cast

import msgspec
from litestar import Request, Response, delete, get, post, put
from litestar.handlers import BaseRouteHandler
from litestar.params import PathParameter, QueryParameter

from truckstream.core.alerts import EventType, wants_alert
from truckstream.core.errors import InvalidGeofence
from truckstream.core.geofences import Geofence, parse_geofence, parse_geofences, to_geojson
from truckstream.core.instants import DAY_MS, format_instant
from truckstream.http.access import need
from truckstream.http.bodies import decode_json, in_thread, read_body
from truckstream.http.heavy import heavy
from truckstream.http.listing import Cursor, From, Limit, To, json_response, read_cursor, write_cursor
from truckstream.http.problems import NotFound, problems
from truckstream.web.body_schemas import SendsGeofence, SendsGeofences
from truckstream.web.history import period
from truckstream.web.preview import preview
from truckstream.web.sources import WebSources

GeofenceId = Annotated[str, PathParameter(max_length=64, description="A geofence's id.")]
BODY_BYTES = 32 * 1024 * 1024
_LONGEST_MS = 31 * DAY_MS
_PATIENCE_S = 20.0
_SHOWN_EVENTS = 200


class GeofencePage(msgspec.Struct, frozen=True):
    """Some geofences, and the cursor of the next page; null when this was the last."""

    items: list[Geofence]
    next: str | None


class FeatureCollection(msgspec.Struct, frozen=True):
    """All geofences as GeoJSON."""

    type: Literal["FeatureCollection"]
    features: list[dict[str, Any]]


class Stored(msgspec.Struct, frozen=True):
    """The geofences as stored, with their versions, and what is odd about what was sent."""

    items: list[Geofence]
    warnings: list[str]


class Happened(msgspec.Struct, frozen=True):
    """Something a truck would have done at the geofence. `alert`: whether the geofence asks for an alert of it."""

    truck_id: str
    event: EventType
    timestamp: str
    latitude: float
    longitude: float
    alert: bool


class Previewed(msgspec.Struct, frozen=True):
    """How often each thing would have happened, to how many trucks, and the first of the events."""

    enter: int
    exit: int
    dwell: int
    speeding: int
    alerts: int
    trucks: int
    items: list[Happened]
    warnings: list[str]


def geofences_handlers(sources: WebSources, clock: Callable[[], int]) -> list[BaseRouteHandler]:
    """Return the handlers of geofences."""
    store = sources.geofences

    def stored(ids: list[str]) -> list[Geofence]:
        found = {geofence.geofence_id: geofence for geofence in store.catalogue().geofences}
        return [found[geofence_id] for geofence_id in ids if geofence_id in found]

    @get(
        "/geofences",
        tags=["geofences"],
        guards=[need("viewer")],
        responses=problems(),
        summary="List them",
        sync_to_thread=True,
    )
    def list_geofences(
        limit: Limit = 1000,
        cursor: Cursor = None,
        form: Annotated[
            Literal["json", "geojson"],
            QueryParameter(name="format", description="geojson: all of them as a file."),
        ] = "json",
    ) -> Response[GeofencePage | FeatureCollection]:
        """All geofences ordered by id. `format=geojson` gives a file that import takes back."""
        geofences = store.catalogue().geofences
        if form == "geojson":
            headers = {"Content-Disposition": 'attachment; filename="geofences.geojson"', "Cache-Control": "no-store"}
            return Response(cast(FeatureCollection, to_geojson(geofences)), headers=headers)
        after = read_cursor(cursor, str) if cursor else ""
        left = [geofence for geofence in geofences if geofence.geofence_id > after]
        following = write_cursor(left[limit - 1].geofence_id) if len(left) > limit else None
        return json_response(GeofencePage(left[:limit], following))

    @get(
        "/geofences/{geofence_id:str}",
        tags=["geofences"],
        guards=[need("viewer")],
        responses=problems(404),
        sync_to_thread=True,
    )
    def one_geofence(geofence_id: GeofenceId) -> Geofence:
        """One geofence."""
        found = stored([geofence_id])
        if not found:
            raise NotFound(f"no geofence {geofence_id!r} is stored")
        return found[0]

    @post(
        "/geofences",
        tags=["geofences"],
        guards=[need("dispatcher")],
        status_code=200,
        responses=problems(413, 415),
        operation_class=SendsGeofences,
    )
    async def import_geofences(request: Request[Any, Any, Any]) -> Stored:
        """Add or replace: one geofence, a JSON array, or a GeoJSON FeatureCollection; all of them or none."""
        body = await read_body(request, BODY_BYTES)
        return await in_thread(_store_all, body)

    def _store_all(body: bytes) -> Stored:
        imported = parse_geofences(body)
        store.put(imported.geofences)
        return Stored(stored([each.geofence_id for each in imported.geofences]), imported.warnings)

    @put(
        "/geofences/{geofence_id:str}",
        tags=["geofences"],
        guards=[need("dispatcher")],
        responses=problems(413, 415),
        operation_class=SendsGeofence,
    )
    async def put_geofence(geofence_id: GeofenceId, request: Request[Any, Any, Any]) -> Stored:
        """Store one geofence under this id. A changed one gets the next version; presence is re-seeded silently."""
        body = await read_body(request, BODY_BYTES)
        return await in_thread(_store_one, geofence_id, body)

    def _store_one(geofence_id: str, body: bytes) -> Stored:
        given = decode_json(body)
        if isinstance(given, dict) and given.get("type") != "Feature":
            given = {"geofence_id": geofence_id, **given}
        geofence, warnings = parse_geofence(given)
        if geofence.geofence_id != geofence_id:
            raise InvalidGeofence(
                geofence.geofence_id,
                "geofence_id",
                f"is not the {geofence_id!r} of the address",
                hint="Leave it out, or send the geofence to its own address.",
            )
        store.put([geofence])
        return Stored(stored([geofence_id]), warnings)

    @delete(
        "/geofences/{geofence_id:str}",
        tags=["geofences"],
        guards=[need("dispatcher")],
        responses=problems(404),
        sync_to_thread=True,
    )
    def remove_geofence(geofence_id: GeofenceId) -> None:
        """Remove it. Alerts it raised stay in the log."""
        if not store.remove([geofence_id]):
            raise NotFound(f"no geofence {geofence_id!r} is stored")

    @post(
        "/geofences/preview",
        tags=["geofences"],
        guards=[need("dispatcher")],
        status_code=200,
        responses=problems(413, 415),
        operation_class=SendsGeofence,
    )
    async def preview_geofence(request: Request[Any, Any, Any], since: From = None, until: To = None) -> Previewed:
        """Say what the geofence in the body, not stored, would have done on the archive: the last 24 hours."""
        from_ms, to_ms = period(since, until, clock(), longest_ms=_LONGEST_MS)
        body = await read_body(request, BODY_BYTES)
        return await in_thread(_preview, body, from_ms, to_ms)

    def _preview(body: bytes, from_ms: int, to_ms: int) -> Previewed:
        given = decode_json(body)
        if isinstance(given, dict) and given.get("type") != "Feature":
            given = {"geofence_id": "draft", **given}
        geofence, warnings = parse_geofence(given)
        deadline = time.monotonic() + _PATIENCE_S
        with heavy():
            found = preview(sources, geofence, from_ms, to_ms, out_of_time=lambda: time.monotonic() > deadline)
        if found.stopped_at_ms is not None:
            warnings = [*warnings, f"history was read to {format_instant(found.stopped_at_ms)} only: it is large"]
        counts = Counter(event.event for event in found.events)
        return Previewed(
            enter=counts["enter"],
            exit=counts["exit"],
            dwell=counts["dwell"],
            speeding=counts["speeding"],
            alerts=found.alerts,
            trucks=len({event.truck_id for event in found.events}),
            items=[
                Happened(
                    event.truck_id,
                    event.event,
                    format_instant(event.timestamp_ms),
                    event.latitude,
                    event.longitude,
                    wants_alert(geofence, event),
                )
                for event in found.events[:_SHOWN_EVENTS]
            ],
            warnings=warnings,
        )

    return [preview_geofence, list_geofences, one_geofence, import_geofences, put_geofence, remove_geofence]
