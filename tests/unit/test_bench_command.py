"""`truckstream bench`: it finds the benchmarks of a checkout and hands everything on to the script."""

from pathlib import Path

import pytest

from truckstream.cli import bench
from truckstream.cli.main import execute


def test_without_a_name_it_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["bench"]) == 0
    said = capsys.readouterr().out
    for path in (bench.ROOT / "bench").glob("*.py"):
        assert (f"{path.stem} " in said) == (path.stem != "harness")
    assert "positions per second" in said


def test_an_unknown_benchmark_is_two_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["bench", "speed"]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error == "error: there is no benchmark 'speed'"
    assert "lambda" in hint


def test_arguments_and_exit_code_are_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "idle.py").write_text('"""Nothing at all."""\n')
    script = tmp_path / "scripts" / "bench.sh"
    script.parent.mkdir()
    script.write_text('#!/bin/sh\necho "$@"\nexit 1\n')
    script.chmod(0o755)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    assert execute(["bench", "idle", "--rounds", "1"]) == 1
    assert capfd.readouterr().out == "idle --rounds 1\n"


def test_an_installed_package_says_where_the_benchmarks_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    assert execute(["bench", "replay"]) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: the benchmarks are in the repository")
    assert "scripts/bench.sh" in hint
