"""Whoever may only read a data directory (an analyst's account, a read-only mount, a backup) reads all of it."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from truckstream.cli.main import execute
from truckstream.local.database import open_database
from truckstream.local.directory import DataDirectory
from truckstream.local.stores import LocalStores

NOBODY = 65534
PLACES = b"""[{"geofence_id": "bern", "name": "Bern", "type": "circle", "radius_meters": 2000,
   "center": {"latitude": 46.948, "longitude": 7.447}, "alert_on": "both"}]"""
READING = (
    ["positions", "--json"],
    ["alerts", "--json"],
    ["transitions", "--json"],
    ["stats", "--csv"],
    ["rejected", "--json"],
    ["geofences", "export"],
    ["verify", "--json"],
    ["query", "select count(*) from positions"],
)
WRITING = (["geofences", "remove", "bern"], ["compact"], ["run", "--trucks", "0", "--duration", "0"])


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    (folder / "places.json").write_bytes(PLACES)
    source, data = folder / "fleet.ndjson", folder / "data"
    assert execute(["simulate", "--trucks", "20", "--duration", "600", "--output", str(source)]) == 0
    source.write_bytes(source.read_bytes() + b"no JSON\n")
    assert execute(["replay", str(source), "--geofences", str(folder / "places.json"), "--data", str(data)]) == 0
    return data


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a folder that every user may enter; pytest's own are private."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def only_reading(folder: Path) -> Iterator[None]:
    """Take the right to write away, from root too: it becomes nobody for as long."""
    everything = [folder, *folder.rglob("*")]
    modes = [path.stat().st_mode for path in everything]
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if was_root:
            os.seteuid(0)
        for path, mode in zip(everything, modes, strict=True):
            path.chmod(mode)


def answers(data: Path, capsys: pytest.CaptureFixture[str]) -> list[tuple[int, str]]:
    capsys.readouterr()
    return [(execute([*words, "--data", str(data)]), capsys.readouterr().out) for words in READING]


def test_a_closed_directory_answers_and_refuses_to_be_written(
    filled: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(filled, place / "data"))
    expected = answers(filled, capsys)
    assert all(code == 0 and len(text) > 20 for code, text in expected)
    assert not list(data.glob("*-wal"))
    with only_reading(data):
        assert answers(data, capsys) == expected
        assert execute(["status", "--data", str(data)]) == 0
        for words in WRITING:
            capsys.readouterr()
            assert execute([*words, "--data", str(data)]) == 1
            told = capsys.readouterr().err
            assert told.startswith(f"error: {data}/")
            assert "hint: Check the file permissions" in told
    assert answers(data, capsys) == expected  # nothing was changed
    assert not list(data.glob("*-wal"))


def test_a_copy_of_a_running_system_answers_with_its_newest_commits(
    filled: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = Path(shutil.copytree(filled, place / "live"))
    with LocalStores(DataDirectory(live)) as running:
        running.geofences.remove(["bern"])
        data = Path(shutil.copytree(live, place / "data"))
    assert (data / "geofences.db-wal").stat().st_size
    expected = answers(live, capsys)
    assert expected != answers(filled, capsys)
    with only_reading(data):
        assert answers(data, capsys) == expected


def test_a_store_that_was_never_made_reads_as_empty(
    filled: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(filled, place / "data"))
    (data / "rejected.db").unlink()
    with only_reading(data):
        capsys.readouterr()
        assert execute(["rejected", "--data", str(data)]) == 0
        assert "No rejected records" in capsys.readouterr().out
    assert not (data / "rejected.db").exists()


def test_a_reader_beside_a_writer_sees_what_comes_also_when_the_log_was_empty(place: Path) -> None:
    path, schema = place / "data" / "any.db", "CREATE TABLE t (x);"
    writer = open_database(path, schema, user_version=1)
    writer.execute("INSERT INTO t VALUES (1)")
    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (place / "data" / "any.db-wal").stat().st_size == 0
    with only_reading(path.parent):
        reader = open_database(path, schema, user_version=1)
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (1,)
    writer.execute("INSERT INTO t VALUES (2)")
    assert reader.execute("SELECT count(*) FROM t").fetchone() == (2,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("INSERT INTO t VALUES (3)")
    reader.close()
    writer.close()
