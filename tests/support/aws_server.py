"""moto as a server in a process of its own, for Terraform: `python aws_server.py` prints its port, ends with its stdin.

moto lacks some calls that Terraform makes. `SHIMS` answers those, `REWORDED` and `AFTERWARDS` help with some, each with
its reason; all other calls are moto's. Every call goes to standard error as `STATUS METHOD PATH TARGET`, so that the
next missing one is found; an unanswered call is 501 there, where moto would raise.
"""

import json
import re
import sys
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from moto.athena.models import athena_backends
from moto.awslambda.models import lambda_backends
from moto.budgets.models import budgets_backends
from moto.dynamodb.models import dynamodb_backends
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.kinesis.models import kinesis_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import FakeBucket
from werkzeug.serving import WSGIRequestHandler, make_server

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from tests.support.tags_server import TagsServer

ACCOUNT = "123456789012"
REGION = "eu-central-1"

type Environ = dict[str, Any]
type Asked = dict[str, Any]
type Answer = dict[str, Any]

_sampling_rules: dict[str, dict[str, Any]] = {}
_tags: dict[str, list[dict[str, str]]] = {}  # of rules and budgets, by name


def _delete_named_query(asked: Asked) -> Answer:
    athena_backends[ACCOUNT][REGION].named_queries.pop(asked["NamedQueryId"], None)
    return {}


def _subscribers(asked: Asked) -> Answer:
    budget = budgets_backends[ACCOUNT]["aws"].budgets[ACCOUNT][asked["BudgetName"]]
    found = [each.subscribers for each in budget.notifications if each.details == asked["Notification"]]
    return {"Subscribers": found[0] if found else []}


def _create_sampling_rule(asked: Asked) -> Answer:
    rule = asked["SamplingRule"] | {
        "RuleARN": f"arn:aws:xray:{REGION}:{ACCOUNT}:sampling-rule/{asked['SamplingRule']['RuleName']}"
    }
    _sampling_rules[rule["RuleName"]] = rule
    _tags[rule["RuleName"]] = asked.get("Tags", [])
    return {"SamplingRuleRecord": {"SamplingRule": rule}}


def _get_sampling_rules(asked: Asked) -> Answer:
    return {"SamplingRuleRecords": [{"SamplingRule": rule} for rule in _sampling_rules.values()]}


def _delete_sampling_rule(asked: Asked) -> Answer:
    rule = _sampling_rules.pop(asked["RuleName"])
    return {"SamplingRuleRecord": {"SamplingRule": rule}}


def _rule_tags(asked: Asked) -> Answer:
    return {"Tags": _tags.get(asked["ResourceARN"].rpartition("/")[2], [])}


def _budget_tags(asked: Asked) -> Answer:
    return {"ResourceTags": _tags.get(asked["ResourceARN"].rpartition("/")[2], [])}


def _note_budget_tags(asked: Asked) -> None:
    _tags[asked["Budget"]["BudgetName"]] = asked.get("ResourceTags", [])


def _tag_stream(asked: Asked) -> None:
    kinesis_backends[ACCOUNT][REGION].add_tags_to_stream(None, asked["StreamName"], asked.get("Tags", {}))


def _read_the_stream(asked: Asked) -> Asked:
    stream, fan_out, _ = asked["EventSourceArn"].partition("/consumer/")
    return asked | {"EventSourceArn": stream} if fan_out else asked


def _finish_mapping(asked: Asked) -> None:
    for mapping in lambda_backends[ACCOUNT][REGION]._event_source_mappings.values():
        if asked["FunctionName"] in (mapping.function_name, mapping.function_arn):
            mapping.event_source_arn = asked["EventSourceArn"]
    for stream in kinesis_backends[ACCOUNT][REGION].streams.values():
        stream.lambda_event_source_mappings.clear()


def _account_settings(asked: Asked) -> Answer:
    return {"AccountLimit": {"ConcurrentExecutions": 10}}  # as a new account has it


def _finish_table_update(asked: Asked) -> None:
    table: Any = dynamodb_backends[ACCOUNT][REGION].tables[asked["TableName"]]
    if asked.get("BillingMode") == "PAY_PER_REQUEST":
        for part in (table, *table.global_indexes):
            part.throughput = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0, "NumberOfDecreasesToday": 0}
    if asked.get("SSESpecification", {}).get("Enabled"):
        table.sse_specification = asked["SSESpecification"] | {
            "KMSMasterKeyId": table._get_default_encryption_key(ACCOUNT, REGION)
        }


# Answered here. By X-Amz-Target or, where the service has none, by method and path.
SHIMS: dict[str, tuple[Callable[[Asked], Answer], str]] = {
    "AmazonAthena.DeleteNamedQuery": (_delete_named_query, "not in moto: destroy would hang on it"),
    "AWSBudgetServiceGateway.DescribeSubscribersForNotification": (
        _subscribers,
        "not in moto: Terraform reads a budget's receivers back",
    ),
    "AWSBudgetServiceGateway.ListTagsForResource": (_budget_tags, "not in moto: Terraform reads a budget's tags back"),
    "GET /2016-08-19/account-settings": (_account_settings, "not in moto: deploy.sh looks at the limit of invocations"),
    "POST /CreateSamplingRule": (_create_sampling_rule, "moto's X-Ray knows traces, no sampling rules"),
    "POST /GetSamplingRules": (_get_sampling_rules, "moto's X-Ray knows traces, no sampling rules"),
    "POST /DeleteSamplingRule": (_delete_sampling_rule, "moto's X-Ray knows traces, no sampling rules"),
    "POST /ListTagsForResource": (_rule_tags, "moto's X-Ray knows traces, no sampling rules, nor their tags"),
}

# Asked of moto in other words.
REWORDED: dict[str, tuple[Callable[[Asked], Asked], str]] = {
    "POST /2015-03-31/event-source-mappings": (_read_the_stream, "moto knows no mapping of a fan-out consumer"),
}

# moto answers; what it leaves out is done afterwards.
AFTERWARDS: dict[str, tuple[Callable[[Asked], None], str]] = {
    "AWSBudgetServiceGateway.CreateBudget": (_note_budget_tags, "moto forgets a budget's tags"),
    "POST /2015-03-31/event-source-mappings": (
        _finish_mapping,
        "the ARN of the fan-out consumer again; and moto would invoke the function in docker, once per record put",
    ),
    "DynamoDB_20120810.UpdateTable": (
        _finish_table_update,
        "moto leaves capacity to a table that is paid by request now, and forgets that it is to be encrypted",
    ),
    "Kinesis_20131202.CreateStream": (_tag_stream, "moto forgets the tags given while a stream is made"),
}


def _permission_without_conditions(bucket: Any, action: str, resource: str) -> Any:
    """moto ignores the conditions of a bucket's policy, so "deny without TLS" would deny everybody: leave those out.

    The policies themselves are evaluated in test_terraform_policies.
    """
    policy = json.loads(bucket.policy) if bucket.policy else {"Statement": []}
    unconditional = [each for each in policy["Statement"] if not each.get("Condition")]
    if not unconditional:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps(policy | {"Statement": unconditional})).is_action_permitted(action, resource)


_NOTING = threading.Lock()


def _note(line: str) -> None:
    """Write one line as a whole: calls are answered by several threads, and `print` writes its newline apart."""
    with _NOTING:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


class Shimmed:
    """Answers the calls of `SHIMS`, passes all others on, and notes every answer."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        target, path = environ.get("HTTP_X_AMZ_TARGET", ""), environ["PATH_INFO"]
        what = f"{environ['REQUEST_METHOD']} {path}?{environ.get('QUERY_STRING', '')} {target}"

        def noted(status: str, headers: Any, *rest: Any) -> Any:
            _note(f"{status.split()[0]} {what}")
            return start_response(status, headers, *rest)

        _note_call(environ, target)
        call = target or f"{environ['REQUEST_METHOD']} {path.rstrip('/')}"
        shim, reworded, afterwards = SHIMS.get(call), REWORDED.get(call), AFTERWARDS.get(call)
        asked = _asked(environ) if shim or reworded or afterwards else {}
        if shim is not None:
            return _reply(noted, HTTPStatus.OK, shim[0](asked))
        if reworded is not None:
            body = json.dumps(reworded[0](asked)).encode()
            environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        try:
            answer: Iterable[bytes] = self._app(environ, noted)
        except NotImplementedError as error:
            return _reply(noted, HTTPStatus.NOT_IMPLEMENTED, {"__type": "NotImplemented", "message": str(error)})
        if afterwards is not None:
            afterwards[0](asked)
        return answer


def _asked(environ: Environ) -> Asked:
    asked: Asked = json.loads(_body(environ) or b"{}")
    return asked


def _body(environ: Environ) -> bytes:
    """Return a call's body, which stays to be read again."""
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    return body


def _note_call(environ: Environ, target: str) -> None:
    """Write down what a caller asked whose access key says which role it stands for: ROLE-<function>."""
    key = re.search(r"Credential=ROLE-([a-z_]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if key is None:
        return
    query = environ.get("QUERY_STRING", "")
    with_body = environ["REQUEST_METHOD"] == "POST"
    noted = {
        "function": key[1],
        "target": target,
        "method": environ["REQUEST_METHOD"],
        "path": unquote(environ["PATH_INFO"]),
        "query": query,
        "copied_from": unquote(environ.get("HTTP_X_AMZ_COPY_SOURCE", "")),
        "body": _body(environ).decode(errors="replace") if with_body else "",
    }
    _note(f"CALL {json.dumps(noted)}")


def _reply(start_response: Callable[..., Any], status: HTTPStatus, body: Answer) -> Iterable[bytes]:
    data = json.dumps(body).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
    start_response(f"{status.value} {status.phrase}", headers)
    return [data]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: `Shimmed` notes the calls."""


def main() -> None:
    moto_bucket: Any = FakeBucket
    moto_bucket.get_permission = _permission_without_conditions
    app = Shimmed(TagsServer(DomainDispatcherApplication(create_backend_app)))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.buffer.read()
    server.shutdown()


if __name__ == "__main__":
    main()
