"""How botocore's errors become our error tree: the only place above which nothing sees a botocore error.

The meanings stand in `error_tables`. A code no table has (S3 and DynamoDB do not model all of theirs) goes by
its HTTP status.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import botocore.exceptions as raised
from botocore.parsers import ResponseParserError

from truckstream.aws.error_tables import BY_CLASS, BY_CODE, NETWORK, OUR_BUGS, Meaning
from truckstream.core.errors import TruckstreamError

_VARIABLE_OF: Final = {
    "stream": "STREAM_NAME",
    "positions table": "DYNAMODB_TABLE",
    "geofences table": "GEOFENCES_TABLE",
    "bucket": "S3_BUCKET",
    "topic": "SNS_TOPIC_ARN",
    "database": "ATHENA_DATABASE",
    "workgroup": "ATHENA_WORKGROUP",
    "queue": "ON_FAILURE_QUEUE_URL",
}

# Where the permission is not called as the operation (AWS service authorization reference).
_PERMISSIONS: Final = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:HeadObject": "s3:GetObject",
    "s3:CopyObject": "s3:GetObject and s3:PutObject",
    "sns:PublishBatch": "sns:Publish",
    "dynamodb:TransactWriteItems": "dynamodb:PutItem, dynamodb:UpdateItem and dynamodb:ConditionCheckItem",
    "dynamodb:TransactGetItems": "dynamodb:GetItem",
}

_NOT_AUTHORIZED = re.compile(r"not authorized to perform:? ([a-z0-9-]+:[A-Za-z]+)")


@contextmanager
def aws_errors(operation: str, resource: str) -> Iterator[None]:
    """Translate botocore's errors of the body into the error tree.

    Args:
        operation: service and operation, such as "kinesis:PutRecords"; messages name the permission by it.
        resource: what it works on, such as "stream gps-coordinates-stream". It begins with stream, positions
            table, geofences table, bucket, topic, database, workgroup or queue, so that the message can name the
            environment variable that set it.
    """
    try:
        yield
    except OUR_BUGS:
        raise
    except raised.ClientError as error:
        answer = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = str(answer.get("Code", "")) or str(status)
        raise error_of_code(code, str(answer.get("Message", "")), operation, resource, status=status) from error
    except (raised.BotoCoreError, raised.UndefinedModelAttributeError, ResponseParserError) as error:
        raise _error(meaning_of_class(type(error)) or NETWORK, str(error), operation, resource) from error


def error_of_code(code: str, message: str, operation: str, resource: str, *, status: int = 0) -> TruckstreamError:
    """Return the error for a code a service answered, for a whole call or for one entry of a batch.

    Args:
        code: such as "ProvisionedThroughputExceededException".
        message: what the service said; kept in the error's message.
        operation: see `aws_errors`.
        resource: see `aws_errors`.
        status: the HTTP status, which decides when no table has the code; 0 when there is none.
    """
    meaning = meaning_of_code(code)
    if meaning is None:
        meaning = BY_CODE.get(str(status)) or BY_CODE["500" if status >= 500 or not status else "400"]
    return _error(meaning, f"{code}: {message}" if message else code, operation, resource)


def code_of(error: TruckstreamError) -> str:
    """Return the code AWS answered, for an error that `aws_errors` raised; "" when AWS did not answer."""
    cause = error.__cause__
    return str(cause.response.get("Error", {}).get("Code", "")) if isinstance(cause, raised.ClientError) else ""


def meaning_of_code(code: str) -> Meaning | None:
    """Return what the tables say of a code, None when they do not know it."""
    return BY_CODE.get(code.rpartition("#")[2])


def meaning_of_class(error: type[Exception]) -> Meaning | None:
    """Return what the tables say of a class botocore raises, or of the nearest class it is derived from."""
    return next((BY_CLASS[base.__name__] for base in error.__mro__ if base.__name__ in BY_CLASS), None)


def _error(meaning: Meaning, detail: str, operation: str, resource: str) -> TruckstreamError:
    named = _NOT_AUTHORIZED.search(detail)
    words = {
        "permission": named[1] if named else _PERMISSIONS.get(operation, operation),
        "resource": resource,
        "variable": next((name for start, name in _VARIABLE_OF.items() if resource.startswith(start)), "the settings"),
    }
    return meaning.error(
        f"{operation} on {resource} {meaning.says.format(**words)}: {detail}", hint=meaning.hint.format(**words)
    )
