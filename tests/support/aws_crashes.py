"""Hooks on a botocore client for what no error code tells: a process that dies, an answer sent twice over."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ReadTimeoutError
from moto.core.models import botocore_stubber

from truckstream.testing import SimulatedCrash


class Crashes:
    """Counts the requests of a client and dies at one of them, before or after it took effect (in moto)."""

    def __init__(self, client: Any, service: str = "dynamodb") -> None:
        self.count = 0
        self._at = 0
        self._after_effect = False
        client.meta.events.register_first(f"before-send.{service}", self._before_send)

    def crash(self, at: int, *, after_effect: bool) -> None:
        """Die at the `at`-th request from now (from 1)."""
        self.count, self._at, self._after_effect = 0, at, after_effect

    def _before_send(self, request: Any, event_name: str, **_: object) -> None:
        self.count += 1
        if self.count == self._at:
            if self._after_effect:
                botocore_stubber(event_name, request)
            raise SimulatedCrash(event_name)


def send_twice(client: Any, operation: str, service: str = "dynamodb") -> None:
    """Let the next request of the operation take effect unanswered, so that botocore sends it again."""
    done: list[bool] = []

    def before_send(request: Any, event_name: str, **_: object) -> None:
        if not done:
            done.append(True)
            botocore_stubber(event_name, request)
            raise ReadTimeoutError(endpoint_url="https://scripted")

    client.meta.events.register_first(f"before-send.{service}.{operation}", before_send)


def before_next(client: Any, operation: str, act: Callable[[], object], service: str = "dynamodb") -> None:
    """Do something, once, just before the next request of the operation is sent."""
    waiting = [act]

    def before_send(**_: object) -> None:
        if waiting:
            waiting.pop()()

    client.meta.events.register_first(f"before-send.{service}.{operation}", before_send)
