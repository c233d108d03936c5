"""`/api/v1/positions`: where every truck is, and one truck with the geofences it is in."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.handlers import BaseRouteHandler
from litestar.params import PathParameter, QueryParameter

from truckstream.core.instants import format_instant
from truckstream.core.truck_state import TruckState
from truckstream.http.access import need
from truckstream.http.listing import Cursor, Limit, json_response, read_cursor, write_cursor
from truckstream.http.problems import NotFound, problems
from truckstream.web.fleet_state import FleetState, TruckLine
from truckstream.web.sources import WebSources

TruckId = Annotated[str, PathParameter(max_length=64, description="A truck's id.")]


class Inside(msgspec.Struct, frozen=True):
    """A geofence the truck is in, and since when."""

    geofence_id: str
    name: str
    since: str


class TruckItem(msgspec.Struct, frozen=True, kw_only=True):
    """A truck's latest position under its wire names, and its state. `received`: when the position arrived."""

    truck_id: str
    timestamp: str | None
    latitude: float | None
    longitude: float | None
    speed_kmh: float | None
    heading: float | None
    altitude_m: float | None
    accuracy_m: float | None
    fuel_level_pct: float | None
    engine_status: str | None
    state: TruckState
    state_since: str | None
    received: str | None


class TruckPage(msgspec.Struct, frozen=True):
    """Some trucks, and the cursor of the next page; null when this was the last."""

    items: list[TruckItem]
    next: str | None


class OneTruck(TruckItem, frozen=True, kw_only=True):
    """A truck with the geofences it is in. `set_aside`: later positions that no truck can have reached."""

    geofences: list[Inside]
    set_aside: int


def truck_json(line: TruckLine) -> dict[str, Any]:
    """Return a truck as the list gives it."""
    last = line.track.last if line.track is not None else None
    fields: dict[str, Any] = {"truck_id": line.truck_id, "timestamp": _instant(last.timestamp_ms if last else None)}
    for name in _POSITION_FIELDS:
        fields[name] = getattr(last, name) if last is not None else None
    fields["state"] = line.state
    fields["state_since"] = _instant(line.since_ms)
    fields["received"] = _instant(line.track.received_ms or None if line.track is not None else None)
    return fields


_POSITION_FIELDS = (
    "latitude", "longitude", "speed_kmh", "heading", "altitude_m", "accuracy_m", "fuel_level_pct", "engine_status",
)  # fmt: skip


def positions_handlers(state: FleetState, sources: WebSources, look: Callable[[], None]) -> list[BaseRouteHandler]:
    """Return the handlers of the latest positions. `look` is told that somebody wants them."""

    @get(
        "/positions",
        tags=["positions"],
        guards=[need("viewer")],
        responses=problems(),
        summary="List the trucks",
        sync_to_thread=True,
    )
    def list_positions(
        limit: Limit = 1000,
        cursor: Cursor = None,
        only: Annotated[TruckState | None, QueryParameter(name="state", description="Only in this state.")] = None,
        text: Annotated[
            str | None, QueryParameter(name="q", max_length=64, description="Only ids that contain this.")
        ] = None,
    ) -> Response[TruckPage]:
        """The latest position of every truck, ordered by id."""
        look()
        after = read_cursor(cursor, str) if cursor else ""
        wanted = text.casefold() if text else ""
        lines = sorted(
            (
                line
                for line in list(state.lines.values())
                if line.truck_id > after
                and (only is None or line.state == only)
                and (not wanted or wanted in line.truck_id.casefold())
            ),
            key=lambda line: line.truck_id,
        )
        page = lines[:limit]
        following = write_cursor(page[-1].truck_id) if len(lines) > limit else None
        return json_response(TruckPage([TruckItem(**truck_json(line)) for line in page], following))

    @get(
        "/positions/{truck_id:str}",
        tags=["positions"],
        guards=[need("viewer")],
        responses=problems(404),
        summary="One truck",
        sync_to_thread=True,
    )
    def one_position(truck_id: TruckId) -> OneTruck:
        """The truck's latest position, and which geofences it is in."""
        look()
        line = state.lines.get(truck_id)
        if line is None:
            raise NotFound(f"no truck {truck_id!r} is known")
        presence = sources.presence.load([truck_id]).get(truck_id)
        names = {geofence.geofence_id: geofence.name for geofence in sources.geofences.catalogue().geofences}
        inside = [
            Inside(geofence_id, names[geofence_id], format_instant(visit.begin_ms))
            for geofence_id, visit in sorted(presence.visits.items() if presence is not None else ())
            if geofence_id in names
        ]
        set_aside = len(line.track.set_aside) if line.track is not None else 0
        return OneTruck(**truck_json(line), geofences=inside, set_aside=set_aside)

    return [list_positions, one_position]


def _instant(ms: int | None) -> str | None:
    return None if ms is None else format_instant(ms)
