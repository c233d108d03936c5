"""Presence and alerts as DynamoDB items, in the one table with the keys `pk` and `sk`.

    pk "presence#truck_id"  sk "state"      the engine's state, the sequence number (text: Kinesis numbers have
                                            up to 56 digits, DynamoDB numbers 38), the write that made it
    pk "alert#alert_id"     sk "alert"      the alert for good. `alert_day` and `alert_place` put it into the
                                            indexes; `outbox_place` and `sent_ms` say how far its sending is
    pk "alert-day"          sk 2024-01-15   which days have alerts at all
    pk "outbox"             sk place        a copy of each alert that waits, in commit order
    pk "journal"            sk place        alerts of one commit that were too many for its transaction
    pk "dead-letter"        sk place        a copy of each alert the receiver refused for good
    pk "news"               sk place        a copy of each alert that has no number yet
    pk "feed"               sk number       a copy of each alert, in the order in which readers are told
    pk "lease"              sk "outbox"     who is sending, and until when

Places are texts that sort as their instants do: `2024-01-15T10:30:00.000Z#...`.
"""

import zlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from truckstream.aws.table import LARGEST_ITEM_BYTES, Item, number, pack, text, unpack
from truckstream.core.errors import InvalidInput, StorageDamaged
from truckstream.core.instants import date_of, format_instant, parse_instant
from truckstream.core.presence import Alert, TruckPresence, decode_presence, encode_presence
from truckstream.ports import PresenceChange

BY_DAY: Final = "alerts_by_day"
BY_TRUCK: Final = "alerts_by_truck"
_ITEM_OVERHEAD_BYTES: Final = 1_000
_JOURNAL_ALERTS: Final = 1_000  # below 400 kB even if nothing compressed
LARGEST_COMMIT: Final = 40 * _JOURNAL_ALERTS  # a transaction holds 4 MB; alerts pack to some 60 bytes


class Journaled(msgspec.Struct, frozen=True):
    """An alert on its way into the log, its place among the news, and in the outbox; empty: it is not to be sent."""

    alert: Alert
    news_place: str
    outbox_place: str


_encode_journal = msgspec.msgpack.Encoder().encode
_journal_decoder = msgspec.msgpack.Decoder(list[Journaled])


def presence_key(truck_id: str) -> Item:
    """Return the key of a truck's state."""
    return {"pk": text(f"presence#{truck_id}"), "sk": text("state")}


def presence_item(change: PresenceChange, token: str) -> Item:
    """Return a truck's state as an item; `token` names this write.

    Raises InvalidInput when it is larger than an item may be.
    """
    presence = change.presence
    state = pack(encode_presence(presence))
    if len(state["B"]) + _ITEM_OVERHEAD_BYTES > LARGEST_ITEM_BYTES:
        raise InvalidInput(
            f"truck {presence.truck_id}: its presence in {len(presence.visits)} geofences takes"
            f" {len(state['B']) // 1024} KB compressed, and a DynamoDB item holds 400 KB",
            hint="Let fewer geofences overlap at one place, limit them with `trucks`, or lower `confirm_fixes`.",
        )
    return presence_key(presence.truck_id) | {
        "truck_id": text(presence.truck_id),
        "sequence_number": text(str(presence.sequence_number)),
        "state": state,
        "change": text(token),
    }


def presence_of(item: Item, table: str) -> TruckPresence:
    """Return the state in an item. Raises StorageDamaged."""
    try:
        return decode_presence(unpack(item["state"]), int(item["sequence_number"]["S"]))
    except (msgspec.MsgspecError, zlib.error, KeyError, ValueError) as error:
        raise StorageDamaged(
            f"table {table}: presence {item['pk']['S']}: {error}",
            hint="Delete that item: the truck's next position sets its presence anew, silently.",
        ) from error


def alert_key(alert_id: str) -> Item:
    """Return the key of an alert in the log."""
    return {"pk": text(f"alert#{alert_id}"), "sk": text("alert")}


def alert_place(alert: Alert) -> str:
    """Return a text that sorts as (timestamp_ms, truck_id, alert_id)."""
    return f"{format_instant(alert.timestamp_ms)}#{alert.truck_id}#{alert.alert_id}"


def alert_item(entry: Journaled) -> Item:
    """Return an alert as an item of the log."""
    item = (
        alert_key(entry.alert.alert_id)
        | _attributes(entry.alert)
        | {"alert_day": text(date_of(entry.alert.timestamp_ms)), "alert_place": text(alert_place(entry.alert))}
    )
    if entry.outbox_place:
        item["outbox_place"] = text(entry.outbox_place)
    return item


def outbox_item(entry: Journaled) -> Item:
    """Return the copy of an alert that waits in the outbox."""
    return {"pk": text("outbox"), "sk": text(entry.outbox_place)} | _attributes(entry.alert)


def news_item(entry: Journaled) -> Item:
    """Return the copy of an alert that waits for its number."""
    return {"pk": text("news"), "sk": text(entry.news_place)} | _attributes(entry.alert)


def feed_item(news: Item, number: int) -> Item:
    """Return an alert's copy in the feed, from the one among the news."""
    return news | {"pk": text("feed"), "sk": text(f"{number:020d}")}


def number_of(item: Item) -> int:
    """Return the number of an item of the feed."""
    return int(item["sk"]["S"])


def outbox_ms(item: Item) -> int:
    """Return when an alert in the outbox was committed, in ms since the epoch."""
    return parse_instant(item["sk"]["S"].partition("#")[0])


def day_item(day: str) -> Item:
    """Return the note that this day has alerts."""
    return {"pk": text("alert-day"), "sk": text(day)}


def journal_items(entries: Sequence[Journaled], place: str) -> list[Item]:
    """Return the alerts of one commit, packed; `place` is unique and sorts by commit."""
    return [
        {
            "pk": text("journal"),
            "sk": text(f"{place}#{start:06d}"),
            "alerts": pack(_encode_journal(entries[start : start + _JOURNAL_ALERTS])),
        }
        for start in range(0, len(entries), _JOURNAL_ALERTS)
    ]


def journaled(item: Item, table: str) -> list[Journaled]:
    """Return the alerts of a journal item. Raises StorageDamaged."""
    try:
        return _journal_decoder.decode(unpack(item["alerts"]))
    except (msgspec.MsgspecError, zlib.error, KeyError) as error:
        raise StorageDamaged(f"table {table}: journal {item['sk']['S']}: {error}", hint=_RESTORE) from error


def alert_of(item: Item, table: str) -> Alert:
    """Return the alert in an item of the log or the outbox. Raises StorageDamaged."""
    try:
        return Alert(
            alert_id=item["alert_id"]["S"],
            truck_id=item["truck_id"]["S"],
            geofence_id=item["geofence_id"]["S"],
            geofence_name=item["geofence_name"]["S"],
            alert_type=item["alert_type"]["S"],
            timestamp_ms=parse_instant(item["timestamp"]["S"]),
            latitude=float(item["latitude"]["N"]),
            longitude=float(item["longitude"]["N"]),
            geofence_version=int(item["geofence_version"]["N"]),
            late=item["late"]["BOOL"],
        )
    except (KeyError, ValueError) as error:
        raise StorageDamaged(f"table {table}: {item['pk']['S']} {item['sk']['S']}: {error!r}", hint=_RESTORE) from error


_RESTORE: Final = "Restore the table to a point in time before the damage."


def _attributes(alert: Alert) -> dict[str, dict[str, Any]]:
    return {
        "alert_id": text(alert.alert_id),
        "truck_id": text(alert.truck_id),
        "geofence_id": text(alert.geofence_id),
        "geofence_name": text(alert.geofence_name),
        "alert_type": text(alert.alert_type),
        "timestamp": text(format_instant(alert.timestamp_ms)),
        "latitude": number(alert.latitude),
        "longitude": number(alert.longitude),
        "geofence_version": number(alert.geofence_version),
        "late": {"BOOL": alert.late},
    }
