"""What every `AcknowledgementStore` promises."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.support.dynamodb import Tables, local_tables, moto_tables

from truckstream.aws.acknowledgements import AwsAcknowledgements
from truckstream.local.acknowledgements import LocalAcknowledgements
from truckstream.ports_viewing import Acknowledgement, AcknowledgementStore

type Pair = tuple[AcknowledgementStore, AcknowledgementStore]

ANNA = Acknowledgement(1_000, "anna", "called the driver")
BEN = Acknowledgement(2_000, "ben")


@pytest.fixture(scope="module")
def moto() -> Iterator[Tables]:
    with moto_tables() as tables:
        yield tables


@pytest.fixture(params=["local", "aws", "dynamodb-local"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """Two objects over one store, as two processes have."""
    if request.param == "local":
        path = tmp_path / "acknowledgements.db"
        with closing(LocalAcknowledgements(path)) as one, closing(LocalAcknowledgements(path)) as other:
            yield one, other
        return
    tables: Tables = request.getfixturevalue("moto") if request.param == "aws" else local_tables()
    table = tables.geofences()
    yield AwsAcknowledgements(tables.client, table), AwsAcknowledgements(tables.client, table)


def test_what_was_put_is_read_back_by_everybody(stores: Pair) -> None:
    one, other = stores
    one.put("a1", ANNA)
    other.put("a2", BEN)
    for store in stores:
        assert store.get(["a1", "a2", "a3"]) == {"a1": ANNA, "a2": BEN}
        assert store.get([]) == {}


def test_the_last_writer_wins(stores: Pair) -> None:
    one, other = stores
    one.put("a1", ANNA)
    other.put("a1", BEN)
    assert one.get(["a1", "a1"]) == {"a1": BEN}


def test_taking_back_says_whether_there_was_one(stores: Pair) -> None:
    one, other = stores
    assert not one.remove("a1")
    one.put("a1", ANNA)
    assert other.remove("a1")
    assert not one.remove("a1")
    assert one.get(["a1"]) == {}
    one.put("a1", BEN)
    assert other.get(["a1"]) == {"a1": BEN}


def test_changes_are_heard_of_from_a_mark_on(stores: Pair) -> None:
    one, other = stores
    one.put("a0", ANNA)
    changes, mark = other.changed_since("")
    assert changes == {}
    assert other.changed_since(mark) == ({}, mark)
    one.put("a1", ANNA)
    one.put("a2", ANNA)
    one.put("a2", BEN)
    one.remove("a0")
    changes, after = other.changed_since(mark)
    assert changes == {"a0": None, "a1": ANNA, "a2": BEN}
    assert other.changed_since(after) == ({}, after)
    one.put("a1", BEN)
    assert other.changed_since(after)[0] == {"a1": BEN}
    assert other.changed_since(mark)[0] == {"a0": None, "a1": BEN, "a2": BEN}
