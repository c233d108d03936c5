"""Files of positions become records: every format, every odd row, flat memory."""

import gzip
import io
import json
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from truckstream.cli.sources import RefusedRow, open_source
from truckstream.cli.sources.lines import line_lists
from truckstream.core.errors import SourceUnreadable
from truckstream.core.records import Position, parse_position
from truckstream.ports import OutgoingRecord

NOW_MS = 4_000_000_000_000


def rows_of(path: Path) -> list[OutgoingRecord | RefusedRow]:
    with closing(open_source(path)) as source:
        return [row for chunk in source.chunks() for row in chunk]


def positions_of(path: Path) -> list[Position]:
    rows = rows_of(path)
    assert all(isinstance(row, OutgoingRecord) for row in rows)
    return [parse_position(row.data, NOW_MS) for row in rows if isinstance(row, OutgoingRecord)]


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_numbers_keep_their_exact_text(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "truck_id,timestamp,latitude,longitude,speed_kmh\nA,2024-01-15T10:00:00Z,47.12345675,8.0,0.1\n",
    )
    (row,) = rows_of(path)
    assert isinstance(row, OutgoingRecord)
    assert b'"latitude":47.12345675,' in row.data
    assert parse_position(row.data, NOW_MS).latitude == 47.1234568  # half to even on the decimal value


def test_csv_empty_fields_are_unknown(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "truck_id,timestamp,latitude,longitude,speed_kmh,heading\nA,2024-01-15T10:00:00Z,47,8,,0\n",
    )
    (position,) = positions_of(path)
    assert position.speed_kmh is None
    assert position.heading == 0.0


def test_csv_may_use_semicolons_quotes_a_bom_and_crlf(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        '\ufefflatitude;"truck_id";timestamp;longitude;note\r\n47;"A";2024-01-15T10:00:00Z;8;"x;y"\r\n\r\n',
    )
    (position,) = positions_of(path)
    assert (position.truck_id, position.latitude, position.longitude) == ("A", 47.0, 8.0)


def test_csv_row_of_wrong_length_is_refused_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "truck_id,timestamp,latitude,longitude\nA,2024-01-15T10:00:00Z,47\nA,2024-01-15T10:00:05Z,47,8\n",
    )
    short, good = rows_of(path)
    assert isinstance(short, RefusedRow)
    assert (short.row, short.payload) == (2, b"A,2024-01-15T10:00:00Z,47")
    assert "3 fields where the header has 4" in short.reason
    assert isinstance(good, OutgoingRecord)


def test_csv_broken_quote_costs_one_row(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        'truck_id,timestamp,latitude,longitude\n"A,2024-01-15T10:00:00Z,47,8\nA,2024-01-15T10:00:05Z,47,8\n',
    )
    bad, good = rows_of(path)
    assert isinstance(bad, RefusedRow)
    assert isinstance(good, OutgoingRecord)


def test_csv_bytes_that_are_not_utf8_reach_the_consumers_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"truck_id,timestamp,latitude,longitude\n\xff\xfe,2024-01-15T10:00:00Z,47,8\n")
    (row,) = rows_of(path)
    assert isinstance(row, OutgoingRecord)
    assert b"\xff\xfe" in row.data


@pytest.mark.parametrize("text", ["abc", "NaN", "inf", "1_000", "0x10", "--1"])
def test_csv_text_that_is_no_number_stays_a_string(tmp_path: Path, text: str) -> None:
    path = write(
        tmp_path / "a.csv",
        f"truck_id,timestamp,latitude,longitude\nA,2024-01-15T10:00:00Z,{text},8\n",
    )
    (row,) = rows_of(path)
    assert isinstance(row, OutgoingRecord)
    assert json.loads(row.data)["latitude"] == text


def test_arrival_is_the_field_else_the_timestamp_else_the_row_before(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.ndjson",
        '{"truck_id":"A","timestamp":"1970-01-01T00:00:01Z","arrival":"1970-01-01T00:00:09Z"}\n'
        '{"truck_id":"A","timestamp":"1970-01-01T00:00:02Z"}\n'
        "broken\n",
    )
    assert [row.arrival_ms for row in rows_of(path)] == [9000, 2000, 2000]


def test_ndjson_lines_pass_byte_for_byte(tmp_path: Path) -> None:
    lines = [b'{"truck_id": "A",  "x": 1}', b"\xff\xfe", b"{", b'{"truck_id":"B"}']
    path = write(tmp_path / "a.ndjson", b"\n\n".join(lines))
    rows = rows_of(path)
    assert [row.data for row in rows if isinstance(row, OutgoingRecord)] == lines
    assert [row.partition_key for row in rows if isinstance(row, OutgoingRecord)] == ["A", "-", "-", "B"]


def test_record_larger_than_the_stream_takes_is_refused_whole(tmp_path: Path) -> None:
    big = b'{"truck_id":"A","x":"' + b"y" * 10_000_000 + b'"}'
    path = write(tmp_path / "a.ndjson", big + b'\n{"truck_id":"A"}\n')
    refused, good = rows_of(path)
    assert isinstance(refused, RefusedRow)
    assert refused.payload == big
    assert isinstance(good, OutgoingRecord)


@pytest.mark.parametrize("name", ["a.ndjson.gz", "misnamed.csv"])
def test_content_decides_the_format_not_the_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, gzip.compress(b'{"truck_id":"A","timestamp":"2024-01-15T10:00:00Z"}\n'))
    (row,) = rows_of(path)
    assert row.arrival_ms == 1705312800000


def test_parquet_of_floats_texts_decimals_and_timestamps(tmp_path: Path) -> None:
    table = pa.table(
        {
            "truck_id": pa.array(["A", "A"]).dictionary_encode(),
            "timestamp": pa.array([datetime(2024, 1, 15, 10, tzinfo=UTC)] * 2, pa.timestamp("us", "UTC")),
            "latitude": pa.array([Decimal("47.1234567"), Decimal("47.0")], pa.decimal128(10, 7)),
            "longitude": pa.array([8.25, None], pa.float64()),
            "speed_kmh": pa.array([3, None], pa.int32()),
            "depth": pa.array([1, 2]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    good, bad = rows_of(tmp_path / "a.parquet")
    assert isinstance(good, OutgoingRecord)
    assert isinstance(bad, OutgoingRecord)
    position = parse_position(good.data, NOW_MS)
    assert (position.latitude, position.longitude, position.speed_kmh) == (47.1234567, 8.25, 3.0)
    assert "longitude" not in json.loads(bad.data)


def test_parquet_time_without_a_zone_is_refused(tmp_path: Path) -> None:
    columns = {
        "truck_id": ["A"],
        "timestamp": pa.array([datetime(2024, 1, 15)]),
        "latitude": [47.0],
        "longitude": [8.0],
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(SourceUnreadable, match="no time zone"):
        open_source(tmp_path / "a.parquet")


GPX = """<?xml version="1.0"?>
<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1">
<trk>{name}<trkseg>
<trkpt lat="47.5" lon="8.5"><ele>408.5</ele><time>2024-01-15T10:00:00.250Z</time>
 <extensions><speed>10</speed></extensions></trkpt>
<trkpt lat="47.6" lon="8.6"></trkpt>
</trkseg></trk></gpx>"""


@pytest.mark.parametrize(("name", "truck_id"), [("<name>Lorry 7 (Bern)</name>", "Lorry-7--Bern-"), ("", "my-tour-1")])
def test_gpx_truck_is_the_track_name_else_the_file_stem(tmp_path: Path, name: str, truck_id: str) -> None:
    path = write(tmp_path / "my tour 1.gpx", GPX.format(name=name))
    first, second = rows_of(path)
    assert isinstance(first, OutgoingRecord)
    assert isinstance(second, OutgoingRecord)
    position = parse_position(first.data, NOW_MS)
    assert (position.truck_id, position.timestamp_ms) == (truck_id, 1705312800250)
    assert (position.altitude_m, position.speed_kmh) == (408.5, 36.0)
    assert "timestamp" not in json.loads(second.data)  # no time: set aside by the consumers


def test_lines_are_the_same_for_any_block_size() -> None:
    content = b"one\n\ntwo\r\nthree" * 7
    whole = [line for lines in line_lists([content]) for line in lines]
    for size in range(1, 30):
        stream = io.BytesIO(content)
        blocks = iter(lambda stream=stream, size=size: stream.read(size), b"")  # type: ignore[misc]
        assert [line for lines in line_lists(blocks) for line in lines] == whole


def test_gpx_point_without_a_place_costs_only_itself(tmp_path: Path) -> None:
    content = GPX.format(name="<name>A</name>").replace('lat="47.6"', 'lat="abc"')
    refused, good = rows_of(write(tmp_path / "a.gpx", content))
    assert isinstance(refused, RefusedRow)
    assert "lat='abc'" in refused.reason
    assert isinstance(good, OutgoingRecord)
    assert parse_position(good.data, NOW_MS).latitude == 47.5


def test_arrival_that_is_no_text_does_not_cost_the_key(tmp_path: Path) -> None:
    line = b'{"truck_id":"A","timestamp":"1970-01-01T00:00:02Z","arrival":5}'
    (row,) = rows_of(write(tmp_path / "a.ndjson", line))
    assert isinstance(row, OutgoingRecord)
    assert (row.partition_key, row.arrival_ms) == ("A", 2000)


def test_wrong_header_is_known_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="lacks latitude"):
        open_source(write(tmp_path / "a.csv", "truck_id,timestamp,lat,longitude\n"))
