"""Servers from npm, installed once per lock file outside the repository, and run on 127.0.0.1 alone."""

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FAKES = Path(__file__).resolve().parent.parent / "fakes"
LOOPBACK = FAKES / "loopback.cjs"
INSTALL_TIMEOUT_S = 300
START_TIMEOUT_S = 60


def cache_folder() -> Path:
    """Return where installed parts are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "truckstream-tests"


def installed(name: str) -> Path:
    """Return the folder with `node_modules` of tests/fakes/<name>, installing it when it is not there yet.

    Skips the test when Node is missing or the package cannot be installed.
    """
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"missing part: {program}, which runs {name}")
    source = FAKES / name
    digest = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cache_folder() / f"{name}-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come here at once
        if not folder.exists():
            _install(name, source, folder)
    return folder


def _install(name: str, source: Path, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        unfinished = Path(made) / "parts"
        unfinished.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(source / file, unfinished)
        try:
            subprocess.run(
                ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=unfinished,
                check=True,
                capture_output=True,
                text=True,
                timeout=INSTALL_TIMEOUT_S,
            )
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            last_line = str(error.stderr or error).strip().splitlines()[-1]
            pytest.skip(f"missing part: npm ci of {name} failed: {last_line}")
        unfinished.rename(folder)


@contextmanager
def running(command: list[str], environment: dict[str, str], port: int) -> Iterator[None]:
    """Run a server until the end of the block; it is up when the port answers."""
    with tempfile.TemporaryFile("w+") as output:
        server = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True
        )
        try:
            deadline_s = time.monotonic() + START_TIMEOUT_S
            while not _answers(port):
                if server.poll() is not None or time.monotonic() > deadline_s:
                    output.seek(0)
                    raise RuntimeError(f"{command[0]} did not start: {output.read()[-2000:]}")
                time.sleep(0.05)
            yield
        finally:
            server.kill()
            server.communicate()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
