"""A lease in the archive's bucket: whoever holds it is the only one at work, until it gives it back or it runs out.

S3's conditional writes make it: created only when there is none, taken over or prolonged only when nobody else
did so meanwhile.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any, Final, Self

import msgspec

from truckstream.aws.archive import get_object
from truckstream.aws.errors import aws_errors, code_of
from truckstream.consumers.archive_keys import POSITIONS
from truckstream.core.errors import TruckstreamError, Unavailable
from truckstream.core.instants import format_instant

LEASE_MS: Final = 15 * 60_000
"""As long as a Lambda invocation may take: a holder that died holds up nobody for longer."""

_TAKEN: Final = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


class _Held(msgspec.Struct, frozen=True):
    holder: str
    until_ms: int


class BucketLease:
    """Use as a context manager; `renew` when the work may outlast `LEASE_MS`.

    Args:
        client: a boto3 client of S3.
        bucket: its name.
        what: names the lease, `positions/_<what>.json`, and the work in messages. Readers of such folders take
            files whose names begin so for none of theirs.
        clock: milliseconds since the epoch.
    """

    def __init__(
        self, client: Any, bucket: str, what: str, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    ) -> None:
        self._client, self._bucket, self._what, self._clock = client, bucket, what, clock
        self._key = f"{POSITIONS}_{what}.json"
        self._holder = uuid.uuid4().hex
        self._tag, self._until_ms = "", 0

    def __enter__(self) -> Self:
        """Take the lease. Raises Unavailable while another holds it."""
        if self._write(IfNoneMatch="*"):
            return self
        if self._is_ours():  # an answer was lost, and the write repeated
            return self
        held, tag = self._read()
        if held is not None and held.until_ms > self._clock():
            raise self._in_use(held.until_ms)
        if not self._write(**({"IfMatch": tag} if held is not None else {"IfNoneMatch": "*"})):
            raise self._in_use(self._clock() + LEASE_MS)
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back, if it is still ours."""
        held, _tag = self._read()
        if held is not None and held.holder == self._holder:
            with aws_errors("s3:DeleteObject", self._named()):
                self._client.delete_object(Bucket=self._bucket, Key=self._key)

    def renew(self) -> None:
        """Prolong the lease when a third of it has passed. Raises Unavailable when it ran out and another has it."""
        if self._clock() < self._until_ms - LEASE_MS * 2 // 3:
            return
        if not self._write(IfMatch=self._tag) and not self._is_ours():
            raise Unavailable(f"{self._what}: another has taken over", hint="Let it finish, then try again.")

    def _write(self, **condition: str) -> bool:
        until_ms = self._clock() + LEASE_MS
        data = msgspec.json.encode(_Held(self._holder, until_ms))
        try:
            with aws_errors("s3:PutObject", self._named()):
                answer = self._client.put_object(Bucket=self._bucket, Key=self._key, Body=data, **condition)
        except TruckstreamError as error:
            if code_of(error) in _TAKEN or (code_of(error) in ("NoSuchKey", "404") and "IfMatch" in condition):
                return False
            raise
        self._tag, self._until_ms = str(answer["ETag"]), until_ms
        return True

    def _is_ours(self) -> bool:
        held, tag = self._read()
        if held is None or held.holder != self._holder:
            return False
        self._tag, self._until_ms = tag, held.until_ms
        return True

    def _read(self) -> tuple[_Held | None, str]:
        with aws_errors("s3:HeadObject", self._named()):
            try:
                tag = str(self._client.head_object(Bucket=self._bucket, Key=self._key)["ETag"])
            except self._client.exceptions.ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("404", "NoSuchKey", "NotFound"):
                    return None, ""
                raise
        try:
            return msgspec.json.decode(get_object(self._client, self._bucket, self._key), type=_Held), tag
        except KeyError:
            return None, ""

    def _in_use(self, until_ms: int) -> Unavailable:
        return Unavailable(
            f"{self._what} is running elsewhere, until {format_instant(until_ms)} at the latest",
            hint="Let it finish, then try again.",
        )

    def _named(self) -> str:
        return f"bucket {self._bucket}, {self._key}"
