"""A mapping of the local backend observed at work, with scripted consumers."""

from collections.abc import Callable, Sequence
from itertools import count

import msgspec

from truckstream.local.event_source import EventSource, MappingSettings, PollResult
from truckstream.local.stream import LocalStream
from truckstream.ports import Batch, BatchResult, OutgoingRecord, RejectedRecord, StreamRecord

type Answer = Callable[[Batch, int], BatchResult]
OK = BatchResult()
names = (f"consumer-{number}" for number in count())


def number_of(record: StreamRecord | RejectedRecord) -> int:
    return int(record.data if isinstance(record, StreamRecord) else record.payload)


def put(
    stream: LocalStream, record_count: int, *, arrivals_ms: Sequence[int] = (), size: int = 0, first: int = 1
) -> None:
    """Records 1, 2, 3... of one shard."""
    stream.put(
        [
            OutgoingRecord("k", (b"%d" % number).zfill(size), arrivals_ms[number - first] if arrivals_ms else 0)
            for number in range(first, first + record_count)
        ]
    )


class Observed:
    """Runs a mapping with a scripted consumer and writes down what happens."""

    def __init__(self, stream: LocalStream, answer: Answer, mapping: MappingSettings) -> None:
        self.stream, self.answer, self.mapping = stream, answer, mapping
        self.name = next(names)
        self.invocations: list[list[int]] = []
        self.times_ms: list[int] = []
        self.rejected: list[RejectedRecord] = []
        self.now_ms = 0
        self.source = self.restart()

    def restart(self) -> EventSource:
        self.source = EventSource(self.stream, self.name, self._consume, self.mapping, self.rejected.extend)
        return self.source

    def _consume(self, batch: Batch) -> BatchResult:
        self.invocations.append([number_of(record) for record in batch.records])
        self.times_ms.append(self.now_ms)
        return self.answer(batch, len(self.invocations))

    def poll(self, *, flush: bool = False) -> PollResult:
        return self.source.poll(self.now_ms, flush=flush)

    def run(self, most_polls: int = 200) -> None:
        for _ in range(most_polls):
            due_ms = self.source.next_due_ms()
            if due_ms is None:
                assert self.source.drained
                return
            self.now_ms = max(self.now_ms, due_ms)
            self.poll()
        raise AssertionError(f"not drained: {self.source.last_error!r}")


def latest(**changes: object) -> MappingSettings:
    """Tests share a stream: each starts at its present end."""
    return msgspec.structs.replace(MappingSettings(starting_position="LATEST"), **changes)


# --- scripted consumers ---


def always_ok(batch: Batch, invocation: int) -> BatchResult:
    return OK


def poison(*bad: int) -> Answer:
    def answer(batch: Batch, invocation: int) -> BatchResult:
        if any(number_of(record) in bad for record in batch.records):
            raise ValueError("cannot digest")
        return OK

    return answer


def points_at(*bad: int) -> Answer:
    def answer(batch: Batch, invocation: int) -> BatchResult:
        for record in batch.records:
            if number_of(record) in bad:
                return BatchResult(record.sequence_number, "not now")
        return OK

    return answer


def points_retryably_at(bad: int, *, times: int) -> Answer:
    def answer(batch: Batch, invocation: int) -> BatchResult:
        for record in batch.records:
            if number_of(record) == bad and invocation <= times:
                return BatchResult(record.sequence_number, "not now", retryable=True)
        return OK

    return answer


def fails_first(times: int, error: Exception) -> Answer:
    def answer(batch: Batch, invocation: int) -> BatchResult:
        if invocation <= times:
            raise error
        return OK

    return answer


def answers_first(result: BatchResult) -> Answer:
    return lambda batch, invocation: result if invocation == 1 else OK


def points_once_at(bad: int) -> Answer:
    pointing = points_at(bad)
    return lambda batch, invocation: pointing(batch, invocation) if invocation == 1 else OK


def fails_then_progresses_then_fails(batch: Batch, invocation: int) -> BatchResult:
    if invocation in (1, 3):
        raise ValueError
    return BatchResult(batch.records[1].sequence_number) if invocation == 2 else OK
