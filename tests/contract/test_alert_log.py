"""What every `AlertLog` promises."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.dynamodb import tables_of

from truckstream.aws.alerts import AwsAlerts
from truckstream.core.presence import Alert, TruckPresence
from truckstream.local.alerts import LocalAlerts
from truckstream.ports import PresenceChange
from truckstream.testing import MemoryPresence

type Log = MemoryPresence | LocalAlerts | AwsAlerts

BACKENDS: dict[str, Callable[[Path], Log]] = {
    "memory": lambda _: MemoryPresence(),
    "local": lambda folder: LocalAlerts(folder / "alerts.db"),
}


@pytest.fixture(params=[*BACKENDS, "aws", "dynamodb-local"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    if request.param in BACKENDS:
        return BACKENDS[request.param](tmp_path)
    tables = tables_of(request)
    return AwsAlerts(tables.client, tables.geofences(), at_once=tables.at_once)


def alert(alert_id: str, truck_id: str, timestamp_ms: int) -> Alert:
    return Alert(alert_id, truck_id, "A", "Fence A", "exit", timestamp_ms, 47.25, 8.5, 3)


# In the order they are committed, which is neither of the other orders.
ALERTS = [
    alert("a4", "TRK-2", 4_000),
    alert("a1", "TRK-1", 1_000),
    alert("a3", "TRK-1", 4_000),
    alert("a2", "TRK-1", 4_000),
    alert("a5", "TRK-1", 9_000),
]


def fill(log: Log) -> None:
    stored: dict[str, int] = {}
    for number, each in enumerate(ALERTS):
        change = PresenceChange(stored.get(each.truck_id), TruckPresence(each.truck_id, number), (each,))
        assert log.commit([change]) == frozenset()
        stored[each.truck_id] = number


def ids(alerts: object) -> list[str]:
    return [each.alert_id for each in alerts]  # type: ignore[attr-defined]


def test_alerts_are_listed_by_time_truck_and_id(log: Log) -> None:
    fill(log)
    assert ids(log.list()) == ["a1", "a2", "a3", "a4", "a5"]
    assert list(log.list(truck_id="TRK-2")) == [ALERTS[0]]


def test_bounds_include_the_first_instant_and_exclude_the_last(log: Log) -> None:
    fill(log)
    assert ids(log.list(from_ms=4_000, to_ms=9_000)) == ["a2", "a3", "a4"]
    assert ids(log.list(from_ms=4_001)) == ["a5"]
    assert ids(log.list(to_ms=4_000)) == ["a1"]
    assert ids(log.list(truck_id="TRK-1", from_ms=4_000, to_ms=9_000)) == ["a2", "a3"]
    assert ids(log.list(from_ms=5_000, to_ms=5_000)) == []


def test_pending_keeps_the_order_of_commits(log: Log) -> None:
    fill(log)
    assert ids(log.pending(100)) == ["a4", "a1", "a3", "a2", "a5"]
    assert ids(log.pending(2)) == ["a4", "a1"]


def test_sent_alerts_leave_the_outbox_and_stay_in_the_log(log: Log) -> None:
    fill(log)
    log.mark_sent(["a4", "a3", "unknown"], 10_000)
    log.mark_sent(["a4"], 11_000)
    log.mark_sent([], 12_000)
    assert ids(log.pending(100)) == ["a1", "a2", "a5"]
    assert ids(log.list()) == ["a1", "a2", "a3", "a4", "a5"]


def test_local_log_pages_through_many_alerts_of_one_instant(tmp_path: Path) -> None:
    log = LocalAlerts(tmp_path / "alerts.db")
    many = tuple(alert(f"{n:05d}", "TRK-1", 1_000 + n // 700) for n in range(2_500))
    log.commit([PresenceChange(None, TruckPresence("TRK-1", 1), many)])
    assert list(log.list()) == list(many)
    assert log.count() == log.pending_count() == 2_500
