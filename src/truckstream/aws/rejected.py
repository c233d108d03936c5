"""Records set aside, in the archive's bucket: implements `ports.RejectedStore` on S3.

One JSON object per entry, `rejected/date=<arrival>/<shard>/<sequence>.<index>.json`, written only when it is
not there yet: the first stays. What was put on the stream again moves to `redriven/` under the same name; a
late redelivery that writes the old name again is recognised there and stays unlisted.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import batched
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

import msgspec

from truckstream.aws.archive import checksum, delete_objects, get_object, list_objects
from truckstream.aws.errors import aws_errors, code_of
from truckstream.aws.session import AwsSession
from truckstream.core.errors import TruckstreamError
from truckstream.core.instants import date_of, format_instant
from truckstream.ports import RejectedRecord

WAITING: Final = "rejected/"
REDRIVEN: Final = "redriven/"
PARALLEL_CALLS: Final = 16
"""A batch of 10,000 bad records takes two calls each: about 20 s in parallel, five minutes one by one."""

_LONGEST_SHARD: Final = 600  # characters in a key, of the 1,024 bytes S3 allows; sources have long names
_EXISTS: Final = ("PreconditionFailed", "412")


class _Entry(msgspec.Struct, frozen=True):
    """The JSON object. Sequence numbers have 56 digits: text, so that every reader can hold them."""

    shard_id: str
    sequence_number: str
    index: int
    reason: str
    arrival: str
    arrival_ms: int
    partition_key: str
    payload_base64: bytes  # msgspec writes bytes as base64


class _Place(NamedTuple):
    shard: str
    sequence_number: int
    record_index: int


class S3Rejected:
    """The rejected store of one bucket. Threads may share it."""

    def __init__(self, session: AwsSession) -> None:
        self.bucket = session.require("bucket")
        self._client = session.client("s3")

    def check(self) -> None:
        """Raise what would keep `put` from finding the bucket, before there is something to lose."""
        with aws_errors("s3:ListBucket", f"bucket {self.bucket}"):
            self._client.head_bucket(Bucket=self.bucket)

    def put(self, records: Sequence[RejectedRecord]) -> None:
        """Keep the records durably; entries that are there already are left as they are.

        Raises a retryable error when some may be missing; repeating the call is safe.
        """
        firsts: dict[str, RejectedRecord] = {}
        for record in records:
            firsts.setdefault(_name(record), record)
        _in_parallel(self._put_first, list(firsts.items()))

    def list(
        self, *, include_redriven: bool = False, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[RejectedRecord]:
        """Yield entries with `from_ms <= arrival_ms < to_ms`, ordered by (shard_id, sequence_number, index).

        An object's name says on which date it arrived: those of other dates are not read.
        """
        waiting, redriven = self._keys()
        keys = {place: key for place, key in waiting.items() if place not in redriven}
        if include_redriven:
            keys |= redriven
        keys = {place: key for place, key in keys.items() if _arrived_about(key, from_ms, to_ms)}
        with ThreadPoolExecutor(PARALLEL_CALLS) as pool:
            for part in batched(sorted(keys), PARALLEL_CALLS):
                for record in pool.map(self._read, [keys[place] for place in part]):
                    if record is not None and _within(record.arrival_ms, from_ms, to_ms):
                        yield record

    def count(self) -> int:
        """Return how many entries wait (not redriven)."""
        waiting, redriven = self._keys()
        return len(waiting.keys() - redriven.keys())

    def mark_redriven(self, records: Sequence[RejectedRecord]) -> None:
        """Move the entries to `redriven/`; they stay listed with `include_redriven`."""
        names = list(dict.fromkeys(_name(record) for record in records))
        moved = [name for name, found in zip(names, _in_parallel(self._copy, names), strict=True) if found]
        for part in batched(moved, 1000):
            delete_objects(self._client, self.bucket, [WAITING + name for name in part])

    def _put_first(self, named: tuple[str, RejectedRecord]) -> None:
        name, record = named
        if self._is_redriven(name):
            return
        data = msgspec.json.encode(_entry(record))
        try:
            with aws_errors("s3:PutObject", self._named(WAITING + name)):
                self._client.put_object(
                    Bucket=self.bucket,
                    Key=WAITING + name,
                    Body=data,
                    ContentType="application/json",
                    ChecksumSHA256=checksum(data),
                    IfNoneMatch="*",
                )
        except TruckstreamError as error:
            if code_of(error) not in _EXISTS:
                raise

    def _is_redriven(self, name: str) -> bool:
        try:
            with aws_errors("s3:HeadObject", self._named(REDRIVEN + name)):
                self._client.head_object(Bucket=self.bucket, Key=REDRIVEN + name)
                return True
        except TruckstreamError as error:
            if code_of(error) not in ("404", "NoSuchKey", "NotFound"):
                raise
            return False

    def _copy(self, name: str) -> bool:
        """Copy a waiting entry to the redriven ones; False when it does not wait."""
        try:
            with aws_errors("s3:CopyObject", self._named(WAITING + name)):
                self._client.copy_object(
                    Bucket=self.bucket,
                    Key=REDRIVEN + name,
                    CopySource={"Bucket": self.bucket, "Key": WAITING + name},
                )
                return True
        except TruckstreamError as error:
            if code_of(error) not in ("NoSuchKey", "404"):
                raise
            return False

    def _keys(self) -> tuple[dict[_Place, str], dict[_Place, str]]:
        """Return the keys of waiting and of redriven entries; of a place with several, the first date's."""
        found = []
        for prefix in (WAITING, REDRIVEN):
            places: dict[_Place, str] = {}
            for entry in list_objects(self._client, self.bucket, prefix):
                place = _place(entry["Key"])
                if place is not None:
                    places.setdefault(place, entry["Key"])
            found.append(places)
        return found[0], found[1]

    def _read(self, key: str) -> RejectedRecord | None:
        for each in (key, key.replace(WAITING, REDRIVEN, 1)):  # it may be moved while we list
            try:
                return _record(get_object(self._client, self.bucket, each))
            except KeyError:
                continue
        return None

    def _named(self, key: str) -> str:
        return f"bucket {self.bucket}, {key}"


def _in_parallel[Item, Result](work: Callable[[Item], Result], items: Sequence[Item]) -> Sequence[Result]:
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(PARALLEL_CALLS, len(items))) as pool:
        return [*pool.map(work, items)]


def _name(record: RejectedRecord) -> str:
    """Return the entry's key without the prefix that says whether it waits."""
    shard = quote(_storable(record.shard_id), safe="")
    if len(shard) > _LONGEST_SHARD:
        shard = f"{shard[:_LONGEST_SHARD].rpartition('%')[0]}~{sha256(shard.encode()).hexdigest()[:16]}"
    return f"date={date_of(record.arrival_ms)}/{shard}/{record.sequence_number}.{record.index}.json"


def _place(key: str) -> _Place | None:
    """Return what a key stands for, None when it is no entry's."""
    try:
        _, _, shard, name = key.split("/")
        sequence, index, ending = name.split(".")
        place = _Place(unquote(shard), int(sequence), int(index))
    except ValueError:
        return None  # someone else's object
    return place if ending == "json" else None


def _arrived_about(key: str, from_ms: int | None, to_ms: int | None) -> bool:
    """Return whether the key's date is one of the period's."""
    date = key.split("/")[1].removeprefix("date=")
    return (from_ms is None or date >= date_of(from_ms)) and (to_ms is None or date <= date_of(to_ms))


def _within(ms: int, from_ms: int | None, to_ms: int | None) -> bool:
    return (from_ms is None or ms >= from_ms) and (to_ms is None or ms < to_ms)


def _entry(record: RejectedRecord) -> _Entry:
    return _Entry(
        _storable(record.shard_id),
        str(record.sequence_number),
        record.index,
        _storable(record.reason),
        format_instant(record.arrival_ms),
        record.arrival_ms,
        _storable(record.partition_key),
        record.payload,
    )


def _record(data: bytes) -> RejectedRecord:
    entry = msgspec.json.decode(data, type=_Entry)
    return RejectedRecord(
        entry.shard_id,
        int(entry.sequence_number),
        entry.index,
        entry.reason,
        entry.payload_base64,
        entry.arrival_ms,
        entry.partition_key,
    )


def _storable(text: str) -> str:
    """JSON and S3 take no lone surrogates, which a broken device may well send."""
    return text.encode(errors="replace").decode()
