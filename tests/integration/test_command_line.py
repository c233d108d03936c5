"""The command line as its users meet it: help, output formats, error texts, exit codes."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from truckstream.cli.main import app, execute
from truckstream.local.directory import DataDirectory
from truckstream.local.lock import WriterLock
from truckstream.local.stores import LocalStores

POSITIONS = """truck_id,timestamp,latitude,longitude,speed_kmh,heading,engine_status
A,2024-01-15T10:00:00.000Z,47.0000000,8.0000000,30,90,running
B,2024-01-15T10:00:01.000Z,46.5000000,7.5000000,,,
A,2024-01-15T10:00:05.000Z,47.0100000,8.0000000,31.5,90,running
A,2024-01-15T10:00:10.000Z,47.0200000,8.0000000,32,90,running
B,2024-01-15T10:00:06.000Z,99.0000000,7.5000000,,,
"""
DEPOT = {
    "geofence_id": "depot",
    "name": "Depot",
    "type": "circle",
    "center": {"latitude": 47.0, "longitude": 8.0},
    "radius_meters": 300,
    "alert_on": "both",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a small replay in it."""
    source, fences = tmp_path / "positions.csv", tmp_path / "fences.json"
    source.write_text(POSITIONS)
    fences.write_text(json.dumps([DEPOT]))
    data = tmp_path / "data"
    assert (
        execute(["replay", str(source), "--geofences", str(fences), "--outlier-speed", "0", "--data", str(data)]) == 0
    )
    return data


def commands() -> Iterator[list[str]]:
    def walk(path: list[str], command: Any) -> Iterator[list[str]]:
        for name, inner in getattr(command, "commands", {}).items():
            yield [*path, name]
            yield from walk([*path, name], inner)

    yield from walk([], typer.main.get_command(app))


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_help_ends_in_an_example_of_the_command(path: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([*path, "--help"]) == 0
    last = capsys.readouterr().out.rstrip().rsplit("Example:", 1)
    assert len(last) == 2
    assert "truckstream " + path[0] in " ".join(last[1].split())


def test_stats_come_as_csv_with_the_named_columns(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["stats", "--csv", "--data", str(data)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["truck_id"], row["hour"], row["coordinates_count"]) for row in rows] == [
        ("A", "2024-01-15T10:00:00Z", "3"),
        ("B", "2024-01-15T10:00:00Z", "1"),
    ]
    assert rows[0]["total_distance_km"] == "2.223421"
    assert rows[1]["average_speed_kmh"] == rows[1]["idle_time_minutes"] == ""


def test_json_output_is_one_array(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["positions", "--json", "--data", str(data)]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["truck_id"], first["timestamp"], first["speed_kmh"]) == (
        "A",
        "2024-01-15T10:00:10.000Z",
        32.0,
    )
    assert (second["truck_id"], second["heading"]) == ("B", None)


def test_alerts_and_transitions_agree_on_ordered_input(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["transitions", "--csv", "--data", str(data)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "truck_id,geofence_id,event,timestamp",
        "A,depot,exit,2024-01-15T10:00:05.000Z",
    ]
    assert execute(["alerts", "--json", "--data", str(data)]) == 0
    (alert,) = json.loads(capsys.readouterr().out)
    assert (alert["alert_type"], alert["timestamp"], alert["late"]) == (
        "exit",
        "2024-01-15T10:00:05.000Z",
        False,
    )
    sent = (data / "alerts.ndjson").read_text().splitlines()
    assert [json.loads(line)["alert_id"] for line in sent] == [alert["alert_id"]]


def test_rejected_shows_the_reason_and_the_payload(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["rejected", "--json", "--data", str(data)]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["reason"].startswith("latitude")
    assert '"latitude":99.0000000' in record["payload"]


def test_redriven_records_wait_on_the_stream_and_leave_the_list(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["rejected", "--redrive", "--data", str(data)]) == 0
    assert "1 records put" in capsys.readouterr().out
    assert execute(["rejected", "--json", "--data", str(data)]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert execute(["status", "--json", "--data", str(data)]) == 0
    assert json.loads(capsys.readouterr().out)["consumers"]["archive"]["records"] == 1


def test_query_answers_sql_over_positions_and_statistics(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sql = (
        "select p.truck_id, count(*) as n, any_value(h.coordinates_count) as c from positions p "
        "join hourly_stats h on h.truck_id = p.truck_id group by 1 order by 1"
    )
    assert execute(["query", sql, "--csv", "--data", str(data)]) == 0
    assert capsys.readouterr().out.splitlines() == ["truck_id,n,c", "A,3,3", "B,1,1"]


def test_verify_finds_the_archive_complete(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["verify", "--json", "--data", str(data)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["stream_positions"], found["archived"], found["rejected"]) == (True, 4, 4, 1)


def test_verify_notices_a_lost_archive_file(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    next((data / "archive" / "positions").rglob("*.parquet")).unlink()
    assert execute(["verify", "--data", str(data)]) == 1
    assert "are not in the archive" in capsys.readouterr().err


def test_geofences_survive_export_and_import(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ([], ["--geojson"]):
        assert execute(["geofences", "export", *form, "--data", str(data)]) == 0
        exported = tmp_path / "exported.json"
        exported.write_text(capsys.readouterr().out)
        assert execute(["geofences", "import", str(exported), "--data", str(data)]) == 0
        assert capsys.readouterr().out == "0 added, 0 changed, 1 unchanged\n"


def test_geofences_test_tells_what_would_have_fired(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = tmp_path / "draft.json"
    draft.write_text(json.dumps({**DEPOT, "geofence_id": "draft", "speed_limit_kmh": 20, "alert_on": "enter"}))
    assert execute(["geofences", "test", str(draft), "--data", str(data)]) == 0
    assert capsys.readouterr().out == "draft: would have fired 0 times\n"
    assert execute(["geofences", "test", "depot", "--data", str(data)]) == 0
    assert capsys.readouterr().out == "depot: would have fired 1 times (exit 1)\n"
    assert execute(["geofences", "list", "--csv", "--data", str(data)]) == 0
    assert "draft" not in capsys.readouterr().out


def test_removed_geofences_are_named_and_unknown_ones_reported(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["geofences", "remove", "depot", "nowhere", "--data", str(data)]) == 1
    said = capsys.readouterr()
    assert said.out == "removed depot\n"
    assert said.err.startswith("error: no such geofence: nowhere\nhint: ")


BAD_CALLS = {
    "missing file": ["replay", "{tmp}/none.csv"],
    "directory instead of a file": ["replay", "{tmp}"],
    "unknown format": ["replay", "{tmp}/binary.csv"],
    "header without the record's names": ["replay", "{tmp}/header.csv"],
    "truncated gzip": ["replay", "{tmp}/cut.csv.gz"],
    "damaged Parquet": ["replay", "{tmp}/bad.parquet"],
    "not GPX": ["replay", "{tmp}/bad.gpx"],
    "JSON array": ["replay", "{tmp}/array.json"],
    "no data directory": ["positions"],
    "impossible speed": ["replay", "{tmp}/none.csv", "--speed", "fast"],
    "bad time": ["stats", "--from", "yesterday"],
    "unknown option": ["stats", "--colour"],
    "unknown command": ["drive"],
    "invalid geofences": ["geofences", "import", "{tmp}/fence.json"],
    "geofences are not JSON": ["geofences", "import", "{tmp}/binary.csv"],
    "SQL with an error": ["query", "select nothing from nowhere", "--data", "{data}"],
    "SQL that writes": ["query", "copy positions to '{tmp}/x.csv'", "--data", "{data}"],
    "unknown fault": ["simulate", "--faults", "gremlins=1"],
    "unknown backend": ["positions", "--backend", "cloud"],
    "backend that is not set up": ["positions", "--backend", "aws"],
    "infinite outlier speed": ["run", "--outlier-speed", "inf", "--duration", "0"],
    "webhook that is no address": ["replay", "{tmp}/good.csv", "--webhook", "http://[::1"],
    "time after the last year": ["simulate", "--start", "9999-12-31T23:59:58Z", "--duration", "9", "--output", "-"],
    "two output formats": ["stats", "--csv", "--json"],
    "empty file": ["replay", "{tmp}/empty.csv"],
    "data is a file": ["replay", "{tmp}/good.csv", "--data", "{tmp}/good.csv"],
}


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS)
def test_errors_are_two_lines_and_exit_code_one(
    call: list[str], data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import gzip

    (tmp_path / "good.csv").write_text(POSITIONS)
    (tmp_path / "empty.csv").touch()
    (tmp_path / "binary.csv").write_bytes(b"\0\1\2\3" * 100)
    (tmp_path / "header.csv").write_text("id,when,where\n1,2,3\n")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(POSITIONS.encode() * 100)[:-20])
    (tmp_path / "bad.parquet").write_bytes(b"PAR1" + b"x" * 50)
    (tmp_path / "bad.gpx").write_text("<gpx><trk>")
    (tmp_path / "array.json").write_text("[{}]")
    (tmp_path / "fence.json").write_text(json.dumps([{**DEPOT, "radius_meters": -1}]))
    arguments = [part.format(tmp=tmp_path, data=data) for part in call]
    if "--data" not in arguments and arguments[0] != "drive":
        arguments += ["--data", str(tmp_path / "other")]
    assert execute(arguments) == 1
    lines = capsys.readouterr().err.splitlines()
    lines = [line for line in lines if line.startswith(("error", "hint", "Traceback"))]
    assert len(lines) == 2
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("hint: ")
    assert len(lines[1]) > 15


def test_rows_before_the_damage_are_processed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import gzip
    import random

    rows = [
        f"A,2024-01-15T10:{i // 60:02d}:{i % 60:02d}.000Z,47.{random.Random(i).randrange(10**6):06d},8.0"
        for i in range(3000)
    ]
    packed = gzip.compress("\n".join(["truck_id,timestamp,latitude,longitude", *rows]).encode())
    (tmp_path / "cut.csv.gz").write_bytes(packed[: len(packed) // 2])
    data = ["--data", str(tmp_path / "data")]
    assert execute(["replay", str(tmp_path / "cut.csv.gz"), "--outlier-speed", "0", *data]) == 1
    assert "truncated" in capsys.readouterr().err
    assert execute(["query", "select count(*) as n from positions", "--csv", *data]) == 0
    assert int(capsys.readouterr().out.split()[1]) > 500


def test_locked_data_directory_says_who_holds_it(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "positions.csv"
    with WriterLock(data, "run"):
        assert execute(["replay", str(source), "--data", str(data)]) == 75
        said = capsys.readouterr().err
        assert f"process {os.getpid()} (run)" in said
        assert "hint: " in said
        for reading in (["stats"], ["positions"], ["status"], ["geofences", "list"], ["verify"]):
            assert execute([*reading, "--data", str(data)]) == 0
    assert execute(["replay", str(source), "--data", str(data)]) == 0


def test_outlier_speed_is_kept_with_the_data_directory(data: Path, tmp_path: Path) -> None:
    assert json.loads((data / "settings.json").read_text())["outlier_speed_kmh"] == 0
    assert execute(["replay", str(tmp_path / "positions.csv"), "--data", str(data)]) == 0
    assert json.loads((data / "settings.json").read_text())["outlier_speed_kmh"] == 0
    assert execute(["replay", str(tmp_path / "positions.csv"), "--outlier-speed", "150", "--data", str(data)]) == 0
    assert json.loads((data / "settings.json").read_text())["outlier_speed_kmh"] == 150


def test_replaying_a_file_twice_changes_no_answer(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answers() -> list[str]:
        texts = []
        for command in ("positions", "transitions", "alerts", "stats"):
            assert execute([command, "--csv", "--data", str(data)]) == 0
            texts.append(capsys.readouterr().out)
        return texts

    before = answers()
    assert execute(["replay", str(tmp_path / "positions.csv"), "--data", str(data)]) == 0
    capsys.readouterr()
    assert answers() == before


def test_output_cut_short_by_a_pipe_is_no_error(data: Path) -> None:
    shell = f"{sys.executable} -m truckstream query 'select * from range(200000)' --csv --data {data} | head -n 2"
    result = subprocess.run(["bash", "-o", "pipefail", "-c", shell], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    assert result.stdout.splitlines() == ["range", "0"]


def test_simulated_positions_can_be_written_and_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, data = tmp_path / "fleet.ndjson", tmp_path / "data"
    start = "2024-01-15T06:00:00Z"
    assert execute(["simulate", "--trucks", "20", "--duration", "60", "--start", start, "--output", str(out)]) == 0
    assert execute(["replay", str(out), "--json", "--data", str(data)]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == len(out.read_bytes().splitlines()) == 20 * 12


def test_ingested_records_wait_for_the_next_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, data = tmp_path / "fleet.ndjson", tmp_path / "data"
    assert execute(["simulate", "--trucks", "5", "--duration", "10", "--output", str(out)]) == 0
    assert execute(["ingest", str(out), "--json", "--data", str(data)]) == 0
    assert json.loads(capsys.readouterr().out) == {"placed": 10, "rejected": 0}
    assert execute(["status", "--json", "--data", str(data)]) == 0
    assert json.loads(capsys.readouterr().out)["consumers"]["dashboard"]["records"] == 10
    assert execute(["run", "--trucks", "0", "--duration", "0", "--data", str(data)]) == 0
    capsys.readouterr()
    assert execute(["positions", "--json", "--data", str(data)]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5


HEADER = "truck_id,timestamp,latitude,longitude\n"


def test_a_producer_above_a_shards_limits_slows_down_and_loses_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, data = tmp_path / "busy.csv", ["--data", str(tmp_path / "data")]
    rows = [f"A,2024-01-15T{10 + n // 3600}:{n // 60 % 60:02d}:{n % 60:02d}Z,47,8" for n in range(2_200)]
    source.write_text(HEADER + "\n".join(rows))
    began = time.monotonic()
    assert execute(["ingest", str(source), "--shard-limits", "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out) == {"placed": 2_200, "rejected": 0}
    assert time.monotonic() - began > 1.0  # 1,000 records of one truck a second
    with LocalStores(DataDirectory(tmp_path / "data")) as stores:
        records = [
            record for shard in stores.stream.shards() for record in stores.stream.read(shard.shard_id, 0, 9_999)
        ]
    times = [json.loads(record.data)["timestamp"] for record in records]
    assert times == sorted(times)
    assert len(times) == 2_200
    assert execute(["run", "--trucks", "0", "--duration", "1", "--shard-limits", *data]) == 0
    capsys.readouterr()
    assert execute(["verify", "--json", *data]) == 0
    assert json.loads(capsys.readouterr().out)["archived"] == 2_200
    assert execute(["simulate", "--shard-limits", "--backend", "aws"]) == 1
    assert "--shard-limits is for the local backend" in capsys.readouterr().err


def test_rows_refused_at_the_same_place_on_another_day_are_all_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, data = tmp_path / "x.csv", ["--data", str(tmp_path / "data")]
    for truck in "AB":
        source.write_text(HEADER + f"{truck},2024-01-15T10:00:00Z,47\n")
        assert execute(["replay", str(source), *data]) == 0
    capsys.readouterr()
    assert execute(["rejected", "--json", *data]) == 0
    assert {record["payload"][0] for record in json.loads(capsys.readouterr().out)} == {"A", "B"}


def test_rows_that_were_no_records_are_not_redriven(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, data = tmp_path / "x.csv", ["--data", str(tmp_path / "data")]
    source.write_text(HEADER + "A,2024-01-15T10:00:00Z,47\n")
    assert execute(["replay", str(source), *data]) == 0
    capsys.readouterr()
    assert execute(["rejected", "--redrive", *data]) == 0
    assert capsys.readouterr().out.startswith("0 records put on the stream again; 1 stay")
    assert execute(["rejected", "--json", *data]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 1


def test_verify_takes_batches_of_bad_records_only(tmp_path: Path) -> None:
    source, data = tmp_path / "x.csv", ["--data", str(tmp_path / "data")]
    source.write_text(HEADER + "A,2024-01-15T10:00:00Z,abc,8\n")
    assert execute(["replay", str(source), *data]) == 0
    assert execute(["verify", *data]) == 0


def test_what_to_do_next_is_called_as_the_shell_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "truckstream").write_text("#!/bin/sh\n")
    (folder / "truckstream").chmod(0o755)
    source = tmp_path / "positions.csv"
    source.write_text(POSITIONS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(folder / "truckstream")])
    for path, called in (("/nowhere", ".venv/bin/truckstream"), (str(folder), "truckstream")):
        monkeypatch.setenv("PATH", path)
        assert execute(["replay", str(source), "--speed", "max", "--data", "data"]) == 0
        printed = capsys.readouterr().out
        assert f"See why: {called} rejected --data data" in printed
        assert f"Look at it: {called} stats --data data" in printed


def test_simulated_positions_go_to_standard_output() -> None:
    command = [sys.executable, "-m", "truckstream", "simulate", "--trucks", "3", "--duration", "10", "--output", "-"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert len(result.stdout.splitlines()) == 6


def test_columns_of_the_same_name_keep_their_values(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["query", "select 1 as a, 2 as a, 1.50::decimal(4,2) as b", "--csv", "--data", str(data)]) == 0
    assert capsys.readouterr().out == "a,a_2,b\n1,2,1.50\n"
    assert execute(["query", "select 1 as a, 2 as a, 1.50::decimal(4,2) as b", "--json", "--data", str(data)]) == 0
    assert json.loads(capsys.readouterr().out) == [{"a": 1, "a_2": 2, "b": 1.5}]


def test_ctrl_c_while_a_query_is_prepared_is_no_bug(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def prepared(*_: object) -> None:
        raise RuntimeError("Query interrupted")  # DuckDB's word for a signal that Python has yet to handle

    monkeypatch.setattr("truckstream.local.analytics._create_tables", prepared)
    assert execute(["query", "select 1", "--data", str(data)]) == 130
    assert capsys.readouterr().err == ""


def test_a_long_query_stops_at_ctrl_c(data: Path) -> None:
    sql = "select sum(a.range * b.range * c.range) from range(100000) a, range(100000) b, range(100000) c"
    process = subprocess.Popen([sys.executable, "-m", "truckstream", "query", sql, "--data", str(data)])
    begin = time.monotonic()
    while worked_s(process.pid, begin) < 3:  # not just begun: a busy machine takes seconds to start it
        assert process.poll() is None
        assert time.monotonic() < begin + 60
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130


def worked_s(pid: int, begin: float) -> float:
    """Return the CPU seconds of a process; where nothing tells them, those since `begin`."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return time.monotonic() - begin
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_output_that_cannot_be_written_is_an_error(data: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    shell = f"{sys.executable} -m truckstream query 'select * from range(200000)' --csv --data {data} > /dev/full"
    result = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == ["error", "hint"]


def test_alerts_that_nobody_took_are_reported_and_wait(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, fences = tmp_path / "positions.csv", tmp_path / "fences.json"
    source.write_text(POSITIONS)
    fences.write_text(json.dumps([DEPOT]))
    call = ["replay", str(source), "--geofences", str(fences), "--outlier-speed", "0", "--data", str(tmp_path / "data")]
    assert execute([*call, "--webhook", "http://127.0.0.1:1/"]) == 0
    assert "warning: 1 alerts are not delivered yet" in capsys.readouterr().err
    assert execute(["status", "--json", "--data", str(tmp_path / "data")]) == 0
    assert json.loads(capsys.readouterr().out)["alerts_pending"] == 1
