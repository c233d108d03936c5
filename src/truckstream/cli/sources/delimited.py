"""CSV with a header of the record's field names; comma, semicolon or tab.

Every line stands alone: a quoted field may hold the separator but no line end, so that one broken quote costs
one row, not the rest of the file.
"""

import csv
import io
from collections.abc import Iterator, Sequence

from truckstream.cli.sources.lines import line_lists
from truckstream.cli.sources.rows import (
    NUMBER_FIELDS,
    REQUIRED_FIELDS,
    TEXT_FIELDS,
    RefusedRow,
    ReplayClock,
    encode_row,
    outgoing,
)
from truckstream.core.errors import SourceUnreadable
from truckstream.ports import OutgoingRecord

csv.field_size_limit(1 << 30)


class CsvSource:
    """A CSV file; unknown columns are ignored, `arrival` is the row's arrival time."""

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
        """Yield the rows as records. Raises SourceUnreadable, see `rows.Source`."""
        lists = line_lists(self._blocks)
        header: _Header | None = None
        clock = ReplayClock()
        row = 0
        for lines in lists:
            chunk: list[OutgoingRecord | RefusedRow] = []
            for line in lines:
                row += 1
                text = line.decode("utf-8", "surrogateescape").rstrip("\r")
                if header is None:
                    text = text.removeprefix("\ufeff")
                    if text.strip():
                        header = _Header(self.name, text)
                elif text:
                    chunk.append(header.record(row, line, text, clock))
            yield chunk
        if header is None:
            raise SourceUnreadable(f"{self.name}: there is nothing in it", hint="Check how the file was made.")


def check_header(name: str, start: bytes) -> None:
    """Look at the header in the first bytes of a file. Raises SourceUnreadable when it lacks a required column."""
    for line in start.split(b"\n")[:-1]:
        text = line.decode("utf-8", "surrogateescape").rstrip("\r").removeprefix("\ufeff")
        if text.strip():
            _Header(name, text)
            return


class _Header:
    def __init__(self, name: str, line: str) -> None:
        self.separator = max(",;\t", key=line.count)
        self.columns = [column.strip() for column in _fields(line, self.separator)]
        missing = [field for field in REQUIRED_FIELDS if field not in self.columns]
        if missing:
            shown = ", ".join(self.columns)[:200]
            raise SourceUnreadable(
                f"{name}: the header lacks {', '.join(missing)}; it has: {shown}",
                hint="Name the columns truck_id, timestamp, latitude, longitude and, if known, speed_kmh, heading, "
                "altitude_m, accuracy_m, fuel_level_pct, engine_status, arrival.",
            )
        twice = sorted({column for column in self.columns if self.columns.count(column) > 1} & _WANTED)
        if twice:
            raise SourceUnreadable(f"{name}: the header has {', '.join(twice)} twice", hint="Rename one of them.")
        self.wanted = [(i, column) for i, column in enumerate(self.columns) if column in TEXT_FIELDS | NUMBER_FIELDS]
        self.arrival = self.columns.index("arrival") if "arrival" in self.columns else None

    def record(self, row: int, line: bytes, text: str, clock: ReplayClock) -> OutgoingRecord | RefusedRow:
        try:
            fields = _fields(text, self.separator)
        except csv.Error as error:
            return RefusedRow(row, f"not a CSV row: {error}", line, clock.now_ms)
        if len(fields) != len(self.columns):
            reason = f"the row has {len(fields)} fields where the header has {len(self.columns)}"
            return RefusedRow(row, reason, line, clock.now_ms)
        values = {column: fields[i].strip() for i, column in self.wanted}
        arrival = fields[self.arrival].strip() if self.arrival is not None else None
        arrival_ms = clock.arrival_ms(arrival, values["timestamp"])
        return outgoing(row, encode_row(values), values["truck_id"], arrival_ms)


_WANTED = TEXT_FIELDS | NUMBER_FIELDS | {"arrival"}


def _fields(text: str, separator: str) -> list[str]:
    if '"' not in text:
        return text.split(separator)
    return next(csv.reader([text], delimiter=separator, strict=True), [])
