"""What the web application needs from a backend, beside `ports`: feeds to look at the running system with.

It runs in processes of its own beside the pipeline, any number of them. The common rules of `ports` hold: instants
are integer milliseconds, a call that fails for a retryable reason may be repeated as a whole. Marks and cursors are
opaque texts; "" is the beginning.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from truckstream.core.outliers import Track
from truckstream.core.presence import Alert
from truckstream.core.records import ReceivedPositions
from truckstream.core.status import Lag


class PositionFeed(Protocol):
    """Which latest positions changed, so that a thousand viewers do not re-read every truck every second."""

    def changed_since(self, mark: str) -> tuple[Sequence[Track], str]:
        """Return the tracks stored since `mark` ("": all of them) and the mark to go on from.

        No change is ever left out, also of writes that commit while this runs; one may come again. A mark this
        store does not know returns all tracks.
        """
        ...


class AlertFilter(msgspec.Struct, frozen=True):
    """Which alerts are wanted; None is any. `from_ms <= timestamp_ms < to_ms`."""

    truck_id: str | None = None
    geofence_id: str | None = None
    alert_type: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None


class AlertPage(msgspec.Struct, frozen=True):
    """Some alerts, and the cursor behind them. `more` False: nothing lay behind them at that moment."""

    alerts: Sequence[Alert]
    cursor: str
    more: bool


class AlertFeed(Protocol):
    """The alert log, a page at a time. Cursors are opaque texts; an unreadable one raises InvalidInput."""

    def committed(self, after: str, limit: int, wanted: AlertFilter) -> AlertPage:
        """Return alerts in commit order, from the first behind the cursor ("": the oldest).

        Whatever commits later lies behind the returned cursor, also when the page is empty: reading on from
        there gives each alert exactly once.
        """
        ...

    def by_time(self, after: str, limit: int, wanted: AlertFilter, *, newest_first: bool) -> AlertPage:
        """Return alerts ordered by (timestamp_ms, truck_id, alert_id), or the reverse of it."""
        ...

    def latest(self, limit: int) -> AlertPage:
        """Return the alerts committed last, in commit order; `committed` goes on from the cursor."""
        ...

    def get(self, alert_id: str) -> Alert | None:
        """Return one alert."""
        ...


class Acknowledgement(msgspec.Struct, frozen=True):
    """Someone has seen to an alert: when (ms since the epoch), who, and what they noted."""

    at_ms: int
    by: str
    note: str = ""


class AcknowledgementStore(Protocol):
    """Acknowledgements by alert id. The last writer wins; each change is visible to every reader's next call."""

    def put(self, alert_id: str, acknowledgement: Acknowledgement) -> None:
        """Store it durably, replacing the one before."""
        ...

    def remove(self, alert_id: str) -> bool:
        """Take it back; return whether there was one."""
        ...

    def get(self, alert_ids: Collection[str]) -> dict[str, Acknowledgement]:
        """Return those of the alerts that are acknowledged."""
        ...

    def changed_since(self, mark: str) -> tuple[dict[str, Acknowledgement | None], str]:
        """Return what changed since the mark (None: taken back; "": nothing, the present) and the mark to go on."""
        ...


class RecentPositions(Protocol):
    """What the stream has taken but the archive may not hold yet."""

    def recent(self, truck_id: str) -> ReceivedPositions:
        """Return the truck's positions in any order. Read them before the archive: then none is between."""
        ...


class PipelineHealth(msgspec.Struct, frozen=True):
    """One look at the pipeline. Counts only grow; instants in ms since the epoch; None is not known here.

    `records`: put on the stream, ever. `positions_per_record`: in the newest records. `rejected_reasons`: the
    commonest, whole or by kind. `archived_until_ms`: what arrived before is in the archive. `writer`: who runs the
    pipeline, "" when nobody does.
    """

    records: int | None
    positions_per_record: float | None
    last_arrival_ms: int | None
    consumers: dict[str, Lag]
    rejected: int
    rejected_reasons: Sequence[tuple[str, int]]
    archived_until_ms: int | None
    archive_files: int
    archive_bytes: int
    alerts: int
    outbox: int
    shards: int
    writer: str


class HealthSource(Protocol):
    """The pipeline's own figures; cheap enough to be asked every few seconds."""

    def health(self) -> PipelineHealth:
        """Return the figures now."""
        ...
