"""Settings of an event source mapping, under the names and with the meanings AWS Lambda gives them."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from truckstream.core.errors import InvalidSetting
from truckstream.local.shards import ShardInfo
from truckstream.local.stream import Lag, StartingPosition
from truckstream.ports import RejectedRecord, RejectedStore, StreamRecord

LAMBDA_BATCH_BYTES: Final = 6 * 1024 * 1024
FOR_EVER: Final = -1

type OnFailure = RejectedStore | Callable[[Sequence[RejectedRecord]], None]


class MappingSettings(msgspec.Struct, frozen=True):
    """How a stream is brought to one consumer.

    Attributes:
        batch_size: most records per invocation.
        window_ms: how long to wait for a batch to fill, from the first record seen; 0: not at all.
        max_batch_bytes: most payload bytes per invocation; a single larger record goes alone.
        starting_position: where a consumer without checkpoint begins.
        starting_timestamp_ms: for AT_TIMESTAMP.
        bisect_on_error: halve a failed batch before trying again.
        retry_attempts: tries after the first, before the records are given up; -1: for ever.
        max_record_age_ms: records older than this are given up without a try; -1: none are.
        partial_answers: accept `BatchResult.failed_sequence`; when False, such an answer fails the whole
            batch (Lambda would take it for success).
        backoff_ms: wait before the second try, and the longest wait; doubled from try to try.
        give_up_on_retryable: count errors that are `retryable` (full disk, store unavailable) as tries and
            give the records up in the end, as Lambda does. False: wait for as long as it lasts.
    """

    batch_size: int = 100
    window_ms: int = 0
    max_batch_bytes: int = LAMBDA_BATCH_BYTES
    starting_position: StartingPosition = "TRIM_HORIZON"
    starting_timestamp_ms: int | None = None
    bisect_on_error: bool = True
    retry_attempts: int = 3
    max_record_age_ms: int = -1
    partial_answers: bool = True
    backoff_ms: tuple[int, int] = (100, 30_000)
    give_up_on_retryable: bool = False

    def __post_init__(self) -> None:
        first_ms, longest_ms = self.backoff_ms
        rules = {
            "batch_size must be at least 1": self.batch_size >= 1,
            "window_ms must not be negative": self.window_ms >= 0,
            "max_batch_bytes must be at least 1": self.max_batch_bytes >= 1,
            "retry_attempts must be -1 (for ever) or more": self.retry_attempts >= FOR_EVER,
            "max_record_age_ms must be -1 (off) or more": self.max_record_age_ms >= -1,
            "backoff_ms must be (first, longest), 0 <= first <= longest": 0 <= first_ms <= longest_ms,
        }
        for rule, kept in rules.items():
            if not kept:
                raise InvalidSetting(rule)


class StreamReader(Protocol):
    """The reading end of a stream, as `local.stream.LocalStream` has it: see there for the promises."""

    def shards(self) -> Sequence[ShardInfo]:
        """Return the shards."""
        ...

    def position_of(
        self,
        shard_id: str,
        kind: StartingPosition,
        *,
        sequence_number: int | None = None,
        timestamp_ms: int | None = None,
    ) -> int:
        """Return the sequence number after which reading goes on."""
        ...

    def read(self, shard_id: str, after: int, limit: int, max_bytes: int | None = None) -> Sequence[StreamRecord]:
        """Return the next records."""
        ...

    def behind(self, shard_id: str, after: int, *, now_ms: int | None = None) -> Lag:
        """Return how far a reader is behind."""
        ...

    def register_consumer(self, consumer: str) -> None:
        """Make a consumer known."""
        ...

    def checkpoint(self, consumer: str, shard_id: str) -> int | None:
        """Return up to where the consumer has read."""
        ...

    def save_checkpoint(self, consumer: str, shard_id: str, sequence_number: int) -> None:
        """Note up to where the consumer has read."""
        ...
