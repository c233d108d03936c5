"""Athena's tables and views as deployed, executed here: they give the answers of `truckstream stats`.

The Glue definitions are read back from the applied stack. Partitions are projected from them as Athena does it; the
views' text is translated from Athena's dialect to DuckDB's with types (a plain translation divides integers wrongly).
"""

import base64
import json
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlglot
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from tests.support.stack import Deployed
from tests.support.terraform import ROOT, SOURCE

from truckstream.parquet.schema import DELIVERY_COLUMNS, HOURLY_COLUMNS, POSITION_COLUMNS, Column

SQL = ROOT / "src" / "truckstream" / "sql"
KINDS = {
    "name": "string", "status": "string", "text": "string", "instant": "timestamp", "int32": "int", "int64": "bigint",
    "float64": "double", "bool": "boolean",
}  # fmt: skip
PRESTO = {"string": "varchar", "int": "integer"}
DUCKDB = {"string": "VARCHAR", "timestamp": "TIMESTAMP WITH TIME ZONE", "int": "INTEGER"}


def hive_type(column: Column) -> str:
    return KINDS.get(column.kind) or f"decimal({column.precision},{column.scale})"


def table(deployed: Deployed, name: str) -> dict[str, Any]:
    answer = deployed.stack.client("glue").get_table(DatabaseName="truckstream", Name=name)
    found: dict[str, Any] = answer["Table"]
    return found


def columns_of(definition: dict[str, Any]) -> list[tuple[str, str]]:
    return [(column["Name"], column["Type"]) for column in definition["StorageDescriptor"]["Columns"]]


def view(deployed: Deployed, name: str) -> dict[str, Any]:
    """Return what a view's text holds: originalSql and columns."""
    text = re.fullmatch(r"/\* Presto View: (\S+) \*/", table(deployed, name)["ViewOriginalText"])
    assert text is not None
    found: dict[str, Any] = json.loads(base64.b64decode(text[1]))
    return found


@pytest.mark.parametrize(
    ("name", "columns", "prefix"),
    [
        ("position_files", (*POSITION_COLUMNS, *DELIVERY_COLUMNS), "positions"),
        ("hourly_files", HOURLY_COLUMNS, "hourly"),
    ],
)
def test_table_has_the_columns_of_the_files(
    deployed: Deployed, name: str, columns: tuple[Column, ...], prefix: str
) -> None:
    definition = table(deployed, name)
    assert columns_of(definition) == [(column.name, hive_type(column)) for column in columns]
    assert [(key["Name"], key["Type"]) for key in definition["PartitionKeys"]] == [("date", "date")]
    assert definition["TableType"] == "EXTERNAL_TABLE"
    assert definition["StorageDescriptor"]["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    parameters = definition["Parameters"]
    assert parameters["storage.location.template"].endswith(f"/{prefix}/date=${{date}}/")
    assert (parameters["projection.enabled"], parameters["projection.date.format"]) == ("true", "yyyy-MM-dd")


@pytest.mark.parametrize("name", ["positions", "hourly_stats"])
def test_view_is_the_shared_text_with_its_columns(deployed: Deployed, name: str) -> None:
    found = view(deployed, name)
    assert found["originalSql"] == (SQL / f"{name}.sql").read_text()
    selected = sqlglot.parse_one(found["originalSql"], dialect="athena", into=sqlglot.exp.Select).named_selects
    assert [column["name"] for column in found["columns"]] == selected
    shown = columns_of(table(deployed, name))
    assert [(name, PRESTO.get(kind, kind)) for name, kind in shown] == [
        (column["name"], column["type"]) for column in found["columns"]
    ]


def test_workgroup_limits_and_encrypts(deployed: Deployed) -> None:
    group = deployed.stack.client("athena").get_work_group(WorkGroup="truckstream")["WorkGroup"]["Configuration"]
    assert group["BytesScannedCutoffPerQuery"] == 50 * 10**9
    assert group["EnforceWorkGroupConfiguration"] is True
    assert group["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


# --- the same answers -----------------------------------------------------------------------------------


def truckstream(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "truckstream", *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def replayed(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of the austin replay, its statistics made."""
    data = tmp_path_factory.mktemp("austin") / "data"
    truckstream("replay", str(test_data / "austin.csv.gz"), "--data", str(data), "--no-notify")
    truckstream("stats", "--data", str(data), "--json")
    return data


def projected(definition: dict[str, Any], archive: Path) -> list[tuple[date, list[str]]]:
    """Return the files of each date that the projection names, as Athena finds them: no listing of the whole bucket."""
    first, last = definition["Parameters"]["projection.date.range"].split(",")
    assert last == "NOW+1DAYS"
    day, end = date.fromisoformat(first), datetime.now(UTC).date() + timedelta(days=1)
    found = []
    while day <= end:
        location = definition["Parameters"]["storage.location.template"].replace("${date}", day.isoformat())
        folder = archive / location.partition("://")[2].partition("/")[2]
        if folder.is_dir():
            found.append((day, sorted(str(path) for path in folder.iterdir() if path.name[0] not in "._")))
        day += timedelta(days=1)
    return found


@pytest.fixture(scope="module")
def athena(deployed: Deployed, replayed: Path) -> Any:
    """DuckDB with the deployed tables and views over the replayed archive; call it with SQL of Athena's dialect."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    schema: dict[str, object] = {}
    for name in ("position_files", "hourly_files"):
        definition = table(deployed, name)
        parts = projected(definition, replayed / "archive")
        assert parts
        read = " UNION ALL ".join(
            f"SELECT *, DATE '{day}' AS \"date\" FROM read_parquet({files!r}, hive_partitioning = false)"
            for day, files in parts
        )
        db.execute(f"CREATE VIEW {name} AS {read}")
        types = {row[0]: row[1] for row in db.execute(f"DESCRIBE {name}").fetchall()}
        for column, kind in columns_of(definition):  # the files hold what the definition says
            assert types[column] == DUCKDB.get(kind, kind.upper()), column
        schema[name] = dict(columns_of(definition)) | {"date": "date"}

    def translated(sql: str) -> str:
        tree = sqlglot.parse_one(sql, dialect="athena")
        typed = annotate_types(qualify(tree, schema=schema, dialect="athena"), schema=schema, dialect="athena")
        return str(typed.sql("duckdb"))

    for name in ("positions", "hourly_stats"):
        found = view(deployed, name)
        db.execute(f"CREATE VIEW {name} AS {translated(found['originalSql'])}")
        schema[name] = {column["name"]: column["type"] for column in found["columns"]}

    def ask(sql: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = db.sql(translated(sql)).to_arrow_table().to_pylist()
        return rows

    return ask


@pytest.mark.data
def test_hourly_statistics_are_those_of_the_command_line(athena: Any, replayed: Path) -> None:
    printed = json.loads(truckstream("stats", "--data", str(replayed), "--json"))
    rows = athena('SELECT * FROM hourly_stats ORDER BY truck_id, "hour"')
    assert len(rows) == len(printed) > 500
    for row, expected in zip(rows, sorted(printed, key=lambda each: (each["truck_id"], each["hour"])), strict=True):
        assert row["truck_id"] == expected["truck_id"]
        assert row["hour"] == datetime.fromisoformat(expected["hour"])
        assert row["date"] == row["hour"].date()
        for name in (
            "total_distance_km", "average_speed_kmh", "max_speed_kmh", "idle_time_minutes", "coordinates_count",
            "final", "driving_time_minutes", "gap_time_minutes",
        ):  # fmt: skip
            assert row[name] == expected[name], (row, name)


@pytest.mark.data
def test_positions_are_each_there_once(athena: Any, replayed: Path) -> None:
    sql = "SELECT truck_id, count(*) AS n, max(speed_kmh) AS fastest FROM positions GROUP BY truck_id ORDER BY truck_id"
    printed = json.loads(truckstream("query", sql, "--data", str(replayed), "--json"))
    rows = athena(sql)
    assert [(row["truck_id"], row["n"]) for row in rows] == [(each["truck_id"], each["n"]) for each in printed]
    assert sum(row["n"] for row in rows) == 53_569
    statistics = athena("SELECT sum(coordinates_count) AS n FROM hourly_stats")
    assert statistics == [{"n": 53_569}]


@pytest.mark.data
def test_named_queries_run_and_use_both_views(athena: Any, deployed: Deployed) -> None:
    client = deployed.stack.client("athena")
    ids = client.list_named_queries(WorkGroup="truckstream")["NamedQueryIds"]
    queries = {query["Name"]: query for query in (client.get_named_query(NamedQueryId=id)["NamedQuery"] for id in ids)}
    assert queries.keys() == {path.stem for path in (SOURCE / "modules" / "athena" / "queries").glob("*.sql")}
    rows = athena(queries["distance_per_truck_and_day"]["QueryString"])
    assert rows
    assert rows[0]["total_distance_km"] > 0
    assert athena(queries["longest_idling"]["QueryString"])
    one = athena('SELECT truck_id, max("date") AS "date" FROM positions GROUP BY truck_id LIMIT 1')[0]
    sql = (
        queries["positions_of_a_truck"]["QueryString"]
        .replace("TRK-001", one["truck_id"])
        .replace("2024-01-15", one["date"].isoformat())
    )
    found = athena(sql)
    assert found
    assert [row["timestamp"] for row in found] == sorted(row["timestamp"] for row in found)
