"""The outlier rule, with the peers' cases N-O1 and N-O2 and the counter-cases around them."""

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.geodesy import distance_m
from truckstream.core.outliers import (
    SET_ASIDE_LIMIT,
    Track,
    Verdict,
    advance,
    judge,
    too_fast,
)
from truckstream.core.records import Position

HOME = (47.3769, 8.5417)
FAR_AWAY = (7.0, 40.0)  # about 5,000 km from home
LIMIT_KMH = 200.0
START_MS = 1_705_312_800_000


def at(second: float, latitude: float, longitude: float) -> Position:
    return Position("TRK-1", START_MS + round(second * 1000), latitude, longitude)


def home(second: float, *, noise_m: float = 0.0, seed: int = 0) -> Position:
    """A truck that drives north at 10 m/s, with receiver noise if wanted."""
    noise = random.Random(f"{seed}:{second}")
    north = second * 10 + noise.gauss(0, noise_m) if noise_m else second * 10
    east = noise.gauss(0, noise_m) if noise_m else 0.0
    return at(second, HOME[0] + north / 111_194, HOME[1] + east / 75_500)


def judge_all(positions: list[Position], limit_kmh: float = LIMIT_KMH) -> list[Verdict]:
    verdicts: list[Verdict] = []
    track = None
    for position in positions:
        verdicts.append(judge(track, position, limit_kmh))
        track = verdicts[-1].track
    return verdicts


def accepted(positions: list[Position], limit_kmh: float = LIMIT_KMH) -> list[Position]:
    """All positions that count in the end: a restart disowns what was accepted before it."""
    kept: list[Position] = []
    for verdict in judge_all(positions, limit_kmh):
        if verdict.restarted:
            kept.clear()
        kept += verdict.accepted
    return kept


N_O1 = [
    at(15 * n, latitude, longitude)
    for n, (latitude, longitude) in enumerate(
        [
            (41.1451, -8.5829),
            (41.1464, -8.5843),
            (41.1458, -8.6108),
            (41.1464, -8.6100),
            (41.1468, -8.6090),
            (41.1470, -8.6089),
            (41.1487, -8.5860),
            (41.1492, -8.5872),
            (41.1489, -8.5882),
        ]
    )
]


def test_peer_n_o1_drops_four_consistent_false_fixes() -> None:
    kept = accepted(N_O1, 100)
    assert [N_O1.index(position) + 1 for position in kept] == [1, 2, 7, 8, 9]


def test_peer_n_o1_at_200_kmh_keeps_the_fifth_fix() -> None:
    kept = accepted(N_O1, 200)
    assert N_O1[4] in kept


@pytest.mark.parametrize("false_at", [0, 1, 5, 100, 199])
@pytest.mark.parametrize("noise_m", [0.0, 8.0])
def test_peer_n_o2_drops_only_the_false_fix(false_at: int, noise_m: float) -> None:
    track = [home(5 * n, noise_m=noise_m) for n in range(201)]
    track[false_at] = at(5 * false_at, *FAR_AWAY)
    assert accepted(track) == track[:false_at] + track[false_at + 1 :]


def test_two_false_first_fixes_are_both_dropped_after_the_restart() -> None:
    track = [at(0, *FAR_AWAY), at(5, *FAR_AWAY), *(home(5 * n) for n in range(2, 40))]
    assert accepted(track) == track[2:]


def test_restart_is_told_once_with_the_whole_chain() -> None:
    verdicts = judge_all([at(0, *FAR_AWAY), *(home(5 * n) for n in range(1, 20))])
    (told,) = [verdict for verdict in verdicts if verdict.restarted]
    assert told.reanchored
    assert [p.timestamp_ms for p in told.accepted] == [START_MS + 5000 * n for n in range(1, 15)]
    assert told.track.run_count == 14
    assert told.track.run_since_ms == told.accepted[0].timestamp_ms
    assert told.track.set_aside == ()


def test_established_run_is_left_without_a_restart() -> None:
    driven = [home(5 * n) for n in range(20)]
    towed = [at(100 + 5 * n, *FAR_AWAY) for n in range(15)]
    verdicts = judge_all(driven + towed)
    (told,) = [verdict for verdict in verdicts if verdict.reanchored]
    assert not told.restarted
    assert accepted(driven + towed) == driven + towed


def test_six_consistent_positions_within_60_s_do_not_reanchor() -> None:
    driven = [home(5 * n) for n in range(20)]
    false = [at(100 + 12 * n, *FAR_AWAY) for n in range(6)]  # 60 s exactly: not over 60 s
    assert accepted(driven + false) == driven
    assert accepted([*driven, *false, at(161, *FAR_AWAY)])[-7:] == [*false, at(161, *FAR_AWAY)]


def test_five_consistent_positions_over_60_s_do_not_reanchor() -> None:
    driven = [home(5 * n) for n in range(20)]
    false = [at(100 + 30 * n, *FAR_AWAY) for n in range(5)]
    assert accepted(driven + false) == driven


def test_stray_position_within_the_chain_stays_set_aside() -> None:
    driven = [home(5 * n) for n in range(20)]
    towed = [at(100 + 5 * n, *FAR_AWAY) for n in range(15)]
    stray = at(131, -30.0, -70.0)
    assert accepted([*driven, *towed[:7], stray, *towed[7:]]) == driven + towed


def test_position_not_newer_than_newest_seen_is_late() -> None:
    verdicts = judge_all([home(0), at(10, *FAR_AWAY), home(5), home(10)])
    assert [verdict.late for verdict in verdicts] == [False, False, True, True]
    assert verdicts[-1].track is verdicts[1].track
    assert verdicts[-1].track.seen_ms == START_MS + 10_000


def test_limit_zero_accepts_everything() -> None:
    track = [at(0, *HOME), at(1, *FAR_AWAY), at(2, *HOME)]
    assert accepted(track, 0) == track


def test_exactly_the_limit_is_believed() -> None:
    here, there = at(0, 10.0, 20.0), at(60, 10.0, 20.05)
    exact_kmh = distance_m(10.0, 20.0, 10.0, 20.05) * 3.6 / 60
    assert not too_fast(here, there, exact_kmh * (1 + 1e-12))
    assert too_fast(here, there, exact_kmh * (1 - 1e-9))


def test_antimeridian_is_no_jump() -> None:
    track = [at(0, -17.0, 179.9999), at(5, -17.0, -179.9999)]
    assert accepted(track) == track


def test_positions_faster_than_ten_a_second_can_still_reanchor() -> None:
    track = [at(-1, *FAR_AWAY), *(home(n / 20) for n in range(3000))]
    verdicts = judge_all(track)
    assert any(verdict.restarted for verdict in verdicts)
    assert max(len(verdict.track.set_aside) for verdict in verdicts) <= SET_ASIDE_LIMIT
    assert verdicts[-1].track.last == track[-1]


def test_set_aside_list_is_bounded_by_the_newest() -> None:
    noise = random.Random(1)
    jumping = [at(5 * n, noise.uniform(-60, 60), noise.uniform(-180, 180)) for n in range(700)]
    track = judge_all(jumping, 1)[-1].track
    assert len(track.set_aside) <= SET_ASIDE_LIMIT
    assert track.set_aside[-1] == jumping[-1]


# Section 4.6 rows that are not about this rule; each says where our contract answers them, or why it does not.


def test_peer_n_f1_deviation_no_validity_flag_and_future_is_refused_at_decoding() -> None:
    """The record has no `valid` flag, so nothing is dropped for it; a date far in the future never gets here:
    `core.records.parse_position` refuses more than 5 min. A position is judged by its speed alone."""
    assert not {"valid", "attributes", "alarm"} & set(Position.__struct_fields__)


def test_peer_n_f2_deviation_no_attribute_bypasses_the_filter() -> None:
    """The record has no alarms that could exempt a position from the filter: an outlier is set aside, archived."""
    verdict = judge_all([home(0), at(5, *FAR_AWAY)])[-1]
    assert verdict.accepted == ()
    assert verdict.track.set_aside == (at(5, *FAR_AWAY),)


def test_peer_n_t1_deviation_week_rollover_is_not_repaired() -> None:
    """A timestamp 1,024 weeks back is a device's fault we do not guess at: the archive keeps it as sent, and
    live it is late (peer: moved to now). Seven days back is left unchanged, as in the peer's case."""
    newest = home(0)
    rolled_over = Position("TRK-1", START_MS - 1024 * 7 * 86_400_000, *HOME)
    assert judge(judge(None, newest, LIMIT_KMH).track, rolled_over, LIMIT_KMH).late
    assert judge(None, rolled_over, LIMIT_KMH).accepted == (rolled_over,)


def test_peer_n_d1_first_fix_has_no_pair_to_measure() -> None:
    """First fix: distance 0, total 0. Second half of the row deviates: the record carries no device distance."""
    verdict = judge(None, home(0), LIMIT_KMH)
    assert verdict.accepted == (home(0),)
    assert not verdict.reanchored
    assert verdict.track == Track(home(0), (), 1, START_MS)


tracks = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from([HOME, FAR_AWAY, (47.39, 8.55), (46.2, 6.1)])),
    max_size=60,
).map(lambda steps: [at(sum(s for s, _ in steps[: n + 1]), *place) for n, (_, place) in enumerate(steps)])


@settings(deadline=None, max_examples=60, database=None)
@given(track=tracks, limit_kmh=st.sampled_from([0.0, 50.0, 200.0]), data=st.data())
def test_advancing_in_any_split_equals_judging_one_by_one(
    track: list[Position], limit_kmh: float, data: st.DataObject
) -> None:
    verdicts = judge_all(track, limit_kmh)
    cut = data.draw(st.integers(0, len(track)))
    result = advance(advance(None, track[:cut], limit_kmh), track[cut:], limit_kmh)
    assert result == (verdicts[-1].track if verdicts else None)
    assert advance(result, track, limit_kmh) is result


@settings(deadline=None, max_examples=60, database=None)
@given(track=tracks)
def test_accepted_positions_are_ordered_and_believable_within_a_run(track: list[Position]) -> None:
    run: list[Position] = []
    for verdict in judge_all(track):
        if verdict.reanchored:
            run = []
        run += verdict.accepted
        for earlier, later in pairwise(run):
            assert earlier.timestamp_ms < later.timestamp_ms
            assert not too_fast(earlier, later, LIMIT_KMH)


@settings(deadline=None, max_examples=300, database=None)
@given(
    lat1=st.floats(-90, 90),
    lon1=st.floats(-180, 180),
    lat2=st.floats(-90, 90),
    lon2=st.floats(-180, 180),
    near=st.sampled_from([1.0, 1e-1, 1e-2, 1e-4]),
    share=st.sampled_from([0.5, 0.98, 0.9999, 1.0001, 1.02, 2.0]),
)
def test_shortcuts_agree_with_the_distance(
    lat1: float, lon1: float, lat2: float, lon2: float, near: float, share: float
) -> None:
    lat2, lon2 = lat1 + (lat2 - lat1) * near, lon1 + (lon2 - lon1) * near
    distance = distance_m(lat1, lon1, lat2, lon2)
    if distance > 0.001:
        limit_kmh = share * distance * 3.6 / 60
        assert too_fast(at(0, lat1, lon1), at(60, lat2, lon2), limit_kmh) == (share < 1)
