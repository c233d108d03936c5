"""Tables as files: CSV, XLSX and Parquet, written in parts. Those with places: see `place_exports`.

Each file says what it is: the period, the zone, the filter and what is missing. Text cells that a spreadsheet would
take for a formula are defused, because truck ids and geofence names come from outside.
"""

import csv
import io
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec

from truckstream.core.errors import InvalidInput
from truckstream.core.instants import parse_instant
from truckstream.reports.tables import Table

XLSX_ROWS: Final = 1_048_575
_CHUNK_BYTES: Final = 256 * 1024
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
NO_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0, and so a spreadsheet or GPX file, cannot hold."""


def csv_parts(table: Table) -> Iterator[bytes]:
    """Yield a table as CSV: lines that begin with `#` say what it is, then a heading, then rows."""
    lines = "".join(f"# {key}: {one_line(value)}\n" for key, value in table.about)
    yield lines.encode()
    yield _csv_lines([[column.name for column in table.columns]])
    texts = [place for place, column in enumerate(table.columns) if column.kind == "text"]
    flags = [place for place, column in enumerate(table.columns) if column.kind == "flag"]
    for part in table.parts:
        for row in part:
            for place in texts:
                if str(row[place]).startswith(_FORMULA):
                    row[place] = f"'{row[place]}"
            for place in flags:
                row[place] = "true" if row[place] else "false"
        yield _csv_lines(part)


def _csv_lines(rows: Iterable[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def xlsx_parts(table: Table) -> Iterator[bytes]:
    """Yield a table as a workbook: its rows on one sheet, what it is on another. Raises InvalidInput when too long."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    if table.row_count > XLSX_ROWS:
        raise InvalidInput(
            f"{table.row_count:,} rows do not fit on a sheet", hint="Export CSV or Parquet, or choose less."
        )
    book = Workbook(write_only=True)
    sheet = book.create_sheet(table.name)
    sheet.freeze_panes = "A2"
    for place, column in enumerate(table.columns):
        width = {"local": 20, "instant": 26, "text": 20}.get(column.kind, 14)
        sheet.column_dimensions[get_column_letter(place + 1)].width = width
    bold = Font(bold=True)

    def text(value: object, *, heading: bool = False) -> Any:
        cell = WriteOnlyCell(sheet, value=NO_XML.sub("\ufffd", str(value)))
        cell.data_type = "s"  # never a formula
        if heading:
            cell.font = bold
        return cell

    def cell_of(value: object, kind: str) -> Any:
        if kind == "local" and isinstance(value, str):
            cell = WriteOnlyCell(sheet, value=datetime.fromisoformat(value).replace(tzinfo=None))
            cell.number_format = "yyyy-mm-dd hh:mm:ss"
            return cell
        return text(value) if isinstance(value, str) else value

    sheet.append([text(column.name, heading=True) for column in table.columns])
    for part in table.parts:
        for row in part:
            sheet.append([cell_of(value, column.kind) for value, column in zip(row, table.columns, strict=True)])
    about = book.create_sheet("about")
    about.column_dimensions["A"].width, about.column_dimensions["B"].width = 16, 90
    for key, value in table.about:
        about.append([text(key, heading=True), text(value)])
    yield from _through_file(book.save)


def parquet_parts(table: Table) -> Iterator[bytes]:
    """Yield a table as Parquet; what it is stands in the file's metadata as JSON under `truckstream.report`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {
        "instant": pa.timestamp("ms", tz="UTC"),
        "number": pa.float64(),
        "whole": pa.int64(),
        "flag": pa.bool_(),
    }
    fields = [(column.name, kinds.get(column.kind, pa.string())) for column in table.columns]
    about = msgspec.json.encode([list(pair) for pair in table.about])
    schema = pa.schema(fields, metadata={"truckstream.report": about})

    def write(file: Any) -> None:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for part in table.parts:
                arrays = []
                for place, column in enumerate(table.columns):
                    values = [row[place] for row in part]
                    if column.kind == "instant":
                        values = [None if value is None else parse_instant(value) for value in values]
                    arrays.append(pa.array(values, schema.field(place).type))
                writer.write_table(pa.table(arrays, schema=schema))

    yield from _through_file(write)


def _through_file(write: Callable[[Any], object]) -> Iterator[bytes]:
    """Yield what is written to a file: formats that go back and forth in it cannot be sent as they grow."""
    with tempfile.TemporaryFile(prefix="truckstream-export-") as file:
        write(file)
        file.seek(0)
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


def one_line(text: str) -> str:
    """Return a text without line breaks."""
    return " ".join(text.split())
