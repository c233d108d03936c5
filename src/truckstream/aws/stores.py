"""The stores of one deployed system, opened when first used: what the command line and the pages read and write.

The same names as `local.stores`. Live consumers run in Lambda, so nothing here delivers records; what Lambda
has read is known only from its metrics. Threads may share the stores: clients are made once, and every port of
this package may be called by several threads.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from truckstream.aws.session import AwsSession, AwsSettings
from truckstream.consumers.archive_keys import POSITIONS, date_in
from truckstream.core.status import ArchiveSize, Status
from truckstream.ports import Batch, RejectedRecord

if TYPE_CHECKING:
    from truckstream.aws.acknowledgements import AwsAcknowledgements
    from truckstream.aws.alert_feed import AwsAlertFeed
    from truckstream.aws.alerts import AwsAlerts
    from truckstream.aws.analytics import AthenaAnalytics, Result
    from truckstream.aws.archive import S3Archive
    from truckstream.aws.geofences import AwsGeofences
    from truckstream.aws.given_up import Collected
    from truckstream.aws.health import AwsHealth
    from truckstream.aws.lease import BucketLease
    from truckstream.aws.position_feed import AwsPositionFeed
    from truckstream.aws.recent import AwsRecent
    from truckstream.aws.rejected import S3Rejected
    from truckstream.aws.stream import KinesisStream
    from truckstream.consumers.redriving import Redriven
    from truckstream.parquet import ParquetFormat

SETTLED_MS: Final = 120_000
"""How long after its arrival a record is expected in the archive: Lambda's batching window and a retry or two."""

COMPACTION: Final = "compaction"
_READ_RECORDS: Final = 10_000


def wall_clock_ms() -> int:
    """Return the present: Kinesis notes the same clock as arrival time. Never event time."""
    return time.time_ns() // 1_000_000


class AwsStores:
    """Ports over the parts that the settings name. Use as a context manager.

    Making it asks for nothing; a part that is not configured is told when it is first used.
    """

    def __init__(
        self,
        settings: AwsSettings,
        *,
        outlier_limit_kmh: float,
        boto: Any = None,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> None:
        """Prepare the session.

        Args:
            settings: names of the parts.
            outlier_limit_kmh: the fastest believable speed, as the functions have it; 0 for off.
            boto: a boto3.Session that makes the clients; None: boto3's usual rules.
            clock: milliseconds since the epoch.

        Raises:
            MissingPart: boto3 is not installed.
        """
        self.session = AwsSession(settings, boto=boto)
        self.outlier_limit_kmh = outlier_limit_kmh
        self._clock = clock

    @cached_property
    def format(self) -> "ParquetFormat":
        """The archive's format."""
        from truckstream.parquet import ParquetFormat

        return ParquetFormat()

    @cached_property
    def stream(self) -> "KinesisStream":
        """The stream."""
        from truckstream.aws.stream import KinesisStream

        return KinesisStream(self.session)

    @cached_property
    def positions(self) -> "AwsPositionFeed":
        """Latest positions, and which of them changed."""
        from truckstream.aws.position_feed import AwsPositionFeed

        return AwsPositionFeed(self.session.client("dynamodb"), self.session.require("positions_table"))

    @cached_property
    def geofences(self) -> "AwsGeofences":
        """Geofences."""
        from truckstream.aws.geofences import AwsGeofences

        return AwsGeofences(self.session.client("dynamodb"), self.session.require("geofences_table"))

    @cached_property
    def alerts(self) -> "AwsAlerts":
        """Presence, alert log and outbox."""
        from truckstream.aws.alerts import AwsAlerts

        return AwsAlerts(self.session.client("dynamodb"), self.session.require("geofences_table"))

    @cached_property
    def alert_feed(self) -> "AwsAlertFeed":
        """The alert log in the order in which readers are told."""
        from truckstream.aws.alert_feed import AwsAlertFeed

        return AwsAlertFeed(self.alerts)

    @cached_property
    def acknowledgements(self) -> "AwsAcknowledgements":
        """Who has seen to which alert."""
        from truckstream.aws.acknowledgements import AwsAcknowledgements

        return AwsAcknowledgements(self.session.client("dynamodb"), self.session.require("geofences_table"))

    @cached_property
    def recent(self) -> "AwsRecent":
        """What the archive may not hold yet."""
        from truckstream.aws.recent import AwsRecent
        from truckstream.aws.stream import KinesisStream

        return AwsRecent(KinesisStream(self.session), self._clock)

    @cached_property
    def health(self) -> "AwsHealth":
        """The pipeline's figures."""
        from truckstream.aws.health import AwsHealth

        return AwsHealth(self, self._clock)

    @cached_property
    def rejected(self) -> "S3Rejected":
        """Records set aside."""
        from truckstream.aws.rejected import S3Rejected

        return S3Rejected(self.session)

    @cached_property
    def archive(self) -> "S3Archive":
        """Parquet files."""
        from truckstream.aws.archive import S3Archive

        return S3Archive(self.session)

    @cached_property
    def analytics(self) -> "AthenaAnalytics":
        """SQL; `last_cost` says what the last query read."""
        from truckstream.aws.analytics import AthenaAnalytics

        return AthenaAnalytics(self.session)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the stores may still be used, and open new ones."""
        self.session.close()

    def archive_size(self) -> ArchiveSize:
        """Return how many position files there are, and their bytes."""
        files = [file for file in self.archive.list(POSITIONS) if date_in(file.key)]
        return ArchiveSize(len(files), sum(file.size for file in files))

    def received(self, *, settled_ms: int = SETTLED_MS) -> Iterator[Batch]:
        """Yield the records on the stream that the archive should hold by now, shard by shard.

        Which those are only Lambda knows: taken are those that arrived at least `settled_ms` ago.
        """
        until_ms = self._clock() - settled_ms
        for shard in self.stream.shards():
            after = 0
            while records := self.stream.read(shard.shard_id, after, _READ_RECORDS):
                wanted = [record for record in records if record.arrival_ms <= until_ms]
                if wanted:
                    yield Batch(shard.shard_id, wanted)
                if len(wanted) < len(records):
                    break
                after = records[-1].sequence_number

    def arrived_ms(self) -> int:
        """Return the present, which makes hours final: Kinesis goes by the same clock."""
        return self._clock()

    def query(self, sql: str) -> "Result":
        """Run SQL over the archive; return column names and rows."""
        return self.analytics.query(sql)

    def redrive(self, records: Iterable[RejectedRecord]) -> "Redriven":
        """Put rejected records on the stream again."""
        from truckstream.consumers.redriving import redrive

        return redrive(self.rejected, self.stream, records)

    def collect_given_up(self) -> "Collected":
        """Bring batches Lambda gave up on into the rejected store."""
        from truckstream.aws.given_up import GivenUp

        queue_url = self.session.settings.on_failure_queue_url
        return GivenUp(self.session, self.rejected, self.stream, queue_url=queue_url).collect()

    def compaction_lease(self) -> "BucketLease":
        """Return what to hold while compacting: the scheduled function and the command line must not meet."""
        from truckstream.aws.lease import BucketLease

        return BucketLease(self.session.client("s3"), self.session.require("bucket"), COMPACTION, self._clock)

    def status(self) -> Status:
        """Return lag, counts and freshness, as far as AWS tells."""
        from truckstream.aws.status import status_of

        return status_of(self, self._clock())
