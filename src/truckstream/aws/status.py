"""Lag, counts and freshness of a deployed system, for `truckstream status` and the status page.

Kinesis counts no unread records and Lambda tells no checkpoint: a consumer's lag is the iterator age that Lambda
reports to CloudWatch every minute, and its state that of its event source mapping.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from truckstream.aws.errors import aws_errors
from truckstream.core.status import CONSUMERS, Lag, Status

if TYPE_CHECKING:
    from truckstream.aws.session import AwsSession
    from truckstream.aws.stores import AwsStores

RUN_BY: Final = "AWS Lambda"
METRIC_MINUTES: Final = 5
"""Lambda's metrics are minutes late; without an invocation in this time there is no age to report."""

_FINE: Final = ("OK", "No records processed", "")


def status_of(stores: "AwsStores", now_ms: int) -> Status:
    """Return the status. Reads the table of positions and the list of archive files as a whole.

    Raises:
        Denied: names the permission that is missing.
    """
    latest = stores.positions.list()
    size = stores.archive_size()
    behind = lags(stores.session, stores.stream.arn(), now_ms)
    return Status(
        writer=RUN_BY if behind else "",
        shards=len(stores.stream.shards()),
        last_arrival_ms=stores.stream.recent_arrival_ms() or None,
        consumers=behind,
        trucks=len(latest),
        newest_position_ms=max((track.last.timestamp_ms for track in latest), default=None),
        alerts=stores.alerts.count(),
        alerts_pending=stores.alerts.pending_count(),
        rejected=stores.rejected.count(),
        archive_files=size.files,
        archive_bytes=size.size_bytes,
    )


def lags(session: "AwsSession", stream_arn: str, now_ms: int) -> dict[str, Lag]:
    """Return each consumer's lag; without an entry for a consumer whose function nothing connects to the stream."""
    mappings: dict[str, Mapping[str, Any]] = {}
    for mapping in _mappings(session, stream_arn):
        function = str(mapping["FunctionArn"]).split(":")[6]
        for consumer in CONSUMERS:
            if function.replace("_", "-").endswith(f"{consumer}-consumer"):
                mappings[consumer] = {**mapping, "Function": function}
    functions = {name: str(mappings[name]["Function"]) for name in CONSUMERS if name in mappings}
    ages = _iterator_ages(session, list(functions.values()), now_ms)
    return {name: Lag(None, ages.get(function), _trouble(mappings[name])) for name, function in functions.items()}


def _mappings(session: "AwsSession", stream_arn: str) -> Iterator[Mapping[str, Any]]:
    """Yield the mappings of the stream and of its fan-out consumers, which have names of their own below it."""
    client = session.client("lambda")
    request: dict[str, str] = {}
    while True:
        with aws_errors("lambda:ListEventSourceMappings", f"stream {stream_arn.rpartition('/')[2]}"):
            answer = client.list_event_source_mappings(**request)
        for mapping in answer["EventSourceMappings"]:
            source = str(mapping.get("EventSourceArn", ""))
            if source == stream_arn or source.startswith(f"{stream_arn}/"):
                yield mapping
        if not answer.get("NextMarker"):
            return
        request["Marker"] = answer["NextMarker"]


def _trouble(mapping: Mapping[str, Any]) -> str:
    state = str(mapping.get("State", ""))
    if state != "Enabled":
        return state
    last = str(mapping.get("LastProcessingResult", ""))
    return "" if last in _FINE else last


def _iterator_ages(session: "AwsSession", functions: Sequence[str], now_ms: int) -> dict[str, int]:
    """Return the latest iterator age of each function that was invoked lately, in ms."""
    if not functions:
        return {}
    end = datetime.fromtimestamp(now_ms / 1000, UTC)
    queries = [
        {
            "Id": f"age{place}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": "IteratorAge",
                    "Dimensions": [{"Name": "FunctionName", "Value": function}],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for place, function in enumerate(functions)
    ]
    with aws_errors("cloudwatch:GetMetricData", "metrics of the functions"):
        answer = session.client("cloudwatch").get_metric_data(
            MetricDataQueries=queries,
            StartTime=end - timedelta(minutes=METRIC_MINUTES),
            EndTime=end + timedelta(minutes=1),
            ScanBy="TimestampDescending",
        )
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    return {
        function: round(values[f"age{place}"][0])
        for place, function in enumerate(functions)
        if values.get(f"age{place}")
    }
