"""Which newer positions are written: the bounds of what a reader of the store can miss."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truckstream.core.coalescing import EVERY_POSITION, CoalescingPolicy, worth_writing
from truckstream.core.geodesy import distance_m
from truckstream.core.outliers import Track, advance
from truckstream.core.records import EngineStatus, Position

DEFAULT = CoalescingPolicy()
METRE = 1 / 111_200  # degrees of latitude


def position(
    second: float, metres: float = 0.0, speed_kmh: float | None = None, engine: EngineStatus | None = None
) -> Position:
    return Position("T", round(second * 1000), 47.0 + metres * METRE, 8.0, speed_kmh, engine_status=engine)


def track(second: float, metres: float = 0.0, speed_kmh: float | None = None) -> Track:
    return Track(position(second, metres, speed_kmh))


def test_first_position_of_a_truck_is_written() -> None:
    assert worth_writing(DEFAULT, None, track(0))


@pytest.mark.parametrize(("metres", "written"), [(0, False), (24, False), (26, True)])
def test_moved_truck_is_written_beyond_the_limit(metres: float, written: bool) -> None:
    assert worth_writing(DEFAULT, track(0), track(5, metres)) is written


@pytest.mark.parametrize(("second", "written"), [(59.999, False), (60, True)])
def test_parked_truck_is_written_once_a_minute(second: float, written: bool) -> None:
    assert worth_writing(DEFAULT, track(0), track(second)) is written


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [(0.0, 2.9, False), (2.9, 3.0, True), (50.0, 30.0, False), (50.0, 0.0, True), (None, 0.0, True)],
)
def test_change_between_driving_and_standing_is_written(
    before: float | None, after: float | None, written: bool
) -> None:
    assert worth_writing(DEFAULT, track(0, 0, before), track(5, 0, after)) is written


def test_change_of_engine_status_is_written() -> None:
    idle, off = Track(position(0, engine="idle")), Track(position(5, engine="off"))
    assert worth_writing(DEFAULT, idle, off)


def test_position_set_aside_is_always_written() -> None:
    before = track(0)
    after = Track(before.last, (position(5, 90_000),))
    assert worth_writing(DEFAULT, before, after)


def test_rate_limit_holds_whatever_happens() -> None:
    policy = CoalescingPolicy(at_most_every_s=30)
    assert not worth_writing(policy, track(0), track(29.999, 500, 90))
    assert worth_writing(policy, track(0), track(30, 500, 90))
    assert not worth_writing(policy, track(0), track(30, 1))
    only_rate = CoalescingPolicy(0, 0, 10)
    assert [worth_writing(only_rate, track(0), track(second)) for second in (5, 9.999, 10)] == [False, False, True]


def test_each_part_can_be_off_alone() -> None:
    assert not worth_writing(CoalescingPolicy(move_m=0), track(0), track(5, 5_000))
    assert not worth_writing(CoalescingPolicy(every_s=0), track(0), track(9_999, 20))


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), float("inf")])
def test_impossible_policy_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="every_s"):
        CoalescingPolicy(every_s=wrong)


STEPS = st.lists(
    st.builds(
        lambda second, metres, speed: (second, metres, speed),
        st.integers(0, 600),
        st.floats(0, 400),
        st.sampled_from([None, 0.0, 2.0, 40.0]),
    ),
    max_size=60,
)
POLICIES = st.builds(
    CoalescingPolicy, st.sampled_from([0, 25, 100]), st.sampled_from([0, 30, 60]), st.sampled_from([0, 10, 90])
)


@given(steps=STEPS, policy=POLICIES, size=st.integers(1, 7))
def test_stored_track_follows_within_the_bounds(
    steps: list[tuple[int, float, float | None]], policy: CoalescingPolicy, size: int
) -> None:
    """Batches of any size: what is stored only ever grows newer, and lags by no more than the policy says."""
    positions = [position(*step) for step in steps]
    stored: Track | None = None
    reached: Track | None = None
    written_ms: list[int] = []
    for start in range(0, len(positions), size):
        reached = advance(reached, positions[start : start + size], 200.0)
        assert reached is not None
        if worth_writing(policy, stored, reached):
            stored = reached
            written_ms.append(reached.seen_ms)
    assert written_ms == sorted(set(written_ms))
    limit_ms = policy.at_most_every_s * 1000
    assert all(later - earlier >= limit_ms for earlier, later in itertools.pairwise(written_ms))
    if stored is None or reached is None:
        assert not positions
        return
    lag_ms = reached.seen_ms - stored.seen_ms
    if policy == EVERY_POSITION:
        assert lag_ms == 0
    if policy.every_s:
        assert lag_ms < max(policy.every_s, policy.at_most_every_s) * 1000 or lag_ms == 0
    if policy.move_m and lag_ms >= limit_ms:
        a, b = stored.last, reached.last
        assert distance_m(a.latitude, a.longitude, b.latitude, b.longitude) <= policy.move_m
