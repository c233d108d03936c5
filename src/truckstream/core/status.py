"""What `status` tells of a running system, whatever the backend: lag, counts and freshness."""

from typing import Final

import msgspec

CONSUMERS: Final = ("dashboard", "geofence", "archive")
"""Who reads the stream, on every backend."""


class Lag(msgspec.Struct, frozen=True):
    """How far a consumer is behind the stream.

    `records`: how many are unread; None where the backend counts none (Kinesis). `age_ms`: age of the oldest
    unread one, None when it is not known. `state` says what keeps the consumer from getting on, if the backend
    knows: on AWS, the state of its event source mapping when it is not enabled, or the last result of a failing one.
    """

    records: int | None
    age_ms: int | None
    state: str = ""


class Status(msgspec.Struct, frozen=True):
    """One look at the stores. Instants are ms since the epoch, None when there is none yet or none is known.

    `writer`: who runs the pipeline: the command and process on a data directory, or AWS Lambda. Empty: nobody does.
    """

    writer: str
    shards: int
    last_arrival_ms: int | None
    consumers: dict[str, Lag]
    trucks: int
    newest_position_ms: int | None
    alerts: int
    alerts_pending: int
    rejected: int
    archive_files: int
    archive_bytes: int


class ArchiveSize(msgspec.Struct, frozen=True):
    """Position files of the archive."""

    files: int
    size_bytes: int
