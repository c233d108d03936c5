"""Frames of the live stream: what changed for a viewer, as one server-sent event, encoded and compressed once.

Viewers that are at the same tick and look at the same part of the map get the same bytes. A frame's compressed form
is a piece of a deflate stream that refers to nothing before it, so it fits behind any other: each viewer's gzip
stream is its own header and check sum around shared pieces.
"""

import re
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from truckstream.web.fleet_state import FIELDS, RECENT_ALERTS, AlertLine, FleetState, TruckLine

_LEVEL: Final = 3
_GZIP_HEADER: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST_PIECE: Final = b"\x03\x00"  # an empty final deflate block
_FIELDS_JSON: Final = msgspec.json.encode(FIELDS)
_CURSOR: Final = re.compile(r"([0-9a-f]+)-([0-9]{1,15})-([0-9]{1,15})")
_ALERTS_A_FRAME: Final = 200
_encode = msgspec.json.Encoder().encode


class Viewport(NamedTuple):
    """A part of the map in degrees. `west` > `east`: it crosses the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    def holds(self, line: TruckLine) -> bool:
        """Return whether the truck is in it; trucks never seen are nowhere, and always told."""
        if line.track is None:
            return True
        if not self.south <= line.latitude <= self.north:
            return False
        if self.west <= self.east:
            return self.west <= line.longitude <= self.east
        return line.longitude >= self.west or line.longitude <= self.east


class Frame(NamedTuple):
    """One event: its text, and the same as a piece of a deflate stream. `changes`: whether it tells anything new.

    `head_size` bytes come before the fields of its data; `rest` is what is behind them, as a piece.
    """

    text: bytes
    deflated: bytes
    changes: bool
    head_size: int = 0
    rest: bytes = b""


class FrameMaker:
    """Makes the frames of the present tick; forgets them when the next one comes."""

    def __init__(self, state: FleetState, epoch: str) -> None:
        self._state = state
        self._epoch = epoch
        self._tick = -1
        self._made: dict[object, Frame] = {}

    def ticks_of(self, cursor: str) -> tuple[int, int] | None:
        """Return the ticks inside and outside the viewport of an event id; None: of another process, or too old."""
        match = _CURSOR.fullmatch(cursor)
        if match is None or match[1] != self._epoch:
            return None
        inside, outside = int(match[2]), int(match[3])
        return (
            (inside, outside)
            if outside <= inside and self._state.knows(outside) and self._state.knows(inside)
            else None
        )

    def snapshot(self) -> Frame:
        """Return the event with the whole fleet."""
        return self._cached("snapshot", self._make_snapshot)

    def frame(self, inside_since: int, outside_since: int, viewport: Viewport | None, *, outside_now: bool) -> Frame:
        """Return the event with what changed.

        Args:
            inside_since: the tick up to which the viewer knows the trucks in its viewport, alerts and departures.
            outside_since: the same for trucks outside of it.
            viewport: None is everywhere.
            outside_now: False leaves the trucks outside for later.
        """
        key = (inside_since, outside_since, viewport, outside_now) if viewport else inside_since
        return self._cached(key, lambda: self._make(inside_since, outside_since, viewport, outside_now))

    def _make_snapshot(self) -> Frame:
        state = self._state
        alerts = list(state.alerts.values())[-RECENT_ALERTS:]
        body = self._body(list(state.lines.values()), [], alerts)
        return self._event(b"snapshot", state.tick, state.tick, body, changes=True)

    def _make(self, inside_since: int, outside_since: int, viewport: Viewport | None, outside_now: bool) -> Frame:
        state = self._state
        if viewport is None:
            lines = state.changed_since(inside_since)
        else:
            lines = [
                line
                for line in state.changed_since(min(inside_since, outside_since) if outside_now else inside_since)
                if (line.changed > inside_since and viewport.holds(line))
                or (outside_now and line.changed > outside_since)
            ]
        gone = state.gone_since(inside_since)
        alerts = [line for line in state.alerts.values() if line.changed > inside_since][-_ALERTS_A_FRAME:]
        outside = state.tick if outside_now or viewport is None else outside_since
        body = self._body(lines, gone, alerts)
        return self._event(b"frame", state.tick, outside, body, changes=bool(lines or gone or alerts))

    def _event(self, name: bytes, inside: int, outside: int, body: bytes, *, changes: bool) -> Frame:
        cursor = f"{self._epoch}-{inside}-{outside}".encode()
        head, fields = b"event: %b\nid: %b\ndata: {" % (name, cursor), body[1:] + b"\n\n"
        rest = _deflate(fields)
        return Frame(head + fields, _deflate(head) + rest, changes, len(head), rest)

    def _cached(self, key: object, make: Callable[[], Frame]) -> Frame:
        if self._tick != self._state.tick:
            self._tick = self._state.tick
            self._made.clear()
        frame = self._made.get(key)
        if frame is None:
            frame = self._made[key] = make()
        return frame

    def _body(self, lines: Sequence[TruckLine], gone: Sequence[str], alerts: Sequence[AlertLine]) -> bytes:
        state = self._state
        return (
            b'{"now_ms":%d,"fields":%b,"trucks":[%b],"gone":%b,"counts":%b,"alerts":[%b],"geofence_revision":%d,'
            b'"stale_since_ms":%b,"health":%b}'
        ) % (
            state.now_ms,
            _FIELDS_JSON,
            b",".join([line.row for line in lines]),
            _encode(gone),
            _encode(state.count_of()),
            b",".join([line.row for line in alerts]),
            state.geofence_revision,
            _encode(state.failing_since_ms),
            state.health,
        )


class GzipStream:
    """One viewer's gzip stream around shared pieces."""

    def __init__(self) -> None:
        self._check = 0
        self._size = 0
        self._begun = False

    def piece(self, frame: Frame) -> bytes:
        """Return the bytes to send for a frame."""
        self._check = zlib.crc32(frame.text, self._check)
        self._size += len(frame.text)
        begin = b"" if self._begun else _GZIP_HEADER
        self._begun = True
        return begin + frame.deflated

    def end(self) -> bytes:
        """Return the bytes that end the stream as gzip wants it."""
        begin = b"" if self._begun else _GZIP_HEADER
        return begin + _LAST_PIECE + struct.pack("<II", self._check, self._size & 0xFFFFFFFF)


def opening(retry_ms: int) -> Frame:
    """Return the first lines of a stream: how long a browser waits before it connects again."""
    text = f": truckstream\nretry: {retry_ms}\n\n".encode()
    return Frame(text, _deflate(text), False)


def named(frame: Frame, stream_id: str) -> Frame:
    """Return a viewer's first event, which tells it the id of its stream; the large part stays shared."""
    head = frame.text[: frame.head_size] + b'"stream_id":%b,' % _encode(stream_id)
    return Frame(head + frame.text[frame.head_size :], _deflate(head) + frame.rest, True)


def _deflate(text: bytes) -> bytes:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
    return deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH)
