"""Presence, alert log and outbox in DynamoDB; `aws.alert_items` has the items.

A truck's step is one conditional write: its state goes in only if the sequence number is still the expected one,
and with it, in the same transaction, its alerts and their places in the outbox. A step without alerts, as nearly
all are, is a plain conditional put at half the price. A step with more alerts than a transaction holds puts them
into the journal, packed, and copies them to log and outbox afterwards; whoever reads does that copying first if
it has not been done. So there is one moment from which the step exists, and it is never half there.

Listings come from indexes, which DynamoDB brings up to date within about a second; everything else reads
consistently.
"""

import heapq
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from truckstream.aws.alert_items import (
    BY_DAY,
    BY_TRUCK,
    LARGEST_COMMIT,
    Journaled,
    alert_item,
    alert_key,
    alert_of,
    alert_place,
    day_item,
    journal_items,
    journaled,
    news_item,
    outbox_item,
    presence_item,
    presence_key,
    presence_of,
)
from truckstream.aws.table import ACTIONS_PER_TRANSACTION, AT_ONCE, Item, Table, number, text
from truckstream.core.errors import InvalidInput, TruckstreamError, Unavailable
from truckstream.core.instants import date_of, format_instant
from truckstream.core.presence import Alert, TruckPresence
from truckstream.ports import PresenceChange

_MOST_ACTIONS: Final = 3  # of one alert: log, news, outbox
_NEW: Final = "attribute_not_exists(pk)"
_FIRST_PLACE: Final = "0"
_LAST_PLACE: Final = "A"  # places begin with a digit
_FIRST_MS: Final = -62_135_596_800_000  # year 1, the first instant that has a text
_END_MS: Final = 253_402_300_800_000  # year 10000


class _Step(NamedTuple):
    """One truck's write: its item, the condition on what is there, and the alerts with their places."""

    truck_id: str
    item: Item
    expected: str | None
    entries: tuple[Journaled, ...]


class AwsAlerts:
    """`ports.PresenceStore` and `ports.AlertLog` in a DynamoDB table. Threads and processes may share it.

    Args:
        client: a boto3 client of DynamoDB.
        table: its name.
        notify: False logs alerts without putting them into the outbox.
        clock: "now" in ms: the order of the outbox.
        at_once: how many calls run at the same time.
        pause: sleeps that many seconds.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        *,
        notify: bool = True,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        at_once: int = AT_ONCE,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.notify = notify
        self.table = Table(client, table, "geofences", at_once=at_once, pause=pause)
        self._clock = clock
        self._lock = threading.Lock()
        self._last_place = (0, 0)
        self._noted_days: set[str] = set()

    # --- presence ---------------------------------------------------------------------------------------

    def load(self, truck_ids: Collection[str]) -> dict[str, TruckPresence]:
        """Return the state of those of the trucks that have one."""
        items = self.table.get_many([presence_key(truck_id) for truck_id in dict.fromkeys(truck_ids)])
        states = (presence_of(item, self.table.name) for item in items)
        return {state.truck_id: state for state in states}

    def commit(self, changes: Sequence[PresenceChange]) -> frozenset[str]:
        """Write each truck's step; return the trucks that were not written (see `ports.PresenceStore`).

        Raises, after the other trucks were written, InvalidInput for a truck whose state no item can hold.
        """
        steps: list[_Step] = []
        too_large: InvalidInput | None = None
        for change in changes:
            try:
                steps.append(self._step(change))
            except InvalidInput as error:
                too_large = too_large or error
        self._note_days(entry.alert for step in steps for entry in step.entries)
        done = self.table.each(steps, self._write)
        if too_large is not None:
            raise too_large
        return frozenset(step.truck_id for step, written in zip(steps, done, strict=True) if not written)

    def _step(self, change: PresenceChange) -> _Step:
        alerts = {alert.alert_id: alert for alert in reversed(change.alerts)}  # of equal ids the first
        if len(alerts) > LARGEST_COMMIT:
            raise InvalidInput(
                f"truck {change.presence.truck_id}: {len(alerts)} alerts in one batch, at most {LARGEST_COMMIT}",
                hint="Lower the batch size of the geofence consumer.",
            )
        entries = tuple(self._entry(alert) for alert in reversed(alerts.values()))
        expected = None if change.expected_sequence is None else str(change.expected_sequence)
        return _Step(change.presence.truck_id, presence_item(change, uuid.uuid4().hex), expected, entries)

    def _entry(self, alert: Alert) -> Journaled:
        place = self._next_place()
        return Journaled(alert, place, place if self.notify and not alert.late else "")

    def _write(self, step: _Step) -> bool:
        condition, values = _NEW, None
        if step.expected is not None:
            condition, values = "sequence_number = :expected", {":expected": text(step.expected)}
        if not step.entries:
            refused = self.table.put(step.item, condition, values)
            return refused is None or _is_ours(refused.stored, step)

        state = self.table.put_action(step.item, condition, values)
        if 1 + sum(map(_actions, step.entries)) > ACTIONS_PER_TRANSACTION:
            journal = journal_items(step.entries, self._next_place())
            reasons = self.table.transact([state, *(self.table.put_action(item, _NEW) for item in journal)], _token())
            if reasons and not _is_ours(reasons[0].stored, step):
                return False
            self._settle_later(journal)
            return True
        return self._transact(step, state)

    def _transact(self, step: _Step, state: dict[str, Any]) -> bool:
        entries: Sequence[Journaled] = step.entries
        while True:
            actions, of_entry = self._log_actions(entries)
            reasons = self.table.transact([state, *actions], _token())
            if not reasons:
                return True
            if reasons[0].by_condition:
                return _is_ours(reasons[0].stored, step)
            known = {of_entry[place] for place, reason in enumerate(reasons[1:]) if reason.by_condition}
            entries = [entry for place, entry in enumerate(entries) if place not in known]

    def _log_actions(self, entries: Sequence[Journaled]) -> tuple[list[dict[str, Any]], list[int]]:
        """Return the writes that log these alerts, and to which of them each belongs."""
        actions, of_entry = [], []
        for place, entry in enumerate(entries):
            actions.append(self.table.put_action(alert_item(entry), _NEW))
            actions.append(self.table.put_action(news_item(entry)))
            of_entry += [place, place]
            if entry.outbox_place:
                actions.append(self.table.put_action(outbox_item(entry)))
                of_entry.append(place)
        return actions, of_entry

    def _next_place(self) -> str:
        """Return a text that sorts behind all this process gave before."""
        with self._lock:
            now_ms, count = max(self._clock(), self._last_place[0]), 0
            if now_ms == self._last_place[0]:
                count = self._last_place[1] + 1
            self._last_place = (now_ms, count)
        return f"{format_instant(now_ms)}#{count:06d}#{uuid.uuid4().hex[:8]}"

    def _note_days(self, alerts: Iterable[Alert]) -> None:
        """Note which days have alerts, before they are there: a day too many costs an empty query."""
        for day in {date_of(alert.timestamp_ms) for alert in alerts} - self._noted_days:
            self.table.put(day_item(day), _NEW)
            self._noted_days.add(day)

    # --- journal ----------------------------------------------------------------------------------------

    def _journal(self) -> list[Item]:
        return list(self.table.query("pk = :pk", {":pk": text("journal")}))

    def settle(self) -> None:
        """Bring journaled alerts to where they belong, if a commit did not come to it."""
        self._settle(self._journal())

    def _settle_later(self, journal: Sequence[Item]) -> None:
        try:
            self._settle(journal)
        except TruckstreamError as error:
            if not error.retryable:
                raise

    def _settle(self, journal: Sequence[Item]) -> None:
        """Copy journaled alerts to log and outbox. Several may do so at once: an alert that is there is left."""
        for item in journal:
            entries = journaled(item, self.table.name)
            at_once = ACTIONS_PER_TRANSACTION // _MOST_ACTIONS
            for start in range(0, len(entries), at_once):
                part = entries[start : start + at_once]
                while part:
                    actions, of_entry = self._log_actions(part)
                    reasons = self.table.transact(actions, _token())
                    known = {of_entry[place] for place, reason in enumerate(reasons) if reason.by_condition}
                    part = [entry for place, entry in enumerate(part) if reasons and place not in known]
            self.table.delete({"pk": item["pk"], "sk": item["sk"]})

    # --- alert log --------------------------------------------------------------------------------------

    def list(
        self, *, truck_id: str | None = None, from_ms: int | None = None, to_ms: int | None = None
    ) -> Iterator[Alert]:
        """Yield alerts ordered by (timestamp_ms, truck_id, alert_id), `from_ms <= timestamp_ms < to_ms`."""
        first, end = places(from_ms, to_ms)
        if first >= end:
            return
        journal = [entry.alert for item in self._journal() for entry in journaled(item, self.table.name)]
        journal = [
            alert
            for alert in sorted(journal, key=alert_place)
            if first <= alert_place(alert) < end and truck_id in (None, alert.truck_id)
        ]
        logged = self.by_place(truck_id, first, end)
        for _, same in itertools.groupby(heapq.merge(logged, journal, key=alert_place), key=lambda a: a.alert_id):
            yield next(same)

    def by_place(self, truck_id: str | None, first: str, end: str, *, forward: bool = True) -> Iterator[Alert]:
        """Yield logged alerts by time, from the indexes; `first` and `end` are places, both inclusive."""
        if truck_id is not None:
            items = self._of_truck(truck_id, first, end, forward=forward)
        else:
            items = self._of_days(first, end, forward=forward)
        return (alert_of(item, self.table.name) for item in items)

    def _of_truck(self, truck_id: str, first: str, end: str, *, forward: bool) -> Iterator[Item]:
        condition = "truck_id = :truck AND alert_place BETWEEN :first AND :end"
        values = {":truck": text(truck_id), ":first": text(first), ":end": text(end)}
        return self.table.query(condition, values, IndexName=BY_TRUCK, ScanIndexForward=forward)

    def _of_days(self, first: str, end: str, *, forward: bool = True) -> Iterator[Item]:
        days = [
            item["sk"]["S"]
            for item in self.table.query("pk = :pk", {":pk": text("alert-day")}, ScanIndexForward=forward)
            if first[:10] <= item["sk"]["S"] <= end[:10]
        ]
        for day in days:
            yield from self.table.query(
                "alert_day = :day AND alert_place BETWEEN :first AND :end",
                {":day": text(day), ":first": text(first), ":end": text(end)},
                IndexName=BY_DAY,
                ScanIndexForward=forward,
            )

    def recent(self, limit: int) -> Sequence[Alert]:
        """Return the alerts of the latest events, newest first."""
        items = self._of_days(_FIRST_PLACE, _LAST_PLACE, forward=False)
        return [alert_of(item, self.table.name) for item in itertools.islice(items, limit)]

    def count(self) -> int:
        """Return how many alerts were ever raised. Reads the whole index."""
        days = self.table.query("pk = :pk", {":pk": text("alert-day")})
        return sum(self.table.count("alert_day = :day", {":day": day["sk"]}, IndexName=BY_DAY) for day in days)

    def pending_count(self) -> int:
        """Return how many alerts wait in the outbox."""
        return self.table.count("pk = :pk", {":pk": text("outbox")}, ConsistentRead=True)

    def waiting(self, limit: int) -> Sequence[Item]:
        """Return the first items of the outbox, in commit order."""
        self.settle()
        return list(itertools.islice(self.table.query("pk = :pk", {":pk": text("outbox")}, Limit=limit), limit))

    def pending(self, limit: int) -> Sequence[Alert]:
        """Return unsent alerts in the order they were committed; late ones are never pending."""
        return [alert_of(item, self.table.name) for item in self.waiting(limit)]

    def mark_sent(self, alert_ids: Collection[str], at_ms: int) -> None:
        """Take alerts out of the outbox after the receiver's answer; ids that do not wait are left alone.

        Raises Unavailable when some could not be marked: they may be sent again.
        """
        done = self.table.each(list(alert_ids), lambda alert_id: self._mark_sent(alert_id, at_ms))
        if not all(done):
            raise Unavailable(
                f"table {self.table.name}: {done.count(False)} sent alert(s) could not be marked so",
                hint="They are sent again, with the same ids; nothing else needs doing.",
            )

    def _mark_sent(self, alert_id: str, at_ms: int) -> bool:
        change = "SET sent_ms = if_not_exists(sent_ms, :at)"
        item = self.table.update(alert_key(alert_id), change, "attribute_exists(outbox_place)", {":at": number(at_ms)})
        if item is not None:
            self.table.delete({"pk": text("outbox"), "sk": item["outbox_place"]})
        return True


def _actions(entry: Journaled) -> int:
    return _MOST_ACTIONS if entry.outbox_place else _MOST_ACTIONS - 1


def _is_ours(stored: Item, step: _Step) -> bool:
    """Say whether what is stored is this very write, whose answer was lost."""
    return stored.get("change") == step.item["change"]


def _token() -> str:
    return uuid.uuid4().hex


def places(from_ms: int | None, to_ms: int | None) -> tuple[str, str]:
    """Return the first place of a period, and one behind its last."""
    first = _FIRST_PLACE if from_ms is None or from_ms <= _FIRST_MS else _place_from(from_ms)
    end = _LAST_PLACE if to_ms is None or to_ms >= _END_MS else _place_from(to_ms)
    return first, end


def _place_from(ms: int) -> str:
    if ms >= _END_MS:
        return _LAST_PLACE
    return format_instant(max(ms, _FIRST_MS))
