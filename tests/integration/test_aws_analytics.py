"""Athena: what it is asked, what its texts become, and that no query is left running."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tests.support.aws_faults import AwsFaults
from tests.support.aws_parts import moto_session

from truckstream.aws.analytics import AthenaAnalytics, QueryCost
from truckstream.core.errors import Denied, InvalidInput, Throttled, TruckstreamError, Unavailable

SQL = "SELECT truck_id FROM positions"


class Athena:
    """The adapter over scripted answers; its clock moves by what it sleeps."""

    def __init__(self, client: Any, analytics: AthenaAnalytics, waits_s: list[float]) -> None:
        self.faults = AwsFaults(client)
        self.analytics = analytics
        self.waits_s = waits_s

    def state(self, state: str, **status: object) -> None:
        statistics = {"DataScannedInBytes": 3_000_000_000, "EngineExecutionTimeInMillis": 1_200}
        execution = {"QueryExecutionId": "q", "Status": {"State": state, **status}, "Statistics": statistics}
        self.faults.answer("GetQueryExecution", {"QueryExecution": execution})

    def page(self, columns: dict[str, str], rows: list[list[str | None]], *, next_token: str | None = None) -> None:
        info = [{"Name": name, "Type": kind.split("(")[0], **_scale(kind)} for name, kind in columns.items()]
        data = [{"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in rows]
        body: dict[str, object] = {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": info}}}
        if next_token:
            body["NextToken"] = next_token
        self.faults.answer("GetQueryResults", body)


def _scale(kind: str) -> dict[str, int]:
    return {"Scale": int(kind.rstrip(")").rpartition(",")[2])} if "," in kind else {}


@pytest.fixture
def athena() -> Iterator[Athena]:
    with moto_session() as session:
        waits_s: list[float] = []
        analytics = AthenaAnalytics(session, timeout_s=60, sleep=waits_s.append, monotonic=lambda: sum(waits_s))
        made = Athena(session.client("athena"), analytics, waits_s)
        made.faults.answer("StartQueryExecution", {"QueryExecutionId": "q"})
        yield made


def test_texts_become_values_as_the_local_query_gives_them(athena: Athena) -> None:
    columns = {
        "truck_id": "varchar",
        "count": "bigint",
        "latitude": "decimal(10,7)",
        "total": "decimal(38,0)",
        "speed": "double",
        "final": "boolean",
        "date": "date",
        "hour": "timestamp",
        "zoned": "timestamp with time zone",
        "raw": "varbinary",
        "list": "array",
    }
    athena.state("SUCCEEDED")
    row = ["TRK-1", "7", "47.3769000", "12", "45.5", "true", "2024-01-15", "2024-01-15 10:30:00.250"]
    row += ["2024-01-15 11:30:00.000 Europe/Zurich", "00 ff", "[1, 2]"]
    athena.page(columns, [list(columns), [*row], [None] * len(columns)])
    names, rows = athena.analytics.query(SQL)
    assert names == list(columns)
    instant = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
    assert rows[0] == (
        "TRK-1", 7, Decimal("47.3769000"), 12, 45.5, True, date(2024, 1, 15), instant.replace(microsecond=250_000),
        instant, b"\x00\xff", "[1, 2]",
    )  # fmt: skip
    assert type(rows[0][3]) is int
    assert rows[1] == (None,) * len(columns)


def test_every_page_is_read_and_only_the_header_left_out(athena: Athena) -> None:
    athena.state("SUCCEEDED")
    athena.page({"n": "integer"}, [["n"], ["1"], ["2"]], next_token="more")
    athena.page({"n": "integer"}, [["3"]], next_token="more")
    athena.page({"n": "integer"}, [["4"]])
    assert athena.analytics.query(SQL) == (["n"], [(1,), (2,), (3,), (4,)])


def test_waiting_grows_between_looks_and_the_cost_is_kept(athena: Athena) -> None:
    for state in ("QUEUED", "RUNNING", "RUNNING", "SUCCEEDED"):
        athena.state(state)
    athena.page({"n": "integer"}, [["n"]])
    assert athena.analytics.query(SQL) == (["n"], [])
    assert athena.waits_s == sorted(set(athena.waits_s))
    assert len(athena.waits_s) == 3
    cost = athena.analytics.last_cost
    assert cost == QueryCost(3_000_000_000)
    assert cost.usd == pytest.approx(0.015)
    assert QueryCost(0).usd == pytest.approx(0.00005)


@pytest.mark.parametrize(
    ("reason", "cause", "ours"),
    [
        ("line 1:8: Column 'x' cannot be resolved", {"ErrorCategory": 2}, InvalidInput),
        ("Internal error", {"ErrorCategory": 1}, Unavailable),
        ("Query exhausted resources", {"ErrorCategory": 2, "Retryable": True}, Unavailable),
        ("Access denied when writing to location: s3://x", {"ErrorCategory": 3}, Denied),
    ],
)
def test_failed_queries_say_why(
    athena: Athena, reason: str, cause: dict[str, object], ours: type[TruckstreamError]
) -> None:
    athena.state("FAILED", StateChangeReason=reason, AthenaError=cause)
    with pytest.raises(TruckstreamError, match=reason) as caught:
        athena.analytics.query(SQL)
    assert type(caught.value) is ours
    assert athena.faults.calls[-1] == "GetQueryExecution"


def test_a_query_cancelled_elsewhere_can_be_tried_again(athena: Athena) -> None:
    athena.state("CANCELLED")
    with pytest.raises(Unavailable, match="CANCELLED"):
        athena.analytics.query(SQL)


def test_a_query_that_takes_too_long_is_stopped(athena: Athena) -> None:
    for _ in range(200):
        athena.state("RUNNING")
    athena.faults.answer("StopQueryExecution", {})
    with pytest.raises(Unavailable, match="longer than 60 s"):
        athena.analytics.query(SQL)
    assert athena.faults.calls[-1] == "StopQueryExecution"


def test_a_query_interrupted_by_its_user_is_stopped(athena: Athena) -> None:
    athena.state("RUNNING")
    athena.faults.interrupt("GetQueryExecution")
    athena.faults.fail("StopQueryExecution", "InternalServerException", status=500)
    with pytest.raises(KeyboardInterrupt):
        athena.analytics.query(SQL)
    assert athena.faults.calls[-1] == "StopQueryExecution"


@pytest.mark.parametrize("sql", ["DROP TABLE positions", "", "-- SELECT\nINSERT INTO x SELECT 1", "/* SELECT */ MSCK"])
def test_anything_but_a_select_is_not_sent(athena: Athena, sql: str) -> None:
    with pytest.raises(InvalidInput, match="SELECT"):
        athena.analytics.query(sql)
    assert athena.faults.calls == []


@pytest.mark.parametrize("sql", ["select 1", " (SELECT 1)", "-- why\n/* not */ WITH a AS (SELECT 1) SELECT * FROM a"])
def test_a_select_is_known_behind_comments_and_brackets(athena: Athena, sql: str) -> None:
    athena.state("SUCCEEDED")
    athena.page({"n": "integer"}, [["n"], ["1"]])
    assert athena.analytics.query(sql) == (["n"], [(1,)])


def test_errors_of_athena_are_ours(athena: Athena) -> None:
    athena.faults.fail("GetQueryExecution", "TooManyRequestsException")
    athena.faults.answer("StopQueryExecution", {})
    with pytest.raises(Throttled, match="athena:GetQueryExecution"):
        athena.analytics.query(SQL)


def test_moto_answers_a_query_end_to_end() -> None:
    with moto_session() as session:
        session.client("athena").create_work_group(
            Name="truckstream", Configuration={"ResultConfiguration": {"OutputLocation": "s3://somewhere/"}}
        )
        names, rows = AthenaAnalytics(session, sleep=lambda _: None).query(SQL)
        assert (names, list(rows)) == ([], [])
