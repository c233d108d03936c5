import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from truckstream.core.errors import DataDirectoryInUse, Denied, InvalidSetting
from truckstream.local.lock import WriterLock, holder_of

HOLD = """
import sys
from pathlib import Path
from truckstream.local.lock import WriterLock
with WriterLock(Path(sys.argv[1]), "replay"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_holding(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", HOLD, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def no_privileges() -> Iterator[None]:
    """Root may write anywhere: step down while it matters."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_second_writer_learns_who_holds_the_directory(tmp_path: Path) -> None:
    with another_process_holding(tmp_path) as process:
        with pytest.raises(DataDirectoryInUse) as caught, WriterLock(tmp_path, "run"):
            pass
        assert f"process {process.pid} (replay)" in caught.value.message
        assert caught.value.retryable
        assert holder_of(tmp_path) == f"process {process.pid} (replay)"


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    with another_process_holding(tmp_path) as process:
        process.kill()
        process.wait()
        with WriterLock(tmp_path, "run"):
            assert holder_of(tmp_path) == f"process {os.getpid()} (run)"


def test_the_lock_is_free_again_after_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with WriterLock(tmp_path, "compact"):
            pass
    assert holder_of(tmp_path) == ""


def test_two_locks_in_one_process_exclude_each_other_too(tmp_path: Path) -> None:
    with WriterLock(tmp_path, "run"), pytest.raises(DataDirectoryInUse), WriterLock(tmp_path, "compact"):
        pass


def test_a_new_directory_is_created_with_its_parents(tmp_path: Path) -> None:
    with WriterLock(tmp_path / "a" / "b", "run"):
        assert (tmp_path / "a" / "b").is_dir()
    assert holder_of(tmp_path / "never") == ""


def test_a_file_in_place_of_the_directory_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for wrong in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InvalidSetting) as caught, WriterLock(wrong, "run"):
            pass
        assert "--data" in caught.value.hint


def test_an_unwritable_directory_is_denied(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    data_dir.chmod(0o500)
    with no_privileges(), pytest.raises(Denied) as caught, WriterLock(data_dir, "run"):
        pass
    assert "permission" in caught.value.hint
