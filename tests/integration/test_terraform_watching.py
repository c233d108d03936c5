"""Dashboard, alarms and schedules, checked here because neither moto nor a mocked provider would notice a mistake."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from tests.support.lambda_runtime import ACCOUNT, REGION
from tests.support.stack import FUNCTIONS, Deployed
from tests.support.terraform import ROOT

from truckstream.aws.telemetry import METRICS
from truckstream.core.plan.bill import ALARMS, SCALING_ALARMS

# Metrics of the services that are used here (each service's page "monitoring with CloudWatch"), and their dimension.
SERVICE_METRICS = {
    "AWS/Kinesis": (
        {"StreamName"},
        {
            "IncomingBytes", "IncomingRecords", "GetRecords.Bytes", "GetRecords.Records",
            "WriteProvisionedThroughputExceeded", "ReadProvisionedThroughputExceeded",
        },
    ),
    "AWS/Lambda": ({"FunctionName"}, {"IteratorAge", "Errors", "Invocations", "Duration"}),
    "AWS/DynamoDB": (
        {"TableName"},
        {"ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ReadThrottleEvents", "WriteThrottleEvents"},
    ),
    "AWS/SQS": ({"QueueName"}, {"ApproximateNumberOfMessagesVisible"}),
    "AWS/IoT": ({"RuleName"}, {"TopicMatch"}),
    "AWS/SNS": ({"TopicName"}, {"NumberOfMessagesPublished"}),
    "AWS/Athena": ({"WorkGroup"}, {"ProcessedBytes"}),
    "AWS/S3": ({"BucketName", "StorageType"}, {"BucketSizeBytes"}),
    "truckstream": ({"service"}, set(METRICS)),
}  # fmt: skip


OF_AN_INDEX = {"GlobalSecondaryIndexName"}  # beside the table's name


def check_metric(deployed: Deployed, namespace: str, name: str, dimensions: dict[str, str]) -> None:
    """Fail when there is no such metric, or nothing of the stack has it."""
    keys, names = SERVICE_METRICS[namespace]
    assert name in names, (namespace, name)
    assert set(dimensions) - OF_AN_INDEX == keys, (namespace, name)
    deployed_names = {
        "FunctionName": {deployed.stack.name(function) for function in FUNCTIONS},
        "service": set(FUNCTIONS),
        "StreamName": {"gps-coordinates-stream"},
        "TableName": {"truck-positions", "truck-geofences"},
        "GlobalSecondaryIndexName": {"alerts_by_day", "alerts_by_truck"},
        "QueueName": {f"truckstream-{name}" for name in ("failed-batches", "failed-invocations", "ingest-failed")},
        "RuleName": {"truckstream_positions"},
        "TopicName": {"truckstream-alerts"},
        "WorkGroup": {"truckstream"},
        "BucketName": {f"gps-archive-{ACCOUNT}"},
        "StorageType": {
            *(f"IntelligentTiering{tier}Storage" for tier in ("FA", "IA", "AIA")),  # each tier that files move to
            "StandardStorage",
        },
    }
    for key, value in dimensions.items():
        assert value in deployed_names[key], (key, value)


# --- alarms ---------------------------------------------------------------------------------------------


def alarms(deployed: Deployed) -> list[dict[str, Any]]:
    pages = deployed.stack.client("cloudwatch").get_paginator("describe_alarms").paginate()
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    return [alarm for alarm in found if not alarm["AlarmName"].startswith("TargetTracking-")]  # auto scaling's own


def anchors() -> set[str]:
    """Return the anchors of docs/operations.md, as they are made from headings."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_alarm_tells_operations_and_has_a_runbook(deployed: Deployed) -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:truckstream-operations"
    for alarm in alarms(deployed):
        assert (alarm["AlarmActions"], alarm["OKActions"]) == ([topic], [topic])
        assert alarm["ActionsEnabled"] is True
        link = re.search(r"Runbook: https://\S+/docs/operations\.md#(\S+)$", alarm["AlarmDescription"])
        assert link is not None, alarm["AlarmDescription"]
        assert link[1] in anchors(), alarm["AlarmName"]


def test_alarms_cover_what_has_to_wake_somebody(deployed: Deployed) -> None:
    names = {alarm["AlarmName"].removeprefix("truckstream-") for alarm in alarms(deployed)}
    assert names == {
        *(f"iterator-age-{consumer}" for consumer in ("dashboard", "geofence", "archive")),
        *(f"errors-{function.replace('_', '-')}" for function in FUNCTIONS),
        *(f"not-invoked-{consumer}" for consumer in ("dashboard", "geofence")),
        *(f"write-throttling-{part}" for part in ("positions", "geofences", "stream")),
        *(f"write-throttling-alerts-by-{index}" for index in ("day", "truck")),
        "rejected-rate", "outbox-age", "alerts-buried", "queue-failed-batches", "queue-failed-invocations",
        "archive-not-written", "ingest-failed", "ingest-flood",
    }  # fmt: skip


def test_alarms_watch_metrics_that_exist_at_periods_that_are_allowed(deployed: Deployed) -> None:
    for alarm in alarms(deployed):
        singles = [alarm] if "MetricName" in alarm else []
        queries = [query["MetricStat"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        watched = [(each, each["Period"]) for each in singles] + [(each["Metric"], each["Period"]) for each in queries]
        assert watched, alarm["AlarmName"]
        for metric, period_s in watched:
            dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
            check_metric(deployed, metric["Namespace"], metric["MetricName"], dimensions)
            assert period_s in (10, 30) or period_s % 60 == 0
            assert period_s * alarm["EvaluationPeriods"] <= 86_400
        assert alarm.get("DatapointsToAlarm", 1) <= alarm["EvaluationPeriods"]


def test_bill_of_a_plan_counts_the_alarms_that_are_deployed(deployed: Deployed) -> None:
    watched = sum(
        sum("MetricStat" in query for query in alarm.get("Metrics", [])) or 1  # each metric of an expression is charged
        for alarm in alarms(deployed)
        if "ingest" not in alarm["AlarmName"]  # the optional module's
    )
    assert watched == ALARMS
    scaling = deployed.stack.client("application-autoscaling")
    targets = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    assert 4 * len(targets) == SCALING_ALARMS


def test_expressions_of_alarms_use_the_metrics_they_name(deployed: Deployed) -> None:
    for alarm in alarms(deployed):
        queries = {query["Id"]: query for query in alarm.get("Metrics", [])}
        expressions = [query for query in queries.values() if "Expression" in query]
        if not queries:
            continue
        assert [query["Id"] for query in queries.values() if query.get("ReturnData")] == ["value"]
        used = set(re.findall(r"\b[a-z_]+\b", expressions[0]["Expression"]))
        assert used == queries.keys() - {"value"}, expressions[0]["Expression"]
        assert expressions[0]["Expression"].count("(") == expressions[0]["Expression"].count(")")
        assert all(re.fullmatch(r"[a-z][A-Za-z0-9_]*", name) for name in queries)


def test_charges_are_watched_by_a_budget(deployed: Deployed) -> None:
    budgets = deployed.stack.client("budgets")
    (budget,) = budgets.describe_budgets(AccountId=ACCOUNT)["Budgets"]
    assert (budget["BudgetLimit"], budget["TimeUnit"]) == ({"Amount": "150", "Unit": "USD"}, "MONTHLY")
    notes = budgets.describe_notifications_for_budget(AccountId=ACCOUNT, BudgetName=budget["BudgetName"])
    assert {(each["NotificationType"], each["Threshold"]) for each in notes["Notifications"]} == {
        ("FORECASTED", 100.0),
        ("ACTUAL", 80.0),
    }
    assert "estimated-charges" in anchors()


# --- dashboard ------------------------------------------------------------------------------------------


def widgets(deployed: Deployed) -> list[dict[str, Any]]:
    body = json.loads(deployed.stack.client("cloudwatch").get_dashboard(DashboardName="truckstream")["DashboardBody"])
    found: list[dict[str, Any]] = body["widgets"]
    return found


def test_widgets_lie_beside_each_other_within_the_grid(deployed: Deployed) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in widgets(deployed):
        assert widget["type"] in ("metric", "alarm")
        place = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not place & taken, widget["properties"]["title"]
        assert max(x for x, _ in place) < 24
        taken |= place


def test_widgets_show_metrics_that_exist(deployed: Deployed) -> None:
    shown = set()
    storage_types = set()
    for widget in widgets(deployed):
        properties = widget["properties"]
        if widget["type"] == "alarm":
            assert set(properties["alarms"]) == {alarm["AlarmArn"] for alarm in alarms(deployed)}
            continue
        assert properties["region"] == REGION
        assert properties["stat"] in ("Sum", "Maximum", "Average", "p99")
        assert properties["period"] % 60 == 0
        for metric in properties["metrics"]:
            namespace, name, *rest = [part for part in metric if isinstance(part, str)]
            check_metric(deployed, namespace, name, dict(zip(rest[::2], rest[1::2], strict=True)))
            shown.add((namespace, name))
            storage_types.add(rest[-1] if namespace == "AWS/S3" else "")
    assert shown >= {
        ("AWS/Kinesis", "IncomingBytes"), ("AWS/Kinesis", "GetRecords.Bytes"), ("AWS/Lambda", "IteratorAge"),
        ("truckstream", "Positions"), ("truckstream", "Failures"), ("truckstream", "Rejected"),
        ("truckstream", "Alerts"), ("truckstream", "OutboxAge"), ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"),
        ("AWS/DynamoDB", "WriteThrottleEvents"), ("AWS/Lambda", "Invocations"), ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Duration"), ("truckstream", "DatesWritten"), ("AWS/S3", "BucketSizeBytes"),
    }  # fmt: skip
    assert "IntelligentTieringAIAStorage" in storage_types  # where nearly all of an old archive is


# --- schedules ------------------------------------------------------------------------------------------

_RATE = re.compile(r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)")
_FIELDS = (  # name, lowest, highest
    ("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 1, 7), ("year", 1970, 2199),
)  # fmt: skip


def schedule_fault(expression: str) -> str:
    """Return what EventBridge would refuse, "" for a good expression; numbers, lists, ranges and steps."""
    if expression.startswith("rate("):
        return "" if _RATE.fullmatch(expression) else "not a rate"
    inner = re.fullmatch(r"cron\((.+)\)", expression)
    fields = inner[1].split(" ") if inner else []
    if len(fields) != 6:
        return "not six fields"
    if (fields[2] == "?") == (fields[4] == "?"):
        return "exactly one of day and weekday has to be ?"
    for text, (name, low, high) in zip(fields, _FIELDS, strict=True):
        if text in ("*", "?"):
            continue
        for part in text.split(","):
            found = re.fullmatch(r"(\*|\d+)(?:-(\d+))?(?:/(\d+))?", part)
            numbers = [int(each) for each in found.groups()[:2] if each and each != "*"] if found else [-1]
            if any(not low <= number <= high for number in numbers) or any(a >= b for a, b in pairwise(numbers)):
                return f"{name}: {text}"
    return ""


def test_schedules_are_ones_eventbridge_takes(deployed: Deployed) -> None:
    events = deployed.stack.client("events")
    rules = {rule["Name"]: rule for rule in events.list_rules(NamePrefix="truckstream-")["Rules"]}
    assert {name: rule["ScheduleExpression"] for name, rule in rules.items()} == {
        "truckstream-gps-producer": "rate(1 minute)",
        "truckstream-send-outbox": "rate(1 minute)",
        "truckstream-hourly-stats": "cron(10 * * * ? *)",
        "truckstream-compact-archive": "cron(6 * * * ? *)",
    }
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:truckstream-failed-invocations"
    for name, rule in rules.items():
        assert schedule_fault(rule["ScheduleExpression"]) == ""
        (target,) = events.list_targets_by_rule(Rule=name)["Targets"]
        assert target["Arn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        assert target["DeadLetterConfig"] == {"Arn": queue}
        given_up = deployed.stack.client("lambda").get_function_event_invoke_config(FunctionName=name)
        assert given_up["DestinationConfig"]["OnFailure"] == {"Destination": queue}
    assert rules["truckstream-gps-producer"]["State"] == "DISABLED"  # no simulated fleet in production
    assert rules["truckstream-hourly-stats"]["State"] == "ENABLED"


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minutes)",
        "rate(0 minutes)",
        "cron(10 * * * * *)",
        "cron(60 * * * ? *)",
        "cron(0 1 ? * ? *)",
        "cron(1 2)",
    ],
)
def test_a_wrong_schedule_would_be_noticed(expression: str) -> None:
    assert schedule_fault(expression)


def test_sampling_of_traces_follows_the_variable(deployed: Deployed) -> None:
    (record,) = deployed.stack.client("xray").get_sampling_rules()["SamplingRuleRecords"]
    rule = record["SamplingRule"]
    assert (rule["FixedRate"], rule["ReservoirSize"], rule["ServiceType"]) == (0.01, 1, "AWS::Lambda::Function")
