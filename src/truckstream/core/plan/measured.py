"""What was measured of the functions and the formats; `scripts/bench.sh lambda --write` makes the data file."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import msgspec

ONE_CPU_MB: Final = 1_769
"""Lambda gives a whole CPU with this much memory, and a share of it with less (AWS Lambda documentation)."""

MEGA: Final = 1_000_000


class FunctionCost(msgspec.Struct, frozen=True):
    """CPU of a consumer on the measuring machine, for whole batches: so much for each of what is in them.

    `truck_us` is for a truck that is read and written, `unwritten_truck_us` for one that is only read.
    """

    invocation_ms: float
    record_us: float
    position_us: float
    truck_us: float
    unwritten_truck_us: float
    start_ms: float
    resident_mib: float


class Measured(msgspec.Struct, frozen=True):
    """The figures, with the day, the command and the machine that made them."""

    measured: str
    command: str
    machine: str
    functions: dict[str, FunctionCost]
    item_bytes: dict[str, int]
    record_bytes: float
    frame_bytes_per_position: Sequence[tuple[int, float]]
    file_bytes_per_position: Sequence[tuple[int, float]]
    settled_bytes_per_position: float
    statistics_us_per_position: float
    compaction_us_per_position: float

    def frame_bytes(self, positions: float, record_bytes: float) -> float:
        """Return the size of a gzip frame of so many positions; another record size scales it."""
        return _total(self.frame_bytes_per_position, positions) * record_bytes / self.record_bytes

    def file_bytes(self, positions: float) -> float:
        """Return the size of an archive file of so many positions."""
        return _total(self.file_bytes_per_position, positions)


def _total(table: Sequence[tuple[int, float]], count: float) -> float:
    """Return the bytes of `count` positions, on straight lines between the measured counts."""
    totals = [(measured, measured * each) for measured, each in table]
    first, last = totals[0], totals[-1]
    if count <= first[0]:
        return first[1]  # a smaller one is not to be had
    if count >= last[0]:
        return last[1] * count / last[0]
    for (low, low_bytes), (high, high_bytes) in pairwise(totals):
        if count <= high:
            return low_bytes + (high_bytes - low_bytes) * (count - low) / (high - low)
    raise AssertionError("unreachable")
