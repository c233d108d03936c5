"""The numbered alert feed on DynamoDB while writers and readers meet: each alert once, in one order for everybody."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from tests.support.aws_crashes import Crashes, before_next
from tests.support.aws_parts import session
from tests.support.dynamodb import Tables, local_tables, moto_tables

from truckstream.aws.alert_feed import AwsAlertFeed
from truckstream.aws.alerts import AwsAlerts
from truckstream.core.presence import Alert, TruckPresence
from truckstream.ports import PresenceChange
from truckstream.ports_viewing import AlertFilter
from truckstream.testing import SimulatedCrash

ANY = AlertFilter()


@pytest.fixture(scope="module")
def moto() -> Iterator[Tables]:
    with moto_tables() as tables:
        yield tables


def log_of(client: Any, table: str) -> AwsAlerts:
    return AwsAlerts(client, table, at_once=1, pause=lambda seconds: None)


def alerts_of(truck_id: str, count: int, *, late: bool = False) -> list[Alert]:
    return [
        Alert(f"{truck_id}-{n}", truck_id, "A", "Fence A", "exit", 1000 + n, 47.25, 8.5, 3, late) for n in range(count)
    ]


def commit(log: AwsAlerts, alerts: Sequence[Alert], before: int | None = None) -> None:
    truck_id = alerts[0].truck_id
    change = PresenceChange(before, TruckPresence(truck_id, 0 if before is None else before + 1), tuple(alerts))
    assert log.commit([change]) == frozenset()


def ids(alerts: Sequence[Alert]) -> list[str]:
    return [each.alert_id for each in alerts]


def read_all(feed: AwsAlertFeed) -> list[str]:
    seen: list[str] = []
    cursor, more = "", True
    while more:
        page = feed.committed(cursor, 7, ANY)
        seen += ids(page.alerts)
        cursor, more = page.cursor, page.more
    return seen


@pytest.mark.parametrize("count", [33, 34])
def test_a_commit_of_many_alerts_is_read_whole_late_ones_too(moto: Tables, count: int) -> None:
    log = log_of(moto.client, moto.geofences())
    alerts = alerts_of("T", count)
    late = alerts_of("L", 2, late=True)
    commit(log, alerts)
    commit(log, late)
    assert read_all(AwsAlertFeed(log)) == ids([*alerts, *late])


def test_a_reader_that_comes_between_gets_the_numbers_and_none_is_given_twice(moto: Tables) -> None:
    table = moto.geofences()
    slow_client = session().client("dynamodb")
    slow, quick = AwsAlertFeed(log_of(slow_client, table)), AwsAlertFeed(log_of(moto.client, table))
    writer = log_of(moto.client, table)
    commit(writer, alerts_of("A", 3))
    seen: list[str] = []

    def come_between() -> None:
        commit(writer, alerts_of("B", 2))
        seen.extend(ids(quick.committed("", 10, ANY).alerts))

    before_next(slow_client, "TransactWriteItems", come_between)
    assert ids(slow.committed("", 10, ANY).alerts) == seen == ["A-0", "A-1", "A-2", "B-0", "B-1"]
    assert slow.last_number() == 5


def test_an_alert_whose_commit_took_long_lies_behind_every_cursor(moto: Tables) -> None:
    """The writer chose its place in time first, and commits last."""
    table = moto.geofences()
    stalled_client = session().client("dynamodb")
    quick, feed = log_of(moto.client, table), AwsAlertFeed(log_of(moto.client, table))
    cursors: list[str] = []

    def others_go_on() -> None:
        commit(quick, alerts_of("B", 2))
        cursors.append(feed.committed("", 10, ANY).cursor)

    before_next(stalled_client, "TransactWriteItems", others_go_on)
    commit(log_of(stalled_client, table), alerts_of("A", 2))
    assert ids(feed.committed(cursors[0], 10, ANY).alerts) == ["A-0", "A-1"]


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_reader_may_die_anywhere(moto: Tables, after_effect: bool) -> None:
    at = 0
    client = session().client("dynamodb")
    crashes = Crashes(client)
    while True:
        at += 1
        table = moto.geofences()
        commit(log_of(moto.client, table), alerts_of("T", 3))
        crashes.crash(at, after_effect=after_effect)
        try:
            AwsAlertFeed(log_of(client, table)).number_news()
            break
        except SimulatedCrash:
            pass
        assert read_all(AwsAlertFeed(log_of(moto.client, table))) == ["T-0", "T-1", "T-2"]
    assert at > 4


def test_readers_at_once_agree(moto: Tables) -> None:
    import threading

    tables = local_tables()
    table = tables.geofences()
    for truck in range(4):
        commit(log_of(tables.client, table), alerts_of(f"T{truck}", 10))
    orders: dict[int, list[str]] = {}

    def read(number: int) -> None:
        orders[number] = read_all(AwsAlertFeed(AwsAlerts(tables.client, table)))

    readers = [threading.Thread(target=read, args=(number,)) for number in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    final = read_all(AwsAlertFeed(log_of(tables.client, table)))
    assert len(final) == len(set(final)) == 40
    for order in orders.values():
        assert order == final[: len(order)]
