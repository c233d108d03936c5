"""Real vehicle tracks through the installed command line, against answers two independent programs agree on."""

import csv
import gzip
import io
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from truckstream.cli.main import execute

pytestmark = pytest.mark.data

# File to replay, geofences, folder of expected answers.
CASES = {
    "austin": ("austin", "austin"),
    "chicago": ("chicago", "chicago"),
    "zurich_vans": ("zurich_vans", "zurich_vans"),
    "envirocar": ("envirocar", "envirocar"),
    "austin_arrival": ("austin", "austin"),
    "zurich_vans_arrival": ("zurich_vans", "zurich_vans"),
}
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


def replay(*arguments: str) -> None:
    """Replay in a process of its own, as a user does."""
    command = [sys.executable, "-m", "truckstream", "replay", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert result.returncode == 0, result.stderr


def truckstream(*arguments: str) -> str:
    """Return what a reading command prints."""
    with redirect_stdout(io.StringIO()) as said:
        assert execute(list(arguments)) == 0
    return said.getvalue()


def rows_of(text: str) -> list[Row]:
    return list(csv.DictReader(io.StringIO(text)))


def expected(folder: Path, name: str) -> list[Row]:
    packed = folder / f"{name}.csv.gz"
    return rows_of(
        gzip.decompress(packed.read_bytes()).decode() if packed.exists() else (folder / f"{name}.csv").read_text()
    )


@pytest.fixture(scope="module", params=CASES)
def replayed(
    request: pytest.FixtureRequest, test_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The data directory after replaying one data set, and the folder of its expected answers."""
    name = str(request.param)
    answers, fences = CASES[name]
    data = tmp_path_factory.mktemp(name) / "data"
    replay(
        str(test_data / f"{name}.csv.gz"), "--geofences", str(test_data / f"geofences_{fences}.json"),
        "--speed", "max", "--outlier-speed", "0", "--data", str(data),
    )  # fmt: skip
    return data, test_data / "expected" / answers


def test_hourly_statistics_equal_the_reference(replayed: tuple[Path, Path]) -> None:
    data, folder = replayed
    output = truckstream("stats", "--csv", "--data", str(data))
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


def test_transitions_equal_the_reference(replayed: tuple[Path, Path]) -> None:
    data, folder = replayed
    output = truckstream("transitions", "--csv", "--data", str(data))
    columns = ["truck_id", "geofence_id", "event", "timestamp"]
    assert output.splitlines()[0].split(",") == columns
    ours = [tuple(row[name] for name in columns) for row in rows_of(output)]
    theirs = [tuple(row[name] for name in columns) for row in expected(folder, "transitions")]
    assert sorted(ours) == sorted(theirs)


def test_latest_positions_equal_the_reference(replayed: tuple[Path, Path]) -> None:
    data, folder = replayed
    ours = {row["truck_id"]: row for row in rows_of(truckstream("positions", "--csv", "--data", str(data)))}
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


def test_archive_holds_every_kept_row_on_its_date(replayed: tuple[Path, Path]) -> None:
    data, folder = replayed
    sql = (
        "select strftime(timestamp, '%Y-%m-%d') as date, count(*) as rows_kept, "
        "count(distinct truck_id) as trucks from positions group by 1 order by 1"
    )
    ours = rows_of(truckstream("query", sql, "--csv", "--data", str(data)))
    assert ours == expected(folder, "daily")


def test_answers_stay_the_same_after_compaction(replayed: tuple[Path, Path]) -> None:
    data, _ = replayed
    before = [truckstream(command, "--csv", "--data", str(data)) for command in ("stats", "transitions")]
    truckstream("compact", "--all", "--data", str(data))
    assert [truckstream(command, "--csv", "--data", str(data)) for command in ("stats", "transitions")] == before
    assert "ok:" in truckstream("verify", "--data", str(data))
