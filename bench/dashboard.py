"""The live dashboard under load: many trucks that move, many viewers at once; server and page.

The server runs as its users run it (`truckstream web`); this process moves the trucks by writing latest positions as
the dashboard consumer does, and reads the viewers' compressed streams without looking into them. Half the viewers
look at the whole fleet, half at a part of the map of their own.
"""

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

from bench.dashboard_page import add_page_work
from bench.harness import Peer, Report

from truckstream.core.outliers import Track
from truckstream.core.records import Position
from truckstream.local.directory import DataDirectory
from truckstream.local.stores import LocalStores

CPU_GOAL = 1.0
FRAME_GAP_GOAL_S = 2.0
_TICK = os.sysconf("SC_CLK_TCK")
_CITIES = [(47.38, 8.54), (30.27, -97.74), (52.52, 13.4), (48.86, 2.35), (35.68, 139.69)]


class Fleet:
    """Trucks around some cities; a fifth of them moves every second when the interval is five."""

    def __init__(self, folder: Path, trucks: int, every_s: float) -> None:
        self._stores = LocalStores(DataDirectory(folder))
        self._random = random.Random(1)
        self._every_s = every_s
        self._places = [
            (lat + self._random.uniform(-0.3, 0.3), lon + self._random.uniform(-0.3, 0.3))
            for lat, lon in (_CITIES[n % len(_CITIES)] for n in range(trucks))
        ]
        self.moved = 0

    def move(self, numbers: range) -> None:
        """Write the next position of these trucks."""
        now_ms = time.time_ns() // 1_000_000
        tracks = []
        for number in numbers:
            lat, lon = self._places[number]
            lat, lon = lat + self._random.uniform(-5e-4, 5e-4), lon + self._random.uniform(-5e-4, 5e-4)
            self._places[number] = lat, lon
            speed, heading = round(self._random.uniform(0, 90), 1), round(self._random.uniform(0, 360), 1)
            position = Position(
                f"TRK-{number:05d}", now_ms, round(lat, 7), round(lon, 7), speed, heading, 400.0, 5.0, 71.5, "running"
            )
            tracks.append(Track(position, received_ms=now_ms))
        self._stores.positions.put_newer(tracks)
        self.moved += len(tracks)

    def drive(self, stopping: threading.Event) -> None:
        """Move everybody once in the interval, evenly, until told to stop."""
        count = len(self._places)
        parts = max(1, round(self._every_s * 4))
        due = time.monotonic()
        part = 0
        while not stopping.is_set():
            self.move(range(part * count // parts, (part + 1) * count // parts))
            part = (part + 1) % parts
            due += self._every_s / parts
            stopping.wait(max(0.0, due - time.monotonic()))

    def close(self) -> None:
        """Close the store."""
        self._stores.close()


@dataclass
class Viewer:
    """One open stream: what came, and when."""

    whole_fleet: bool
    bytes: int = 0
    snapshot_s: float = 0.0
    arrivals_s: list[float] = field(default_factory=list)

    async def watch(self, host: str, port: int, query: str) -> None:
        """Read the stream until cancelled."""
        begin = time.perf_counter()
        reader, writer = await asyncio.open_connection(host, port, limit=16 * 1024 * 1024)
        try:
            writer.write(
                f"GET /api/v1/live{query} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
            )
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head, head
            assert b"content-encoding: gzip" in head.lower(), head
            chunks = 0
            while True:
                size = int(await reader.readline(), 16)
                await reader.readexactly(size + 2)
                self.bytes += size
                chunks += 1
                if chunks == 2:
                    self.snapshot_s = time.perf_counter() - begin
                elif chunks > 2:
                    self.arrivals_s.append(time.perf_counter())
        finally:
            writer.close()


def cpu_s(pid: int) -> float:
    """Return the processor time a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident_mib(pid: int) -> float:
    """Return a process's resident memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


@contextmanager
def server(folder: Path) -> Iterator[tuple[int, str, int]]:
    """Run the server; yield its process id and address."""
    command = [sys.executable, "-m", "truckstream", "web", "--data", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        address = urlsplit(process.stdout.readline().split()[2].rstrip(","))
        assert address.hostname is not None
        assert address.port is not None
        yield process.pid, address.hostname, address.port
    finally:
        process.terminate()
        process.wait(20)


async def look(host: str, port: int, viewers: int, seconds: float, pid: int) -> tuple[list[Viewer], float, float]:
    """Open the streams, let them settle, and measure; return them, the CPU share and the resident MiB."""
    opened, tasks = [], []
    for number in range(viewers):
        viewer = Viewer(whole_fleet=number % 2 == 0)
        lat, lon = _CITIES[number % len(_CITIES)]
        shift = number * 0.003
        part = f"?bbox={lon - 0.2 + shift:.4f},{lat - 0.2:.4f},{lon + 0.2 + shift:.4f},{lat + 0.2:.4f}"
        opened.append(viewer)
        tasks.append(asyncio.create_task(viewer.watch(host, port, "" if viewer.whole_fleet else part)))
    await asyncio.sleep(5)
    for viewer in opened:
        viewer.bytes = 0
        viewer.arrivals_s.clear()
    begin_s, begin_cpu = time.perf_counter(), cpu_s(pid)
    await asyncio.sleep(seconds)
    took_s = time.perf_counter() - begin_s
    share = (cpu_s(pid) - begin_cpu) / took_s
    resident = resident_mib(pid)
    failed = [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if failed:
        raise RuntimeError(f"{len(failed)} streams ended: {failed[0].exception()}")
    return opened, share, resident


def pipeline_shares(trucks: int, every_s: float, viewers: int, seconds: float) -> tuple[float, float, int]:
    """Return the processor share of `run`'s own process without viewers and with them, and the lag then.

    The dashboard's server is another process; what it costs the pipeline is what it takes of the stores and the disk.
    """
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "truckstream", "run", "--data", name, "--port", "0"]
        command += ["--trucks", str(trucks), "--every", str(every_s)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            found = re.search(r"http://([\d.]+):(\d+)", process.stdout.readline())
            assert found is not None
            host, port = found[1], int(found[2])
            time.sleep(2 * every_s)
            begin_s, begin_cpu = time.perf_counter(), cpu_s(process.pid)
            time.sleep(seconds)
            alone = (cpu_s(process.pid) - begin_cpu) / (time.perf_counter() - begin_s)
            _, watched, _ = asyncio.run(look(host, port, viewers, seconds, process.pid))
            with urllib.request.urlopen(f"http://{host}:{port}/status", timeout=30) as answer:
                lag = json.load(answer)["consumers"]["dashboard"]["records"]
            return alone, watched, lag
        finally:
            process.terminate()
            process.communicate(timeout=60)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trucks", type=int, default=10_000)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two positions of a truck")
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    report = Report("dashboard")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        DataDirectory(folder).create()
        fleet = Fleet(folder, given.trucks, given.every)
        fleet.move(range(given.trucks))
        stopping = threading.Event()
        driver = threading.Thread(target=fleet.drive, args=(stopping,))
        with server(folder) as (pid, host, port):
            driver.start()
            try:
                viewers, share, resident = asyncio.run(look(host, port, given.viewers, given.seconds, pid))
                add_page_work(report, f"http://{host}:{port}/", given.seconds)
            finally:
                stopping.set()
                driver.join()
        fleet.close()
    whole = [viewer for viewer in viewers if viewer.whole_fleet]
    part = [viewer for viewer in viewers if not viewer.whole_fleet]
    gaps = [later - earlier for viewer in viewers for earlier, later in pairwise(viewer.arrivals_s)]
    report.add("server CPU", share, "cores", goal=CPU_GOAL, better="lower")
    report.add("server memory", resident, "MiB", better="lower")
    report.add("to a viewer of the whole fleet", _mean([v.bytes for v in whole]) / given.seconds / 1000, "kB/s")
    if part:
        report.add("to a viewer of a part", _mean([v.bytes for v in part]) / given.seconds / 1000, "kB/s")
    report.add("snapshot after", max(viewer.snapshot_s for viewer in viewers), "s", better="lower")
    p95 = sorted(gaps)[int(len(gaps) * 0.95)]
    report.add("between frames, 95th percentile", p95, "s", goal=FRAME_GAP_GOAL_S, better="lower")
    alone, watched, lag = pipeline_shares(given.trucks // 5, given.every, given.viewers, given.seconds)
    peer = Peer("without viewers", alone)
    report.add(f"pipeline of {given.trucks // 5:,} trucks, CPU", watched, "cores", better="lower", peer=peer)
    report.add("its dashboard consumer is behind", lag, "records", goal=given.trucks / 5, better="lower")
    return report.print()


def _mean(values: list[int]) -> float:
    return statistics.fmean(values) if values else 0.0


if __name__ == "__main__":
    sys.exit(main())
