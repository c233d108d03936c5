"""The writer lock: one process at a time writes to a data directory.

An flock on `writer.lock`: the kernel drops it when its holder ends, however it ends, so no lock is ever
stale. The file says who holds it, for the message others see. Readers never take it.
"""

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from truckstream.core.errors import DataDirectoryInUse, InvalidSetting
from truckstream.local.database import make_directory, storage_errors

LOCK_FILE: Final = "writer.lock"


class WriterLock:
    """Holds the data directory for this process while the `with` block runs.

    Entering creates the directory when it is new. Raises DataDirectoryInUse (naming the holder's process id
    and command), InvalidSetting (the path is not a directory), Denied (it cannot be written), StorageFull.
    """

    def __init__(self, data_dir: Path, command: str) -> None:
        self._data_dir = data_dir
        self._command = command
        self._handle: int | None = None

    def __enter__(self) -> "WriterLock":
        path = self._data_dir / LOCK_FILE
        with storage_errors(path):
            make_data_directory(self._data_dir)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                self._take(handle)
            except BaseException:
                os.close(handle)
                raise
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            try:  # the file itself stays: removing it would let two holders lock two different files
                os.ftruncate(handle, 0)
            finally:
                os.close(handle)

    def _take(self, handle: int) -> None:
        for patience_s in (0.01, 0.03, 0.1, None):  # `holder_of` in another process holds it for an instant
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if patience_s is None:
                    message = f"{self._data_dir} is in use by {_holder(handle)}"
                    raise DataDirectoryInUse(message) from None
                time.sleep(patience_s)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n{self._command}\n".encode(), 0)


def holder_of(data_dir: Path) -> str:
    """Return who holds the writer lock, like 'process 4711 (run)'; empty when nobody does."""
    path = data_dir / LOCK_FILE
    if not path.exists():
        return ""
    with storage_errors(path):
        handle = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(handle)
        finally:
            os.close(handle)
    return ""


def make_data_directory(data_dir: Path) -> None:
    """Create the data directory when it is new.

    Raises:
        InvalidSetting: the path exists and is not a directory, or has no usable parent.
        Denied, StorageFull: it cannot be created.
    """
    with storage_errors(data_dir):
        if data_dir.exists() and not data_dir.is_dir():
            raise InvalidSetting(f"{data_dir} is not a directory", hint="Choose a directory for the data with --data.")
        make_directory(data_dir)


def _holder(handle: int) -> str:
    process_id, _, command = os.pread(handle, 4096, 0).decode(errors="replace").strip().partition("\n")
    if not process_id:  # between its taking the lock and its writing the name
        return "another truckstream process"
    return f"process {process_id} ({command})"
