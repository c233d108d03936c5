"""What a truck publishes to IoT Core reaches the consumers: the rule of terraform/modules/ingest, done by hand.

The rule is read from the module, so this fails when it changes: a bare `SELECT *` hands the payload on as it came (AWS
IoT, "Working with binary payloads"), the Kinesis action makes it one record, and its key is a part of the topic.
"""

import base64
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from truckstream.aws.events import batch_of
from truckstream.consumers.decoding import decode_alone
from truckstream.core.records import Position, encode_position
from truckstream.core.wire import gzip_frame

MODULE = Path(__file__).resolve().parents[2] / "terraform" / "modules" / "ingest"
T0 = 1_705_314_600_000  # 2024-01-15T10:30:00Z


class Rule(NamedTuple):
    """The SQL of a rule and the template of its partition key, as IoT gets them."""

    sql: str
    partition_key: str


def rule(*, topic: str = "trucks", single_json_only: bool = False) -> Rule:
    text = (MODULE / "main.tf").read_text()
    sql = re.search(r'sql\s+= "(SELECT [^"]+)"', text)
    condition = re.search(r'single_json_only \? "([^"]*)" : ""', text)
    key = re.search(r'partition_key = "([^"]+)"', text)
    assert sql is not None
    assert condition is not None
    assert key is not None
    made = sql.group(1).replace("${var.topic}", topic)
    made = made.replace("${local.condition}", condition.group(1) if single_json_only else "")
    return Rule(made, key.group(1).replace("$${", "${"))


def put_by(rule: Rule, topic: str, payload: bytes) -> dict[str, Any] | None:
    """Return the record a rule puts on the stream for a message; None when it does not match."""
    parsed = re.fullmatch(r"SELECT \* FROM '([^']+)'(?: WHERE (\w+) = topic\((\d)\))?", rule.sql)
    assert parsed is not None, rule.sql
    levels, wanted = topic.split("/"), parsed.group(1).split("/")
    if len(levels) != len(wanted) or any(want not in ("+", level) for want, level in zip(wanted, levels, strict=True)):
        return None
    if parsed.group(2) is not None:  # then the payload is read, and only a JSON object can be
        try:
            document = json.loads(payload)
        except ValueError:
            return None
        if not isinstance(document, dict) or document.get(parsed.group(2)) != levels[int(parsed.group(3)) - 1]:
            return None
        payload = json.dumps(document).encode()
    key = re.fullmatch(r"\$\{topic\((\d)\)\}", rule.partition_key)
    assert key is not None, rule.partition_key
    return {"Data": payload, "PartitionKey": levels[int(key.group(1)) - 1]}


def event_of(record: dict[str, Any]) -> dict[str, Any]:
    kinesis = {
        "partitionKey": record["PartitionKey"],
        "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
        "data": base64.b64encode(record["Data"]).decode(),
        "approximateArrivalTimestamp": (T0 + 60_000) / 1000,
    }
    return {"Records": [{"kinesis": kinesis, "eventID": "shardId-000000000000:1", "eventSource": "aws:kinesis"}]}


def minute() -> list[Position]:
    return [
        Position("TRK-001", T0 + n * 5_000, 47.0 + n * 0.0009, 8.0, 72.5, 0.0, 408.0, 5.0, 75.0, "running")
        for n in range(12)
    ]


LINES = [encode_position(position) for position in minute()]


@pytest.mark.parametrize(
    ("payload", "positions"),
    [
        (LINES[0], minute()[:1]),
        (json.dumps(json.loads(LINES[0]), indent=2).encode(), minute()[:1]),
        (b"\n".join(LINES) + b"\n", minute()),
        (gzip_frame(LINES), minute()),
    ],
    ids=["JSON", "JSON over lines", "NDJSON", "gzip"],
)
def test_what_a_truck_publishes_is_what_the_consumers_read(payload: bytes, positions: list[Position]) -> None:
    record = put_by(rule(), "trucks/TRK-001/positions", payload)
    assert record is not None
    decoded = decode_alone(batch_of(event_of(record)))
    assert decoded.received.positions == positions
    assert decoded.rejected == []


def test_the_partition_key_is_the_truck() -> None:
    for truck in ("TRK-001", "a:b_c"):
        record = put_by(rule(topic="fleet-7"), f"fleet-7/{truck}/positions", LINES[0])
        assert record is not None
        assert record["PartitionKey"] == truck


def test_other_topics_do_not_reach_the_stream() -> None:
    for topic in ("trucks/TRK-001", "trucks/TRK-001/positions/extra", "cars/TRK-001/positions", "trucks/TRK-001/other"):
        assert put_by(rule(), topic, LINES[0]) is None


def test_a_payload_that_is_no_position_is_set_aside_whole() -> None:
    record = put_by(rule(), "trucks/TRK-001/positions", b"\x00\xff not a position")
    assert record is not None
    (rejected,) = decode_alone(batch_of(event_of(record))).rejected
    assert rejected.payload == b"\x00\xff not a position"


def test_a_truck_that_names_another_is_not_let_in_where_single_json_is_asked_for() -> None:
    strict = rule(single_json_only=True)
    assert put_by(strict, "trucks/TRK-002/positions", LINES[0]) is None
    assert put_by(strict, "trucks/TRK-001/positions", gzip_frame(LINES)) is None
    record = put_by(strict, "trucks/TRK-001/positions", LINES[0])
    assert record is not None
    assert decode_alone(batch_of(event_of(record))).received.positions == minute()[:1]
