"""The web application's sources in memory, with a fault script."""

from truckstream.parquet import ParquetFormat
from truckstream.testing import (
    FaultScript,
    MemoryArchive,
    MemoryGeofences,
    MemoryPresence,
    MemoryRejected,
    MemoryStream,
)
from truckstream.testing.viewing import (
    MemoryAcknowledgements,
    MemoryAlertFeed,
    MemoryHealth,
    MemoryRecent,
    ViewedPositions,
)
from truckstream.web.sources import WebSources


class MemoryWorld:
    """Stores in memory, and the sources over them."""

    def __init__(self) -> None:
        self.faults = FaultScript()
        self.positions = ViewedPositions(self.faults)
        self.presence = MemoryPresence()
        self.geofences = MemoryGeofences(faults=self.faults)
        self.acknowledgements = MemoryAcknowledgements()
        self.stream = MemoryStream(faults=self.faults)
        self.rejected = MemoryRejected()
        self.sources = WebSources(
            backend="memory",
            positions=self.positions,
            presence=self.presence,
            geofences=self.geofences,
            alerts=MemoryAlertFeed(self.presence),
            acknowledgements=self.acknowledgements,
            archive=MemoryArchive(),
            format=ParquetFormat(),
            recent=MemoryRecent(),
            stream=self.stream,
            rejected=self.rejected,
            health=MemoryHealth(),
            outlier_limit_kmh=200.0,
        )
