"""Geofences in DynamoDB (moto): the cache, changes too large for a transaction, writers that die or meet."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.aws_crashes import Crashes, before_next, send_twice
from tests.support.aws_faults import THROTTLED, AwsFaults
from tests.support.aws_parts import session
from tests.support.dynamodb import Tables, moto_tables

from truckstream.aws.geofences import CACHED_MS, AwsGeofences
from truckstream.core.errors import InvalidGeofence, InvalidSetting, StorageDamaged, Throttled, Unavailable
from truckstream.core.geofences import Catalogue, Geofence, LatLon
from truckstream.testing import MovableClock, SimulatedCrash

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with moto_tables() as made:
        yield made


@pytest.fixture
def client(tables: Tables) -> Any:
    """A client of its own, to put faults on."""
    return session(attempts=2).client("dynamodb")


@pytest.fixture
def small_transactions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of four geofences is already too large for one transaction."""
    monkeypatch.setattr("truckstream.aws.geofences.ACTIONS_PER_TRANSACTION", 4)


def circle(geofence_id: str, radius_m: float = 500.0) -> Geofence:
    centre = LatLon(47.3769, 8.5417)
    return Geofence(geofence_id=geofence_id, name=geofence_id, type="circle", center=centre, radius_meters=radius_m)


def circles(ids: str, radius_m: float = 500.0) -> list[Geofence]:
    return [circle(each, radius_m) for each in ids]


def open_store(client: Any, name: str, clock: MovableClock | None = None) -> AwsGeofences:
    return AwsGeofences(client, name, clock=clock or MovableClock(), at_once=1, pause=lambda _: None)


def radii(catalogue: Catalogue) -> dict[str, float | None]:
    return {each.geofence_id: each.radius_meters for each in catalogue.geofences}


def test_catalogue_is_asked_for_once_a_minute(tables: Tables, client: Any) -> None:
    name, clock = tables.geofences(), MovableClock(5)
    open_store(tables.client, name).put(circles("A"))
    store = open_store(client, name, clock)
    before = store.catalogue()
    faults = AwsFaults(client)
    clock.advance(CACHED_MS - 1)
    assert store.catalogue() is before
    assert faults.calls == []
    clock.advance(1)
    assert store.catalogue() is before
    assert faults.calls == ["GetItem"]
    open_store(tables.client, name).put(circles("B"))
    assert store.catalogue() is before
    clock.advance(CACHED_MS)
    assert radii(store.catalogue()) == {"A": 500.0, "B": 500.0}


def test_own_change_is_seen_at_once(tables: Tables) -> None:
    store = open_store(tables.client, tables.geofences())
    assert store.catalogue().revision == 0
    store.put(circles("AB"))
    assert radii(store.catalogue()) == {"A": 500.0, "B": 500.0}
    store.remove(["A"])
    assert radii(store.catalogue()) == {"B": 500.0}


@pytest.mark.usefixtures("small_transactions")
def test_large_change_is_one_revision_and_leaves_nothing_behind(tables: Tables) -> None:
    name = tables.geofences()
    store = open_store(tables.client, name)
    after = store.put(circles("ABCDEFG"))
    assert (after.revision, len(after.geofences)) == (1, 7)
    assert open_store(tables.client, name).catalogue() == after
    assert store.remove(list("ABCDE")) == set("ABCDE")
    assert {(each.version, each.revision) for each in store.put(circles("ABCDE")).geofences} == {(2, 3), (1, 1)}
    assert {item["pk"]["S"] for item in tables.client.scan(TableName=name)["Items"]} == {"catalogue", "geofence"}


@pytest.mark.usefixtures("small_transactions")
@pytest.mark.parametrize("after_effect", [False, True])
def test_writer_may_die_anywhere_in_a_large_change(tables: Tables, client: Any, after_effect: bool) -> None:
    crashes, at = Crashes(client), 0
    while True:
        at += 1
        name = tables.geofences()
        old = open_store(tables.client, name).put(circles("ABC", 1.0))
        crashes.crash(at, after_effect=after_effect)
        try:
            open_store(client, name).put(circles("ABCDE", 2.0))
            break
        except SimulatedCrash:
            pass
        seen = open_store(tables.client, name).catalogue()
        new = dict.fromkeys("ABCDE", 2.0)
        assert (seen == old) or (radii(seen) == new and seen.revision == 2)
        after = open_store(tables.client, name).put(circles("ABCDE", 2.0))
        assert (radii(after), after.revision) == (new, 2)
        after = open_store(tables.client, name).put(circles("B", 3.0))
        assert (radii(after), after.revision) == (new | {"B": 3.0}, 3)
        assert open_store(tables.client, name).catalogue() == after
    assert at > 12


@pytest.mark.usefixtures("small_transactions")
def test_late_copier_does_not_undo_a_newer_change(tables: Tables, client: Any) -> None:
    name = tables.geofences()
    # The copying stops at its first geofence while another writer ends it and changes geofence A once more.
    before_next(client, "PutItem", lambda: open_store(tables.client, name).put(circles("A", 9.0)))
    open_store(client, name).put(circles("ABCDE"))
    assert radii(open_store(tables.client, name).catalogue()) == dict.fromkeys("BCDE", 500.0) | {"A": 9.0}


@pytest.mark.usefixtures("small_transactions")
def test_orphans_of_a_dead_writer_are_removed_later(tables: Tables, client: Any) -> None:
    name, clock = tables.geofences(), MovableClock(HOUR_MS)
    crashes = Crashes(client)
    crashes.crash(6, after_effect=False)  # reads, writes the staged items, dies before they are visible
    with pytest.raises(SimulatedCrash):
        open_store(client, name, clock).put(circles("ABCDE"))
    staged = {"ExpressionAttributeValues": {":pk": {"S": "staged"}}, "KeyConditionExpression": "pk = :pk"}
    assert tables.client.query(TableName=name, **staged)["Count"] == 5
    clock.advance(HOUR_MS + 1)
    open_store(tables.client, name, clock).put(circles("ABCDE"))
    assert tables.client.query(TableName=name, **staged)["Count"] == 0


def test_two_writers_at_once_lose_no_change(tables: Tables, client: Any) -> None:
    name = tables.geofences()
    open_store(tables.client, name).put(circles("A"))
    before_next(client, "TransactWriteItems", lambda: open_store(tables.client, name).put(circles("BC", 2.0)))
    catalogue = open_store(client, name).put(circles("C", 3.0))
    assert radii(catalogue) == {"A": 500.0, "B": 2.0, "C": 3.0}
    assert [(each.version, each.revision) for each in catalogue.geofences] == [(1, 1), (1, 2), (2, 3)]


def test_change_that_meets_itself_is_told_as_done(tables: Tables) -> None:
    name = tables.geofences()
    for change in ("put", "remove"):
        client = session(attempts=2).client("dynamodb")
        send_twice(client, "TransactWriteItems")
        store = open_store(client, name)
        if change == "put":
            assert store.put(circles("AB")).revision == 1
        else:
            assert store.remove(["A", "Z"]) == {"A"}
            assert store.catalogue().revision == 2


def test_failed_calls_leave_the_old_or_the_new_set(tables: Tables, client: Any) -> None:
    name = tables.geofences()
    store, faults = open_store(client, name), AwsFaults(client)
    faults.fail("TransactWriteItems", THROTTLED, times=2)
    with pytest.raises(Throttled):
        store.put(circles("A"))
    assert open_store(tables.client, name).catalogue().revision == 0
    faults.lose_answer("TransactWriteItems")
    with pytest.raises(Unavailable):
        store.put(circles("A"))
    assert store.put(circles("A")).revision == 1
    faults.fail("GetItem", "ResourceNotFoundException")
    with pytest.raises(InvalidSetting, match="GEOFENCES_TABLE"):
        open_store(client, name).catalogue()


def test_reader_that_sees_half_a_transaction_reads_again(tables: Tables, client: Any) -> None:
    """DynamoDB commits a transaction item by item: the catalogue item may be read before and after the others."""
    name = tables.geofences()
    open_store(tables.client, name).put(circles("AB", 1.0))
    before_next(client, "Query", lambda: open_store(tables.client, name).put(circles("AB", 2.0)))
    catalogue = open_store(client, name).catalogue()
    assert (catalogue.revision, radii(catalogue)) == (2, {"A": 2.0, "B": 2.0})


def test_items_changed_by_hand_are_told(tables: Tables) -> None:
    name = tables.geofences()
    store = open_store(tables.client, name)
    store.put(circles("AB"))
    key = {"pk": {"S": "geofence"}, "sk": {"S": "A"}}
    tables.client.delete_item(TableName=name, Key=key)
    with pytest.raises(Unavailable, match="2 expected, 1 found"):
        store.catalogue()
    tables.client.put_item(TableName=name, Item=key | {"definition": {"S": "{"}})
    with pytest.raises(StorageDamaged, match="'A'"):
        store.catalogue()


def test_long_definitions_are_compressed_and_too_long_refused(tables: Tables) -> None:
    name = tables.geofences()
    store = open_store(tables.client, name)

    def route(points: int) -> Geofence:
        rng = random.Random(1)
        path = tuple(LatLon(47 + rng.randrange(10**7) / 1e7, 8 + rng.randrange(10**7) / 1e7) for _ in range(points))
        return Geofence(geofence_id="R", name="R", type="corridor", path=path, width_meters=50.0)

    long = route(5_000)
    (stored,) = store.put([long]).geofences
    assert stored.path == long.path
    assert open_store(tables.client, name).catalogue().geofences == (stored,)
    with pytest.raises(InvalidGeofence, match="too large for a DynamoDB item"):
        store.put([route(50_000)])
    assert store.catalogue().revision == 1
