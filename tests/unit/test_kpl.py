"""KPL aggregated records: split as packed, refused whole when anything is damaged."""

from collections.abc import Sequence
from hashlib import md5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core.kpl import MAGIC, split_aggregated


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def part(number: int, content: bytes | int) -> bytes:
    """One protobuf field: a varint or length-delimited bytes."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def sealed(message: bytes) -> bytes:
    return MAGIC + message + md5(message, usedforsecurity=False).digest()


def aggregated(records: Sequence[bytes], keys: Sequence[str] = ("TRK-001",)) -> bytes:
    """Pack records as a producer does, spread over the partition keys."""
    table = b"".join(part(1, key.encode()) for key in keys)
    body = b"".join(part(3, part(1, n % len(keys)) + part(3, data)) for n, data in enumerate(records))
    return sealed(table + body)


SAMPLE = aggregated([b'{"a":1}', b"", b"x" * 300], ["TRK-001", "TRK-002"])


@settings(deadline=None, max_examples=50, database=None)
@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 5))
def test_user_records_come_back_in_order(records: list[bytes], keys: int) -> None:
    assert split_aggregated(aggregated(records, [f"TRK-{n}" for n in range(keys)])) == records


def test_hash_keys_tags_and_unknown_fields_are_skipped() -> None:
    tag = part(4, part(1, b"source") + part(2, b"gps"))
    record = part(1, 0) + part(2, 0) + tag + part(3, b"data") + part(99, 7) + b"\x51" + bytes(8) + b"\x55" + bytes(4)
    # the tables may follow the records: protobuf keeps no order
    message = part(3, record) + part(1, b"key") + part(2, b"12345") + part(7, b"later")
    assert split_aggregated(sealed(message)) == [b"data"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the magic is missing"),
        (b"{}", "the magic is missing"),
        (MAGIC, "it ends too early"),
        (MAGIC + bytes(15), "it ends too early"),
        (SAMPLE[:-1], "the MD5 checksum does not match"),
        (SAMPLE + b"\0", "the MD5 checksum does not match"),
        (sealed(b"\x1a\x7f"), "a field ends beyond the message"),
        (sealed(b"\x1a" + b"\xff" * 9 + b"\x01"), "a field ends beyond the message"),
        (sealed(b"\x1a" + b"\xff" * 10), "a number does not end"),
        (sealed(b"\x1a" + b"\xff" * 9 + b"\x02"), "a number does not end"),
        (sealed(b"\x80"), "a number does not end"),
        (sealed(b"\x0b"), "unknown wire type 3"),
        (sealed(b"\x00\x01"), "field number 0"),
        (sealed(part(3, 5)), "a number where bytes belong"),
        (sealed(b"\x09\x01"), "a field ends beyond the message"),
        (sealed(part(1, b"k") + part(3, part(1, 0))), "user record 0 has no data"),
        (sealed(part(1, b"k") + part(3, part(3, b"d"))), "user record 0 has no partition key"),
        (sealed(part(1, b"k") + part(3, part(1, 1) + part(3, b"d"))), "names a key that is not in the table"),
        (sealed(part(1, b"k") + part(3, part(1, 0) + part(2, 0) + part(3, b"d"))), "not in the table"),
        (sealed(part(1, b"k") + part(3, part(1, b"0") + part(3, b"d"))), "not in the table"),
    ],
)
def test_damage_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        split_aggregated(data)


@pytest.mark.parametrize("size", range(0, len(SAMPLE), 7))
def test_a_truncated_record_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="KPL record"):
        split_aggregated(SAMPLE[:size])


@settings(deadline=None, max_examples=150, database=None)
@given(st.integers(0, len(SAMPLE) - 1), st.integers(1, 255))
def test_any_flipped_byte_is_refused(at: int, flip: int) -> None:
    damaged = bytearray(SAMPLE)
    damaged[at] ^= flip
    with pytest.raises(ValueError, match="KPL record"):
        split_aggregated(bytes(damaged))


def split_or_reason(data: bytes) -> list[bytes] | str:
    try:
        return split_aggregated(data)
    except ValueError as error:
        return str(error)


@settings(deadline=None, max_examples=300, database=None)
@given(st.integers(0, len(SAMPLE) - 21), st.integers(0, 255), st.integers(0, len(SAMPLE) - 20) | st.none())
def test_a_damaged_message_with_a_right_checksum_never_crashes(at: int, byte: int, cut: int | None) -> None:
    message = bytearray(SAMPLE[4:-16])
    message[at] = byte
    outcome = split_or_reason(sealed(bytes(message[:cut])))
    if isinstance(outcome, str):
        assert outcome.startswith("damaged KPL record: ")
    else:
        assert sum(map(len, outcome)) <= len(message)


@settings(deadline=None, max_examples=150, database=None)
@given(st.binary(max_size=60))
def test_arbitrary_bytes_never_crash(message: bytes) -> None:
    outcome = split_or_reason(sealed(message))
    assert isinstance(outcome, list) or outcome.startswith("damaged KPL record: ")
