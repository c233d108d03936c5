"""The archive as a directory: implements `ports.ArchiveStore`.

A file is written under a hidden name, flushed to the disk and then renamed, and so is its directory's entry:
a reader sees the whole old or the whole new file, also after a power loss. Keys are relative paths that
cannot leave the directory. What a crashed writer left unfinished is removed when the next writer opens the
archive.
"""

import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from truckstream.local.database import make_directory, storage_errors
from truckstream.ports import ArchiveObject

UNFINISHED = ".unfinished"


class DirectoryArchive:
    """Files below `root`. `writer` True: the caller holds the writer lock and may clean up."""

    def __init__(self, root: Path, *, writer: bool = False) -> None:
        self.root = root
        self._unfinished = root / UNFINISHED
        self._known: set[Path] = set()
        if writer:
            with storage_errors(self._unfinished):
                if self._unfinished.exists():
                    shutil.rmtree(self._unfinished)

    def put(self, key: str, data: bytes) -> None:
        """Write the whole file durably, replacing it atomically.

        Raises StorageFull, Denied or Unavailable with nothing half-written visible; repeating is safe.
        """
        path = self._path(key)
        with storage_errors(path):
            self._ensure(self._unfinished)
            self._ensure(path.parent)
            unfinished = self._unfinished / uuid.uuid4().hex
            try:
                with open(unfinished, "xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(unfinished, path)
            except BaseException:
                unfinished.unlink(missing_ok=True)
                self._known.clear()
                raise
            _flush_directory(path.parent)

    def get(self, key: str) -> bytes:
        """Return the file. Raises KeyError when it is gone: list again."""
        path = self._path(key)
        with storage_errors(path):
            try:
                return path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                raise KeyError(key) from None

    def list(self, prefix: str) -> Sequence[ArchiveObject]:
        """Return the files whose key starts with `prefix`, ordered by key."""
        folder = prefix.rpartition("/")[0]
        start = self._path(folder) if folder else self.root
        with storage_errors(start):
            found = [file for file in _walk(start, f"{folder}/" if folder else "") if file.key.startswith(prefix)]
        return sorted(found)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the files; those already gone are fine."""
        folders = set()
        for key in keys:
            path = self._path(key)
            with storage_errors(path):
                path.unlink(missing_ok=True)
            folders.add(path.parent)
        for folder in folders:
            if folder.exists():
                with storage_errors(folder):
                    _flush_directory(folder)

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if "\\" in key or "\0" in key or any(not part or part.startswith(".") for part in parts):
            raise ValueError(f"not a key of the archive: {key!r}")
        return self.root.joinpath(*parts)

    def _ensure(self, folder: Path) -> None:
        if folder not in self._known:
            make_directory(folder)
            self._known.add(folder)


def _walk(folder: Path, prefix: str) -> Iterator[ArchiveObject]:
    """Yield the files below; hidden names are unfinished writes and no part of the archive."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
            continue
        try:
            status = entry.stat()
        except FileNotFoundError:
            continue  # compacted away meanwhile
        tag = f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"
        yield ArchiveObject(prefix + entry.name, status.st_size, tag)


def _flush_directory(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
