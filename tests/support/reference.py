"""Reference answers for the real tracks, and comparisons with what the command line prints."""

import csv
import gzip
import io
from pathlib import Path

STATS_COLUMNS = [
    "truck_id",
    "hour",
    "total_distance_km",
    "average_speed_kmh",
    "max_speed_kmh",
    "idle_time_minutes",
    "coordinates_count",
]

Row = dict[str, str]


def rows_of(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text)))


def expected(folder: Path, name: str) -> list[Row]:
    packed = folder / f"{name}.csv.gz"
    return rows_of(
        gzip.decompress(packed.read_bytes()).decode() if packed.exists() else (folder / f"{name}.csv").read_text()
    )


def check_statistics(output: str, folder: Path) -> None:
    """Compare what `stats --csv` printed."""
    assert output.splitlines()[0].split(",")[: len(STATS_COLUMNS)] == STATS_COLUMNS
    ours = {(row["truck_id"], row["hour"]): row for row in rows_of(output)}
    theirs = {(row["truck_id"], row["hour"]): row for row in expected(folder, "hourly")}
    assert ours.keys() == theirs.keys()
    for key, row in theirs.items():
        found = ours[key]
        assert found["coordinates_count"] == row["coordinates_count"], key
        km = float(row["total_distance_km"])
        assert abs(float(found["total_distance_km"]) - km) <= max(2e-6, 1e-6 * km), key
        for name in ("average_speed_kmh", "max_speed_kmh", "idle_time_minutes"):
            assert (found[name] == "") == (row[name] == ""), (key, name)
            if row[name]:
                assert abs(float(found[name]) - float(row[name])) <= 1e-3, (key, name)


def check_transitions(output: str, folder: Path) -> None:
    """Compare what `transitions --csv` printed."""
    columns = ["truck_id", "geofence_id", "event", "timestamp"]
    assert output.splitlines()[0].split(",") == columns
    ours = [tuple(row[name] for name in columns) for row in rows_of(output)]
    theirs = [tuple(row[name] for name in columns) for row in expected(folder, "transitions")]
    assert sorted(ours) == sorted(theirs)


def check_latest(output: str, folder: Path) -> None:
    """Compare what `positions --csv` printed."""
    ours = {row["truck_id"]: row for row in rows_of(output)}
    theirs = {row["truck_id"]: row for row in expected(folder, "latest")}
    assert ours.keys() == theirs.keys()
    for truck_id, row in theirs.items():
        found = ours[truck_id]
        assert (found["timestamp"], found["latitude"], found["longitude"]) == (
            row["timestamp"],
            row["latitude"],
            row["longitude"],
        )
        for name in ("speed_kmh", "heading"):
            assert (found[name] == "") == (row[name] == "")
            assert not row[name] or float(found[name]) == float(row[name])
