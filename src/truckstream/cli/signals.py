"""Ctrl-C and SIGTERM as a wish to stop cleanly, not as an exception in the middle of a write."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does: through its `finally`."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C or SIGTERM sets; a second one interrupts at once."""
    stopping = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        del number, frame
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def rounds(stopping: threading.Event, duration_s: float | None, every_s: float) -> Iterator[None]:
    """Yield now and then until the time is over, and once after: what was due by then gets its turn.

    However long a round takes, it is not lost with those after it. `stopping` ends them at once.
    """
    deadline = None if duration_s is None else time.monotonic() + duration_s
    ending = False
    while not ending and not stopping.wait(every_s):
        ending = deadline is not None and time.monotonic() >= deadline
        yield
