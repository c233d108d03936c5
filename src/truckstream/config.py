"""Settings from the environment, read once at the edge: by the command line, and by the Lambda entry points."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from truckstream.core.errors import InvalidSetting

Backend = Literal["local", "aws"]

# What AWS accepts as names; "" is not set. Whoever needs a part that is not set says which variable sets it.
StreamName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
TableName = Annotated[str, Meta(pattern=r"^$|^[A-Za-z0-9_.-]{3,255}$")]
BucketName = Annotated[str, Meta(pattern=r"^$|^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
TopicArn = Annotated[str, Meta(pattern=r"^$|^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$")]
RegionName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{0,32}$")]
AthenaName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,128}$")]
QueueUrl = Annotated[str, Meta(pattern=r"^$|^https?://[^ ]+$")]
NotNegative = Annotated[float, Meta(ge=0, le=1e9)]


class Settings(msgspec.Struct, frozen=True):
    """What the environment says; `VARIABLES` has the variable of each field.

    `webhook_secret` signs alerts sent by webhook; it is never printed.
    """

    backend: Backend = "local"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    webhook_url: str = ""
    webhook_secret: str = ""
    stream_name: StreamName = "gps-coordinates-stream"
    dynamodb_table: TableName = "truck-positions"
    geofences_table: TableName = ""
    s3_bucket: BucketName = ""
    sns_topic_arn: TopicArn = ""
    aws_region: RegionName = ""
    athena_database: AthenaName = "truckstream"
    athena_workgroup: AthenaName = "truckstream"
    on_failure_queue_url: QueueUrl = ""
    outlier_speed_kmh: NotNegative = 200.0
    num_trucks: Annotated[int, Meta(ge=1, le=10_000)] = 50
    position_move_m: NotNegative = 25.0
    position_every_s: NotNegative = 60.0
    position_at_most_every_s: NotNegative = 0.0
    trace_spans: Literal["off", "opentelemetry"] = "off"


# One row per setting: field, variable, what it is for. docs/config.md is checked against it.
VARIABLES = (
    ("backend", "TRUCKSTREAM_BACKEND", "`local` (default) or `aws`; `--backend` wins"),
    ("log_level", "LOG_LEVEL", "DEBUG, INFO (default), WARNING or ERROR"),
    ("webhook_url", "TRUCKSTREAM_WEBHOOK_URL", "where `run` and `replay` post alerts; `--webhook` wins"),
    ("webhook_secret", "TRUCKSTREAM_WEBHOOK_SECRET", "key of the webhook's HMAC-SHA256 signature"),
    ("stream_name", "STREAM_NAME", "the Kinesis stream; default `gps-coordinates-stream`"),
    ("dynamodb_table", "DYNAMODB_TABLE", "the DynamoDB table of latest positions; default `truck-positions`"),
    ("geofences_table", "GEOFENCES_TABLE", "the DynamoDB table of geofences, presence, alerts and outbox"),
    ("s3_bucket", "S3_BUCKET", "the bucket of the archive and the rejected records, `gps-archive-{account_id}`"),
    ("sns_topic_arn", "SNS_TOPIC_ARN", "the topic of alerts: `arn:aws:sns:{region}:{account_id}:{name}`"),
    ("aws_region", "AWS_REGION", "the stack's region, such as `eu-central-1`; default: the one of the AWS profile"),
    ("athena_database", "ATHENA_DATABASE", "the Glue database of the archive's tables; default `truckstream`"),
    ("athena_workgroup", "ATHENA_WORKGROUP", "the Athena workgroup of queries; default `truckstream`"),
    ("on_failure_queue_url", "ON_FAILURE_QUEUE_URL", "a queue of what Lambda or IoT gave up on, beside the bucket"),
    ("outlier_speed_kmh", "OUTLIER_SPEED_KMH", "on AWS: higher speeds are set aside, in km/h; default 200, 0 = off"),
    ("num_trucks", "NUM_TRUCKS", "trucks that the function `gps_producer` simulates: 1 to 10000, default 50"),
    ("position_move_m", "POSITION_MOVE_M", "write a latest position when it moved so many metres; default 25, 0 = off"),
    ("position_every_s", "POSITION_EVERY_S", "and when so many seconds have passed; default 60, 0 = off"),
    ("position_at_most_every_s", "POSITION_AT_MOST_EVERY_S", "but not before so many have; default 0 = off"),
    ("trace_spans", "TRACE_SPANS", "`off` (default) or `opentelemetry`: spans within a function's invocation"),
)


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of an environment (the process's own when None).

    Raises InvalidSetting naming the variable.
    """
    source = os.environ if environment is None else environment
    given = {field: source[variable] for field, variable, _ in VARIABLES if source.get(variable)}
    if "log_level" in given:
        given["log_level"] = given["log_level"].upper()
    try:
        return msgspec.convert(given, Settings, strict=False)  # numbers come as text
    except msgspec.ValidationError as error:
        field = next((f for f in given if f"`$.{f}`" in str(error)), "")
        variable = next((v for f, v, _ in VARIABLES if f == field), "environment")
        meaning = next((m for f, _, m in VARIABLES if f == field), "")
        raise InvalidSetting(
            f"{variable}={given.get(field, '')!r} is not allowed", hint=f"{variable} is {meaning}."
        ) from error
