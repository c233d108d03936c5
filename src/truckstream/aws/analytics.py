"""SQL over the archive on AWS, with Athena: the same views as the local query, for reading only.

One SELECT at a time. What Athena scanned is noted with its price, so that the command line can show it. A
query that runs too long, or whose user presses Ctrl-C, is stopped: an abandoned one goes on costing.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from truckstream.aws.athena_values import converter_of
from truckstream.aws.errors import aws_errors
from truckstream.aws.session import AwsSession
from truckstream.core.errors import Denied, InvalidInput, TruckstreamError, Unavailable

USD_PER_TB: Final = 5.0
BYTES_PER_TB: Final = 10**12
LEAST_BYTES_BILLED: Final = 10 * 10**6
"""Amazon Athena pricing page, SQL queries: 5 USD per TB scanned, at least 10 MB a query, in most regions."""

TIMEOUT_S: Final = 300.0
PAGE_ROWS: Final = 1000  # GetQueryResults gives no more
FIRST_POLL_S: Final = 0.2
LAST_POLL_S: Final = 2.0
_SYSTEM_ERROR: Final = 1  # AthenaError.ErrorCategory: 1 system, 2 user, 3 other

_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*(?:\n|$)|/\*.*?\*/)*([a-z]*)", re.IGNORECASE | re.DOTALL)
_HINT: Final = (
    "One SELECT over positions (truck_id, timestamp, latitude, longitude, speed_kmh, ..., date) "
    "and hourly_stats (truck_id, hour, total_distance_km, ..., final, revision, date)."
)

type Result = tuple[list[str], Sequence[tuple[object, ...]]]


class QueryCost(msgspec.Struct, frozen=True):
    """What a query read and about what it cost."""

    scanned_bytes: int

    @property
    def usd(self) -> float:
        """The list price of the scan."""
        return max(self.scanned_bytes, LEAST_BYTES_BILLED) / BYTES_PER_TB * USD_PER_TB


class AthenaAnalytics:
    """Queries in one workgroup. `last_cost`: of the query before, None when none was run."""

    def __init__(
        self,
        session: AwsSession,
        *,
        timeout_s: float = TIMEOUT_S,
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.last_cost: QueryCost | None = None
        self._database = session.require("athena_database")
        self._workgroup = session.require("athena_workgroup")
        self._client = session.client("athena")
        self._timeout_s, self._sleep, self._monotonic = timeout_s, sleep, monotonic

    def query(self, sql: str) -> Result:
        """Run one SELECT; return column names and rows.

        Raises:
            InvalidInput: the text is not one SELECT, or Athena refuses it; carries Athena's message.
            Unavailable: it took longer than the time limit (and was stopped), or failed on the AWS side.
            Denied, InvalidSetting: see `aws_errors`.
        """
        if _first_word(sql) not in ("select", "with", "values"):
            raise InvalidInput("only a single SELECT can be run", hint=_HINT)
        execution_id: str = self._call(
            "StartQueryExecution",
            QueryString=sql,
            WorkGroup=self._workgroup,
            QueryExecutionContext={"Database": self._database},
        )["QueryExecutionId"]
        try:
            status = self._await(execution_id)
        except BaseException:  # also Ctrl-C: it must not go on costing
            self._stop(execution_id)
            raise
        if status["State"] != "SUCCEEDED":
            raise _failure(status)
        return self._result(execution_id)

    def _await(self, execution_id: str) -> Mapping[str, Any]:
        """Wait for the end of the query; note its cost; return its last status."""
        deadline_s = self._monotonic() + self._timeout_s
        wait_s = FIRST_POLL_S
        while True:
            execution = self._call("GetQueryExecution", QueryExecutionId=execution_id)["QueryExecution"]
            status: Mapping[str, Any] = execution["Status"]
            figures = execution.get("Statistics", {})
            self.last_cost = QueryCost(int(figures.get("DataScannedInBytes", 0)))
            if status["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
                return status
            if self._monotonic() >= deadline_s:
                raise Unavailable(
                    f"the query took longer than {self._timeout_s:g} s and was stopped",
                    hint="Narrow it, for example by date, and try again.",
                )
            self._sleep(wait_s)
            wait_s = min(wait_s * 1.5, LAST_POLL_S)

    def _stop(self, execution_id: str) -> None:
        with suppress(TruckstreamError):  # the reason for stopping tells more
            self._call("StopQueryExecution", QueryExecutionId=execution_id)

    def _result(self, execution_id: str) -> Result:
        names: list[str] = []
        rows: list[tuple[object, ...]] = []
        request: dict[str, object] = {"QueryExecutionId": execution_id, "MaxResults": PAGE_ROWS}
        first = True
        while True:
            page = self._call("GetQueryResults", **request)
            columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
            names = [column["Name"] for column in columns]
            converters = [converter_of(column) for column in columns]
            texts = [[value.get("VarCharValue") for value in row["Data"]] for row in page["ResultSet"]["Rows"]]
            for row in texts[1 if first else 0 :]:  # the first row of a SELECT repeats the names
                rows.append(
                    tuple(
                        None if text is None else convert(text) for text, convert in zip(row, converters, strict=True)
                    )
                )
            first = False
            if not page.get("NextToken"):
                return names, rows
            request["NextToken"] = page["NextToken"]

    def _call(self, operation: str, **arguments: object) -> Mapping[str, Any]:
        method = getattr(self._client, _METHODS[operation])
        with aws_errors(f"athena:{operation}", f"workgroup {self._workgroup}"):
            answer: Mapping[str, Any] = method(**arguments)
            return answer


_METHODS: Final = {
    "StartQueryExecution": "start_query_execution",
    "GetQueryExecution": "get_query_execution",
    "GetQueryResults": "get_query_results",
    "StopQueryExecution": "stop_query_execution",
}


def _first_word(sql: str) -> str:
    match = _FIRST_WORD.match(sql)
    return match[1].lower() if match else ""


def _failure(status: Mapping[str, Any]) -> TruckstreamError:
    reason = str(status.get("StateChangeReason") or f"the query ended as {status['State']}")
    cause = status.get("AthenaError", {})
    if "access denied" in reason.lower() or "not authorized" in reason.lower():
        return Denied(reason, hint="Grant the missing permission on the bucket, the table or the workgroup.")
    if status["State"] == "CANCELLED" or cause.get("Retryable") or cause.get("ErrorCategory") == _SYSTEM_ERROR:
        return Unavailable(reason)
    return InvalidInput(reason, hint=_HINT)
