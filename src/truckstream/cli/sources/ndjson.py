"""One JSON record per line: passed on byte for byte; only truck, time and arrival are looked at."""

import io
from collections.abc import Iterator, Sequence

import msgspec

from truckstream.cli.sources.lines import line_lists
from truckstream.cli.sources.rows import MAX_KEY_LENGTH, RefusedRow, ReplayClock, outgoing
from truckstream.core.instants import MILLIS_MS, SECONDS_MS
from truckstream.core.records import MAX_RECORD_BYTES
from truckstream.ports import OutgoingRecord


class _Head(msgspec.Struct, gc=False):
    truck_id: str = ""
    timestamp: str = ""
    arrival: str | None = None


_decode_head = msgspec.json.Decoder(_Head).decode
_NO_HEAD = _Head()
_HEAD_FIELDS = frozenset(_Head.__struct_fields__)


class NdjsonSource:
    """Newline-delimited JSON; blank lines are skipped."""

    def __init__(self, name: str, blocks: Iterator[bytes], raw: io.BufferedReader, size_bytes: int) -> None:
        self.name, self.size_bytes = name, size_bytes
        self._blocks, self._raw = blocks, raw

    def position_bytes(self) -> int:
        """Return the place in the file on disk."""
        return self._raw.tell() if self.size_bytes else 0

    def close(self) -> None:
        """Close the file."""
        self._raw.close()

    def chunks(self) -> Iterator[Sequence[OutgoingRecord | RefusedRow]]:
        """Yield the lines as records. Raises SourceUnreadable, see `rows.Source`."""
        clock = ReplayClock()
        row = 0
        seconds_ms, millis_ms = SECONDS_MS, MILLIS_MS
        for lines in line_lists(self._blocks):
            chunk: list[OutgoingRecord | RefusedRow] = []
            for line in lines:
                row += 1
                try:
                    head = _decode_head(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    line = line.strip().removeprefix(b"\xef\xbb\xbf")
                    if not line:
                        continue
                    head = _read_head(line)
                text = head.arrival or head.timestamp
                try:  # `clock.arrival_ms`, for the commonest form of a timestamp
                    arrival_ms = clock.now_ms = seconds_ms[text[:20]] + millis_ms[text[20:]]
                except KeyError:
                    arrival_ms = clock.arrival_ms(head.arrival, head.timestamp)
                key = head.truck_id
                if key and len(key) <= MAX_KEY_LENGTH and len(line) < MAX_RECORD_BYTES - 4 * MAX_KEY_LENGTH:
                    chunk.append(OutgoingRecord(key, line, arrival_ms))
                else:
                    chunk.append(outgoing(row, line, key, arrival_ms))
            yield chunk


def _read_head(line: bytes) -> _Head:
    try:
        return _decode_head(line)
    except msgspec.ValidationError:
        return _decode_loosely(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NO_HEAD


def _decode_loosely(line: bytes) -> _Head:
    """Keep what is a text of the three fields: an `arrival` that is none must not cost the record its key."""
    try:
        fields = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NO_HEAD
    if not isinstance(fields, dict):
        return _NO_HEAD
    texts = {name: value for name, value in fields.items() if name in _HEAD_FIELDS and isinstance(value, str)}
    return _Head(**texts)
