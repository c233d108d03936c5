"""How long to wait before trying again: exponential, with full jitter.

The wait is drawn evenly between 0 and the ceiling, so that many clients throttled together do not come back
together (AWS Architecture Blog, "Exponential Backoff And Jitter").
"""

import random
import time
from collections.abc import Callable
from typing import Final

FIRST_CEILING_S: Final = 0.1
LAST_CEILING_S: Final = 5.0
ATTEMPTS: Final = 10
"""With the ceilings above: 13 s of waiting on average, 26 s at most, before an adapter gives up."""


class Backoff:
    """Bounded attempts, and the waits between them. `rng` and `sleep` are given by tests."""

    def __init__(
        self,
        attempts: int = ATTEMPTS,
        *,
        rng: random.Random | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.attempts = attempts
        self._rng = rng or random.Random()
        self._sleep = sleep

    def pause(self, failures: int) -> None:
        """Wait after so many failures in a row, counted from 1."""
        ceiling_s = min(LAST_CEILING_S, FIRST_CEILING_S * 2 ** min(failures - 1, 30))
        self._sleep(self._rng.uniform(0, ceiling_s))
