"""What every `PositionFeed` promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.dynamodb import Tables, local_tables, moto_tables

from truckstream.aws.position_feed import AwsPositionFeed
from truckstream.aws.positions import AwsPositions
from truckstream.core.outliers import Track
from truckstream.core.records import Position
from truckstream.local.positions import LocalPositions
from truckstream.ports import PositionStore
from truckstream.ports_viewing import PositionFeed

type Pair = tuple[PositionStore, PositionFeed]


@pytest.fixture(scope="module")
def moto() -> Iterator[Tables]:
    with moto_tables() as tables:
        yield tables


@pytest.fixture(params=["local", "aws", "dynamodb-local"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pair]:
    """A writer, and a feed that another process has."""
    if request.param == "local":
        path = tmp_path / "positions.db"
        writer, feed = LocalPositions(path), LocalPositions(path)
        yield writer, feed
        writer.close()
        feed.close()
        return
    tables: Tables = request.getfixturevalue("moto") if request.param == "aws" else local_tables()
    table = tables.positions()
    yield (
        AwsPositions(tables.client, table, at_once=tables.at_once),
        AwsPositionFeed(tables.client, table, every_s=0, at_once=tables.at_once),
    )


def track(truck_id: str, second: int) -> Track:
    return Track(Position(truck_id, second * 1000, 47.0, 8.5), (), 7, 1000, second * 1000 + 300)


def test_the_beginning_is_every_track(pair: Pair) -> None:
    writer, feed = pair
    assert list(feed.changed_since("")[0]) == []
    writer.put_newer([track("B", 1), track("A", 1)])
    assert sorted(each.truck_id for each in feed.changed_since("")[0]) == ["A", "B"]


def test_from_a_mark_on_only_what_changed(pair: Pair) -> None:
    writer, feed = pair
    writer.put_newer([track("A", 1), track("B", 1), track("C", 1)])
    _, mark = feed.changed_since("")
    assert list(feed.changed_since(mark)[0]) == []
    writer.put_newer([track("B", 2)])
    writer.put_newer([track("A", 1), track("C", 0)])  # not newer: no change
    changed, after = feed.changed_since(mark)
    assert list(changed) == [track("B", 2)]
    assert list(feed.changed_since(after)[0]) == []
    assert list(feed.changed_since(mark)[0]) == [track("B", 2)]


def test_no_change_is_left_out_however_often_one_looks(pair: Pair) -> None:
    writer, feed = pair
    seen: dict[str, Track] = {}
    mark = ""
    for second in range(1, 9):
        writer.put_newer([track(f"T{second % 3}", second)])
        if second % 2:
            changed, mark = feed.changed_since(mark)
            seen |= {each.truck_id: each for each in changed}
    changed, mark = feed.changed_since(mark)
    seen |= {each.truck_id: each for each in changed}
    assert seen == {"T0": track("T0", 6), "T1": track("T1", 7), "T2": track("T2", 8)}


@pytest.mark.parametrize("mark", ["nonsense", "0123:7", "999999"])
def test_a_mark_of_another_store_gives_everything(pair: Pair, mark: str) -> None:
    writer, feed = pair
    writer.put_newer([track("A", 1)])
    assert [each.truck_id for each in feed.changed_since(mark)[0]] == ["A"]
