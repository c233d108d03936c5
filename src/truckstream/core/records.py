"""The GPS record: what a position is, and how bytes become one or are refused with a reason.

`parse_position` decides the plain case itself (1.7 us) and leaves everything doubtful to `record_rules`,
which reads the record again exactly. So a shortcut here has to be sound, not complete: where it cannot
prove that the exact reading would give the same position, it does not answer.
"""

import re
from typing import Annotated, Final

import msgspec

from truckstream.core.instants import MILLIS_MS, SECONDS_MS, format_instant, parse_instant
from truckstream.core.record_rules import (
    FUTURE_LIMIT_MS,
    KNOWN_FIELDS,
    MAX_RECORD_BYTES,
    TRUCK_ID,
    EngineStatus,
    nested_too_deeply,
    read_exactly,
)

__all__ = [
    "FUTURE_LIMIT_MS",
    "MAX_RECORD_BYTES",
    "EngineStatus",
    "Position",
    "ReceivedPositions",
    "encode_position",
    "parse_position",
]


class Position(msgspec.Struct, frozen=True, gc=False):
    """One validated GPS record. Every number is already at the resolution of the wire format.

    `timestamp_ms` is milliseconds since 1970-01-01T00:00:00Z; None means unknown, never 0.
    Identity is (truck_id, timestamp_ms).
    """

    truck_id: str
    timestamp_ms: int
    latitude: float
    longitude: float
    speed_kmh: float | None = None
    heading: float | None = None
    altitude_m: float | None = None
    accuracy_m: float | None = None
    fuel_level_pct: float | None = None
    engine_status: EngineStatus | None = None


class ReceivedPositions(msgspec.Struct):
    """Positions with their place on the stream, column by column; all lists have the same length.

    `sequence_numbers[i]` and `indexes[i]` (place within the stream record) order equal identities: the lowest
    pair is the one received first. `arrivals_ms[i]` is the arrival time of the stream record.
    """

    positions: list[Position] = []
    sequence_numbers: list[int] = []
    indexes: list[int] = []
    arrivals_ms: list[int] = []


class _Sent(msgspec.Struct, gc=False):
    """A record as sent.

    Where a range includes its end, this one mostly does not: the text may be just beyond that end.
    """

    truck_id: str
    timestamp: str
    latitude: Annotated[float, msgspec.Meta(gt=-90, lt=90)]
    longitude: Annotated[float, msgspec.Meta(gt=-180, lt=180)]
    speed_kmh: Annotated[float, msgspec.Meta(ge=0, lt=1000)] | None = None
    heading: Annotated[float, msgspec.Meta(ge=0, lt=360)] | None = None
    altitude_m: Annotated[float, msgspec.Meta(gt=-1000, lt=100_000)] | None = None
    accuracy_m: Annotated[float, msgspec.Meta(ge=0, lt=100_000)] | None = None
    fuel_level_pct: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    engine_status: EngineStatus | None = None


class _ToSend(msgspec.Struct, omit_defaults=True, gc=False):
    """A record to be sent: a whole number is an int, so that it is written without `.0`."""

    truck_id: str
    timestamp: str
    latitude: int | float
    longitude: int | float
    speed_kmh: int | float | None = None
    heading: int | float | None = None
    altitude_m: int | float | None = None
    accuracy_m: int | float | None = None
    fuel_level_pct: int | float | None = None
    engine_status: EngineStatus | None = None


_decode = msgspec.json.Decoder(_Sent).decode
_encode = msgspec.json.Encoder().encode

_ALL_QUOTES: Final = 2 * (len(KNOWN_FIELDS) + 3)  # the keys and three string values
_KEYS: Final = tuple(f'"{name}"' for name in KNOWN_FIELDS)
_FULL_TANK = re.compile(rb'"fuel_level_pct"[ \t\r\n]*:[ \t\r\n]*100(?:\.0+)?[ \t\r\n]*[,}]')

# Adding and subtracting 1.5 * 2**52 rounds a double below 2**51 to a whole number, half to even.
_WHOLE: Final = 6755399441055744.0
# A product of our sizes is off by less than 1e-6; closer than this to a tie, the decimal text decides.
_NEAR_TIE: Final = 0.4999

_KNOWN_IDS: Final = 250_000  # 50 MB at the most
_known_ids: dict[str, str] = {}


class _Doubt(ValueError):
    """The quick reading cannot vouch for the record."""


def parse_position(data: bytes, arrival_ms: int) -> Position:
    """Return the position in one JSON object, checked and rounded (half to even on the decimal value).

    Args:
        data: UTF-8 JSON, white space around it allowed, at most `MAX_RECORD_BYTES`.
        arrival_ms: when the stream received it; its timestamp may be at most `FUTURE_LIMIT_MS` later.

    Raises:
        InvalidRecord: names the field and the rule it breaks.
    """
    # Written out field by field: this runs for every record there is.
    try:
        sent = _decode(data)
        text = sent.timestamp
        try:
            truck_id = _known_ids[sent.truck_id]
            timestamp_ms = SECONDS_MS[text[:20]] + MILLIS_MS[text[20:]]
        except KeyError:
            truck_id = _known_ids.get(sent.truck_id) or _new_id(sent.truck_id)
            timestamp_ms = parse_instant(text)
        whole = _WHOLE
        quotes = _ALL_QUOTES

        value = sent.latitude
        latitude = (value * 1e7 + whole - whole) / 1e7
        if latitude != value:
            _check(value, 1e7, 91.0)
        value = sent.longitude
        longitude = (value * 1e7 + whole - whole) / 1e7
        if longitude != value:
            _check(value, 1e7, 181.0)

        speed_kmh = sent.speed_kmh
        if speed_kmh is None:
            quotes -= 2
        else:
            value = speed_kmh
            speed_kmh = (value * 1e3 + whole - whole) / 1e3
            if speed_kmh != value:
                _check(value, 1e3, 1000.0)
        heading = sent.heading
        if heading is None:
            quotes -= 2
        else:
            value = heading
            heading = (value * 1e2 + whole - whole) / 1e2
            if heading != value:
                _check(value, 1e2, 361.0)
        altitude_m = sent.altitude_m
        if altitude_m is None:
            quotes -= 2
        else:
            value = altitude_m
            altitude_m = (value * 1e2 + whole - whole) / 1e2
            if altitude_m != value:
                _check(value, 1e2, 100_000.0)
        accuracy_m = sent.accuracy_m
        if accuracy_m is None:
            quotes -= 2
        else:
            value = accuracy_m
            accuracy_m = (value * 1e2 + whole - whole) / 1e2
            if accuracy_m != value:
                _check(value, 1e2, 100_000.0)
        fuel_level_pct = sent.fuel_level_pct
        if fuel_level_pct is None:
            quotes -= 2
        else:
            value = fuel_level_pct
            fuel_level_pct = (value * 1e2 + whole - whole) / 1e2
            if fuel_level_pct != value:
                _check(value, 1e2, 101.0)
            if value == 100.0 and _FULL_TANK.search(data) is None:
                raise _Doubt
        if sent.engine_status is None:
            quotes -= 4

        if timestamp_ms - arrival_ms > FUTURE_LIMIT_MS or len(data) > MAX_RECORD_BYTES:
            raise _Doubt
        if latitude == 0.0 and longitude == 0.0:
            raise _Doubt
        # Keys and strings have two quotes: as many as expected means no key is repeated, extra or escaped.
        if data.count(b'"') != quotes:
            _check_keys(data)
        return Position(
            truck_id,
            timestamp_ms,
            latitude,
            longitude,
            speed_kmh,
            heading,
            altitude_m,
            accuracy_m,
            fuel_level_pct,
            sent.engine_status,
        )
    except (ValueError, RecursionError):  # msgspec's errors and _Doubt are ValueErrors
        return Position(*read_exactly(data, arrival_ms))


def encode_position(position: Position) -> bytes:
    """Return the record as compact wire JSON; unknown fields are left out.

    Raises:
        ValueError: the timestamp is not within the years 1 to 9999.
    """
    p = position
    return _encode(
        _ToSend(
            p.truck_id,
            format_instant(p.timestamp_ms),
            _shortest(p.latitude),
            _shortest(p.longitude),
            None if p.speed_kmh is None else _shortest(p.speed_kmh),
            None if p.heading is None else _shortest(p.heading),
            None if p.altitude_m is None else _shortest(p.altitude_m),
            None if p.accuracy_m is None else _shortest(p.accuracy_m),
            None if p.fuel_level_pct is None else _shortest(p.fuel_level_pct),
            p.engine_status,
        )
    )


def _check(value: float, scale: float, end: float) -> None:
    """Doubt a value near a rounding tie, or one that rounds up to `end`.

    Passing means: the value rounded in floating point is the decimal text rounded half to even.
    """
    scaled = value * scale
    nearest = scaled + _WHOLE - _WHOLE
    if abs(scaled - nearest) > _NEAR_TIE or nearest / scale >= end:
        raise _Doubt


def _check_keys(data: bytes) -> None:
    """Doubt a record of unexpected quotes unless no known key can occur twice and it is all UTF-8."""
    text = data.decode()  # msgspec does not look into the strings of fields it skips
    if "\\" in text:
        raise _Doubt
    for key in _KEYS:
        if text.count(key) > 1:
            raise _Doubt
    if nested_too_deeply(text):
        raise _Doubt


def _new_id(truck_id: str) -> str:
    """Check an id not seen before and remember it: each truck's id is one object in memory."""
    if TRUCK_ID.fullmatch(truck_id) is None:
        raise _Doubt
    if len(_known_ids) >= _KNOWN_IDS:
        _known_ids.clear()
    _known_ids[truck_id] = truck_id
    return truck_id


def _shortest(value: float) -> int | float:
    return int(value) if value.is_integer() else value
