"""What a shape puts on its stream, reads and writes: rates per second, before anything is paid."""

import math
from typing import Final

import msgspec

from truckstream.core.plan.measured import Measured
from truckstream.core.plan.question import Question
from truckstream.core.plan.shapes import Shape

KEY_BYTES: Final = 9
"""The partition key counts as data; a truck id such as TRUCK-001."""

KPL_BYTES: Final = 20
"""What aggregation adds to a record of 214 bytes: 13 to 21 were measured."""

KPL_FRAME_BYTES: Final = 51_200
"""The KPL closes an aggregated record at this size (its AggregationMaxSize)."""

LARGEST_RECORD_BYTES: Final = 1_000_000
LARGEST_FRAME: Final = 10_000
PARKED_EVERY_S: Final = 60.0
"""A parked truck's position is written so often (POSITION_EVERY_S)."""


class Load(msgspec.Struct, frozen=True):
    """Rates of a shape. A visit is one truck in one batch: its state is read once, whatever it sent."""

    positions_per_s: float
    positions_per_record: float
    record_bytes: float
    records_per_s: float
    bytes_per_s: float
    dashboard_visits_per_s: float
    dashboard_writes_per_s: float
    geofence_visits_per_s: float
    write_period_s: float


def load(question: Question, shape: Shape, measured: Measured) -> Load:
    """Return the rates of a shape."""
    positions = question.positions_per_s
    each = positions_per_record(question, shape, measured)
    record_bytes = _record_bytes(question, shape, measured, each) + KEY_BYTES
    records = positions / each
    if shape.per_position:
        dashboard = geofence = writes = positions
        period_s = question.every_s
    else:
        dashboard = visits_per_s(question, shape.dashboard_window_s)
        geofence = visits_per_s(question, shape.geofence_window_s)
        visit_s = question.trucks / dashboard
        period_s = _multiple(visit_s, question.write_every_s)
        moving = question.moving_pct / 100
        parked_s = _multiple(visit_s, max(question.write_every_s, PARKED_EVERY_S))
        writes = question.trucks * (moving / period_s + (1 - moving) / parked_s)
    return Load(
        positions_per_s=positions,
        positions_per_record=each,
        record_bytes=record_bytes,
        records_per_s=records,
        bytes_per_s=records * record_bytes,
        dashboard_visits_per_s=dashboard,
        dashboard_writes_per_s=writes,
        geofence_visits_per_s=geofence,
        write_period_s=period_s,
    )


def visits_per_s(question: Question, window_s: float) -> float:
    """Return how many trucks all batches of a consumer hold, per second.

    Each truck is in one batch per window, or in one per position when it sends more rarely than that.
    """
    return question.trucks / max(question.every_s, window_s)


def positions_per_record(question: Question, shape: Shape, measured: Measured) -> float:
    """Return how many positions share a stream record; 1 when a gateway gathers no second one in time."""
    if shape.format == "json":
        return 1.0
    gathered = min(LARGEST_FRAME, max(1.0, question.positions_per_s * question.frame_s / question.bucket_count))
    if shape.format == "kpl":
        return max(1.0, min(gathered, KPL_FRAME_BYTES // (question.record_bytes + KPL_BYTES)))
    while gathered > 1 and measured.frame_bytes(gathered, question.record_bytes) > LARGEST_RECORD_BYTES:
        gathered = max(1.0, gathered * 0.99)  # close enough, and never above
    return gathered


def _record_bytes(question: Question, shape: Shape, measured: Measured, positions: float) -> float:
    if shape.format == "json":
        return question.record_bytes
    if shape.format == "kpl":
        return positions * (question.record_bytes + KPL_BYTES)
    return measured.frame_bytes(positions, question.record_bytes)


def _multiple(step_s: float, least_s: float) -> float:
    """Return the smallest whole number of steps that lasts at least so long."""
    return step_s * max(1, math.ceil(least_s / step_s - 1e-9))
