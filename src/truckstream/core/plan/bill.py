"""The monthly bill of a shape, line by line. Free tiers and discounts are not taken off; data transfer is not in."""

import math
from typing import Final

from truckstream.core.plan.capacity import Capacity
from truckstream.core.plan.lines import Component, Ledger, Line
from truckstream.core.plan.load import Load
from truckstream.core.plan.measured import MEGA, ONE_CPU_MB, Measured
from truckstream.core.plan.prices import PriceList
from truckstream.core.plan.question import MONTH_H, MONTH_S, Question
from truckstream.core.plan.shapes import Shape

HOUR_S: Final = 3_600
DAY_S: Final = 86_400
MONTH_DAYS: Final = MONTH_S / DAY_S
GB: Final = 1_000_000_000
PUT_UNIT_BYTES: Final = 25 * 1024
ON_DEMAND_BYTES: Final = 1024
FIREHOSE_BYTES: Final = 5 * 1024
"""Kinesis counts payload units of 25 KB, on-demand streams whole KB of each record, Firehose 5 KB of each."""

WRITE_BYTES: Final = 1024
READ_BYTES: Final = 4096
"""DynamoDB counts a write by the KB, a consistent read by 4 KB."""

ALERT_WRITES: Final = 13
"""Write units of one alert, a transaction counting twice: the state again, log, news and outbox; then `sent` noted in
the log and the outbox cleared; then its number: into the feed, out of the news."""

LEASE_WRITES: Final = 3
"""And once per batch that has alerts: the lease of whoever sends is taken, prolonged and given back."""

INDEXES: Final = 2
INDEX_WRITES: Final = 2
"""And in each index: the alert, and its being sent."""

LEAST_INDEX_UNITS: Final = 5
"""What a provisioned index has at least, for reading and for writing."""

ALERT_BYTES: Final = 2_000
"""An alert in the log, both indexes and the feed."""

FREE_RETENTION_H: Final = 24
EXTENDED_RETENTION_H: Final = 168
FIREHOSE_EVERY_S: Final = 300
FIREHOSE_FILE_BYTES: Final = 21.9
"""Bytes per position of Parquet as Firehose writes it (default Snappy, in order of arrival): measured."""

JOB_MB: Final = 2_048
LARGEST_JOB_MB: Final = 10_240
JOB_BYTES: Final = 140_000_000
JOB_HOUR_BYTES: Final = 275
JOB_SPARE: Final = 1.25
"""Memory of statistics and compaction: at least, at most (Lambda's largest), empty, for each position of the hour that
is decoded (`scripts/bench.sh compaction --kinesis` with 400, 1,600 and 4,800 trucks), and how much more to give. Live
files are held as well."""

LONGEST_RUN_S: Final = 900
"""Lambda ends an invocation after 15 minutes."""

LONGEST_BATCH_S: Final = 180
"""And a consumer's after so long, in the Terraform stack, which also says how much memory the jobs have."""

STATISTICS_RUNS: Final = 24
STATISTICS_NEWS_S: Final = 4_200
"""They run ten minutes after the hour, and go on from the hour that was settled the time before."""

COMPACTION_RUNS: Final = 24
LIVE_READS: Final = 1 + 10 / 60
"""Each file once by the compaction, and those of an hour's first ten minutes by the statistics too."""

OUTBOX_RUNS: Final = 1_440
OUTBOX_S: Final = 0.1
HOT_MONTHS: Final = 1
WARM_MONTHS: Final = 3
"""Intelligent-Tiering: 30 days frequent, until 90 days infrequent, then archive instant access."""

ALARMS: Final = 29
DASHBOARDS: Final = 1
METRICS: Final = 34
"""What the Terraform stack makes. An alarm is charged for each metric it looks at; the metrics are those of
`aws/telemetry`, one for each function that notes it."""

SCALING_ALARMS: Final = 24
"""Auto scaling makes four alarms for each of what it scales: two tables' reads and writes, two indexes' writes."""

KEY_USERS: Final = 9
KEY_REQUESTS: Final = 2
KEY_PERIODS: Final = MONTH_S // 300
"""Who uses a KMS key: four the stream's, three the tables', two the topics'. Each asks for its data key anew every five
minutes, twice (SNS Developer Guide, "Managing Amazon SNS encryption keys and costs")."""

LOG_BYTES: Final = 1_600
"""One invocation's lines: the platform's start and report, our summary, and its metrics."""

TRACED_PER_S: Final = 1.0
TRACED: Final = 0.05
"""Lambda traces a function's first invocation of each second, and 5 % of the others."""


def bill(
    question: Question, shape: Shape, load: Load, capacity: Capacity, measured: Measured, prices: PriceList
) -> tuple[Line, ...]:
    """Return the lines of a month."""
    ledger = Ledger(prices)
    _stream(ledger, question, shape, load, capacity)
    _functions(ledger, question, shape, load, capacity, measured)
    _positions(ledger, question, shape, load, measured)
    _alerts(ledger, question, load, capacity, measured)
    _archive(ledger, question, shape, load, capacity, measured)
    if question.athena_gb_per_day:
        factors = [(question.athena_gb_per_day / 1000, "TB/day"), (MONTH_DAYS, "days")]
        ledger.add("queries", "Athena scans", "athena_tb", factors)
    _monitoring(ledger, question, capacity)
    return tuple(ledger.lines)


def _stream(ledger: Ledger, question: Question, shape: Shape, load: Load, capacity: Capacity) -> None:
    records = (load.records_per_s, "records/s")
    beyond_h = max(0, question.retention_hours - EXTENDED_RETENTION_H)
    extended_h = min(question.retention_hours, EXTENDED_RETENTION_H) - FREE_RETENTION_H
    shards, hours, seconds = _count(capacity.shards, "shard"), (MONTH_H, "h"), (MONTH_S, "s")
    fan_out = _count(question.fan_out, "fan-out consumer")
    if shape.stream_on_demand:
        data = load.records_per_s * math.ceil(load.record_bytes / ON_DEMAND_BYTES) * ON_DEMAND_BYTES / GB
        in_gb, out_gb = (data, "GB/s in whole KB"), (load.bytes_per_s / GB, "GB/s")
        ledger.add("stream", "stream hours", "kinesis_on_demand_stream_hour", [(1, "stream"), hours])
        ledger.add("stream", "data in", "kinesis_on_demand_in_gb", [in_gb, seconds])
        readers = _count(capacity.readers, "consumer")
        ledger.add("stream", "data out", "kinesis_on_demand_out_gb", [out_gb, readers, seconds])
        ledger.add("stream", "enhanced fan-out", "kinesis_on_demand_fan_out_gb", [out_gb, fan_out, seconds])
        kept = (extended_h * 3600.0, "s kept after 24 h")
        ledger.add("stream", "extended retention", "kinesis_on_demand_extended_gb_month", [out_gb, kept])
    else:
        count = math.ceil(load.record_bytes / PUT_UNIT_BYTES)
        units = (count, "unit of 25 KB" if count == 1 else "units of 25 KB")
        ledger.add("stream", "shard hours", "kinesis_shard_hour", [shards, hours])
        ledger.add("stream", "PUT payload units", "kinesis_put_unit", [records, units, seconds])
        ledger.add("stream", "enhanced fan-out", "kinesis_fan_out_shard_hour", [fan_out, shards, hours])
        fan_out_gb = (load.bytes_per_s / GB, "GB/s")
        ledger.add("stream", "enhanced fan-out data", "kinesis_fan_out_gb", [fan_out_gb, fan_out, seconds])
        if extended_h > 0:
            ledger.add("stream", "extended retention", "kinesis_extended_shard_hour", [shards, hours])
    kept = (beyond_h * 3600.0, "s kept after 7 days")
    ledger.add("stream", "long-term retention", "kinesis_long_term_gb_month", [(load.bytes_per_s / GB, "GB/s"), kept])


def _functions(
    ledger: Ledger, question: Question, shape: Shape, load: Load, capacity: Capacity, measured: Measured
) -> None:
    for function in capacity.functions:
        if function.gb_s_per_s > 0:
            rate = [(function.gb_s_per_s, "GB-s/s"), (MONTH_S, "s")]
            ledger.add("functions", f"{function.name} time", "lambda_arm_gb_s", rate)
    invocations = sum(function.invocations_per_s for function in capacity.functions)
    ledger.add("functions", "invocations", "lambda_request", [(invocations, "invocations/s"), (MONTH_S, "s")])
    outbox_gb_s = OUTBOX_S * question.memory_mb / 1024
    factors = [(OUTBOX_RUNS, "runs/day"), (outbox_gb_s, "GB-s"), (MONTH_DAYS, "days")]
    ledger.add("functions", "outbox time", "lambda_arm_gb_s", factors)
    job_gb = min(LARGEST_JOB_MB, job_mb(question, capacity, measured)) / 1024
    runs = STATISTICS_RUNS if not shape.per_position else 1
    run_s = statistics_run_s(question, measured, settled=_settles(shape))
    if runs > 1 and not _settles(shape):
        run_s /= 2  # without settled hours a run reads all of its day so far
    factors = [(run_s, "s/run"), (runs, "runs/day"), (job_gb, "GB"), (MONTH_DAYS, "days")]
    ledger.add("functions", "hourly statistics", "lambda_arm_gb_s", factors)
    if _settles(shape):
        hour_s = compaction_run_s(question, measured)
        factors = [(hour_s, "s/run"), (COMPACTION_RUNS, "runs/day"), (job_gb, "GB"), (MONTH_DAYS, "days")]
        ledger.add("functions", "compaction", "lambda_arm_gb_s", factors)


def _settles(shape: Shape) -> bool:
    return shape.compacted and not shape.firehose


def job_mb(question: Question, capacity: Capacity, measured: Measured) -> int:
    """Return the memory that statistics and compaction need, also where Lambda has not so much."""
    batches = [each.positions_per_invocation for each in capacity.functions if each.name == "archive"]
    file_bytes = measured.file_bytes(batches[0]) / batches[0] if batches else FIREHOSE_FILE_BYTES
    held = question.positions_per_s * (HOUR_S * JOB_HOUR_BYTES + STATISTICS_NEWS_S * file_bytes)
    return max(JOB_MB, math.ceil((JOB_BYTES + held) * JOB_SPARE / 2**20 / 256) * 256)


def statistics_run_s(question: Question, measured: Measured, *, settled: bool = True) -> float:
    """Return how long a run of the statistics takes: over what is new since the last settled hour, or over a day."""
    share = STATISTICS_NEWS_S / DAY_S if settled else 1.0
    return _of_day_s(question, measured.statistics_us_per_position) * share


def compaction_run_s(question: Question, measured: Measured) -> float:
    """Return how long the compaction of an hour takes."""
    return _of_day_s(question, measured.compaction_us_per_position) / COMPACTION_RUNS


def _of_day_s(question: Question, each_us: float) -> float:
    slower = question.cpu_factor * max(1.0, ONE_CPU_MB / JOB_MB)
    return question.positions_per_s * DAY_S * each_us / MEGA * slower


def _positions(ledger: Ledger, question: Question, shape: Shape, load: Load, measured: Measured) -> None:
    component: Component = "latest positions"
    if shape.trackers:
        updates = [(load.positions_per_s, "updates/s"), (MONTH_S, "s")]
        ledger.add(component, "tracker updates", "location_tracker_update", updates)
        return
    item_bytes = measured.item_bytes["positions"]
    reads = 0.0 if shape.per_position else load.dashboard_visits_per_s  # a plain put asks nothing first
    _table(ledger, component, "positions", question, load.dashboard_writes_per_s, reads, item_bytes)
    _kept(ledger, component, "positions", question.trucks * item_bytes / GB)


def _alerts(ledger: Ledger, question: Question, load: Load, capacity: Capacity, measured: Measured) -> None:
    component: Component = "geofences and alerts"
    item_bytes = measured.item_bytes["presence"]
    visits, alerts_per_s = load.geofence_visits_per_s, question.trucks * question.alerts_per_truck_day / DAY_S
    _table(ledger, component, "presence", question, visits, visits, item_bytes)
    _table(ledger, component, "alerts", question, alert_writes_per_s(question, capacity), 0.0, WRITE_BYTES)
    indexes = (INDEXES, "indexes")
    if question.capacity == "on-demand":
        factors = [(alerts_per_s, "alerts/s"), indexes, (INDEX_WRITES, "writes"), (MONTH_S, "s")]
        ledger.add(component, "index writes", "dynamodb_write_request", factors)
    else:
        hours = (MONTH_H, "h")
        ledger.add(component, "index writes", "dynamodb_wcu_hour", [indexes, (index_units(question), "WCU"), hours])
        ledger.add(component, "index reads", "dynamodb_rcu_hour", [indexes, (LEAST_INDEX_UNITS, "RCU"), hours])
    ledger.add(component, "key of the topics", "kms_key", [(1, "key")])
    periods = (KEY_PERIODS, "periods of 5 min")
    ledger.add(component, "uses of keys", "kms_request", [(KEY_USERS, "users"), (KEY_REQUESTS, "requests"), periods])
    sent = [(alerts_per_s, "alerts/s"), (MONTH_S, "s")]
    ledger.add(component, "alerts sent", "sns_publish", sent)
    kept_gb = alerts_per_s * MONTH_S * question.archive_months * ALERT_BYTES / GB
    _kept(ledger, component, "presence and alerts", question.trucks * item_bytes / GB + kept_gb)


def alert_writes_per_s(question: Question, capacity: Capacity) -> float:
    """Return the write units of all alerts in the table itself, per second."""
    alerts_per_s = question.trucks * question.alerts_per_truck_day / DAY_S
    batches_per_s = next(each.invocations_per_s for each in capacity.functions if each.name == "geofence")
    return alerts_per_s * ALERT_WRITES + min(alerts_per_s, batches_per_s) * LEASE_WRITES


def index_units(question: Question) -> int:
    """Return the write units that each index of alerts is given, where they are provisioned."""
    alerts_per_s = question.trucks * question.alerts_per_truck_day / DAY_S
    return max(LEAST_INDEX_UNITS, _provisioned(question, alerts_per_s * INDEX_WRITES))


def _table(
    ledger: Ledger, component: Component, what: str, question: Question, writes: float, reads: float, item_bytes: float
) -> None:
    """Add the reads and writes of a table, by request or by capacity that is so much used."""
    for verb, rate, unit_bytes, request, unit, hour in (
        ("writes", writes, WRITE_BYTES, "dynamodb_write_request", "WCU", "dynamodb_wcu_hour"),
        ("reads", reads, READ_BYTES, "dynamodb_read_request", "RCU", "dynamodb_rcu_hour"),
    ):
        units = rate * math.ceil(item_bytes / unit_bytes)
        item = f"{what} {verb}"
        if question.capacity == "on-demand":
            ledger.add(component, item, request, [(units, f"{verb}/s"), (MONTH_S, "s")])
        elif units > 0:
            ledger.add(component, item, hour, [(_provisioned(question, units), unit), (MONTH_H, "h")])


def _provisioned(question: Question, units_per_s: float) -> int:
    """Return the whole units of which so much is used when so many are needed a second."""
    return math.ceil(units_per_s / (question.capacity_used_pct / 100) - 1e-9)


def _kept(ledger: Ledger, component: Component, what: str, size_gb: float) -> None:
    ledger.add(component, f"{what} kept", "dynamodb_gb_month", [(size_gb, "GB")])
    ledger.add(component, f"{what} recoverable", "dynamodb_recovery_gb_month", [(size_gb, "GB")])


def _archive(
    ledger: Ledger, question: Question, shape: Shape, load: Load, capacity: Capacity, measured: Measured
) -> None:
    month = load.positions_per_s * MONTH_S
    if shape.firehose:
        data = load.records_per_s * math.ceil(load.record_bytes / FIREHOSE_BYTES) * FIREHOSE_BYTES / GB
        factors = [(data, "GB/s in steps of 5 KB"), (MONTH_S, "s")]
        ledger.add("archive", "Firehose", "firehose_gb", factors)
        ledger.add("archive", "conversion to Parquet", "firehose_conversion_gb", factors)
        files_per_s, file_bytes, each_bytes = 1 / FIREHOSE_EVERY_S, math.inf, FIREHOSE_FILE_BYTES
    else:
        writer = next(each for each in capacity.functions if each.name == "archive")
        files_per_s = writer.invocations_per_s
        file_bytes = measured.file_bytes(writer.positions_per_invocation)
        each_bytes = file_bytes / writer.positions_per_invocation
    if _settles(shape):
        reads = LIVE_READS
    else:
        reads = STATISTICS_RUNS / 2 + 1 if shape.compacted else 1.0
    ledger.add("archive", "files written", "s3_put", [(files_per_s, "files/s"), (MONTH_S, "s")])
    ledger.add("archive", "files read", "s3_get", [(files_per_s, "files/s"), (reads, "reads each"), (MONTH_S, "s")])
    if _settles(shape):
        each_bytes = measured.settled_bytes_per_position
        hours = [(24, "hours/day"), (2, "files each: positions, counts"), (MONTH_DAYS, "days")]
        ledger.add("archive", "hours written by compaction", "s3_put", hours)
    month_gb = month * each_bytes / GB
    months = question.archive_months
    size = (month_gb, "GB/month")
    # Below 128 KB no file ever leaves the frequent tier.
    tiers = shape.compacted or file_bytes >= 128 * 1024
    hot = min(months, HOT_MONTHS) if tiers else months
    ledger.add("archive", "kept, frequent tier", "s3_frequent_gb_month", [size, _count(hot, "month")])
    if tiers:
        warm = min(months, WARM_MONTHS) - hot
        cold = max(0, months - WARM_MONTHS)
        ledger.add("archive", "kept, infrequent tier", "s3_infrequent_gb_month", [size, _count(warm, "month")])
        ledger.add(
            "archive", "kept, archive instant tier", "s3_archive_instant_gb_month", [size, _count(cold, "month")]
        )
        files = 24.0 if not shape.firehose else DAY_S / FIREHOSE_EVERY_S
        kept = [(files, "files/day"), (MONTH_DAYS, "days"), _count(months, "month")]
        ledger.add("archive", "tiering", "s3_monitored_object", kept)


def _count(number: int, noun: str) -> tuple[int, str]:
    return number, noun if number == 1 else f"{noun}s"


def _monitoring(ledger: Ledger, question: Question, capacity: Capacity) -> None:
    rates = [*(function.invocations_per_s for function in capacity.functions), OUTBOX_RUNS / DAY_S]
    traced = sum(min(rate, TRACED_PER_S) + max(0.0, rate - TRACED_PER_S) * TRACED for rate in rates)
    ledger.add("monitoring", "dashboard", "cloudwatch_dashboard", [(DASHBOARDS, "dashboard")])
    ledger.add("monitoring", "alarms", "cloudwatch_alarm", [(ALARMS, "alarms")])
    ledger.add("monitoring", "metrics", "cloudwatch_metric", [(METRICS, "metrics")])
    if question.capacity == "provisioned":
        ledger.add("monitoring", "alarms of auto scaling", "cloudwatch_alarm", [(SCALING_ALARMS, "alarms")])
    per_s = (sum(rates), "invocations/s")
    ledger.add("monitoring", "logs", "cloudwatch_log_gb", [per_s, (LOG_BYTES / GB, "GB"), (MONTH_S, "s")])
    ledger.add("monitoring", "traces", "xray_trace", [(traced, "traces/s"), (MONTH_S, "s")])
