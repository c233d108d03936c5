"""The archive against the stream: is every position that was put on the stream in the archive, and unchanged?

Compared by identity and by a 64-bit hash of the whole row, so a month of positions needs 24 bytes each.
Duplicates count once, the first received; what the rules reject belongs in the rejected store, not here.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from truckstream.consumers.decoding import decode_batch
from truckstream.core.columns import PositionColumns, sequence_text
from truckstream.ports import Batch

UInt64 = npt.NDArray[np.uint64]


class Verification(msgspec.Struct, frozen=True):
    """What was found. `missing` and `different` must be 0; `archive_only` left the stream by retention.

    `stream_hash` and `archive_hash` are sums of the row hashes of the positions both sides should share.
    """

    stream_records: int
    stream_positions: int
    duplicates: int
    rejected: int
    archived: int
    missing: int
    different: int
    archive_only: int
    stream_hash: str
    archive_hash: str

    @property
    def ok(self) -> bool:
        """Whether the archive holds everything it should."""
        return self.missing == 0 and self.different == 0


def verify(batches: Iterable[Batch], archived: Iterable[PositionColumns]) -> Verification:
    """Compare the records the archive consumer has read with the rows of the archive.

    Args:
        batches: stream records of all shards, up to the archive consumer's checkpoints.
        archived: the archive's rows, unique by identity, in parts of any size.
    """
    records = rejected = positions = 0
    identities, contents, sequences = [], [], []
    for batch in batches:
        received, bad = decode_batch(batch)
        records += len(batch.records)
        rejected += len(bad)
        positions += len(received.positions)
        if not received.positions:
            continue
        columns = PositionColumns.from_received(received)
        identity, content = _hashes(columns)
        identities.append(identity)
        contents.append(content)
        sequences.append(_order(columns))
    on_stream, stream_content = _first_received(_joined(identities), _joined(contents), sequences)

    parts = [_hashes(columns) for columns in archived]
    in_archive, archive_content = _joined([part[0] for part in parts]), _joined([part[1] for part in parts])
    order = np.argsort(in_archive, kind="stable")
    in_archive, archive_content = in_archive[order], archive_content[order]

    place = np.searchsorted(in_archive, on_stream)
    found = np.zeros(len(on_stream), np.bool_)
    within = place < len(in_archive)
    found[within] = in_archive[place[within]] == on_stream[within]
    shared = archive_content[place[found]]
    return Verification(
        stream_records=records,
        stream_positions=positions,
        duplicates=positions - len(on_stream),
        rejected=rejected,
        archived=len(in_archive),
        missing=int((~found).sum()),
        different=int((shared != stream_content[found]).sum()),
        archive_only=len(in_archive) - int(found.sum()),
        stream_hash=f"{int(stream_content.sum(dtype=np.uint64)):016x}",
        archive_hash=f"{int(shared.sum(dtype=np.uint64)):016x}",
    )


def _order(columns: PositionColumns) -> npt.NDArray[np.bytes_]:
    """Return text that sorts as (sequence number, index) does."""
    assert columns.delivery is not None
    sequence = sequence_text(columns.delivery.sequence)
    index = np.char.zfill(columns.delivery.record_index.astype("S10"), 10)
    return np.char.add(sequence, index)


def _first_received(identity: UInt64, content: UInt64, orders: list[npt.NDArray[np.bytes_]]) -> tuple[UInt64, UInt64]:
    if not len(identity):
        return identity, content
    order = np.lexsort((np.concatenate(orders), identity))
    identity, content = identity[order], content[order]
    first = np.append(True, identity[1:] != identity[:-1])
    return identity[first], content[first]


def _hashes(columns: PositionColumns) -> tuple[UInt64, UInt64]:
    """Return a hash of each row's identity and one of everything in it."""
    names = np.array(
        [int.from_bytes(blake2b(name.encode(), digest_size=8).digest()) for name in columns.trucks] or [0],
        np.uint64,
    )
    identity = _mix(names[columns.truck], columns.timestamp_ms)
    content = identity
    for column in (
        columns.latitude_e7, columns.longitude_e7, columns.speed, columns.heading, columns.altitude,
        columns.accuracy, columns.fuel, columns.engine,
    ):  # fmt: skip
        content = _mix(content, column)
    return identity, content


def _mix(state: UInt64, column: npt.NDArray[Any]) -> UInt64:
    """Fold a column into hashes: the finaliser of SplitMix64 over their sum."""
    value = state * np.uint64(0x9E3779B97F4A7C15) + column.astype(np.int64).view(np.uint64)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: UInt64 = value ^ (value >> np.uint64(31))
    return mixed


def _joined(parts: list[UInt64]) -> UInt64:
    return np.concatenate(parts) if parts else np.empty(0, np.uint64)
