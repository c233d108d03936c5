"""The whole system live: starts, shows trucks, alerts and files, stops cleanly, survives a kill."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from truckstream.local.directory import DataDirectory
from truckstream.local.stores import LocalStores

COMMAND = [sys.executable, "-m", "truckstream"]


def truckstream(*arguments: str) -> str:
    result = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@contextmanager
def running(data: Path, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [*COMMAND, "run", "--data", str(data), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until_seen(data: Path, trucks: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if data.exists() and (data / "positions.db").exists():
            found = json.loads(truckstream("positions", "--json", "--data", str(data)))
            if len(found) >= trucks:
                return
        time.sleep(0.2)
    raise AssertionError(f"not {trucks} trucks after 30 s")


def wait_until_placed(data: Path, records: int) -> None:
    deadline = time.monotonic() + 30
    with LocalStores(DataDirectory(data)) as stores:
        while sum(stores.stream.behind(shard.shard_id, 0).records for shard in stores.stream.shards()) < records:
            assert time.monotonic() < deadline, f"not {records} records after 30 s"
            time.sleep(0.05)


def test_run_shows_every_truck_alerts_and_files_then_exits(tmp_path: Path) -> None:
    data = tmp_path / "data"
    said = truckstream("run", "--trucks", "40", "--every", "1", "--duration", "25", "--data", str(data))
    assert "positions/s" in said
    assert len(json.loads(truckstream("positions", "--json", "--data", str(data)))) == 40
    assert json.loads(truckstream("alerts", "--json", "--data", str(data)))
    assert (data / "alerts.ndjson").stat().st_size > 0
    assert list((data / "archive" / "positions").rglob("*.parquet"))
    assert list((data / "archive" / "hourly").rglob("*.parquet"))
    status = json.loads(truckstream("status", "--json", "--data", str(data)))
    assert {name: lag["records"] for name, lag in status["consumers"].items()} == {
        "dashboard": 0,
        "geofence": 0,
        "archive": 0,
    }
    assert "ok:" in truckstream("verify", "--data", str(data))


def test_interrupted_run_drains_and_a_restart_resumes(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number, sign in enumerate((signal.SIGINT, signal.SIGTERM)):
        with running(data, "--trucks", "10", "--every", "0.5") as process:
            wait_until_seen(data, 10)
            time.sleep(1)
            process.send_signal(sign)
            out, err = process.communicate(timeout=30)
            assert (process.returncode, err) == (0, ""), (number, out)
        found = json.loads(truckstream("verify", "--json", "--data", str(data)))
        assert found["ok"]
        assert found["archived"] == found["stream_positions"] > 0
    tracks = json.loads(
        truckstream("query", "select max(latitude) - min(latitude) as d from positions", "--json", "--data", str(data))
    )
    assert float(tracks[0]["d"]) < 5


def test_killed_run_loses_nothing_that_reached_the_stream(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number in (1, 2):
        with running(data, "--trucks", "20", "--every", "0.2") as process:
            wait_until_seen(data, 20)
            wait_until_placed(data, number * 60)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(timeout=10)
    truckstream("run", "--trucks", "0", "--duration", "0", "--data", str(data))
    found = json.loads(truckstream("verify", "--json", "--data", str(data)))
    assert found["ok"]
    assert found["archived"] == found["stream_positions"] > 100
    ids = [alert["alert_id"] for alert in json.loads(truckstream("alerts", "--json", "--data", str(data)))]
    assert len(ids) == len(set(ids))


def test_simulate_feeds_a_running_system(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, "--trucks", "0") as process:
        truckstream("simulate", "--trucks", "7", "--every", "0.5", "--duration", "2", "--data", str(data))
        wait_until_seen(data, 7)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0


def test_run_takes_positions_from_a_file_at_its_own_pace(tmp_path: Path) -> None:
    source, data = tmp_path / "fleet.ndjson", tmp_path / "data"
    truckstream("simulate", "--trucks", "5", "--every", "1", "--duration", "60", "--output", str(source))
    truckstream("run", "--source", str(source), "--duration", "4", "--data", str(data))
    found = json.loads(truckstream("verify", "--json", "--data", str(data)))
    assert 5 <= found["stream_positions"] <= 40


def test_status_and_metrics_are_served_while_it_runs(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data, "--trucks", "5", "--every", "0.5", "--port", "0") as process:
        assert process.stdout is not None
        address = next(word for word in process.stdout.readline().split() if word.startswith("http://127.0.0.1:"))
        wait_until_seen(data, 5)
        address = address.strip(",")
        with urllib.request.urlopen(f"{address}/status", timeout=30) as answer:
            status = json.load(answer)
        assert status["trucks"] == 5
        assert status["writer"].startswith("process ")
        with urllib.request.urlopen(f"{address}/metrics", timeout=30) as answer:
            metrics = answer.read().decode()
        assert "truckstream_trucks 5\n" in metrics
        assert 'truckstream_consumer_lag_records{consumer="archive"}' in metrics
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{address}/other")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_run_takes_positions_from_standard_input(tmp_path: Path) -> None:
    lines = truckstream("simulate", "--trucks", "4", "--every", "1", "--duration", "5", "--output", "-")
    command = [*COMMAND, "run", "--source", "-", "--duration", "4", "--data", str(tmp_path / "data")]
    result = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    found = json.loads(truckstream("verify", "--json", "--data", str(tmp_path / "data")))
    assert found["archived"] == len(lines.splitlines()) == 20


def test_replay_keeps_the_pace_it_was_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "fleet.ndjson"
    truckstream("simulate", "--trucks", "3", "--every", "1", "--duration", "30", "--output", str(source))
    said = truckstream("replay", str(source), "--speed", "10", "--json", "--data", str(tmp_path / "data"))
    assert json.loads(said)["rows"] == 90
    assert json.loads(said)["seconds"] >= 2.5  # 29 s of driving; only a lower bound, machines are noisy
