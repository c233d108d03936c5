"""SQL over a local archive, with DuckDB: the views `positions` and `hourly_stats`, for reading only.

One SELECT at a time, on an in-memory database that may open the archive's listed files and nothing else: no
writing, no other file, no network, no change of these settings. All instants are UTC.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import duckdb
import pyarrow as pa

from truckstream.consumers.archive_keys import POSITIONS, date_in
from truckstream.consumers.statistics import read_stats
from truckstream.core.errors import InvalidInput, Unavailable
from truckstream.core.hourly_table import HourlyTable
from truckstream.local.archive import DirectoryArchive
from truckstream.parquet import ParquetFormat
from truckstream.parquet.pyarrow_file import DELIVERY_TYPES, POSITION_TYPES
from truckstream.parquet.pyarrow_hourly import hourly_to_arrow

READ_ATTEMPTS = 10
MEMORY_LIMIT_BYTES = 2 * 1024**3
"""Beyond this (or half of the machine's memory) DuckDB spills to a temporary directory."""

_TABLES_HINT = (
    "One SELECT over positions (truck_id, timestamp, latitude, longitude, speed_kmh, ..., date) "
    "and hourly_stats (truck_id, hour, total_distance_km, ..., final, revision, date)."
)

type Result = tuple[list[str], Sequence[tuple[object, ...]]]


def query(root: Path, sql: str, *, hourly: Callable[[], HourlyTable] | None = None) -> Result:
    """Run one SELECT over the archive below `root`; return column names and rows.

    Args:
        root: the archive directory; missing or empty, the views have no rows.
        sql: DuckDB's dialect. Counts come as int, decimals as Decimal, instants as aware datetimes.
        hourly: gives the rows of `hourly_stats`, called only when the text names it; None: the stored ones.

    Raises:
        InvalidInput: the text is not one SELECT, or DuckDB refuses it; carries DuckDB's message.
        Unavailable: the archive changed faster than it could be read.
    """
    _check(sql)
    archive = DirectoryArchive(root)
    table = HourlyTable.empty()
    if "hourly_stats" in sql.lower():
        table = hourly() if hourly is not None else read_stats(archive, ParquetFormat())
    for _ in range(READ_ATTEMPTS):
        paths = [str(root / file.key) for file in archive.list(POSITIONS) if date_in(file.key)]
        try:
            return _run(sql, paths, table)
        except duckdb.IOException as error:
            if all(Path(path).exists() for path in paths):
                raise _refused(error) from error
        except duckdb.Error as error:
            raise _refused(error) from error
        except RuntimeError as error:
            if str(error) == "Query interrupted":  # what DuckDB makes of Ctrl-C in this thread, before the query runs
                raise KeyboardInterrupt from error
            raise
    raise Unavailable(
        "the archive changes faster than it can be read",
        hint="Try again when the compaction or replay that is running has ended.",
    )


def _check(sql: str) -> None:
    with duckdb.connect() as db:
        try:
            statements = db.extract_statements(sql)
        except duckdb.Error as error:
            raise _refused(error) from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise InvalidInput("only a single SELECT can be run", hint=_TABLES_HINT)


def _run(sql: str, paths: Sequence[str], table: HourlyTable) -> Result:
    with tempfile.TemporaryDirectory(prefix="truckstream-sql-") as spill, duckdb.connect() as db:
        _create_tables(db, paths, table)
        db.execute("SET memory_limit = ?", [f"{_memory_limit_bytes()}B"])
        db.execute("SET temp_directory = ?", [spill])
        db.execute("SET allowed_paths = ?", [list(paths)])
        db.execute("SET enable_external_access = false")
        db.execute("SET lock_configuration = true")
        found = _interruptible(db, sql)
    columns = [_values(column) for column in found.columns]
    return list(found.column_names), list(zip(*columns, strict=True))


def _interruptible(db: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """Run the query in a thread: Ctrl-C reaches this one, and DuckDB is told to stop."""
    with ThreadPoolExecutor(1, "query") as pool:
        running = pool.submit(lambda: db.sql(sql).to_arrow_table())
        try:
            return running.result()
        except BaseException:
            db.interrupt()
            raise


def _create_tables(db: duckdb.DuckDBPyConnection, paths: Sequence[str], table: HourlyTable) -> None:
    db.execute("SET TimeZone = 'UTC'")
    db.execute("CREATE SCHEMA files; SET search_path = 'main,files'")
    no_rows = pa.schema({**POSITION_TYPES, **DELIVERY_TYPES, "date": pa.date32()}.items()).empty_table()
    db.register("no_rows", no_rows)
    db.execute("CREATE TABLE files.no_positions AS SELECT * FROM no_rows")
    read = "SELECT * FROM files.no_positions"
    if paths:
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        read += (
            f" UNION ALL BY NAME SELECT * FROM read_parquet([{listed}], union_by_name = true,"
            " hive_partitioning = true, hive_types = {'date': DATE})"
        )
    db.execute(f"CREATE VIEW files.position_files AS {read}")
    db.register("hours", hourly_to_arrow(table))
    db.execute('CREATE TABLE files.hourly_files AS SELECT *, CAST("hour" AS DATE) AS "date" FROM hours')
    db.unregister("no_rows")
    db.unregister("hours")
    for view in ("positions", "hourly_stats"):
        db.execute(f"CREATE VIEW {view} AS {_text(view)}")


def _text(view: str) -> str:
    return (files("truckstream") / "sql" / f"{view}.sql").read_text(encoding="utf-8")


def _values(column: pa.ChunkedArray) -> list[object]:
    values: list[object] = column.to_pylist()
    if pa.types.is_decimal(column.type) and column.type.scale == 0:  # sums of integers
        return [None if value is None else int(value) for value in values]  # type: ignore[call-overload]
    return values


def _memory_limit_bytes() -> int:
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(MEMORY_LIMIT_BYTES, physical // 2)


def _refused(error: duckdb.Error) -> InvalidInput:
    return InvalidInput(str(error).strip().split("\n")[0], hint=_TABLES_HINT)
