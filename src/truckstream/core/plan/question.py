"""What a fleet is and how it is to be run: the questions `truckstream plan` is asked, checked."""

import math
from typing import Final, Literal

import msgspec

from truckstream.core.errors import InvalidSetting

Format = Literal["json", "frames", "kpl"]
Capacity = Literal["provisioned", "on-demand"]

MONTH_S: Final = 2_628_000
"""A month as AWS's own calculator has it: 730 hours."""

MONTH_H: Final = 730
LONGEST_WINDOW_S: Final = 300.0
"""The longest batching window of a Lambda event source mapping."""

FEWEST_BUCKETS: Final = 4
TRUCKS_PER_BUCKET: Final = 500
"""Small enough that the batches of a large fleet can be shared out: a bucket stays in one."""

OWN_CONSUMERS: Final = 3
"""Dashboard, geofence, archive."""


class Question(msgspec.Struct, frozen=True):
    """A fleet and how it is run.

    `write_every_s`: how often the latest position of a moving truck is written. `alert_window_s`: how long the
    geofence consumer gathers a batch, which delays alerts by up to that. `frame_s`: how long a gateway gathers a
    frame; `buckets`: how many gateways or groups of trucks frame for themselves. `moving_pct`: trucks that move.
    `cpu_factor`: how many times slower than the measuring machine a whole Lambda CPU is taken to be.
    """

    trucks: int
    every_s: float = 5.0
    record_bytes: float = 222.0
    format: Format = "frames"
    retention_hours: int = 24
    consumers: int = OWN_CONSUMERS
    fan_out: int = 0
    write_every_s: float = 30.0
    alert_window_s: float = 30.0
    archive_window_s: float = 60.0
    moving_pct: float = 100.0
    headroom_pct: float = 25.0
    frame_s: float = 1.0
    buckets: int | None = None
    capacity: Capacity = "provisioned"
    capacity_used_pct: float = 70.0
    alerts_per_truck_day: float = 10.0
    athena_gb_per_day: float = 0.0
    archive_months: int = 12
    memory_mb: int = 1_769
    cpu_factor: float = 2.0

    @property
    def positions_per_s(self) -> float:
        """What the whole fleet sends."""
        return self.trucks / self.every_s

    @property
    def bucket_count(self) -> int:
        """How many groups of trucks are framed for themselves."""
        return self.buckets or max(FEWEST_BUCKETS, math.ceil(self.trucks / TRUCKS_PER_BUCKET))


# field, option, least, most, what it counts
_RANGES: Final = (
    ("trucks", "--trucks", 1, 100_000_000, "trucks"),
    ("every_s", "--every", 0.1, 86_400, "seconds"),
    ("record_bytes", "--record-size", 50, 100_000, "bytes"),
    ("retention_hours", "--retention", 24, 8_760, "hours"),
    ("consumers", "--consumers", OWN_CONSUMERS, 20, "consumers; three are truckstream's own"),
    ("fan_out", "--fan-out", 0, 20, "consumers"),
    ("write_every_s", "--write-every", 1, 3_600, "seconds"),
    ("alert_window_s", "--alert-window", 0, LONGEST_WINDOW_S, "seconds"),
    ("archive_window_s", "--archive-window", 0, LONGEST_WINDOW_S, "seconds"),
    ("moving_pct", "--moving", 0, 100, "per cent"),
    ("headroom_pct", "--headroom", 0, 90, "per cent"),
    ("frame_s", "--frame", 0.01, 60, "seconds"),
    ("buckets", "--buckets", 1, 100_000, "buckets"),
    ("capacity_used_pct", "--capacity-used", 10, 100, "per cent"),
    ("alerts_per_truck_day", "--alerts", 0, 100_000, "alerts per truck and day"),
    ("athena_gb_per_day", "--athena", 0, 1_000_000, "GB a day"),
    ("archive_months", "--archive-months", 1, 120, "months"),
    ("memory_mb", "--memory", 128, 10_240, "MB"),
    ("cpu_factor", "--cpu-factor", 0.1, 100, "times"),
)


def checked(question: Question) -> Question:
    """Return the question. Raises InvalidSetting naming the option that is out of range."""
    for field, option, least, most, unit in _RANGES:
        value = getattr(question, field)
        if value is not None and not (math.isfinite(value) and least <= value <= most):
            raise InvalidSetting(f"{option} {value:g}", hint=f"Give {least:,g} to {most:,g} {unit}.")
    if question.fan_out > question.consumers:
        raise InvalidSetting(
            f"--fan-out {question.fan_out} with --consumers {question.consumers}",
            hint="Fan-out is for consumers of the stream: give at most as many.",
        )
    return question
