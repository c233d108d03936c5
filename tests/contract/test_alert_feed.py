"""What every `AlertFeed` promises."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.dynamodb import Tables, local_tables, moto_tables

from truckstream.aws.alert_feed import AwsAlertFeed
from truckstream.aws.alerts import AwsAlerts
from truckstream.core.errors import InvalidInput
from truckstream.core.presence import Alert, TruckPresence
from truckstream.local.alert_feed import LocalAlertFeed
from truckstream.local.alerts import LocalAlerts
from truckstream.ports import PresenceChange, PresenceStore
from truckstream.ports_viewing import AlertFeed, AlertFilter

ANY = AlertFilter()


class System:
    """A log that is written, and a feed of it."""

    def __init__(self, log: PresenceStore, feed: AlertFeed, second: AlertFeed) -> None:
        self.log, self.feed, self.second_reader = log, feed, second
        self._stored: dict[str, int] = {}

    def commit(self, *alerts: Alert) -> None:
        """Commit alerts of one truck together."""
        truck_id = alerts[0].truck_id
        before = self._stored.get(truck_id)
        after = self._stored[truck_id] = 0 if before is None else before + 1
        assert self.log.commit([PresenceChange(before, TruckPresence(truck_id, after), alerts)]) == frozenset()


@pytest.fixture(scope="module")
def moto() -> Iterator[Tables]:
    with moto_tables() as tables:
        yield tables


@pytest.fixture(params=["local", "aws", "dynamodb-local"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[System]:
    if request.param == "local":
        path = tmp_path / "alerts.db"
        with (
            closing(LocalAlerts(path)) as log,
            closing(LocalAlertFeed(path)) as feed,
            closing(LocalAlertFeed(path)) as second,
        ):
            yield System(log, feed, second)
        return
    tables: Tables = request.getfixturevalue("moto") if request.param == "aws" else local_tables()
    table = tables.geofences()

    def alerts() -> AwsAlerts:
        return AwsAlerts(tables.client, table, at_once=tables.at_once)

    yield System(alerts(), AwsAlertFeed(alerts()), AwsAlertFeed(alerts()))


def alert(alert_id: str, truck_id: str, timestamp_ms: int, fence: str = "A", *, late: bool = False) -> Alert:
    return Alert(alert_id, truck_id, fence, f"Fence {fence}", "exit", timestamp_ms, 47.25, 8.5, 3, late)


def ids(alerts: object) -> list[str]:
    return [each.alert_id for each in alerts]  # type: ignore[attr-defined]


FIRST = [
    alert("a4", "TRK-2", 4_000),
    alert("a1", "TRK-1", 1_000, "B", late=True),
    alert("a3", "TRK-1", 4_000),
    alert("a2", "TRK-1", 4_000),
    alert("a5", "TRK-1", 9_000),
]


def fill(system: System) -> None:
    for each in FIRST:
        system.commit(each)


def test_an_empty_log_has_a_cursor_to_go_on_from(system: System) -> None:
    for page in (system.feed.committed("", 10, ANY), system.feed.latest(10)):
        assert (list(page.alerts), page.more) == ([], False)
    cursor = system.feed.committed("", 10, ANY).cursor
    fill(system)
    assert ids(system.feed.committed(cursor, 10, ANY).alerts) == ["a4", "a1", "a3", "a2", "a5"]


def test_alerts_come_in_commit_order_late_ones_too_and_whole(system: System) -> None:
    fill(system)
    page = system.feed.committed("", 10, ANY)
    assert list(page.alerts) == FIRST
    assert not page.more


def test_reading_on_gives_each_alert_exactly_once(system: System) -> None:
    seen: list[str] = []
    cursor = ""
    for number in range(12):
        system.commit(*[alert(f"x{number}-{n}", f"TRK-{number % 3}", 100 - number) for n in range(number % 4 + 1)])
        page = system.feed.committed(cursor, 2, ANY)
        assert len(page.alerts) <= 2
        seen += ids(page.alerts)
        cursor = page.cursor
    while page.more:
        page = system.feed.committed(cursor, 2, ANY)
        seen += ids(page.alerts)
        cursor = page.cursor
    assert sorted(seen) == sorted(f"x{number}-{n}" for number in range(12) for n in range(number % 4 + 1))
    assert list(system.feed.committed(cursor, 2, ANY).alerts) == []
    assert system.feed.committed(cursor, 2, ANY).cursor == cursor


def test_two_readers_see_the_same_order_and_share_cursors(system: System) -> None:
    fill(system)
    first = system.feed.committed("", 2, ANY)
    assert ids(system.second_reader.committed(first.cursor, 10, ANY).alerts) == ["a3", "a2", "a5"]
    system.commit(alert("a6", "TRK-9", 1))
    assert ids(system.second_reader.committed("", 10, ANY).alerts) == ids(system.feed.committed("", 10, ANY).alerts)


def test_a_filter_leaves_out_and_the_cursor_passes_what_it_left_out(system: System) -> None:
    fill(system)
    page = system.feed.committed("", 2, AlertFilter(truck_id="TRK-1", geofence_id="A"))
    assert (ids(page.alerts), page.more) == (["a3", "a2"], True)
    page = system.feed.committed(page.cursor, 2, AlertFilter(truck_id="TRK-1", geofence_id="A"))
    assert (ids(page.alerts), page.more) == (["a5"], False)
    page = system.feed.committed("", 9, AlertFilter(truck_id="TRK-2"))
    assert (ids(page.alerts), page.more) == (["a4"], False)
    assert ids(system.feed.committed(page.cursor, 9, ANY).alerts) == []
    assert ids(system.feed.committed("", 9, AlertFilter(alert_type="enter")).alerts) == []


@pytest.mark.parametrize("truck_id", [None, "TRK-1"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_by_time_hold_every_alert_once(system: System, truck_id: str | None, newest_first: bool) -> None:
    fill(system)
    wanted = AlertFilter(truck_id=truck_id)
    found: list[str] = []
    cursor, more = "", True
    while more:
        page = system.feed.by_time(cursor, 2, wanted, newest_first=newest_first)
        found += ids(page.alerts)
        cursor, more = page.cursor, page.more
    order = ["a1", "a2", "a3", "a4", "a5"] if truck_id is None else ["a1", "a2", "a3", "a5"]
    assert found == (order[::-1] if newest_first else order)


def test_a_period_includes_its_beginning_and_not_its_end(system: System) -> None:
    fill(system)
    wanted = AlertFilter(from_ms=1_000, to_ms=9_000)
    for newest_first in (False, True):
        found = ids(system.feed.by_time("", 10, wanted, newest_first=newest_first).alerts)
        assert sorted(found) == ["a1", "a2", "a3", "a4"]
    assert ids(system.feed.committed("", 10, AlertFilter(from_ms=4_001)).alerts) == ["a5"]


def test_the_latest_are_followed_by_what_commits_next(system: System) -> None:
    fill(system)
    page = system.feed.latest(2)
    assert ids(page.alerts) == ["a2", "a5"]
    system.commit(alert("a6", "TRK-1", 10))
    assert ids(system.feed.committed(page.cursor, 10, ANY).alerts) == ["a6"]


def test_one_alert_is_found_by_its_id(system: System) -> None:
    fill(system)
    assert system.feed.get("a3") == FIRST[2]
    assert system.feed.get("a9") is None


def test_a_commit_of_many_alerts_is_read_whole(system: System) -> None:
    many = [alert(f"m{n:03d}", "TRK-1", n) for n in range(60)]
    system.commit(*many)
    assert list(system.feed.committed("", 500, ANY).alerts) == many
    assert ids(system.feed.latest(3).alerts) == ["m057", "m058", "m059"]


@pytest.mark.parametrize("read", ["committed", "by_time"])
def test_a_cursor_nobody_wrote_is_refused(system: System, read: str) -> None:
    calls: dict[str, Callable[[str], object]] = {
        "committed": lambda cursor: system.feed.committed(cursor, 10, ANY),
        "by_time": lambda cursor: system.feed.by_time(cursor, 10, ANY, newest_first=True),
    }
    for cursor in ("no cursor", "c0", "81a161"):
        with pytest.raises(InvalidInput):
            calls[read](cursor)
