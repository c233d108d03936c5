"""The shape fields of a geofence: circle, polygon (vertices or GeoJSON geometry), corridor."""

from collections.abc import Sequence

from truckstream.core.geofence_fields import LARGEST_M, POSITION_HINT, VERTEX_HINT, Fields, kind_of
from truckstream.core.geofence_model import Geofence, LatLon, MultiPolygonGeometry, PolygonGeometry, open_ring
from truckstream.core.ring_faults import self_contact, without_area
from truckstream.core.rings import LatLonPair, Ring, WindsTwice

_AREA_HINT = (
    "Give at least three vertices that are not on one line. An edge goes the shorter way round the earth: "
    "put further vertices on edges of 180 degrees of longitude or more."
)
type NamedRings = dict[str, list[LatLonPair]]
"""Open rings of (latitude, longitude), each under the field it came from."""

VERTEX_FORM = "polygon"
"""Value of a Feature's `given_as` property: the geofence has `polygon` and `holes`, not `geometry`."""


def read_circle(fields: Fields, geofence_id: str) -> Geofence:
    """Return a circle of center and radius_meters."""
    geometry = fields.get("geometry")
    if isinstance(geometry, dict):
        center = fields.position("geometry.coordinates", geometry.get("coordinates"))
    else:
        center = fields.vertex("center", fields.required("center", VERTEX_HINT))
    hint = "Give radius_meters in metres, for example 500."
    fields.required("radius_meters", hint)
    radius = fields.positive("radius_meters", "metres", "500", at_most=LARGEST_M)
    return Geofence(geofence_id=geofence_id, name="", type="circle", center=center, radius_meters=radius)


def read_corridor(fields: Fields, geofence_id: str) -> Geofence:
    """Return a corridor of path and width_meters."""
    geometry = fields.get("geometry")
    if isinstance(geometry, dict):
        field, path = "geometry.coordinates", fields.positions("geometry.coordinates", geometry.get("coordinates"))
    else:
        field, path = "path", fields.vertices("path", fields.required("path", VERTEX_HINT))
    path = [point for i, point in enumerate(path) if i == 0 or point != path[i - 1]]
    if len(path) < 2:
        fields.refuse(field, "must have at least two different points", "Add the points of the route.")
    fields.required("width_meters", "Give the full width in metres, for example 100.")
    width = fields.positive("width_meters", "metres (full width)", "100", at_most=LARGEST_M)
    return Geofence(geofence_id=geofence_id, name="", type="corridor", path=tuple(path), width_meters=width)


def read_polygon(fields: Fields, geofence_id: str, warnings: list[str]) -> Geofence:
    """Return a polygon of polygon and holes, or of geometry; each ring checked."""
    given_as = fields.get("given_as")
    if fields.has("polygon"):
        if fields.has("geometry"):
            fields.refuse("geometry", "is given beside polygon", "Give either polygon or geometry.")
        rings = _vertex_rings(fields)
        shape = _from_vertices(geofence_id, rings)
    elif fields.has("geometry"):
        kind, parts = _geometry_parts(fields)
        rings = {name: ring for part in parts for name, ring in part.items()}
        if given_as == VERTEX_FORM and kind == "Polygon":
            shape = _from_vertices(geofence_id, rings)
        else:
            shape = _from_geometry(geofence_id, kind, parts)
    else:
        hint = 'Give "polygon": a list of points, or "geometry": a GeoJSON Polygon.'
        fields.required("polygon", hint)
        fields.refuse("polygon", "is missing", hint)
    _check_rings(fields, rings, warnings)
    return shape


def _vertex_rings(fields: Fields) -> NamedRings:
    rings = {"polygon": _opened(fields.vertices("polygon", fields.get("polygon")))}
    holes = fields.get("holes")
    if holes is not None:
        for i, hole in enumerate(fields.items("holes", holes, "Give holes as a list of rings.")):
            rings[f"holes[{i}]"] = _opened(fields.vertices(f"holes[{i}]", hole))
    return rings


def _geometry_parts(fields: Fields) -> tuple[str, list[NamedRings]]:
    geometry = fields.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or not isinstance(kind, str) or kind not in ("Polygon", "MultiPolygon"):
        shown = repr(kind) if isinstance(kind, str) else kind_of(geometry)
        fields.refuse("geometry", f"must be a GeoJSON Polygon or MultiPolygon, not {shown[:60]}", POSITION_HINT)
    field, coordinates = "geometry.coordinates", geometry.get("coordinates")
    if kind == "Polygon":
        return kind, [_geometry_rings(fields, field, coordinates)]
    polygons = fields.items(field, coordinates, POSITION_HINT)
    if not polygons:
        fields.refuse(field, "is empty", "Give at least one polygon.")
    return kind, [_geometry_rings(fields, f"{field}[{i}]", polygon) for i, polygon in enumerate(polygons)]


def _geometry_rings(fields: Fields, field: str, value: object) -> NamedRings:
    rings = fields.items(field, value, POSITION_HINT)
    if not rings:
        fields.refuse(field, "is empty", "Give at least one ring.")
    return {f"{field}[{i}]": _opened(fields.positions(f"{field}[{i}]", ring)) for i, ring in enumerate(rings)}


def _from_vertices(geofence_id: str, rings: NamedRings) -> Geofence:
    outer, *holes = (tuple(LatLon(lat, lon) for lat, lon in ring) for ring in rings.values())
    return Geofence(geofence_id=geofence_id, name="", type="polygon", polygon=outer, holes=tuple(holes))


def _from_geometry(geofence_id: str, kind: str, parts: Sequence[NamedRings]) -> Geofence:
    closed = tuple(
        tuple(tuple((lon, lat) for lat, lon in (*ring, *ring[:1])) for ring in part.values()) for part in parts
    )
    geometry = PolygonGeometry(closed[0]) if kind == "Polygon" else MultiPolygonGeometry(closed)
    return Geofence(geofence_id=geofence_id, name="", type="polygon", geometry=geometry)


def _opened(ring: Sequence[LatLon]) -> list[LatLonPair]:
    return open_ring([(p.latitude, p.longitude) for p in ring])


def _check_rings(fields: Fields, named: NamedRings, warnings: list[str]) -> None:
    rings: list[Ring] = []
    for name, vertices in named.items():
        distinct = len(set(vertices))
        if distinct < 3:
            fields.refuse(name, f"must have at least three different vertices, not {distinct}", _AREA_HINT)
        try:
            ring = Ring(vertices, like=rings[0] if rings else None)
        except WindsTwice:
            fields.refuse(
                name, "goes round the earth more than once", "Split it into rings that go round at most once."
            )
        rings.append(ring)
        if without_area([ring]):
            fields.refuse(name, "has zero area", _AREA_HINT)
        contact = self_contact(ring)
        if contact is not None:
            lat, lon = contact[0], (contact[1] + 180.0) % 360.0 - 180.0
            warnings.append(
                f"geofence {fields.label!r}: {name} touches or crosses itself at latitude {lat:.7g}, "
                f"longitude {lon:.7g}; parts enclosed twice count as outside"
            )
    if without_area(rings):
        fields.refuse(next(iter(named)), "has zero area: its rings cancel each other out", _AREA_HINT)
