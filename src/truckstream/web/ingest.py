"""Positions over HTTP onto the stream: answered record by record, after the durable append.

A bad record goes onto the stream like any other, so the consumers set it aside with its reason; only what no stream
takes, or what would be read there as something else, goes to the rejected store directly.
"""

import io
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

import msgspec
from litestar import Request, post
from litestar.handlers import BaseRouteHandler

from truckstream.core.content import place_by_content
from truckstream.core.errors import InvalidInput, InvalidRecord
from truckstream.core.records import MAX_RECORD_BYTES, parse_position
from truckstream.http.access import Caller, caller_of, need
from truckstream.http.bodies import in_thread, read_body
from truckstream.http.problems import NotAllowed, SlowDown, TooLarge, problems
from truckstream.ports import NotPlaced, OutgoingRecord, RejectedRecord
from truckstream.web.body_schemas import SendsPositions
from truckstream.web.sources import WebSources

BODY_BYTES: Final = 16 * 1024 * 1024
INFLATED_BYTES: Final = 64 * 1024 * 1024
RECORDS: Final = 20_000
VALUES: Final = 40 * RECORDS
"""Commas of an array: each of its items takes memory before they can be counted, however small it is."""

IN_FLIGHT_BYTES: Final = 128 * 1024 * 1024
SOURCE: Final = "source:http"
_NO_KEY: Final = "-"  # records whose truck cannot be read still need a key
_WHITE: Final = b" \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a record. `index`: its place in the request, from 0, blank lines not counted."""

    index: int
    status: Literal["accepted", "rejected"]
    reason: str | None = None


class Ingested(msgspec.Struct, frozen=True):
    """How many records are on the stream, how many were set aside, and each by itself."""

    accepted: int
    rejected: int
    results: list[Answer]


class _Head(msgspec.Struct, gc=False):
    truck_id: str = _NO_KEY


_head = msgspec.json.Decoder(_Head).decode
_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_raw = msgspec.json.Decoder(msgspec.Raw).decode


class Ingest:
    """Takes bodies of any form, with a bound on what is under way at once."""

    def __init__(self, sources: WebSources, clock: Callable[[], int]) -> None:
        self._sources = sources
        self._clock = clock
        self._lock = threading.Lock()
        self._in_flight_bytes = 0

    @contextmanager
    def room(self) -> Iterator[Callable[[int], None]]:
        """Give back, at the end, what the block held by the function it gets: memory for so many more bytes.

        That raises SlowDown when too much is under way; any thread may call it.
        """
        held_bytes = 0

        def hold(more_bytes: int) -> None:
            nonlocal held_bytes
            with self._lock:
                if self._in_flight_bytes + more_bytes > IN_FLIGHT_BYTES:
                    raise SlowDown("too much is being taken in at the moment")
                self._in_flight_bytes += more_bytes
                held_bytes += more_bytes

        try:
            yield hold
        finally:
            with self._lock:
                self._in_flight_bytes -= held_bytes

    def take(self, records: Sequence[bytes], caller: Caller) -> Ingested:
        """Put the records on the stream and say what became of each.

        Raises NotAllowed, before anything is placed, when a device sends for another truck; SlowDown when the stream
        takes no more: sending everything again is harmless then.
        """
        now_ms = self._clock()
        reasons: list[str | None] = []
        outgoing: list[tuple[int, OutgoingRecord]] = []
        aside: list[RejectedRecord] = []
        for index, data in enumerate(records):
            key, reason = self._judge(data, now_ms, caller)
            if not data.startswith(b"{") or len(data) + len(key) > MAX_RECORD_BYTES:
                # Elsewhere than in an object the stream might see a frame, and in it other trucks.
                reason = reason or f"record of {len(data):,} bytes is larger than the stream takes"
                aside.append(self._aside(data, reason, now_ms))
            else:
                outgoing.append((index, OutgoingRecord(key, data, now_ms)))
            reasons.append(reason)
        self._place(outgoing, reasons, aside, now_ms)
        if aside:
            self._sources.rejected.put(aside)
        results = [
            Answer(index, "accepted") if reason is None else Answer(index, "rejected", reason)
            for index, reason in enumerate(reasons)
        ]
        rejected = sum(reason is not None for reason in reasons)
        return Ingested(len(reasons) - rejected, rejected, results)

    def _judge(self, data: bytes, now_ms: int, caller: Caller) -> tuple[str, str | None]:
        try:
            truck_id, reason = parse_position(data, now_ms).truck_id, None
        except InvalidRecord as error:
            truck_id, reason = _truck_of(data), error.message
        # A bad record counts, too: what breaks a rule now, by its time, may keep it when it is read.
        named = reason is None or truck_id != _NO_KEY
        if caller.truck_id is not None and named and truck_id != caller.truck_id:
            raise NotAllowed(
                f"this token sends for {caller.truck_id!r} only, not for {truck_id!r}",
                hint="Make a token for the other truck: 'truckstream tokens create --role device --truck ID'.",
            )
        return truck_id, reason

    def _place(
        self,
        outgoing: Sequence[tuple[int, OutgoingRecord]],
        reasons: list[str | None],
        aside: list[RejectedRecord],
        now_ms: int,
    ) -> None:
        if not outgoing:
            return
        results = self._sources.stream.put([record for _, record in outgoing])
        left = 0
        for (index, record), result in zip(outgoing, results, strict=True):
            if isinstance(result, NotPlaced):
                if result.retryable:
                    left += 1
                else:
                    reasons[index] = result.reason
                    aside.append(self._aside(record.data, result.reason, now_ms))
        if left:
            raise SlowDown(
                f"the stream took {len(outgoing) - left:,} of {len(outgoing):,} records and no more",
                hint="Send the whole request again after Retry-After: what is there already counts once.",
            )

    def _aside(self, data: bytes, reason: str, now_ms: int) -> RejectedRecord:
        return RejectedRecord(SOURCE, place_by_content(data), 0, reason, data, now_ms)


def split_body(body: bytes) -> list[bytes]:
    """Return the records of a body: one JSON object, an array of them, or one per line.

    Raises InvalidInput for an empty body or a broken array, TooLarge for too many records.
    """
    body = body.removeprefix(_BOM).strip(_WHITE)
    if not body:
        raise InvalidInput("body: is empty", hint="Send one JSON object, an array of them, or one per line.")
    if body.startswith(b"["):
        if body.count(b",") > VALUES:
            raise TooLarge(f"an array of more than {VALUES:,} values", hint="Send it in several requests.")
        try:
            records = [bytes(item) for item in _raw_list(body)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(f"body: not a JSON array: {error}") from error
    elif _is_one(body):
        records = [body]
    else:
        lines = filter(None, (line.strip(_WHITE) for line in io.BytesIO(body)))
        records = list(itertools.islice(lines, RECORDS + 1))
    if len(records) > RECORDS:
        raise TooLarge(f"more than {RECORDS:,} records", hint="Send them in several requests.")
    return records


def ingest_handlers(ingest: Ingest) -> list[BaseRouteHandler]:
    """Return the handler that takes positions."""

    @post(
        "/positions",
        tags=["positions"],
        guards=[need("device")],
        status_code=200,
        responses=problems(413, 415),
        operation_class=SendsPositions,
        summary="Send positions",
    )
    async def send_positions(request: Request[Any, Any, Any]) -> Ingested:
        """One JSON object, an array, or one per line, plain or gzip. Answered when they are durable.

        A rejected record is set aside with its reason, never lost. After 429 or 503 send everything again.
        """
        with ingest.room() as hold:
            body = await read_body(request, BODY_BYTES, inflated_bytes=INFLATED_BYTES, hold=hold)
            return await in_thread(lambda: ingest.take(split_body(body), caller_of(request)))

    return [send_positions]


def _is_one(body: bytes) -> bool:
    if b"\n" not in body:
        return True
    try:
        _raw(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _truck_of(data: bytes) -> str:
    """Return the truck of a bad record where it can be told: its records stay in order."""
    try:
        key = _head(data).truck_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NO_KEY
    return key if 0 < len(key) <= 256 and key.isascii() else _NO_KEY
