"""Periods of reports: local days are as long as they really are, in any zone."""

import pytest

from truckstream.core.errors import InvalidInput
from truckstream.core.instants import parse_instant
from truckstream.reports.period import parse_period, zone_names


def hours(from_date: str, to_date: str, tz: str) -> list[float]:
    return [day.hours for day in parse_period(from_date, to_date, tz).days]


@pytest.mark.parametrize(
    ("tz", "spring", "autumn"),
    [
        ("Europe/Zurich", "2024-03-31", "2024-10-27"),
        ("America/Chicago", "2024-03-10", "2024-11-03"),
        ("Australia/Sydney", "2024-10-06", "2024-04-07"),
    ],
)
def test_days_of_daylight_saving_changes_have_23_and_25_hours(tz: str, spring: str, autumn: str) -> None:
    assert hours(spring, spring, tz) == [23]
    assert hours(autumn, autumn, tz) == [25]
    assert any("23 hours" in note for note in parse_period(spring, spring, tz).notes())
    year = parse_period("2024-01-01", "2024-12-31", tz)
    assert sorted(day.hours for day in year.days) == [23, *[24] * 364, 25]
    assert sum(day.hours for day in year.days) == 366 * 24


@pytest.mark.parametrize(
    ("tz", "day", "lasts"),
    [
        ("Asia/Kolkata", "2024-03-31", 24),
        ("Australia/Lord_Howe", "2024-10-06", 23.5),
        ("Australia/Lord_Howe", "2024-04-07", 24.5),
        ("America/Sao_Paulo", "2018-11-04", 23),  # midnight itself is skipped
        ("Africa/Cairo", "2024-04-26", 23),
        ("America/Havana", "2024-11-03", 25),  # midnight to one comes twice
        ("UTC", "2024-03-31", 24),
    ],
)
def test_odd_zones_have_the_days_they_have(tz: str, day: str, lasts: float) -> None:
    assert hours(day, day, tz) == [lasts]
    whole = parse_period("2018-01-01", "2018-12-31", tz)
    assert all(one.to_ms == two.from_ms for one, two in zip(whole.days, whole.days[1:], strict=False))


def test_a_day_that_a_zone_skipped_is_not_there() -> None:
    period = parse_period("2011-12-29", "2011-12-31", "Pacific/Apia")
    assert [(day.date, day.hours) for day in period.days if day.hours] == [("2011-12-29", 24), ("2011-12-31", 24)]


def test_hours_of_half_hour_zones_are_explained() -> None:
    (note,) = parse_period("2024-01-15", "2024-01-15", "Asia/Kolkata").notes()
    assert "begin 30 minutes past" in note
    assert parse_period("2024-01-15", "2024-01-15", "Europe/Zurich").notes() == []


def test_periods_within_hours_are_explained() -> None:
    (note,) = parse_period("2024-01-15T10:30:00Z", "2024-01-15T12:00:00Z", "UTC").notes()
    assert "whole hours" in note
    assert parse_period("2024-01-15T10:00:00Z", "2024-01-15T12:00:00Z", "UTC").notes() == []


def test_dates_include_both_days_and_instants_are_taken_as_they_are() -> None:
    period = parse_period("2024-01-15", "2024-01-16", "America/Chicago")
    assert (period.from_ms, period.to_ms) == (
        parse_instant("2024-01-15T06:00:00Z"),
        parse_instant("2024-01-17T06:00:00Z"),
    )
    part = parse_period("2024-01-15T10:00:00Z", "2024-01-16T02:00:00+01:00", "Europe/Zurich")
    assert [(day.date, day.hours) for day in part.days] == [("2024-01-15", 13), ("2024-01-16", 2)]


def test_the_period_before_has_as_many_local_days() -> None:
    period = parse_period("2024-04-01", "2024-04-02", "Europe/Zurich")
    assert [(day.date, day.hours) for day in period.before().days] == [("2024-03-30", 24), ("2024-03-31", 23)]
    part = parse_period("2024-01-15T10:00:00Z", "2024-01-15T12:00:00Z", "UTC")
    assert part.before().from_ms == parse_instant("2024-01-15T08:00:00Z")


def test_local_time_names_its_offset() -> None:
    period = parse_period("2024-10-27", "2024-10-27", "Europe/Zurich")
    first, second = (parse_instant(f"2024-10-27T0{hour}:30:00Z") for hour in (0, 1))
    assert period.local(first) == "2024-10-27T02:30:00+02:00"
    assert period.local(second) == "2024-10-27T02:30:00+01:00"
    assert period.local(second + 7) == "2024-10-27T02:30:00.007+01:00"


@pytest.mark.parametrize(
    ("from_text", "to_text", "tz", "field"),
    [
        ("2024-01-15", "2024-01-14", "UTC", "to"),
        ("2024-01-15", "2025-12-14", "UTC", "to"),
        ("2024-02-30", "2024-03-01", "UTC", "from"),
        ("yesterday", "2024-03-01", "UTC", "from"),
        ("0001-01-01", "2024-03-01", "UTC", "from"),
        ("2024-01-15", "9999-12-31", "UTC", "to"),
        ("2024-01-15T10:00:00", "2024-03-01", "UTC", "from"),
        ("2024-01-15", "2024-03-01", "Mars/Olympus", "tz"),
        ("2024-01-15", "2024-03-01", "../../etc/passwd", "tz"),
        ("2024-01-15", "2024-03-01", "", "tz"),
    ],
)
def test_wrong_periods_name_the_parameter(from_text: str, to_text: str, tz: str, field: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^{field}: "):
        parse_period(from_text, to_text, tz)


def test_every_zone_works() -> None:
    assert {"UTC", "Europe/Zurich", "Asia/Kolkata"} <= zone_names()
    for tz in zone_names():
        period = parse_period("2024-01-01", "2024-12-31", tz)
        assert period.days[-1].to_ms == period.to_ms
