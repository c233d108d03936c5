"""The geofence consumer: batches of positions to presence and alerts, once per event.

Per truck, one atomic write holds the new presence, its alerts and the last sequence number applied. A batch
may come again, whole or in part: positions already applied are recognised by their sequence number and by
their time, so nothing happens twice. Alerts are sent by an outbox after the write, never from here.
"""

from typing import NamedTuple

from truckstream.consumers.decoding import Decoder, TruckRows, decode_alone
from truckstream.core.presence import Alert, FenceSet, TruckPresence, alert_from, follow, wants_alert
from truckstream.core.records import ReceivedPositions
from truckstream.ports import (
    Batch,
    BatchResult,
    GeofenceStore,
    PresenceChange,
    PresenceStore,
    RejectedStore,
)


class _Applied(NamedTuple):
    """A truck's change and the first sequence number that has to come again when it cannot be written."""

    change: PresenceChange
    first_sequence: int


class GeofenceConsumer:
    """Applies positions to the geofences and records the alerts they cause.

    Args:
        presence: state per truck, alert log and outbox, written together.
        geofences: the catalogue; compiled once per revision.
        rejected: where undecodable records go.
        outlier_limit_kmh: fastest believable speed in km/h, 0 for off.
        decode: how batches are decoded.
    """

    def __init__(
        self,
        presence: PresenceStore,
        geofences: GeofenceStore,
        rejected: RejectedStore,
        *,
        outlier_limit_kmh: float,
        decode: Decoder = decode_alone,
    ) -> None:
        self._presence = presence
        self._geofences = geofences
        self._rejected = rejected
        self._outlier_limit_kmh = outlier_limit_kmh
        self._decode = decode
        self._fences: FenceSet | None = None

    def __call__(self, batch: Batch) -> BatchResult:
        """Apply the batch; trucks that could not be written fail alone, from their first position in it."""
        decoded = self._decode(batch)
        if decoded.rejected:
            self._rejected.put(decoded.rejected)
        received, of_trucks = decoded.received, decoded.of_trucks
        if not of_trucks:
            return BatchResult()

        fences = self._compiled()
        states = self._presence.load(of_trucks.keys())
        applied: dict[str, _Applied] = {}
        for truck_id, own in of_trucks.items():
            change = self._apply(fences, truck_id, states.get(truck_id), received, own)
            if change is not None:
                applied[truck_id] = change
        failed = self._presence.commit([each.change for each in applied.values()]) if applied else frozenset()
        if not failed:
            return BatchResult()
        lowest = min(applied[truck_id].first_sequence for truck_id in failed)
        reason = f"presence of {len(failed)} truck(s) not written, first {min(failed)}"
        return BatchResult(lowest, reason, retryable=True)

    def _compiled(self) -> FenceSet:
        catalogue = self._geofences.catalogue()
        if self._fences is None or self._fences.catalogue.revision != catalogue.revision:
            self._fences = FenceSet(catalogue)
        return self._fences

    def _apply(
        self,
        fences: FenceSet,
        truck_id: str,
        state: TruckPresence | None,
        received: ReceivedPositions,
        own: TruckRows,
    ) -> _Applied | None:
        """Run the engine over one truck's new positions; None when all of them were applied before."""
        positions, rows = own
        sequences = received.sequence_numbers
        expected: int | None = None
        if state is None:
            state = TruckPresence(truck_id)
        else:
            expected = state.sequence_number
            rows = _not_applied(state, received, own.rows)
            if not rows:
                return None
            if rows is not own.rows:
                positions = [received.positions[row] for row in rows]
        alerts: list[Alert] = []
        for place, events in follow(fences, state, positions, self._outlier_limit_kmh):
            for event in events:
                geofence = fences.rules[event.geofence_id].geofence
                if wants_alert(geofence, event):
                    alerts.append(alert_from(event, geofence, received.arrivals_ms[rows[place]]))
        state.sequence_number = sequences[rows[-1]]
        return _Applied(PresenceChange(expected, state, tuple(alerts)), sequences[rows[0]])


def _not_applied(state: TruckPresence, received: ReceivedPositions, rows: list[int]) -> list[int]:
    """Leave out what the state already holds.

    A low sequence number alone does not prove it: a truck may have changed its shard, and numbers grow within
    one only. A position newer than all the state has seen cannot have been applied.
    """
    applied = state.sequence_number
    if received.sequence_numbers[rows[0]] > applied:
        return rows
    seen_ms = state.track.seen_ms if state.track is not None else None
    return [
        row
        for row in rows
        if received.sequence_numbers[row] > applied or seen_ms is None or received.positions[row].timestamp_ms > seen_ms
    ]
