"""Answers from the archive, the same on every backend: statistics, transitions, verification. They write nothing."""

from collections.abc import Iterator
from typing import Protocol

from truckstream.consumers import history, passages, statistics, verification
from truckstream.core.alerts import Event, wants_alert
from truckstream.core.geofences import Catalogue
from truckstream.core.stats import HourlyTable, PositionColumns
from truckstream.ports import ArchiveFormat, ArchiveStore, Batch, GeofenceStore


class Stores(Protocol):
    """What the answers are made from: `LocalStores` and `AwsStores` are such."""

    @property
    def archive(self) -> ArchiveStore:
        """The archive's files."""
        ...

    @property
    def format(self) -> ArchiveFormat:
        """Their format."""
        ...

    @property
    def geofences(self) -> GeofenceStore:
        """The geofences in force."""
        ...

    @property
    def outlier_limit_kmh(self) -> float:
        """The fastest believable speed, 0 for off."""
        ...

    def arrived_ms(self) -> int:
        """Return the stream's latest arrival time, which makes hours final."""
        ...


def hourly_statistics(stores: Stores, *, refresh: bool = False) -> HourlyTable:
    """Return the hourly statistics, current with the archive. `refresh` trusts nothing stored."""
    return statistics.current(
        stores.archive,
        stores.format,
        clock_ms=stores.arrived_ms(),
        limit_kmh=stores.outlier_limit_kmh,
        force=refresh,
    )


def transitions(
    stores: Stores, *, truck_id: str | None = None, from_ms: int | None = None, to_ms: int | None = None
) -> Iterator[Event]:
    """Yield enter and exit of the current geofences over the whole archive."""
    return passages.transitions(
        stores.archive,
        stores.format,
        stores.geofences.catalogue(),
        limit_kmh=stores.outlier_limit_kmh,
        truck_id=truck_id,
        from_ms=from_ms,
        to_ms=to_ms,
    )


def would_fire(
    stores: Stores,
    catalogue: Catalogue,
    *,
    truck_id: str | None = None,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> Iterator[Event]:
    """Yield the events for which geofences that are not in force would have raised an alert."""
    rules = {geofence.geofence_id: geofence for geofence in catalogue.geofences}
    events = passages.events(
        stores.archive,
        stores.format,
        catalogue,
        limit_kmh=stores.outlier_limit_kmh,
        truck_id=truck_id,
        from_ms=from_ms,
        to_ms=to_ms,
    )
    return (event for event in events if wants_alert(rules[event.geofence_id], event))


def rows(stores: Stores) -> Iterator[PositionColumns]:
    """Yield the archive's positions date by date, unique, by truck and time."""
    return history.iterate(stores.archive, stores.format)


def verify(stores: Stores, received: Iterator[Batch]) -> verification.Verification:
    """Compare the archive with records its consumer has read from the stream."""
    return verification.verify(received, rows(stores))
