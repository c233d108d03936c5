"""Which latest positions changed, by looking at the whole table every few seconds: one look for all viewers.

DynamoDB has no cheaper question that leaves out no change. A look at 1,000 trucks reads half a megabyte, so how often
it is done decides what a dashboard costs: every two seconds it is about 30 read units a second.
"""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from truckstream.aws.positions import AwsPositions
from truckstream.core.outliers import Track

LOOK_EVERY_S: Final = 2.0


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
            every_s: how old a look may be.
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
            if self._monotonic() - self._looked_s >= self._every_s:
                self._look_again()
            changed = [track for look, track in self._watched.values() if look > since]
            now = f"{self._name}:{self._look}"
        return sorted(changed, key=lambda track: track.truck_id), now

    def _look_again(self) -> None:
        began_s = self._monotonic()
        found = [(item["truck_id"]["S"], int(item["seen_ms"]["N"]), item) for item in self.scan()]
        self._look += 1
        for truck_id, seen_ms, item in found:
            known = self._watched.get(truck_id)
            if known is None or known[1].seen_ms != seen_ms:
                self._watched[truck_id] = (self._look, self.track_of(item))
        self._looked_s = began_s
