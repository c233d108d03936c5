"""Work over the archive that takes a processor for seconds: a few at a time, the others are told to come again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from truckstream.http.problems import SlowDown

AT_ONCE: Final = 2
PATIENCE_S: Final = 10.0
_places = threading.BoundedSemaphore(AT_ONCE)


@contextmanager
def heavy(patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold one of the few places. Raises SlowDown when none becomes free in time."""
    if not _places.acquire(timeout=patience_s):
        raise SlowDown("too many questions to the archive at once", after_s=PATIENCE_S)
    try:
        yield
    finally:
        _places.release()
