"""Reasons by kind, from the very messages the record rules make."""

import json

import pytest

from truckstream.core.errors import InvalidRecord
from truckstream.core.reasons import count_kinds, kind_of_reason
from truckstream.core.records import parse_position

NOW = 1_705_314_600_000


def reason(text: str | None = None, **fields: object) -> str:
    record = {"truck_id": "T", "timestamp": "2024-01-15T10:30:00Z", "latitude": 1.0, "longitude": 2.0, **fields}
    with pytest.raises(InvalidRecord) as refused:
        parse_position((text if text is not None else json.dumps(record)).encode(), NOW)
    return refused.value.message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (reason(latitude=91), reason(latitude=-123.25)),
        (reason(latitude=1e300), reason(latitude=-2e301)),
        (reason(truck_id="a b"), reason(truck_id="x" * 65)),
        (reason(timestamp="yesterday"), reason(timestamp="2024-99")),
        (reason(timestamp="2024-01-15T10:30:00"), reason(timestamp="2023-01-15T10:30:00")),
        (reason(timestamp="2024-02-30T10:30:00Z"), reason(timestamp="2023-02-29T10:30:00Z")),
        (reason(timestamp="2024-01-15T10:30:60Z"), reason(timestamp="2024-01-16T10:30:61Z")),
        (reason(timestamp="2024-01-15T25:30:00Z"), reason(timestamp="2024-01-15T10:61:00Z")),
        (reason(timestamp="2024-01-15T13:30:00Z"), reason(timestamp="2024-01-15T14:30:00Z")),
        (reason(engine_status="on"), reason(engine_status="parked")),
        (reason('{"truck_id": x}'), reason('{"truck_id":"T", oh}')),
        (reason('{"a":1} x'), reason('{"aa":11} y')),
    ],
)
def test_the_same_mistake_with_another_value_is_the_same_kind(one: str, other: str) -> None:
    assert one != other
    assert kind_of_reason(one) == kind_of_reason(other)


def test_different_mistakes_stay_apart_and_are_counted() -> None:
    reasons = [reason(latitude=91), reason(longitude=181), reason(latitude=None), reason(latitude="1"), reason("[]")]
    assert len({kind_of_reason(each) for each in reasons}) == len(reasons)
    counted = count_kinds([(reason(latitude=91), 2), (reason(latitude=92), 3)])
    assert counted == {"latitude: a value is outside -90..90": 5}
    # What is a kind already stays as it is.
    assert all(kind_of_reason(kind_of_reason(each)) == kind_of_reason(each) for each in reasons)
