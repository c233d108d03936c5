"""Athena answers every value as text: back to numbers, dates and instants, as the local query gives them.

Counts are int, decimals Decimal (those without places int), instants aware datetimes in UTC, missing None.
Arrays, maps, rows and JSON stay text.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

_INTEGERS: Final = ("tinyint", "smallint", "int", "integer", "bigint")


def converter_of(column: Mapping[str, Any]) -> Callable[[str], object]:
    """Return what turns a column's texts into values, by its entry in the result's ColumnInfo."""
    kind = str(column["Type"]).lower()
    if kind in _INTEGERS or (kind == "decimal" and not column.get("Scale")):
        return int
    return _CONVERTERS.get(kind, str)


def _boolean(text: str) -> bool:
    return text == "true"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _zoned_instant(text: str) -> datetime:
    """Read "2024-01-15 10:30:00.000 Europe/Zurich"."""
    day, clock, zone = text.split(" ", 2)
    local = datetime.fromisoformat(f"{day} {clock}")
    if zone[0] in "+-":
        return datetime.fromisoformat(f"{day} {clock}{zone}").astimezone(UTC)
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


_CONVERTERS: Final[dict[str, Callable[[str], object]]] = {
    "boolean": _boolean,
    "float": float,
    "real": float,
    "double": float,
    "decimal": Decimal,
    "date": date.fromisoformat,
    "timestamp": _instant,
    "timestamp with time zone": _zoned_instant,
    "varbinary": bytes.fromhex,
}
