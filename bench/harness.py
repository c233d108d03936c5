"""What every benchmark shares: figures with goals, a table, JSON lines, fair A/B runs, memory of a child."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TextIO

from rich.console import Console
from rich.table import Table

type Better = Literal["higher", "lower"]

_MIB = 1024 * 1024
_SAMPLE_EVERY_S = 0.02


@dataclass(frozen=True)
class Peer:
    """Something to compare with, and its figure in the same unit, measured on the same machine."""

    name: str
    value: float


@dataclass(frozen=True)
class Figure:
    """One result; a `ratio` of 2 is twice as good as the peer, whether high or low figures are wanted."""

    bench: str
    figure: str
    value: float
    unit: str
    ratio: float | None
    peer: str | None
    goal: float | None
    met: bool | None

    def json_line(self) -> str:
        """Return the figure as one line of JSON."""
        return json.dumps({name: _readable(value) for name, value in self.__dict__.items()}, ensure_ascii=False)


class Report:
    """Collects the figures of one benchmark and prints them."""

    def __init__(self, bench: str) -> None:
        self.bench = bench
        self.figures: list[Figure] = []

    def add(
        self,
        figure: str,
        value: float,
        unit: str,
        *,
        goal: float | None = None,
        better: Better = "higher",
        peer: Peer | None = None,
    ) -> Figure:
        """Note a figure; it meets its goal when it is as good or better."""
        ratio = None
        if peer is not None:
            above, below = (value, peer.value) if better == "higher" else (peer.value, value)
            ratio = above / below if below else None
        met = None if goal is None else (value >= goal if better == "higher" else value <= goal)
        added = Figure(self.bench, figure, value, unit, ratio, peer.name if peer else None, goal, met)
        self.figures.append(added)
        return added

    @property
    def all_met(self) -> bool:
        """False when a figure misses its goal."""
        return all(figure.met is not False for figure in self.figures)

    def print(self, stream: TextIO | None = None) -> int:
        """Print the table and one JSON line per figure; return the exit code: 1 when a goal was missed."""
        stream = stream if stream is not None else sys.stdout
        table = Table(title=self.bench, title_justify="left")
        for column, justify in (("figure", "left"), ("value", "right"), ("unit", "left"), ("goal", "right")):
            table.add_column(column, justify="right" if justify == "right" else "left")
        table.add_column("met")
        table.add_column("against")
        for figure in self.figures:
            against = f"{figure.ratio:.2f} x {figure.peer}" if figure.ratio is not None else ""
            met = {True: "yes", False: "NO", None: ""}[figure.met]
            goal = "" if figure.goal is None else f"{figure.goal:,g}"
            table.add_row(figure.figure, f"{_readable(figure.value):,}", figure.unit, goal, met, against)
        Console(file=stream, width=None if stream.isatty() else 110).print(table)
        for figure in self.figures:
            print(figure.json_line(), file=stream)
        stream.flush()
        return 0 if self.all_met else 1


class Compared(NamedTuple):
    """Medians of two ways of doing the same; `ratio` is a / b."""

    a: float
    b: float
    ratio: float
    runs_a: tuple[float, ...]
    runs_b: tuple[float, ...]


def alternate(a: Callable[[], float], b: Callable[[], float], *, rounds: int = 5, warm_up: int = 1) -> Compared:
    """Run two measurements in turn and compare their medians.

    In turn, and in swapped order every other round, so that a machine that slows down or speeds up on the way
    treats both alike. The first `warm_up` rounds are thrown away. `ratio` is the median of the rounds' own
    ratios.
    """
    pairs = []
    for number in range(warm_up + rounds):
        if number % 2 == 0:
            of_a = a()
            of_b = b()
        else:
            of_b = b()
            of_a = a()
        if number >= warm_up:
            pairs.append((of_a, of_b))
    runs_a, runs_b = tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
    ratio = statistics.median(of_a / of_b for of_a, of_b in pairs)
    return Compared(statistics.median(runs_a), statistics.median(runs_b), ratio, runs_a, runs_b)


def seconds(work: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds of wall clock."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


class Child(NamedTuple):
    """What a child process took and said."""

    seconds: float
    cpu_s: float
    resident_mib: float
    exit_code: int
    stdout: str


def run_child(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
) -> Child:
    """Run a command to its end; stderr goes through.

    `resident_mib` is the largest resident memory of the process itself. On Linux it is the kernel's
    high-water mark after exec, looked at every 20 ms: `ru_maxrss` would also count this process's own
    memory at the fork.

    Raises:
        RuntimeError: the command failed, and `check` is set.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=env, cwd=cwd)
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    said, resident_kib = bytearray(), 0
    while True:
        said += process.stdout.read() or b""
        resident_kib = max(resident_kib, _high_water_kib(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(_SAMPLE_EVERY_S)
    took = time.perf_counter() - begin
    os.set_blocking(process.stdout.fileno(), True)
    said += process.stdout.read()
    process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if not resident_kib:  # no /proc, or gone before the first look
        resident_kib = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss // 1024
    child = Child(
        took,
        usage.ru_utime + usage.ru_stime,
        resident_kib * 1024 / _MIB,
        process.returncode,
        said.decode(errors="replace"),
    )
    if check and child.exit_code:
        raise RuntimeError(f"exit {child.exit_code}: {' '.join(command)}")
    return child


def _high_water_kib(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def _readable[T](value: T) -> T | float | int:
    """Round a float to four significant digits (never dropping digits before the point)."""
    if not isinstance(value, float) or isinstance(value, bool):
        return value
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")
