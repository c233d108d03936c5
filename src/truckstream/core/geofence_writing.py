"""Geofences as files: what `geofence_reading` reads back as equal geofences (version and revision apart)."""

from collections.abc import Sequence

import msgspec

from truckstream.core.geofence_model import Geofence, LatLon
from truckstream.core.geofence_shapes import VERTEX_FORM

_IN_GEOMETRY = ("center", "polygon", "holes", "geometry", "path", "version", "revision")


def to_json(geofences: Sequence[Geofence]) -> bytes:
    """Return a JSON array, one geofence a line, without the store's version and revision."""
    lines = [msgspec.json.encode(msgspec.structs.replace(g, version=0, revision=0)) for g in geofences]
    return b"[" + b",\n".join(lines) + b"]\n"


def to_geojson(geofences: Sequence[Geofence]) -> bytes:
    """Return a FeatureCollection: circles as Point with radius_meters, corridors as LineString with width_meters."""
    features = b",\n".join(msgspec.json.encode(_feature(geofence)) for geofence in geofences)
    return b'{"type":"FeatureCollection","features":[' + features + b"]}\n"


def _feature(geofence: Geofence) -> dict[str, object]:
    fields = msgspec.to_builtins(geofence)
    properties = {name: value for name, value in fields.items() if name not in _IN_GEOMETRY}
    if geofence.polygon is not None:
        properties["given_as"] = VERTEX_FORM
    return {
        "type": "Feature",
        "id": geofence.geofence_id,
        "geometry": _geometry(geofence),
        "properties": properties,
    }


def _geometry(geofence: Geofence) -> object:
    if geofence.geometry is not None:
        return geofence.geometry
    if geofence.center is not None:
        return {"type": "Point", "coordinates": [geofence.center.longitude, geofence.center.latitude]}
    if geofence.path is not None:
        return {"type": "LineString", "coordinates": _positions(geofence.path)}
    rings = [_positions(ring) for ring in (geofence.polygon or (), *geofence.holes)]
    return {"type": "Polygon", "coordinates": [[*ring, *ring[:1]] for ring in rings]}


def _positions(points: Sequence[LatLon]) -> list[list[float]]:
    return [[point.longitude, point.latitude] for point in points]
