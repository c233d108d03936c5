"""How every local store opens its SQLite file, and how driver errors become our error tree.

Commits are durable: write-ahead log with synchronous FULL (`fullfsync` makes macOS really flush).
Connections are in autocommit mode: wrap several statements in `transaction`. A file that is not the opening
store's database is refused; an empty one counts as new (a crash at creation leaves one). Nothing above
`local/` sees sqlite3 or OSError.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from truckstream.core.errors import (
    Denied,
    InvalidSetting,
    StorageDamaged,
    StorageFull,
    TruckstreamError,
    Unavailable,
)

BUSY_TIMEOUT_MS = 10_000
"""How long a statement waits for another process's write; a commit takes about a millisecond."""

WAL_SIZE_LIMIT_BYTES = 64 * 1024 * 1024
"""The write-ahead log file is cut back to this after a burst."""

_PRIMARY_CODE = 0xFF  # SQLite keeps the primary result code in the low byte of an extended one
_FULL_CODES = {sqlite3.SQLITE_FULL}
_BUSY_CODES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOLFS,
}
_DENIED_CODES = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_CANTOPEN,
}
_OUR_BUGS = (
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.IntegrityError,
    sqlite3.NotSupportedError,
)

_FULL_ERRNO = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED_ERRNO = {errno.EACCES, errno.EPERM, errno.EROFS}
_WRONG_PATH_ERRNO = {
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ELOOP,
    errno.ENAMETOOLONG,
}


def open_database(
    path: Path, schema: str, *, user_version: int, upgrades: Mapping[int, str] | None = None
) -> sqlite3.Connection:
    """Open the SQLite file, creating it (and its directory) with `schema` when it is new.

    The connection may move between threads, used by one at a time: the store that owns it guards it. Whoever may
    only read here gets a connection that reads, and every write then raises Denied.

    Args:
        path: the database file.
        schema: SQL statements, each ended by `;`, run once, in one transaction.
        user_version: version of the schema, >= 1, kept in the file.
        upgrades: by older version, the statements that make a file of it one of the next version.

    Raises:
        StorageDamaged: the file is not a database, or of another schema version.
        Denied, StorageFull, Unavailable, InvalidSetting: see `storage_errors`.
    """
    with storage_errors(path):
        make_directory(path.parent)
        try:
            db = _connect(str(path))
            with _closed_on_error(db):
                _configure(db)
                _apply_schema(db, path, schema, user_version, upgrades or {})
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE not in _DENIED_CODES:
                raise
            return _open_read_only(path, schema, user_version)
    return db


def _connect(name: str) -> sqlite3.Connection:
    return sqlite3.connect(
        name,
        timeout=BUSY_TIMEOUT_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
        uri=name.startswith("file:"),
    )


@contextmanager
def _closed_on_error(db: sqlite3.Connection) -> Iterator[None]:
    """Close the connection when the body raises."""
    try:
        yield
    except BaseException:
        db.close()
        raise


def _open_read_only(path: Path, schema: str, user_version: int) -> sqlite3.Connection:
    """Open a file that may only be read: another user's directory, a read-only mount, a backup.

    A file that is not there counts as an empty one.
    """
    if not path.exists():
        db = _connect(":memory:")
        with _closed_on_error(db):
            _apply_schema(db, path, schema, user_version, {})
    else:
        address = f"file:{quote(str(path.absolute()))}?mode=ro"
        log, index = (path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm"))
        if not index.exists() and not (log.exists() and log.stat().st_size):
            # Nobody has it open: SQLite would have to create both beside the file to read it the usual way.
            address += "&immutable=1"
        db = _connect(address)
        with _closed_on_error(db):
            if _stored_version(db) != user_version:
                raise _other_version(path, _stored_version(db), user_version)
    db.execute("PRAGMA query_only=ON")
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Run the body in one BEGIN IMMEDIATE transaction: committed at its end, rolled back on any exception."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite rolls back by itself on a full disk
            db.execute("ROLLBACK")
        raise


@contextmanager
def storage_errors(path: Path | None = None) -> Iterator[None]:
    """Translate sqlite3 and OS errors of the body into the error tree; `path` is named in the message.

    Errors that can only be our own mistake (wrong SQL parameters, a closed connection, a constraint) pass
    as they are.
    """
    try:
        yield
    except _OUR_BUGS:
        raise
    except sqlite3.Error as error:
        raise _from_sqlite(error, path) from error
    except OSError as error:
        raise _from_os(error, path) from error


def make_directory(directory: Path) -> None:
    """Create the directory and its parents; their names survive a power loss."""
    missing = []
    while not directory.exists():
        missing.append(directory)
        directory = directory.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        handle = os.open(new.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _configure(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA auto_vacuum=INCREMENTAL")  # only takes effect on a new file, before its first table
    _switch_to_wal(db)
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA fullfsync=ON")
    db.execute("PRAGMA checkpoint_fullfsync=ON")
    db.execute("PRAGMA foreign_keys=ON")
    db.execute(f"PRAGMA journal_size_limit={WAL_SIZE_LIMIT_BYTES}")


def _switch_to_wal(db: sqlite3.Connection) -> None:
    """SQLite does not wait for locks while it changes the journal mode: two first openers may meet here."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            db.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _apply_schema(
    db: sqlite3.Connection, path: Path, schema: str, user_version: int, upgrades: Mapping[int, str]
) -> None:
    if _stored_version(db) != user_version:
        with transaction(db):  # looked at again inside: another process may have created it meanwhile
            stored = _stored_version(db)
            while stored in upgrades and stored < user_version:
                for statement in _statements(upgrades[stored]):
                    db.execute(statement)
                stored += 1
                db.execute(f"PRAGMA user_version={stored}")
            if stored == 0:
                if db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
                    raise StorageDamaged(f"{path} is a database, but not one of truckstream's")
                for statement in _statements(schema):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={user_version}")
            elif stored != user_version:
                raise _other_version(path, stored, user_version)


def _other_version(path: Path, stored: int, wanted: int) -> StorageDamaged:
    return StorageDamaged(
        f"{path} has schema version {stored}, this truckstream reads version {wanted}",
        hint="Use the truckstream version that wrote it, or another directory with --data.",
    )


def _stored_version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _statements(schema: str) -> Iterator[str]:
    statement = ""
    for piece in schema.split(";")[:-1]:
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _from_sqlite(error: sqlite3.Error, path: Path | None) -> TruckstreamError:
    extended = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    code = extended & _PRIMARY_CODE
    where = f"{path}: " if path else ""
    if code in _FULL_CODES or extended == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StorageFull(f"{where}the disk is full ({error})")
    if code in _BUSY_CODES:
        return Unavailable(f"{where}{error}")
    if code in _DENIED_CODES:
        return Denied(f"{where}cannot be opened or written ({error})")
    return StorageDamaged(f"{where}{error}")


def _from_os(error: OSError, path: Path | None) -> TruckstreamError:
    where = f"{error.filename or path or 'storage'}: "
    what = error.strerror or str(error)
    if error.errno in _FULL_ERRNO:
        return StorageFull(f"{where}the disk is full ({what})")
    if error.errno in _DENIED_ERRNO:
        return Denied(where + what)
    if error.errno in _WRONG_PATH_ERRNO:
        return InvalidSetting(where + what, hint="Choose another directory with --data.")
    return Unavailable(where + what)
