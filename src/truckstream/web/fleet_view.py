"""The whole fleet as it is now, in memory: kept up to date from the stores once a second, for all viewers together.

Every tick has a number. A line (one truck) is encoded once when it changes and shared by every viewer; who has seen
everything up to a tick gets what changed since. `refresh` runs in a worker thread and builds new lines;
`FleetState` swaps them in, so readers never see half a tick.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final

import msgspec

from truckstream.core.alerts import Alert, alert_fields
from truckstream.core.errors import TruckstreamError
from truckstream.core.instants import format_instant
from truckstream.core.outliers import Track
from truckstream.core.truck_state import TruckState, activity, fresh_ms, is_offline
from truckstream.ports_viewing import Acknowledgement, AlertFilter
from truckstream.web.fleet_state import KEPT_ALERTS, RECENT_ALERTS, AlertLine, FleetState, TruckLine
from truckstream.web.sources import WebSources

_ALERT_PAGE: Final = 1_000
_ALERT_PAGES: Final = 20  # per tick: more is a replay going by, of which the newest are enough
_ALL: Final = AlertFilter()
_UNKNOWN: Final = b"null"
_encode = msgspec.json.Encoder().encode
_log = logging.getLogger("truckstream.web")


class Update(msgspec.Struct):
    """What one refresh found."""

    now_ms: int
    lines: list[TruckLine] = []
    gone: list[str] = []
    alerts: list[AlertLine] = []
    geofence_revision: int = 0
    health: bytes = _UNKNOWN


class FleetView:
    """Reads the stores and builds the next tick; see `FleetState`.

    Args:
        sources: the ports.
        offline_after_ms: how old a position may be before it says nothing about the present.
        health: the pipeline's figures at a time, as JSON; while it raises, viewers are told that they are unknown.
        known_ids: further trucks that belong to the fleet though they never sent (of device tokens).
    """

    def __init__(
        self,
        sources: WebSources,
        *,
        offline_after_ms: int,
        health: Callable[[int], bytes],
        known_ids: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.state = FleetState()
        self._sources = sources
        self._offline_after_ms = offline_after_ms
        self._health = health
        self._known_ids = known_ids
        self._position_mark = ""
        self._acknowledgement_mark = ""
        self._alert_cursor: str | None = None
        self._revision = -1
        self._named: frozenset[str] = frozenset()
        self._health_known = True

    def refresh(self, now_ms: int) -> Update:
        """Read what changed in the stores; raises what they raise, and then the next refresh catches up."""
        state, tick = self.state, self.state.tick + 1
        update = Update(now_ms)
        tracks, position_mark = self._sources.positions.changed_since(self._position_mark)
        moved = set()
        for track in tracks:
            line = self._line(state.lines.get(track.truck_id), track, now_ms, tick)
            if line is not None:
                update.lines.append(line)
                moved.add(track.truck_id)
        update.lines += self._fallen_silent(now_ms, tick, moved)
        update.geofence_revision = self._name_trucks(update, tick, moved)
        alert_cursor, acknowledgement_mark = self._read_alerts(update, tick)
        update.health = self._read_health(now_ms)
        self._position_mark, self._alert_cursor = position_mark, alert_cursor
        self._acknowledgement_mark = acknowledgement_mark
        return update

    def apply(self, update: Update) -> None:
        """Make an update the present."""
        state = self.state
        state.tick += 1
        state.now_ms = update.now_ms
        for line in update.lines:
            before = state.lines.get(line.truck_id)
            if before is not None:
                state.counts[before.state] -= 1
            state.counts[line.state] += 1
            state.lines[line.truck_id] = line
        for truck_id in update.gone:
            state.counts[state.lines.pop(truck_id).state] -= 1
        state.recent.append((state.tick, update.lines))
        if update.gone:
            state.gone.append((state.tick, update.gone))
        if update.alerts:
            alerts = {**state.alerts, **{line.alert.alert_id: line for line in update.alerts}}
            state.alerts = dict(islice(alerts.items(), max(0, len(alerts) - KEPT_ALERTS), None))
        state.geofence_revision = update.geofence_revision
        state.health = update.health
        state.failing_since_ms = None

    def fail(self, now_ms: int) -> None:
        """Make a tick in which nothing could be read: viewers are told since when."""
        state = self.state
        state.tick += 1
        state.now_ms = now_ms
        state.recent.append((state.tick, ()))
        if state.failing_since_ms is None:
            state.failing_since_ms = now_ms

    def _read_health(self, now_ms: int) -> bytes:
        """Return the pipeline's figures. Where they come from elsewhere than the trucks, the map goes on without."""
        try:
            known = self._health(now_ms)
        except TruckstreamError as error:
            if self._health_known:
                _log.warning("the pipeline's health cannot be read: %s", error.message)
            self._health_known = False
            return _UNKNOWN
        self._health_known = True
        return known

    # --- trucks ---

    def _line(self, before: TruckLine | None, track: Track, now_ms: int, tick: int) -> TruckLine | None:
        last = track.last
        if is_offline(last.timestamp_ms, track.received_ms, now_ms, self._offline_after_ms):
            state: TruckState = "offline"
        else:
            previous = before.track.last if before is not None and before.track is not None else None
            if previous is not None and before is not None and previous.timestamp_ms == last.timestamp_ms:
                state = before.state if before.state != "offline" else activity(last)
            else:
                state = activity(last, previous)
        if before is not None and before.state == state and before.track == track:
            return None  # told again
        since_ms = None
        if state == "offline":
            since_ms = fresh_ms(last.timestamp_ms, track.received_ms) + self._offline_after_ms
        elif before is not None:
            since_ms = before.since_ms if before.state == state else last.timestamp_ms
        return _truck_line(track, state, since_ms, tick)

    def _fallen_silent(self, now_ms: int, tick: int, moved: set[str]) -> list[TruckLine]:
        """Return new lines of trucks whose last position has become too old."""
        limit_ms = now_ms - self._offline_after_ms
        found = []
        for line in self.state.lines.values():
            track = line.track
            if track is None or line.state == "offline" or line.truck_id in moved:
                continue
            fresh = fresh_ms(track.last.timestamp_ms, track.received_ms)
            if fresh < limit_ms:
                found.append(_truck_line(track, "offline", fresh + self._offline_after_ms, tick))
        return found

    def _name_trucks(self, update: Update, tick: int, moved: set[str]) -> int:
        """Add trucks that are known by name but never sent; take out those nobody names any more."""
        catalogue = self._sources.geofences.catalogue()
        if catalogue.revision != self._revision:
            self._revision = catalogue.revision
            self._named = frozenset(
                truck for geofence in catalogue.geofences for truck in geofence.trucks or () if "*" not in truck
            )
        known = {*self._named, *self._known_ids()}
        lines = self.state.lines
        for truck_id in sorted(known - lines.keys() - moved):
            update.lines.append(_never_line(truck_id, tick))
        update.gone += [
            line.truck_id
            for line in lines.values()
            if line.track is None and line.truck_id not in known and line.truck_id not in moved
        ]
        return catalogue.revision

    # --- alerts ---

    def _read_alerts(self, update: Update, tick: int) -> tuple[str, str]:
        feed, acknowledgements = self._sources.alerts, self._sources.acknowledgements
        changes, mark = acknowledgements.changed_since(self._acknowledgement_mark)
        found: list[Alert] = []
        if self._alert_cursor is None:
            page = feed.latest(RECENT_ALERTS)
            found += page.alerts
            cursor = page.cursor
        else:
            cursor = self._alert_cursor
            for _ in range(_ALERT_PAGES):
                page = feed.committed(cursor, _ALERT_PAGE, _ALL)
                found += page.alerts
                cursor = page.cursor
                if not page.more:
                    break
        found = found[-KEPT_ALERTS:]
        known = acknowledgements.get([alert.alert_id for alert in found]) if found else {}
        new = {alert.alert_id for alert in found}
        for line in self.state.alerts.values():
            if line.alert.alert_id in changes and line.alert.alert_id not in new:
                update.alerts.append(_alert_line(line.alert, changes[line.alert.alert_id], tick))
        update.alerts += [_alert_line(alert, known.get(alert.alert_id), tick) for alert in found]
        return cursor, mark


def alert_json(alert: Alert, acknowledgement: Acknowledgement | None) -> dict[str, object]:
    """Return an alert as the API gives it."""
    return {**alert_fields(alert), "acknowledged": acknowledgement_json(acknowledgement)}


def acknowledgement_json(acknowledgement: Acknowledgement | None) -> Mapping[str, object] | None:
    """Return an acknowledgement as the API gives it."""
    if acknowledgement is None:
        return None
    return {"at": format_instant(acknowledgement.at_ms), "by": acknowledgement.by, "note": acknowledgement.note}


def _alert_line(alert: Alert, acknowledgement: Acknowledgement | None, tick: int) -> AlertLine:
    fields = {**alert_json(alert, acknowledgement), "timestamp_ms": alert.timestamp_ms}
    return AlertLine(alert, tick, _encode(fields))


def _truck_line(track: Track, state: TruckState, since_ms: int | None, tick: int) -> TruckLine:
    p = track.last
    row = _encode(
        (
            p.truck_id, p.timestamp_ms, p.latitude, p.longitude, p.speed_kmh, p.heading, state, p.fuel_level_pct,
            p.engine_status, track.received_ms or None, since_ms,
        )
    )  # fmt: skip
    return TruckLine(p.truck_id, track, state, since_ms, p.latitude, p.longitude, tick, row)


def _never_line(truck_id: str, tick: int) -> TruckLine:
    row = _encode((truck_id, None, None, None, None, None, "never", None, None, None, None))
    return TruckLine(truck_id, None, "never", None, 0.0, 0.0, tick, row)
