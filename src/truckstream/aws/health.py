"""The deployed pipeline's figures for the web application: asked of AWS twice a minute, whoever looks."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from truckstream.aws.alert_feed import AwsAlertFeed
from truckstream.aws.status import RUN_BY, lags
from truckstream.core.errors import Denied, TruckstreamError
from truckstream.core.status import Lag
from truckstream.ports_viewing import PipelineHealth

if TYPE_CHECKING:
    from truckstream.aws.stores import AwsStores

ASK_EVERY_S: Final = 30.0
"""CloudWatch has a new iterator age every minute, and asks its price for each."""

_REASONS: Final = 20
_READ_REASONS: Final = 200  # entries; each is an object of its own


class AwsHealth:
    """`ports_viewing.HealthSource` over the deployed system. Threads may share it."""

    def __init__(
        self,
        stores: "AwsStores",
        clock: Callable[[], int],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        every_s: float = ASK_EVERY_S,
    ) -> None:
        self._stores, self._clock, self._monotonic, self._every_s = stores, clock, monotonic, every_s
        self._feed = AwsAlertFeed(stores.alerts)
        self._lock = threading.Lock()
        self._asked_s = float("-inf")
        self._answer: PipelineHealth | TruckstreamError | None = None
        self._reasons: tuple[int, Sequence[tuple[str, int]]] = (0, ())

    def health(self) -> PipelineHealth:
        """Return the figures, at most half a minute old.

        Raises what kept them from being read, for as long: a service that does not answer is not waited for by
        everybody who asks.
        """
        with self._lock:
            if self._answer is None or self._monotonic() - self._asked_s >= self._every_s:
                try:
                    self._answer = self._ask()
                except TruckstreamError as error:
                    self._answer = error
                self._asked_s = self._monotonic()
            if isinstance(self._answer, TruckstreamError):
                raise self._answer.with_traceback(None)
            return self._answer

    def _ask(self) -> PipelineHealth:
        stores = self._stores
        self._feed.number_news()  # alerts count once numbered; nobody else may be reading the feed
        behind = self._lags()
        last_arrival_ms = stores.stream.recent_arrival_ms() or None
        archive = (behind or {}).get("archive")
        archived_until_ms = None
        if last_arrival_ms is not None and archive is not None and archive.age_ms is not None:
            archived_until_ms = last_arrival_ms - archive.age_ms
        rejected = stores.rejected.count()
        size = stores.archive_size()
        return PipelineHealth(
            records=None,
            positions_per_record=None,
            last_arrival_ms=last_arrival_ms,
            consumers=behind or {},
            rejected=rejected,
            rejected_reasons=self._rejected_reasons(rejected),
            archived_until_ms=archived_until_ms,
            archive_files=size.files,
            archive_bytes=size.size_bytes,
            alerts=self._feed.last_number(),
            outbox=stores.alerts.pending_count(),
            shards=len(stores.stream.shards()),
            # Whoever may not ask which functions are connected does not say that none is.
            writer=RUN_BY if behind is None or behind else "",
        )

    def _lags(self) -> dict[str, Lag] | None:
        """Return the lags of the consumers connected; None where whoever looks may not ask Lambda or CloudWatch."""
        try:
            return lags(self._stores.session, self._stores.stream.arn(), self._clock())
        except Denied:
            return None

    def _rejected_reasons(self, count: int) -> Sequence[tuple[str, int]]:
        """Return the commonest reasons of the first entries; read again when their number changed."""
        if count != self._reasons[0]:
            found = Counter(record.reason for record in islice(self._stores.rejected.list(), _READ_REASONS))
            self._reasons = count, found.most_common(_REASONS)
        return self._reasons[1]
