"""AWS within the test's own process (moto), and sessions on it or on a server elsewhere.

moto's own deprecation warnings would be filtered here; it has none at present.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import boto3
from moto import mock_aws

from truckstream.aws.session import AwsSession, AwsSettings

REGION = "eu-central-1"
ACCOUNT = "123456789012"
STREAM = "gps-coordinates-stream"
BUCKET = f"gps-archive-{ACCOUNT}"

SETTINGS = AwsSettings(
    stream_name=STREAM,
    geofences_table="geofences",
    bucket=BUCKET,
    topic_arn=f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts",
    region=REGION,
)


def session(settings: AwsSettings = SETTINGS, *, attempts: int | None = 1) -> AwsSession:
    """Return a session with made-up credentials; kinesis-local takes the account from the key id."""
    boto = boto3.Session(aws_access_key_id=ACCOUNT, aws_secret_access_key="made-up", region_name=REGION)
    return AwsSession(settings, boto=boto, attempts=attempts)


@contextmanager
def moto_session(*, shard_count: int = 0, bucket: bool = False) -> Iterator[AwsSession]:
    """Give a session on a fresh moto, with a stream and a bucket when asked for."""
    elsewhere = {name: "" for name in os.environ if name.startswith(("AWS_ENDPOINT_URL", "AWS_PROFILE"))}
    with patch.dict(os.environ), mock_aws():
        for name in elsewhere:
            del os.environ[name]
        made = session()
        if shard_count:
            made.client("kinesis").create_stream(StreamName=STREAM, ShardCount=shard_count)
        if bucket:
            made.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield made
