"""What one stream record may carry: one JSON object, NDJSON, gzip of either, or a KPL aggregated record.

The first bytes tell which. One bad record never hides its neighbours: each line and each user record is
judged alone and refused alone. Only a damaged frame (gzip, KPL) is refused as a whole, index -1 with its
whole payload, so that it can be put on the stream again as it was. Nested frames are refused, except gzip
within KPL.

Bounded for any input: `MAX_INFLATED_BYTES` and `MAX_RECORDS` per stream record, `MAX_RECORD_BYTES` per line.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from truckstream.core import kpl
from truckstream.core.errors import InvalidRecord
from truckstream.core.records import Position, parse_position

MAX_INFLATED_BYTES: Final = 64 * 1024 * 1024
"""All gzip in one stream record together: 300,000 positions of 214 bytes; beyond it is a bomb."""

MAX_RECORDS: Final = 200_000
"""Lines and user records in one stream record. A full mebibyte of gzip NDJSON has about 40,000."""

WHOLE: Final = -1
"""The index of a refusal that means the stream record as a whole."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31  # zlib: gzip header and trailer, largest window
_BOM: Final = b"\xef\xbb\xbf"
_CHUNK: Final = 16 * 1024  # small: zlib copies what follows a gzip member, once per member
_WHITE: Final = b" \t\r\n"
_LINE_END: Final = 10

_skip = msgspec.json.Decoder(msgspec.Raw).decode  # checks the syntax and builds nothing


class Refusal(msgspec.Struct, frozen=True):
    """One bad record. `index` is its place within the stream record, -1 the stream record as a whole."""

    index: int
    reason: str
    payload: bytes


class DecodedMany(msgspec.Struct, frozen=True):
    """What a stream record held when it was not just one good JSON object.

    `indexes[i]` is the place of `positions[i]` within the stream record: its number among the non-blank
    lines and user records, refused ones included.
    """

    positions: list[Position]
    indexes: list[int]
    refused: list[Refusal]


type Decoded = Position | DecodedMany
"""A `Position` when the record was one good JSON object, which is the common case."""


class _DamagedFrame(Exception):
    """A gzip or KPL frame cannot be read, or holds more than any honest one."""


def decode(data: bytes, arrival_ms: int) -> Decoded:
    """Return the positions in a stream record and what was refused, with reasons. Never raises.

    Args:
        data: the record as it was put on the stream.
        arrival_ms: the stream's arrival time, the "now" of the future rule.
    """
    if data[:1] == b"{" and (_LINE_END not in data or data.find(b"\n") == len(data) - 1):
        try:
            return parse_position(data, arrival_ms)
        except InvalidRecord as error:
            return DecodedMany([], [], [Refusal(0, error.message, data)])
    reader = _Reader(arrival_ms)
    try:
        reader.read(data)
    except _DamagedFrame as error:
        return DecodedMany([], [], [Refusal(WHOLE, str(error), data)])
    if len(reader.positions) == 1 and not reader.refused:
        return reader.positions[0]
    return DecodedMany(reader.positions, reader.indexes, reader.refused)


def gzip_frame(lines: Sequence[bytes]) -> bytes:
    """Return the lines (without line ends) as gzip NDJSON; the same lines always give the same bytes."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, _GZIP_WINDOW)  # zlib writes time 0 into the header
    return deflate.compress(b"".join([line + b"\n" for line in lines])) + deflate.flush()


class _Reader:
    """Reads one stream record; holds what was found and how much more it may inflate."""

    def __init__(self, arrival_ms: int) -> None:
        self.positions: list[Position] = []
        self.indexes: list[int] = []
        self.refused: list[Refusal] = []
        self._arrival_ms = arrival_ms
        self._inflatable = MAX_INFLATED_BYTES

    def read(self, data: bytes) -> None:
        """Read a stream record of any form."""
        if data.startswith(kpl.MAGIC):
            try:
                user_records = kpl.split_aggregated(data)
            except ValueError as error:
                raise _DamagedFrame(str(error)) from None
            if not user_records:
                raise _DamagedFrame("empty KPL record")
            for user_record in user_records:
                self._read_user_record(user_record)
        elif data.startswith(_GZIP_MAGIC):
            self._read_text(self._inflate(data))
        else:
            self._read_text(data)

    def _read_user_record(self, data: bytes) -> None:
        """Read what a KPL record holds; a damaged frame in it is one refusal among its neighbours."""
        if data.startswith(kpl.MAGIC):
            self._refuse("a KPL record within a KPL record", data)
        elif data.startswith(_GZIP_MAGIC):
            try:
                text = self._inflate(data)
            except _DamagedFrame as error:
                self._refuse(str(error), data)
            else:
                self._read_text(text)
        else:
            self._read_text(data)

    def _read_text(self, data: bytes) -> None:
        """Read JSON text: one object, however it is laid out, or one object per line."""
        data = data.removeprefix(_BOM).strip(_WHITE)
        if data.count(b"\n") > MAX_RECORDS:
            raise _DamagedFrame(f"more than {MAX_RECORDS} lines")
        if b"\n" not in data or _is_one_value(data):
            self._read_records((data,))
        else:
            self._read_records([line for text in data.split(b"\n") if (line := text.strip(_WHITE))])

    def _read_records(self, records: Sequence[bytes]) -> None:
        arrival_ms, positions, indexes = self._arrival_ms, self.positions, self.indexes
        first = len(positions) + len(self.refused)
        if first + len(records) > MAX_RECORDS:
            raise _DamagedFrame(f"more than {MAX_RECORDS} records in one")
        for index, record in enumerate(records, first):
            try:
                positions.append(parse_position(record, arrival_ms))
            except InvalidRecord as error:
                self.refused.append(Refusal(index, error.message, record))
            else:
                indexes.append(index)

    def _refuse(self, reason: str, payload: bytes) -> None:
        index = len(self.positions) + len(self.refused)
        if index >= MAX_RECORDS:
            raise _DamagedFrame(f"more than {MAX_RECORDS} records in one")
        self.refused.append(Refusal(index, reason, payload))

    def _inflate(self, data: bytes) -> bytes:
        """Return the content of all gzip members; frames within are refused here, before they are read."""
        try:
            text = b"".join(self._members(data))
        except zlib.error:
            raise _DamagedFrame("damaged gzip: content and checksum do not agree") from None
        if text.startswith((_GZIP_MAGIC, kpl.MAGIC)):
            raise _DamagedFrame("a gzip or KPL frame within gzip")
        return text

    def _members(self, data: bytes) -> Iterator[bytes]:
        """Yield the inflated pieces of one or more gzip members; zeros may pad the end, as tape writers do.

        What a refused frame inflated counts too: a thousand bombs in a KPL record cost as much as one.
        """
        view = memoryview(data)
        at = 0
        while at < len(data):
            member = zlib.decompressobj(_GZIP_WINDOW)
            while not member.eof:
                chunk = view[at : at + _CHUNK]
                if not chunk:
                    raise _DamagedFrame("damaged gzip: it ends too early")
                piece = member.decompress(chunk, max(self._inflatable, 0) + 1)
                at += len(chunk) - len(member.unused_data)
                self._inflatable -= len(piece)
                if self._inflatable < 0:
                    raise _DamagedFrame(f"gzip inflates to more than {MAX_INFLATED_BYTES} bytes")
                yield piece
            if not any(view[at:]):
                return


def _is_one_value(data: bytes) -> bool:
    """Say whether text of several lines is one value laid out over them, be it damaged, and not NDJSON."""
    first, *others = data.split(b"\n")
    if _is_json(first):
        return False
    if _is_json(data):
        return True
    return first.strip(_WHITE) == b"{" and not any(
        _is_json(line) for line in others if line.lstrip(_WHITE).startswith(b"{")
    )


def _is_json(data: bytes) -> bool:
    try:
        _skip(data)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
