"""The columns of the archive's files: names, types, encodings. Declared once for both writers, SQL and Athena.

Numbers are DECIMALs stored as integers, so SQL sees plain numbers and DELTA_BINARY_PACKED + zstd make a
position about 5 bytes. The Arrow schema is not stored: the Parquet types say it all, small files stay small.
"""

from typing import Literal, NamedTuple

from truckstream.core.speed_bands import BAND_NAMES

Kind = Literal["name", "status", "text", "instant", "decimal", "int32", "int64", "float64", "bool"]
"""`name` and `status` are strings from a dictionary; `instant` is milliseconds since the epoch, UTC."""


class Column(NamedTuple):
    """A column of a file. `field` is where `PositionColumns` keeps a decimal's integers."""

    name: str
    kind: Kind
    precision: int = 0
    scale: int = 0
    field: str = ""

    @property
    def has_dictionary(self) -> bool:
        """Whether the column is dictionary encoded."""
        return self.kind in ("name", "status")

    @property
    def encoding(self) -> Literal["DELTA_BINARY_PACKED", "DELTA_BYTE_ARRAY"] | None:
        """The encoding of a column without dictionary; None is plain."""
        if self.kind in ("decimal", "instant", "int32", "int64"):
            return "DELTA_BINARY_PACKED"
        return "DELTA_BYTE_ARRAY" if self.kind == "text" else None


POSITION_COLUMNS = (
    Column("truck_id", "name"),
    Column("timestamp", "instant"),
    Column("latitude", "decimal", 10, 7, "latitude_e7"),
    Column("longitude", "decimal", 10, 7, "longitude_e7"),
    Column("speed_kmh", "decimal", 6, 3, "speed"),
    Column("heading", "decimal", 5, 2, "heading"),
    Column("altitude_m", "decimal", 7, 2, "altitude"),
    Column("accuracy_m", "decimal", 7, 2, "accuracy"),
    Column("fuel_level_pct", "decimal", 5, 2, "fuel"),
    Column("engine_status", "status"),
)
DELIVERY_COLUMNS = (
    Column("sequence_number", "text"),
    Column("record_index", "int32"),
    Column("arrival", "instant"),
)
HOURLY_COLUMNS = (
    Column("truck_id", "name"),
    Column("hour", "instant"),
    Column("total_distance_km", "float64"),
    Column("average_speed_kmh", "float64"),
    Column("max_speed_kmh", "float64"),
    Column("idle_time_minutes", "float64"),
    Column("coordinates_count", "int64"),
    Column("final", "bool"),
    Column("revision", "int32"),
    Column("driving_time_minutes", "float64"),
    Column("gap_time_minutes", "float64"),
    Column("gap_count", "int64"),
    Column("speed_count", "int64"),
    Column("first_position", "instant"),
    Column("last_position", "instant"),
    *(Column(name, "int32") for name in BAND_NAMES),
)
COLUMNS = {column.name: column for column in (*POSITION_COLUMNS, *DELIVERY_COLUMNS, *HOURLY_COLUMNS)}
DECIMALS = tuple(column for column in POSITION_COLUMNS if column.kind == "decimal")

MAYBE_UNKNOWN = ("average_speed_kmh", "max_speed_kmh", "idle_time_minutes")
"""Hourly columns in which NaN becomes null."""

METADATA_PREFIX = "truckstream."
"""Of the keys of free metadata, so that they are told from other writers' own."""

ROW_GROUP_ROWS = 32_768
"""Small, so that one truck is a small part of an hour: 0.7 % more bytes than six times as many."""
ZSTD_LEVEL = 3
