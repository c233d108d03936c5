"""The ports and consumers of one Lambda environment, each made when first used and then kept.

A function imports and connects only what it needs: the live ones neither NumPy nor Parquet.
"""

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self

from truckstream.aws.session import AwsSession, AwsSettings
from truckstream.consumers.decoding import DecodedBatch, decode_alone
from truckstream.core.coalescing import EVERY_POSITION, CoalescingPolicy
from truckstream.core.presence import TruckPresence
from truckstream.ports import (
    ArchiveFormat,
    ArchiveStore,
    Batch,
    Consumer,
    GeofenceStore,
    PositionStore,
    PresenceChange,
    PresenceStore,
    RecordSink,
    RejectedStore,
)

if TYPE_CHECKING:
    from truckstream.aws.alerts import AwsAlerts
    from truckstream.aws.given_up import Collected


class Pump(Protocol):
    """What sends pending alerts, as `aws.outbox.Outbox` does."""

    last_error: str
    buried: int

    def age_ms(self) -> int:
        """Return for how long the first pending alert has waited, 0 when none does."""
        ...

    def pump(self, until_ms: int | None = None) -> int:
        """Send what is pending until that instant; return how many were accepted."""
        ...


class Lease(Protocol):
    """Held by one at a time, as `aws.lease.BucketLease` is."""

    def __enter__(self) -> Self:
        """Take it, or raise Unavailable."""
        ...

    def __exit__(self, *error: object) -> None:
        """Give it back."""
        ...

    def renew(self) -> None:
        """Prolong it, or raise Unavailable when it is lost."""
        ...


class Counts:
    """What the last batch held, for metrics; reset before each batch."""

    def __init__(self) -> None:
        self.positions = self.rejected = self.alerts = 0

    def reset(self) -> None:
        """Begin a new batch."""
        self.positions = self.rejected = self.alerts = 0

    def decode(self, batch: Batch) -> DecodedBatch:
        """Decode a batch and count what it holds."""
        decoded = decode_alone(batch)
        self.positions, self.rejected = len(decoded.received.positions), len(decoded.rejected)
        return decoded


class _CountedAlerts:
    """A presence store that counts the alerts committed through it."""

    def __init__(self, presence: PresenceStore, counts: Counts) -> None:
        self._presence = presence
        self._counts = counts

    def load(self, truck_ids: Collection[str]) -> dict[str, TruckPresence]:
        """Return what the store has."""
        return self._presence.load(truck_ids)

    def commit(self, changes: Sequence[PresenceChange]) -> frozenset[str]:
        """Commit, and count the alerts of the trucks that were written."""
        failed = self._presence.commit(changes)
        self._counts.alerts += sum(len(each.alerts) for each in changes if each.presence.truck_id not in failed)
        return failed


class Parts:
    """Ports on AWS. Tests put others in their place by setting the attributes."""

    def __init__(
        self,
        settings: AwsSettings,
        *,
        outlier_limit_kmh: float,
        num_trucks: int = 1,
        coalescing: CoalescingPolicy = EVERY_POSITION,
    ) -> None:
        self.outlier_limit_kmh = outlier_limit_kmh
        self.num_trucks = num_trucks
        self.counts = Counts()
        self._settings = settings
        self._coalescing = coalescing

    @cached_property
    def session(self) -> AwsSession:
        """Names and clients."""
        return AwsSession(self._settings)

    @cached_property
    def stream(self) -> RecordSink:
        """The producer's end of the stream."""
        from truckstream.aws.stream import KinesisStream

        return KinesisStream(self.session)

    @cached_property
    def positions(self) -> PositionStore:
        """Latest positions."""
        from truckstream.aws.positions import AwsPositions

        table = self.session.require("positions_table")
        return AwsPositions(self.session.client("dynamodb"), table, coalescing=self._coalescing)

    @cached_property
    def geofences(self) -> GeofenceStore:
        """Geofences, cached."""
        from truckstream.aws.geofences import AwsGeofences

        return AwsGeofences(self.session.client("dynamodb"), self.session.require("geofences_table"))

    @cached_property
    def presence(self) -> PresenceStore:
        """Presence of every truck, committed together with its alerts."""
        return self._alerts

    @cached_property
    def outbox(self) -> Pump:
        """What sends committed alerts to the topic."""
        from truckstream.aws.notifiers import SnsNotifier
        from truckstream.aws.outbox import Outbox

        return Outbox(self._alerts, SnsNotifier(self.session.client("sns"), self.session.require("topic_arn")))

    def number_news(self) -> int:
        """Give new alerts their numbers in the feed; return how many."""
        from truckstream.aws.alert_feed import AwsAlertFeed

        return AwsAlertFeed(self._alerts).number_news()

    @cached_property
    def archive(self) -> ArchiveStore:
        """The bucket."""
        from truckstream.aws.archive import S3Archive

        return S3Archive(self.session)

    @cached_property
    def format(self) -> ArchiveFormat:
        """Parquet."""
        from truckstream.parquet import ParquetFormat

        return ParquetFormat()

    @cached_property
    def rejected(self) -> RejectedStore:
        """Records set aside."""
        from truckstream.aws.rejected import S3Rejected

        return S3Rejected(self.session)

    def collect_given_up(self) -> "Collected":
        """Bring batches Lambda gave up on into the rejected store."""
        from truckstream.aws.given_up import GivenUp
        from truckstream.aws.stream import KinesisStream

        queue_url = self._settings.on_failure_queue_url
        return GivenUp(self.session, self.rejected, KinesisStream(self.session), queue_url=queue_url).collect()

    def compaction_lease(self) -> Lease:
        """Return what to hold while compacting: the command line may be at it as well."""
        from truckstream.aws.lease import BucketLease

        return BucketLease(self.session.client("s3"), self.session.require("bucket"), "compaction")

    @cached_property
    def dashboard(self) -> Consumer:
        """The consumer of the latest positions."""
        from truckstream.consumers.dashboard import DashboardConsumer

        limit_kmh = self.outlier_limit_kmh
        return DashboardConsumer(self.positions, self.rejected, outlier_limit_kmh=limit_kmh, decode=self.counts.decode)

    @cached_property
    def geofence(self) -> Consumer:
        """The consumer of presence and alerts."""
        from truckstream.consumers.geofence import GeofenceConsumer

        return GeofenceConsumer(
            _CountedAlerts(self.presence, self.counts),
            self.geofences,
            self.rejected,
            outlier_limit_kmh=self.outlier_limit_kmh,
            decode=self.counts.decode,
        )

    @cached_property
    def archiver(self) -> Consumer:
        """The consumer of the archive."""
        from truckstream.consumers.archive import ArchiveConsumer

        return ArchiveConsumer(self.archive, self.format, self.rejected, decode=self.counts.decode)

    @cached_property
    def _alerts(self) -> "AwsAlerts":
        from truckstream.aws.alerts import AwsAlerts

        return AwsAlerts(self.session.client("dynamodb"), self.session.require("geofences_table"))
