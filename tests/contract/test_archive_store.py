"""The promises of `ports.ArchiveStore`, held by every backend."""

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.aws_parts import moto_session

from truckstream.aws.archive import S3Archive
from truckstream.core.errors import StorageFull
from truckstream.local.archive import UNFINISHED, DirectoryArchive
from truckstream.ports import ArchiveStore
from truckstream.testing import MemoryArchive

KEY = "positions/date=2024-01-15/shard-0-1-2.parquet"


@pytest.fixture(params=["memory", "local", "aws"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ArchiveStore]:
    match request.param:
        case "memory":
            yield MemoryArchive()
        case "local":
            yield DirectoryArchive(tmp_path / "archive")
        case "aws":
            with moto_session(bucket=True) as session:
                yield S3Archive(session)


def keys(archive: ArchiveStore, prefix: str) -> list[str]:
    return [file.key for file in archive.list(prefix)]


def test_what_was_put_is_read_back_whole(archive: ArchiveStore) -> None:
    archive.put(KEY, b"one")
    archive.put(KEY, b"another")
    assert archive.get(KEY) == b"another"
    assert [(file.key, file.size) for file in archive.list("")] == [(KEY, 7)]


def test_a_file_that_is_gone_is_a_key_error(archive: ArchiveStore) -> None:
    with pytest.raises(KeyError):
        archive.get(KEY)
    archive.put(KEY, b"one")
    archive.delete([KEY, KEY, "positions/never.parquet"])
    with pytest.raises(KeyError):
        archive.get(KEY)
    assert archive.list("") == []


def test_listing_is_by_prefix_and_ordered(archive: ArchiveStore) -> None:
    for key in ("b/2", "a/10", "a/1", "a/x/1", "ab/1"):
        archive.put(key, b"")
    assert keys(archive, "") == ["a/1", "a/10", "a/x/1", "ab/1", "b/2"]
    assert keys(archive, "a/") == ["a/1", "a/10", "a/x/1"]
    assert keys(archive, "a") == ["a/1", "a/10", "a/x/1", "ab/1"]
    assert keys(archive, "a/1") == ["a/1", "a/10"]
    assert keys(archive, "a/x/") == ["a/x/1"]
    assert keys(archive, "nothing/here/") == []


def test_the_tag_changes_with_the_content(archive: ArchiveStore) -> None:
    archive.put(KEY, b"one")
    (before,) = archive.list("")
    assert archive.list("") == [before]
    archive.put(KEY, b"two")
    (after,) = archive.list("")
    assert after.tag != before.tag


@pytest.mark.parametrize("key", ["../x", "/etc/x", "a/../../x", "a//x", "", "a/.hidden", "a\\..\\x", "a/\0"])
def test_a_key_cannot_leave_the_directory(tmp_path: Path, key: str) -> None:
    archive = DirectoryArchive(tmp_path / "archive")
    with pytest.raises(ValueError, match="not a key"):
        archive.put(key, b"x")
    with pytest.raises(ValueError, match="not a key"):
        archive.get(key)
    with pytest.raises(ValueError, match="not a key"):
        archive.delete([key])


def test_unfinished_writes_are_invisible_and_cleaned_by_the_next_writer(tmp_path: Path) -> None:
    DirectoryArchive(tmp_path).put(KEY, b"whole")
    (tmp_path / UNFINISHED / "left-by-a-crash").write_bytes(b"half")
    reader = DirectoryArchive(tmp_path)
    assert keys(reader, "") == [KEY]
    assert (tmp_path / UNFINISHED / "left-by-a-crash").exists()
    writer = DirectoryArchive(tmp_path, writer=True)
    assert not (tmp_path / UNFINISHED).exists()
    writer.put(KEY, b"more")
    assert writer.get(KEY) == b"more"


def test_opening_for_reading_creates_nothing(tmp_path: Path) -> None:
    assert DirectoryArchive(tmp_path / "none").list("positions/") == []
    assert not (tmp_path / "none").exists()


def test_a_full_disk_shows_nothing_of_the_file(tmp_path: Path) -> None:
    """A limit on the size of files stands in for a full disk: the operating system refuses the write."""
    archive = DirectoryArchive(tmp_path)
    archive.put(KEY, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(StorageFull):
            archive.put(KEY, b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert archive.get(KEY) == b"old"
    assert list((tmp_path / UNFINISHED).iterdir()) == []
    archive.put(KEY, b"new")
    assert archive.get(KEY) == b"new"
