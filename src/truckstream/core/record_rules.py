"""The exact reading of one GPS record: every rule of the wire format, in words for the device maker.

`records.parse_position` decides the plain cases quickly and asks here whenever something is unusual: a bad
record, a number at the edge of its range or near a rounding tie, a doubtful key. What this module says is
the answer. Numbers are kept as the text that was sent until they have been checked and rounded, so a tie or
an edge is judged on the decimal value and not on the nearest double. Only a value so small that a double
calls it zero is zero.

It refuses without looking further: more than 1 MiB, more than 64 nested brackets.
"""

import json
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from math import isinf
from typing import Final, Literal, NamedTuple, NoReturn, cast

from truckstream.core.errors import InvalidRecord
from truckstream.core.instants import parse_instant

EngineStatus = Literal["running", "idle", "off"]
ENGINE_STATUSES: Final = ("running", "idle", "off")

MAX_RECORD_BYTES: Final = 1024 * 1024
"""The largest record: what one record of a Kinesis stream may carry."""

FUTURE_LIMIT_MS: Final = 300_000
"""How far a device's clock may run ahead of the stream's arrival time."""

MAX_NESTING: Final = 64
"""Brackets within brackets in an ignored field. Fixed, because each Python version would stop elsewhere."""

TRUCK_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

_SHOWN: Final = 40  # characters of a bad value worth repeating
_EXACT: Final = Context(prec=40, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation])
_TOKENS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)


class Limits(NamedTuple):
    """What a number may be: `low` to `high`, both included, in steps of `step`, after rounding to that step.

    `end` is the first value too large before rounding, None when `high` itself is the limit.
    """

    low: Decimal
    high: Decimal
    step: Decimal
    end: Decimal | None = None


def _limits(low: str, high: str, step: str, end: str | None = None) -> Limits:
    return Limits(Decimal(low), Decimal(high), Decimal(step), None if end is None else Decimal(end))


LIMITS: Final = {
    "latitude": _limits("-90", "90", "1e-7"),
    "longitude": _limits("-180", "180", "1e-7"),
    "speed_kmh": _limits("0", "999.999", "1e-3", "1000"),
    "heading": _limits("0", "360", "1e-2"),
    "altitude_m": _limits("-1000", "99999.99", "1e-2", "100000"),
    "accuracy_m": _limits("0", "99999.99", "1e-2", "100000"),
    "fuel_level_pct": _limits("0", "100", "1e-2"),
}
KNOWN_FIELDS: Final = ("truck_id", "timestamp", *LIMITS, "engine_status")


class Values(NamedTuple):
    """The checked and rounded values of a record, in the order of `Position`."""

    truck_id: str
    timestamp_ms: int
    latitude: float
    longitude: float
    speed_kmh: float | None
    heading: float | None
    altitude_m: float | None
    accuracy_m: float | None
    fuel_level_pct: float | None
    engine_status: EngineStatus | None


class _Number(str):
    """A JSON number, as the text that was sent."""

    __slots__ = ()


class _Pairs(list[tuple[str, object]]):
    """A JSON object, as the pairs that were sent, repeated keys included."""


def read_exactly(data: bytes, arrival_ms: int) -> Values:
    """Return the values of one record.

    Raises:
        InvalidRecord: names the first field that breaks a rule, and the rule.
    """
    fields = _fields(data)
    truck_id = _truck_id(fields.get("truck_id"))
    timestamp_ms = _timestamp_ms(fields.get("timestamp"), arrival_ms)
    latitude, longitude = _required("latitude", fields), _required("longitude", fields)
    if latitude == 0 and longitude == 0:
        raise InvalidRecord("latitude", "0 together with longitude 0 means the receiver had no fix")
    return Values(
        truck_id,
        timestamp_ms,
        latitude,
        longitude,
        _optional("speed_kmh", fields),
        _optional("heading", fields),
        _optional("altitude_m", fields),
        _optional("accuracy_m", fields),
        _optional("fuel_level_pct", fields),
        _engine_status(fields.get("engine_status")),
    )


def nested_too_deeply(text: str) -> bool:
    """Say whether brackets are nested more than `MAX_NESTING` deep; brackets within strings do not count."""
    if text.count("[") + text.count("{") <= MAX_NESTING:
        return False
    depth = 0
    for token in _TOKENS.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_NESTING:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def shown(value: str) -> str:
    """Quote a text for a reason: one line, ASCII, shortened."""
    return ascii(_shortened(value))


def _fields(data: bytes) -> dict[str, object]:
    """Return the known fields of the object in `data`; numbers are `_Number`, objects `_Pairs`."""
    value = _json_value(_text(data))
    if not isinstance(value, _Pairs):
        raise InvalidRecord("", f"not a JSON object but {_kind(value)}")
    fields: dict[str, object] = {}
    for key, part in value:
        if key in KNOWN_FIELDS:
            if key in fields:
                raise InvalidRecord(key, "given more than once")
            fields[key] = part
    return fields


def _text(data: bytes) -> str:
    if len(data) > MAX_RECORD_BYTES:
        raise InvalidRecord("", f"longer than {MAX_RECORD_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidRecord("", f"not JSON: not UTF-8 at byte {error.start + 1}") from None
    if not text.strip(" \t\r\n"):
        raise InvalidRecord("", "empty record")
    return text


def _json_value(text: str) -> object:
    if nested_too_deeply(text):
        raise InvalidRecord("", f"nested too deeply (more than {MAX_NESTING} brackets)")
    try:
        return json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip(" \t\r\n")):
            rule = "it ends too early"
        elif error.msg == "Extra data":
            rule = f"more text after the value, at character {error.pos + 1}"
        else:
            rule = f"damaged at character {error.pos + 1}: {shown(text[error.pos :])}"
        raise InvalidRecord("", f"not JSON: {rule}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidRecord("", f"not JSON: {name} is not a JSON number")


def _truck_id(value: object) -> str:
    text = _string("truck_id", value)
    if TRUCK_ID.fullmatch(text) is None:
        raise InvalidRecord("truck_id", f"{shown(text)} is not 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    return text


def _timestamp_ms(value: object, arrival_ms: int) -> int:
    text = _string("timestamp", value)
    try:
        timestamp_ms = parse_instant(text)
    except ValueError as error:
        raise InvalidRecord("timestamp", str(error)) from None
    ahead_ms = timestamp_ms - arrival_ms
    if ahead_ms > FUTURE_LIMIT_MS:
        rule = f"more than 5 min in the future ({ahead_ms / 60_000:.1f} min ahead of its arrival)"
        raise InvalidRecord("timestamp", rule)
    return timestamp_ms


def _engine_status(value: object) -> EngineStatus | None:
    if value is None:
        return None
    text = _string("engine_status", value)
    if text not in ENGINE_STATUSES:
        raise InvalidRecord("engine_status", f"{shown(text)} is not one of running, idle, off")
    return cast(EngineStatus, text)


def _required(field: str, fields: dict[str, object]) -> float:
    value = _optional(field, fields)
    if value is None:
        raise InvalidRecord(field, "missing")
    return value


def _optional(field: str, fields: dict[str, object]) -> float | None:
    value = fields.get(field)
    if value is None:
        return None
    if not isinstance(value, _Number):
        raise InvalidRecord(field, f"expected a number, got {_kind(value)}")
    limits = LIMITS[field]
    span = f"{limits.low}..{limits.high}"
    nearest = float(value)
    if isinf(nearest):
        raise InvalidRecord(field, f"{_shortened(value)} is out of range {span}")
    exact = Decimal(value) if nearest else Decimal(0)
    if exact >= limits.low and (exact <= limits.high if limits.end is None else exact < limits.end):
        rounded = exact.quantize(limits.step, context=_EXACT)
        if limits.low <= rounded <= limits.high:
            return float(rounded) + 0.0  # never -0.0
    raise InvalidRecord(field, f"{_shortened(value)} is outside {span}")


def _string(field: str, value: object) -> str:
    if value is None:
        raise InvalidRecord(field, "missing")
    if not isinstance(value, str) or isinstance(value, _Number):
        raise InvalidRecord(field, f"expected a string, got {_kind(value)}")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, _Number):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, _Pairs) else "an array"


def _shortened(value: str) -> str:
    return value if len(value) <= _SHOWN else value[:_SHOWN] + "..."
