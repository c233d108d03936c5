"""What a stream record may carry: every form gives the same positions, every damage its own refusal."""

import gzip
import json
import tracemalloc
from collections.abc import Callable, Sequence
from hashlib import md5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.core import wire
from truckstream.core.records import Position, encode_position
from truckstream.core.wire import DecodedMany, Refusal, decode, gzip_frame

ARRIVAL_MS = 1_705_314_600_000
BAD = b'{"truck_id":"TRK-9","timestamp":"2024-01-15T10:30:00Z","latitude":91,"longitude":8}'
BAD_REASON = "latitude: 91 is outside -90..90"


def position(number: int) -> Position:
    return Position(f"TRK-{number:03d}", ARRIVAL_MS + number, 47.0 + number / 1000, 8.0)


def line(number: int) -> bytes:
    return encode_position(position(number))


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def kpl(records: Sequence[bytes]) -> bytes:
    """An aggregated record with one partition key."""
    message = b"\x0a\x01k"
    for data in records:
        user_record = b"\x08\x00\x1a" + varint(len(data)) + data
        message += b"\x1a" + varint(len(user_record)) + user_record
    return b"\xf3\x89\x9a\xc2" + message + md5(message, usedforsecurity=False).digest()


def many(data: bytes) -> DecodedMany:
    decoded = decode(data, ARRIVAL_MS)
    assert isinstance(decoded, DecodedMany)
    assert len(decoded.positions) == len(decoded.indexes)
    return decoded


def whole_refused(data: bytes) -> str:
    """The reason of a refusal of the record as a whole."""
    decoded = many(data)
    assert decoded == DecodedMany([], [], [Refusal(-1, decoded.refused[0].reason, data)])
    return decoded.refused[0].reason


FRAMES: dict[str, Callable[[Sequence[bytes]], bytes]] = {
    "ndjson": b"\n".join,
    "ndjson with a last line end": lambda lines: b"".join(text + b"\n" for text in lines),
    "ndjson with carriage returns": lambda lines: b"".join(text + b"\r\n" for text in lines),
    "ndjson with blank lines": lambda lines: b"\n \n" + b"\n\r\n\t\n".join(lines) + b"\n\n",
    "ndjson with a byte order mark": lambda lines: b"\xef\xbb\xbf" + b"\n".join(lines),
    "gzip": gzip_frame,
    "gzip of several members": lambda lines: b"".join(gzip.compress(text + b"\n") for text in lines),
    "gzip padded with zeros": lambda lines: gzip_frame(lines) + bytes(512),
    "kpl": kpl,
    "kpl of gzip": lambda lines: kpl([gzip_frame(lines[:2]), *lines[2:3], gzip_frame(lines[3:])]),
    "kpl of ndjson": lambda lines: kpl([b"\n".join(lines[:2]), b"\n".join(lines[2:])]),
}


def test_one_good_object_is_just_its_position() -> None:
    assert decode(line(1), ARRIVAL_MS) == position(1)
    assert decode(line(1) + b"\n", ARRIVAL_MS) == position(1)
    assert decode(b" \r\n" + line(1) + b"\r\n", ARRIVAL_MS) == position(1)
    for frame in (gzip_frame, kpl, b"\n".join):
        assert decode(frame([line(1)]), ARRIVAL_MS) == position(1)


@pytest.mark.parametrize("frame", FRAMES)
def test_every_frame_carries_many_positions(frame: str) -> None:
    decoded = many(FRAMES[frame]([line(n) for n in range(6)]))
    assert decoded == DecodedMany([position(n) for n in range(6)], list(range(6)), [])


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (BAD, BAD_REASON),
        (b"hello", "not JSON: damaged at character 1: 'hello'"),
        (line(9)[:-1], "not JSON: it ends too early"),
        (line(9) + b"," + line(9), "not JSON: more text after the value"),
        (b'{"x":"\xff"}', "not JSON: not UTF-8 at byte 7"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"x":' * 100_000, "nested too deeply"),
        (b"{", "not JSON: it ends too early"),
        (b"{}", "truck_id: missing"),
        (b"[]", "not a JSON object but an array"),
    ],
    ids=["range", "text", "cut", "two", "utf8", "deep", "deep objects", "brace", "empty", "array"],
)
def test_a_bad_line_leaves_its_neighbours_alone(frame: str, bad: bytes, reason: str) -> None:
    for place in (0, 1, 4):
        good = [n for n in range(5) if n != place]
        decoded = many(FRAMES[frame]([bad if n == place else line(n) for n in range(5)]))
        assert decoded.positions == [position(n) for n in good]
        assert decoded.indexes == good
        [refused] = decoded.refused
        assert (refused.index, refused.payload) == (place, bad)
        assert refused.reason.startswith(reason)


def test_a_single_bad_object_is_refused_at_index_0() -> None:
    assert decode(BAD, ARRIVAL_MS) == DecodedMany([], [], [Refusal(0, BAD_REASON, BAD)])
    assert many(b"hello").refused[0].index == 0


@pytest.mark.parametrize("data", [b"", b" ", b"\n\r\n", b"\xef\xbb\xbf"])
def test_an_empty_record_is_refused(data: bytes) -> None:
    [refused] = many(data).refused
    assert (refused.index, refused.reason) == (0, "empty record")
    [within] = many(gzip_frame([data])).refused
    assert (within.index, within.reason) == (0, "empty record")
    assert many(kpl([line(0), data, line(2)])).indexes == [0, 2]


@pytest.mark.parametrize("indent", [0, 1, 4])
def test_an_object_laid_out_over_lines_is_one_object(indent: int) -> None:
    pretty = json.dumps(json.loads(line(1)), indent=indent).encode()
    assert pretty.count(b"\n") > 3
    for data in (pretty, pretty.replace(b"\n", b"\r\n"), gzip_frame([pretty]), kpl([pretty])):
        assert decode(data, ARRIVAL_MS) == position(1)


def test_a_bad_object_laid_out_over_lines_is_one_refusal() -> None:
    pretty = json.dumps(json.loads(BAD), indent=2).encode()
    assert many(pretty) == DecodedMany([], [], [Refusal(0, BAD_REASON, pretty)])
    [cut] = many(pretty[:-1].rstrip()).refused
    assert cut.reason == "not JSON: it ends too early"


def test_a_first_line_cut_short_does_not_hide_the_others() -> None:
    for first in (b"{", line(0)[:30], b'{"a":'):
        decoded = many(first + b"\n" + line(1) + b"\n" + line(2))
        assert decoded.positions == [position(1), position(2)]
        assert [refused.payload for refused in decoded.refused] == [first]


def test_every_broken_line_is_refused_for_itself() -> None:
    decoded = many(b"not json\n{broken\n" + BAD)
    assert [(refused.index, refused.payload) for refused in decoded.refused] == [
        (0, b"not json"),
        (1, b"{broken"),
        (2, BAD),
    ]


@pytest.mark.parametrize("cut", [2, 9, 10, 11, 30, -1, -8])
def test_a_truncated_gzip_frame_is_refused_whole(cut: int) -> None:
    damaged = gzip_frame([line(n) for n in range(50)])[:cut]
    assert whole_refused(damaged) == "damaged gzip: it ends too early"


def test_a_gzip_frame_of_wrong_content_is_refused_whole() -> None:
    frame = gzip_frame([line(1), line(2)])
    for damaged in (
        frame[:-5] + bytes([frame[-5] ^ 1]) + frame[-4:],
        frame[:-1] + b"\x01",
        frame + b"rubbish",
        frame + bytes(3) + frame,
        frame + frame[:-3] + b"abc",
        frame[:3] + b"\xff" + frame[4:],
        frame[:10] + b"\xff" + frame[11:],
    ):
        assert whole_refused(damaged).startswith("damaged gzip: ")


def test_a_damaged_kpl_record_is_refused_whole() -> None:
    frame = kpl([line(1), line(2)])
    assert whole_refused(frame[:-1] + b"?") == "damaged KPL record: the MD5 checksum does not match"
    assert whole_refused(frame[:10]) == "damaged KPL record: it ends too early"
    assert whole_refused(kpl([])) == "empty KPL record"


def test_damage_within_a_kpl_record_leaves_its_neighbours_alone() -> None:
    cut, nested = gzip_frame([line(8), line(9)])[:-3], kpl([line(7)])
    decoded = many(kpl([line(0), cut, line(2), nested, b"\n".join([line(4), BAD]), line(6)]))
    assert decoded.positions == [position(n) for n in (0, 2, 4, 6)]
    assert decoded.indexes == [0, 2, 4, 6]
    assert decoded.refused == [
        Refusal(1, "damaged gzip: it ends too early", cut),
        Refusal(3, "a KPL record within a KPL record", nested),
        Refusal(5, BAD_REASON, BAD),
    ]


def test_frames_within_gzip_are_refused_whole() -> None:
    for inner in (gzip_frame([line(1)]), kpl([line(1)])):
        assert whole_refused(gzip.compress(inner)) == "a gzip or KPL frame within gzip"


def test_a_gzip_bomb_is_refused_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_INFLATED_BYTES", 4_000_000)
    bomb = gzip.compress(bytes(30_000_000), 1)
    tracemalloc.start()
    reason = whole_refused(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert reason == "gzip inflates to more than 4000000 bytes"
    assert peak < 12_000_000


def test_many_bombs_in_one_record_share_one_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_INFLATED_BYTES", 100_000)
    half, late = gzip.compress(b" " * 60_000), gzip_frame([line(4)])
    decoded = many(kpl([line(0), half, half, line(3), late]))
    assert decoded.positions == [position(0), position(3)]
    assert [(refused.index, refused.reason) for refused in decoded.refused] == [
        (1, "empty record"),
        (2, "gzip inflates to more than 100000 bytes"),
        (4, "gzip inflates to more than 100000 bytes"),
    ]
    assert whole_refused(half + half) == "gzip inflates to more than 100000 bytes"


def test_more_lines_than_any_honest_frame_are_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert whole_refused(gzip.compress(b"x\n" * 250_000)) == "more than 200000 lines"
    assert whole_refused(b"x" + b"\n" * 300_000 + b"x") == "more than 200000 lines"
    monkeypatch.setattr(wire, "MAX_RECORDS", 10)
    assert whole_refused(kpl([line(1)] * 11)) == "more than 10 records in one"
    assert whole_refused(kpl([b"\n".join([line(1)] * 6)] * 2)) == "more than 10 records in one"
    assert len(many(kpl([line(1)] * 10)).positions) == 10


@pytest.mark.parametrize("data", [b'"' + b"x" * 10_000_000, b"[" * 10_000_000, b"1" * 10_000_000, b"\xff" * 10_000_000])
def test_ten_megabytes_of_rubbish_are_one_short_refusal(data: bytes) -> None:
    for whole in (data, b"{" + data):
        [refused] = many(whole).refused
        assert (refused.index, refused.reason) == (0, "longer than 1048576 bytes")
        assert refused.payload is whole
    decoded = many(b"\n".join([line(0), data, line(2)]))
    assert decoded.indexes == [0, 2]


def test_a_frame_is_the_same_bytes_every_time() -> None:
    lines = [line(n) for n in range(20)]
    assert gzip_frame(lines) == gzip_frame(list(lines))
    assert gzip_frame(lines)[4:8] == bytes(4)
    assert gzip.decompress(gzip_frame(lines)) == b"".join(text + b"\n" for text in lines)


lines_of_any_kind = st.lists(st.integers(0, 500).map(line) | st.sampled_from([BAD, b"{", b"[]", b"x"]), min_size=2)


@settings(deadline=None, max_examples=60, database=None)
@given(lines_of_any_kind, st.sampled_from(sorted(FRAMES)))
def test_good_and_bad_lines_add_up_to_all(lines: list[bytes], frame: str) -> None:
    lines = [line(1), *lines, line(2)]
    decoded = many(FRAMES[frame](lines))
    assert sorted(decoded.indexes + [refused.index for refused in decoded.refused]) == list(range(len(lines)))
    assert all(encode_position(p) == lines[n] for p, n in zip(decoded.positions, decoded.indexes, strict=True))
    assert all(refused.payload == lines[refused.index] for refused in decoded.refused)


@settings(deadline=None, max_examples=150, database=None)
@given(st.binary(max_size=80), st.sampled_from([b"", b"{", b"\x1f\x8b", b"\x1f\x8b\x08", b"\xf3\x89\x9a\xc2"]))
def test_no_bytes_ever_raise(tail: bytes, head: bytes) -> None:
    for data in (head + tail, gzip.compress(head + tail), kpl([head + tail, line(1)])):
        decode(data, ARRIVAL_MS)


@settings(deadline=None, max_examples=150, database=None)
@given(st.sampled_from(sorted(FRAMES)), st.integers(0, 10_000), st.integers(1, 255), st.booleans())
def test_damaged_frames_never_raise(frame: str, at: int, flip: int, cut: bool) -> None:
    data = bytearray(FRAMES[frame]([line(n) for n in range(4)]))
    at %= len(data)
    data[at] ^= flip
    decode(bytes(data[:at] if cut else data), ARRIVAL_MS)
