"""One DynamoDB table as the stores use it: consistent reads, conditional writes, many small calls at once.

Every call's errors leave as our error tree. A condition that does not hold is an answer, not an error. botocore
repeats calls that got no answer, so a write may meet itself: the stores mark their writes to recognise that.
"""

import random
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec
from botocore.exceptions import ClientError

from truckstream.aws.errors import aws_errors, error_of_code
from truckstream.core.errors import Throttled, TruckstreamError

type Item = dict[str, dict[str, Any]]
"""An item as the wire has it: {"truck_id": {"S": "TRK-001"}, ...}."""

AT_ONCE: Final = 16
GIVE_UP_AFTER: Final = 32
"""Failures in a row after which the rest of a batch is not tried: the table, not a truck, is in trouble."""
KEYS_PER_GET: Final = 100
WRITES_PER_BATCH: Final = 25
ACTIONS_PER_TRANSACTION: Final = 100
LARGEST_ITEM_BYTES: Final = 400 * 1024
TRIES: Final = 8
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_COMPRESSED_FROM_BYTES: Final = 1024  # a write is charged by the kB


class Refused(msgspec.Struct, frozen=True):
    """Why a write, or one action of a transaction, was not done, and the stored item if it was asked for."""

    code: str
    message: str = ""
    stored: Item = {}

    @property
    def by_condition(self) -> bool:
        """Whether its own condition did not hold."""
        return self.code == "ConditionalCheckFailed"


class Table:
    """A table, by its client and name.

    Args:
        client: a boto3 client of DynamoDB; threads share it.
        name: the table's name.
        kind: "positions" or "geofences"; messages name the environment variable by it.
        at_once: how many calls run at the same time.
        pause: sleeps that many seconds.
    """

    def __init__(
        self,
        client: Any,
        name: str,
        kind: str,
        *,
        at_once: int = AT_ONCE,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._client = client
        self._resource = f"{kind} table {name}"
        self._at_once = at_once
        self._pause = pause

    # --- reading ----------------------------------------------------------------------------------------

    def get(self, key: Item) -> Item | None:
        """Return an item, None when there is none."""
        with aws_errors("dynamodb:GetItem", self._resource):
            answer = self._client.get_item(TableName=self.name, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def get_many(self, keys: Sequence[Item]) -> list[Item]:
        """Return the items that exist, in any order. Keys must differ."""
        parts = [keys[start : start + KEYS_PER_GET] for start in range(0, len(keys), KEYS_PER_GET)]
        if len(parts) <= 1:
            return [item for part in parts for item in self._get_part(part)]
        with ThreadPoolExecutor(min(self._at_once, len(parts))) as pool:
            return [item for items in pool.map(self._get_part, parts) for item in items]

    def query(self, condition: str, values: Item, **options: Any) -> Iterator[Item]:
        """Yield the items of a key condition, page by page; strongly consistent unless an index is asked."""
        if "IndexName" not in options:
            options["ConsistentRead"] = True
        yield from self._pages(
            "dynamodb:Query", KeyConditionExpression=condition, ExpressionAttributeValues=values, **options
        )

    def count(self, condition: str, values: Item, **options: Any) -> int:
        """Return how many items a key condition has."""
        total = 0
        more: dict[str, Any] = {}
        while True:
            with aws_errors("dynamodb:Query", self._resource):
                answer = self._client.query(
                    TableName=self.name,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    Select="COUNT",
                    **options,
                    **more,
                )
            total += int(answer["Count"])
            if not answer.get("LastEvaluatedKey"):
                return total
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def scan(self, *, consistent: bool = True) -> Iterator[Item]:
        """Yield all items, in no order; at half the price some may be as they were a second ago."""
        yield from self._pages("dynamodb:Scan", ConsistentRead=consistent)

    # --- writing ----------------------------------------------------------------------------------------

    def put(self, item: Item, condition: str, values: Item | None = None) -> Refused | None:
        """Write an item if the condition holds; else return the one that is there."""
        given = {"ExpressionAttributeValues": values} if values else {}
        with aws_errors("dynamodb:PutItem", self._resource):
            try:
                self._client.put_item(
                    TableName=self.name,
                    Item=item,
                    ConditionExpression=condition,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **given,
                )
            except ClientError as error:
                if _code(error) != "ConditionalCheckFailedException":
                    raise
                return Refused("ConditionalCheckFailed", stored=_response(error).get("Item", {}))
        return None

    def update(self, key: Item, change: str, condition: str, values: Item, **options: Any) -> Item | None:
        """Change an item if the condition holds and return all of it; None when it did not."""
        with aws_errors("dynamodb:UpdateItem", self._resource):
            try:
                answer = self._client.update_item(
                    TableName=self.name,
                    Key=key,
                    UpdateExpression=change,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ReturnValues="ALL_NEW",
                    **options,
                )
            except ClientError as error:
                if _code(error) == "ConditionalCheckFailedException":
                    return None
                raise
        item: Item = answer["Attributes"]
        return item

    def delete(self, key: Item, condition: str = "", values: Item | None = None) -> bool:
        """Remove an item if the condition holds; one that is gone already is fine. Return whether it held."""
        given: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if values:
            given["ExpressionAttributeValues"] = values
        with aws_errors("dynamodb:DeleteItem", self._resource):
            try:
                self._client.delete_item(TableName=self.name, Key=key, **given)
            except ClientError as error:
                if _code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def put_action(self, item: Item, condition: str = "", values: Item | None = None) -> dict[str, Any]:
        """Return a write to be done by `transact`."""
        action: dict[str, Any] = {"TableName": self.name, "Item": item}
        if condition:
            action |= {"ConditionExpression": condition, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if values:
            action["ExpressionAttributeValues"] = values
        return {"Put": action}

    def transact(self, actions: Sequence[dict[str, Any]], token: str) -> tuple[Refused, ...]:
        """Do all of the actions or none; return () when done, else one reason per action (code "None": no fault).

        `token` makes the same call, sent twice, happen once. Conflicts with another writer are waited out; raises
        Throttled when they do not end.
        """
        for attempt in range(TRIES):
            with aws_errors("dynamodb:TransactWriteItems", self._resource):
                try:
                    self._client.transact_write_items(TransactItems=list(actions), ClientRequestToken=token)
                    return ()
                except ClientError as error:
                    if _code(error) != "TransactionCanceledException":
                        raise
                    reasons = tuple(
                        Refused(each.get("Code", "None"), each.get("Message", ""), each.get("Item", {}))
                        for each in _response(error).get("CancellationReasons", [])
                    )
                    last = error
            if any(reason.by_condition for reason in reasons):
                return reasons
            self._raise_if_hopeless(reasons)
            self._wait(attempt)
        raise Throttled(f"dynamodb:TransactWriteItems on {self._resource} met other writers: {last}") from last

    def write_many(self, requests: Sequence[dict[str, Any]]) -> None:
        """Put and delete without conditions ({"PutRequest": ...}); several calls, so not atomic. Keys must differ.

        Raises Throttled when some are left unwritten.
        """
        for start in range(0, len(requests), WRITES_PER_BATCH):
            left = list(requests[start : start + WRITES_PER_BATCH])
            for attempt in range(TRIES):
                with aws_errors("dynamodb:BatchWriteItem", self._resource):
                    answer = self._client.batch_write_item(RequestItems={self.name: left})
                left = answer.get("UnprocessedItems", {}).get(self.name, [])
                if not left:
                    break
                self._wait(attempt)
            else:
                raise Throttled(f"dynamodb:BatchWriteItem on {self._resource} left {len(left)} items unwritten")

    def each[Work](self, work: Sequence[Work], write: Callable[[Work], bool]) -> list[bool]:
        """Run `write` for each, several at once, and return what they returned; False for a retryable failure.

        Raises the first failure that is not retryable, such as a missing permission.
        """
        in_a_row = 0

        def attempt(one: Work) -> bool:
            nonlocal in_a_row
            if in_a_row >= GIVE_UP_AFTER:
                return False
            try:
                done = write(one)
            except TruckstreamError as error:
                in_a_row = in_a_row + 1 if error.retryable else GIVE_UP_AFTER
                if error.retryable:
                    return False
                raise
            in_a_row = 0
            return done

        at_once = min(self._at_once, len(work))
        if at_once <= 1:
            return [attempt(one) for one in work]
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(attempt, work))

    # --- inside -----------------------------------------------------------------------------------------

    def _get_part(self, keys: Sequence[Item]) -> list[Item]:
        found: list[Item] = []
        left: Any = {self.name: {"Keys": list(keys), "ConsistentRead": True}}
        for attempt in range(TRIES):
            with aws_errors("dynamodb:BatchGetItem", self._resource):
                answer = self._client.batch_get_item(RequestItems=left)
            got = answer["Responses"].get(self.name, [])
            found += got
            left = answer.get("UnprocessedKeys")
            if not left:
                return found
            if not got:  # nothing at all came back: a page that was merely full needs no pause
                self._wait(attempt)
        raise Throttled(f"dynamodb:BatchGetItem on {self._resource} left keys unread {TRIES} times")

    def _pages(self, operation: str, **request: Any) -> Iterator[Item]:
        call = self._client.scan if operation == "dynamodb:Scan" else self._client.query
        while True:
            with aws_errors(operation, self._resource):
                answer = call(TableName=self.name, **request)
            yield from answer["Items"]
            start = answer.get("LastEvaluatedKey")
            if not start:
                return
            request["ExclusiveStartKey"] = start

    def _raise_if_hopeless(self, reasons: Sequence[Refused]) -> None:
        for reason in reasons:
            if reason.code not in ("None", ""):
                error = error_of_code(reason.code, reason.message, "dynamodb:TransactWriteItems", self._resource)
                if not error.retryable:
                    raise error

    def _wait(self, attempt: int) -> None:
        longest_s = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
        self._pause(longest_s * random.uniform(0.5, 1.0))


def text(value: str) -> dict[str, Any]:
    """Return a string attribute."""
    return {"S": value}


def number(value: float) -> dict[str, Any]:
    """Return a number attribute: the shortest decimal that reads back as the same float."""
    return {"N": repr(value)}


def pack(blob: bytes) -> dict[str, Any]:
    """Return a binary attribute of a msgpack or JSON blob, compressed where that saves write units."""
    return {"B": zlib.compress(blob, 1) if len(blob) >= _COMPRESSED_FROM_BYTES else blob}


def unpack(attribute: dict[str, Any]) -> bytes:
    """Return what was given to `pack`. Raises zlib.error when it is damaged."""
    blob = bytes(attribute["B"])
    # A msgpack map or a JSON text never begins with zlib's 0x78.
    return zlib.decompress(blob) if blob[:1] == b"\x78" else blob


def _response(error: ClientError) -> Any:
    return error.response


def _code(error: ClientError) -> str:
    return str(_response(error).get("Error", {}).get("Code", ""))
