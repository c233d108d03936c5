"""Geofences as DynamoDB items, in the one table with the keys `pk` and `sk`.

    pk "catalogue"  sk "catalogue"       revision, changed (items of that revision), applying: a staged change
    pk "geofence"   sk geofence_id       definition, version, revision; or removed: a tombstone, so that
                                         versions go on when the geofence comes back
    pk "staged"     sk uuid#id           what a large change is going to put there

A definition is JSON, compressed when it is long: an item holds 400 kB.
"""

import zlib
from typing import Any, Final, NamedTuple

import msgspec

from truckstream.aws.table import Item, number, text
from truckstream.core.errors import InvalidGeofence, StorageDamaged
from truckstream.core.geofences import Catalogue, Geofence

HEAD_KEY: Final[Item] = {"pk": text("catalogue"), "sk": text("catalogue")}
_LARGEST_DEFINITION_BYTES: Final = 380_000
_TEXT_UP_TO_BYTES: Final = 100_000


class Head(NamedTuple):
    """The catalogue item."""

    revision: int = 0
    changed: int = 0
    applying: str = ""


class Row(NamedTuple):
    """One geofence as stored; `definition` None: removed. `change` names the call that wrote it."""

    geofence_id: str
    definition: Geofence | None
    version: int
    revision: int
    change: str


class Stored(NamedTuple):
    """Everything as of one revision."""

    head: Head
    rows: dict[str, Row]


_decoder = msgspec.json.Decoder(Geofence)


def head_of(item: Item | None) -> Head:
    """Return what the catalogue item says; None: nothing was ever stored."""
    if item is None:
        return Head()
    return Head(int(item["revision"]["N"]), int(item["changed"]["N"]), item.get("applying", text(""))["S"])


def row_of(item: Item, table: str) -> Row:
    """Return the geofence in an item. Raises StorageDamaged."""
    geofence_id = item["sk"]["S"]
    try:
        version, revision = int(item["version"]["N"]), int(item["revision"]["N"])
        change = str(item["change"]["S"])
        if "definition" not in item:
            return Row(geofence_id, None, version, revision, change)
        given = item["definition"]
        definition = given["S"] if "S" in given else zlib.decompress(bytes(given["B"]))
        return Row(geofence_id, _decoder.decode(definition), version, revision, change)
    except (msgspec.MsgspecError, zlib.error, KeyError, ValueError) as error:
        raise StorageDamaged(
            f"table {table}: geofence {geofence_id!r}: {error}",
            hint="Restore the table to a point in time before the damage.",
        ) from error


def catalogue_of(stored: Stored) -> Catalogue:
    """Return the geofences that are not removed, ordered by id."""
    geofences = tuple(
        msgspec.structs.replace(row.definition, version=row.version, revision=row.revision)
        for _, row in sorted(stored.rows.items())
        if row.definition is not None
    )
    return Catalogue(stored.head.revision, geofences)


def plain(geofence: Geofence) -> Geofence:
    """Return the geofence without what a store gives: version and revision."""
    return msgspec.structs.replace(geofence, version=0, revision=0)


def definition_of(geofence: Geofence) -> dict[str, Any]:
    """Return the attribute that holds a definition. Raises InvalidGeofence when it is too large for an item."""
    encoded = msgspec.json.encode(plain(geofence))
    if len(encoded) <= _TEXT_UP_TO_BYTES:
        return text(encoded.decode())
    compressed = zlib.compress(encoded)
    if len(compressed) > _LARGEST_DEFINITION_BYTES:
        raise InvalidGeofence(
            geofence.geofence_id,
            "geometry",
            f"is too large for a DynamoDB item: {len(compressed) // 1000} kB compressed, at most 380",
            hint="Simplify the shape, or split it into several geofences.",
        )
    return {"B": compressed}


def row_item(row: Row) -> Item:
    """Return a geofence, or its tombstone, as an item. Raises InvalidGeofence when it is too large for one."""
    item: Item = {
        "pk": text("geofence"),
        "sk": text(row.geofence_id),
        "version": number(row.version),
        "revision": number(row.revision),
        "change": text(row.change),
    }
    if row.definition is None:
        return item | {"removed": {"BOOL": True}}
    return item | {"definition": definition_of(row.definition)}


def staged_item(item: Item, token: str, now_ms: int) -> Item:
    """Return a geofence's item as it waits for the change that `token` names."""
    return item | {"pk": text("staged"), "sk": text(f"{token}#{item['sk']['S']}"), "staged_ms": number(now_ms)}


def unstaged_item(item: Item) -> Item:
    """Return the geofence's item that a staged one stands for."""
    kept = {name: value for name, value in item.items() if name != "staged_ms"}
    return kept | {"pk": text("geofence"), "sk": text(item["sk"]["S"].partition("#")[2])}
