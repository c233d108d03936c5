"""Acknowledged alerts, in the table of the geofences.

    pk "acknowledgement#alert_id"  sk "acknowledgement"  when, by whom, note; without `at_ms`: taken back
    pk "acknowledgement-change"    sk number             which alert changed, in the order of the changes

Both are written in one transaction, so whoever has read up to a number has missed none before it.
"""

import uuid
from collections.abc import Collection
from typing import Any, Final

from truckstream.aws.table import TRIES, Item, Table, number, text
from truckstream.core.errors import Throttled
from truckstream.ports_viewing import Acknowledgement

_CHANGES: Final = "acknowledgement-change"


class AwsAcknowledgements:
    """`ports_viewing.AcknowledgementStore` in a DynamoDB table. Threads and processes may share it."""

    def __init__(self, client: Any, table: str) -> None:
        self._table = Table(client, table, "geofences")

    def put(self, alert_id: str, acknowledgement: Acknowledgement) -> None:
        """Store it durably, replacing the one before."""
        item = _key(alert_id) | {
            "at_ms": number(acknowledgement.at_ms),
            "who": text(acknowledgement.by),
            "note": text(acknowledgement.note),
        }
        self._write(alert_id, item, "")

    def remove(self, alert_id: str) -> bool:
        """Take it back; return whether there was one."""
        return self._write(alert_id, _key(alert_id), "attribute_exists(at_ms)")

    def get(self, alert_ids: Collection[str]) -> dict[str, Acknowledgement]:
        """Return those of the alerts that are acknowledged."""
        return {alert_id: found for alert_id, found in self._read(alert_ids).items() if found is not None}

    def changed_since(self, mark: str) -> tuple[dict[str, Acknowledgement | None], str]:
        """Return what changed since the mark, and the mark to go on from."""
        if not mark.isdecimal():
            return {}, str(self._last_change())
        values = {":pk": text(_CHANGES), ":after": text(f"{int(mark):020d}")}
        changes = list(self._table.query("pk = :pk AND sk > :after", values))
        if not changes:
            return {}, mark
        found = self._read({item["alert_id"]["S"] for item in changes})
        return found, str(int(changes[-1]["sk"]["S"]))

    def _read(self, alert_ids: Collection[str]) -> dict[str, Acknowledgement | None]:
        items = self._table.get_many([_key(alert_id) for alert_id in dict.fromkeys(alert_ids)])
        return {item["pk"]["S"].partition("#")[2]: _acknowledgement(item) for item in items}

    def _last_change(self) -> int:
        newest = self._table.query("pk = :pk", {":pk": text(_CHANGES)}, ScanIndexForward=False, Limit=1)
        item = next(newest, None)
        return int(item["sk"]["S"]) if item is not None else 0

    def _write(self, alert_id: str, item: Item, condition: str) -> bool:
        """Write an acknowledgement and its change; return whether the condition held."""
        for _ in range(TRIES):
            change = {
                "pk": text(_CHANGES),
                "sk": text(f"{self._last_change() + 1:020d}"),
                "alert_id": text(alert_id),
            }
            actions = [
                self._table.put_action(item, condition),
                self._table.put_action(change, "attribute_not_exists(pk)"),
            ]
            reasons = self._table.transact(actions, uuid.uuid4().hex)
            if not reasons:
                return True
            if condition and reasons[0].by_condition:
                return False
        raise Throttled(
            f"table {self._table.name}: other acknowledgements were faster {TRIES} times", hint="Press again."
        )


def _key(alert_id: str) -> Item:
    return {"pk": text(f"acknowledgement#{alert_id}"), "sk": text("acknowledgement")}


def _acknowledgement(item: Item) -> Acknowledgement | None:
    if "at_ms" not in item:
        return None
    return Acknowledgement(int(item["at_ms"]["N"]), item["who"]["S"], item["note"]["S"])
