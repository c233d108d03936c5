"""The bootstrap on all kinds of machines: which Python it takes, what it says without one, what it repairs.

Scratch copies with a made-up PATH; packages are never installed: a stand-in for uv notes what it is asked.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
REAL = sys._base_executable  # type: ignore[attr-defined]
TOOLS = ("sh", "cat", "chmod", "cksum", "dirname", "flock", "grep", "mkdir", "rm", "sleep", "touch")
ELSEWHERE = [
    *Path("/usr/local").glob("bin/python3.1[2-9]"),
    *Path("/usr/local").glob("python3.1[2-9]*/bin/python3"),
    *Path("/opt/homebrew").glob("bin/python3.1[2-9]"),
]
no_python_elsewhere = pytest.mark.skipif(bool(ELSEWHERE), reason="this machine has Pythons in fixed places")


class Machine:
    """A scratch copy of the repository and a machine with chosen commands only."""

    def __init__(self, folder: Path) -> None:
        self.repository, self.bin, self.home = folder / "repository", folder / "bin", folder / "home"
        self.installer = ""
        for made in (self.repository, self.bin, self.home):
            made.mkdir()
        shutil.copytree(ROOT / "scripts", self.repository / "scripts")
        for name in ("pyproject.toml", "requirements.txt", "requirements-dev.txt"):
            shutil.copy(ROOT / name, self.repository / name)
        for tool in TOOLS:
            where = shutil.which(tool)
            if where:
                (self.bin / tool).symlink_to(where)

    def command(self, name: str, body: str, folder: Path | None = None) -> Path:
        path = (folder or self.bin) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def stand_in_for_uv(self, body: str = "") -> Path:
        """A uv that installs nothing but the command, and notes each call in the file returned."""
        self.installer = "uv"  # never fall back to a real pip
        calls = self.home / "uv-calls"
        self.command(
            "uv",
            f"""[ "$1" = --version ] && exit 0
echo "$@" >>{calls}
{body}
mkdir -p {self.repository}/.venv/bin
touch {self.repository}/.venv/bin/truckstream
chmod 755 {self.repository}/.venv/bin/truckstream""",
        )
        return calls

    def environment(self, **more: str) -> dict[str, str]:
        return {"PATH": str(self.bin), "HOME": str(self.home), "TRUCKSTREAM_INSTALLER": self.installer, **more}

    def setup(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        script = self.repository / "scripts" / "setup.sh"
        return subprocess.run(
            ["/bin/sh", str(script), *arguments],
            env=self.environment(**more),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


OLD = "exit 1"  # what the probe answers on Python 3.11
BROKEN_SHIM = "echo 'pyenv: python3.12: command not found' >&2; exit 127"
WORKING = f'exec {REAL} "$@"'


def claims(version: str) -> str:
    return f"cat >/dev/null; echo '{version} /fake/python{version}'"


# --- which Python -------------------------------------------------------------------------------------------


@no_python_elsewhere
def test_old_python_alone_is_told_what_to_install(machine: Machine) -> None:
    machine.command("python3", OLD)
    done = machine.setup("--which")
    assert (done.returncode, done.stdout) == (1, "")
    assert "error: Python 3.12 or newer was not found" in done.stderr
    for way in ("apt install", "pyenv install", "uv python install", "PYTHON="):
        assert way in done.stderr
    assert machine.setup("run").returncode == 1
    assert not (machine.repository / ".venv").exists()


def test_broken_shim_on_the_path_is_passed_over(machine: Machine, tmp_path: Path) -> None:
    machine.command("python3.12", BROKEN_SHIM)
    machine.command("python3", OLD)
    machine.command("python3.12", WORKING, tmp_path / "later")
    done = machine.setup("--which", PATH=f"{machine.bin}:{tmp_path / 'later'}")
    assert (done.returncode, done.stdout.strip()) == (0, REAL)


def test_shim_is_resolved_to_the_interpreter_itself(machine: Machine) -> None:
    machine.command("python3", WORKING)
    assert machine.setup("--which").stdout.strip() == REAL


@no_python_elsewhere
@pytest.mark.parametrize(
    "place",
    [
        "home/.pyenv/versions/3.13.0/bin",
        "home/.local/share/uv/python/cpython-3.12.7-linux-x86_64-gnu/bin",
    ],
)
def test_python_of_a_version_manager_is_found(machine: Machine, tmp_path: Path, place: str) -> None:
    machine.command("python3", OLD)
    machine.command("python3", WORKING, tmp_path / place)
    assert machine.setup("--which").stdout.strip() == REAL


def test_version_with_all_wheels_is_preferred(machine: Machine, tmp_path: Path) -> None:
    machine.command("python3.14", claims("3.14"))
    machine.command("python3", claims("3.13"), tmp_path / "home/.pyenv/versions/3.13.0/bin")
    assert machine.setup("--which").stdout.strip() == "/fake/python3.13"


@no_python_elsewhere
def test_newer_python_will_do_when_it_is_all_there_is(machine: Machine) -> None:
    machine.command("python3.14", claims("3.14"))
    assert machine.setup("--which").stdout.strip() == "/fake/python3.14"


def test_python_variable_is_used_before_any_search(machine: Machine, tmp_path: Path) -> None:
    machine.command("python3.12", claims("3.12"))
    chosen = machine.command("mine", WORKING, tmp_path / "somewhere")
    assert machine.setup("--which", PYTHON=str(chosen)).stdout.strip() == REAL


@pytest.mark.parametrize("body", [OLD, BROKEN_SHIM])
def test_unusable_python_variable_is_an_error(machine: Machine, tmp_path: Path, body: str) -> None:
    machine.command("python3.12", WORKING)
    chosen = machine.command("mine", body, tmp_path / "somewhere")
    done = machine.setup("--which", PYTHON=str(chosen))
    assert done.returncode == 1
    assert f"PYTHON={chosen}" in done.stderr
    assert "hint:" in done.stderr


@no_python_elsewhere
def test_python_without_ensurepip_is_named_with_its_mend(machine: Machine) -> None:
    machine.command("python3.12", f'[ "$3" = pip ] && exit 1\n{WORKING}')
    done = machine.setup("--which")
    assert done.returncode == 1
    assert f"{machine.bin}/python3.12 has no venv and ensurepip" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_python_without_ensurepip_serves_with_uv(machine: Machine) -> None:
    machine.command("python3.12", f'[ "$3" = pip ] && exit 1\n{WORKING}')
    machine.stand_in_for_uv()
    assert machine.setup("--which").stdout.strip() == REAL


def test_unknown_argument_shows_the_usage(machine: Machine) -> None:
    done = machine.setup("--sideways")
    assert done.returncode == 2
    assert "Usage:" in done.stderr


# --- .venv --------------------------------------------------------------------------------------------------


@pytest.fixture
def calls(machine: Machine) -> Path:
    machine.command("python3", WORKING)
    return machine.stand_in_for_uv()


def made(machine: Machine, kind: str = "run", **more: str) -> str:
    done = machine.setup(kind, **more)
    assert done.returncode == 0, done.stderr
    assert (machine.repository / ".venv" / "bin" / "truckstream").exists()
    return done.stderr


def test_first_run_installs_the_lock_by_hash_then_the_package(machine: Machine, calls: Path) -> None:
    said = made(machine)
    first, second = calls.read_text().splitlines()
    assert "--require-hashes -r" in first
    assert first.endswith("/requirements.txt")
    assert re.search(r"--no-deps -e \S+/repository$", second)
    assert "using Python 3." in said
    assert "creating .venv" in said
    assert "ready" in said


def test_second_run_is_silent_and_quick(machine: Machine, calls: Path) -> None:
    made(machine)
    calls.unlink()
    took_s = []
    for _ in range(3):  # the quickest counts: a machine may be busy once
        begin = time.perf_counter()
        assert made(machine) == ""
        took_s.append(time.perf_counter() - begin)
    assert not calls.exists()
    begin = time.perf_counter()
    for _ in range(100):
        subprocess.run(["sh", "-c", ":"], check=True)
    assert min(took_s) < time.perf_counter() - begin  # it starts a few programs, not hundreds


def test_environment_for_tests_serves_run_but_not_the_reverse(machine: Machine, calls: Path) -> None:
    made(machine, "run")
    assert "requirements-dev.txt" in made(machine, "dev")
    assert made(machine, "run") == ""
    assert made(machine, "dev") == ""


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml"])
def test_changed_lock_or_project_is_installed_again(machine: Machine, calls: Path, name: str) -> None:
    made(machine)
    with (machine.repository / name).open("a") as file:
        file.write("# changed\n")
    said = made(machine)
    assert "installing" in said
    assert "creating" not in said


def test_interrupted_installation_is_made_anew(machine: Machine, calls: Path) -> None:
    machine.stand_in_for_uv(body="exit 1")
    assert machine.setup("run").returncode == 1
    assert not (machine.repository / ".venv" / ".truckstream-setup").exists()
    machine.stand_in_for_uv()
    assert ".venv was not finished; making it anew" in made(machine)


def test_moved_directory_is_made_anew(machine: Machine, calls: Path, tmp_path: Path) -> None:
    made(machine)
    machine.repository = machine.repository.rename(tmp_path / "moved")
    machine.stand_in_for_uv()
    assert ".venv was moved; making it anew" in made(machine)


def test_deleted_interpreter_is_replaced(machine: Machine, calls: Path) -> None:
    made(machine)
    for python in (machine.repository / ".venv" / "bin").glob("python*"):
        python.unlink()
    (machine.repository / ".venv" / "bin" / "python").symlink_to("/nonexistent/python3.12")
    assert ".venv does not run; making it anew" in made(machine)


def test_environment_made_by_hand_is_filled_not_replaced(machine: Machine, calls: Path) -> None:
    subprocess.run([REAL, "-m", "venv", "--without-pip", machine.repository / ".venv"], check=True)
    keep = machine.repository / ".venv" / "keep"
    keep.touch()
    assert "making it anew" not in made(machine)
    assert keep.exists()


@pytest.mark.parametrize("with_flock", [True, False])
def test_two_at_once_install_once(machine: Machine, with_flock: bool) -> None:
    if not with_flock:
        (machine.bin / "flock").unlink(missing_ok=True)
    machine.command("python3", WORKING)
    calls = machine.stand_in_for_uv(body="sleep 0.3")
    script = str(machine.repository / "scripts" / "setup.sh")
    both = [
        subprocess.Popen(["/bin/sh", script, "run"], env=machine.environment(), stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert len(calls.read_text().splitlines()) == 2


def test_lock_of_a_dead_setup_is_taken_over(machine: Machine, calls: Path) -> None:
    (machine.bin / "flock").unlink(missing_ok=True)
    dead = subprocess.Popen(["/bin/sh", "-c", "exit 0"])
    dead.wait()
    lock = machine.repository / ".tools" / "setup.lock.d"
    lock.mkdir(parents=True)
    (lock / "pid").write_text(f"{dead.pid}\n")
    made(machine)
    assert not lock.exists()


# --- the other scripts and the locks ------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["setup.sh", "test.sh", "bench.sh", "pages.sh"])
def test_scripts_explain_themselves_with_an_example(script: str) -> None:
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / script), "--help"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage: scripts/")
    assert done.stdout.splitlines()[-1].startswith("Example: ")


def test_unknown_benchmark_is_refused_with_the_list() -> None:
    done = subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "bench.sh"), "nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no benchmark 'nonsense'" in done.stderr
    assert "Benchmarks:" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["lint"]])
@pytest.mark.parametrize("failing", ["ruff", "mypy", "lint-imports"])
def test_failing_check_ends_the_test_script(machine: Machine, arguments: list[str], failing: str) -> None:
    tools = machine.repository / ".venv" / "bin"
    for script_name in ("setup.sh", "pages.sh"):
        machine.command(script_name, "exit 0", machine.repository / "scripts")
    for name in ("ruff", "mypy", "lint-imports", "python"):
        machine.command(name, f"echo {name} ran; exit {int(name == failing)}", tools)
    script = machine.repository / "scripts" / "test.sh"
    done = subprocess.run(
        ["/bin/sh", str(script), *arguments], env=machine.environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"{failing} ran"


def pinned(name: str) -> set[str]:
    return set(re.findall(r"^([\w.\[\]-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    "name",
    ["requirements.txt", "requirements-dev.txt", "scripts/uv.txt", "scripts/pages.txt", "scripts/pages-node.txt"],
)
def test_locks_carry_hashes_and_name_no_host(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)
    blocks = re.split(r"^(?=\w)", text, flags=re.MULTILINE)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)
    assert pinned(name)


def test_tests_run_with_the_versions_that_users_get() -> None:
    assert pinned("requirements.txt") <= pinned("requirements-dev.txt")


def test_continuous_integration_script_is_executable_bash() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK)
    assert run.read_text().startswith("#!/usr/bin/env bash\n")
    subprocess.run(["bash", "-n", str(run)], check=True)
