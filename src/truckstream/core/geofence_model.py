"""What a geofence is: its wire fields, the catalogue of all of them, and the shape one describes."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from truckstream.core.shapes import Circle, Corridor, Polygon, Shape

GeofenceType = Literal["circle", "polygon", "corridor"]
AlertOn = Literal["enter", "exit", "both"]


class LatLon(msgspec.Struct, frozen=True):
    """A vertex or centre in degrees. Longitudes of vertices may run to +-360."""

    latitude: float
    longitude: float


class PolygonGeometry(msgspec.Struct, frozen=True, tag="Polygon", tag_field="type"):
    """GeoJSON Polygon: rings of (longitude, latitude), the first one outer, the others holes."""

    coordinates: tuple[tuple[tuple[float, float], ...], ...]


class MultiPolygonGeometry(msgspec.Struct, frozen=True, tag="MultiPolygon", tag_field="type"):
    """GeoJSON MultiPolygon: several polygons as one shape."""

    coordinates: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]


class Geofence(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A named shape with a rule. Field names are the wire names; which fields are set depends on `type`.

    `version` counts the editions of this geofence; `revision` is the catalogue revision in which this
    version came. Both are given by the store.
    """

    geofence_id: str
    name: str
    type: GeofenceType
    center: LatLon | None = None
    radius_meters: float | None = None
    polygon: tuple[LatLon, ...] | None = None
    holes: tuple[tuple[LatLon, ...], ...] = ()
    geometry: PolygonGeometry | MultiPolygonGeometry | None = None
    path: tuple[LatLon, ...] | None = None
    width_meters: float | None = None
    alert_on: AlertOn = "both"
    active: bool = True
    trucks: tuple[str, ...] | None = None
    exit_buffer_meters: float = 0.0
    confirm_fixes: int = 1
    detect_crossing: bool = False
    dwell_minutes: float | None = None
    speed_limit_kmh: float | None = None
    version: int = 0
    revision: int = 0


class Catalogue(msgspec.Struct, frozen=True):
    """All geofences and the revision of the whole set, which grows with every change."""

    revision: int = 0
    geofences: tuple[Geofence, ...] = ()


class Imported(NamedTuple):
    """What a geofence file holds, and what is odd about it."""

    geofences: list[Geofence]
    warnings: list[str]


def same_definition(a: Geofence, b: Geofence) -> bool:
    """Say whether two geofences are equal apart from what the store gave them (version and revision)."""
    return msgspec.structs.replace(a, version=b.version, revision=b.revision) == b


def shape_of(geofence: Geofence) -> Shape:
    """Return the shape of a geofence that `parse_geofences` accepted (or would). Raises ValueError for another."""
    if geofence.type == "circle" and geofence.center is not None and geofence.radius_meters is not None:
        return Circle(geofence.center.latitude, geofence.center.longitude, geofence.radius_meters)
    if geofence.type == "corridor" and geofence.path is not None and geofence.width_meters is not None:
        return Corridor(_pairs(geofence.path), geofence.width_meters)
    rings = rings_of(geofence)
    if geofence.type != "polygon" or not rings:
        raise ValueError(f"geofence {geofence.geofence_id!r} was not parsed: its {geofence.type} is incomplete")
    return Polygon(rings)


def rings_of(geofence: Geofence) -> list[list[tuple[float, float]]]:
    """Return all rings of a polygon, outer ones and holes, as open lists of (latitude, longitude)."""
    if isinstance(geofence.geometry, MultiPolygonGeometry):
        given = [ring for polygon in geofence.geometry.coordinates for ring in polygon]
    elif geofence.geometry is not None:
        given = list(geofence.geometry.coordinates)
    else:
        outer = [geofence.polygon] if geofence.polygon is not None else []
        return [open_ring(_pairs(ring)) for ring in (*outer, *geofence.holes)]
    return [open_ring([(lat, lon) for lon, lat in ring]) for ring in given]


def open_ring(vertices: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the vertices without repeated neighbours and without the closing one."""
    kept = [vertex for i, vertex in enumerate(vertices) if i == 0 or vertex != vertices[i - 1]]
    while len(kept) > 1 and kept[-1] == kept[0]:
        kept.pop()
    return kept


def _pairs(vertices: Sequence[LatLon]) -> list[tuple[float, float]]:
    return [(vertex.latitude, vertex.longitude) for vertex in vertices]
