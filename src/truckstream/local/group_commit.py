"""Group commit: callers that come while a commit is running share the next one.

A durable commit costs a disk flush, whatever its size; with many callers one flush serves all of them. There
is no thread of its own: of the waiting callers the first leads, commits for all that wait, and wakes them.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Final

from truckstream.core.errors import TruckstreamError, Unavailable

GROUP_ITEMS: Final = 256  # callers served by one commit; keeps a commit short


class _Waiting[T]:
    __slots__ = ("done", "error", "item")

    def __init__(self, item: T) -> None:
        self.item = item
        self.done = False
        self.error: Exception | None = None


class GroupCommit[T]:
    """Passes items of many threads to one `commit` function, several at a time, in the order they came.

    `commit` takes effect for all of its items or for none.
    """

    def __init__(self, commit: Callable[[Sequence[T]], None]) -> None:
        self._commit = commit
        self._queue: list[_Waiting[T]] = []
        self._queue_lock = threading.Lock()
        self._turn = threading.Lock()

    def submit(self, item: T) -> None:
        """Return when the item is committed. Raises what `commit` raised for its group."""
        mine = _Waiting(item)
        with self._queue_lock:
            self._queue.append(mine)
        with self._turn:
            while not mine.done:
                self._lead()
        if mine.error is not None:
            raise _own_copy(mine.error) from mine.error

    def _lead(self) -> None:
        with self._queue_lock:
            group, self._queue = self._queue[:GROUP_ITEMS], self._queue[GROUP_ITEMS:]
        error: Exception | None = Unavailable("the commit was interrupted")
        try:
            self._commit([waiting.item for waiting in group])
            error = None
        except Exception as failure:
            error = failure
        finally:  # also when the leader is interrupted: those who wait for it must learn of it
            for waiting in group:
                waiting.error = error
                waiting.done = True


def _own_copy(error: Exception) -> Exception:
    """Each caller raises its own: one exception object in several threads mixes their tracebacks."""
    if isinstance(error, TruckstreamError):
        return type(error)(error.message, hint=error.hint)
    return error
