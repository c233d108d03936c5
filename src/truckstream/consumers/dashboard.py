"""The dashboard consumer: batches of positions to the newest believable position of every truck.

Only newer positions move a truck, so batches may come again or out of order. State lives in the store alone.
"""

from collections.abc import Sequence

import msgspec

from truckstream.consumers.decoding import Decoder, decode_alone
from truckstream.core.outliers import Track, advance
from truckstream.core.records import ReceivedPositions
from truckstream.ports import Batch, BatchResult, PositionStore, RejectedStore


class DashboardConsumer:
    """Keeps the latest position of every truck.

    Args:
        positions: the latest positions.
        rejected: where undecodable records go.
        outlier_limit_kmh: fastest believable speed in km/h, 0 for off.
        decode: how batches are decoded.
    """

    def __init__(
        self,
        positions: PositionStore,
        rejected: RejectedStore,
        *,
        outlier_limit_kmh: float,
        decode: Decoder = decode_alone,
    ) -> None:
        self._positions = positions
        self._rejected = rejected
        self._outlier_limit_kmh = outlier_limit_kmh
        self._decode = decode

    def __call__(self, batch: Batch) -> BatchResult:
        """Move the trucks of the batch; trucks that could not be written fail from their first position."""
        decoded = self._decode(batch)
        if decoded.rejected:
            self._rejected.put(decoded.rejected)
        received, of_trucks = decoded.received, decoded.of_trucks
        if not of_trucks:
            return BatchResult()

        stored = self._positions.load(of_trucks.keys())
        moved: list[Track] = []
        for truck_id, own in of_trucks.items():
            before = stored.get(truck_id)
            after = advance(before, own.positions, self._outlier_limit_kmh)
            if after is not None and after is not before:
                moved.append(_noted(after, own.rows, received))
        failed = self._positions.put_newer(moved) if moved else frozenset()
        if not failed:
            return BatchResult()
        lowest = next(
            sequence
            for position, sequence in zip(received.positions, received.sequence_numbers, strict=True)
            if position.truck_id in failed
        )
        reason = f"latest position of {len(failed)} truck(s) not written, first {min(failed)}"
        return BatchResult(lowest, reason, retryable=True)


def _noted(track: Track, rows: Sequence[int], received: ReceivedPositions) -> Track:
    """Return the track with the arrival of its newest position: the first record that brought it."""
    seen_ms = track.seen_ms
    arrival_ms = next(received.arrivals_ms[row] for row in rows if received.positions[row].timestamp_ms == seen_ms)
    return msgspec.structs.replace(track, received_ms=arrival_ms)
