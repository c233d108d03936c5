"""The alert log as the web application reads it: pages with cursors that resume exactly, for any number of readers.

Commits of several writers have no common order that a reader could follow: clocks differ, and a commit may take its
time. So every commit also leaves its alerts under "news", and whoever reads the feed first gives those the next
numbers, in one transaction that moves them to "feed". A number never changes, and none comes in before one that
was read. The scheduled `send_outbox` does the same, so that news does not pile up where nobody reads.
"""

import itertools
import uuid
from collections.abc import Iterator, Sequence
from typing import Final

from truckstream.aws.alert_items import alert_key, alert_of, alert_place, feed_item, number_of
from truckstream.aws.alerts import AwsAlerts, places
from truckstream.aws.table import TRIES, Item, text
from truckstream.core.cursors import read_cursor, write_cursor
from truckstream.core.presence import Alert
from truckstream.ports_viewing import AlertFilter, AlertPage

NUMBERED_AT_ONCE: Final = 50
"""Each takes two of a transaction's 100 actions."""

_FEED: Final = "feed"


class AwsAlertFeed:
    """`ports_viewing.AlertFeed` over the table of `AwsAlerts`. Threads and processes may share it."""

    def __init__(self, alerts: AwsAlerts) -> None:
        self._alerts = alerts
        self._table = alerts.table

    def number_news(self) -> int:
        """Give numbers to the alerts that have none yet; return how many this call numbered.

        While others number at the same time it may leave some to them.
        """
        self._alerts.settle()
        numbered = lost = 0
        while lost < TRIES:
            news = list(
                itertools.islice(
                    self._table.query("pk = :pk", {":pk": text("news")}, Limit=NUMBERED_AT_ONCE), NUMBERED_AT_ONCE
                )
            )
            if not news:
                break
            first = self.last_number() + 1
            actions = []
            for number, item in enumerate(news, first):
                key = {"pk": item["pk"], "sk": item["sk"]}
                taken = {"TableName": self._table.name, "Key": key, "ConditionExpression": "attribute_exists(pk)"}
                actions += [
                    self._table.put_action(feed_item(item, number), "attribute_not_exists(pk)"),
                    {"Delete": taken},
                ]
            if self._table.transact(actions, uuid.uuid4().hex):
                lost += 1  # another was first
            else:
                numbered += len(news)
        return numbered

    def last_number(self) -> int:
        """Return the number of the newest alert in the feed: how many there are."""
        newest = next(self._numbered(0, forward=False, page=1), None)
        return number_of(newest) if newest is not None else 0

    def committed(self, after: str, limit: int, wanted: AlertFilter) -> AlertPage:
        """Return alerts in the order of their numbers, from the first behind the cursor."""
        reached = read_cursor(after, int) if after else 0
        self.number_news()
        found: list[Alert] = []
        for item in self._numbered(reached, page=limit + 1):
            alert = alert_of(item, self._table.name)
            if _is_wanted(alert, wanted):
                if len(found) == limit:
                    return AlertPage(found, write_cursor(reached), True)
                found.append(alert)
            reached = number_of(item)
        return AlertPage(found, write_cursor(reached), False)

    def by_time(self, after: str, limit: int, wanted: AlertFilter, *, newest_first: bool) -> AlertPage:
        """Return alerts by time, from the indexes, which follow within about a second."""
        first, end = places(wanted.from_ms, wanted.to_ms)
        behind = read_cursor(after, str) if after else ""
        if behind and newest_first:
            end = min(end, behind)
        elif behind:
            first = max(first, behind)
        self._alerts.settle()
        found: list[Alert] = []
        more = False
        if first <= end:
            for alert in self._alerts.by_place(wanted.truck_id, first, end, forward=not newest_first):
                if alert_place(alert) != behind and _is_wanted(alert, wanted):
                    more = len(found) == limit
                    if more:
                        break
                    found.append(alert)
        return AlertPage(found, write_cursor(alert_place(found[-1])) if found else after, more)

    def latest(self, limit: int) -> AlertPage:
        """Return the alerts numbered last, in the order of their numbers."""
        self.number_news()
        items = list(itertools.islice(self._numbered(0, forward=False, page=max(1, limit)), max(1, limit)))
        end = number_of(items[0]) if items else 0
        shown: Sequence[Item] = items[:limit]
        return AlertPage([alert_of(item, self._table.name) for item in reversed(shown)], write_cursor(end), False)

    def get(self, alert_id: str) -> Alert | None:
        """Return one alert."""
        self._alerts.settle()
        item = self._table.get(alert_key(alert_id))
        return None if item is None else alert_of(item, self._table.name)

    def _numbered(self, after: int, *, forward: bool = True, page: int) -> Iterator[Item]:
        """Yield the feed's items behind a number, or backwards from its end."""
        values = {":pk": text(_FEED), ":after": text(f"{after:020d}")}
        return self._table.query("pk = :pk AND sk > :after", values, ScanIndexForward=forward, Limit=min(1000, page))


def _is_wanted(alert: Alert, wanted: AlertFilter) -> bool:
    return (
        wanted.truck_id in (None, alert.truck_id)
        and wanted.geofence_id in (None, alert.geofence_id)
        and wanted.alert_type in (None, alert.alert_type)
        and (wanted.from_ms is None or alert.timestamp_ms >= wanted.from_ms)
        and (wanted.to_ms is None or alert.timestamp_ms < wanted.to_ms)
    )
