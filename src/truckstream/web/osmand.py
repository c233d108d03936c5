"""Phones as trucks: the query form of OsmAnd and the Traccar client, and the JSON of newer Traccar clients.

Speed comes in knots (JSON: m/s), time in seconds or milliseconds since the epoch or as ISO 8601. What the phone tells
of its battery is no fuel level and stays out.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, route
from litestar.enums import HttpMethod
from litestar.handlers import BaseRouteHandler

from truckstream.core.errors import InvalidInput
from truckstream.core.instants import format_instant
from truckstream.http.access import Caller, caller_of, check_origin, need
from truckstream.http.bodies import decode_json, in_thread, read_body
from truckstream.http.problems import problems
from truckstream.web.body_schemas import SendsPhonePosition
from truckstream.web.ingest import Ingest, Ingested

_KMH_PER_KNOT: Final = 1.852
_KMH_PER_M_S: Final = 3.6
_MILLISECONDS_FROM: Final = 1e11  # as seconds the year 5138
_BODY_BYTES: Final = 64 * 1024


def record_of(fields: Mapping[str, str], caller: Caller, now_ms: int) -> bytes:
    """Return the wire record of a query or form. Raises InvalidInput when it names no truck."""
    place = fields.get("location", "").split(",")
    latitude, longitude = (place[0], place[1]) if len(place) == 2 else (fields.get("lat"), fields.get("lon"))
    return _wire(
        fields.get("id") or fields.get("deviceid") or caller.truck_id,
        fields.get("timestamp"),
        now_ms,
        latitude=_number(latitude),
        longitude=_number(longitude),
        speed_kmh=_scaled(fields.get("speed"), _KMH_PER_KNOT),
        heading=_number(fields.get("bearing") or fields.get("heading")),
        altitude_m=_number(fields.get("altitude")),
        accuracy_m=_number(fields.get("accuracy") or fields.get("hdop")),
    )


def record_of_json(given: object, caller: Caller, now_ms: int) -> bytes:
    """Return the wire record of what newer Traccar clients post. Raises InvalidInput."""
    location = given.get("location") if isinstance(given, dict) else None
    coords = location.get("coords") if isinstance(location, dict) else None
    if not isinstance(given, dict) or not isinstance(location, dict) or not isinstance(coords, dict):
        raise InvalidInput("location: is missing", hint='Send {"location": {"timestamp": ..., "coords": {...}}}.')
    return _wire(
        given.get("device_id") or caller.truck_id,
        location.get("timestamp"),
        now_ms,
        latitude=coords.get("latitude"),
        longitude=coords.get("longitude"),
        speed_kmh=_scaled(_known(coords.get("speed")), _KMH_PER_M_S),
        heading=_known(coords.get("heading")),
        altitude_m=coords.get("altitude"),
        accuracy_m=_known(coords.get("accuracy")),
    )


def _wire(truck_id: object, timestamp: object, now_ms: int, **fields: object) -> bytes:
    if not truck_id:
        raise InvalidInput("id: is missing", hint="Set the device identifier in the app to the truck's id.")
    record = {"truck_id": truck_id, "timestamp": _instant(timestamp, now_ms)}
    return msgspec.json.encode({**record, **{name: value for name, value in fields.items() if value is not None}})


def _instant(given: object, now_ms: int) -> object:
    """Return an ISO instant where the number can be one; anything else is for the record's own rules to refuse."""
    if given in (None, ""):
        return format_instant(now_ms)
    number = _number(given) if isinstance(given, str) else given
    if isinstance(number, int | float) and not isinstance(number, bool):
        try:
            return format_instant(round(number if abs(number) >= _MILLISECONDS_FROM else number * 1000))
        except (ValueError, OverflowError):
            return given
    return given


def _number(text: object) -> object:
    """Return the number a text stands for; other texts stay, to be refused by name."""
    if not isinstance(text, str) or not text:
        return None if text == "" else text
    try:
        number = float(text)
    except ValueError:
        return text
    return number if number - number == 0 else text


def _scaled(given: object, factor: float) -> object:
    number = _number(given)
    if isinstance(number, int | float) and not isinstance(number, bool):
        return round(number * factor, 3)
    return number


def _known(value: object) -> object:
    """Phones say -1 for what they do not know."""
    return None if isinstance(value, int | float) and value < 0 else value


def osmand_handlers(ingest: Ingest, clock: Callable[[], int]) -> list[BaseRouteHandler]:
    """Return the handlers for phones."""

    @route(
        "/osmand",
        tags=["positions"],
        http_method=[HttpMethod.GET, HttpMethod.POST],
        guards=[need("device")],
        status_code=200,
        responses=problems(413, 415),
        operation_class=SendsPhonePosition,
        summary="Send a phone's position",
    )
    async def osmand(request: Request[Any, Any, Any]) -> Ingested:
        """`id, lat, lon, timestamp, speed (knots), bearing, altitude, accuracy`, as query or form; or Traccar's JSON.

        A bad position is set aside and answered with 200: a phone would send it for ever.
        """
        return await take_phone(request, ingest, clock())

    return [osmand]


async def take_phone(request: Request[Any, Any, Any], ingest: Ingest, now_ms: int) -> Ingested:
    """Take what a phone sent, in any of the forms. Raises NotAllowed when another site's page has a browser send it."""
    headers = request.headers  # the gate looks at them for other methods than GET alone
    check_origin(headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site"))
    caller = caller_of(request)
    body = await read_body(request, _BODY_BYTES) if request.method == "POST" else b""
    if body.lstrip()[:1] == b"{":
        record = record_of_json(decode_json(body), caller, now_ms)
    else:
        text = request.scope["query_string"].decode("latin-1")
        form = body.decode("latin-1")
        record = record_of(dict(parse_qsl(f"{text}&{form}")), caller, now_ms)
    return await in_thread(ingest.take, [record], caller)
