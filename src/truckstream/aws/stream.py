"""The stream on AWS: Kinesis Data Streams, as `ports.RecordSink` and, for the command line, as a reader.

Live consumers do not read here: Lambda's event source mappings bring them their batches. Reading is for
`verify`, `status` and tests; it keeps within a shard's five reads a second, and one thread does it. `put` may
be called by several threads.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from truckstream.aws.backoff import Backoff
from truckstream.aws.errors import aws_errors, code_of
from truckstream.aws.put_records import Sending
from truckstream.aws.session import AwsSession
from truckstream.aws.shards import KinesisShard, in_order, shard_of
from truckstream.core.errors import InvalidInput, InvalidSetting, TruckstreamError, Unavailable
from truckstream.ports import NotPlaced, OutgoingRecord, Placed, StreamRecord

READS_PER_SECOND: Final = 5  # of one shard, by all its readers together (Kinesis quotas)
MAX_READ_RECORDS: Final = 10_000
LISTED_SHARDS: Final = 1000
_EMPTY_READS: Final = 2000
"""Kinesis answers empty reads while it walks over a stretch without records; 24 hours need about 300."""

_RECENT_MS: Final = (60_000, 3_600_000)


class Lag(NamedTuple):
    """How far a reader is behind the end of a shard: `records` is None when more than one, Kinesis counts none.

    `ms` runs from the arrival of the first unread record to now, 0 when all is read.
    """

    records: int | None
    ms: int


class _Place(NamedTuple):
    """Where the next read of a shard goes on; no iterator: the shard is closed and read to its end."""

    after: int
    iterator: str | None


def wall_clock_ms() -> int:
    """Return the present by this machine's clock, in ms since the epoch."""
    return time.time_ns() // 1_000_000


class KinesisStream:
    """One Kinesis stream. Sequence numbers are Kinesis' own, as integers."""

    def __init__(
        self,
        session: AwsSession,
        *,
        backoff: Backoff | None = None,
        clock: Callable[[], int] = wall_clock_ms,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            session: names the stream and makes the client.
            backoff: waits and attempts after failures.
            clock: milliseconds since the epoch, for lags.
            monotonic: seconds, for keeping within the reads a shard takes.
            sleep: waits so many seconds between reads.
        """
        self.name = session.require("stream_name")
        self._client = session.client("kinesis")
        self._backoff = backoff or Backoff()
        self._clock, self._monotonic, self._sleep = clock, monotonic, sleep
        self._places: dict[str, _Place] = {}
        self._next_read_s: dict[str, float] = {}

    # --- appending ---

    def put(self, records: Sequence[OutgoingRecord]) -> Sequence[Placed | NotPlaced]:
        """Append the records; answer one result per record, in order. Kinesis notes its own arrival time.

        A record may be on the stream twice when an answer was lost, or when an earlier record of its key had
        to be sent again; the last copies of a key's records are in order. A record answered as not placed
        because an earlier one of its key was not may be there too: putting both again is right.

        Raises:
            Denied, InvalidSetting, InvalidInput: none was placed, and trying again will not help.
        """
        return Sending(records, self._put_records, self._backoff).run()

    def _put_records(self, entries: list[dict[str, object]]) -> Sequence[dict[str, Any]]:
        with aws_errors("kinesis:PutRecords", f"stream {self.name}"):
            results: Sequence[dict[str, Any]] = self._client.put_records(StreamName=self.name, Records=entries)[
                "Records"
            ]
        return results

    # --- reading ---

    def shards(self) -> Sequence[KinesisShard]:
        """Return all shards that still hold records: parents before children, then by hash range."""
        listed: list[Mapping[str, Any]] = []
        request: dict[str, object] = {"StreamName": self.name, "MaxResults": LISTED_SHARDS}
        while True:
            answer = self._call("ListShards", **request)
            listed += answer["Shards"]
            if not answer.get("NextToken"):
                break
            request = {"NextToken": answer["NextToken"], "MaxResults": LISTED_SHARDS}
        return in_order([shard_of(entry) for entry in listed])

    def read(
        self, shard_id: str, after: int, limit: int, max_bytes: int | None = None, *, from_ms: int | None = None
    ) -> Sequence[StreamRecord]:
        """Return the next records of the shard, ascending; empty at its end.

        Args:
            shard_id: one of `shards()`.
            after: the sequence number after which to read; 0 for the oldest.
            limit: at most this many records, of which one call brings 10,000 or 10 MB.
            max_bytes: stop before the payloads exceed this, but return at least one record.
            from_ms: with `after` 0, begin with what arrived then or later instead of the oldest.
        """
        place = self._places.pop(shard_id, None)
        if after <= 0 and from_ms is not None:
            place = _Place(after, self._iterator(shard_id, _iterator_at(from_ms)))
        elif place is None or place.after != after:
            place = _Place(after, self._iterator_after(shard_id, after))
        found, iterator = self._next_records(shard_id, place, limit)
        fitting = found if max_bytes is None else _fitting(found, max_bytes)
        if len(fitting) == len(found):
            self._places[shard_id] = _Place(found[-1].sequence_number if found else after, iterator)
        return fitting

    def between(self, shard_id: str, first: int, last: int) -> Sequence[StreamRecord]:
        """Return the records with these sequence numbers, ends inclusive, that the stream still holds."""
        found: list[StreamRecord] = []
        iterator: str | None
        try:
            start = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": str(first)}
            iterator = self._iterator(shard_id, start)
        except InvalidInput:  # trimmed away: what is left begins later
            iterator = self._iterator(shard_id, _ITERATOR_OF_ALL)
        except InvalidSetting:  # the shard itself is gone, long after a resharding
            return []
        while iterator is not None and (not found or found[-1].sequence_number < last):
            place = _Place(found[-1].sequence_number if found else 0, iterator)
            read, iterator = self._next_records(shard_id, place, MAX_READ_RECORDS)
            found += read
            if not read:
                break
        return [record for record in found if first <= record.sequence_number <= last]

    def behind(self, shard_id: str, after: int, *, now_ms: int | None = None) -> Lag:
        """Return how far a reader that has read up to `after` is behind; `now_ms` None: by the clock given."""
        found, iterator = self._next_records(shard_id, _Place(after, self._iterator_after(shard_id, after)), 1)
        if not found:
            return Lag(0, 0)
        now = self._clock() if now_ms is None else now_ms
        more, _ = self._next_records(shard_id, _Place(found[0].sequence_number, iterator), 1)
        return Lag(None if more else 1, max(0, now - found[0].arrival_ms))

    def tip(self, shard_id: str) -> int:
        """Return the sequence number of the shard's last record, 0 when it holds none.

        Kinesis does not tell: the last minute is read to its end, when that is empty the last hour, then all.
        """
        last = self._last_record(shard_id)
        return last.sequence_number if last else 0

    def last_arrival_ms(self) -> int:
        """Return the latest arrival time of the records the stream holds, 0 when it holds none."""
        last = [self._last_record(shard.shard_id) for shard in self.shards()]
        return max((record.arrival_ms for record in last if record), default=0)

    def recent_arrival_ms(self) -> int:
        """Return the latest arrival time of the last hour's records, 0 when nothing arrived: cheap to ask."""
        last = [self._last_record(shard.shard_id, recent=True) for shard in self.shards()]
        return max((record.arrival_ms for record in last if record), default=0)

    def arn(self) -> str:
        """Return the stream's Amazon resource name."""
        summary = self._call("DescribeStreamSummary", StreamName=self.name)["StreamDescriptionSummary"]
        return str(summary["StreamARN"])

    def _last_record(self, shard_id: str, *, recent: bool = False) -> StreamRecord | None:
        now = self._clock()
        starts = [_iterator_at(now - recent_ms) for recent_ms in _RECENT_MS]
        if not recent:
            starts.append(_ITERATOR_OF_ALL)
        for start in starts:
            last: StreamRecord | None = None
            iterator: str | None = self._iterator(shard_id, start)
            while iterator is not None:
                place = _Place(last.sequence_number if last else 0, iterator)
                found, iterator = self._next_records(shard_id, place, MAX_READ_RECORDS)
                if not found:
                    break
                last = found[-1]
            if last is not None:
                return last
        return None

    def _next_records(self, shard_id: str, place: _Place, limit: int) -> tuple[Sequence[StreamRecord], str | None]:
        """Return records, and the iterator after them; no records: the shard's present end."""
        iterator = place.iterator
        for _ in range(_EMPTY_READS):
            if iterator is None:
                return [], None
            try:
                answer = self._get_records(shard_id, iterator, limit)
            except TruckstreamError as error:
                if code_of(error) != "ExpiredIteratorException":  # they last five minutes
                    raise
                iterator = self._iterator_after(shard_id, place.after)
                continue
            iterator = answer.get("NextShardIterator") or None
            found = [_record(shard_id, entry) for entry in answer["Records"]]
            if found or not answer.get("MillisBehindLatest"):
                return found, iterator
        raise Unavailable(f"stream {self.name}, {shard_id}: {_EMPTY_READS} reads in a row brought nothing")

    def _get_records(self, shard_id: str, iterator: str, limit: int) -> Mapping[str, Any]:
        now_s = self._monotonic()
        wait_s = self._next_read_s.get(shard_id, now_s) - now_s
        if wait_s > 0:
            self._sleep(wait_s)
        self._next_read_s[shard_id] = now_s + max(wait_s, 0.0) + 1 / READS_PER_SECOND
        return self._call("GetRecords", ShardIterator=iterator, Limit=min(limit, MAX_READ_RECORDS))

    def _iterator_after(self, shard_id: str, after: int) -> str | None:
        if after <= 0:
            return self._iterator(shard_id, _ITERATOR_OF_ALL)
        start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": str(after)}
        return self._iterator(shard_id, start)

    def _iterator(self, shard_id: str, start: Mapping[str, object]) -> str | None:
        answer = self._call("GetShardIterator", StreamName=self.name, ShardId=shard_id, **start)
        return answer.get("ShardIterator") or None

    def _call(self, operation: str, **arguments: object) -> Mapping[str, Any]:
        """Call a reading operation, trying again after retryable failures."""
        method = getattr(self._client, _METHODS[operation])
        failures = 0
        while True:
            try:
                with aws_errors(f"kinesis:{operation}", f"stream {self.name}"):
                    answer: Mapping[str, Any] = method(**arguments)
                    return answer
            except TruckstreamError as error:
                failures += 1
                lasting = not error.retryable or code_of(error).startswith("Expired")
                if lasting or failures >= self._backoff.attempts:
                    raise
                self._backoff.pause(failures)


_METHODS: Final = {
    "ListShards": "list_shards",
    "GetShardIterator": "get_shard_iterator",
    "GetRecords": "get_records",
    "DescribeStreamSummary": "describe_stream_summary",
}
_ITERATOR_OF_ALL: Final = {"ShardIteratorType": "TRIM_HORIZON"}


def _iterator_at(timestamp_ms: int) -> Mapping[str, object]:
    instant = datetime.fromtimestamp(max(0, timestamp_ms) / 1000, UTC)
    return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": instant}


def _record(shard_id: str, entry: Mapping[str, Any]) -> StreamRecord:
    arrival: datetime = entry["ApproximateArrivalTimestamp"]
    return StreamRecord(
        shard_id,
        int(entry["SequenceNumber"]),
        round(arrival.timestamp() * 1000),
        entry["PartitionKey"],
        entry["Data"],
    )


def _fitting(records: Sequence[StreamRecord], max_bytes: int) -> Sequence[StreamRecord]:
    total = 0
    for count, record in enumerate(records):
        total += len(record.data)
        if total > max_bytes:
            return records[: max(1, count)]
    return records
