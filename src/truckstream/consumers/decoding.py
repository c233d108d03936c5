"""A batch of stream records to positions with their place on the stream, and what was set aside.

All three consumers start here; the first to see a record leaves its positions on the record for the others.
"""

from truckstream.core.records import Position, ReceivedPositions
from truckstream.core.wire import decode
from truckstream.ports import Batch, RejectedRecord


def decode_batch(batch: Batch) -> tuple[ReceivedPositions, list[RejectedRecord]]:
    """Return every position in the batch, in stream order, and every bad record, whole and with its reason.

    Bad records never raise. The result is the same however often the batch was decoded before.
    """
    received = ReceivedPositions()
    rejected: list[RejectedRecord] = []
    positions, sequence_numbers = received.positions, received.sequence_numbers
    indexes, arrivals_ms = received.indexes, received.arrivals_ms
    for record in batch.records:
        decoded = record.decoded
        if decoded is None:
            decoded = record.decoded = decode(record.data, record.arrival_ms)
        if isinstance(decoded, Position):
            positions.append(decoded)
            sequence_numbers.append(record.sequence_number)
            indexes.append(0)
            arrivals_ms.append(record.arrival_ms)
            continue
        count = len(decoded.positions)
        positions += decoded.positions
        sequence_numbers += [record.sequence_number] * count
        indexes += decoded.indexes
        arrivals_ms += [record.arrival_ms] * count
        for refusal in decoded.refused:
            rejected.append(
                RejectedRecord(
                    shard_id=record.shard_id,
                    sequence_number=record.sequence_number,
                    index=refusal.index,
                    reason=refusal.reason,
                    payload=refusal.payload,
                    arrival_ms=record.arrival_ms,
                    partition_key=record.partition_key,
                )
            )
    return received, rejected
