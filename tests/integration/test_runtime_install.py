"""The locked run-time packages alone are enough: nothing of the development set is needed to run the product."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_run_time_requirements_alone_run_the_product(tmp_path: Path) -> None:
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")
    if not Path(uv).exists():
        pytest.skip("needs uv: with pip this takes a minute")
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    installed = subprocess.run(
        [uv, "pip", "install", "-q", "--python", str(python), "--require-hashes", "-r", str(ROOT / "requirements.txt")],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        pytest.skip(f"missing part: the package index: {installed.stderr[-200:]}")
    source = tmp_path / "one.csv"
    source.write_text("truck_id,timestamp,latitude,longitude\nA,2024-01-15T10:00:00Z,47,8\n")
    data = ["--data", str(tmp_path / "data")]
    for arguments in (
        ["replay", str(source), *data],
        ["stats", *data],
        ["query", "select 1", *data],
        ["verify", *data],
    ):
        result = subprocess.run(
            [str(python), "-m", "truckstream", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
