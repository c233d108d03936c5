"""What a role may do, by the rules of IAM: policies are evaluated by a library made for it (npm iam-simulate).

`asked_of` turns a call as it went over the wire into the IAM actions that AWS would check for it, after the service
authorization reference.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from tests.support.lambda_runtime import ACCOUNT, REGION
from tests.support.npm_parts import FAKES, installed

_ITEM_WRITES = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


class Question(NamedTuple):
    """An action on a resource; `context` are condition keys. `resource_policy`: of the resource, if it has one."""

    action: str
    resource: str
    context: Mapping[str, Any] = {}
    resource_policy: Mapping[str, Any] | None = None


def arn(service: str, name: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"


def decide(
    policies: Sequence[Mapping[str, Any]], questions: Sequence[Question], *, role: str = "function"
) -> list[str]:
    """Return a decision for each question: Allowed, ImplicitlyDenied, ExplicitlyDenied, or `error: ...`."""
    folder = installed("iam-simulate")
    asked = [
        {
            "policies": policies,
            "account": ACCOUNT,
            "principal": f"arn:aws:iam::{ACCOUNT}:role/{role}",
            "action": question.action,
            "resource": question.resource,
            "context": question.context,
            "resourcePolicy": question.resource_policy,
        }
        for question in questions
    ]
    done = subprocess.run(
        ["node", str(FAKES / "iam-simulate" / "evaluate.mjs"), str(folder / "node_modules")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    decisions: list[str] = json.loads(done.stdout)
    return decisions


def asked_of(call: Mapping[str, str]) -> Iterator[Question]:
    """Yield what AWS would check for a call. Raises AssertionError for one this table does not know."""
    service, _, operation = call["target"].partition(".")
    if service == "DynamoDB_20120810":
        yield from _dynamodb(operation, json.loads(call["body"]))
    elif service == "Kinesis_20131202":
        asked = json.loads(call["body"])
        name = asked.get("StreamName", "gps-coordinates-stream")  # an iterator alone belongs to the one stream there is
        yield Question(f"kinesis:{operation}", asked.get("StreamARN") or arn("kinesis", f"stream/{name}"))
    elif service == "AmazonAthena":
        yield Question(f"athena:{operation}", arn("athena", "workgroup/truckstream"))
    elif "GetMetricData" in (operation, call["path"].rpartition("/")[2]):
        yield Question("cloudwatch:GetMetricData", "*")
    elif (call["method"], call["path"].rstrip("/")) == ("GET", "/2015-03-31/event-source-mappings"):
        yield Question("lambda:ListEventSourceMappings", "*")
    elif call["body"].startswith("Action="):
        form = {key: values[0] for key, values in parse_qs(call["body"]).items()}
        assert form["Action"] == "PublishBatch", form["Action"]
        yield Question("sns:Publish", form["TopicArn"])  # PublishBatch has no action of its own
    else:
        yield from _s3(call)


def _dynamodb(operation: str, asked: dict[str, Any]) -> Iterator[Question]:
    if operation == "TransactWriteItems":
        for each in asked["TransactItems"]:
            ((kind, write),) = each.items()
            yield _item(_ITEM_WRITES[kind], write["TableName"], write.get("Item") or write["Key"])
    elif operation in ("BatchGetItem", "BatchWriteItem"):
        for table in asked["RequestItems"]:
            yield Question(f"dynamodb:{operation}", arn("dynamodb", f"table/{table}"))
    elif operation in ("PutItem", "UpdateItem", "DeleteItem", "GetItem"):
        yield _item(operation, asked["TableName"], asked.get("Item") or asked["Key"])
    else:
        index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
        yield Question(f"dynamodb:{operation}", arn("dynamodb", f"table/{asked['TableName']}{index}"))


def _item(operation: str, table: str, item: Mapping[str, Mapping[str, str]]) -> Question:
    leading = (item.get("pk") or item["truck_id"])["S"]
    return Question(f"dynamodb:{operation}", arn("dynamodb", f"table/{table}"), {"dynamodb:LeadingKeys": [leading]})


def _s3(call: Mapping[str, str]) -> Iterator[Question]:
    bucket, _, key = call["path"].lstrip("/").partition("/")
    if call["method"] == "POST" and call["query"].startswith("delete"):
        for found in re.findall(r"<Key>(.*?)</Key>", call["body"]):
            yield Question("s3:DeleteObject", f"arn:aws:s3:::{bucket}/{found}")
    elif not key:
        assert call["method"] == "HEAD" or "list-type=2" in call["query"], call
        yield Question("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    else:
        action = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}[call["method"]]
        yield Question(f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}")
        if call["copied_from"]:
            yield Question("s3:GetObject", f"arn:aws:s3:::{call['copied_from'].lstrip('/')}")
