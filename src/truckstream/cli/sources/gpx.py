"""GPX tracks: the truck is the track's name, else the file's stem."""

import gzip
import io
import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import gpxpy
import gpxpy.gpx

from truckstream.cli.sources.rows import RefusedRow, ReplayClock, encode_row, outgoing
from truckstream.core.errors import SourceUnreadable
from truckstream.core.instants import format_instant
from truckstream.ports import OutgoingRecord

_CHUNK = 4096
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class GpxSource:
    """A GPX file. Routes and waypoints are not positions of a truck and are left out."""

    def __init__(
        self, path: Path, text: io.BufferedReader | gzip.GzipFile, raw: io.BufferedReader, size_bytes: int
    ) -> None:
        self.name, self.size_bytes = str(path), size_bytes
        self._stem = path.name.split(".")[0]
        self._text, self._raw = text, raw

    def position_bytes(self) -> int:
        """Return the place in the file on disk."""
        return self._raw.tell() if self.size_bytes else 0

    def _parse(self) -> tuple["gpxpy.gpx.GPX", list[RefusedRow]]:
        try:
            content = self._text.read()
            try:
                return gpxpy.parse(content), []
            except (gpxpy.gpx.GPXException, ValueError):
                whole, refused = _without_bad_points(content)
                return gpxpy.parse(whole), refused
        except (gpxpy.gpx.GPXException, ElementTree.ParseError, OSError, EOFError, ValueError) as error:
            raise SourceUnreadable(f"{self.name}: not a GPX file: {str(error).splitlines()[0][:200]}") from error

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def chunks(self) -> Iterator[Sequence[OutgoingRecord | RefusedRow]]:
        """Yield the track points as records, track by track. Raises SourceUnreadable, see `rows.Source`."""
        document, refused = self._parse()
        if refused:
            yield refused
        if not refused and not any(segment.points for track in document.tracks for segment in track.segments):
            raise SourceUnreadable(f"{self.name}: no track points in this GPX file")
        clock = ReplayClock()
        row = 0
        chunk: list[OutgoingRecord | RefusedRow] = []
        for track in document.tracks:
            truck_id = truck_id_from(track.name or "") or truck_id_from(self._stem) or "track"
            for segment in track.segments:
                for point in segment.points:
                    row += 1
                    fields = _fields(truck_id, point)
                    arrival_ms = clock.arrival_ms(None, fields["timestamp"])
                    chunk.append(outgoing(row, encode_row(fields), truck_id, arrival_ms))
                    if len(chunk) >= _CHUNK:
                        yield chunk
                        chunk = []
        yield chunk


def _without_bad_points(content: bytes) -> tuple[bytes, list[RefusedRow]]:
    """Take out the points whose place is no pair of numbers: one of them must not cost the whole file."""
    root = ElementTree.fromstring(content)
    for element in root.iter():
        element.tag = str(element.tag).rpartition("}")[2]  # written again, prefixes would be others than gpxpy knows
    refused: list[RefusedRow] = []
    for segment in root.iter("trkseg"):
        for point in segment.findall("trkpt"):
            if not (_is_number(point.get("lat")) and _is_number(point.get("lon"))):
                segment.remove(point)
                payload = ElementTree.tostring(point).strip()
                reason = f"track point at lat={point.get('lat')!r} lon={point.get('lon')!r}: not two numbers"
                refused.append(RefusedRow(len(refused) + 1, reason, payload, 0))
    return ElementTree.tostring(root), refused


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and math.isfinite(float(text))
    except ValueError:
        return False


def truck_id_from(name: str) -> str:
    """Return a truck id made of a track's name: other characters become `-`, at most 64.

    >>> truck_id_from("Lorry 7 (Bern)")
    'Lorry-7--Bern-'
    """
    return re.sub(r"[^A-Za-z0-9._:-]", "-", name.strip())[:64]


def _fields(truck_id: str, point: "gpxpy.gpx.GPXTrackPoint") -> dict[str, str]:
    time = point.time
    timestamp = ""
    if time is not None:
        if time.tzinfo is None:  # GPX times are UTC by definition
            time = time.replace(tzinfo=UTC)
        timestamp = format_instant((time - _EPOCH) // timedelta(milliseconds=1))
    fields = {
        "truck_id": truck_id,
        "timestamp": timestamp,
        "latitude": repr(point.latitude),
        "longitude": repr(point.longitude),
    }
    speed_ms = point.speed if point.speed is not None else _extension(point, "speed")
    if speed_ms is not None:  # GPX 1.0 and the common extensions give metres per second
        fields["speed_kmh"] = repr(round(speed_ms * 3.6, 6))
    heading = point.course if point.course is not None else _extension(point, "course")
    if heading is not None:
        fields["heading"] = repr(heading)
    if point.elevation is not None:
        fields["altitude_m"] = repr(point.elevation)
    return fields


def _extension(point: "gpxpy.gpx.GPXTrackPoint", name: str) -> float | None:
    """Return a number that GPX 1.1 keeps in extensions, whatever their namespace."""
    for extension in point.extensions:
        for element in extension.iter():
            if str(element.tag).rpartition("}")[2].lower() == name and element.text:
                try:
                    return float(element.text)
                except ValueError:
                    return None
    return None
