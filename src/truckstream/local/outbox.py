"""Sends committed alerts in order and notes the answers: at least once per receiver, whatever crashes.

Every receiver goes at its own pace: after a failure it is left alone for a while that doubles up to a minute,
the others go on. An alert a receiver has not accepted a day after its first attempt becomes a dead letter:
listed, not lost, and no longer in the way. Nothing sleeps here: `pump` does what is due and returns.
"""

import time
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

import msgspec

from truckstream.core.errors import TruckstreamError
from truckstream.core.presence import Alert
from truckstream.ports import Notifier

FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 60_000
MAXIMUM_AGE_MS = 24 * 3_600_000
SENT_AT_ONCE = 500


class Waiting(NamedTuple):
    """An alert in the outbox. `since_ms`: when this receiver first failed with it in the queue; None: not yet."""

    place: int
    since_ms: int | None
    alert: Alert


class DeadLetter(msgspec.Struct, frozen=True):
    """An alert that `receiver` never accepted within the maximum age."""

    receiver: str
    alert: Alert
    dead_ms: int
    attempts: int
    last_error: str


class DeliveryLog(Protocol):
    """What the outbox keeps durably: a cursor per receiver, failed attempts, dead letters."""

    def waiting_for(self, receiver: str, limit: int) -> Sequence[Waiting]:
        """Return the alerts this receiver still waits for, in commit order."""
        ...

    def note_accepted(self, receiver: str, place: int, at_ms: int, receivers: Collection[str]) -> None:
        """Note that `receiver` has everything up to `place`; what all `receivers` have leaves the outbox."""
        ...

    def note_failed(self, receiver: str, place: int, error: str, at_ms: int) -> None:
        """Note a failed attempt at the alert at `place`."""
        ...

    def bury(self, receiver: str, upto_place: int, error: str, at_ms: int, receivers: Collection[str]) -> None:
        """Turn everything up to `upto_place` into dead letters of this receiver."""
        ...


class _Receiver:
    """One notifier, its name in the log, and when it may be tried again."""

    def __init__(self, name: str, notifier: Notifier) -> None:
        self.name = name
        self.notifier = notifier
        self.failures = 0
        self.not_before_ms: int | None = None
        self.last_error = ""

    def send(self, waiting: Sequence[Waiting]) -> int:
        """Return how many of them, from the first, were accepted; the reason is in `last_error`."""
        try:
            accepted = self.notifier.send([each.alert for each in waiting])
        except TruckstreamError as error:
            self.last_error = error.message
            return 0
        count = next((n for n, each in enumerate(waiting) if each.alert.alert_id not in accepted), len(waiting))
        if count < len(waiting):
            self.last_error = getattr(self.notifier, "last_error", "") or "not accepted"
        else:
            self.last_error = ""
        return count


class Outbox:
    """Brings pending alerts to every notifier.

    Args:
        log: the durable state.
        notifiers: whom to tell; a notifier's `name` is what its cursor is kept under.
        clock: ms since the epoch, for the time of an answer.
        maximum_age_ms: how long an alert is tried after its first failed attempt.
    """

    def __init__(
        self,
        log: DeliveryLog,
        notifiers: Sequence[Notifier],
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        *,
        maximum_age_ms: int = MAXIMUM_AGE_MS,
    ) -> None:
        self._log = log
        self._clock = clock
        self._maximum_age_ms = maximum_age_ms
        self._receivers: list[_Receiver] = []
        for notifier in notifiers:
            name = str(getattr(notifier, "name", type(notifier).__name__))
            same = sum(each.name.split("#")[0] == name for each in self._receivers)
            self._receivers.append(_Receiver(f"{name}#{same + 1}" if same else name, notifier))
        self._names = [receiver.name for receiver in self._receivers]

    def pump(self, now_ms: int) -> int:
        """Send what is due; return how many alerts were accepted, counted per receiver.

        A receiver that pauses after a failure is not asked. Raises only when the log cannot be used.
        """
        return sum(self._pump_one(receiver, now_ms) for receiver in self._receivers)

    def errors(self) -> dict[str, str]:
        """Return the receivers that do not accept alerts at the moment, with the reason."""
        return {each.name: each.last_error for each in self._receivers if each.failures}

    def _pump_one(self, receiver: _Receiver, now_ms: int) -> int:
        if receiver.not_before_ms is not None and now_ms < receiver.not_before_ms:
            return 0
        total = 0
        while waiting := self._log.waiting_for(receiver.name, SENT_AT_ONCE):
            accepted = receiver.send(waiting)
            answered_ms = self._clock()
            if accepted:
                total += accepted
                receiver.failures = 0
                self._log.note_accepted(receiver.name, waiting[accepted - 1].place, answered_ms, self._names)
            if accepted < len(waiting):
                self._fail(receiver, waiting[accepted:], now_ms)
                return total
        receiver.failures, receiver.not_before_ms = 0, None
        return total

    def _fail(self, receiver: _Receiver, unsent: Sequence[Waiting], now_ms: int) -> None:
        receiver.failures += 1
        pause_ms = min(FIRST_PAUSE_MS << min(receiver.failures - 1, 10), LONGEST_PAUSE_MS)
        receiver.not_before_ms = now_ms + pause_ms
        self._log.note_failed(receiver.name, unsent[0].place, receiver.last_error, now_ms)
        too_old = [
            each.place
            for each in unsent
            if each.since_ms is not None and now_ms - each.since_ms >= self._maximum_age_ms
        ]
        if too_old:
            self._log.bury(receiver.name, too_old[-1], receiver.last_error, now_ms, self._names)
