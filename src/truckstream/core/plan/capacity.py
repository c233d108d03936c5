"""How many shards, and how many functions at once: from the limits of Kinesis and the time the consumers take."""

import math
from typing import Final

import msgspec

from truckstream.core.plan.load import Load
from truckstream.core.plan.measured import MEGA, ONE_CPU_MB, Measured
from truckstream.core.plan.question import OWN_CONSUMERS, Question
from truckstream.core.plan.shapes import Shape
from truckstream.core.status import CONSUMERS

IN_BYTES: Final = 1_000_000
IN_RECORDS: Final = 1_000
OUT_BYTES: Final = 2_000_000
READS: Final = 5
"""Limits of one shard, per second (Kinesis quotas)."""

LANES_PER_SHARD: Final = 10
"""Batches of one shard and consumer at the same time (the largest parallelization factor)."""

BUSY: Final = 0.7
"""How busy a lane may be: what is left catches up after a failure."""

EVENT_BYTES: Final = 6_000_000
"""What a Lambda event may hold."""

ENVELOPE_BYTES: Final = 590
"""What a Kinesis record takes in an event beside its data in base64: measured."""

CALL_S: Final = 0.008
"""A DynamoDB call, waiting included; 16 run at once."""

AT_ONCE: Final = 16
KEYS_PER_GET: Final = 100
PUT_S: Final = 0.06
"""An S3 put of a small file."""


class Limit(msgspec.Struct, frozen=True):
    """One limit of a shard: what the stream needs of it, what a shard gives, and how many shards that takes."""

    name: str
    needed: float
    per_shard: float
    unit: str
    shards: float


class Function(msgspec.Struct, frozen=True):
    """One consumer: its window, batches, time and lanes. `busy` is the mean of how many run at once."""

    name: str
    window_s: float
    invocations_per_s: float
    positions_per_invocation: float
    trucks_per_invocation: float
    invocation_s: float
    busy: float
    lanes: int
    gb_s_per_s: float


class Capacity(msgspec.Struct, frozen=True):
    """Shards, which limit binds, and the functions. `readers`: consumers that share a shard's reads."""

    shards: int
    binding: str
    limits: tuple[Limit, ...]
    readers: int
    functions: tuple[Function, ...]
    parallelization: int


class _Work(msgspec.Struct, frozen=True):
    """What a consumer has to do each second, whatever the number of its batches."""

    name: str
    window_s: float
    seconds_per_s: float
    invocation_s: float
    visits_per_s: float


def capacity(question: Question, shape: Shape, load: Load, measured: Measured) -> Capacity:
    """Return the shards and functions of a shape."""
    readers = question.consumers - question.fan_out
    usable = 1 - question.headroom_pct / 100
    work = _work(question, shape, load, measured)
    lanes = {each.name: _lanes(each, shape, load) for each in work}
    limits = (
        _limit("1 MB/s in", load.bytes_per_s, IN_BYTES, "bytes/s", usable),
        _limit("1,000 records/s in", load.records_per_s, IN_RECORDS, "records/s", usable),
        _limit("2 MB/s out", load.bytes_per_s * readers, OUT_BYTES, "bytes/s", usable),
        _limit("handler time", max(lanes.values()), LANES_PER_SHARD, "batches at once", 1.0),
    )
    binding = max(limits, key=lambda limit: limit.shards)
    shards = max(1, math.ceil(binding.shards - 1e-9))
    functions = tuple(_function(question, shape, load, each, max(shards, lanes[each.name])) for each in work)
    # Every shard has at least one reader; the 5 reads/s are per shard, so that no number of shards mends them.
    reads = Limit("5 reads/s shared", readers, READS, "reads/s", 1.0 if readers <= READS else math.inf)
    return Capacity(
        shards,
        reads.name if readers > READS else binding.name,
        (*limits[:3], reads, limits[3]),
        readers,
        functions,
        max(1, math.ceil(max(lanes.values()) / shards)),
    )


def _limit(name: str, needed: float, per_shard: float, unit: str, usable: float) -> Limit:
    return Limit(name, needed, per_shard, unit, needed / (per_shard * usable))


def _work(question: Question, shape: Shape, load: Load, measured: Measured) -> list[_Work]:
    slower = question.cpu_factor * max(1.0, ONE_CPU_MB / question.memory_mb)
    dashboard, geofence, archive = (measured.functions[name] for name in CONSUMERS)
    records, positions = load.records_per_s, load.positions_per_s

    def cpu_s(record_us: float, position_us: float) -> float:
        return (records * record_us + positions * position_us) / MEGA * slower

    def waiting_s(visits: float, writes: float) -> float:
        return visits * CALL_S / KEYS_PER_GET + writes * CALL_S / AT_ONCE

    visits, writes, crossed = load.dashboard_visits_per_s, load.dashboard_writes_per_s, load.geofence_visits_per_s
    unwritten = max(0.0, visits - writes)
    of_trucks_s = (writes * dashboard.truck_us + unwritten * dashboard.unwritten_truck_us) / MEGA * slower
    work = [
        _Work(
            "dashboard",
            shape.dashboard_window_s,
            cpu_s(dashboard.record_us, dashboard.position_us) + of_trucks_s + waiting_s(visits, writes),
            dashboard.invocation_ms / 1000 * slower,
            visits,
        ),
        _Work(
            "geofence",
            shape.geofence_window_s,
            cpu_s(geofence.record_us, geofence.position_us)
            + crossed * geofence.truck_us / MEGA * slower
            + waiting_s(crossed, crossed),
            geofence.invocation_ms / 1000 * slower,
            crossed,
        ),
    ]
    if not shape.firehose:
        own_s = archive.invocation_ms / 1000 * slower + PUT_S
        work.append(_Work("archive", shape.archive_window_s, cpu_s(archive.record_us, archive.position_us), own_s, 0.0))
    for number in range(question.consumers - OWN_CONSUMERS):  # others read and decode, as the archive does at least
        seconds = cpu_s(archive.record_us, archive.position_us)
        own_s = archive.invocation_ms / 1000 * slower
        work.append(_Work(f"consumer {number + OWN_CONSUMERS + 1}", shape.geofence_window_s, seconds, own_s, 0.0))
    return work


def _records_per_batch(shape: Shape, load: Load) -> float:
    """Return how many records a batch holds at most: an event has a largest size, too."""
    return min(float(shape.batch_records), max(1.0, EVENT_BYTES / (load.record_bytes * 4 / 3 + ENVELOPE_BYTES)))


def _lanes(work: _Work, shape: Shape, load: Load) -> int:
    """Return how many batches must run at once so that none is too busy.

    And, where a truck's positions of a window are to share one read and write, so that what comes within it fits
    into one batch: one that closes early is another read and write of its trucks.
    """
    most = _records_per_batch(shape, load)
    seconds = work.seconds_per_s
    together = work.visits_per_s > 0 and not shape.per_position
    if not together:
        seconds += load.records_per_s / most * work.invocation_s
    lanes = seconds / max(0.01, BUSY - work.invocation_s / work.window_s)
    if together:
        lanes = max(lanes, load.records_per_s * work.window_s / most)
    return max(1, math.ceil(lanes - 1e-9))


def _function(question: Question, shape: Shape, load: Load, work: _Work, lanes: int) -> Function:
    by_time, by_size = lanes / work.window_s, load.records_per_s / _records_per_batch(shape, load)
    invocations = min(load.records_per_s, max(by_time, by_size))
    busy = work.seconds_per_s + invocations * work.invocation_s
    return Function(
        work.name,
        work.window_s,
        invocations,
        load.positions_per_s / invocations,
        work.visits_per_s / invocations,
        busy / invocations,
        busy,
        lanes,
        busy * question.memory_mb / 1024,
    )
