"""What no stream takes: the limits of one record, as Kinesis has them. Every stream refuses the same."""

from typing import Final

from truckstream.core.records import MAX_RECORD_BYTES
from truckstream.ports import NotPlaced

MAX_PARTITION_KEY_CHARACTERS: Final = 256
SURELY_FITTING_BYTES: Final = MAX_RECORD_BYTES - 4 * MAX_PARTITION_KEY_CHARACTERS
"""Data up to this is never too large, whatever its key: a character takes at most 4 bytes."""

_NO_KEY = NotPlaced("the partition key is empty", retryable=False)
_LONG_KEY = NotPlaced(f"the partition key is longer than {MAX_PARTITION_KEY_CHARACTERS} characters", retryable=False)
_BROKEN_KEY = NotPlaced("the partition key is not valid Unicode", retryable=False)


def size_bytes(partition_key: str, data: bytes) -> int:
    """Return what a record counts against the limits: its data and its key."""
    return len(data) + len(partition_key.encode())


def refusal_of(partition_key: str, data: bytes) -> NotPlaced | None:
    """Return why such a record can never be placed, None when it can."""
    if not partition_key:
        return _NO_KEY
    if len(partition_key) > MAX_PARTITION_KEY_CHARACTERS:
        return _LONG_KEY
    try:
        size = size_bytes(partition_key, data)
    except UnicodeEncodeError:
        return _BROKEN_KEY
    if size > MAX_RECORD_BYTES:
        reason = f"record of {size:,} bytes with its key; the stream takes {MAX_RECORD_BYTES:,}"
        return NotPlaced(reason, retryable=False)
    return None
