"""Geofence files: a JSON array of geofences, one geofence, or GeoJSON. Everything is checked here, once.

In GeoJSON a Feature's properties are the geofence's fields; a Point with radius_meters is a circle, a
LineString with width_meters a corridor. A file is taken whole or not at all. Odd but usable things
(unknown fields, rings that touch themselves) are warnings.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final, cast
from unicodedata import normalize

import msgspec

from truckstream.core.errors import InvalidGeofence
from truckstream.core.geofence_fields import LARGEST_M, Fields, kind_of
from truckstream.core.geofence_model import AlertOn, Geofence, Imported
from truckstream.core.geofence_shapes import read_circle, read_corridor, read_polygon

_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_TRUCK: Final = re.compile(r"[A-Za-z0-9._:*-]{1,64}")
_LONGEST_NAME: Final = 200
_SHAPE_FIELDS: Final = ("center", "radius_meters", "polygon", "holes", "geometry", "path", "width_meters")
_GIVEN_BY_THE_STORE: Final = ("version", "revision")
_FILE: Final = "(file)"
_FILE_HINT: Final = "Give a JSON array of geofences, one geofence object, or a GeoJSON FeatureCollection."


def parse_geofences(data: bytes) -> Imported:
    """Return the geofences of a file and what is odd about them.

    Raises InvalidGeofence for the first thing that is wrong; then nothing of the file may be used.
    """
    try:
        decoded = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidGeofence(_FILE, "JSON", f"cannot be read: {error}", hint=_FILE_HINT) from error
    geofences: list[Geofence] = []
    warnings: list[str] = []
    places: dict[str, int] = {}
    for place, item in enumerate(_items(decoded), start=1):
        geofence, odd = _parse(item, f"#{place}")
        first = places.setdefault(geofence.geofence_id, place)
        if first != place:
            raise InvalidGeofence(
                geofence.geofence_id,
                "geofence_id",
                f"is used twice, by #{first} and #{place}",
                hint="Give each geofence of a file its own geofence_id.",
            )
        geofences.append(geofence)
        warnings += odd
    return Imported(geofences, warnings)


def parse_geofence(obj: object) -> tuple[Geofence, list[str]]:
    """Return one geofence from a decoded JSON object (or GeoJSON Feature), and warnings. Raises InvalidGeofence."""
    return _parse(obj, "#1")


def _items(decoded: object) -> Sequence[object]:
    if isinstance(decoded, list):
        return decoded
    if isinstance(decoded, dict):
        if decoded.get("type") != "FeatureCollection":
            return [decoded]
        features = decoded.get("features")
        if isinstance(features, list):
            return features
        raise InvalidGeofence(_FILE, "features", f"must be a list, not {kind_of(features)}", hint=_FILE_HINT)
    raise InvalidGeofence(_FILE, "JSON", f"must be a list or an object, not {kind_of(decoded)}", hint=_FILE_HINT)


def _parse(obj: object, place: str) -> tuple[Geofence, list[str]]:
    if not isinstance(obj, dict):
        raise InvalidGeofence(place, "geofence", f"must be an object, not {kind_of(obj)}", hint=_FILE_HINT)
    warnings: list[str] = []
    if obj.get("type") == "Feature":
        obj = _flatten_feature(obj, place, warnings)
    given_id = obj.get("geofence_id")
    fields = Fields(obj, given_id if isinstance(given_id, str) and _ID.fullmatch(given_id) else place)
    geofence_id = fields.required("geofence_id", 'Give it a short unique id, for example "warehouse-001".')
    if not isinstance(geofence_id, str) or not _ID.fullmatch(geofence_id):
        hint = 'Use letters, digits and "._:-" only, for example "warehouse-001".'
        fields.refuse("geofence_id", "must be 1 to 64 characters of A-Za-z0-9._:-", hint)
    name = fields.text("name", "").strip() or geofence_id
    if len(name) > _LONGEST_NAME:
        fields.refuse("name", f"must be at most {_LONGEST_NAME} characters", "Shorten the name.")
    geofence = msgspec.structs.replace(
        _shaped(fields, geofence_id, warnings),
        name=name,
        alert_on=_alert_on(fields),
        active=fields.flag("active", default=True),
        trucks=_trucks(fields),
        exit_buffer_meters=fields.not_negative("exit_buffer_meters", "metres", "30", at_most=LARGEST_M),
        confirm_fixes=fields.count("confirm_fixes", 1),
        detect_crossing=fields.flag("detect_crossing", default=False),
        dwell_minutes=fields.positive("dwell_minutes", "minutes", "45"),
        speed_limit_kmh=fields.positive("speed_limit_kmh", "km/h", "30"),
    )
    return geofence, warnings + _leftover_warnings(fields, geofence.type)


def _shaped(fields: Fields, geofence_id: str, warnings: list[str]) -> Geofence:
    """Return a geofence with its shape only."""
    given = fields.required("type", 'Give "circle", "polygon" or "corridor".')
    if given == "circle":
        return read_circle(fields, geofence_id)
    if given == "polygon":
        return read_polygon(fields, geofence_id, warnings)
    if given == "corridor":
        return read_corridor(fields, geofence_id)
    shown = repr(given[:40]) if isinstance(given, str) else kind_of(given)
    return fields.refuse("type", f"must be circle, polygon or corridor, not {shown}", "Choose one of the three shapes.")


def _alert_on(fields: Fields) -> AlertOn:
    given = fields.text("alert_on", "both")
    if given not in ("enter", "exit", "both"):
        fields.refuse("alert_on", f"must be enter, exit or both, not {given[:40]!r}", "Choose one of the three.")
    return cast(AlertOn, given)


def _trucks(fields: Fields) -> tuple[str, ...] | None:
    given = fields.get("trucks")
    if given is None:
        return None
    hint = 'List truck ids or patterns, for example ["TRK-001", "VAN-*"]; leave trucks out for all.'
    trucks = fields.items("trucks", given, hint)
    if not trucks:
        fields.refuse("trucks", "is an empty list, so the geofence would be for no truck", hint)
    for i, truck in enumerate(trucks):
        if not isinstance(truck, str) or not _TRUCK.fullmatch(truck):
            fields.refuse(f"trucks[{i}]", "must be a truck id or a pattern of A-Za-z0-9._:-*", hint)
    return tuple(cast(Sequence[str], trucks))


def _leftover_warnings(fields: Fields, shape_type: str) -> list[str]:
    warnings = []
    for name in fields.leftover():
        if name in _SHAPE_FIELDS:
            warnings.append(f"geofence {fields.label!r}: {name} does not belong to a {shape_type} and is ignored")
        elif name not in _GIVEN_BY_THE_STORE:
            warnings.append(f"geofence {fields.label!r}: unknown field {name[:64]!r} is ignored")
    return warnings


def _flatten_feature(feature: Mapping[str, object], place: str, warnings: list[str]) -> dict[str, object]:
    """Return a Feature as the geofence object it stands for."""
    properties = feature.get("properties")
    if not isinstance(properties, dict | None):
        raise InvalidGeofence(place, "properties", f"must be an object, not {kind_of(properties)}", hint=_FILE_HINT)
    flat: dict[str, object] = dict(properties or {})
    if flat.get("geofence_id") is None:
        flat["geofence_id"] = _feature_id(feature, flat, place, warnings)
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    types = {"Point": "circle", "LineString": "corridor", "Polygon": "polygon", "MultiPolygon": "polygon"}
    shape_type = types.get(kind) if isinstance(kind, str) else None
    label = flat["geofence_id"] if isinstance(flat["geofence_id"], str) else place
    if not isinstance(geometry, dict) or shape_type is None:
        raise InvalidGeofence(
            label,
            "geometry",
            "must be a Point (with radius_meters), LineString (with width_meters), Polygon or MultiPolygon",
            hint="Convert the geometry, one Feature for each geofence.",
        )
    if flat.setdefault("type", shape_type) != shape_type:
        rule = f"is {flat['type']!r} but the geometry is a {kind}"
        raise InvalidGeofence(label, "type", rule, hint=f"Leave type out or make it {shape_type!r}.")
    flat["geometry"] = geometry
    return flat


def _feature_id(
    feature: Mapping[str, object], properties: Mapping[str, object], place: str, warnings: list[str]
) -> object:
    """Return the Feature's own id, else one made from its name: many public files have neither."""
    own = feature.get("id")
    if own is not None and not isinstance(own, bool):
        return str(own) if isinstance(own, int) else own
    name = properties.get("name")
    if not isinstance(name, str):
        return None
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    made = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64]
    if not made:
        return None
    warnings.append(f"geofence {place!r}: has no geofence_id, so it is called {made!r} after its name")
    return made
