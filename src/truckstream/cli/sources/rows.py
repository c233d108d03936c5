"""What every source yields, and how loose columns become one JSON record."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import msgspec

from truckstream.core.instants import parse_instant
from truckstream.core.records import MAX_RECORD_BYTES
from truckstream.ports import OutgoingRecord

TEXT_FIELDS = frozenset({"truck_id", "timestamp", "engine_status"})
NUMBER_FIELDS = frozenset(
    {"latitude", "longitude", "speed_kmh", "heading", "altitude_m", "accuracy_m", "fuel_level_pct"}
)
REQUIRED_FIELDS = ("truck_id", "timestamp", "latitude", "longitude")
# Records whose truck cannot be read still need a key; they are all set aside by the consumers.
UNREADABLE_KEY = "-"
MAX_KEY_LENGTH = 256

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch
_to_json_text = msgspec.json.Encoder().encode


class RefusedRow(msgspec.Struct, frozen=True):
    """A row that can never be on a stream. `row` counts from 1 within its file."""

    row: int
    reason: str
    payload: bytes
    arrival_ms: int


class Source(Protocol):
    """An open file of positions."""

    name: str
    size_bytes: int

    def chunks(self) -> Iterator[Sequence[OutgoingRecord | RefusedRow]]:
        """Yield rows in file order, some thousand at a time.

        Raises SourceUnreadable when the file cannot be read to its end; the rows before were yielded.
        """
        ...

    def position_bytes(self) -> int:
        """Return how far into the file on disk the reader is, for progress."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class ReplayClock:
    """The arrival time of rows: their `arrival` field, else their timestamp, else the row before's."""

    def __init__(self) -> None:
        self.now_ms = 0

    def arrival_ms(self, arrival: str | None, timestamp: str) -> int:
        """Return the arrival time and move the clock there."""
        for text in (arrival, timestamp):
            if text:
                try:
                    self.now_ms = parse_instant(text)
                    break
                except ValueError:
                    continue
        return self.now_ms


def outgoing(row: int, data: bytes, key: str, arrival_ms: int) -> OutgoingRecord | RefusedRow:
    """Return the record, or a refusal when no stream would take it."""
    if not key or len(key) > MAX_KEY_LENGTH:
        key = UNREADABLE_KEY
    if len(data) + len(key) > MAX_RECORD_BYTES:
        reason = f"record of {len(data):,} bytes is larger than the stream takes ({MAX_RECORD_BYTES:,})"
        return RefusedRow(row, reason, data, arrival_ms)
    return OutgoingRecord(key, data, arrival_ms)


def number_text(text: str) -> str:
    """Return `text` as a JSON number if it is one in any common spelling, else as a JSON string.

    >>> number_text("47.3769"), number_text("+.5"), number_text("abc")
    ('47.3769', '0.5', '"abc"')
    """
    if _JSON_NUMBER(text):
        return text
    try:
        value = float(text) if "_" not in text else math.nan
    except ValueError:
        value = math.nan
    return repr(value) if math.isfinite(value) else string_text(text)


def string_text(text: str) -> str:
    """Return `text` as a JSON string; bytes that were not UTF-8 stay what they were."""
    try:
        return _to_json_text(text).decode()
    except UnicodeEncodeError:  # surrogates stand for bytes that were not UTF-8
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + re.sub(r"[\x00-\x1f]", " ", escaped) + '"'


def encode_row(fields: Mapping[str, str]) -> bytes:
    """Return the JSON record of a row of texts; empty texts are unknown and left out.

    >>> encode_row({"truck_id": "A", "latitude": "47.0", "heading": ""})
    b'{"truck_id":"A","latitude":47.0}'
    """
    parts = []
    for name, text in fields.items():
        if text:
            value = number_text(text) if name in NUMBER_FIELDS else string_text(text)
            parts.append(f'"{name}":{value}')
    return ("{" + ",".join(parts) + "}").encode("utf-8", "surrogateescape")
