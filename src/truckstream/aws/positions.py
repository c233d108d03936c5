"""Latest positions in DynamoDB: one item per truck, key `truck_id`.

The track is a msgpack blob; the position's own fields are attributes as well, so that a console or another
program can read them. Every write is conditional on being newer, so writers may repeat, overlap and overtake
each other. One call per truck, many at once: 1,000 trucks take about 1,000 / 16 times 8 ms.
"""

import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from truckstream.aws.table import AT_ONCE, Item, Table, number, pack, text, unpack
from truckstream.core.coalescing import EVERY_POSITION, CoalescingPolicy, worth_writing
from truckstream.core.errors import StorageDamaged
from truckstream.core.instants import format_instant
from truckstream.core.outliers import Track

_IF_NEWER: Final = "attribute_not_exists(truck_id) OR seen_ms < :seen"
_NUMBERS: Final = ("latitude", "longitude", "speed_kmh", "heading", "altitude_m", "accuracy_m", "fuel_level_pct")
_REMEMBERED_TRUCKS: Final = 50_000


class _Known(NamedTuple):
    """What the table holds of a truck, and how far this process has come with it without writing."""

    stored: Track
    reached: Track


class AwsPositions:
    """`ports.PositionStore` in a DynamoDB table. Threads and any number of processes may share it.

    With a coalescing policy some newer positions are not written. The process remembers how far it has come
    with such a truck, and `load` returns that as long as the stored item is the one it came from. A process
    that starts afresh goes on from the stored item: it lags (see `core.coalescing`), it is never wrong.

    Args:
        client: a boto3 client of DynamoDB.
        table: its name.
        coalescing: which newer positions to write; default all.
        at_once: how many calls run at the same time.
    """

    def __init__(
        self, client: Any, table: str, *, coalescing: CoalescingPolicy = EVERY_POSITION, at_once: int = AT_ONCE
    ) -> None:
        self._table = Table(client, table, "positions", at_once=at_once)
        self._coalescing = coalescing
        self._writes_all = coalescing == EVERY_POSITION
        self._known: dict[str, _Known] = {}
        self._fresh: set[str] = set()
        self._encode = msgspec.msgpack.Encoder().encode
        self._decoder = msgspec.msgpack.Decoder(Track)

    def load(self, truck_ids: Collection[str]) -> dict[str, Track]:
        """Return what is stored for those of the trucks that are known, or what came of it since."""
        items = self._table.get_many([{"truck_id": text(truck_id)} for truck_id in dict.fromkeys(truck_ids)])
        tracks = {item["truck_id"]["S"]: self._decode(item) for item in items}
        if self._writes_all:
            return tracks
        if len(self._known) > _REMEMBERED_TRUCKS:
            self._known.clear()
        for truck_id, stored in tracks.items():
            known = self._known.get(truck_id)
            if known is None or known.stored.seen_ms != stored.seen_ms:
                known = self._known[truck_id] = _Known(stored, stored)
            tracks[truck_id] = known.reached
        for truck_id in truck_ids:
            if truck_id not in tracks:
                self._known.pop(truck_id, None)
        self._fresh.update(truck_ids)
        return tracks

    def put_newer(self, tracks: Sequence[Track]) -> frozenset[str]:
        """Store each newer track that the policy wants written; return the trucks whose write failed.

        Raises what no repetition mends, such as a missing table; a table in trouble fails its trucks quickly.
        """
        newest: dict[str, Track] = {}
        for track in tracks:
            other = newest.get(track.truck_id)
            if other is None or track.seen_ms > other.seen_ms:
                newest[track.truck_id] = track
        wanted = list(newest.values()) if self._writes_all else self._wanted(newest)
        done = self._table.each(wanted, self._put)
        return frozenset(track.truck_id for track, written in zip(wanted, done, strict=True) if not written)

    def list(self, *, after: str = "", limit: int | None = None) -> Sequence[Track]:
        """Return tracks ordered by truck_id, from the first id greater than `after`. Reads the whole table."""
        found = sorted((item for item in self._table.scan() if item["truck_id"]["S"] > after), key=_truck_id)
        return [self._decode(item) for item in found[:limit]]

    def look(self) -> Iterator[Item]:
        """Yield the table's items, in no order, some perhaps as they were a second ago: at half the price."""
        return self._table.scan(consistent=False)

    def track_of(self, item: Item) -> Track:
        """Return the track in an item. Raises StorageDamaged."""
        return self._decode(item)

    def _wanted(self, newest: dict[str, Track]) -> Sequence[Track]:
        """Leave out what the policy does not want written, by what is stored at this moment."""
        unsure = newest.keys() - self._fresh
        if unsure:
            self.load(unsure)
        self._fresh.clear()
        wanted = []
        for truck_id, track in newest.items():
            known = self._known.get(truck_id)
            if worth_writing(self._coalescing, known.stored if known else None, track):
                wanted.append(track)
            elif known is not None and track.seen_ms > known.reached.seen_ms:
                self._known[truck_id] = _Known(known.stored, track)
        return wanted

    def _put(self, track: Track) -> bool:
        refused = self._table.put(self._item(track), _IF_NEWER, {":seen": number(track.seen_ms)})
        if not self._writes_all:
            if refused is None:
                self._known[track.truck_id] = _Known(track, track)
            else:
                self._known.pop(track.truck_id, None)
        return True

    def _item(self, track: Track) -> Item:
        last = track.last
        item = {
            "truck_id": text(last.truck_id),
            "seen_ms": number(track.seen_ms),
            "timestamp": text(format_instant(last.timestamp_ms)),
            "track": pack(self._encode(track)),
        }
        for name in _NUMBERS:
            value = getattr(last, name)
            if value is not None:
                item[name] = number(value)
        if last.engine_status is not None:
            item["engine_status"] = text(last.engine_status)
        return item

    def _decode(self, item: Item) -> Track:
        try:
            return self._decoder.decode(unpack(item["track"]))
        except (msgspec.MsgspecError, zlib.error, KeyError) as error:
            raise StorageDamaged(
                f"table {self._table.name}: item of truck {_truck_id(item)}: {error}",
                hint="Delete that item: the truck's next position writes it anew.",
            ) from error


def _truck_id(item: Item) -> str:
    return str(item["truck_id"]["S"])
