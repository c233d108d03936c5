"""How often someone may come: a bucket that fills at a steady rate, for each of a bounded number of callers."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from truckstream.http.problems import SlowDown

REMEMBERED: Final = 10_000


class RateLimit:
    """`per_s` times a second, up to `burst` at once. Whoever was away longest is forgotten first, as if rested.

    Args:
        per_s: how fast a bucket fills.
        burst: how much it holds.
        clock: seconds, growing.
    """

    def __init__(self, per_s: float, burst: float, clock: Callable[[], float]) -> None:
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str) -> None:
        """Take one from the caller's bucket. Raises SlowDown, saying for how long, when it is empty."""
        left = self._left(who)
        if left < 1:
            raise SlowDown("too many requests", after_s=(1 - left) / self._per_s)
        self._keep(who, left - 1)

    def check(self, who: str) -> None:
        """Raise SlowDown when the caller's bucket is empty, without taking anything."""
        left = self._left(who)
        if left < 1:
            raise SlowDown("too many failed attempts", after_s=(1 - left) / self._per_s)

    def _left(self, who: str) -> float:
        left, at_s = self._buckets.get(who, (self._burst, self._clock()))
        return min(self._burst, left + (self._clock() - at_s) * self._per_s)

    def _keep(self, who: str, left: float) -> None:
        self._buckets[who] = (left, self._clock())
        self._buckets.move_to_end(who)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
