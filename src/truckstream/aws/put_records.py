"""Records onto a Kinesis stream, in order per partition key, with everything answered for.

PutRecords takes part of a request and refuses the rest: what failed is sent again, and with it every later
record of the same key, also those that were taken, so that the last copies of a key's records are in order.
After a failure a key starts again with one record and doubles, which keeps such second copies few. Memory
holds one request beyond what the caller gave.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from truckstream.aws.backoff import Backoff
from truckstream.consumers.record_limits import refusal_of, size_bytes
from truckstream.core.errors import TruckstreamError, Unavailable
from truckstream.ports import NotPlaced, OutgoingRecord, Placed

MAX_REQUEST_RECORDS: Final = 500
MAX_REQUEST_BYTES: Final = 5 * 1024 * 1024
"""Limits of PutRecords (Kinesis API reference); the larger ones AWS has since allowed are not needed."""

_PROGRESS_FAILURES: Final = 4  # while a part of each request is taken, waits stay below 0.8 s

_BEHIND_ANOTHER = NotPlaced("an earlier record of its key was not placed", retryable=True)
_UNANSWERED = NotPlaced("not sent", retryable=True)

type Answer = Placed | NotPlaced


class Sending:
    """One `put`: its records, the answer to each, and which keys had to be given up."""

    def __init__(
        self,
        records: Sequence[OutgoingRecord],
        request: Callable[[list[dict[str, object]]], Sequence[dict[str, Any]]],
        backoff: Backoff,
    ) -> None:
        """Prepare to send.

        Args:
            records: what to put.
            request: one PutRecords call: entries to result entries, raising our errors only.
            backoff: waits and attempts; an attempt that placed something starts the count anew.
        """
        if any(type(record.data) is not bytes for record in records):
            raise TypeError("a record's data must be bytes")
        self.answers: list[Answer] = [_UNANSWERED] * len(records)
        self._records = records
        self._request = request
        self._backoff = backoff
        self._given_up: set[str] = set()

    def run(self) -> Sequence[Answer]:
        """Send everything; return the answers.

        Raises:
            TruckstreamError: nothing was placed, for a reason that is not retryable (no permission, no such stream).
        """
        for part in self._parts():
            try:
                reached = self._place(part)
            except TruckstreamError as error:
                if not any(isinstance(answer, Placed) for answer in self.answers):
                    raise
                self._give_up(self._unanswered(), error.message)
                break
            if not reached:  # the service is not there: the other parts need not find that out one by one
                self._give_up(self._unanswered(), "the stream did not answer")
                break
        return self.answers

    def _parts(self) -> Iterator[list[int]]:
        """Yield places of records that fit one request, leaving out what can never be or must not yet be placed."""
        part: list[int] = []
        room = MAX_REQUEST_BYTES
        for place, record in enumerate(self._records):
            refusal = refusal_of(record.partition_key, record.data)
            if refusal is not None:
                self.answers[place] = refusal
                continue
            size = size_bytes(record.partition_key, record.data)
            if len(part) == MAX_REQUEST_RECORDS or size > room:
                yield part
                part, room = [], MAX_REQUEST_BYTES
            if record.partition_key in self._given_up:
                self.answers[place] = _BEHIND_ANOTHER
                continue
            part.append(place)
            room -= size
        if part:
            yield part

    def _place(self, part: list[int]) -> bool:
        """Place a request's worth of records; return False when the service was not reached to the last."""
        pending, reached = part, True
        failures = fruitless = 0
        windows: dict[str, int] = {}
        while pending:
            if failures:
                self._backoff.pause(failures)
            due = self._due(pending, windows)
            try:
                placed = self._attempt(due, windows)
                reached = True
            except TruckstreamError as error:
                if not error.retryable:
                    raise
                placed, reached = set(), False
                self._give_up(due, error.message, for_now=True)
            fruitless = 0 if placed else fruitless + 1
            if len(placed) == len(due):
                failures = 0
            else:
                failures = min(failures + 1, _PROGRESS_FAILURES) if placed else failures + 1
            pending = [place for place in pending if place not in placed]
            if fruitless >= self._backoff.attempts:
                break
        for place in pending:
            if self.answers[place] is _UNANSWERED:
                self.answers[place] = _BEHIND_ANOTHER
            self._given_up.add(self._records[place].partition_key)
        return reached

    def _due(self, pending: list[int], windows: dict[str, int]) -> list[int]:
        """Return the places to send now: of a key that failed, only as many as its window lets through."""
        if not windows:
            return pending
        taken: dict[str, int] = {}
        due = []
        for place in pending:
            key = self._records[place].partition_key
            taken[key] = taken.get(key, 0) + 1
            if taken[key] <= windows.get(key, MAX_REQUEST_RECORDS):
                due.append(place)
        return due

    def _attempt(self, due: list[int], windows: dict[str, int]) -> set[int]:
        """Send these once; note answers and windows; return the places that are done with."""
        sent = [self._records[place] for place in due]
        results = self._request([{"PartitionKey": record.partition_key, "Data": record.data} for record in sent])
        if len(results) != len(due):
            raise Unavailable(f"PutRecords answered {len(results)} of {len(due)} records")
        placed: set[int] = set()
        failed: set[str] = set()
        for place, record, result in zip(due, sent, results, strict=True):
            key = record.partition_key
            if result.get("ErrorCode"):
                failed.add(key)
                self.answers[place] = NotPlaced(f"{result['ErrorCode']}: {result.get('ErrorMessage', '')}", True)
            elif key in failed:
                self.answers[place] = _BEHIND_ANOTHER
            else:
                self.answers[place] = Placed(result["ShardId"], int(result["SequenceNumber"]))
                placed.add(place)
        for key in {record.partition_key for record in sent} & windows.keys():
            windows[key] *= 2
        windows.update(dict.fromkeys(failed, 1))
        return placed

    def _unanswered(self) -> list[int]:
        return [place for place, answer in enumerate(self.answers) if answer is _UNANSWERED]

    def _give_up(self, places: Sequence[int], reason: str, *, for_now: bool = False) -> None:
        answer = NotPlaced(reason, retryable=True)
        for place in places:
            record = self._records[place]
            self.answers[place] = refusal_of(record.partition_key, record.data) or answer
        if not for_now:
            self._given_up.update(self._records[place].partition_key for place in places)
