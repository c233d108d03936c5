"""Parquet with the record's column names, this product's own archive files included."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

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
from truckstream.core.instants import format_instant
from truckstream.ports import OutgoingRecord

_ROWS_PER_CHUNK = 8192


class ParquetSource:
    """A Parquet file, read row group by row group."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.size_bytes = path.stat().st_size
        self._done = 0.0
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise SourceUnreadable(f"{path}: damaged Parquet file: {_first_line(error)}") from error
        schema = self._file.schema_arrow
        missing = [field for field in REQUIRED_FIELDS if field not in schema.names]
        if missing:
            raise SourceUnreadable(
                f"{path}: the file lacks the columns {', '.join(missing)}; it has: {', '.join(schema.names)[:200]}",
                hint="Name the columns truck_id, timestamp, latitude, longitude ...",
            )
        kind = schema.field("timestamp").type
        if pa.types.is_timestamp(kind) and kind.tz is None:
            raise SourceUnreadable(
                f"{path}: column timestamp has no time zone",
                hint="Write it as a timestamp with a time zone (UTC) or as ISO 8601 text with an offset.",
            )
        known = TEXT_FIELDS | NUMBER_FIELDS | {"arrival"}
        self._columns = [name for name in schema.names if name in known]

    def position_bytes(self) -> int:
        """Return an estimate from the rows read so far."""
        return int(self._done * self.size_bytes)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def chunks(self) -> Iterator[Sequence[OutgoingRecord | RefusedRow]]:
        """Yield the rows as records. Raises SourceUnreadable, see `rows.Source`."""
        clock = ReplayClock()
        row = 0
        total = max(1, self._file.metadata.num_rows)
        try:
            for batch in self._file.iter_batches(batch_size=_ROWS_PER_CHUNK, columns=self._columns):
                columns = {name: _texts(batch.column(name)) for name in self._columns}
                arrivals = columns.pop("arrival", None)
                names = list(columns)
                chunk: list[OutgoingRecord | RefusedRow] = []
                for i, values in enumerate(zip(*columns.values(), strict=True)):
                    row += 1
                    fields = dict(zip(names, values, strict=True))
                    arrival_ms = clock.arrival_ms(arrivals[i] if arrivals else None, fields["timestamp"])
                    chunk.append(outgoing(row, encode_row(fields), fields["truck_id"], arrival_ms))
                self._done = row / total
                yield chunk
        except (pa.ArrowException, OSError) as error:
            raise SourceUnreadable(f"{self.name}: damaged after row {row}: {_first_line(error)}") from error


def _texts(column: Any) -> list[str]:
    if pa.types.is_timestamp(column.type):
        milliseconds = column.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64()).to_pylist()
        return ["" if value is None else format_instant(value) for value in milliseconds]
    return ["" if value is None else _text(value) for value in column.to_pylist()]


def _text(value: object) -> str:
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
