"""In-memory ports of the web application; they keep the promises of `truckstream.ports_viewing`."""

from collections.abc import Callable, Collection, Sequence

from truckstream.core.alerts import Alert
from truckstream.core.errors import InvalidInput
from truckstream.core.outliers import Track
from truckstream.core.records import ReceivedPositions
from truckstream.ports_viewing import Acknowledgement, AlertFilter, AlertPage, PipelineHealth
from truckstream.testing import FaultScript, MemoryPositions, MemoryPresence


class ViewedPositions(MemoryPositions):
    """`MemoryPositions` that is a `ports_viewing.PositionFeed` as well."""

    def __init__(self, faults: FaultScript | None = None) -> None:
        super().__init__(faults)
        self._changes: dict[str, int] = {}
        self._last_change = 0

    def put_newer(self, tracks: Sequence[Track]) -> frozenset[str]:
        """Store each track whose `seen_ms` is newer than the stored one's."""
        before = dict(self._tracks)
        failed = super().put_newer(tracks)
        self._last_change += 1
        for truck_id, track in self._tracks.items():
            if before.get(truck_id) is not track:
                self._changes[truck_id] = self._last_change
        return failed

    def changed_since(self, mark: str) -> tuple[Sequence[Track], str]:
        """Return the tracks stored since the mark, and the mark to go on from."""
        since = int(mark) if mark.isdecimal() else -1
        if since > self._last_change:
            since = -1
        ids = sorted(truck_id for truck_id, change in self._changes.items() if change > since)
        return [self._tracks[truck_id] for truck_id in ids], str(self._last_change)


class MemoryAlertFeed:
    """`ports_viewing.AlertFeed` over a `MemoryPresence`."""

    def __init__(self, presence: MemoryPresence) -> None:
        self._presence = presence

    def committed(self, after: str, limit: int, wanted: AlertFilter) -> AlertPage:
        """Return alerts in commit order, from the first behind the cursor."""
        alerts = self._presence.committed()
        found: list[Alert] = []
        for place in range(_place(after) + 1, len(alerts) + 1):
            if _is_wanted(alerts[place - 1], wanted):
                if len(found) == limit:
                    return AlertPage(found, str(place - 1), True)
                found.append(alerts[place - 1])
        return AlertPage(found, str(max(len(alerts), _place(after))), False)

    def by_time(self, after: str, limit: int, wanted: AlertFilter, *, newest_first: bool) -> AlertPage:
        """Return alerts ordered by (timestamp_ms, truck_id, alert_id), or the reverse of it."""
        alerts = [alert for alert in self._presence.list() if _is_wanted(alert, wanted)]
        if newest_first:
            alerts.reverse()
        start = 0
        if after:
            start = next((place + 1 for place, alert in enumerate(alerts) if alert.alert_id == after), -1)
            if start < 0:
                raise InvalidInput("cursor: not one that this server gave")
        page = alerts[start : start + limit]
        return AlertPage(page, page[-1].alert_id if page else after, len(alerts) > start + limit)

    def latest(self, limit: int) -> AlertPage:
        """Return the alerts committed last, in commit order."""
        alerts = self._presence.committed()
        return AlertPage(alerts[max(0, len(alerts) - limit) :], str(len(alerts)), False)

    def get(self, alert_id: str) -> Alert | None:
        """Return one alert."""
        return next((alert for alert in self._presence.committed() if alert.alert_id == alert_id), None)


class MemoryAcknowledgements:
    """`ports_viewing.AcknowledgementStore` in a dict."""

    def __init__(self) -> None:
        self._known: dict[str, Acknowledgement] = {}
        self._changes: list[str] = []

    def put(self, alert_id: str, acknowledgement: Acknowledgement) -> None:
        """Store it, replacing the one before."""
        self._known[alert_id] = acknowledgement
        self._changes.append(alert_id)

    def remove(self, alert_id: str) -> bool:
        """Take it back; return whether there was one."""
        if self._known.pop(alert_id, None) is None:
            return False
        self._changes.append(alert_id)
        return True

    def get(self, alert_ids: Collection[str]) -> dict[str, Acknowledgement]:
        """Return those of the alerts that are acknowledged."""
        return {alert_id: self._known[alert_id] for alert_id in alert_ids if alert_id in self._known}

    def changed_since(self, mark: str) -> tuple[dict[str, Acknowledgement | None], str]:
        """Return what changed since the mark, and the mark to go on from."""
        since = int(mark) if mark.isdecimal() else len(self._changes)
        return {alert_id: self._known.get(alert_id) for alert_id in self._changes[since:]}, str(len(self._changes))


class MemoryRecent:
    """`ports_viewing.RecentPositions` of what a test puts into `received`."""

    def __init__(self) -> None:
        self.received: dict[str, ReceivedPositions] = {}

    def recent(self, truck_id: str) -> ReceivedPositions:
        """Return the truck's positions."""
        return self.received.get(truck_id, ReceivedPositions())


class MemoryHealth:
    """`ports_viewing.HealthSource` that answers what `answer` says, or raises it."""

    def __init__(self) -> None:
        self.answer: Callable[[], PipelineHealth] = lambda: QUIET

    def health(self) -> PipelineHealth:
        """Return the figures now."""
        return self.answer()


QUIET = PipelineHealth(
    records=0,
    positions_per_record=None,
    last_arrival_ms=None,
    consumers={},
    rejected=0,
    rejected_reasons=(),
    archived_until_ms=None,
    archive_files=0,
    archive_bytes=0,
    alerts=0,
    outbox=0,
    shards=1,
    writer="",
)
"""The health of a pipeline in which nothing has happened."""


def _place(cursor: str) -> int:
    if cursor and not cursor.isdecimal():
        raise InvalidInput("cursor: not one that this server gave")
    return int(cursor or 0)


def _is_wanted(alert: Alert, wanted: AlertFilter) -> bool:
    return (
        wanted.truck_id in (None, alert.truck_id)
        and wanted.geofence_id in (None, alert.geofence_id)
        and wanted.alert_type in (None, alert.alert_type)
        and (wanted.from_ms is None or alert.timestamp_ms >= wanted.from_ms)
        and (wanted.to_ms is None or alert.timestamp_ms < wanted.to_ms)
    )
