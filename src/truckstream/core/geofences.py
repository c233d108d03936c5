"""Geofences, the one place to import them from: the model, reading and writing files, the shape of one."""

from truckstream.core.geofence_model import (
    AlertOn,
    Catalogue,
    Geofence,
    GeofenceType,
    Imported,
    LatLon,
    MultiPolygonGeometry,
    PolygonGeometry,
    same_definition,
    shape_of,
)
from truckstream.core.geofence_reading import parse_geofence, parse_geofences
from truckstream.core.geofence_writing import to_geojson, to_json

__all__ = [
    "AlertOn",
    "Catalogue",
    "Geofence",
    "GeofenceType",
    "Imported",
    "LatLon",
    "MultiPolygonGeometry",
    "PolygonGeometry",
    "parse_geofence",
    "parse_geofences",
    "same_definition",
    "shape_of",
    "to_geojson",
    "to_json",
]
