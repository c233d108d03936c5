"""A plan as variables of the Terraform stack: deploying with them is what was planned, and what it costs."""

import math

from truckstream.core.plan.bill import LARGEST_JOB_MB, LEAST_INDEX_UNITS, alert_writes_per_s, index_units, job_mb
from truckstream.core.plan.capacity import Capacity
from truckstream.core.plan.load import Load
from truckstream.core.plan.measured import Measured
from truckstream.core.plan.question import LONGEST_WINDOW_S, Question


def terraform_variables(
    question: Question, load: Load, capacity: Capacity, measured: Measured
) -> dict[str, int | str | dict[str, int]]:
    """Return the variables that differ from fleet to fleet, as `terraform.tfvars` has them."""
    windows = {function.name: round(function.window_s) for function in capacity.functions}
    variables: dict[str, int | str | dict[str, int]] = {
        "shard_count": capacity.shards,
        "retention_hours": question.retention_hours,
        "dashboard_window_s": windows["dashboard"],
        "geofence_window_s": windows["geofence"],
        "archive_window_s": windows["archive"],
        "parallelization": capacity.parallelization,
        "consumers_memory_mb": question.memory_mb,
        "jobs_memory_mb": min(LARGEST_JOB_MB, job_mb(question, capacity, measured)),
        # Up to the longest window the batch alone sets the pace.
        "position_at_most_every_s": round(question.write_every_s) if question.write_every_s > LONGEST_WINDOW_S else 0,
        "tables_capacity_mode": "PROVISIONED" if question.capacity == "provisioned" else "PAY_PER_REQUEST",
    }
    if question.capacity == "provisioned":
        used = question.capacity_used_pct / 100

        def units(per_s: float) -> int:
            return max(1, math.ceil(per_s / used - 1e-9))

        variables["tables_units"] = {
            "positions_read": units(load.dashboard_visits_per_s),
            "positions_write": units(load.dashboard_writes_per_s),
            "geofences_read": units(load.geofence_visits_per_s),
            "geofences_write": units(load.geofence_visits_per_s + alert_writes_per_s(question, capacity)),
            "indexes_read": LEAST_INDEX_UNITS,
            "indexes_write": index_units(question),
        }
    return variables


def as_tfvars(variables: dict[str, int | str | dict[str, int]]) -> str:
    """Return variables as the text of a `terraform.tfvars`.

    >>> print(as_tfvars({"shard_count": 1, "tables_capacity_mode": "PROVISIONED"}))
    shard_count          = 1
    tables_capacity_mode = "PROVISIONED"
    """
    width = max(map(len, variables))

    def text(value: int | str | dict[str, int]) -> str:
        if isinstance(value, dict):
            inner = max(map(len, value))
            return "{\n" + "".join(f"  {key:<{inner}} = {each}\n" for key, each in value.items()) + "}"
        return f'"{value}"' if isinstance(value, str) else str(value)

    return "\n".join(f"{name:<{width}} = {text(value)}" for name, value in variables.items())
