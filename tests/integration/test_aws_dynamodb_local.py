"""The DynamoDB stores on AWS's own DynamoDB Local, many calls at once (the contract tests run on it as well)."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from tests.support.dynamodb import Tables, local_tables

from truckstream.aws.alerts import AwsAlerts
from truckstream.aws.geofences import AwsGeofences
from truckstream.aws.outbox import Outbox
from truckstream.aws.positions import AwsPositions
from truckstream.core.geofences import Geofence, LatLon
from truckstream.core.outliers import Track
from truckstream.core.presence import Alert, TruckPresence
from truckstream.core.records import Position
from truckstream.ports import PresenceChange
from truckstream.testing import RecordingNotifier


@pytest.fixture(scope="module")
def tables() -> Tables:
    return local_tables()


def at_once(*acts: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(acts)) as pool:
        for each in [pool.submit(act) for act in acts]:
            each.result()


def track(truck_id: str, second: int) -> Track:
    return Track(Position(truck_id, second * 1000, 47.0, 8.5))


def circle(number: int, radius_m: float) -> Geofence:
    centre = LatLon(47.0, 8.0)
    name = f"G{number:04d}"
    return Geofence(geofence_id=name, name=name, type="circle", center=centre, radius_meters=radius_m)


def alerts_of(truck_id: str, count: int) -> tuple[Alert, ...]:
    return tuple(Alert(f"{truck_id}-{n}", truck_id, "A", "A", "exit", n * 1000, 47.0, 8.0, 1) for n in range(count))


def test_concurrent_writers_leave_the_newest_of_each_truck(tables: Tables) -> None:
    name = tables.positions()
    trucks = [f"TRK-{number:03d}" for number in range(150)]
    stores = [AwsPositions(tables.client, name, at_once=8) for _ in range(3)]

    def write(store: AwsPositions, second: int) -> None:
        assert store.put_newer([track(truck_id, second) for truck_id in trucks]) == frozenset()

    at_once(*(partial(write, store, second) for store, second in zip(stores, (2, 3, 1), strict=True)))
    assert stores[0].load(trucks) == {truck_id: track(truck_id, 3) for truck_id in trucks}
    assert [each.truck_id for each in stores[0].list()] == trucks


def test_usual_writes_cost_one_unit_each(tables: Tables) -> None:
    units: list[float] = []

    def ask(params: dict[str, Any], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(parsed: dict[str, Any], **_: object) -> None:
        units.append(parsed["ConsumedCapacity"]["CapacityUnits"])

    events = tables.client.meta.events
    hooks = (("provide-client-params.dynamodb.PutItem", ask), ("after-call.dynamodb.PutItem", note))
    for event, hook in hooks:
        events.register(event, hook)
    last = Position("TRK-001", 1_705_314_600_000, 47.3769, 8.5417, 45.5, 180.0, 408.0, 5.0, 75.0, "running")
    inside = TruckPresence("TRK-001", 7, 3, Track(last), ("warehouse-001", "warehouse-002"))
    AwsPositions(tables.client, tables.positions()).put_newer([Track(last)])
    AwsAlerts(tables.client, tables.geofences()).commit([PresenceChange(None, inside)])
    for event, hook in hooks:
        events.unregister(event, hook)
    assert units == [1.0, 1.0]


def test_of_overlapping_commits_one_wins_with_its_alerts(tables: Tables) -> None:
    name = tables.geofences()
    stores = [AwsAlerts(tables.client, name, at_once=4) for _ in range(4)]
    lost: list[str] = []

    def commit(number: int) -> None:
        changes = [
            PresenceChange(None, TruckPresence(f"T{n}", number + 1), alerts_of(f"T{n}-by-{number}", 2))
            for n in range(5)
        ]
        lost.extend(stores[number].commit(changes))

    at_once(*(partial(commit, number) for number in range(4)))
    assert sorted(lost) == sorted([f"T{n}" for n in range(5)] * 3)
    states = stores[0].load([f"T{n}" for n in range(5)])
    winners = {f"{truck_id}-by-{state.sequence_number - 1}" for truck_id, state in states.items()}
    assert {alert.truck_id for alert in stores[0].list()} == winners
    assert stores[0].pending_count() == stores[0].count() == 10


def test_no_reader_sees_half_a_change(tables: Tables) -> None:
    name = tables.geofences()
    writer = AwsGeofences(tables.client, name, at_once=8)
    writer.put([circle(number, 1.0) for number in range(120)])
    done = threading.Event()
    seen: list[tuple[int, int, frozenset[float | None]]] = []

    def read() -> None:
        while not done.is_set():
            catalogue = AwsGeofences(tables.client, name).catalogue()
            radii = frozenset(each.radius_meters for each in catalogue.geofences)
            seen.append((catalogue.revision, len(catalogue.geofences), radii))

    def write() -> None:
        try:
            writer.put([circle(number, 2.0) for number in range(120)])  # staged
            writer.put([circle(number, 3.0) for number in range(60)])  # one transaction
            writer.remove([f"G{number:04d}" for number in range(60, 120)])
        finally:
            done.set()

    at_once(read, read, write)
    whole = {1: (120, {1.0}), 2: (120, {2.0}), 3: (120, {2.0, 3.0}), 4: (60, {3.0})}
    assert all((count, set(radii)) == whole[revision] for revision, count, radii in seen)
    assert len(seen) > 3
    assert AwsGeofences(tables.client, name).catalogue().revision == 4


def test_concurrent_writers_of_geofences_lose_no_change(tables: Tables) -> None:
    name = tables.geofences()
    stores = [AwsGeofences(tables.client, name) for _ in range(3)]
    at_once(*(partial(stores[n].put, [circle(n, 1.0)]) for n in range(3)))
    catalogue = AwsGeofences(tables.client, name).catalogue()
    assert (catalogue.revision, len(catalogue.geofences)) == (3, 3)


def test_many_alerts_settled_by_two_at_once_are_sent_once(tables: Tables) -> None:
    name = tables.geofences()
    log = AwsAlerts(tables.client, name)
    alerts = alerts_of("T", 180)
    receiver = RecordingNotifier()
    pumps = [Outbox(AwsAlerts(tables.client, name), receiver) for _ in range(2)]
    log._settle_later = lambda journal: None  # type: ignore[method-assign]  # the committer died right after
    assert log.commit([PresenceChange(None, TruckPresence("T", 1), alerts)]) == frozenset()
    at_once(pumps[0].pump, pumps[1].pump)
    pumps[0].pump()
    assert [each.alert_id for each in receiver.received] == [each.alert_id for each in alerts]
    assert receiver.duplicates == []
    assert list(log.list()) == list(alerts)


def test_thousand_trucks_take_seconds(tables: Tables) -> None:
    store = AwsPositions(tables.client, tables.positions())
    tracks = [track(f"TRK-{number:04d}", 1) for number in range(1_000)]
    began = time.monotonic()
    assert store.put_newer(tracks) == frozenset()
    assert len(store.load([each.truck_id for each in tracks])) == 1_000
    assert time.monotonic() - began < 60  # 3 s on a quiet machine with two cores, the server included
