"""Answers from the archive of a data directory: statistics, transitions, SQL, verification. They write nothing."""

from collections.abc import Iterator

from truckstream.consumers import history, statistics, verification
from truckstream.core.alerts import Event, wants_alert
from truckstream.core.geofences import Catalogue
from truckstream.core.stats import HourlyTable, PositionColumns
from truckstream.local import analytics
from truckstream.local.stores import LocalStores


def hourly_statistics(stores: LocalStores, *, refresh: bool = False) -> HourlyTable:
    """Return the hourly statistics, current with the archive. `refresh` trusts nothing stored."""
    return statistics.current(
        stores.archive,
        stores.format,
        clock_ms=stores.stream.last_arrival_ms(),
        limit_kmh=stores.settings.outlier_speed_kmh,
        force=refresh,
    )


def transitions(
    stores: LocalStores, *, truck_id: str | None = None, from_ms: int | None = None, to_ms: int | None = None
) -> Iterator[Event]:
    """Yield enter and exit of the current geofences over the whole archive."""
    return history.transitions(
        stores.archive,
        stores.format,
        stores.geofences.catalogue(),
        limit_kmh=stores.settings.outlier_speed_kmh,
        truck_id=truck_id,
        from_ms=from_ms,
        to_ms=to_ms,
    )


def would_fire(
    stores: LocalStores,
    catalogue: Catalogue,
    *,
    truck_id: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> Iterator[Event]:
    """Yield the events for which geofences that are not in force would have raised an alert."""
    rules = {geofence.geofence_id: geofence for geofence in catalogue.geofences}
    events = history.events(
        stores.archive,
        stores.format,
        catalogue,
        limit_kmh=stores.settings.outlier_speed_kmh,
        truck_id=truck_id,
        from_ms=from_ms,
        to_ms=to_ms,
    )
    return (event for event in events if wants_alert(rules[event.geofence_id], event))


def rows(stores: LocalStores) -> Iterator[PositionColumns]:
    """Yield the archive's positions date by date, unique, by truck and time."""
    return history.iterate(stores.archive, stores.format)


def query(stores: LocalStores, sql: str) -> analytics.Result:
    """Run SQL over the archive; return column names and rows."""
    return analytics.query(stores.directory.archive, sql, hourly=lambda: hourly_statistics(stores))


def verify(stores: LocalStores) -> verification.Verification:
    """Compare the archive with the records its consumer has read from the stream."""
    return verification.verify(stores.batches("archive"), rows(stores))
