"""Real vehicle tracks through the installed command line, against answers two independent programs agree on."""

import io
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from tests.support.reference import check_latest, check_statistics, check_transitions, expected, rows_of

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
    check_statistics(truckstream("stats", "--csv", "--data", str(data)), folder)


def test_transitions_equal_the_reference(replayed: tuple[Path, Path]) -> None:
    data, folder = replayed
    check_transitions(truckstream("transitions", "--csv", "--data", str(data)), folder)


def test_latest_positions_equal_the_reference(replayed: tuple[Path, Path]) -> None:
    data, folder = replayed
    check_latest(truckstream("positions", "--csv", "--data", str(data)), folder)


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
