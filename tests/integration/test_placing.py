"""Placing a file's rows from a process of its own: the same rows, the same errors, and nothing left behind."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from truckstream.cli.main import execute
from truckstream.cli.placing import Step, pays, place_aside
from truckstream.cli.sources import open_source
from truckstream.core.errors import SourceUnreadable, TruckstreamError
from truckstream.local.directory import DataDirectory
from truckstream.local.stores import LocalStores

ROWS = 90_000  # more than two steps
LINE = b'{"truck_id":"TRK-%03d","timestamp":"2024-01-15T%02d:%02d:%02d.000Z","latitude":47.3769,"longitude":8.5417%s}\n'


def line(n: int, padding: int = 0) -> bytes:
    second = n // 100
    extra = b',"note":"%s"' % (b"x" * padding) if padding else b""
    return LINE % (n % 100, second // 3600, second // 60 % 60, second % 60, extra)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Large enough for a process of its own."""
    path = tmp_path_factory.mktemp("source") / "large.ndjson"
    path.write_bytes(b"".join(line(n, padding=100) for n in range(ROWS)))
    return path


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    made = DataDirectory(tmp_path / "data")
    made.create()
    return made


def records_in(directory: DataDirectory) -> int:
    with LocalStores(directory) as stores:
        return sum(stores.stream.behind(shard.shard_id, 0).records for shard in stores.stream.shards())


def placing_processes(data: Path) -> list[str]:
    commands = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(process.read_bytes().decode().replace("\0", " "))
        except OSError:
            continue
    return [command for command in commands if "truckstream.cli.placing" in command and str(data) in command]


def test_every_row_is_placed_before_its_step_is_told(source: Path, directory: DataDirectory) -> None:
    done = []
    with closing(place_aside(source, directory.root)) as steps:
        for step in steps:
            done.append(step.rows)
            assert records_in(directory) >= sum(done)
    assert sum(done) == records_in(directory) == ROWS
    assert len(done) > 2


def test_refused_rows_are_kept_with_their_reason(tmp_path: Path, directory: DataDirectory) -> None:
    path = tmp_path / "rows.ndjson"
    path.write_bytes(line(0) + line(1, padding=1 << 20) + line(2))
    assert [step.rows for step in place_aside(path, directory.root)] == [3]
    assert records_in(directory) == 2
    with LocalStores(directory) as stores:
        (rejected,) = stores.rejected.list()
    assert (rejected.shard_id, rejected.sequence_number) == (f"source:{path}", 2)


def test_an_error_arrives_as_itself_after_the_rows_before(tmp_path: Path, directory: DataDirectory) -> None:
    path = tmp_path / "cut.ndjson.gz"
    path.write_bytes(gzip.compress(b"".join(line(n) for n in range(60_000)))[:-9])
    steps: list[Step] = []
    with pytest.raises(SourceUnreadable) as caught:
        steps.extend(place_aside(path, directory.root))
    assert sum(step.rows for step in steps) == records_in(directory) > 50_000
    assert "truncated gzip" in caught.value.message
    assert caught.value.hint.startswith("The rows before the damage were processed.")


def test_closing_waits_for_the_step_and_ends_the_process(source: Path, directory: DataDirectory) -> None:
    steps = place_aside(source, directory.root)
    first = next(steps)
    steps.close()
    assert not placing_processes(directory.root)
    placed = records_in(directory)
    assert first.rows <= placed < ROWS


def test_a_process_that_dies_is_an_error(source: Path, directory: DataDirectory) -> None:
    # Not within this process: the child is found by its parent.
    script = (
        "import sys; from pathlib import Path; from truckstream.cli.placing import place_aside\n"
        "for step in place_aside(Path(sys.argv[1]), Path(sys.argv[2])): print(step.rows, flush=True), input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(source), str(directory.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stderr is not None
        parent.stdout.readline()
        (child,) = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        parent.stdin.write("\n" * 9)  # it waited after its first step, and the child for it
        parent.stdin.flush()
        assert f"{TruckstreamError.__name__}: placing the rows of {source} ended unexpectedly" in parent.stderr.read()
    assert parent.returncode == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_running_however_replay_ends(source: Path, tmp_path: Path, how: signal.Signals) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "truckstream", "replay", str(source), "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 30
        while not placing_processes(data) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.7)  # into the first steps
        process.send_signal(how)
        process.communicate(timeout=60)
    assert process.returncode == (-how if how == signal.SIGKILL else 130)
    deadline = time.monotonic() + 30
    while placing_processes(data) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not placing_processes(data)
    assert execute(["replay", str(source), "--outlier-speed", "0", "--data", str(data)]) == 0
    with LocalStores(DataDirectory(data)) as stores:
        assert len(stores.positions.list()) == 100


def test_a_large_file_gives_the_answers_of_its_small_parts(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = source.read_bytes().splitlines(keepends=True)
    parts = [tmp_path / f"{name}.ndjson" for name in "ab"]
    for n, part in enumerate(parts):
        part.write_bytes(b"".join(lines[n * ROWS // 2 : (n + 1) * ROWS // 2]))
    with closing(open_source(source)) as large, closing(open_source(parts[0])) as small:
        assert pays(large) == ((os.cpu_count() or 1) > 1)
        assert not pays(small)
    answers = []
    for name, files in (("large", [source]), ("small", parts)):
        data = str(tmp_path / name)
        assert execute(["replay", *map(str, files), "--json", "--data", data]) == 0
        assert json.loads(capsys.readouterr().out)["rows"] == ROWS
        assert execute(["stats", "--csv", "--data", data]) == 0
        assert execute(["positions", "--csv", "--data", data]) == 0
        assert execute(["verify", "--data", data]) == 0
        answers.append(capsys.readouterr().out.replace(data, "DATA"))
    assert answers[0] == answers[1]
