"""`/api/v1/geofences`: list, read, add, import, export, change, remove."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, Router, delete, get, post, put
from litestar.params import PathParameter, QueryParameter

from truckstream.core.errors import InvalidGeofence
from truckstream.core.geofences import Geofence, parse_geofence, parse_geofences, to_geojson
from truckstream.http.access import need
from truckstream.http.bodies import decode_json, in_thread, read_body
from truckstream.http.listing import Cursor, Limit, Page, json_response, read_cursor, write_cursor
from truckstream.http.problems import NotFound, problems
from truckstream.web.sources import WebSources

GeofenceId = Annotated[str, PathParameter(max_length=64, description="A geofence's id.")]
BODY_BYTES = 32 * 1024 * 1024


class Stored(msgspec.Struct, frozen=True):
    """The geofences as stored, with their versions, and what is odd about what was sent."""

    items: list[Geofence]
    warnings: list[str]


def geofences_router(sources: WebSources) -> Router:
    """Return the routes of geofences."""
    store = sources.geofences

    def stored(ids: list[str]) -> list[Geofence]:
        found = {geofence.geofence_id: geofence for geofence in store.catalogue().geofences}
        return [found[geofence_id] for geofence_id in ids if geofence_id in found]

    @get("/geofences", guards=[need("viewer")], responses=problems(), summary="List them", sync_to_thread=True)
    def list_geofences(
        limit: Limit = 1000,
        cursor: Cursor = None,
        form: Annotated[
            Literal["json", "geojson"],
            QueryParameter(name="format", description="geojson: all of them as a file."),
        ] = "json",
    ) -> Response[bytes]:
        """All geofences ordered by id. `format=geojson` gives a file that import takes back."""
        geofences = store.catalogue().geofences
        if form == "geojson":
            headers = {"Content-Disposition": 'attachment; filename="geofences.geojson"', "Cache-Control": "no-store"}
            return Response(to_geojson(geofences), media_type="application/geo+json", headers=headers)
        after = read_cursor(cursor, str) if cursor else ""
        left = [geofence for geofence in geofences if geofence.geofence_id > after]
        following = write_cursor(left[limit - 1].geofence_id) if len(left) > limit else None
        items = [msgspec.to_builtins(geofence) for geofence in left[:limit]]
        return json_response(msgspec.json.encode(Page(items, following)))

    @get("/geofences/{geofence_id:str}", guards=[need("viewer")], responses=problems(404), sync_to_thread=True)
    def one_geofence(geofence_id: GeofenceId) -> Geofence:
        """One geofence."""
        found = stored([geofence_id])
        if not found:
            raise NotFound(f"no geofence {geofence_id!r} is stored")
        return found[0]

    @post("/geofences", guards=[need("dispatcher")], status_code=200, responses=problems(413))
    async def import_geofences(request: Request[Any, Any, Any]) -> Stored:
        """Add or replace: one geofence, a JSON array, or a GeoJSON FeatureCollection; all of them or none."""
        body = await read_body(request, BODY_BYTES)
        return await in_thread(_store_all, body)

    def _store_all(body: bytes) -> Stored:
        imported = parse_geofences(body)
        store.put(imported.geofences)
        return Stored(stored([each.geofence_id for each in imported.geofences]), imported.warnings)

    @put("/geofences/{geofence_id:str}", guards=[need("dispatcher")], responses=problems(413))
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

    @delete("/geofences/{geofence_id:str}", guards=[need("dispatcher")], responses=problems(404), sync_to_thread=True)
    def remove_geofence(geofence_id: GeofenceId) -> None:
        """Remove it. Alerts it raised stay in the log."""
        if not store.remove([geofence_id]):
            raise NotFound(f"no geofence {geofence_id!r} is stored")

    handlers = [list_geofences, one_geofence, import_geofences, put_geofence, remove_geofence]
    return Router("/api/v1", route_handlers=handlers, tags=["geofences"])
