"""What every backend promises the web application: feeds of positions and alerts, and acknowledgements."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.dynamodb import Tables, local_tables, moto_tables

from truckstream.aws.acknowledgements import AwsAcknowledgements
from truckstream.aws.alert_feed import AwsAlertFeed
from truckstream.aws.alerts import AwsAlerts
from truckstream.aws.position_feed import AwsPositionFeed
from truckstream.core.cursors import write_cursor
from truckstream.core.errors import InvalidInput
from truckstream.core.outliers import Track
from truckstream.core.presence import Alert, TruckPresence
from truckstream.core.records import Position
from truckstream.local.acknowledgements import LocalAcknowledgements
from truckstream.local.alert_feed import LocalAlertFeed
from truckstream.local.alerts import LocalAlerts
from truckstream.local.positions import LocalPositions
from truckstream.ports import PresenceChange, PresenceStore
from truckstream.ports_viewing import Acknowledgement, AcknowledgementStore, AlertFeed, AlertFilter
from truckstream.testing import MemoryPresence
from truckstream.testing.viewing import MemoryAcknowledgements, MemoryAlertFeed, ViewedPositions
from truckstream.web.sources import Positions


class Backend(NamedTuple):
    """The ports of one backend over the same stores."""

    positions: Positions
    presence: PresenceStore
    alerts: AlertFeed
    acknowledgements: AcknowledgementStore


def memory(folder: Path) -> Iterator[Backend]:
    del folder
    presence = MemoryPresence()
    yield Backend(ViewedPositions(), presence, MemoryAlertFeed(presence), MemoryAcknowledgements())


def local(folder: Path) -> Iterator[Backend]:
    with (
        closing(LocalPositions(folder / "positions.db")) as positions,
        closing(LocalAlerts(folder / "alerts.db")) as presence,
        closing(LocalAlertFeed(folder / "alerts.db")) as alerts,
        closing(LocalAcknowledgements(folder / "acknowledgements.db")) as acknowledgements,
    ):
        yield Backend(positions, presence, alerts, acknowledgements)


def aws(tables: Tables) -> Iterator[Backend]:
    presence = AwsAlerts(tables.client, tables.geofences(), at_once=tables.at_once)
    yield Backend(
        AwsPositionFeed(tables.client, tables.positions(), every_s=0, at_once=tables.at_once),
        presence,
        AwsAlertFeed(presence),
        AwsAcknowledgements(tables.client, presence.table.name),
    )


def moto(folder: Path) -> Iterator[Backend]:
    del folder
    with moto_tables() as tables:
        yield from aws(tables)


def dynamodb_local(folder: Path) -> Iterator[Backend]:
    del folder
    yield from aws(local_tables())


BACKENDS: dict[str, Callable[[Path], Iterator[Backend]]] = {
    "memory": memory,
    "local": local,
    "aws": moto,
    "dynamodb-local": dynamodb_local,
}
"""A backend joins by adding itself here."""

ALL = AlertFilter()


@pytest.fixture(params=[*BACKENDS])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    yield from BACKENDS[request.param](tmp_path)


def track(truck_id: str, second: int) -> Track:
    return Track(Position(truck_id, second * 1000, 47.0, 8.5), received_ms=second * 1000 + 7)


def alert(alert_id: str, truck_id: str, second: int, kind: str = "exit", geofence_id: str = "A") -> Alert:
    return Alert(alert_id, truck_id, geofence_id, "Fence", kind, second * 1000, 47.25, 8.5, 3)  # type: ignore[arg-type]


def commit(backend: Backend, *alerts: Alert) -> None:
    for each in alerts:
        before = backend.presence.load([each.truck_id]).get(each.truck_id)
        expected = before.sequence_number if before is not None else None
        following = TruckPresence(each.truck_id, (expected or 0) + 1)
        assert backend.presence.commit([PresenceChange(expected, following, (each,))]) == frozenset()


def ids(alerts: object) -> list[str]:
    return [each.alert_id for each in alerts]  # type: ignore[attr-defined]


# --- positions ---


def test_feed_begins_with_every_truck_and_goes_on_with_those_that_changed(backend: Backend) -> None:
    backend.positions.put_newer([track("TRK-1", 1), track("TRK-2", 1)])
    found, mark = backend.positions.changed_since("")
    assert sorted(each.truck_id for each in found) == ["TRK-1", "TRK-2"]
    assert list(backend.positions.changed_since(mark)[0]) == []
    backend.positions.put_newer([track("TRK-2", 2), track("TRK-3", 1)])
    found, later = backend.positions.changed_since(mark)
    assert sorted(each.truck_id for each in found) == ["TRK-2", "TRK-3"]
    assert {each.truck_id: each for each in found}["TRK-2"] == track("TRK-2", 2)
    # A mark may be used again: nobody has taken anything away.
    assert sorted(each.truck_id for each in backend.positions.changed_since(mark)[0]) == ["TRK-2", "TRK-3"]
    assert list(backend.positions.changed_since(later)[0]) == []


def test_a_write_that_changes_nothing_is_no_change(backend: Backend) -> None:
    backend.positions.put_newer([track("TRK-1", 5)])
    _, mark = backend.positions.changed_since("")
    backend.positions.put_newer([track("TRK-1", 4), track("TRK-1", 5)])
    assert list(backend.positions.changed_since(mark)[0]) == []


def test_a_mark_of_another_store_starts_again(backend: Backend) -> None:
    backend.positions.put_newer([track("TRK-1", 5)])
    for mark in ("nonsense", "999999999999"):
        assert [each.truck_id for each in backend.positions.changed_since(mark)[0]] == ["TRK-1"]


def test_an_empty_feed_has_a_mark_as_well(backend: Backend) -> None:
    found, mark = backend.positions.changed_since("")
    assert list(found) == []
    backend.positions.put_newer([track("TRK-1", 5)])
    assert [each.truck_id for each in backend.positions.changed_since(mark)[0]] == ["TRK-1"]


# --- alerts ---


def test_alerts_come_in_commit_order_and_reading_on_gives_each_once(backend: Backend) -> None:
    first = [alert("a4", "TRK-2", 4), alert("a1", "TRK-1", 1), alert("a3", "TRK-1", 4)]
    commit(backend, *first)
    seen, cursor = [], ""
    for _ in range(3):
        page = backend.alerts.committed(cursor, 2, ALL)
        seen += ids(page.alerts)
        cursor = page.cursor
    assert seen == ["a4", "a1", "a3"]
    commit(backend, alert("a0", "TRK-3", 0), alert("a9", "TRK-1", 9))
    page = backend.alerts.committed(cursor, 10, ALL)
    assert ids(page.alerts) == ["a0", "a9"]
    assert not page.more
    assert ids(backend.alerts.committed(page.cursor, 10, ALL).alerts) == []


def test_a_filtered_feed_resumes_exactly_too(backend: Backend) -> None:
    commit(backend, *(alert(f"a{n}", f"TRK-{n % 2}", n, "enter" if n % 3 else "exit") for n in range(9)))
    wanted = AlertFilter(truck_id="TRK-1", alert_type="enter")
    page = backend.alerts.committed("", 2, wanted)
    assert (ids(page.alerts), page.more) == (["a1", "a5"], True)
    rest = backend.alerts.committed(page.cursor, 2, wanted)
    assert (ids(rest.alerts), rest.more) == (["a7"], False)
    commit(backend, alert("b1", "TRK-0", 10, "enter"), alert("b2", "TRK-1", 11, "enter"))
    assert ids(backend.alerts.committed(rest.cursor, 2, wanted).alerts) == ["b2"]
    assert ids(backend.alerts.committed("", 9, AlertFilter(geofence_id="B")).alerts) == []


@pytest.mark.parametrize("newest_first", [False, True])
def test_alerts_by_time_are_paged_without_gap_or_repetition(backend: Backend, newest_first: bool) -> None:
    commit(backend, *(alert(f"a{n:02d}", f"TRK-{n % 4}", n % 5) for n in range(20)))
    expected = sorted(
        ((each.timestamp_ms, each.truck_id, each.alert_id) for each in backend.alerts.committed("", 99, ALL).alerts),
        reverse=newest_first,
    )
    seen, cursor, more = [], "", True
    while more:
        page = backend.alerts.by_time(cursor, 7, ALL, newest_first=newest_first)
        seen += [(each.timestamp_ms, each.truck_id, each.alert_id) for each in page.alerts]
        cursor, more = page.cursor, page.more
    assert seen == expected
    between = AlertFilter(from_ms=1_000, to_ms=3_000)
    found = backend.alerts.by_time("", 99, between, newest_first=newest_first).alerts
    assert {each.timestamp_ms for each in found} == {1_000, 2_000}
    assert len(found) == 8


def test_the_latest_alerts_lead_on_to_those_to_come(backend: Backend) -> None:
    assert list(backend.alerts.latest(5).alerts) == []
    commit(backend, *(alert(f"a{n}", "TRK-1", n) for n in range(4)))
    page = backend.alerts.latest(2)
    assert ids(page.alerts) == ["a2", "a3"]
    assert ids(backend.alerts.committed(page.cursor, 9, ALL).alerts) == []
    commit(backend, alert("a9", "TRK-1", 9))
    assert ids(backend.alerts.committed(page.cursor, 9, ALL).alerts) == ["a9"]


def test_one_alert_is_found_by_its_id(backend: Backend) -> None:
    commit(backend, alert("a1", "TRK-1", 1))
    assert backend.alerts.get("a1") == alert("a1", "TRK-1", 1)
    assert backend.alerts.get("a2") is None


def test_a_cursor_from_elsewhere_is_refused(backend: Backend) -> None:
    commit(backend, alert("a1", "TRK-1", 1))
    with pytest.raises(InvalidInput, match="cursor"):
        backend.alerts.committed("zz!", 9, ALL)
    with pytest.raises(InvalidInput, match="cursor"):
        backend.alerts.by_time("zz!", 9, ALL, newest_first=True)


def test_a_cursor_beyond_what_stores_count_to_is_refused(backend: Backend) -> None:
    commit(backend, alert("a1", "TRK-1", 1))
    with pytest.raises(InvalidInput, match="cursor"):
        backend.alerts.committed(write_cursor(2**63), 9, ALL)


# --- acknowledgements ---


def test_acknowledgements_are_kept_replaced_and_taken_back(backend: Backend) -> None:
    store = backend.acknowledgements
    assert store.get(["a1"]) == {}
    store.put("a1", Acknowledgement(1, "Anna", "called"))
    store.put("a1", Acknowledgement(2, "Ben"))
    store.put("a2", Acknowledgement(3, "Ben", "ß <b>"))
    assert store.get(["a1", "a2", "a3"]) == {"a1": Acknowledgement(2, "Ben"), "a2": Acknowledgement(3, "Ben", "ß <b>")}
    assert store.remove("a1") is True
    assert store.remove("a1") is False
    assert store.get(["a1"]) == {}
    assert store.get([]) == {}


def test_changes_of_acknowledgements_are_heard_by_whoever_kept_a_mark(backend: Backend) -> None:
    store = backend.acknowledgements
    store.put("a0", Acknowledgement(1, "Anna"))
    changes, mark = store.changed_since("")
    assert changes == {}
    store.put("a1", Acknowledgement(2, "Ben", "n"))
    store.remove("a0")
    changes, later = store.changed_since(mark)
    assert changes == {"a0": None, "a1": Acknowledgement(2, "Ben", "n")}
    assert store.changed_since(later)[0] == {}
