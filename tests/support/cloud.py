"""The deployed system's parts on a moto server of 127.0.0.1, as Terraform would make them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import boto3
from moto.server import ThreadedMotoServer
from tests.support.aws_parts import ACCOUNT, BUCKET, REGION, STREAM
from tests.support.dynamodb import GEOFENCES_TABLE, POSITIONS_TABLE

TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": ACCOUNT,
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_REGION": REGION,
    "STREAM_NAME": STREAM,
    "GEOFENCES_TABLE": "geofences",
    "S3_BUCKET": BUCKET,
    "SNS_TOPIC_ARN": TOPIC_ARN,
}
"""What a shell needs beside AWS_ENDPOINT_URL; the functions get the same."""


class Cloud:
    """The address, and clients for looking at what arrived."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._boto = boto3.Session(ACCOUNT, "made-up", region_name=REGION)
        self._clients: dict[str, Any] = {}

    def client(self, name: str) -> Any:
        if name not in self._clients:
            self._clients[name] = self._boto.client(name, endpoint_url=self.address)  # type: ignore[call-overload]
        return self._clients[name]

    def fresh(self, *, shard_count: int = 2) -> None:
        """Forget everything, then make the parts."""
        self.reset()
        self.client("kinesis").create_stream(StreamName=STREAM, ShardCount=shard_count)
        self.client("dynamodb").create_table(TableName="truck-positions", **POSITIONS_TABLE)
        self.client("dynamodb").create_table(TableName="geofences", **GEOFENCES_TABLE)
        self.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        topic = self.client("sns").create_topic(Name="alerts")["TopicArn"]
        sqs = self.client("sqs")
        queue = sqs.create_queue(QueueName="alerts")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
        )

    def reset(self) -> None:
        with urlopen(Request(f"{self.address}/moto-api/reset", method="POST"), timeout=30):
            pass

    def messages(self) -> list[str]:
        """Return what the queue subscribed to the topic has got since the last call."""
        sqs, found = self.client("sqs"), []
        url = sqs.get_queue_url(QueueName="alerts")["QueueUrl"]
        while part := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            found += [message["Body"] for message in part]
            for message in part:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


@contextmanager
def deployed() -> Iterator[Cloud]:
    """Give a system. moto keeps its state per process, so only one at a time; `fresh` begins anew."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    cloud = Cloud("http://{}:{}".format(*server.get_host_and_port()))
    try:
        cloud.fresh()
        yield cloud
    finally:
        cloud.reset()
        cloud.close()
        server.stop()
