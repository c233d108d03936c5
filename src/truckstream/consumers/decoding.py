"""A batch of stream records to positions with their place on the stream, and what was set aside.

All three consumers start here; the first to see a record leaves its positions on the record for the others.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.wire import Decoded, DecodedMany, decode
from truckstream.ports import Batch, RejectedRecord, StreamRecord


class TruckRows(NamedTuple):
    """A truck's positions in a batch, in stream order, and their places among all of it."""

    positions: list[Position]
    rows: list[int]


class DecodedBatch:
    """What a batch holds, for reading only: several consumers may look at the same one."""

    __slots__ = ("_of_trucks", "received", "rejected")

    def __init__(self, received: ReceivedPositions, rejected: list[RejectedRecord]) -> None:
        self.received = received
        self.rejected = rejected
        self._of_trucks: dict[str, TruckRows] | None = None

    @property
    def of_trucks(self) -> Mapping[str, TruckRows]:
        """What was received by truck; trucks in order of appearance."""
        if self._of_trucks is None:
            of_trucks: dict[str, TruckRows] = {}
            for row, position in enumerate(self.received.positions):
                own = of_trucks.get(position.truck_id)
                if own is None:
                    of_trucks[position.truck_id] = TruckRows([position], [row])
                else:
                    own[0].append(position)
                    own[1].append(row)
            self._of_trucks = of_trucks
        return self._of_trucks


type Decoder = Callable[[Batch], DecodedBatch]


def decode_alone(batch: Batch) -> DecodedBatch:
    """Decode a batch for one consumer: the decoder where each consumer has a process of its own."""
    return DecodedBatch(*decode_batch(batch))


class SharedDecoder:
    """Decodes a batch once for consumers of one process that get the same records one after the other.

    Remembers the latest batch of each shard. A batch of other records is decoded anew: the result never
    depends on what came before.
    """

    def __init__(self) -> None:
        self._latest: dict[str, tuple[Sequence[StreamRecord], DecodedBatch]] = {}

    def __call__(self, batch: Batch) -> DecodedBatch:
        """Return what the batch holds."""
        latest = self._latest.get(batch.shard_id)
        # Comparing is cheap: as a rule the records are the same objects, or the first ones differ.
        if latest is not None and latest[0] == batch.records:
            return latest[1]
        decoded = decode_alone(batch)
        self._latest[batch.shard_id] = batch.records, decoded
        return decoded


def decode_batch(batch: Batch) -> tuple[ReceivedPositions, list[RejectedRecord]]:
    """Return every position in the batch, in stream order, and every bad record, whole and with its reason.

    Bad records never raise. The result is the same however often the batch was decoded before.
    """
    records = batch.records
    found = [record.decoded or _decoded(record) for record in records]
    if DecodedMany not in set(map(type, found)):  # nearly always: one position each
        return ReceivedPositions(
            found,  # type: ignore[arg-type]
            [record.sequence_number for record in records],
            [0] * len(found),
            [record.arrival_ms for record in records],
        ), []
    received = ReceivedPositions()
    rejected: list[RejectedRecord] = []
    for record, decoded in zip(records, found, strict=True):
        if isinstance(decoded, Position):
            decoded = DecodedMany([decoded], [0], [])
        count = len(decoded.positions)
        received.positions += decoded.positions
        received.sequence_numbers += [record.sequence_number] * count
        received.indexes += decoded.indexes
        received.arrivals_ms += [record.arrival_ms] * count
        rejected += [_rejected(record, refusal.index, refusal.reason, refusal.payload) for refusal in decoded.refused]
    return received, rejected


def _decoded(record: StreamRecord) -> Decoded:
    decoded = record.decoded = decode(record.data, record.arrival_ms)
    return decoded


def _rejected(record: StreamRecord, index: int, reason: str, payload: bytes) -> RejectedRecord:
    return RejectedRecord(
        shard_id=record.shard_id,
        sequence_number=record.sequence_number,
        index=index,
        reason=reason,
        payload=payload,
        arrival_ms=record.arrival_ms,
        partition_key=record.partition_key,
    )
