"""Sends committed alerts in order and marks them sent after the answer: at least once, whatever crashes.

One invocation at a time sends, by a lease that runs out if its holder dies. An invocation that does not get it
leaves its alerts to the holder, who looks once more after giving the lease back: none is left lying. When the
receiver does not answer, `pump` stops and the next one, at the latest the scheduled `send_outbox`, goes on. An
alert the receiver refuses for good, or has not accepted a day after its first failure, becomes a dead letter.
"""

import time
import uuid
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from truckstream.aws.alert_items import alert_of, outbox_ms
from truckstream.aws.alerts import AwsAlerts
from truckstream.aws.table import Item, number, text
from truckstream.core.errors import TruckstreamError
from truckstream.core.presence import Alert
from truckstream.ports import Notifier

LEASE_MS: Final = 60_000
MAXIMUM_AGE_MS: Final = 24 * 3_600_000
SENT_AT_ONCE: Final = 100
_LEASE: Final[Item] = {"pk": text("lease"), "sk": text("outbox")}


class Outbox:
    """Brings pending alerts to one notifier (an SNS topic fans out by itself).

    Args:
        alerts: the log and its outbox.
        notifier: whom to tell.
        clock: "now" in ms: the lease, the time of an answer, the age of a failure.
        maximum_age_ms: how long an alert at the head is tried after its first failure.
    """

    def __init__(
        self,
        alerts: AwsAlerts,
        notifier: Notifier,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        *,
        maximum_age_ms: int = MAXIMUM_AGE_MS,
    ) -> None:
        self.last_error = ""
        self.buried = 0
        self._alerts = alerts
        self._table = alerts.table
        self._notifier = notifier
        self._clock = clock
        self._maximum_age_ms = maximum_age_ms
        self._holder = uuid.uuid4().hex

    def pump(self, until_ms: int | None = None) -> int:
        """Send what is pending, beginning nothing new after `until_ms`; return how many were accepted.

        0 also when another invocation is sending. `last_error` says why the receiver did not take all, `buried`
        how many became dead letters. Raises what no repetition mends (a missing topic or permission), and what
        keeps the log from being used.
        """
        self.last_error = ""
        self.buried = 0
        total = 0
        while self._alerts.waiting(1) and self._acquire():
            try:
                sent, emptied = self._send_all(until_ms)
            finally:
                self._table.delete(_LEASE, "holder = :holder", {":holder": text(self._holder)})
            total += sent
            if not emptied:
                break
        return total

    def age_ms(self) -> int:
        """Return for how long the first alert that waits has done so, 0 when none waits."""
        waiting = self._alerts.waiting(1)
        return max(0, self._clock() - outbox_ms(waiting[0])) if waiting else 0

    def dead_letters(self) -> Sequence[Alert]:
        """Return the alerts the receiver never accepted, in commit order."""
        items = self._table.query("pk = :pk", {":pk": text("dead-letter")})
        return [alert_of(item, self._table.name) for item in items]

    def _send_all(self, until_ms: int | None) -> tuple[int, bool]:
        """Return how many were accepted, and whether nothing was left."""
        total = 0
        while waiting := self._alerts.waiting(SENT_AT_ONCE):
            if (until_ms is not None and self._clock() >= until_ms) or not self._acquire():
                return total, False
            alerts = [alert_of(item, self._table.name) for item in waiting]
            accepted = self._send(alerts, waiting[0])
            if accepted:
                self._alerts.mark_sent(accepted, self._clock())
                total += len(accepted)
            taken = set(accepted)
            left = [item for item, alert in zip(waiting, alerts, strict=True) if alert.alert_id not in taken]
            if left and not self._bury(left[0]):
                return total, False
        return total, True

    def _send(self, alerts: Sequence[Alert], first: Item) -> Collection[str]:
        try:
            accepted = self._notifier.send(alerts)
        except TruckstreamError as error:
            self.last_error = error.message
            if not error.retryable:
                self._note_failed(first)
                raise
            return ()
        if len(accepted) < len(alerts):
            self.last_error = getattr(self._notifier, "last_error", "") or "not accepted"
        return accepted

    def _note_failed(self, item: Item) -> int:
        """Note since when this one fails, and return it."""
        now_ms = self._clock()
        key = {"pk": item["pk"], "sk": item["sk"]}
        change = "SET failing_since_ms = if_not_exists(failing_since_ms, :now)"
        noted = self._table.update(key, change, "attribute_exists(pk)", {":now": number(now_ms)})
        return int(noted["failing_since_ms"]["N"]) if noted is not None else now_ms

    def _bury(self, item: Item) -> bool:
        """Make the first unsent alert a dead letter when its time has come; return whether it was."""
        since_ms = self._note_failed(item)
        refused = getattr(self._notifier, "refused_id", "") == item["alert_id"]["S"]
        if not refused and self._clock() - since_ms < self._maximum_age_ms:
            return False
        letter = item | {"pk": text("dead-letter"), "reason": text(self.last_error), "dead_ms": number(self._clock())}
        key: dict[str, Any] = {"TableName": self._table.name, "Key": {"pk": item["pk"], "sk": item["sk"]}}
        self._table.transact([self._table.put_action(letter), {"Delete": key}], uuid.uuid4().hex)
        self.buried += 1
        return True

    def _acquire(self) -> bool:
        """Take or prolong the lease; return whether it is ours."""
        now_ms = self._clock()
        lease = _LEASE | {"holder": text(self._holder), "until_ms": number(now_ms + LEASE_MS)}
        free = "attribute_not_exists(pk) OR until_ms < :now OR holder = :holder"
        refused = self._table.put(lease, free, {":now": number(now_ms), ":holder": text(self._holder)})
        return refused is None
