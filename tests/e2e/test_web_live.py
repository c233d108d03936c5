"""The dashboard's server as its user runs it: alone, beside `run`, and when things go wrong."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.support.web import live, truck

COMMAND = [sys.executable, "-m", "truckstream"]


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def addresses(process: "subprocess.Popen[str]") -> list[str]:
    assert process.stdout is not None
    return re.findall(r"http://[\d.]+:\d+", process.stdout.readline())


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while not gone(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_web_serves_a_directory_and_ends_in_peace_with_a_viewer_connected(tmp_path: Path, sign: signal.Signals) -> None:
    subprocess.run(
        [*COMMAND, "run", "--trucks", "3", "--every", "0.2", "--duration", "1", "--no-web", "--data", str(tmp_path)],
        check=True,
    )
    with started("web", "--data", str(tmp_path), "--port", "0") as process:
        (address,) = addresses(process)
        with httpx.Client(base_url=address, timeout=30) as client, live(client) as events:
            assert events.next()[1]["counts"]["fleet"] == 3
            process.send_signal(sign)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "", "")


def test_run_offers_dashboard_and_reports_and_starts_a_dead_one_again(tmp_path: Path) -> None:
    with started("run", "--trucks", "5", "--every", "0.5", "--port", "0", "--data", str(tmp_path)) as process:
        dashboard, reports = addresses(process)
        assert children(process.pid) == []  # nobody has looked yet
        with httpx.Client(base_url=dashboard, timeout=30) as client:
            with live(client) as events:
                events.until(lambda data: data["counts"]["fleet"] == 5)
                # A phone joins through the web's process; the pipeline's process takes it up.
                phone = httpx.get(f"{dashboard}/?id=PHONE-1&lat=47.4&lon=8.5&speed=20", timeout=30)
                assert phone.json()["accepted"] == 1
                events.until(lambda data: truck(data, "PHONE-1") is not None)
                (child,) = children(process.pid)
                os.kill(child, signal.SIGKILL)
            wait_until_gone(child)  # it must not take the next connection any more
            assert client.get("/api/v1/config").json()["reports_url"] == reports
        assert httpx.get(f"{reports}/api/v1/config", timeout=30).json()["web_url"] == dashboard
        two = children(process.pid)
        assert len(two) == 2
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, ""), out
        assert all(gone(pid) for pid in two)


def test_an_application_ends_in_peace_when_a_service_manager_ends_it_before_the_run(tmp_path: Path) -> None:
    with started("run", "--trucks", "1", "--port", "0", "--data", str(tmp_path)) as process:
        dashboard, _ = addresses(process)
        assert httpx.get(f"{dashboard}/healthz", timeout=30).status_code == 200
        (child,) = children(process.pid)
        os.kill(child, signal.SIGTERM)
        wait_until_gone(child)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")


def test_applications_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    with started("run", "--trucks", "1", "--port", "0", "--data", str(tmp_path)) as process:
        dashboard, _ = addresses(process)
        assert httpx.get(f"{dashboard}/healthz", timeout=30).status_code == 200
        (child,) = children(process.pid)
        process.kill()
        process.wait(30)
        wait_until_gone(child)


def test_a_port_that_was_asked_for_is_not_changed_silently(tmp_path: Path) -> None:
    with started("run", "--trucks", "1", "--port", "0", "--data", str(tmp_path / "a")) as process:
        port = addresses(process)[0].rpartition(":")[2]
        for command in ("run", "web"):
            data = str(tmp_path / ("b" if command == "run" else "a"))
            result = subprocess.run(
                [*COMMAND, command, "--port", port, "--data", data],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert result.returncode == 1
            assert re.fullmatch(r"error: .*\nhint: .*--port.*\n", result.stderr), result.stderr


def test_web_without_data_says_how_to_make_some(tmp_path: Path) -> None:
    command = [*COMMAND, "web", "--data", str(tmp_path / "none")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert re.fullmatch(r"error: no truckstream data.*\nhint: .*\n", result.stderr)


@pytest.mark.parametrize(
    ("command", "path"), [("web", "/api/v1/positions"), ("reports", "/api/v1/reports/range?tz=UTC")]
)
def test_other_addresses_ask_for_tokens(tmp_path: Path, command: str, path: str) -> None:
    subprocess.run(
        [*COMMAND, "run", "--trucks", "1", "--duration", "1", "--no-web", "--data", str(tmp_path)], check=True
    )
    with started(command, "--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path)) as process:
        (address,) = addresses(process)
        address = f"http://127.0.0.1:{address.rpartition(':')[2]}"
        assert httpx.get(f"{address}{path}", timeout=30).status_code == 401
        make = [*COMMAND, "tokens", "create", "--role", "viewer", "--data", str(tmp_path)]
        token = subprocess.run(make, capture_output=True, text=True, check=True).stdout.strip()
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{address}{path}", headers=headers, timeout=30).status_code == 200
        with httpx.Client(base_url=address, timeout=30) as page:
            assert page.post("/api/v1/session", json={"token": token}).json() == {"role": "viewer", "open": False}
            assert page.get(path).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
