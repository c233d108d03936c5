"""KPL aggregated records: many user records in one stream record, as the Kinesis Producer Library packs them.

Layout: the magic F3 89 9A C2, a protobuf message, the 16-byte MD5 of that message. Of the message
(AggregatedRecord: 1 partition_key_table, 2 explicit_hash_key_table, 3 records; Record: 1 partition_key_index,
2 explicit_hash_key_index, 3 data, 4 tags) only the data is used; the indexes are checked against the tables.

Refuses, whole and with the reason, anything whose checksum or structure is damaged.
"""

from collections.abc import Iterator
from hashlib import md5
from typing import Final

MAGIC: Final = b"\xf3\x89\x9a\xc2"

_DIGEST_BYTES: Final = 16
_VARINT_BYTES: Final = 10  # 64 bits, 7 in each byte
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES: Final = {_FIXED64: 8, _FIXED32: 4}


def split_aggregated(data: bytes) -> list[bytes]:
    """Return the user records in an aggregated record, in order.

    Raises:
        ValueError: checksum or structure is damaged; the message says where.
    """
    if not data.startswith(MAGIC):
        raise ValueError("not a KPL record: the magic is missing")
    if len(data) < len(MAGIC) + _DIGEST_BYTES:
        raise ValueError("damaged KPL record: it ends too early")
    message = data[len(MAGIC) : -_DIGEST_BYTES]
    if md5(message, usedforsecurity=False).digest() != data[-_DIGEST_BYTES:]:
        raise ValueError("damaged KPL record: the MD5 checksum does not match")
    keys = hash_keys = 0
    records: list[bytes] = []
    for number, value in _fields(message):
        if number == 1:
            keys += 1
        elif number == 2:
            hash_keys += 1
        elif number == 3:
            records.append(_expect_bytes(value))
    return [_user_data(record, place, keys, hash_keys) for place, record in enumerate(records)]


def _user_data(record: bytes, place: int, keys: int, hash_keys: int) -> bytes:
    """Return the data of one record; the protobuf's required fields must be there."""
    found: bytes | None = None
    key: int | None = None
    for number, value in _fields(record):
        if number == 1:
            key = _index(value, keys, place)
        elif number == 2:
            _index(value, hash_keys, place)
        elif number == 3:
            found = _expect_bytes(value)
    if found is None or key is None:
        missing = "data" if found is None else "partition key"
        raise ValueError(f"damaged KPL record: user record {place} has no {missing}")
    return found


def _index(value: int | bytes, size: int, place: int) -> int:
    if not isinstance(value, int) or value >= size:
        raise ValueError(f"damaged KPL record: user record {place} names a key that is not in the table")
    return value


def _expect_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("damaged KPL record: a number where bytes belong")
    return value


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield field numbers and values; every step moves forward and stays within the message."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("damaged KPL record: field number 0")
        if wire_type == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire_type == _BYTES:
            size, at = _varint(message, at)
        elif wire_type in _FIXED_BYTES:
            size = _FIXED_BYTES[wire_type]
        else:
            raise ValueError(f"damaged KPL record: unknown wire type {wire_type}")
        if size > len(message) - at:
            raise ValueError("damaged KPL record: a field ends beyond the message")
        yield number, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that starts at `at` and the place after it."""
    value = 0
    for place, byte in enumerate(message[at : at + _VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at + place + 1
    raise ValueError("damaged KPL record: a number does not end")
