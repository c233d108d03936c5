"""Every way a record can be bad: it ends in the rejected store with its reason, and its neighbours go through."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from truckstream.consumers import answers
from truckstream.core.records import encode_position, parse_position
from truckstream.local.directory import DataDirectory
from truckstream.local.runtime import REPLAY, Pipeline
from truckstream.local.stores import LocalStores
from truckstream.ports import NotPlaced, OutgoingRecord

NOW_MS = 1_705_312_800_000
GOOD = {"truck_id": "A", "timestamp": "2024-01-15T10:00:00.000Z", "latitude": 47.0, "longitude": 8.0}


def good(truck_id: str) -> bytes:
    return json.dumps({**GOOD, "truck_id": truck_id}).encode()


def changed(**fields: object) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


def raw(old: str, new: str) -> bytes:
    return json.dumps(GOOD).replace(old, new).encode()


def kpl(payload: bytes) -> bytes:
    key, data = b"\x0a\x01k", bytes([0x1A, len(payload) + 4, 0x08, 0x00, 0x1A, len(payload)]) + payload
    body = key + data
    return b"\xf3\x89\x9a\xc2" + body + hashlib.md5(body, usedforsecurity=False).digest()


BAD = {
    "not JSON": (b"hello", "not JSON"),
    "empty": (b"", "empty"),
    "truncated JSON": (good("A")[:-5], "not JSON"),
    "an array": (b"[1,2]", "object"),
    "a number": (b"17", "object"),
    "truncated gzip": (gzip.compress(good("A"))[:-9], "gzip"),
    "corrupt gzip": (gzip.compress(good("A") * 9)[:40] + b"\0" * 20, "gzip"),
    "corrupt KPL checksum": (kpl(good("A")[:100])[:-1] + b"\0", "KPL"),
    "truncated KPL": (kpl(good("A")[:100])[:30], "KPL"),
    "NaN": (raw("47.0", "NaN"), "not JSON"),
    "Infinity": (raw("47.0", "-Infinity"), "not JSON"),
    "1e400": (raw("47.0", "1e400"), "range"),
    "latitude too large": (changed(latitude=90.1), "latitude"),
    "longitude too small": (changed(longitude=-180.5), "longitude"),
    "null island": (changed(latitude=0, longitude=0.0), "0 together with longitude 0"),
    "latitude missing": (b'{"truck_id":"A","timestamp":"2024-01-15T10:00:00Z","longitude":8}', "latitude"),
    "latitude null": (changed(latitude=None), "latitude"),
    "latitude a string": (changed(latitude="47"), "latitude"),
    "latitude a boolean": (changed(latitude=True), "latitude"),
    "truck_id a number": (changed(truck_id=7), "truck_id"),
    "truck_id empty": (changed(truck_id=""), "truck_id"),
    "truck_id with a space": (changed(truck_id="a b"), "truck_id"),
    "truck_id too long": (changed(truck_id="x" * 65), "truck_id"),
    "date that is none": (changed(timestamp="2024-02-30T10:00:00Z"), "timestamp"),
    "time without offset": (changed(timestamp="2024-01-15T10:00:00"), "timestamp"),
    "time as a number": (changed(timestamp=1705312800), "timestamp"),
    "time in words": (changed(timestamp="yesterday"), "timestamp"),
    "six minutes in the future": (changed(timestamp="2024-01-15T10:06:00Z"), "future"),
    "unknown engine status": (changed(engine_status="broken"), "engine_status"),
    "speed negative": (changed(speed_kmh=-1), "speed_kmh"),
    "speed that rounds out of range": (changed(speed_kmh=999.9999), "speed_kmh"),
    "heading over 360": (changed(heading=360.01), "heading"),
    "fuel over 100": (changed(fuel_level_pct=101), "fuel_level_pct"),
    "duplicate key": (raw('"latitude": 47.0', '"latitude": 46.0, "latitude": 47.0'), "latitude"),
    "invalid UTF-8": (b'{"truck_id":"\xff\xfe"}', "UTF-8"),
    "deep nesting": (raw("47.0", "[" * 100_000), ""),
    "deep nesting in an extra field": (
        raw('"latitude"', '"x": ' + "[" * 50_000 + "]" * 50_000 + ', "latitude"'),
        "nest",
    ),
    "a 900 kB string": (changed(truck_id="x" * 900_000), "truck_id"),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> LocalStores:
    """A pipeline that took every bad record between two good ones."""
    directory = DataDirectory(tmp_path_factory.mktemp("bad") / "data")
    directory.create()
    stores = LocalStores(directory)
    pipeline = Pipeline(stores, tuning=REPLAY)
    records = []
    for number, (payload, _) in enumerate(BAD.values()):
        key = f"N{number}"
        records += [OutgoingRecord(key, data, NOW_MS) for data in (good(key + "a"), payload, good(key + "b"))]
    assert not [result for result in pipeline.put(records) if isinstance(result, NotPlaced)]
    while not pipeline.drained:
        pipeline.poll(NOW_MS, flush=True)
    return stores


@pytest.mark.parametrize("name", BAD)
def test_bad_record_is_kept_whole_with_its_reason(stores: LocalStores, name: str) -> None:
    payload, part = BAD[name]
    number = list(BAD).index(name)
    (entry,) = [entry for entry in stores.rejected.list() if entry.partition_key == f"N{number}"]
    assert entry.payload == payload
    assert part.lower() in entry.reason.lower()
    assert 0 < len(entry.reason) < 300


def test_all_neighbours_went_through(stores: LocalStores) -> None:
    expected = {f"N{number}{side}" for number in range(len(BAD)) for side in "ab"}
    assert {track.truck_id for track in stores.positions.list()} == expected
    assert {name for part in answers.rows(stores) for name in part.trucks} == expected


def test_lines_and_frames_isolate_their_bad_lines(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    directory.create()
    lines = b"\n".join([good("one"), b"nonsense", good("two"), b"", b'{"truck_id":1}', good("three")])
    with LocalStores(directory) as stores:
        pipeline = Pipeline(stores, tuning=REPLAY)
        pipeline.put([OutgoingRecord("k", lines, NOW_MS), OutgoingRecord("k", gzip.compress(lines), NOW_MS)])
        while not pipeline.drained:
            pipeline.poll(NOW_MS, flush=True)
        assert [track.truck_id for track in stores.positions.list()] == ["one", "three", "two"]
        found = [(entry.sequence_number, entry.index, entry.payload) for entry in stores.rejected.list()]
        assert [entry[1:] for entry in found] == [(1, b"nonsense"), (3, b'{"truck_id":1}')] * 2


def test_ten_megabyte_record_never_reaches_the_stream_but_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "big.ndjson"
    big = changed(truck_id="x" * 10_000_000)
    source.write_bytes(good("a") + b"\n" + big + b"\n" + good("b") + b"\n")
    from truckstream.cli.main import execute

    assert execute(["replay", str(source), "--data", str(tmp_path / "data")]) == 0
    with LocalStores(DataDirectory(tmp_path / "data")) as stores:
        (entry,) = stores.rejected.list()
        assert entry.payload == big
        assert entry.shard_id == f"source:{source}"
        assert entry.sequence_number == 2
        assert [track.truck_id for track in stores.positions.list()] == ["a", "b"]


def test_everything_the_encoder_writes_is_a_good_record() -> None:
    position = parse_position(good("A"), NOW_MS)
    assert parse_position(encode_position(position), NOW_MS) == position
