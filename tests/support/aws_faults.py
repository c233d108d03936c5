"""A scripted botocore client: failures by plan, where no installable part of AWS would fail.

Failures come from below botocore's own retries (as an HTTP answer, or as a connection error), so that what
handles them in production handles them here; everything else goes on to moto or a local server.
"""

import json
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any

import botocore.exceptions
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

THROTTLED = "ProvisionedThroughputExceededException"
EXPIRED = "ExpiredTokenException"

type Chooser = Callable[[Sequence[dict[str, Any]]], set[int]]


class AwsFaults:
    """Put on a client, lets its next calls fail as told. `calls`: operations sent, failures included."""

    def __init__(self, client: Any) -> None:
        self.calls: list[str] = []
        self._service = client.meta.service_model.service_id.hyphenize()
        self._protocol = client.meta.service_model.protocol
        self._planned: dict[str, deque[Callable[[], AWSResponse | None]]] = {}
        self._lost: Counter[str] = Counter()
        client.meta.events.register_first(f"before-send.{self._service}", self._before_send)
        client.meta.events.register_last(f"after-call.{self._service}", self._after_call)

    def fail(self, operation: str, code: str, *, status: int = 400, message: str = "scripted", times: int = 1) -> None:
        """Let the next calls of the operation be answered with this error code, without effect."""
        self._plan(operation, lambda: self._answer(code, status, message), times)

    def time_out(self, operation: str, *, times: int = 1) -> None:
        """Let the next calls of the operation not be answered in time, without effect."""
        self._plan(operation, self._time_out, times)

    def answer(self, operation: str, body: dict[str, Any]) -> None:
        """Let the next call be answered with this JSON, without effect."""
        answered = _Answered(f"https://{self._service}.scripted", 200, json.dumps(body).encode())
        self._plan(operation, lambda: answered, 1)

    def interrupt(self, operation: str) -> None:
        """Let the user press Ctrl-C during the next call."""
        self._plan(operation, self._interrupt, 1)

    def pass_on(self, operation: str, *, times: int = 1) -> None:
        """Let the next calls go well, before failures planned afterwards."""
        self._plan(operation, lambda: None, times)

    def lose_answer(self, operation: str, *, times: int = 1) -> None:
        """Let the next calls that are sent take effect, but their answers not arrive in time."""
        self._lost[operation] += times

    def clear(self) -> None:
        """Let everything go well from now on."""
        self._planned.clear()
        self._lost.clear()

    def _plan(self, operation: str, act: Callable[[], AWSResponse | None], times: int) -> None:
        self._planned.setdefault(operation, deque()).extend([act] * times)

    def _before_send(self, request: Any, event_name: str, **_: object) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        self.calls.append(operation)
        planned = self._planned.get(operation)
        answer = planned.popleft()() if planned else None
        if answer is not None:  # moto listens to the same event: an address it does not know leaves it out
            request.url = answer.url
        return answer

    def _after_call(self, event_name: str, **_: object) -> None:
        operation = event_name.rpartition(".")[2]
        if self._lost[operation]:
            self._lost[operation] -= 1
            self._time_out()

    def _time_out(self) -> AWSResponse | None:
        raise botocore.exceptions.ReadTimeoutError(endpoint_url=f"https://{self._service}.scripted")

    def _interrupt(self) -> AWSResponse | None:
        raise KeyboardInterrupt

    def _answer(self, code: str, status: int, message: str) -> AWSResponse:
        if self._protocol == "json":
            body = json.dumps({"__type": code, "message": message})
        elif self._protocol == "rest-xml":
            body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        else:
            body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        return _Answered(f"https://{self._service}.scripted", status, body.encode())


class PartialPuts:
    """Lets PutRecords of a client refuse some records of each request, and take the others.

    `choose` says which entries of a request are refused; `requests` lists the entries of every request sent.
    """

    def __init__(self, client: Any, choose: Chooser, *, code: str = THROTTLED) -> None:
        self.choose: Chooser | None = choose
        self.requests: list[list[dict[str, Any]]] = []
        self._code = code
        self._entries: list[dict[str, Any]] = []
        self._refused: set[int] = set()
        events = client.meta.events
        events.register("before-parameter-build.kinesis.PutRecords", self._take_out)
        events.register("before-call.kinesis.PutRecords", self._refuse_all)
        events.register("after-call.kinesis.PutRecords", self._merge)

    def _take_out(self, params: dict[str, Any], **_: object) -> None:
        self._entries = list(params["Records"])
        self.requests.append(self._entries)
        self._refused = self.choose(self._entries) if self.choose else set()
        kept = [entry for place, entry in enumerate(self._entries) if place not in self._refused]
        if kept:
            params["Records"] = kept

    def _refuse_all(self, **_: object) -> tuple[Any, dict[str, Any]] | None:
        if len(self._refused) < len(self._entries):
            return None
        return _Answered("https://kinesis.scripted", 200, b"{}"), {"Records": []}

    def _merge(self, parsed: dict[str, Any], **_: object) -> None:
        if not self._refused or "Records" not in parsed:
            return
        taken = iter(parsed["Records"])
        refusal = {"ErrorCode": self._code, "ErrorMessage": "scripted"}
        parsed["Records"] = [
            dict(refusal) if place in self._refused else next(taken) for place in range(len(self._entries))
        ]
        parsed["FailedRecordCount"] = len(self._refused)


def share_of_records(share: float, seed: int) -> Chooser:
    """Refuse about this share of the records, drawn anew for every request."""
    rng = random.Random(seed)
    return lambda entries: {place for place in range(len(entries)) if rng.random() < share}


class _Answered(AWSResponse):
    """An answer whose body is there already."""

    def __init__(self, url: str, status: int, body: bytes) -> None:
        super().__init__(url, status, HTTPHeaders(), None)
        self._content = body
