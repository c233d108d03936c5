"""What consumers and jobs need from a backend, and nothing more.

Promises under replay and disorder are part of each docstring: the contract tests hold every backend
(memory, local, aws) to them. Every effect is keyed and re-runnable, because streams deliver at least once.

Common rules: sequence numbers are integers that grow within a shard; instants are integer milliseconds
since the epoch, UTC; a call that may have left a write undone raises a retryable `TruckstreamError` and is
safe to repeat as a whole; iterables are consumed once.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

import msgspec

from truckstream.core.geofences import Catalogue, Geofence
from truckstream.core.outliers import Track
from truckstream.core.presence import Alert, TruckPresence
from truckstream.core.records import ReceivedPositions
from truckstream.core.wire import Decoded

if TYPE_CHECKING:  # numpy stays out of the live consumers' packages
    from truckstream.core.stats import HourlyTable, PositionColumns

# --- stream ---------------------------------------------------------------------------------------------


class OutgoingRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to be put on the stream.

    `arrival_ms` is the arrival time the stream should note: a replay passes the source's own clock.
    None lets the stream take its clock (Kinesis always does).
    """

    partition_key: str
    data: bytes
    arrival_ms: int | None = None


class StreamRecord(msgspec.Struct, gc=False):
    """One record as read from a shard. `decoded` is a memo: the positions in `data`, once someone looked."""

    shard_id: str
    sequence_number: int
    arrival_ms: int
    partition_key: str
    data: bytes
    decoded: Decoded | None = None


class Placed(msgspec.Struct, frozen=True, gc=False):
    """Where a record was put; it is durable from this moment."""

    shard_id: str
    sequence_number: int


class NotPlaced(msgspec.Struct, frozen=True, gc=False):
    """A record that is not on the stream, and why. `retryable` False: it can never be placed (too large)."""

    reason: str
    retryable: bool


class RecordSink(Protocol):
    """The producer's end of the stream."""

    def put(self, records: Sequence[OutgoingRecord]) -> Sequence[Placed | NotPlaced]:
        """Append the records; answer one result per record, in order.

        Records of one partition key keep their order: when one is not placed for a retryable reason, no
        later record of the same key is placed either. Returns after the durable append.
        """
        ...


# --- delivery -------------------------------------------------------------------------------------------


class Batch(msgspec.Struct, frozen=True):
    """What one consumer invocation gets: records of one shard, ascending sequence numbers, never empty."""

    shard_id: str
    records: Sequence[StreamRecord]


class BatchResult(msgspec.Struct, frozen=True):
    """A consumer's answer. `failed_sequence`: the lowest failed sequence number, None when all went well.

    The stream re-delivers everything from `failed_sequence` on, including records that already succeeded.
    `retryable`: nothing is wrong with the record, a store could not take it now. Lambda knows no difference and
    counts every failure as a try; the local backend waits such failures out.
    """

    failed_sequence: int | None = None
    reason: str = ""
    retryable: bool = False


class Consumer(Protocol):
    """One of the three consumers: the same object on every backend.

    Raising a `TruckstreamError` fails the whole batch.
    """

    def __call__(self, batch: Batch) -> BatchResult:
        """Process the batch; safe to repeat with any other split of the same records."""
        ...


# --- rejected records -----------------------------------------------------------------------------------


class RejectedRecord(msgspec.Struct, frozen=True):
    """A record set aside, whole. `index` is its place within the stream record (0 for a single one).

    `index` -1 means the stream record as a whole (damaged frame, or given up after retries).
    `shard_id` starts with "source:" for records that never reached the stream (too large): then
    `sequence_number` is the 1-based row in that source.
    """

    shard_id: str
    sequence_number: int
    index: int
    reason: str
    payload: bytes
    arrival_ms: int
    partition_key: str = ""


class RejectedStore(Protocol):
    """Records set aside with their reason. One entry per (shard_id, sequence_number, index); the first stays."""

    def put(self, records: Sequence[RejectedRecord]) -> None:
        """Keep the records durably; entries that are there already are left as they are."""
        ...

    def list(
        self, *, include_redriven: bool = False, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[RejectedRecord]:
        """Yield entries with `from_ms <= arrival_ms < to_ms`, ordered by (shard_id, sequence_number, index)."""
        ...

    def count(self) -> int:
        """Return how many entries wait (not redriven)."""
        ...

    def mark_redriven(self, records: Sequence[RejectedRecord]) -> None:
        """Note that these were put on the stream again. They stay listed with `include_redriven`."""
        ...


# --- latest positions -----------------------------------------------------------------------------------


class PositionStore(Protocol):
    """The latest position of every truck, with the set-aside positions after it (see `core.outliers.Track`).

    Newest wins by `Track.seen_ms`, not by arrival order: replaying a batch or delivering two batches out of
    order leaves the same rows behind, and a position never moves backwards.
    """

    def load(self, truck_ids: Collection[str]) -> dict[str, Track]:
        """Return what is stored for those of the trucks that are known."""
        ...

    def put_newer(self, tracks: Sequence[Track]) -> frozenset[str]:
        """Store each track whose `seen_ms` is newer than the stored one's; ties keep the stored row.

        Returns the ids of trucks whose write failed for a retryable reason (usually none).
        """
        ...

    def list(self, *, after: str = "", limit: int | None = None) -> Sequence[Track]:
        """Return tracks ordered by truck_id, from the first id greater than `after`."""
        ...


# --- geofences, presence, alerts ------------------------------------------------------------------------


class GeofenceStore(Protocol):
    """The geofences, versioned. Reading is cheap: `catalogue` may be cached up to 60 s."""

    def catalogue(self) -> Catalogue:
        """Return all geofences with the revision of the whole set."""
        ...

    def put(self, geofences: Sequence[Geofence]) -> Catalogue:
        """Add or replace by geofence_id, in one revision. A geofence equal to the stored one keeps its version;
        a changed one gets the next version, also when it was removed in between."""
        ...

    def remove(self, geofence_ids: Collection[str]) -> frozenset[str]:
        """Remove those that exist; return their ids."""
        ...


class PresenceChange(msgspec.Struct, frozen=True):
    """One truck's step: applies only when the stored state still has `expected_sequence` (None: no state)."""

    expected_sequence: int | None
    presence: TruckPresence
    alerts: tuple[Alert, ...] = ()


class PresenceStore(Protocol):
    """Per truck: presence, alerts it caused and the last sequence number applied, in one atomic write."""

    def load(self, truck_ids: Collection[str]) -> dict[str, TruckPresence]:
        """Return the state of those of the trucks that have one."""
        ...

    def commit(self, changes: Sequence[PresenceChange]) -> frozenset[str]:
        """Write each truck's state, its alerts to the log, and those to be sent to the outbox, atomically
        per truck.

        An alert id already in the log is not written again. Returns the trucks that were not written because
        their stored sequence is not the expected one or the write failed: the caller fails those records
        and reads the state again on redelivery.
        """
        ...


class AlertLog(Protocol):
    """All alerts ever raised, and the outbox of those not yet sent. Alert ids are unique."""

    def list(
        self, *, truck_id: str | None = None, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[Alert]:
        """Yield alerts ordered by (timestamp_ms, truck_id, alert_id), `from_ms <= timestamp_ms < to_ms`."""
        ...

    def pending(self, limit: int) -> Sequence[Alert]:
        """Return unsent alerts in the order they were committed; late ones are never pending."""
        ...

    def mark_sent(self, alert_ids: Collection[str], at_ms: int) -> None:
        """Take alerts out of the outbox after the receiver's answer."""
        ...


class Notifier(Protocol):
    """Brings alerts to those who asked for them. Receivers may see an id twice, never zero times."""

    def send(self, alerts: Sequence[Alert]) -> Collection[str]:
        """Send in order; return the ids that were accepted. Stop at the first that was not."""
        ...


# --- archive --------------------------------------------------------------------------------------------


class ArchiveObject(msgspec.Struct, frozen=True, order=True):
    """A file of the archive: key below its root, size in bytes and a tag that changes with its content."""

    key: str
    size: int
    tag: str


class ArchiveStore(Protocol):
    """Immutable-by-name files: a directory or a bucket. Keys are like `positions/date=2024-01-15/....parquet`."""

    def put(self, key: str, data: bytes) -> None:
        """Write the whole file durably, replacing it atomically; a reader sees the old or the new one."""
        ...

    def get(self, key: str) -> bytes:
        """Return the file. Raises KeyError when it is gone (compacted away): list again."""
        ...

    def list(self, prefix: str) -> Sequence[ArchiveObject]:
        """Return the files whose key starts with `prefix`, ordered by key. Unfinished writes are invisible."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the files; those already gone are fine."""
        ...


class ArchiveFormat(Protocol):
    """Rows to file bytes and back. The same rows always give the same bytes."""

    def write_received(self, rows: ReceivedPositions) -> bytes:
        """Return a file of these positions, sorted by truck, time, sequence number and index.

        Keeps the sequence number, index and arrival time of every row, duplicates included.
        """
        ...

    def write_settled(self, columns: "PositionColumns") -> bytes:
        """Return a compacted file: rows are unique by identity and sorted by truck and time; delivery columns
        (sequence number, index, arrival) are left out."""
        ...

    def read(self, data: bytes, trucks: Collection[str] | None = None) -> "PositionColumns":
        """Return the rows of either kind of file, in file order.

        With `trucks` only their rows must be there: parts of the file without them may be left out.

        Raises StorageDamaged when the bytes are not such a file.
        """
        ...

    def write_hourly(self, table: "HourlyTable", metadata: dict[str, str]) -> bytes:
        """Return a file of hourly statistics, sorted by truck and hour, with free key-value metadata."""
        ...

    def read_hourly(self, data: bytes) -> "tuple[HourlyTable, dict[str, str]]":
        """Return the rows and the metadata given to `write_hourly`."""
        ...
