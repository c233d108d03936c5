"""The outbox in a thread of its own: a receiver that takes its time holds up no consumer."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from truckstream.core.errors import TruckstreamError
from truckstream.local.alerts import LocalAlerts
from truckstream.local.outbox import Outbox
from truckstream.ports import Notifier

_EVERY_S = 0.25


class Sender:
    """Sends pending alerts while its `with` block runs. Opens the alert log anew, so that no connection is shared."""

    def __init__(self, alerts: Path, notifiers: Sequence[Notifier]) -> None:
        self._log = LocalAlerts(alerts)
        self._outbox = Outbox(self._log, notifiers)
        self._given_up_before = self._log.dead_letter_count()
        self.left = ""  # `undelivered` as it was when the sender stopped
        self._broken: TruckstreamError | None = None  # why nothing can be sent any more
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._send, name="outbox", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def errors(self) -> dict[str, str]:
        """Return the receivers that accept nothing at the moment, with the reason."""
        return self._outbox.errors()

    def undelivered(self) -> str:
        """Return what a person should know of alerts that nobody has taken yet; empty when there are none."""
        if self._broken:
            return f"{self._broken.message} {self._broken.hint}"
        waiting, errors, told = self._log.pending_count(), self.errors(), []
        if waiting and errors:
            reasons = "; ".join(f"{name.split(':')[0]}: {reason}" for name, reason in errors.items())
            told.append(
                f"{waiting:,} alerts are not delivered yet, they wait in the outbox "
                f"for the next run with the same receivers ({reasons})"
            )
        given_up = self._log.dead_letter_count() - self._given_up_before
        if given_up:
            told.append(
                f"{given_up:,} alerts were given up: a receiver had not taken them a day after the first attempt; "
                "they stay in the log (truckstream alerts)"
            )
        return "; ".join(told)

    def stop(self) -> None:
        """Send once more what is pending, then stop. What a receiver does not take stays in the outbox."""
        self._stopping.set()
        self._thread.join()
        if self._broken is None:
            self._pump()
        self.left = self.undelivered()
        self._log.close()

    def _send(self) -> None:
        while not self._stopping.is_set() and self._broken is None:
            self._pump()
            self._stopping.wait(_EVERY_S)

    def _pump(self) -> None:
        try:
            self._outbox.pump(time.time_ns() // 1_000_000)
        except TruckstreamError as error:
            if not error.retryable:  # told at the end: raised here it would end a thread, unseen
                self._broken = error
