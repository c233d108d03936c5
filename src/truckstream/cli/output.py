"""Rows to the terminal: a table for people, CSV or JSON for programs. Empty means unknown."""

import csv
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from truckstream.core.errors import InvalidSetting

Format = Literal["table", "csv", "json"]
TABLE_ROWS = 200
_PIPE_WIDTH = 1_000
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Column(msgspec.Struct, frozen=True):
    """How one column is shown.

    `digits` after the point; `right` aligned; `label` heads it in a table instead of its name; `detail` keeps it
    out of tables, which must fit a terminal.
    """

    name: str
    digits: int | None = None
    right: bool = False
    label: str = ""
    detail: bool = False


def program() -> str:
    """Return what the reader's shell calls this program: its name, or its path where the shell would not find it."""
    name = "truckstream"
    path = Path(sys.argv[0])
    if shutil.which(name) or path.name != name:
        return name
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def choose(as_csv: bool, as_json: bool) -> Format:
    """Return the format two flags ask for. Raises InvalidSetting when both are given."""
    if as_csv and as_json:
        raise InvalidSetting("--csv and --json together", hint="Choose one of them.")
    return "json" if as_json else "csv" if as_csv else "table"


def emit(columns: Sequence[Column], rows: Iterable[Mapping[str, object]], form: Format, *, empty: str) -> None:
    """Print the rows; `empty` is what a person reads when there are none.

    JSON is one array, an element per line. CSV holds the named columns; JSON everything in the row.
    """
    if form == "json":
        _emit_json(rows)
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow([column.name for column in columns])
        writer.writerows([text(row.get(column.name), column.digits) for column in columns] for row in rows)
    else:
        _emit_table(columns, rows, empty)


def text(value: object, digits: int | None) -> str:
    """Return a value as people and CSV readers expect it.

    >>> text(None, 3), text(1.5, 3), text(True, None)
    ('', '1.500', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and digits is not None:
        return f"{value:.{digits}f}"
    return str(value)


def _emit_json(rows: Iterable[Mapping[str, object]]) -> None:
    separator = "[\n"
    for row in rows:
        sys.stdout.write(separator + _encode(row).decode())
        separator = ",\n"
    sys.stdout.write("[]\n" if separator == "[\n" else "\n]\n")


def _emit_table(columns: Sequence[Column], rows: Iterable[Mapping[str, object]], empty: str) -> None:
    remaining = iter(rows)
    shown = list(islice(remaining, TABLE_ROWS))
    if not shown:
        print(empty)
        return
    # Through a pipe there is no width to keep to.
    console = Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    columns = [column for column in columns if not column.detail]
    for column in columns:
        table.add_column(column.label or column.name, justify="right" if column.right else "left", no_wrap=True)
    for row in shown:
        table.add_row(*(escape(text(row.get(column.name), column.digits)) for column in columns))
    console.print(table)
    more = sum(1 for _ in remaining)
    if more:
        console.print(f"... and {more:,} more rows; --csv or --json prints all.", style="dim")
