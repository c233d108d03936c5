"""The event source mapping emulator: brings a stream to a consumer by the rules of AWS Lambda for Kinesis.

Deterministic and single-stepped: whoever owns it calls `poll` with the time; it has no thread, no sleep and
no clock. Per shard one batch is in flight, in order. A failed batch is halved or tried again after a wait;
what keeps failing goes whole to the rejected store and the shard moves on. The checkpoint only passes records
that were delivered or set aside, so a restart at any point delivers the rest again.

Deviation, on purpose: errors that are `retryable` are waited out by default (`give_up_on_retryable`).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from truckstream.core.errors import TruckstreamError, Unavailable
from truckstream.local.in_flight import Piece, ShardState
from truckstream.local.mapping import FOR_EVER, MappingSettings, OnFailure, StreamReader
from truckstream.local.stream import Lag
from truckstream.ports import Batch, BatchResult, Consumer, RejectedRecord, StreamRecord

__all__ = ["EventSource", "MappingSettings", "PollResult"]

_WHOLE_RECORD = -1  # index of a rejected entry that is the stream record as a whole
_MOST_DOUBLINGS = 40


class PollResult(NamedTuple):
    """What one `poll` did: records delivered, invocations, those of them that failed, records set aside."""

    delivered: int = 0
    batches: int = 0
    failed_batches: int = 0
    discarded: int = 0


class EventSource:
    """Delivers a stream's records to one consumer. For one thread at a time."""

    def __init__(
        self,
        stream: StreamReader,
        name: str,
        consumer: Consumer,
        settings: MappingSettings,
        on_failure: OnFailure,
    ) -> None:
        """Register the consumer and go on from its checkpoints.

        Args:
            stream: where records come from.
            name: the consumer's, for its checkpoints and in the reasons of rejected records.
            consumer: called with each batch.
            settings: see `MappingSettings`.
            on_failure: the rejected store, or a function, that keeps records given up. When it fails,
                the records wait and the shard with them.
        """
        self._stream = stream
        self._name = name
        self._consumer = consumer
        self._settings = settings
        self._set_aside: Callable[[Sequence[RejectedRecord]], None] = (
            on_failure if callable(on_failure) else on_failure.put
        )
        stream.register_consumer(name)
        self._shards = [self._start(shard.shard_id) for shard in stream.shards()]

    def poll(self, now_ms: int, *, flush: bool = False, shard_id: str | None = None) -> PollResult:
        """Deliver what is due, at most one batch per shard; the consumer's errors are not raised.

        Args:
            now_ms: the present, by the clock of whoever schedules; record ages are measured against it.
            flush: do not wait for batches to fill.
            shard_id: of this shard only; None: of all.

        Raises:
            StorageDamaged, Denied: the stream itself cannot be read. Nothing delivered is lost.
        """
        results = [
            self._poll_shard(shard, now_ms, flush=flush)
            for shard in self._shards
            if shard_id is None or shard.shard_id == shard_id
        ]
        return PollResult(*map(sum, zip(*results, strict=True)))

    def lag(self, now_ms: int | None = None) -> dict[str, Lag]:
        """Return per shard how far the consumer is behind, by `now_ms` or the stream's latest arrival."""
        return {
            shard.shard_id: self._stream.behind(shard.shard_id, shard.position, now_ms=now_ms) for shard in self._shards
        }

    def next_due_ms(self) -> int | None:
        """Return from when on `poll` has something to do: 0 for at once, None when there is nothing to read.

        Records that arrive meanwhile may fill a batch, and so make it due, earlier.
        """
        due = [shard_due for shard in self._shards if (shard_due := self._due_ms(shard)) is not None]
        return min(due, default=None)

    @property
    def drained(self) -> bool:
        """Whether everything on the stream was delivered or set aside."""
        return all(not shard.pieces and not shard.gathered and not self._unread(shard) for shard in self._shards)

    @property
    def last_error(self) -> Exception | None:
        """Return why a shard does not get on at the moment; None when all do."""
        return next((shard.error for shard in self._shards if shard.error is not None), None)

    def _start(self, shard_id: str) -> ShardState:
        position = self._stream.checkpoint(self._name, shard_id)
        if position is None:
            settings = self._settings
            position = self._stream.position_of(
                shard_id, settings.starting_position, timestamp_ms=settings.starting_timestamp_ms
            )
            self._stream.save_checkpoint(self._name, shard_id, position)  # LATEST stays where it was today
        return ShardState(shard_id, position)

    def _poll_shard(self, shard: ShardState, now_ms: int, *, flush: bool) -> PollResult:
        if now_ms < shard.due_ms:
            return PollResult()
        if not shard.pieces and self._gathered(shard, now_ms, flush=flush):
            shard.take_gathered()
        result = PollResult()
        if shard.pieces:
            piece = shard.pieces[0]
            expired = self._set_aside_expired(shard, piece, now_ms)
            if expired is not None:
                result = result._replace(discarded=expired)
                if piece.given_up:
                    result = self._give_up(shard, piece, now_ms)
                elif piece.records:
                    result = self._invoke(shard, piece, now_ms)
                    result = result._replace(discarded=result.discarded + expired)
        self._save(shard)
        if not shard.pieces and shard.position == shard.saved_position and now_ms >= shard.due_ms:
            # Reading or saving failed before, and went well this time: no batch had to come for that.
            shard.error, shard.failures_in_a_row = None, 0
        return result

    def _gathered(self, shard: ShardState, now_ms: int, *, flush: bool) -> bool:
        """Read on; return whether the batch is complete: full, its window over, or flushed."""
        settings = self._settings
        while not shard.full:
            after = shard.gathered[-1].sequence_number if shard.gathered else shard.position
            wanted = settings.batch_size - len(shard.gathered)
            try:
                records = self._stream.read(shard.shard_id, after, wanted, settings.max_batch_bytes)
            except TruckstreamError as error:
                if not error.retryable:
                    raise
                self._wait(shard, now_ms, error)
                return False
            if not records:
                break
            if shard.gathered:
                records = shard.fitting(records, settings.max_batch_bytes)
            shard.gathered += records
            shard.full = shard.full or len(shard.gathered) >= settings.batch_size
        if not shard.gathered:
            return False
        if shard.window_opened_ms is None:
            shard.window_opened_ms = now_ms
        return shard.full or flush or now_ms - shard.window_opened_ms >= settings.window_ms

    def _invoke(self, shard: ShardState, piece: Piece, now_ms: int) -> PollResult:
        count = len(piece.records)
        try:
            answer = self._consumer(Batch(shard.shard_id, piece.records))
            if not isinstance(answer, BatchResult):
                raise TypeError(f"the consumer answered {type(answer).__name__}, not BatchResult")
        except Exception as failure:
            return self._failed(shard, piece, now_ms, failure)
        if answer.failed_sequence is None:
            shard.pieces.popleft()
            shard.move_on(piece.through)
            return PollResult(delivered=count, batches=1)
        error = Unavailable(f"failed at sequence number {answer.failed_sequence}: {answer.reason}")
        place = next(
            (i for i, record in enumerate(piece.records) if record.sequence_number == answer.failed_sequence),
            None,
        )
        if place is None or not self._settings.partial_answers:
            return self._failed(shard, piece, now_ms, error, counted=True)
        if place == 0 and answer.retryable and not self._settings.give_up_on_retryable:
            return self._wait(shard, now_ms, error)
        return self._failed_at(shard, piece, now_ms, error, place)

    def _failed(
        self, shard: ShardState, piece: Piece, now_ms: int, error: Exception, *, counted: bool = False
    ) -> PollResult:
        """The whole batch failed. `counted`: as a try, also when the error is retryable."""
        waited_out = isinstance(error, TruckstreamError) and error.retryable and not counted
        if waited_out and not self._settings.give_up_on_retryable:
            return self._wait(shard, now_ms, error)
        if self._settings.bisect_on_error and len(piece.records) > 1:
            self._replace(shard, piece.split(len(piece.records) // 2))
            shard.error = error
            return PollResult(batches=1, failed_batches=1)
        return self._tried(shard, piece, now_ms, error)

    def _failed_at(self, shard: ShardState, piece: Piece, now_ms: int, error: Exception, place: int) -> PollResult:
        """The records before `place` went well, the others are delivered again."""
        if place > 0:
            _, rest = piece.split(place)
            rest.tries = 0  # there was progress
            shard.pieces[0] = rest
            shard.move_on(rest.records[0].sequence_number - 1)
            return self._wait(shard, now_ms, error)._replace(delivered=place)
        if self._settings.bisect_on_error and len(piece.records) > 1:
            self._replace(shard, piece.split(1))  # the failing record is known: no need to search by halves
            return self._wait(shard, now_ms, error)
        return self._tried(shard, piece, now_ms, error)

    def _tried(self, shard: ShardState, piece: Piece, now_ms: int, error: Exception) -> PollResult:
        piece.tries += 1
        piece.failure = f"{type(error).__name__}: {error}"
        limit = self._settings.retry_attempts
        if limit == FOR_EVER or piece.tries <= limit:
            return self._wait(shard, now_ms, error)
        piece.given_up = True
        return self._give_up(shard, piece, now_ms)._replace(batches=1, failed_batches=1)

    def _give_up(self, shard: ShardState, piece: Piece, now_ms: int) -> PollResult:
        tries = "1 try" if piece.tries == 1 else f"{piece.tries} tries"
        reason = f"{self._name} gave up after {tries}: {piece.failure}"
        if not self._kept(shard, piece.records, reason, now_ms):
            return PollResult()
        shard.pieces.popleft()
        shard.move_on(piece.through)
        return PollResult(discarded=len(piece.records))

    def _set_aside_expired(self, shard: ShardState, piece: Piece, now_ms: int) -> int | None:
        """Return how many records were too old to be tried; None when they could not be set aside."""
        age_ms = self._settings.max_record_age_ms
        if age_ms < 0 or piece.given_up:
            return 0
        expired = [record for record in piece.records if now_ms - record.arrival_ms > age_ms]
        if not expired:
            return 0
        reason = f"{self._name} gave up: the record is older than {age_ms} ms"
        if not self._kept(shard, expired, reason, now_ms):
            return None
        piece.records = [record for record in piece.records if now_ms - record.arrival_ms <= age_ms]
        if not piece.records:
            shard.pieces.popleft()
            shard.move_on(piece.through)
        return len(expired)

    def _kept(self, shard: ShardState, records: Sequence[StreamRecord], reason: str, now_ms: int) -> bool:
        """Put the records into the rejected store, whole; if that fails they wait."""
        try:
            self._set_aside([_rejected(record, reason) for record in records])
        except Exception as error:
            self._wait(shard, now_ms, error)
            return False
        return True

    def _wait(self, shard: ShardState, now_ms: int, error: Exception) -> PollResult:
        first_ms, longest_ms = self._settings.backoff_ms
        wait_ms = min(longest_ms, first_ms << min(shard.failures_in_a_row, _MOST_DOUBLINGS))
        shard.failures_in_a_row += 1
        shard.due_ms = now_ms + wait_ms
        shard.error = error
        return PollResult(batches=1, failed_batches=1)

    def _replace(self, shard: ShardState, halves: tuple[Piece, Piece]) -> None:
        shard.pieces.popleft()
        shard.pieces.extendleft(reversed(halves))

    def _save(self, shard: ShardState) -> None:
        if shard.position == shard.saved_position:
            return
        try:
            self._stream.save_checkpoint(self._name, shard.shard_id, shard.position)
        except TruckstreamError as error:
            if not error.retryable:
                raise
            shard.error = error  # tried again at the next poll; until then a restart delivers more again
        else:
            shard.saved_position = shard.position

    def _due_ms(self, shard: ShardState) -> int | None:
        if shard.pieces:
            return shard.due_ms
        if shard.window_opened_ms is not None:
            return max(shard.due_ms, shard.window_opened_ms + self._settings.window_ms)
        return shard.due_ms if self._unread(shard) else None

    def _unread(self, shard: ShardState) -> int:
        return self._stream.behind(shard.shard_id, shard.position, now_ms=0).records


def _rejected(record: StreamRecord, reason: str) -> RejectedRecord:
    return RejectedRecord(
        shard_id=record.shard_id,
        sequence_number=record.sequence_number,
        index=_WHOLE_RECORD,
        reason=reason,
        payload=record.data,
        arrival_ms=record.arrival_ms,
        partition_key=record.partition_key,
    )
