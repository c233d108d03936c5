"""A clock that is moved by hand, and a script of what goes wrong when: the same faults at every run."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from truckstream.core.errors import TruckstreamError, Unavailable


class MovableClock:
    """A clock that stands still until told. Call it for "now" in ms since the epoch."""

    def __init__(self, now_ms: int = 0) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        """Return "now" in ms since the epoch."""
        return self.now_ms

    def advance(self, by_ms: int) -> int:
        """Move on by so many ms and return the new time."""
        self.now_ms += by_ms
        return self.now_ms


class SimulatedCrash(BaseException):
    """The process died here. Not an Exception, so that nothing under test can survive it by accident."""


class FaultScript:
    """Says which calls of the memory ports go wrong. Share one between ports to count their calls together.

    `calls` lists every call made so far, such as "presence.commit".
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._by_place: dict[int, tuple[BaseException, bool]] = {}
        self._by_name: dict[tuple[str, int], tuple[BaseException, bool]] = {}
        self._refused: Counter[tuple[str, str]] = Counter()
        self._counts: Counter[str] = Counter()

    def crash(self, place: int, *, after_effect: bool = False) -> None:
        """Die at the `place`-th call of all (from 1), before or after it took effect."""
        self._by_place[place] = (SimulatedCrash(f"call {place}"), after_effect)

    def fail(
        self,
        call: str,
        *,
        number: int = 1,
        error: TruckstreamError | None = None,
        after_effect: bool = False,
    ) -> None:
        """Let the `number`-th call of that name (from 1) raise, before or after it took effect."""
        self._by_name[call, number] = (error or Unavailable(f"scripted failure of {call}"), after_effect)

    def refuse(self, call: str, key: str, *, times: int = 1) -> None:
        """Let the next calls of that name answer that this key (a truck id) was not written."""
        self._refused[call, key] += times

    def clear(self) -> None:
        """Let everything go well from now on; `calls` stays."""
        self._by_place.clear()
        self._by_name.clear()
        self._refused.clear()

    def refuses(self, call: str, key: str) -> bool:
        """Return whether this key is to be refused now, and count it."""
        if self._refused[call, key] <= 0:
            return False
        self._refused[call, key] -= 1
        return True

    @contextmanager
    def during(self, call: str) -> Iterator[None]:
        """Count one call and raise what the script says, around the call's effect."""
        self.calls.append(call)
        self._counts[call] += 1
        planned = self._by_place.get(len(self.calls)) or self._by_name.get((call, self._counts[call]))
        if planned is not None and not planned[1]:
            raise planned[0]
        yield
        if planned is not None:
            raise planned[0]
