"""Events of the presence engine, and the alerts someone asked to hear of.

An alert's id is a hash of truck, geofence, version, type and event time: the same event has the same id
however often it is found again, so stores and receivers can tell it from a new one.
"""

from hashlib import blake2b
from typing import Literal

import msgspec

from truckstream.core.geofences import Geofence
from truckstream.core.instants import format_instant

EventType = Literal["enter", "exit", "dwell", "speeding"]

LATE_AFTER_MS = 15 * 60_000
"""An alert whose event is older than this when its record arrives is recorded, not sent."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something a truck did at a geofence: when (ms since the epoch, UTC) and where (degrees)."""

    truck_id: str
    geofence_id: str
    event: EventType
    timestamp_ms: int
    latitude: float
    longitude: float


class Alert(msgspec.Struct, frozen=True, gc=False):
    """An event that the geofence's `alert_on` or a limit of it asks for; wire names, instant in ms."""

    alert_id: str
    truck_id: str
    geofence_id: str
    geofence_name: str
    alert_type: EventType
    timestamp_ms: int
    latitude: float
    longitude: float
    geofence_version: int
    late: bool = False


def alert_id_of(event: Event, geofence_version: int) -> str:
    """Return the 32 hex digits that name this event for good."""
    parts = (event.truck_id, event.geofence_id, geofence_version, event.event, event.timestamp_ms)
    return blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


def alert_from(event: Event, geofence: Geofence, arrival_ms: int) -> Alert:
    """Return the alert for an event of `geofence`, shown by a record that arrived at `arrival_ms`."""
    return Alert(
        alert_id=alert_id_of(event, geofence.version),
        truck_id=event.truck_id,
        geofence_id=event.geofence_id,
        geofence_name=geofence.name,
        alert_type=event.event,
        timestamp_ms=event.timestamp_ms,
        latitude=event.latitude,
        longitude=event.longitude,
        geofence_version=geofence.version,
        late=arrival_ms - event.timestamp_ms > LATE_AFTER_MS,
    )


def wants_alert(geofence: Geofence, event: Event) -> bool:
    """Return whether the geofence asks for an alert of this event.

    Dwell and speeding happen only where their limit is set, and setting it is asking.
    """
    if event.event in ("enter", "exit"):
        return geofence.alert_on in (event.event, "both")
    return True


def alert_fields(alert: Alert) -> dict[str, object]:
    """Return the alert under its wire names, with an ISO 8601 `timestamp`."""
    fields: dict[str, object] = {}
    for name in alert.__struct_fields__:
        if name == "timestamp_ms":
            fields["timestamp"] = format_instant(alert.timestamp_ms)
        else:
            fields[name] = getattr(alert, name)
    return fields


def alert_to_json(alert: Alert) -> bytes:
    """Return the wire form: one compact JSON object."""
    return msgspec.json.encode(alert_fields(alert))
