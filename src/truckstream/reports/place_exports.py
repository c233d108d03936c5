"""Tables with places as files: routes, trips and stops as GeoJSON or GPX, with what they are in the file."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from truckstream.reports.exports import NO_XML, one_line
from truckstream.reports.tables import Table


def geojson_parts(table: Table, paths: Mapping[int, list[list[float]]]) -> Iterator[bytes]:
    """Yield a table with places as a FeatureCollection; `paths`: the lines of its rows by their number."""
    about = msgspec.json.encode({key: value for key, value in table.about if key != "note"})
    notes = msgspec.json.encode([value for key, value in table.about if key == "note"])
    yield b'{"type":"FeatureCollection","about":' + about + b',"notes":' + notes + b',"features":['
    names = [column.name for column in table.columns]
    number = 0
    for part in table.parts:
        features = []
        for row in part:
            cells = dict(zip(names, row, strict=True))
            geometry = _geometry(cells, paths.get(number))
            features.append(msgspec.json.encode({"type": "Feature", "geometry": geometry, "properties": cells}))
            number += 1
        yield (b",\n" if number > len(part) else b"\n") + b",\n".join(features) if features else b""
    yield b"\n]}\n"


def _geometry(cells: dict[str, Any], path: list[list[float]] | None) -> dict[str, Any]:
    if path is not None:
        return {"type": "LineString", "coordinates": path}
    return {"type": "Point", "coordinates": [cells["longitude"], cells["latitude"]]}


def route_geojson_parts(table: Table) -> Iterator[bytes]:
    """Yield a route as one feature: a line for each stretch without a gap, and the time of each place."""
    lines: list[list[list[float]]] = []
    times: list[list[str]] = []
    for row in _dicts(table):
        if row["gap"] or not lines:
            lines.append([])
            times.append([])
        lines[-1].append([row["longitude"], row["latitude"]])
        times[-1].append(row["timestamp"])
    for line, instants in zip(lines, times, strict=True):
        if len(line) == 1:  # a line has two ends
            line.append(line[0])
            instants.append(instants[0])
    feature = {
        "type": "Feature",
        "geometry": {"type": "MultiLineString", "coordinates": lines},
        "properties": {"times": times},
    }
    notes = [value for key, value in table.about if key == "note"]
    about = {key: value for key, value in table.about if key != "note"}
    yield msgspec.json.encode({"type": "FeatureCollection", "about": about, "notes": notes, "features": [feature]})


def gpx_parts(table: Table, paths: Mapping[int, list[list[float]]]) -> Iterator[bytes]:
    """Yield a table with places as GPX 1.1: tracks of routes and trips, waypoints of stops."""
    about = "; ".join(f"{key}: {one_line(value)}" for key, value in table.about)
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<gpx version="1.1" creator="truckstream" xmlns="http://www.topografix.com/GPX/1/1">\n'
        f"<metadata><desc>{_xml(about)}</desc></metadata>\n"
    ).encode()
    if table.name == "route":
        yield from _gpx_route(table)
    else:
        for number, row in enumerate(_dicts(table)):
            yield _gpx_trip(row, paths[number]) if table.name == "trips" else _gpx_stop(row)
    yield b"</gpx>\n"


def _gpx_route(table: Table) -> Iterator[bytes]:
    open_ = False
    for row in _dicts(table):
        text = ""
        if not open_:
            text = f"<trk><name>{_xml(row['truck_id'])}</name><trkseg>\n"
        elif row["gap"]:
            text = "</trkseg><trkseg>\n"
        open_ = True
        text += (
            f'<trkpt lat="{row["latitude"]:.7f}" lon="{row["longitude"]:.7f}"><time>{row["timestamp"]}</time></trkpt>\n'
        )
        yield text.encode()
    if open_:
        yield b"</trkseg></trk>\n"


def _gpx_trip(row: dict[str, Any], path: list[list[float]]) -> bytes:
    points = "".join(f'<trkpt lat="{place[1]:.7f}" lon="{place[0]:.7f}"/>\n' for place in path)
    told = f"{row['start']} to {row['end'] or 'now'}, {row['distance_km']:.3f} km, {row['duration_minutes']:.1f} min"
    head = f"<trk><name>{_xml(row['truck_id'])}</name><desc>{_xml(told)}</desc><trkseg>\n"
    return f"{head}{points}</trkseg></trk>\n".encode()


def _gpx_stop(row: dict[str, Any]) -> bytes:
    told = f"{row['start']} to {row['end'] or 'now'}, {row['duration_minutes']:.1f} min"
    return (
        f'<wpt lat="{row["latitude"]:.7f}" lon="{row["longitude"]:.7f}"><time>{row["start"]}</time>'
        f"<name>{_xml(row['truck_id'])}</name><desc>{_xml(told)}</desc></wpt>\n"
    ).encode()


def _dicts(table: Table) -> Iterator[dict[str, Any]]:
    names = [column.name for column in table.columns]
    for part in table.parts:
        for row in part:
            yield dict(zip(names, row, strict=True))


def _xml(text: str) -> str:
    text = NO_XML.sub("\ufffd", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
