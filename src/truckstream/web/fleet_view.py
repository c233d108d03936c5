"""The whole fleet as it is now, in memory: kept up to date from the stores once a second, for all viewers together.

Every tick has a number. A line (one truck) is encoded once when it changes and shared by every viewer; who has seen
everything up to a tick gets what changed since. `refresh` runs in a worker thread and builds new lines;
`FleetState` swaps them in, so readers never see half a tick.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from truckstream.core.alerts import Alert, alert_fields
from truckstream.core.instants import format_instant
from truckstream.core.outliers import Track
from truckstream.core.truck_state import STATES, TruckState, activity, fresh_ms, is_offline
from truckstream.ports_viewing import Acknowledgement, AlertFilter
from truckstream.web.sources import WebSources

FIELDS: Final = (
    "truck_id", "timestamp_ms", "latitude", "longitude", "speed_kmh", "heading", "state", "fuel_level_pct",
    "engine_status", "received_ms", "state_since_ms",
)  # fmt: skip
REMEMBERED_TICKS: Final = 120
RECENT_ALERTS: Final = 50
_KEPT_ALERTS: Final = 500
_ALERT_PAGE: Final = 1_000
_ALERT_PAGES: Final = 20  # per tick: more is a replay going by, of which the newest are enough

_ALL: Final = AlertFilter()
_encode = msgspec.json.Encoder().encode


class TruckLine(msgspec.Struct, frozen=True, gc=False):
    """One truck as viewers see it. `changed`: the tick that made this line. `track` None: never seen.

    `since_ms`: since when the state holds; None where it began before this process looked.
    """

    truck_id: str
    track: Track | None
    state: TruckState
    since_ms: int | None
    latitude: float
    longitude: float
    changed: int
    row: bytes


class AlertLine(msgspec.Struct, frozen=True):
    """One alert as viewers see it, and the tick that brought or changed it."""

    alert: Alert
    changed: int
    row: bytes


class FleetState:
    """What viewers read. Replaced line by line in `apply`, on the event loop; everything in it is immutable."""

    def __init__(self) -> None:
        self.tick = 0
        self.now_ms = 0
        self.lines: dict[str, TruckLine] = {}
        self.recent: deque[tuple[int, Sequence[TruckLine]]] = deque(maxlen=REMEMBERED_TICKS)
        self.gone: deque[tuple[int, Sequence[str]]] = deque(maxlen=REMEMBERED_TICKS)
        self.counts: Counter[str] = Counter()
        self.alerts: dict[str, AlertLine] = {}  # in commit order
        self.geofence_revision = 0
        self.health: bytes = b"null"
        self.failing_since_ms: int | None = None

    def changed_since(self, tick: int) -> list[TruckLine]:
        """Return the lines that changed after `tick`, each once."""
        if not self.recent or self.recent[0][0] > tick + 1:
            return [line for line in self.lines.values() if line.changed > tick]
        parts = [lines for number, lines in self.recent if number > tick and lines]
        if len(parts) == 1:
            return list(parts[0])
        return [line for part in parts for line in part if self.lines.get(line.truck_id) is line]

    def gone_since(self, tick: int) -> list[str]:
        """Return the trucks that left after `tick`."""
        return [
            truck_id for number, ids in self.gone if number > tick for truck_id in ids if truck_id not in self.lines
        ]

    def knows(self, tick: int) -> bool:
        """Return whether what changed after `tick` is still known."""
        return self.tick - REMEMBERED_TICKS < tick <= self.tick

    def count_of(self) -> dict[str, int]:
        """Return the trucks in each state, and of the fleet: the sum."""
        counts: dict[str, int] = {state: self.counts[state] for state in STATES}
        return {**counts, "fleet": len(self.lines)}


class Update(msgspec.Struct):
    """What one refresh found."""

    now_ms: int
    lines: list[TruckLine] = []
    gone: list[str] = []
    alerts: list[AlertLine] = []
    geofence_revision: int = 0
    health: bytes | None = None


class FleetView:
    """Reads the stores and builds the next tick; see `FleetState`.

    Args:
        sources: the ports.
        offline_after_ms: how old a position may be before it says nothing about the present.
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
        self._first = True

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
        update.health = self._health(now_ms)
        self._position_mark, self._alert_cursor = position_mark, alert_cursor
        self._acknowledgement_mark, self._first = acknowledgement_mark, False
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
            state.alerts = dict(islice(alerts.items(), max(0, len(alerts) - _KEPT_ALERTS), None))
        state.geofence_revision = update.geofence_revision
        if update.health is not None:
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
        found = found[-_KEPT_ALERTS:]
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
