"""What a fleet needs and costs on AWS: rates, shards and the limit that binds, functions, and the monthly bill.

Pure: prices and measured figures are given. Each line of a bill carries the formula it was computed by.
"""

from typing import Final

import msgspec

from truckstream.core.plan.bill import (
    LARGEST_JOB_MB,
    LONGEST_BATCH_S,
    LONGEST_RUN_S,
    bill,
    compaction_run_s,
    job_mb,
    statistics_run_s,
)
from truckstream.core.plan.capacity import BUSY, READS, Capacity, capacity
from truckstream.core.plan.lines import COMPONENTS, Line
from truckstream.core.plan.load import Load, load
from truckstream.core.plan.measured import FunctionCost, Measured
from truckstream.core.plan.prices import Price, PriceList
from truckstream.core.plan.question import Question, checked
from truckstream.core.plan.settings import as_tfvars, terraform_variables
from truckstream.core.plan.shapes import Shape, shapes

__all__ = [
    "COMPONENTS",
    "Capacity",
    "FunctionCost",
    "Interval",
    "Line",
    "Load",
    "Measured",
    "Plan",
    "Planned",
    "Price",
    "PriceList",
    "Question",
    "Shape",
    "as_tfvars",
    "checked",
    "cost_by_fleet",
    "plan",
]

INTERVALS_S: Final = (5.0, 10.0, 30.0, 60.0)
OWN: Final = "truckstream"
PLAIN: Final = "plain"


class Planned(msgspec.Struct, frozen=True):
    """One shape of the system for the fleet, and what a month of it costs."""

    shape: Shape
    load: Load
    capacity: Capacity
    lines: tuple[Line, ...]
    usd: float
    by_component: dict[str, float]


class Interval(msgspec.Struct, frozen=True):
    """What another write interval means: the cost, and how old what one sees may be.

    `staleness_s`: the age of a moving truck's latest position, at most, before its batch is worked on.
    `alert_delay_s`: from the position that shows it to the batch that notices it, at most.
    """

    write_every_s: float
    usd: float
    plain_ratio: float
    staleness_s: float
    alert_delay_s: float


class Plan(msgspec.Struct, frozen=True):
    """The answer: every shape, other write intervals, what will not work as asked, and how to deploy it."""

    question: Question
    shapes: tuple[Planned, ...]
    intervals: tuple[Interval, ...]
    notes: tuple[str, ...]
    terraform_variables: dict[str, int | str | dict[str, int]]

    def shape(self, name: str) -> Planned:
        """Return the shape of that name."""
        return next(each for each in self.shapes if each.shape.name == name)

    @property
    def own(self) -> Planned:
        """truckstream's own shape."""
        return self.shape(OWN)


def plan(question: Question, measured: Measured, prices: PriceList) -> Plan:
    """Return what a fleet needs and costs.

    Raises:
        InvalidSetting: the question is out of range.
    """
    planned = tuple(_planned(question, shape, measured, prices) for shape in shapes(checked(question)))
    plain = next(each for each in planned if each.shape.name == PLAIN)
    own = next(each for each in planned if each.shape.name == OWN)
    intervals = tuple(_interval(question, every_s, plain.usd, measured, prices) for every_s in INTERVALS_S)
    variables = terraform_variables(question, own.load, own.capacity, measured)
    return Plan(question, planned, intervals, tuple(_notes(question, own, measured)), variables)


def cost_by_fleet(
    question: Question, fleets: tuple[int, ...], measured: Measured, prices: PriceList
) -> dict[str, tuple[float, ...]]:
    """Return the monthly cost of every shape at other fleet sizes, by the shape's name."""
    costs: dict[str, list[float]] = {}
    for trucks in fleets:
        other = checked(msgspec.structs.replace(question, trucks=trucks))
        for shape in shapes(other):
            costs.setdefault(shape.name, []).append(_planned(other, shape, measured, prices).usd)
    return {name: tuple(each) for name, each in costs.items()}


def _planned(question: Question, shape: Shape, measured: Measured, prices: PriceList) -> Planned:
    rates = load(question, shape, measured)
    needed = capacity(question, shape, rates, measured)
    lines = bill(question, shape, rates, needed, measured, prices)
    by_component: dict[str, float] = {
        name: sum((line.usd for line in lines if line.component == name), 0.0) for name in COMPONENTS
    }
    return Planned(shape, rates, needed, lines, sum(by_component.values()), by_component)


def _interval(question: Question, every_s: float, plain_usd: float, measured: Measured, prices: PriceList) -> Interval:
    other = msgspec.structs.replace(question, write_every_s=every_s, alert_window_s=every_s)
    own = _planned(other, shapes(other)[1], measured, prices)
    gathered_s = question.every_s + (question.frame_s if question.format != "json" else 0.0)
    return Interval(
        every_s,
        own.usd,
        plain_usd / own.usd,
        gathered_s + own.load.write_period_s,
        gathered_s + every_s,
    )


def _notes(question: Question, own: Planned, measured: Measured) -> list[str]:
    notes = []
    readers = own.capacity.readers
    if readers > READS:
        notes.append(
            f"{readers} consumers share the {READS} reads/s of each shard, which no number of shards mends: "
            f"give enhanced fan-out to {readers - READS} of them (--fan-out {question.fan_out + readers - READS})"
        )
    lanes = max(function.lanes for function in own.capacity.functions)
    if question.format != "json" and lanes > question.bucket_count:
        notes.append(
            f"{lanes} batches have to be worked on at once, but the trucks are in {question.bucket_count} buckets, "
            f"each of which stays in one: raise --buckets to {2 * lanes}"
        )
    for function in own.capacity.functions:
        if function.invocation_s > LONGEST_BATCH_S:
            notes.append(
                f"{function.name}: a batch takes {function.invocation_s:,.0f} s, and the deployed function ends after "
                f"{LONGEST_BATCH_S} s: more memory (--memory), or a shorter window"
            )
        elif function.busy > BUSY * function.lanes + 1e-6:
            notes.append(f"{function.name}: its batches leave no time to catch up; gather them for longer")
    for job, run_s in (
        ("hourly statistics", statistics_run_s(question, measured)),
        ("compaction", compaction_run_s(question, measured)),
    ):
        if run_s > LONGEST_RUN_S:
            trucks = int(question.trucks * LONGEST_RUN_S / run_s)
            notes.append(
                f"{job}: an hour's run takes {run_s:,.0f} s and Lambda ends it after {LONGEST_RUN_S} s "
                f"(from {trucks:,} trucks on): run it on a machine"
            )
    needed_mb = job_mb(question, own.capacity, measured)
    if needed_mb > LARGEST_JOB_MB:
        trucks = int(question.trucks * LARGEST_JOB_MB / needed_mb)
        notes.append(
            f"hourly statistics and compaction: they hold an hour of positions, {needed_mb:,} MB, and "
            f"Lambda has {LARGEST_JOB_MB:,} MB at most (from some {trucks:,} trucks on): run "
            "`truckstream stats --refresh` and `truckstream compact` on a machine"
        )
    return notes
