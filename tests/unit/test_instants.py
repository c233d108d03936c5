"""Instants: every accepted form of ISO 8601 gives the same milliseconds; everything else says why not."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core import instants
from truckstream.core.instants import (
    DAY_MS,
    HOUR_MS,
    date_of,
    format_hour,
    format_instant,
    hour_of,
    parse_instant,
)

HALF_PAST_TEN = 1_705_314_600_000  # 2024-01-15T10:30:00Z
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-15T10:30:00.000Z",
        "2024-01-15T10:30:00Z",
        "2024-01-15t10:30:00z",
        "2024-01-15 10:30:00Z",
        "2024-01-15T10:30Z",
        "2024-01-15T10:30+00:00",
        "2024-01-15T10:30:00-00:00",
        "2024-01-15T11:30:00+01:00",
        "2024-01-15T11:30:00+0100",
        "2024-01-15T11:30:00+01",
        "2024-01-15T05:00:00.0-05:30",
        "2024-01-16T10:29:00.000+23:59",
        "20240115T103000Z",
        "20240115T1030Z",
        "20240115T113000.000+0100",
    ],
)
def test_every_accepted_form_names_the_same_instant(text: str) -> None:
    assert parse_instant(text) == HALF_PAST_TEN
    assert parse_instant(text) == HALF_PAST_TEN  # and again, remembered


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00.0019Z", 1),
        ("1970-01-01T00:00:00,9999999999Z", 999),
        ("1970-01-01T00:00:00.5Z", 500),
        ("1970-01-01T00:00:00." + "9" * 100_000 + "Z", 999),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("1969-12-31T23:59:59.0001Z", -1000),
        ("1969-12-31T23:59:59.000Z", -1000),
    ],
)
def test_digits_finer_than_a_millisecond_are_floored(text: str, ms: int) -> None:
    assert parse_instant(text) == ms


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("2024-01-15T10:30:00", "has no UTC offset; add Z or +HH:MM"),
        ("20240115T103000", "has no UTC offset"),
        ("2024-01-15T23:59:60Z", "no leap seconds"),
        ("2024-01-15T23:59:60.000Z", "no leap seconds"),
        ("2024-01-15T24:00:00Z", "the time of day runs from 00:00 to 23:59"),
        ("2024-01-15T10:60:00Z", "the time of day"),
        ("2024-02-30T10:30:00Z", "names a day that does not exist"),
        ("2023-02-29T10:30:00Z", "names a day that does not exist"),
        ("2024-13-01T10:30:00Z", "names a day that does not exist"),
        ("2024-00-10T10:30:00Z", "names a day that does not exist"),
        ("2024-01-15T10:30:00+24:00", "the UTC offset runs to 23:59"),
        ("2024-01-15T10:30:00+01:60", "the UTC offset runs to 23:59"),
        ("0001-01-01T00:30:00+01:00", "not within the years 1 to 9999"),
        ("9999-12-31T23:30:00-01:00", "not within the years 1 to 9999"),
        ("0000-06-01T00:00:00Z", "not within the years 1 to 9999"),
    ],
)
def test_a_broken_rule_is_named_in_plain_words(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=re.escape(rule)):
        parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1705314600000",
        "2024-W03-1T10:30:00Z",
        "2024-015T10:30:00Z",
        "2024-01-15",
        "2024-01-15Z",
        "2024-01-15  10:30:00Z",
        "2024-01-15_10:30:00Z",
        "2024-01-15T10Z",
        "2024-01-15T10:30.5Z",
        "2024-01-15T10:30:00.Z",
        "2024-01-15T103000Z",
        "20240115T10:30:00Z",
        "24-01-15T10:30:00Z",
        "+2024-01-15T10:30:00Z",
        " 2024-01-15T10:30:00Z",
        "2024-01-15T10:30:00Z\n",
        "2024-01-15T10:30:00 Z",
        "2024-01-15T10:30:00+1:00",
        "2024-01-15T10:30:00\N{MINUS SIGN}01:00",
        "2024-01-1\N{ARABIC-INDIC DIGIT FIVE}T10:30:00Z",
        "2024-01-15T10:30:00.\N{SUPERSCRIPT TWO}Z",
        "2024-01-15T10:30:00.000ZZ",
        "2024-01-15T10:30:00Z000Z",
    ],
)
def test_anything_else_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 instant like"):
        parse_instant(text)


def test_a_remembered_second_does_not_let_bad_text_through() -> None:
    parse_instant("2024-01-15T10:30:00.123Z")
    parse_instant("2024-01-15T10:30:00Z")
    for tail in ("", "Z", "1234", "-12Z", " 12Z", "123z ", "1_3Z", "000"):
        with pytest.raises(ValueError, match="2024"):
            parse_instant("2024-01-15T10:30:00." + tail)
    with pytest.raises(ValueError, match="2024"):
        parse_instant("2024-01-15T10:30:00Z123Z")


def test_a_basic_form_of_24_characters_is_not_mistaken() -> None:
    assert parse_instant("20240115T103000.1239567Z") == HALF_PAST_TEN + 123
    assert parse_instant("20240115T103000.1239001Z") == HALF_PAST_TEN + 123


def test_a_long_bad_text_is_shortened_in_the_reason() -> None:
    with pytest.raises(ValueError, match="xxx") as error:
        parse_instant("x" * 1_000_000)
    assert len(str(error.value)) < 120


def test_the_first_and_the_last_instant_are_accepted() -> None:
    assert format_instant(parse_instant("0001-01-01T00:00:00.000Z")) == "0001-01-01T00:00:00.000Z"
    assert format_instant(parse_instant("9999-12-31T23:59:59.999Z")) == "9999-12-31T23:59:59.999Z"
    assert parse_instant("0000-12-31T23:30:00-01:00") == parse_instant("0001-01-01T00:30:00Z")
    for beyond in (-62_135_596_800_001, 253_402_300_800_000):
        with pytest.raises(ValueError, match="years 1 to 9999"):
            format_instant(beyond)


def test_the_memories_stay_bounded() -> None:
    for second in range(9_000):
        parse_instant(format_instant(HALF_PAST_TEN + second * 60_000))
    assert len(instants.SECONDS_MS) <= 8192
    assert len(instants._minute_text) <= 8192


moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))
offsets = st.integers(-23 * 60, 23 * 60)


@settings(deadline=None, max_examples=150, database=None)
@given(moments, offsets, st.sampled_from(["T", "t", " "]), st.sampled_from([".", ","]))
def test_any_offset_agrees_with_the_calendar(moment: datetime, offset: int, gap: str, mark: str) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    sign, size = "-" if offset < 0 else "+", abs(offset)
    text = f"{moment:%m-%d}{gap}{moment:%H:%M:%S}{mark}{moment.microsecond:06d}"
    text = f"{moment.year:04d}-{text}{sign}{size // 60:02d}:{size % 60:02d}"
    assert parse_instant(text) == (there - EPOCH) // timedelta(milliseconds=1)


@settings(deadline=None, max_examples=150, database=None)
@given(st.integers(-62_135_596_800_000, 253_402_300_799_999))
def test_a_formatted_instant_reads_back_the_same(ms: int) -> None:
    text = format_instant(ms)
    assert len(text) == 24
    assert parse_instant(text) == parse_instant(text) == ms
    assert text.startswith(date_of(ms))
    assert parse_instant(format_hour(ms)) == hour_of(ms)
    assert 0 <= ms - hour_of(ms) < HOUR_MS


def test_hours_and_dates_are_utc_also_before_1970() -> None:
    assert format_hour(HALF_PAST_TEN) == "2024-01-15T10:00:00Z"
    assert date_of(HALF_PAST_TEN) == "2024-01-15"
    assert format_hour(-1) == "1969-12-31T23:00:00Z"
    assert date_of(-1) == "1969-12-31"
    assert date_of(DAY_MS) == "1970-01-02"
