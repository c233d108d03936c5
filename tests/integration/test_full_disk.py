"""No space left: two lines that say so, and nothing that was acknowledged is lost."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from truckstream.cli.main import execute

COMMAND = [sys.executable, "-m", "truckstream"]
POSITIONS = 60_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "fleet.ndjson"
    seconds = str(POSITIONS // 500 * 5)
    assert execute(["simulate", "--trucks", "500", "--duration", seconds, "--output", str(path)]) == 0
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def replay(source: Path, data: Path, limit: Callable[[], None] | None = None) -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, "replay", str(source), "--outlier-speed", "0", "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, preexec_fn=limit)


def assert_two_lines(result: "subprocess.CompletedProcess[str]") -> None:
    lines = [line for line in result.stderr.splitlines() if line.startswith(("error", "hint", "Traceback", "  File"))]
    assert [line.split(":")[0] for line in lines] == ["error", "hint"], result.stderr
    assert result.returncode == 75


def assert_nothing_lost_after(source: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Resume where it stopped, then run the whole file again: everything is there, once."""
    assert execute(["run", "--trucks", "0", "--duration", "0", "--data", str(data)]) == 0
    capsys.readouterr()
    assert execute(["verify", "--json", "--data", str(data)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert 0 < found["archived"] < POSITIONS
    assert replay(source, data).returncode == 0
    capsys.readouterr()
    assert execute(["verify", "--json", "--data", str(data)]) == 0
    assert json.loads(capsys.readouterr().out)["archived"] == POSITIONS


def test_full_disk_stops_with_its_reason_and_resumes(
    small_disk: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = small_disk / "data"
    result = replay(source, data)
    assert_two_lines(result)
    assert "disk is full" in result.stderr
    subprocess.run(["mount", "-o", "remount,size=300m", str(small_disk)], check=True)
    assert_nothing_lost_after(source, data, capsys)


def test_file_size_quota_stops_cleanly_and_resumes(
    tmp_path: Path, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = replay(source, tmp_path / "data", lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, 900_000)))
    assert_two_lines(result)
    assert_nothing_lost_after(source, tmp_path / "data", capsys)
