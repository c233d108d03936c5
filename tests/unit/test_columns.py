"""Position columns: nothing is lost on the way in and out, and the first received of an identity wins."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.columns import (
    PositionColumns,
    sequence_column,
    sequence_from_text,
    sequence_text,
)
from truckstream.core.records import Position, ReceivedPositions

T0 = 1_705_312_200_000  # 2024-01-15T09:50:00Z
HUGE = 2**185


def hundredths(low: int, high: int) -> st.SearchStrategy[float | None]:
    return st.none() | st.integers(low * 100, high * 100).map(lambda n: n / 100)


positions = st.builds(
    Position,
    st.sampled_from(["TRK-2", "TRK-10", "a.b:c_d", "Z"]),
    st.integers(T0, T0 + 9),
    st.integers(-(90 * 10**7), 90 * 10**7).map(lambda n: n / 1e7),
    st.integers(-(180 * 10**7), 180 * 10**7).map(lambda n: n / 1e7),
    st.none() | st.integers(0, 999_999).map(lambda n: n / 1000),
    hundredths(0, 360),
    hundredths(-1000, 99_999),
    hundredths(0, 99_999),
    hundredths(0, 100),
    st.sampled_from([None, "running", "idle", "off"]),
)
deliveries = st.lists(
    st.tuples(positions, st.integers(0, 50) | st.integers(HUGE, HUGE + 5), st.integers(0, 3)), max_size=25
)


def received(rows: list[tuple[Position, int, int]]) -> ReceivedPositions:
    return ReceivedPositions(
        [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows], [T0] * len(rows)
    )


@given(st.lists(positions, max_size=25))
@settings(deadline=None, max_examples=60, database=None)
def test_positions_come_back_exactly_as_they_were(rows: list[Position]) -> None:
    assert PositionColumns.from_positions(rows).to_positions() == rows


@given(deliveries)
@settings(deadline=None, max_examples=100, database=None)
def test_lowest_sequence_and_index_wins_in_any_order(rows: list[tuple[Position, int, int]]) -> None:
    first: dict[tuple[str, int], tuple[int, int, Position]] = {}
    for place, (position, sequence, index) in enumerate(rows):
        key = position.truck_id, position.timestamp_ms
        if key not in first or (sequence, index) < first[key][:2]:
            first[key] = sequence, index, position
        rows[place] = position, sequence, index
    settled = PositionColumns.from_received(received(rows)).settled()
    assert settled.to_positions() == [first[key][2] for key in sorted(first)]
    assert settled.delivery is None


@given(deliveries, st.integers(0, 25))
@settings(deadline=None, max_examples=60, database=None)
def test_concatenated_parts_settle_like_the_whole(rows: list[tuple[Position, int, int]], cut: int) -> None:
    unique = list({(sequence, index): (p, sequence, index) for p, sequence, index in rows}.values())
    parts = [PositionColumns.from_received(received(part)) for part in (unique[:cut], unique[cut:])]
    whole = PositionColumns.from_received(received(unique))
    assert PositionColumns.concat(parts).settled().to_positions() == whole.settled().to_positions()


def test_settled_row_wins_over_any_received_one() -> None:
    settled = PositionColumns.from_positions([Position("A", T0, 1.0, 1.0)])
    live = PositionColumns.from_received(received([(Position("A", T0, 2.0, 2.0), 0, 0)]))
    big = PositionColumns.from_received(received([(Position("A", T0, 3.0, 3.0), HUGE, 0)]))
    for parts in permutations([settled, live, big]):
        assert PositionColumns.concat(parts).settled().to_positions()[0].latitude == 1.0


@pytest.mark.parametrize("numbers", [[0, 7, 10**17], [10**18 - 1], [10**18], [3, HUGE], []])
def test_sequence_numbers_keep_their_value_and_order_as_text(numbers: list[int]) -> None:
    text = sequence_text(sequence_column(numbers))
    assert [int(each) for each in text.tolist()] == numbers
    assert sorted(text.tolist()) == text.tolist()
    if numbers:
        assert np.array_equal(sequence_text(sequence_from_text(text)), text)


def test_rows_can_be_chosen_by_time_and_truck() -> None:
    columns = PositionColumns.from_positions(
        [Position("A", T0, 1.0, 1.0), Position("B", T0 + 1, 2.0, 2.0), Position("B", T0 + 2, 3.0, 3.0)]
    )
    assert [p.latitude for p in columns.between(T0 + 1, T0 + 2).to_positions()] == [2.0]
    assert [p.latitude for p in columns.of_trucks({"B", "C"}).to_positions()] == [2.0, 3.0]
    assert len(PositionColumns.concat([PositionColumns.empty()])) == 0
