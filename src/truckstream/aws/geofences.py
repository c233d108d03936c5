"""Geofences in DynamoDB: versioned definitions that change all at once; `aws.geofence_items` has the items.

A change of up to 99 geofences is one transaction over them and the catalogue item. A larger one cannot be: it
is written to "staged" first, where no reader looks; then one conditional write of the catalogue item raises the
revision and names the staged change in `applying`. From that moment readers lay the staged items over the
others, until they have been copied and `applying` is gone. A writer that dies in between leaves the copying to
the next one; one that dies before leaves items nobody reads, which a later large change removes.

DynamoDB reads no two items at one instant. So a reader checks what it has: no item may be newer than the
catalogue item, and exactly `changed` items must be of its revision; otherwise it reads again.
"""

import threading
import time
import uuid
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec

from truckstream.aws.geofence_items import (
    HEAD_KEY,
    Head,
    Row,
    Stored,
    catalogue_of,
    definition_of,
    head_of,
    plain,
    row_item,
    row_of,
    staged_item,
    unstaged_item,
)
from truckstream.aws.table import ACTIONS_PER_TRANSACTION, AT_ONCE, TRIES, Item, Table, number, text
from truckstream.core.errors import TruckstreamError, Unavailable
from truckstream.core.geofences import Catalogue, Geofence, parse_geofence, same_definition

CACHED_MS: Final = 60_000
_TRANSACTION_BYTES: Final = 3_000_000  # AWS allows 4 MB with all attribute names
_STAGING_MS: Final = 10 * 60_000
_ORPHANED_MS: Final = 60 * 60_000


class AwsGeofences:
    """`ports.GeofenceStore` in a DynamoDB table. Threads and any number of processes may share it.

    Args:
        client: a boto3 client of DynamoDB.
        table: its name.
        clock: "now" in ms, for the age of the cache alone.
        at_once: how many calls run at the same time.
        pause: sleeps that many seconds.
    """

    def __init__(
        self,
        client: Any,
        table: str,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        at_once: int = AT_ONCE,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = Table(client, table, "geofences", at_once=at_once, pause=pause)
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._cached: Catalogue | None = None
        self._cached_at_ms = 0

    def catalogue(self) -> Catalogue:
        """Return all geofences, ordered by id: as of at most 60 s ago, the same object while nothing changed."""
        with self._lock:
            now_ms = self._clock()
            if self._cached is not None and 0 <= now_ms - self._cached_at_ms < CACHED_MS:
                return self._cached
            if self._cached is None or self._head().revision != self._cached.revision:
                self._cached = catalogue_of(self._read())
            self._cached_at_ms = now_ms
            return self._cached

    def put(self, geofences: Sequence[Geofence]) -> Catalogue:
        """Add or replace by geofence_id, in one revision; see `ports.GeofenceStore`.

        Raises InvalidGeofence, and changes nothing, when one of them breaks a rule or is too large for an item.
        """
        for geofence in geofences:
            parse_geofence(msgspec.to_builtins(plain(geofence)))
            definition_of(geofence)
        wanted = {each.geofence_id: each for each in geofences}

        def change(stored: Stored, token: str) -> list[Row]:
            rows = []
            for geofence_id, geofence in wanted.items():
                row = stored.rows.get(geofence_id)
                if row is None or row.definition is None or not same_definition(row.definition, geofence):
                    version = row.version + 1 if row else 1
                    rows.append(Row(geofence_id, plain(geofence), version, stored.head.revision + 1, token))
            return rows

        return catalogue_of(self._change(change))

    def remove(self, geofence_ids: Collection[str]) -> frozenset[str]:
        """Remove those that exist; return their ids."""
        removed: set[str] = set()

        def change(stored: Stored, token: str) -> list[Row]:
            rows = []
            for geofence_id in dict.fromkeys(geofence_ids):
                row = stored.rows.get(geofence_id)
                if row is not None and row.definition is not None:
                    rows.append(Row(geofence_id, None, row.version, stored.head.revision + 1, token))
                elif row is not None and row.change == token:
                    removed.add(geofence_id)  # our own write, whose answer was lost
            removed.update(row.geofence_id for row in rows)
            return rows

        self._change(change)
        return frozenset(removed)

    # --- changing ---------------------------------------------------------------------------------------

    def _change(self, change: Callable[[Stored, str], list[Row]]) -> Stored:
        """Apply a change to what is stored, again on what another writer made of it in the meantime."""
        token = uuid.uuid4().hex
        for attempt in range(TRIES):
            if attempt:
                self._pause(0.05 * 2**attempt)
            stored = self._read()
            if stored.head.applying:
                self._apply(stored.head)
                stored = stored._replace(head=stored.head._replace(applying=""))
            rows = change(stored, token)
            if not rows or self._publish(stored.head, rows):
                after = Stored(
                    Head(stored.head.revision + bool(rows)), stored.rows | {row.geofence_id: row for row in rows}
                )
                with self._lock:
                    self._cached = None
                return after
        raise Unavailable(f"table {self._table.name}: others keep changing the geofences", hint="Try again.")

    def _publish(self, head: Head, rows: Sequence[Row]) -> bool:
        """Make the rows the next revision; return False when another writer was first."""
        items = [row_item(row) for row in rows]
        size = sum(
            len(item.get("definition", {}).get("S") or item.get("definition", {}).get("B", "")) for item in items
        )
        if len(items) < ACTIONS_PER_TRANSACTION and size <= _TRANSACTION_BYTES:
            raised = self._raised(head, len(rows), "")
            return not self._table.transact([raised, *map(self._table.put_action, items)], uuid.uuid4().hex)

        started_ms, token = self._clock(), uuid.uuid4().hex
        self._remove_orphans(started_ms)
        staged = [staged_item(item, token, started_ms) for item in items]
        self._table.write_many([{"PutRequest": {"Item": item}} for item in staged])
        if self._clock() - started_ms > _STAGING_MS:
            raise Unavailable(
                f"table {self._table.name}: writing {len(rows)} geofences took too long",
                hint="Nothing was changed. Try again, or import them in several files.",
            )
        if self._table.transact([self._raised(head, len(rows), token)], uuid.uuid4().hex):
            return False  # what was staged is an orphan now, or (answer lost) already the next revision
        try:
            self._apply(Head(head.revision + 1, len(rows), token))
        except TruckstreamError as error:
            if not error.retryable:
                raise
            # The change stands: readers see it, and the next change ends the copying.
        return True

    def _raised(self, head: Head, changed: int, applying: str) -> dict[str, Any]:
        """Return the write of the catalogue item that makes the next revision visible."""
        item = HEAD_KEY | {"revision": number(head.revision + 1), "changed": number(changed)}
        if applying:
            item["applying"] = text(applying)
        if not head.revision:
            return self._table.put_action(item, "attribute_not_exists(pk)")
        condition = "revision = :revision AND attribute_not_exists(applying)"
        return self._table.put_action(item, condition, {":revision": number(head.revision)})

    def _apply(self, head: Head) -> None:
        """Copy a staged change to its place. Any number of writers may do so at once, also long after."""
        staged = self._staged_items(head.applying)
        newer = {":revision": number(head.revision)}

        def copy(item: Item) -> bool:
            self._table.put(unstaged_item(item), "attribute_not_exists(pk) OR revision < :revision", newer)
            return True

        if not all(self._table.each(staged, copy)):
            raise Unavailable(
                f"table {self._table.name}: not all of revision {head.revision} is in its place yet",
                hint="Try again: readers see the change as a whole already, and the next one ends the copying.",
            )
        ours = {":change": text(head.applying)}
        self._table.update(HEAD_KEY, "REMOVE applying", "applying = :change", ours)
        self._delete_staged(staged)

    def _staged_items(self, token: str) -> list[Item]:
        values = {":pk": text("staged"), ":token": text(f"{token}#")}
        return list(self._table.query("pk = :pk AND begins_with(sk, :token)", values))

    def _remove_orphans(self, now_ms: int) -> None:
        """Remove what writers staged that died before their change was visible."""
        applying = self._head().applying
        self._delete_staged(
            [
                item
                for item in self._table.query(
                    "pk = :pk", {":pk": text("staged")}, ProjectionExpression="pk, sk, staged_ms"
                )
                if now_ms - int(item["staged_ms"]["N"]) > _ORPHANED_MS and item["sk"]["S"].partition("#")[0] != applying
            ]
        )

    def _delete_staged(self, items: Sequence[Item]) -> None:
        keys = [{"pk": item["pk"], "sk": item["sk"]} for item in items]
        self._table.write_many([{"DeleteRequest": {"Key": key}} for key in keys])

    # --- reading ----------------------------------------------------------------------------------------

    def _head(self) -> Head:
        return head_of(self._table.get(HEAD_KEY))

    def _read(self) -> Stored:
        for attempt in range(TRIES):
            if attempt:
                self._pause(0.02 * 2**attempt)
            head = self._head()
            items = list(self._table.query("pk = :pk", {":pk": text("geofence")}))
            if head.applying:
                items += map(unstaged_item, self._staged_items(head.applying))
            rows = {row.geofence_id: row for row in (row_of(item, self._table.name) for item in items)}
            newest = sum(row.revision == head.revision for row in rows.values())
            if newest == head.changed and all(row.revision <= head.revision for row in rows.values()):
                return Stored(head, rows)
        raise Unavailable(
            f"table {self._table.name}: geofences of revision {head.revision}: {head.changed} expected, {newest} found",
            hint="Try again. If it stays, items were changed by hand: restore the table from its backup.",
        )
