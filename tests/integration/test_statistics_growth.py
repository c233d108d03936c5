"""However a date grows, and whenever the job and the compaction run: the statistics are those of computing it all."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.growing import Growing, at

from truckstream.core.records import Position

moves = st.lists(
    st.tuples(
        st.sampled_from("AAAABC"),
        st.sampled_from([0.5, 0.5, 2, 20, 70]),
        st.sampled_from([0] * 12 + [900, 900]),
        st.sampled_from([0] * 8 + [3, 12, 40]),
        st.sampled_from(["", "", "", "refresh", "refresh", "compact", "both"]),
    ),
    min_size=20,
    max_size=60,
)


@given(moves, st.integers(0, 1_300), st.integers(1, 5))
@settings(max_examples=20)
def test_any_growth_gives_what_computing_it_all_gives(
    drawn: list[tuple[str, float, int, int, str]], begin_minute: int, size: int
) -> None:
    growing = Growing()
    place, minute = {"A": 0, "B": 50, "C": 90}, float(begin_minute)
    sent: list[tuple[int, Position]] = []
    for number, (truck, pause, jump, delay, _) in enumerate(drawn):
        minute += pause
        place[truck] = (place[truck] + jump) % 1_800
        sent.append((number + delay, at(minute, truck, place[truck] + number / 100)))
    arriving = [position for _, position in sorted(sent, key=lambda each: each[0])]
    for begin in range(0, len(arriving), size):
        growing.put(*arriving[begin : begin + size])
        act = drawn[begin][-1]
        if act in ("compact", "both"):
            growing.compact()
        if act in ("refresh", "both"):
            growing.refresh()
            growing.assert_as_computed_anew()
    growing.refresh()
    growing.assert_as_computed_anew()
