"""Every error of botocore has a place in our error tree."""

import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import botocore.exceptions
import botocore.session
import pytest
from botocore.parsers import ResponseParserError
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker
from tests.support.aws_faults import AwsFaults
from tests.support.aws_parts import BUCKET, moto_session, session

import truckstream.aws
from truckstream.aws.error_tables import BY_CLASS, OUR_BUGS
from truckstream.aws.errors import aws_errors, code_of, error_of_code, meaning_of_class, meaning_of_code
from truckstream.aws.session import VARIABLES, AwsSession, AwsSettings
from truckstream.core.errors import (
    Denied,
    InvalidInput,
    InvalidSetting,
    MissingPart,
    Throttled,
    TruckstreamError,
    Unavailable,
)

OPERATIONS = {
    "kinesis": ("PutRecords", "ListShards", "GetShardIterator", "GetRecords", "DescribeStreamSummary"),
    "s3": (
        "PutObject",
        "GetObject",
        "HeadObject",
        "HeadBucket",
        "CopyObject",
        "ListObjectsV2",
        "DeleteObject",
        "DeleteObjects",
    ),
    "dynamodb": (
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "DescribeTable",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    ),
    "sns": ("Publish", "PublishBatch", "GetTopicAttributes"),
    "sqs": ("ReceiveMessage", "DeleteMessage"),
    "lambda": ("ListEventSourceMappings",),
    "cloudwatch": ("GetMetricData",),
    "athena": ("StartQueryExecution", "GetQueryExecution", "GetQueryResults", "StopQueryExecution"),
}
NOT_OPERATIONS = {("s3", "ListBucket")}  # the permission that HeadBucket needs
WARNINGS_AND_ROOTS = (Warning, botocore.exceptions.ClientError)


def raised_classes() -> Iterator[type[Exception]]:
    for _, each in inspect.getmembers(botocore.exceptions, inspect.isclass):
        if not issubclass(each, Exception) or issubclass(each, WARNINGS_AND_ROOTS):
            continue
        if each.__module__ == "botocore.exceptions":
            yield each


def test_the_operations_looked_at_are_those_the_adapters_call() -> None:
    sources = "".join(path.read_text() for path in Path(truckstream.aws.__path__[0]).glob("*.py"))
    called = set(re.findall(r'aws_errors\(\s*f?"(\w+):([A-Z]\w+)"', sources))
    for service, methods in (("kinesis", "stream"), ("athena", "analytics")):
        module = import_module(f"truckstream.aws.{methods}")
        called |= {(service, operation) for operation in module._METHODS}
    assert called - NOT_OPERATIONS <= {(service, each) for service, all_ in OPERATIONS.items() for each in all_}
    assert len(called) > 20


def modelled_codes() -> Iterator[tuple[str, str]]:
    services = botocore.session.get_session()
    for service, operations in OPERATIONS.items():
        model = services.get_service_model(service)
        for operation in operations:
            for shape in model.operation_model(operation).error_shapes:
                yield f"{service}:{operation}", shape.metadata.get("error", {}).get("code", shape.name)


def caught(error: Exception, resource: str = "stream s") -> TruckstreamError:
    with pytest.raises(TruckstreamError) as info, aws_errors("kinesis:PutRecords", resource):
        raise error
    return info.value


def answered(code: str, status: int = 400, message: str = "said so") -> botocore.exceptions.ClientError:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return botocore.exceptions.ClientError(response, "PutRecords")  # type: ignore[arg-type]


def test_no_class_botocore_raises_is_unmapped() -> None:
    roots = {botocore.exceptions.BotoCoreError}
    unmapped = [
        each.__name__
        for each in raised_classes()
        if each not in roots and not issubclass(each, OUR_BUGS) and meaning_of_class(each) is None
    ]
    assert unmapped == []
    assert len(list(raised_classes())) > 80


def test_no_modelled_error_of_our_operations_is_unmapped() -> None:
    assert {code for _, code in modelled_codes() if meaning_of_code(code) is None} == set()
    assert len(set(modelled_codes())) > 100


def test_what_botocore_would_repeat_is_retryable_here() -> None:
    for code in vars(ThrottledRetryableChecker)["_THROTTLED_ERROR_CODES"]:
        error = error_of_code(code, "", "kinesis:PutRecords", "stream s")
        assert isinstance(error, Throttled), code
    for code in vars(TransientRetryableChecker)["_TRANSIENT_ERROR_CODES"]:
        assert error_of_code(code, "", "kinesis:PutRecords", "stream s").retryable, code


def test_every_mapped_class_says_whether_to_retry_and_what_to_do() -> None:
    classes = {**vars(botocore.exceptions), "ResponseParserError": ResponseParserError}
    assert BY_CLASS.keys() <= classes.keys()
    for name in BY_CLASS:
        error = caught(classes[name].__new__(classes[name]))
        assert error.retryable == isinstance(error, Unavailable)
        assert error.hint
        assert "{" not in error.hint + error.message.partition(":")[0]


@pytest.mark.parametrize(
    ("error", "ours", "retryable"),
    [
        (answered("ProvisionedThroughputExceededException"), Throttled, True),
        (answered("SlowDown", 503), Throttled, True),
        (answered("InternalFailure", 500), Unavailable, True),
        (answered("NeverHeardOf", 503), Unavailable, True),
        (answered("NeverHeardOf", 400), InvalidInput, False),
        (answered("NeverHeardOf", 403), Denied, False),
        (answered("", 429), Throttled, True),
        (answered("com.amazonaws.kinesis#ThrottlingException"), Throttled, True),
        (answered("ExpiredTokenException"), Denied, False),
        (answered("UnrecognizedClientException"), Denied, False),
        (answered("RequestTimeTooSkewed", 403), Denied, False),
        (answered("ResourceNotFoundException"), InvalidSetting, False),
        (answered("ValidationException"), InvalidInput, False),
        (botocore.exceptions.NoCredentialsError(), Denied, False),
        (botocore.exceptions.NoRegionError(), InvalidSetting, False),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="http://x"), Unavailable, True),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="http://x"), Unavailable, True),
        (botocore.exceptions.ParamValidationError(report="bad"), InvalidSetting, False),
        (ResponseParserError("no JSON"), Unavailable, True),
    ],
    ids=lambda value: "" if isinstance(value, bool) else str(getattr(value, "__name__", value))[:60],
)
def test_errors_land_where_the_tree_says(error: Exception, ours: type[TruckstreamError], retryable: bool) -> None:
    mapped = caught(error)
    assert type(mapped) is ours
    assert mapped.retryable is retryable
    assert mapped.__cause__ is error
    assert "kinesis:PutRecords on stream s" in mapped.message


@pytest.mark.parametrize(
    ("resource", "variable"),
    [
        ("stream s", "STREAM_NAME"),
        ("positions table t", "DYNAMODB_TABLE"),
        ("geofences table t", "GEOFENCES_TABLE"),
        ("bucket b, positions/x", "S3_BUCKET"),
        ("topic arn:aws:sns:x", "SNS_TOPIC_ARN"),
        ("workgroup w", "ATHENA_WORKGROUP"),
    ],
)
def test_a_part_that_does_not_exist_names_its_variable(resource: str, variable: str) -> None:
    error = caught(answered("ResourceNotFoundException"), resource)
    assert variable in error.message
    assert variable in error.hint
    assert variable in VARIABLES.values()


@pytest.mark.parametrize(
    ("operation", "message", "permission"),
    [
        ("kinesis:PutRecords", "no", "kinesis:PutRecords"),
        ("s3:ListObjectsV2", "Access Denied", "s3:ListBucket"),
        ("sns:PublishBatch", "no", "sns:Publish"),
        ("s3:PutObject", "User: arn:x is not authorized to perform: kms:GenerateDataKey on it", "kms:GenerateDataKey"),
    ],
)
def test_a_missing_permission_is_named(operation: str, message: str, permission: str) -> None:
    error = error_of_code("AccessDenied", message, operation, "bucket b")
    assert type(error) is Denied
    assert f"lacks the permission {permission}" in error.message
    assert error.hint == f"Grant {permission} on the bucket b."


def test_our_own_mistakes_pass_as_they_are() -> None:
    client = session().client("kinesis")
    with pytest.raises(botocore.exceptions.OperationNotPageableError), aws_errors("kinesis:PutRecords", "stream s"):
        client.get_paginator("put_records")
    with pytest.raises(ZeroDivisionError), aws_errors("kinesis:PutRecords", "stream s"):
        raise ZeroDivisionError


def test_the_code_aws_answered_can_be_asked_for() -> None:
    assert code_of(caught(answered("SlowDown"))) == "SlowDown"
    assert code_of(caught(botocore.exceptions.NoCredentialsError())) == ""
    assert code_of(Unavailable("ours")) == ""


# --- sessions ---


def test_a_name_that_is_not_set_is_a_missing_part() -> None:
    made = AwsSession(AwsSettings(region="eu-central-1"))
    for field in ("bucket", "topic_arn", "geofences_table"):
        with pytest.raises(MissingPart, match=VARIABLES[field]):
            made.require(field)
    assert made.require("stream_name") == "gps-coordinates-stream"
    assert VARIABLES.keys() == set(AwsSettings.__struct_fields__)


def test_a_missing_region_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(InvalidSetting, match="region") as info:
        AwsSession().client("kinesis")
    assert "AWS_REGION" in info.value.hint


def test_without_boto3_the_installation_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(MissingPart, match="boto3") as info:
        AwsSession()
    assert "truckstream[aws]" in info.value.hint


def test_clients_are_made_once_and_carry_our_limits() -> None:
    made = session(attempts=None)
    client = made.client("kinesis")
    assert made.client("kinesis") is client
    assert client.meta.config.retries["total_max_attempts"] == 1
    assert made.client("s3").meta.config.retries["total_max_attempts"] == 5
    assert client.meta.config.read_timeout < made.client("s3").meta.config.read_timeout
    assert "truckstream/" in client.meta.config.user_agent_extra


def test_botocore_repeats_for_services_without_own_back_off() -> None:
    with moto_session(bucket=True) as made:
        made = session(made.settings, attempts=3)
        client = made.client("s3")
        faults = AwsFaults(client)
        faults.fail("ListObjectsV2", "SlowDown", status=503, times=1)
        with aws_errors("s3:ListObjectsV2", f"bucket {BUCKET}"):
            assert client.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
        assert faults.calls == ["ListObjectsV2"] * 2
