"""A date that grows is computed on from its last settled hour, and gives what computing all of it gives."""

import pytest
from tests.support.growing import DATE, Growing, at

from truckstream.consumers.statistics import read_stats


@pytest.fixture
def morning() -> Growing:
    """Ten trucks, six hours that are settled, a seventh that has begun, and their statistics."""
    growing = Growing()
    for hour in range(6):
        growing.put(*(at(60 * hour + k, f"TRK-{t}", k / 10) for t in range(10) for k in range(60)))
    growing.put(*(at(366, f"TRK-{t}") for t in range(10)))
    growing.refresh()
    growing.compact()
    growing.refresh()
    return growing


def test_new_positions_cost_what_is_not_settled(morning: Growing) -> None:
    for minute in range(367, 372):
        morning.put(*(at(minute, f"TRK-{t}") for t in range(10)))
        assert morning.refresh() <= 10 * (minute - 365)
        morning.assert_as_computed_anew()


def test_a_late_position_costs_the_date_once(morning: Growing) -> None:
    morning.put(at(61.5, "TRK-3", 7))
    assert morning.refresh() > 3_000
    morning.assert_as_computed_anew()
    morning.compact()  # the hour is another file now, with positions that are all counted
    morning.refresh()
    morning.assert_as_computed_anew()
    morning.put(at(370, "TRK-1"))
    assert morning.refresh() < 30
    morning.assert_as_computed_anew()


def test_positions_that_were_settled_before_the_job_saw_them_are_counted(morning: Growing) -> None:
    morning.put(at(61.5, "TRK-3", 7), at(130.5, "NEW"))
    morning.compact()
    morning.refresh()
    morning.assert_as_computed_anew()


def test_a_compaction_in_the_middle_of_the_job_loses_and_doubles_nothing(morning: Growing) -> None:
    def meanwhile() -> None:
        morning.put(at(61.5, "TRK-3", 7), at(200.5, "TRK-3", 8), at(371, "TRK-3"))
        morning.compact()

    morning.put(at(62.5, "TRK-3", 5), at(181.5, "TRK-4", 5))  # late ones: the job looks at settled hours
    morning.archive.meanwhile = meanwhile
    morning.refresh()
    assert morning.archive.meanwhile is None
    morning.refresh()
    morning.assert_as_computed_anew()


def test_an_hour_that_comes_out_of_nowhere_is_counted() -> None:
    growing = Growing()
    growing.put(at(5), at(250), at(310))
    growing.compact()
    growing.refresh()
    for _ in range(2):
        growing.put(at(70, north_km=3), at(71, "B"))
        growing.refresh()
        growing.assert_as_computed_anew()
        growing.compact()
        growing.refresh()
        growing.assert_as_computed_anew()


def test_positions_in_doubt_at_the_settled_hours_end_are_confirmed_later() -> None:
    growing = Growing()
    growing.put(*(at(minute) for minute in range(8)))
    growing.put(*(at(58 + k / 2, north_km=900 + k / 4) for k in range(4)))  # too far away to be believed yet
    growing.put(*(at(minute, "B") for minute in range(0, 66, 3)))
    growing.put(at(125, "B"))
    growing.refresh()
    growing.compact()
    growing.refresh()
    assert read_stats(growing.archive, growing.format).select(trucks=["A"]).total_distance_km.sum() < 1
    growing.put(*(at(60 + k / 2, north_km=901 + k / 4) for k in range(8)))
    growing.refresh()
    growing.assert_as_computed_anew()
    assert read_stats(growing.archive, growing.format).select(trucks=["A"]).total_distance_km[0] > 0.5


def test_the_resume_is_not_kept_when_the_date_is_over(morning: Growing) -> None:
    def metadata() -> dict[str, str]:
        (file,) = [each for each in morning.archive.list("hourly/") if DATE in each.key]
        return morning.format.read_hourly(morning.archive.get(file.key))[1]

    assert "resume" in metadata()
    morning.put(at(25 * 60))
    morning.refresh()
    morning.put(at(25 * 60 + 1), at(300.5))
    morning.refresh()
    assert "resume" not in metadata()
    morning.assert_as_computed_anew()
