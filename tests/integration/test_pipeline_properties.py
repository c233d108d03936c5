"""The whole local pipeline on real stores: the answers depend on the records alone.

Not on batch splits, duplicates, delivery order, or where the process died; and no alert id is lost or raised twice.
"""

import os
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.consumers import answers, compaction
from truckstream.core.geofences import parse_geofences
from truckstream.core.outliers import Track
from truckstream.core.presence import alert_to_json
from truckstream.core.records import Position, encode_position
from truckstream.local.directory import DataDirectory
from truckstream.local.notifiers import FileNotifier
from truckstream.local.runtime import Pipeline, Tuning
from truckstream.local.stores import LocalStores
from truckstream.ports import OutgoingRecord
from truckstream.testing import FaultScript, RecordingNotifier, SimulatedCrash

START_MS = 1_705_310_000_000  # some minutes before an hour and well before midnight
FENCES = b"""[
 {"geofence_id":"c","name":"c","type":"circle","center":{"latitude":47,"longitude":8},"radius_meters":400,"alert_on":"both"},
 {"geofence_id":"p","name":"p","type":"polygon","alert_on":"enter","confirm_fixes":2,
  "polygon":[{"latitude":46.999,"longitude":7.99},{"latitude":46.999,"longitude":8.01},{"latitude":47.01,"longitude":8.0}]},
 {"geofence_id":"d","name":"d","type":"corridor","path":[{"latitude":47,"longitude":7.99},{"latitude":47.002,"longitude":8.01}],
  "width_meters":300,"alert_on":"exit","detect_crossing":true,"dwell_minutes":1,"speed_limit_kmh":40,"exit_buffer_meters":50}
]"""
# Every durable write of the pipeline, by store.
WRITES = {
    "stream": ("put", "save_checkpoint"),
    "positions": ("put_newer",),
    "alerts": ("commit", "note_accepted"),
    "rejected": ("put",),
    "archive": ("put", "delete"),
}

# A process that dies leaves its writes to the system: memory serves as well as a disk, and ten times faster.
# (Power loss is another matter: tests/integration/test_stream_durability.py.)
FAST = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

type Hour = tuple[str, int, float, float | None, float | None, float | None, int]
type Answers = tuple[list[Position], list[Hour], list[str]]


def drive(seed: int, trucks: int, positions: int) -> list[Position]:
    """Trucks that wander in and out of the fences, in order of time."""
    rng = random.Random(seed)
    made = []
    for number in range(trucks):
        latitude, longitude, now_ms = 47.0, 8.0, START_MS + rng.randrange(5_000)
        for _ in range(positions):
            latitude += rng.uniform(-0.003, 0.003)
            longitude += rng.uniform(-0.004, 0.004)
            speed = rng.choice([None, 0.0, 2.0, 35.0, 55.0])
            status = rng.choice([None, "running", "idle", "off"])
            made.append(
                Position(f"T{number}", now_ms, round(latitude, 7), round(longitude, 7), speed, engine_status=status)  # type: ignore[arg-type]
            )
            now_ms += rng.choice([1_000, 5_000, 20_000, 400_000])
    return sorted(made, key=lambda position: (position.timestamp_ms, position.truck_id))


def outgoing(position: Position, arrival_ms: int) -> OutgoingRecord:
    return OutgoingRecord(position.truck_id, encode_position(position), arrival_ms)


class Machine:
    """One data directory, and processes on it that may die at any write."""

    def __init__(self, root: Path, tuning: Tuning, faults: FaultScript) -> None:
        self.directory = DataDirectory(root / "data")
        self.directory.create()
        self.tuning, self.faults = tuning, faults
        self.receiver = RecordingNotifier()
        self.crashes = 0
        self.stores: LocalStores
        self.pipeline: Pipeline
        self.up = False
        self.survive(lambda: self.stores.geofences.put(parse_geofences(FENCES).geofences))

    def _boot(self) -> None:
        self.stores = LocalStores(self.directory)
        for name, methods in WRITES.items():
            store: Any = getattr(self.stores, name)
            for method in methods:
                setattr(store, method, self._counted(f"{name}.{method}", getattr(store, method)))
        file = FileNotifier(self.directory.sent_alerts)
        self.pipeline = Pipeline(self.stores, [self.receiver, file], tuning=self.tuning)
        self.up = True

    def _counted(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            with self.faults.during(name):
                return method(*arguments, **options)

        return call

    def survive(self, work: Callable[[], object]) -> None:
        """Do the work; after a crash start a new process and do it again."""
        while True:
            try:
                if not self.up:
                    self._boot()
                work()
            except SimulatedCrash:
                self.crashes += 1
                self.up = False
                self.stores.close()
            else:
                return

    def feed(self, records: Sequence[OutgoingRecord], sizes: Sequence[int]) -> None:
        """Put the records in chunks of these sizes; the producer repeats what was not acknowledged."""
        start, turn = 0, 0
        while start < len(records):
            chunk = records[start : start + sizes[turn % len(sizes)]]
            self.survive(lambda chunk=chunk: self.pipeline.put(chunk))  # type: ignore[misc]
            self.survive(lambda turn=turn: self.pipeline.poll(START_MS + turn * 1_000))  # type: ignore[misc]
            start += len(chunk)
            turn += 1
        self.survive(self._drain)

    def _drain(self) -> None:
        for turn in range(10_000):
            self.pipeline.poll(START_MS + 10**9 + turn * 60_000, flush=True)
            if self.pipeline.drained:
                return
        raise AssertionError("does not drain")

    def answers(self) -> Answers:
        rows = [position for part in answers.rows(self.stores) for position in part.to_positions()]
        hours = [
            (row.truck_id, row.hour_ms, round(row.total_distance_km, 9), row.average_speed_kmh, row.max_speed_kmh,
             row.idle_time_minutes, row.coordinates_count)
            for row in answers.hourly_statistics(self.stores).rows()
        ]  # fmt: skip
        return rows, hours, [repr(event) for event in answers.transitions(self.stores)]


def reference(root: Path, positions: Sequence[Position]) -> tuple[Answers, list[str], Sequence[Track]]:
    """The answers of one ordered pass in one batch, the ids of its alerts, and the latest positions."""
    machine = Machine(root / "reference", Tuning(10_000, 10_000, 0), FaultScript())
    machine.feed([outgoing(position, position.timestamp_ms) for position in positions], [10_000])
    found = machine.answers()
    ids = [alert.alert_id for alert in machine.stores.alerts.list()]
    latest = machine.stores.positions.list()
    machine.stores.close()
    return found, ids, latest


TUNINGS = st.builds(
    Tuning, st.sampled_from([1, 3, 10, 1_000]), st.sampled_from([2, 7, 1_000]), st.sampled_from([0, 5_000])
)
SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=4)
CRASHES = st.lists(st.tuples(st.integers(1, 200), st.booleans()), max_size=6)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 10**6), tuning=TUNINGS, sizes=SIZES, crashes=CRASHES, duplicates=st.integers(0, 30),
    shuffle=st.booleans(),
)  # fmt: skip
def test_archive_statistics_and_transitions_depend_on_the_records_alone(
    seed: int, tuning: Tuning, sizes: list[int], crashes: list[tuple[int, bool]], duplicates: int, shuffle: bool
) -> None:
    positions = drive(seed, 3, 15)
    rng = random.Random(seed)
    records = [outgoing(position, position.timestamp_ms + rng.randrange(20 * 60_000)) for position in positions]
    for _ in range(duplicates):
        records.insert(rng.randrange(len(records) + 1), rng.choice(records))
    if shuffle:
        rng.shuffle(records)
    faults = FaultScript()
    for place, after_effect in crashes:
        faults.crash(place, after_effect=after_effect)
    with tempfile.TemporaryDirectory(dir=FAST) as scratch:
        expected, _, _ = reference(Path(scratch), positions)
        machine = Machine(Path(scratch), tuning, faults)
        machine.feed(records, sizes)
        assert machine.answers() == expected
        machine.survive(lambda: compaction.compact(machine.stores.archive, machine.stores.format, clock_ms=None))
        assert machine.answers() == expected
        assert answers.verify(machine.stores, machine.stores.received()).ok
        machine.stores.close()


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), tuning=TUNINGS, sizes=SIZES, crashes=CRASHES, repeats=st.integers(0, 20))
def test_live_alerts_come_once_and_equal_those_of_one_ordered_pass(
    seed: int, tuning: Tuning, sizes: list[int], crashes: list[tuple[int, bool]], repeats: int
) -> None:
    positions = drive(seed, 3, 20)
    rng = random.Random(seed)
    records = [outgoing(position, position.timestamp_ms) for position in positions]
    for _ in range(repeats):  # a duplicate never comes before its original
        place = rng.randrange(len(records))
        records.insert(rng.randrange(place, len(records)) + 1, records[place])
    faults = FaultScript()
    for place, after_effect in crashes:
        faults.crash(place, after_effect=after_effect)
    with tempfile.TemporaryDirectory(dir=FAST) as scratch:
        expected, ids, latest = reference(Path(scratch), positions)
        machine = Machine(Path(scratch), tuning, faults)
        machine.feed(records, sizes)
        alerts = list(machine.stores.alerts.list())
        assert [alert.alert_id for alert in alerts] == ids
        assert {alert.alert_id for alert in machine.receiver.received} == set(ids)
        in_file = set(machine.directory.sent_alerts.read_bytes().splitlines()) if ids else set()
        assert in_file == {alert_to_json(alert) for alert in alerts}
        assert machine.stores.positions.list() == latest
        assert machine.answers() == expected
        machine.stores.close()


@pytest.mark.parametrize("after_effect", [False, True], ids=["before it takes effect", "after it took effect"])
def test_a_crash_at_each_single_write_changes_no_answer(after_effect: bool) -> None:
    positions = drive(7, 2, 12)
    records = [outgoing(position, position.timestamp_ms) for position in positions]
    with tempfile.TemporaryDirectory(dir=FAST) as scratch:
        expected, ids, _ = reference(Path(scratch), positions)
        places = 1
        while crash_changes_nothing(Path(scratch) / str(places), records, places, after_effect, expected, ids):
            places += 1
    assert places > 40


def crash_changes_nothing(
    root: Path, records: Sequence[OutgoingRecord], place: int, after_effect: bool, expected: Answers, ids: list[str]
) -> bool:
    """Die at one write; compare everything. Returns False when there were fewer writes."""
    faults = FaultScript()
    faults.crash(place, after_effect=after_effect)
    machine = Machine(root, Tuning(5, 8, 0), faults)
    machine.feed(records, [6])
    assert machine.answers() == expected, faults.calls[place - 1]
    assert [alert.alert_id for alert in machine.stores.alerts.list()] == ids, faults.calls[place - 1]
    assert {alert.alert_id for alert in machine.receiver.received} == set(ids), faults.calls[place - 1]
    machine.stores.close()
    return machine.crashes > 0
