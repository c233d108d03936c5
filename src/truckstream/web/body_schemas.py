"""What bodies and phone queries may hold, for the OpenAPI document: they are read as bytes, record by record."""

from dataclasses import dataclass
from typing import Any, Final

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)


def _number(low: float | None = None, high: float | None = None, text: str | None = None) -> Schema:
    return Schema(type=OpenAPIType.NUMBER, minimum=low, maximum=high, description=text)


def _text(pattern: str | None = None, **more: Any) -> Schema:
    return Schema(type=OpenAPIType.STRING, pattern=pattern, **more)


_RECORD: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="A GPS record. Other fields are ignored; null is unknown.",
    required=["truck_id", "timestamp", "latitude", "longitude"],
    properties={
        "truck_id": _text("^[A-Za-z0-9._:-]{1,64}$"),
        "timestamp": _text(description="ISO 8601 with an offset.", examples=["2024-01-15T10:30:00.000Z"]),
        "latitude": _number(-90, 90),
        "longitude": _number(-180, 180),
        "speed_kmh": _number(0, 999.999),
        "heading": _number(0, 360),
        "altitude_m": _number(-1000, 99_999),
        "accuracy_m": _number(0, 99_999),
        "fuel_level_pct": _number(0, 100),
        "engine_status": _text(enum=["running", "idle", "off"]),
    },
)
_POINT: Final = Schema(
    type=OpenAPIType.OBJECT,
    required=["latitude", "longitude"],
    properties={"latitude": _number(-90, 90), "longitude": _number(-360, 360)},
)
_POINTS: Final = Schema(type=OpenAPIType.ARRAY, items=_POINT, min_items=2)
_GEOFENCE: Final = Schema(
    type=OpenAPIType.OBJECT,
    description="A geofence; the fields of its shape depend on `type`. A GeoJSON Feature is taken as well.",
    required=["type"],
    properties={
        "geofence_id": _text("^[A-Za-z0-9._:-]{1,64}$"),
        "name": _text(max_length=200),
        "type": _text(enum=["circle", "polygon", "corridor"]),
        "center": _POINT,
        "radius_meters": _number(1, 100_000),
        "polygon": _POINTS,
        "holes": Schema(type=OpenAPIType.ARRAY, items=_POINTS),
        "geometry": Schema(type=OpenAPIType.OBJECT, description="GeoJSON Polygon or MultiPolygon."),
        "path": _POINTS,
        "width_meters": _number(1, 100_000),
        "alert_on": _text(enum=["enter", "exit", "both"]),
        "active": Schema(type=OpenAPIType.BOOLEAN),
        "trucks": Schema(type=OpenAPIType.ARRAY, items=_text("^[A-Za-z0-9._:*-]{1,64}$"), min_items=1),
        "exit_buffer_meters": _number(0, 100_000),
        "confirm_fixes": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=100),
        "detect_crossing": Schema(type=OpenAPIType.BOOLEAN),
        "dwell_minutes": _number(0.1, 100_000),
        "speed_limit_kmh": _number(1, 999),
    },
)
_GEOFENCE_FILE: Final = Schema(
    one_of=[
        _GEOFENCE,
        Schema(type=OpenAPIType.ARRAY, items=_GEOFENCE),
        Schema(
            type=OpenAPIType.OBJECT,
            description="A GeoJSON FeatureCollection.",
            required=["type", "features"],
            properties={
                "type": _text(enum=["FeatureCollection"]),
                "features": Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.OBJECT)),
            },
        ),
    ]
)


def _json(schema: Schema) -> RequestBody:
    return RequestBody(content={"application/json": OpenAPIMediaType(schema=schema)}, required=True)


@dataclass
class SendsPositions(Operation):
    """An operation whose body is positions."""

    def __post_init__(self) -> None:
        many = Schema(type=OpenAPIType.ARRAY, items=_RECORD)
        self.request_body = _json(Schema(one_of=[_RECORD, many]))
        self.request_body.content["application/x-ndjson"] = OpenAPIMediaType(
            schema=_text(description="One record per line.")
        )


@dataclass
class SendsGeofence(Operation):
    """An operation whose body is one geofence."""

    def __post_init__(self) -> None:
        self.request_body = _json(_GEOFENCE)


@dataclass
class SendsGeofences(Operation):
    """An operation whose body is a geofence file."""

    def __post_init__(self) -> None:
        self.request_body = _json(_GEOFENCE_FILE)


@dataclass
class SendsPhonePosition(Operation):
    """An operation whose query (or form) is a phone's position."""

    def __post_init__(self) -> None:
        self.parameters = [
            Parameter(name=name, param_in="query", required=name in ("id", "lat", "lon"), schema=schema)
            for name, schema in (
                ("id", _text(description="The truck's id.")),
                ("lat", _number(-90, 90)),
                ("lon", _number(-180, 180)),
                ("timestamp", _text(description="Seconds or ms since the epoch, or ISO 8601; none is now.")),
                ("speed", _number(0, 500, "In knots.")),
                ("bearing", _number(0, 360)),
                ("altitude", _number(-1000, 99_999)),
                ("accuracy", _number(0, 99_999)),
                ("token", _text(description="An access token, for apps that know an address only.")),
            )
        ]
