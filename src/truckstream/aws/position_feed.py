"""Which latest positions changed, by looking at the whole table every few seconds: one look for all viewers.

DynamoDB has no cheaper question that leaves out no change. How often it is asked decides what a dashboard costs: a look
at 1,000 trucks is 40 read units, every two seconds 20 a second. Looks at a large table are made more rarely, for they
take from the units that the consumers need: nobody's map may hold up the positions.
"""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from truckstream.aws.positions import AwsPositions
from truckstream.core.outliers import Track

LOOK_EVERY_S: Final = 2.0
UNITS_PER_S: Final = 250.0
"""What looking reads at most: of 100,000 trucks 4,000 units, so every 16 s."""

_TRUCKS_PER_UNIT: Final = 25
"""Items of 328 bytes (`truckstream plan`) in 8 KB, which is a unit when consistency is not asked for."""


class AwsPositionFeed(AwsPositions):
    """`AwsPositions` that is also a `ports_viewing.PositionFeed`. Marks are this object's own; threads may share it."""

    def __init__(
        self,
        client: Any,
        table: str,
        *,
        every_s: float = LOOK_EVERY_S,
        monotonic: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            client: a boto3 client of DynamoDB.
            table: its name.
            every_s: how old a look may be, as long as the table is not too large for that.
            monotonic: seconds.
            options: those of `AwsPositions`.
        """
        super().__init__(client, table, **options)
        self._every_s, self._monotonic = every_s, monotonic
        self._watching = threading.Lock()
        self._name = uuid.uuid4().hex
        self._looked_s = float("-inf")
        self._look = 0
        self._watched: dict[str, tuple[int, Track]] = {}  # the look that brought it

    def changed_since(self, mark: str) -> tuple[Sequence[Track], str]:
        """Return the tracks stored since the mark, ordered by truck_id, and the mark to go on from."""
        name, _, number = mark.partition(":")
        since = int(number) if name == self._name and number.isdecimal() else -1
        with self._watching:
            if self._monotonic() - self._looked_s >= self._rest_s():
                self._look_again()
            changed = [track for look, track in self._watched.values() if look > since]
            now = f"{self._name}:{self._look}"
        return sorted(changed, key=lambda track: track.truck_id), now

    def _rest_s(self) -> float:
        return max(self._every_s, len(self._watched) / _TRUCKS_PER_UNIT / UNITS_PER_S) if self._every_s else 0.0

    def _look_again(self) -> None:
        began_s = self._monotonic()
        found = [(item["truck_id"]["S"], int(item["seen_ms"]["N"]), item) for item in self.look()]
        self._look += 1
        for truck_id, seen_ms, item in found:
            known = self._watched.get(truck_id)
            if known is None or known[1].seen_ms < seen_ms:  # older: a copy of the table that lags
                self._watched[truck_id] = (self._look, self.track_of(item))
        self._looked_s = began_s
