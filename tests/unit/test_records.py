"""The GPS record: what is accepted, how it is rounded, and what the device maker is told otherwise."""

import json
import re
import string
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from random import Random
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from truckstream.core import records
from truckstream.core.errors import InvalidRecord
from truckstream.core.instants import format_instant
from truckstream.core.record_rules import LIMITS, read_exactly
from truckstream.core.records import (
    FUTURE_LIMIT_MS,
    MAX_RECORD_BYTES,
    EngineStatus,
    Position,
    encode_position,
    parse_position,
)

ARRIVAL_MS = 1_705_314_600_000  # 2024-01-15T10:30:00Z
FULL = (
    b'{"truck_id":"TRK-001","timestamp":"2024-01-15T10:30:00.000Z","latitude":47.3769,"longitude":8.5417,'
    b'"speed_kmh":45.5,"heading":180,"altitude_m":408,"accuracy_m":5,"fuel_level_pct":75,"engine_status":"running"}'
)
MINIMAL = b'{"truck_id":"a","timestamp":"2024-01-15T10:30:00Z","latitude":1,"longitude":2}'
# name: (low, high, high is included, decimals); written down here a second time on purpose
RANGES = {
    "latitude": ("-90", "90", True, 7),
    "longitude": ("-180", "180", True, 7),
    "speed_kmh": ("0", "1000", False, 3),
    "heading": ("0", "360", True, 2),
    "altitude_m": ("-1000", "100000", False, 2),
    "accuracy_m": ("0", "100000", False, 2),
    "fuel_level_pct": ("0", "100", True, 2),
}


def record(**changes: str) -> bytes:
    """A full record as JSON text, each change a piece of JSON; "" leaves the field out."""
    fields = {key: json.dumps(value) for key, value in json.loads(FULL).items()}
    fields.update(changes)
    return ("{" + ",".join(f'"{key}":{text}' for key, text in fields.items() if text) + "}").encode()


def parse(data: bytes) -> Position:
    return parse_position(data, ARRIVAL_MS)


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidRecord) as error:
        parse(data)
    with pytest.raises(InvalidRecord) as exact:
        read_exactly(data, ARRIVAL_MS)
    assert exact.value.message == error.value.message
    assert error.value.field in error.value.message
    assert "$" not in error.value.message
    assert re.fullmatch("[ -~]{1,199}", error.value.message)
    return error.value.message


def test_the_documented_record_becomes_a_position() -> None:
    assert parse(FULL) == Position("TRK-001", ARRIVAL_MS, 47.3769, 8.5417, 45.5, 180.0, 408.0, 5.0, 75.0, "running")


def test_unknown_optional_fields_stay_none() -> None:
    expected = Position("a", ARRIVAL_MS, 1.0, 2.0)
    assert parse(MINIMAL) == expected
    nulls = b"".join(b',"%s":null' % name.encode() for name in [*list(RANGES)[2:], "engine_status"])
    assert parse(MINIMAL[:-1] + nulls + b"}") == expected


@pytest.mark.parametrize(
    "extra",
    [
        '"firmware":"1.2"',
        '"gps":{"satellites":[7,8],"latitude":0}',
        '"note":"\\"quoted\\" \\u00e9"',
        '"note":"Zürich"',
        '"note":"\\ud800"',
        '"big":1e400',
        '"nested":' + "[" * 60 + "]" * 60,
        '"Latitude":5',
        '"":null',
    ],
)
def test_extra_fields_are_ignored(extra: str) -> None:
    assert parse(FULL[:-1] + b"," + extra.encode() + b"}") == parse(FULL)
    assert parse(b"{" + extra.encode() + b"," + FULL[1:]) == parse(FULL)


@pytest.mark.parametrize("before", [b"", b" \t\r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_white_space_and_a_byte_order_mark_are_harmless(before: bytes) -> None:
    assert parse(before + FULL + b" \r\n") == parse(FULL)
    assert parse(before + json.dumps(json.loads(FULL), indent=2).encode()) == parse(FULL)


def test_an_escaped_key_is_the_same_key() -> None:
    assert parse(FULL.replace(b'"latitude"', b'"\\u006catitude"')) == parse(FULL)


@pytest.mark.parametrize("name", [*RANGES, "truck_id", "timestamp", "engine_status"])
@pytest.mark.parametrize("spelling", ["plain", "escaped", "spaced"])
def test_a_known_key_given_twice_is_refused(name: str, spelling: str) -> None:
    key = {"plain": name, "escaped": f"\\u{ord(name[0]):04x}{name[1:]}", "spaced": name}[spelling]
    gap = " \n" if spelling == "spaced" else ""
    value = json.dumps(json.loads(FULL)[name])
    twice = FULL[:-1] + f',{gap}"{key}"{gap}:{value}}}'.encode()
    assert refusal(twice) == f"{name}: given more than once"
    null_first = b'{"' + key.encode() + b'":null,' + FULL[1:]
    assert refusal(null_first) == f"{name}: given more than once"


@pytest.mark.parametrize("name", ["truck_id", "timestamp", "latitude", "longitude"])
def test_a_missing_required_field_is_named(name: str) -> None:
    assert refusal(record(**{name: ""})) == f"{name}: missing"
    assert refusal(record(**{name: "null"})) == f"{name}: missing"


@pytest.mark.parametrize("name", RANGES)
def test_a_number_of_another_type_is_refused(name: str) -> None:
    for text, kind in {
        '"45"': "a string",
        "true": "true or false",
        "[1]": "an array",
        '{"a":1}': "an object",
    }.items():
        assert refusal(record(**{name: text})) == f"{name}: expected a number, got {kind}"


@pytest.mark.parametrize("name", ["truck_id", "timestamp", "engine_status"])
def test_a_string_of_another_type_is_refused(name: str) -> None:
    for text, kind in {"12": "a number", "false": "true or false", "[]": "an array"}.items():
        assert refusal(record(**{name: text})) == f"{name}: expected a string, got {kind}"


@pytest.mark.parametrize("truck_id", ["a", "TRK-001", "a.b_c:d-9", "x" * 64])
def test_a_truck_id_of_the_allowed_characters_passes(truck_id: str) -> None:
    assert parse(record(truck_id=json.dumps(truck_id))).truck_id == truck_id


@pytest.mark.parametrize("truck_id", ["", "x" * 65, "TRK 1", "TRK-1\n", "TRÜCK", "a/b", "a\x00", "\u0661"])
def test_any_other_truck_id_is_refused(truck_id: str) -> None:
    for ascii_only in (True, False):
        reason = refusal(record(truck_id=json.dumps(truck_id, ensure_ascii=ascii_only)))
        assert reason.startswith("truck_id: ")
        assert reason.endswith("is not 1 to 64 characters of A-Z a-z 0-9 . _ : -")


@pytest.mark.parametrize(("text", "status"), [(f'"{s}"', s) for s in get_args(EngineStatus)])
def test_each_engine_status_is_kept(text: str, status: str) -> None:
    assert parse(record(engine_status=text)).engine_status == status


def test_an_unknown_engine_status_is_refused() -> None:
    assert refusal(record(engine_status='"Idle"')) == "engine_status: 'Idle' is not one of running, idle, off"


def test_a_timestamp_that_breaks_a_rule_is_refused_in_its_words() -> None:
    reason = refusal(record(timestamp='"2024-01-15T10:30:00"'))
    assert reason == "timestamp: '2024-01-15T10:30:00' has no UTC offset; add Z or +HH:MM"


def test_a_timestamp_may_run_five_minutes_ahead() -> None:
    at_limit = json.dumps(format_instant(ARRIVAL_MS + FUTURE_LIMIT_MS))
    assert parse(record(timestamp=at_limit)).timestamp_ms == ARRIVAL_MS + 300_000
    beyond = json.dumps(format_instant(ARRIVAL_MS + FUTURE_LIMIT_MS + 1))
    assert refusal(record(timestamp=beyond)).startswith("timestamp: more than 5 min in the future")


@pytest.mark.parametrize("zero", ["0", "0.0", "-0.0", "0.00000005", "-0.00000005", "1e-400", "0e99999999999999999999"])
def test_a_position_at_zero_zero_is_refused(zero: str) -> None:
    reason = refusal(record(latitude=zero, longitude="-0.000000049"))
    assert reason == "latitude: 0 together with longitude 0 means the receiver had no fix"


def test_one_zero_coordinate_is_a_place() -> None:
    position = parse(record(latitude="0", longitude="8.5"))
    assert (position.latitude, position.longitude) == (0.0, 8.5)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty record"),
        (b" \n", "empty record"),
        (b"hello", "not JSON: damaged at character 1: 'hello'"),
        (FULL[:-1], "not JSON: it ends too early"),
        (FULL[:50], "not JSON: "),
        (FULL + FULL, "not JSON: more text after the value, at character "),
        (FULL + b"," + FULL, "not JSON: more text after the value, at character "),
        (b"[" + FULL + b"]", "not a JSON object but an array"),
        (b"12", "not a JSON object but a number"),
        (b'"text"', "not a JSON object but a string"),
        (b"null", "not a JSON object but null"),
        (record(latitude="NaN"), "not JSON: NaN is not a JSON number"),
        (record(speed_kmh="-Infinity"), "not JSON: -Infinity is not a JSON number"),
        (record(latitude="01"), "not JSON: damaged at character "),
        (record(latitude="+1"), "not JSON: damaged at character "),
        (record(latitude=".5"), "not JSON: damaged at character "),
        (FULL.replace(b"TRK-001", b"TRK\xff"), "not JSON: not UTF-8 at byte "),
        (FULL[:-1] + b',"note":"\xff"}', "not JSON: not UTF-8 at byte "),
        (FULL[:-1] + b',"\xc3":1}', "not JSON: not UTF-8 at byte "),
        (FULL[:-1] + b',"note":"\xed\xa0\x80"}', "not JSON: not UTF-8 at byte "),
        (FULL[:-1] + b',"note":"a\x01"}', "not JSON: damaged at character "),
        (FULL[:-1] + b',"note":"\\q"}', "not JSON: damaged at character "),
        (FULL.decode().encode("utf-16"), "not JSON: not UTF-8 at byte 1"),
    ],
)
def test_what_is_no_json_object_is_refused(data: bytes, reason: str) -> None:
    assert refusal(data).startswith(reason)


@pytest.mark.parametrize("levels", [65, 1_000, 100_000])
@pytest.mark.parametrize("name", ["extra", "latitude", "truck_id", "heading"])
@pytest.mark.parametrize("close", [True, False])
def test_deep_nesting_is_refused_and_never_crashes(levels: int, name: str, close: bool) -> None:
    deep = "[" * levels + ("]" * levels if close else "")
    assert refusal(record(**{name: deep})) == "nested too deeply (more than 64 brackets)"
    assert refusal(record(**{name: '{"a":' * levels + "1" + "}" * levels * close})).startswith("nested too deeply")


def test_brackets_within_strings_are_not_nesting() -> None:
    assert parse(FULL[:-1] + b',"note":"' + b"[{" * 1000 + b'\\""}') == parse(FULL)
    assert parse(FULL[:-1] + b',"note":[' + b"[]," * 1000 + b"[]]}") == parse(FULL)


def test_a_record_beyond_one_mebibyte_is_refused() -> None:
    room = MAX_RECORD_BYTES - len(FULL)
    assert parse(FULL + b" " * room) == parse(FULL)
    for data in (FULL + b" " * (room + 1), b'"' + b"x" * 10_000_000 + b'"', b"[" * 10_000_000):
        assert refusal(data) == "longer than 1048576 bytes"


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_range_are_judged_exactly(name: str) -> None:
    low, high, included, decimals = RANGES[name]
    step = Decimal(1).scaleb(-decimals)
    last = Decimal(high) if included else Decimal(high) - step
    assert getattr(parse(record(**{name: low})), name) == float(low)
    assert getattr(parse(record(**{name: str(last)})), name) == float(last)
    for beyond in (
        f"{low}.000000000000000000001" if low != "0" else "-0.000000000000000000001",
        f"{high}.000000000000000000001",
        str(Decimal(low) - step),
        str(last + step),
        "1e30",
        "-1e30",
    ):
        assert refusal(record(**{name: beyond})) == f"{name}: {beyond} is outside {low}..{last}"
    for huge in ("1e400", "-1e400", "1" + "0" * 400, "1e99999999999999999999"):
        assert " is out of range " in refusal(record(**{name: huge}))


def test_a_value_that_rounds_out_of_its_range_is_refused() -> None:
    assert refusal(record(speed_kmh="999.9996")) == "speed_kmh: 999.9996 is outside 0..999.999"
    assert parse(record(speed_kmh="999.9994")).speed_kmh == 999.999
    assert "outside" in refusal(record(altitude_m="99999.996"))
    assert parse(record(latitude="89.99999999")).latitude == 90.0


@pytest.mark.parametrize("name", ["speed_kmh", "heading", "accuracy_m", "altitude_m", "longitude", "fuel_level_pct"])
@pytest.mark.parametrize("zero", ["-0", "-0.0", "0e5", "-1e-400", "0.000000000001"])
def test_every_zero_is_plain_zero(name: str, zero: str) -> None:
    assert str(getattr(parse(record(**{name: zero})), name)) == "0.0"


@pytest.mark.parametrize("text", ["100", "100.0", "100.00", "1e2", "100.000000000000000000"])
def test_a_full_tank_is_a_hundred_per_cent(text: str) -> None:
    assert parse(record(fuel_level_pct=text)).fuel_level_pct == 100.0
    assert parse(record(fuel_level_pct=" " + text + " ")).fuel_level_pct == 100.0


def rounded(name: str, text: str) -> float | None:
    """The oracle: the text as a decimal, checked, rounded, checked; None when refused."""
    low, high, included, decimals = RANGES[name]
    with localcontext(prec=2000):
        value = Decimal(text)
        for _ in range(2):
            if not Decimal(low) <= value <= Decimal(high) or (value == Decimal(high) and not included):
                return None
            value = value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    return float(value) + 0.0


def number_text(name: str, rng: Random) -> str:
    """A JSON number around the range of a field: few digits, many digits, a tie or nearly one."""
    low, high, _, decimals = RANGES[name]
    margin = (int(high) - int(low)) // 50
    whole = rng.randint(int(low) - margin, int(high) + margin)
    digits = f"{rng.randrange(10**decimals):0{decimals}d}"
    kind = rng.choice(["short", "long", "tie", "near tie"])
    if kind == "short":
        digits = digits[: rng.randint(0, decimals)]
    elif kind == "long":
        digits += str(rng.randrange(10 ** rng.randint(1, 20)))
    else:
        digits += "5" if kind == "tie" else rng.choice(["4" + "9" * 12, "5" + "0" * 12 + "1", "49999", "50001"])
    sign = "-" if whole == 0 and low != "0" and rng.random() < 0.5 else ""
    return f"{sign}{whole}" + (f".{digits}" if digits else "") + rng.choice(["", "", "e0", "E+00"])


@settings(deadline=None, max_examples=5, database=None)
@given(st.randoms(use_true_random=True))
@pytest.mark.parametrize("name", RANGES)
def test_rounding_equals_decimal_arithmetic_on_the_text(name: str, rng: Random) -> None:
    for _ in range(200):
        text = number_text(name, rng)
        expected = rounded(name, text)
        raw = record(**{name: text})
        if expected is None:
            assert " is outside " in refusal(raw), text
        else:
            assert str(getattr(parse(raw), name)) == str(expected), text
            assert parse(raw) == Position(*read_exactly(raw, ARRIVAL_MS))


@settings(deadline=None, max_examples=200, database=None)
@given(st.floats(-90, 90), st.floats(-180, 180))
def test_rounding_of_any_double_equals_decimal_arithmetic(latitude: float, longitude: float) -> None:
    texts = {"latitude": repr(latitude), "longitude": repr(longitude)}
    expected = tuple(rounded(name, text) for name, text in texts.items())
    if expected == (0.0, 0.0):
        assert "no fix" in refusal(record(**texts))
    else:
        position = parse(record(**texts))
        assert (position.latitude, position.longitude) == expected


@settings(deadline=None, max_examples=300, database=None)
@given(st.integers(0, len(FULL) - 1), st.integers(0, 255), st.sampled_from(["set", "insert", "delete"]))
def test_the_quick_and_the_exact_reading_agree_on_damage(at: int, byte: int, how: str) -> None:
    after = at if how == "insert" else at + 1
    data = FULL[:at] + (b"" if how == "delete" else bytes([byte])) + FULL[after:]
    try:
        quick: Position | str = parse(data)
    except InvalidRecord as error:
        quick = error.message
    try:
        exact: Position | str = Position(*read_exactly(data, ARRIVAL_MS))
    except InvalidRecord as error:
        exact = error.message
    assert quick == exact


def _column(name: str) -> st.SearchStrategy[float]:
    limits = LIMITS[name]
    scale = 10 ** RANGES[name][3]
    return st.integers(int(limits.low * scale), int(limits.high * scale)).map(lambda n: n / scale)


positions = st.builds(
    Position,
    st.text(string.ascii_letters + string.digits + "._:-", min_size=1, max_size=64),
    st.integers(-62_135_596_800_000, ARRIVAL_MS),
    _column("latitude"),
    _column("longitude"),
    *(st.none() | _column(name) for name in list(RANGES)[2:]),
    st.none() | st.sampled_from(get_args(EngineStatus)),
).filter(lambda p: (p.latitude, p.longitude) != (0.0, 0.0))


@settings(deadline=None, max_examples=150, database=None)
@given(positions)
@example(Position("a", 0, 1e-7, -1e-7, 0.001, 0.0, -1000.0, 0.01, 100.0, "off"))
def test_an_encoded_position_parses_to_itself(position: Position) -> None:
    assert parse(encode_position(position)) == position


def test_a_position_is_written_in_the_shortest_form() -> None:
    position = Position("TRK-001", ARRIVAL_MS, 47.3769, 8.0, 45.5, heading=180.0, engine_status="idle")
    assert encode_position(position) == (
        b'{"truck_id":"TRK-001","timestamp":"2024-01-15T10:30:00.000Z","latitude":47.3769,"longitude":8,'
        b'"speed_kmh":45.5,"heading":180,"engine_status":"idle"}'
    )


def test_the_positions_of_a_truck_share_one_id() -> None:
    assert parse(FULL).truck_id is parse(FULL).truck_id


def test_the_memory_of_ids_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_KNOWN_IDS", len(records._known_ids) + 10)
    for number in range(50):
        parse(record(truck_id=f'"bounded-{number}"'))
    assert len(records._known_ids) <= records._KNOWN_IDS


def test_a_megabyte_of_digits_is_judged_in_bounded_time() -> None:
    digits = "3" * 900_000
    assert parse(record(latitude=f"1.{digits}")).latitude == 1.3333333
    assert "out of range" in refusal(record(latitude=digits))
    assert refusal(record(truck_id=f'"{digits}"')).startswith("truck_id: '3333")
