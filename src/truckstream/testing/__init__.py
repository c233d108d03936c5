"""In-memory ports, a movable clock and a fault script: for tests of this project and of anyone building on it.

The memory ports keep the promises of `truckstream.ports`, checked by the same contract tests as every other
backend. Given a `FaultScript` they fail or crash where it says, before or after the effect of a call.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from truckstream.consumers.record_limits import refusal_of
from truckstream.core.geofences import Catalogue, Geofence, parse_geofence, same_definition
from truckstream.core.outliers import Track
from truckstream.core.presence import Alert, TruckPresence, decode_presence, encode_presence
from truckstream.ports import (
    ArchiveObject,
    Batch,
    NotPlaced,
    OutgoingRecord,
    Placed,
    PresenceChange,
    RejectedRecord,
    StreamRecord,
)
from truckstream.testing.faults import FaultScript, MovableClock, SimulatedCrash

__all__ = [
    "FaultScript",
    "MemoryArchive",
    "MemoryGeofences",
    "MemoryPositions",
    "MemoryPresence",
    "MemoryRejected",
    "MemoryStream",
    "MovableClock",
    "RecordingNotifier",
    "SimulatedCrash",
]


class MemoryPositions:
    """`ports.PositionStore` in a dict."""

    def __init__(self, faults: FaultScript | None = None) -> None:
        self._tracks: dict[str, Track] = {}
        self._faults = faults or FaultScript()

    def load(self, truck_ids: Collection[str]) -> dict[str, Track]:
        """Return what is stored for those of the trucks that are known."""
        with self._faults.during("positions.load"):
            return {truck_id: self._tracks[truck_id] for truck_id in truck_ids if truck_id in self._tracks}

    def put_newer(self, tracks: Sequence[Track]) -> frozenset[str]:
        """Store each track whose `seen_ms` is newer than the stored one's."""
        failed = set()
        with self._faults.during("positions.put_newer"):
            for track in tracks:
                if self._faults.refuses("positions.put_newer", track.truck_id):
                    failed.add(track.truck_id)
                    continue
                stored = self._tracks.get(track.truck_id)
                if stored is None or track.seen_ms > stored.seen_ms:
                    self._tracks[track.truck_id] = track
        return frozenset(failed)

    def list(self, *, after: str = "", limit: int | None = None) -> Sequence[Track]:
        """Return tracks ordered by truck_id, from the first id greater than `after`."""
        ids = sorted(truck_id for truck_id in self._tracks if truck_id > after)
        return [self._tracks[truck_id] for truck_id in ids[:limit]]


class MemoryGeofences:
    """`ports.GeofenceStore` in a dict."""

    def __init__(self, geofences: Sequence[Geofence] = (), faults: FaultScript | None = None) -> None:
        self._faults = FaultScript()
        self._stored: dict[str, Geofence] = {}
        self._versions: Counter[str] = Counter()
        self._catalogue = Catalogue()
        if geofences:
            self.put(geofences)
        self._faults = faults or self._faults

    def catalogue(self) -> Catalogue:
        """Return all geofences, ordered by id, with the revision of the whole set."""
        with self._faults.during("geofences.catalogue"):
            return self._catalogue

    def put(self, geofences: Sequence[Geofence]) -> Catalogue:
        """Add or replace by geofence_id, in one revision."""
        for geofence in geofences:
            parse_geofence(msgspec.to_builtins(msgspec.structs.replace(geofence, version=0, revision=0)))
        with self._faults.during("geofences.put"):
            revision = self._catalogue.revision + 1
            changed = False
            for geofence in {each.geofence_id: each for each in geofences}.values():
                geofence_id = geofence.geofence_id
                stored = self._stored.get(geofence_id)
                if stored is not None and same_definition(stored, geofence):
                    continue
                self._versions[geofence_id] += 1
                self._stored[geofence_id] = msgspec.structs.replace(
                    geofence, version=self._versions[geofence_id], revision=revision
                )
                changed = True
            if changed:
                self._renew(revision)
            return self._catalogue

    def remove(self, geofence_ids: Collection[str]) -> frozenset[str]:
        """Remove those that exist; return their ids."""
        with self._faults.during("geofences.remove"):
            removed = frozenset(self._stored.keys() & set(geofence_ids))
            for geofence_id in removed:
                del self._stored[geofence_id]
            if removed:
                self._renew(self._catalogue.revision + 1)
            return removed

    def _renew(self, revision: int) -> None:
        self._catalogue = Catalogue(revision, tuple(self._stored[key] for key in sorted(self._stored)))


class MemoryPresence:
    """`ports.PresenceStore` and `ports.AlertLog` in dicts. `notify` False keeps alerts out of the outbox."""

    def __init__(self, faults: FaultScript | None = None, *, notify: bool = True) -> None:
        self.notify = notify
        self._faults = faults or FaultScript()
        self._states: dict[str, tuple[int, bytes]] = {}
        self._alerts: dict[str, Alert] = {}
        self._outbox: dict[str, Alert] = {}

    def load(self, truck_ids: Collection[str]) -> dict[str, TruckPresence]:
        """Return copies of the states of those of the trucks that have one."""
        with self._faults.during("presence.load"):
            known = ((truck_id, self._states.get(truck_id)) for truck_id in truck_ids)
            return {truck_id: decode_presence(state[1], state[0]) for truck_id, state in known if state}

    def commit(self, changes: Sequence[PresenceChange]) -> frozenset[str]:
        """Write state, alerts and outbox of each truck whose stored sequence is the expected one."""
        failed = set()
        with self._faults.during("presence.commit"):
            for change in changes:
                truck_id = change.presence.truck_id
                stored = self._states.get(truck_id)
                stale = (stored[0] if stored else None) != change.expected_sequence
                if stale or self._faults.refuses("presence.commit", truck_id):
                    failed.add(truck_id)
                    continue
                self._states[truck_id] = (change.presence.sequence_number, encode_presence(change.presence))
                for alert in change.alerts:
                    if alert.alert_id not in self._alerts:
                        self._alerts[alert.alert_id] = alert
                        if self.notify and not alert.late:
                            self._outbox[alert.alert_id] = alert
        return frozenset(failed)

    def list(
        self, *, truck_id: str | None = None, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[Alert]:
        """Yield alerts ordered by (timestamp_ms, truck_id, alert_id), `from_ms <= timestamp_ms < to_ms`."""
        for alert in sorted(self._alerts.values(), key=lambda a: (a.timestamp_ms, a.truck_id, a.alert_id)):
            if (
                (truck_id is None or alert.truck_id == truck_id)
                and (from_ms is None or alert.timestamp_ms >= from_ms)
                and (to_ms is None or alert.timestamp_ms < to_ms)
            ):
                yield alert

    def committed(self) -> Sequence[Alert]:
        """Return all alerts in the order they were committed."""
        return [*self._alerts.values()]

    def pending(self, limit: int) -> Sequence[Alert]:
        """Return unsent alerts in the order they were committed."""
        with self._faults.during("alerts.pending"):
            return [*self._outbox.values()][:limit]

    def mark_sent(self, alert_ids: Collection[str], at_ms: int) -> None:
        """Take alerts out of the outbox after the receiver's answer."""
        with self._faults.during("alerts.mark_sent"):
            for alert_id in alert_ids:
                self._outbox.pop(alert_id, None)


class RecordingNotifier:
    """A receiver that keeps ids: `received` holds each alert once, `duplicates` the ids that came again.

    `down` True makes it accept nothing.
    """

    def __init__(self, name: str = "recording", faults: FaultScript | None = None) -> None:
        self.name = name
        self.down = False
        self.received: list[Alert] = []
        self.duplicates: list[str] = []
        self.last_error = ""
        self._ids: set[str] = set()
        self._faults = faults or FaultScript()

    def send(self, alerts: Sequence[Alert]) -> Collection[str]:
        """Take the alerts in order; return the accepted ids."""
        accepted: list[str] = []
        with self._faults.during("notifier.send"):
            for alert in alerts:
                if self.down or self._faults.refuses("notifier.send", alert.alert_id):
                    self.last_error = "the receiver is down"
                    break
                if alert.alert_id in self._ids:
                    self.duplicates.append(alert.alert_id)
                else:
                    self._ids.add(alert.alert_id)
                    self.received.append(alert)
                accepted.append(alert.alert_id)
        return accepted


class MemoryRejected:
    """`ports.RejectedStore` in a dict."""

    def __init__(self, faults: FaultScript | None = None) -> None:
        self._records: dict[tuple[str, int, int], RejectedRecord] = {}
        self._redriven: set[tuple[str, int, int]] = set()
        self._faults = faults or FaultScript()

    def put(self, records: Sequence[RejectedRecord]) -> None:
        """Keep the records; entries that are there already are left as they are."""
        with self._faults.during("rejected.put"):
            for record in records:
                self._records.setdefault(_place(record), record)

    def list(
        self, *, include_redriven: bool = False, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[RejectedRecord]:
        """Yield entries with `from_ms <= arrival_ms < to_ms`, ordered by (shard_id, sequence_number, index)."""
        for place in sorted(self._records):
            arrival_ms = self._records[place].arrival_ms
            inside = (from_ms is None or arrival_ms >= from_ms) and (to_ms is None or arrival_ms < to_ms)
            if inside and (include_redriven or place not in self._redriven):
                yield self._records[place]

    def count(self) -> int:
        """Return how many entries wait (not redriven)."""
        return len(self._records) - len(self._redriven)

    def mark_redriven(self, records: Sequence[RejectedRecord]) -> None:
        """Note that these were put on the stream again."""
        self._redriven |= {_place(record) for record in records} & self._records.keys()


class MemoryArchive:
    """`ports.ArchiveStore` in a dict."""

    def __init__(self, faults: FaultScript | None = None) -> None:
        self._files: dict[str, bytes] = {}
        self._faults = faults or FaultScript()

    def put(self, key: str, data: bytes) -> None:
        """Write the whole file, replacing it atomically."""
        with self._faults.during("archive.put"):
            self._files[key] = bytes(data)

    def get(self, key: str) -> bytes:
        """Return the file. Raises KeyError when it is gone."""
        with self._faults.during("archive.get"):
            return self._files[key]

    def list(self, prefix: str) -> Sequence[ArchiveObject]:
        """Return the files whose key starts with `prefix`, ordered by key."""
        with self._faults.during("archive.list"):
            return [
                ArchiveObject(key, len(data), hashlib.blake2b(data, digest_size=8).hexdigest())
                for key, data in sorted(self._files.items())
                if key.startswith(prefix)
            ]

    def delete(self, keys: Iterable[str]) -> None:
        """Remove the files; those already gone are fine."""
        with self._faults.during("archive.delete"):
            for key in keys:
                self._files.pop(key, None)


class MemoryStream:
    """`ports.RecordSink` and a reader over it. Shards share the hash space evenly, as a new Kinesis stream."""

    def __init__(
        self, shard_count: int = 1, *, clock: MovableClock | None = None, faults: FaultScript | None = None
    ) -> None:
        self.shard_ids = [f"shardId-{number:012d}" for number in range(shard_count)]
        self._records: dict[str, list[StreamRecord]] = {shard_id: [] for shard_id in self.shard_ids}
        self._clock = clock or MovableClock()
        self._faults = faults or FaultScript()

    def put(self, records: Sequence[OutgoingRecord]) -> Sequence[Placed | NotPlaced]:
        """Append the records; answer one result per record. `FaultScript.refuse("stream.put", key)` throttles."""
        results: list[Placed | NotPlaced] = []
        throttled: set[str] = set()
        with self._faults.during("stream.put"):
            for record in records:
                key = record.partition_key
                refusal = refusal_of(key, record.data)
                if refusal is not None:
                    results.append(refusal)
                elif key in throttled or self._faults.refuses("stream.put", key):
                    throttled.add(key)
                    results.append(NotPlaced("throttled", retryable=True))
                else:
                    results.append(self._append(record))
        return results

    def batches(self, shard_id: str, size: int, *, from_sequence: int = 0) -> Iterator[Batch]:
        """Yield batches of up to `size` records, from the first sequence number >= `from_sequence`."""
        records = [each for each in self._records[shard_id] if each.sequence_number >= from_sequence]
        for start in range(0, len(records), size):
            yield Batch(shard_id, records[start : start + size])

    def _append(self, record: OutgoingRecord) -> Placed:
        digest = hashlib.md5(record.partition_key.encode(), usedforsecurity=False).digest()
        shard_id = self.shard_ids[int.from_bytes(digest) * len(self.shard_ids) >> 128]
        shard = self._records[shard_id]
        sequence_number = len(shard) + 1
        arrival_ms = self._clock() if record.arrival_ms is None else record.arrival_ms
        shard.append(StreamRecord(shard_id, sequence_number, arrival_ms, record.partition_key, record.data))
        return Placed(shard_id, sequence_number)


def _place(record: RejectedRecord) -> tuple[str, int, int]:
    return (record.shard_id, record.sequence_number, record.index)
