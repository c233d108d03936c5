"""The wheel and the locked run-time packages are enough: nothing of the development set or the checkout is needed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.support.browser import built_pages

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of a new environment with the wheel in it."""
    uv = shutil.which("uv") or str(ROOT / ".tools" / "uv" / "bin" / "uv")
    if not Path(uv).exists():
        pytest.skip("needs uv: with pip this takes a minute")
    for application in ("web", "reports"):
        built_pages(application)
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    install = [uv, "pip", "install", "-q", "--python", str(environment / "bin" / "python")]
    for step in (
        [uv, "build", "-q", "--wheel", "-o", str(folder), str(ROOT)],
        [*install, "--require-hashes", "-r", str(ROOT / "requirements.txt")],
    ):
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if "Failed to fetch" in done.stderr:
            pytest.skip(f"missing part: the package index: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("truckstream-*.whl")
    subprocess.run([*install, "--no-deps", str(wheel)], check=True)
    return environment / "bin" / "truckstream"


def test_run_time_requirements_alone_run_the_product(command: Path, tmp_path: Path) -> None:
    source = tmp_path / "one.csv"
    source.write_text("truck_id,timestamp,latitude,longitude\nA,2024-01-15T10:00:00Z,47,8\n")
    data = ["--data", str(tmp_path / "data")]
    for arguments in (
        ["replay", str(source), *data],
        ["stats", *data],
        ["query", "select 1", *data],
        ["verify", *data],
        ["plan", "--trucks", "1000", "--every", "5"],
    ):
        result = subprocess.run([str(command), *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("application", ["web", "reports"])
def test_wheel_ships_the_pages_of_both_applications(command: Path, tmp_path: Path, application: str) -> None:
    source = tmp_path / "one.csv"
    source.write_text("truck_id,timestamp,latitude,longitude\nA,2024-01-15T10:00:00Z,47,8\n")
    data = ["--data", str(tmp_path / "data")]
    subprocess.run([str(command), "replay", str(source), *data], check=True, capture_output=True, cwd=tmp_path)
    server = subprocess.Popen(
        [str(command), application, *data, "--port", "0"], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    assert server.stdout is not None
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())
        assert address is not None
        with urlopen(address[0] + "/", timeout=30) as answer:
            page = answer.read().decode()
        script = re.search(r'src="(/pages/[^"]+\.js)"', page)
        assert script is not None
        with urlopen(address[0] + script[1], timeout=30) as answer:
            assert "javascript" in answer.headers["Content-Type"]
            assert len(answer.read()) > 1_000
    finally:
        server.terminate()
        assert server.wait(30) == 0
        server.stdout.close()
