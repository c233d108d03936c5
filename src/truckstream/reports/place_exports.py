"""Tables with places as files: routes, trips and stops as GeoJSON or GPX, with what they are in the file.

GeoJSON lines are cut at the antimeridian, as RFC 7946 (3.1.9) asks: else a map draws them around the world.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import copysign
from typing import Any

import msgspec

from truckstream.core.instants import format_instant, parse_instant
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
        parts = [part for part, _ in _cut(path, [0] * len(path))] if _crosses(path) else [path]
        if len(parts) > 1:
            return {"type": "MultiLineString", "coordinates": parts}
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
    parts: list[list[list[float]]] = []
    instants: list[list[str]] = []
    for line, told in zip(lines, times, strict=True):
        if len(line) == 1:  # a line has two ends
            parts.append(line * 2)
            instants.append(told * 2)
        elif _crosses(line):
            for part, part_ms in _cut(line, [parse_instant(text) for text in told]):
                parts.append(part)
                instants.append([format_instant(ms) for ms in part_ms])
        else:
            parts.append(line)
            instants.append(told)
    feature = {
        "type": "Feature",
        "geometry": {"type": "MultiLineString", "coordinates": parts},
        "properties": {"times": instants},
    }
    notes = [value for key, value in table.about if key == "note"]
    about = {key: value for key, value in table.about if key != "note"}
    yield msgspec.json.encode({"type": "FeatureCollection", "about": about, "notes": notes, "features": [feature]})


def _crosses(line: Sequence[Sequence[float]]) -> bool:
    return any(abs(after[0] - before[0]) > 180 for before, after in pairwise(line))


def _cut(line: Sequence[list[float]], times_ms: Sequence[int]) -> list[tuple[list[list[float]], list[int]]]:
    """Return a line in parts that end and begin on the antimeridian, each with its times.

    >>> _cut([[179.0, 10.0], [-179.0, 20.0]], [0, 1000])
    [([[179.0, 10.0], [180.0, 15.0]], [0, 500]), ([[-180.0, 15.0], [-179.0, 20.0]], [500, 1000])]
    """
    parts = [([line[0]], [times_ms[0]])]
    for (before, before_ms), (after, after_ms) in pairwise(zip(line, times_ms, strict=True)):
        if abs(after[0] - before[0]) > 180:
            edge = copysign(180.0, before[0])
            share = (180 - abs(before[0])) / ((360 - abs(after[0] - before[0])) or 1.0)
            latitude = round(before[1] + share * (after[1] - before[1]), 7)
            between_ms = round(before_ms + share * (after_ms - before_ms))
            parts[-1][0].append([edge, latitude])
            parts[-1][1].append(between_ms)
            parts.append(([[-edge, latitude]], [between_ms]))
        parts[-1][0].append(after)
        parts[-1][1].append(after_ms)
    return parts


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
    told = f"{_span(row)}, {row['distance_km']:.3f} km, {row['duration_minutes']:.1f} min"
    head = f"<trk><name>{_xml(row['truck_id'])}</name><desc>{_xml(told)}</desc><trkseg>\n"
    return f"{head}{points}</trkseg></trk>\n".encode()


def _gpx_stop(row: dict[str, Any]) -> bytes:
    told = f"{_span(row)}, {row['duration_minutes']:.1f} min"
    return (
        f'<wpt lat="{row["latitude"]:.7f}" lon="{row["longitude"]:.7f}"><time>{row["start"]}</time>'
        f"<name>{_xml(row['truck_id'])}</name><desc>{_xml(told)}</desc></wpt>\n"
    ).encode()


def _span(row: dict[str, Any]) -> str:
    return f"{row['start']} to {row['end'] or 'the newest position'}"


def _dicts(table: Table) -> Iterator[dict[str, Any]]:
    names = [column.name for column in table.columns]
    for part in table.parts:
        for row in part:
            yield dict(zip(names, row, strict=True))


def _xml(text: str) -> str:
    text = NO_XML.sub("\ufffd", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
