"""An acknowledged record survives kill -9, power loss and a full disk; half a commit is never seen."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from truckstream.core.errors import Denied, InvalidSetting, StorageDamaged, StorageFull, Unavailable
from truckstream.local.database import open_database, storage_errors, transaction
from truckstream.local.stream import LocalStream
from truckstream.ports import OutgoingRecord, Placed

APPEND_FOR_EVER = """
import sys
from pathlib import Path
from truckstream.local.stream import LocalStream
from truckstream.ports import OutgoingRecord
stream = LocalStream(Path(sys.argv[1]), shard_count=2, clock=lambda: 1)
first = int(sys.argv[2])
while True:
    records = [OutgoingRecord(f"k{n % 5}", b"%d" % n) for n in range(first, first + 1 + first % 7)]
    answers = stream.put(records)
    for answer, record in zip(answers, records):
        print(answer.shard_id, answer.sequence_number, record.data.decode())
    sys.stdout.flush()
    first += len(records)
"""


def stored(path: Path) -> dict[tuple[str, int], bytes]:
    stream = LocalStream(path, clock=lambda: 1)
    found = {}
    for shard in stream.shards():
        after = 0
        while records := stream.read(shard.shard_id, after, 1_000):
            numbers = [record.sequence_number for record in records]
            assert numbers == sorted(set(numbers))
            assert numbers[0] > after
            found.update({(shard.shard_id, record.sequence_number): record.data for record in records})
            after = numbers[-1]
    stream.close()
    return found


def test_acknowledged_records_survive_kill_9_exactly_once_in_order(tmp_path: Path) -> None:
    path = tmp_path / "stream.db"
    chance = random.Random(7)
    acknowledged: dict[tuple[str, int], bytes] = {}
    for lap in range(3):
        command = [sys.executable, "-c", APPEND_FOR_EVER, str(path), str(lap * 1_000_000)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(chance.randrange(1, 400))]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.read().splitlines(keepends=True)
        for line in lines:
            if line.endswith(b"\n"):
                shard_id, sequence_number, data = line.split()
                acknowledged[shard_id.decode(), int(sequence_number)] = data
        found = stored(path)
        assert acknowledged.items() <= found.items()
        assert len(set(found.values())) == len(found)  # nothing twice
        for shard in {shard for shard, _ in found}:
            in_order = [int(data) for (place, _), data in sorted(found.items()) if place == shard]
            for key in range(5):
                mine = [number for number in in_order if number % 5 == key]
                assert mine == sorted(mine)
    assert len(acknowledged) > 100


def test_every_commit_is_flushed_to_the_disk(tmp_path: Path) -> None:
    stream = LocalStream(tmp_path / "stream.db", clock=lambda: 1)
    writer = stream._store._writer
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    stream.close()


def test_a_torn_log_never_shows_half_a_commit(tmp_path: Path) -> None:
    path, log = tmp_path / "stream.db", tmp_path / "stream.db-wal"
    stream = LocalStream(path, shard_count=2, clock=lambda: 1)
    sizes, log_ends, total = [0], [log.stat().st_size], 0
    for commit in range(12):
        stream.put([OutgoingRecord(f"k{n}", os.urandom(50 * commit)) for n in range(commit + 1)])
        total += commit + 1
        sizes.append(total)
        log_ends.append(log.stat().st_size)
    chance = random.Random(3)
    cuts = [chance.randrange(log_ends[0], log_ends[-1]) for _ in range(12)] + log_ends[-3:]
    for number, cut in enumerate(cuts):
        torn = tmp_path / f"torn-{number}"
        torn.mkdir()
        shutil.copy(path, torn / "stream.db")
        (torn / "stream.db-wal").write_bytes(log.read_bytes()[:cut])
        whole_commits = max(place for place, end in enumerate(log_ends) if end <= cut)
        assert len(stored(torn / "stream.db")) == sizes[whole_commits]
    stream.close()


def test_a_full_disk_loses_nothing_and_appending_resumes(tmp_path: Path) -> None:
    path = tmp_path / "stream.db"
    stream = LocalStream(path, shard_count=2, clock=lambda: 1)
    writer = stream._store._writer
    pages = writer.execute("PRAGMA page_count").fetchone()[0]
    writer.execute(f"PRAGMA max_page_count={pages + 30}")
    acknowledged: list[bytes] = []
    with pytest.raises(StorageFull) as caught:  # noqa: PT012
        for number in range(1_000):
            records = [OutgoingRecord(f"k{n}", b"%d-%d-" % (number, n) + os.urandom(900)) for n in range(5)]
            answers = stream.put(records)
            assert all(isinstance(answer, Placed) for answer in answers)
            acknowledged += [record.data for record in records]
    assert caught.value.retryable
    with pytest.raises(StorageFull):
        stream.put(records)
    assert sorted(stored(path).values()) == sorted(acknowledged)
    writer.execute("PRAGMA max_page_count=1000000")
    assert all(isinstance(answer, Placed) for answer in stream.put(records))
    stream.close()
    assert sorted(stored(path).values()) == sorted(acknowledged + [record.data for record in records])


def test_an_interrupted_commit_leaves_no_trace(tmp_path: Path) -> None:
    db = open_database(tmp_path / "any.db", "CREATE TABLE t (x);", user_version=1)
    with pytest.raises(KeyboardInterrupt), transaction(db):  # noqa: PT012
        db.execute("INSERT INTO t VALUES (1)")
        raise KeyboardInterrupt
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    db.close()


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    open_database(tmp_path / "any.db", "CREATE TABLE t (x);", user_version=2).close()
    with pytest.raises(StorageDamaged, match="schema version 2") as caught:
        open_database(tmp_path / "any.db", "CREATE TABLE t (x);", user_version=1)
    assert "version" in caught.value.hint


def test_a_schema_may_hold_semicolons_in_texts(tmp_path: Path) -> None:
    schema = "CREATE TABLE t (x TEXT DEFAULT 'a;b'); CREATE INDEX i ON t (x);"
    db = open_database(tmp_path / "any.db", schema, user_version=1)
    assert db.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (2,)
    db.close()


def test_a_locked_store_is_unavailable_and_retryable(tmp_path: Path) -> None:
    path = tmp_path / "any.db"
    db = open_database(path, "CREATE TABLE t (x);", user_version=1)
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    with transaction(db), pytest.raises(Unavailable, match="locked") as caught, storage_errors(path):
        other.execute("BEGIN IMMEDIATE")
    assert caught.value.retryable
    other.close()
    db.close()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), StorageFull),
        (OSError(122, "Disk quota exceeded"), StorageFull),
        (PermissionError(13, "Permission denied"), Denied),
        (OSError(30, "Read-only file system"), Denied),
        (NotADirectoryError(20, "Not a directory"), InvalidSetting),
        (OSError(5, "Input/output error"), Unavailable),
        (sqlite3.DatabaseError("file is not a database"), StorageDamaged),
    ],
)
def test_every_storage_error_becomes_one_of_ours(error: Exception, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught, storage_errors(Path("some/store.db")):
        raise error
    assert caught.value.__cause__ is error
    assert "some/store.db" in str(caught.value)


@pytest.mark.skipif(sys.platform != "linux", reason="a truncated database is read differently elsewhere")
def test_a_database_cut_short_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "stream.db"
    stream = LocalStream(path, shard_count=1, clock=lambda: 1)
    for number in range(50):
        stream.put([OutgoingRecord("k", os.urandom(5_000) + b"%d" % number)])
    stream.close()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2 // 4096 * 4096)
    with pytest.raises(StorageDamaged):
        stored(path)
