"""Clients of the AWS services, all made in one place: names, time limits, retries.

Importing this module needs no boto3; `AwsSession` does, and says how to install it. Import the other
modules of this package only after one was made. Endpoints, region and credentials come from where boto3
looks for them (`AWS_ENDPOINT_URL`, `AWS_REGION`, profiles, roles); nothing else here reads the environment.
"""

import threading
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final, Self

import msgspec

from truckstream.core.errors import InvalidSetting, MissingPart

CONNECT_TIMEOUT_S: Final = 3
READ_TIMEOUT_S: Final = {"s3": 60, "athena": 30}
DEFAULT_READ_TIMEOUT_S: Final = 10
"""botocore's own 60 s would outlast a Lambda invocation; every call here but S3's answers within 2 s."""

ATTEMPTS: Final = {"kinesis": 1}
"""The stream adapter has its own back-off, which keeps order per truck: botocore must not retry beneath it."""

DEFAULT_ATTEMPTS: Final = 5
MAX_CONNECTIONS: Final = 50  # parallel calls of one client; more than any adapter makes at once


class AwsSettings(msgspec.Struct, frozen=True):
    """The names of the deployed system's parts. An empty name: that part is not configured.

    `region` empty: the one boto3 finds. The environment variables are those in `VARIABLES`. `name=`: what a field
    is called where all settings are (`truckstream.config`, which nothing here may read).
    """

    stream_name: str = "gps-coordinates-stream"
    positions_table: str = msgspec.field(default="truck-positions", name="dynamodb_table")
    geofences_table: str = ""
    bucket: str = msgspec.field(default="", name="s3_bucket")
    topic_arn: str = msgspec.field(default="", name="sns_topic_arn")
    region: str = msgspec.field(default="", name="aws_region")
    athena_database: str = "truckstream"
    athena_workgroup: str = "truckstream"
    on_failure_queue_url: str = ""

    @classmethod
    def among(cls, settings: object) -> Self:
        """Return the names among all settings, those of `truckstream.config`."""
        return msgspec.convert(settings, cls, from_attributes=True)


VARIABLES: Final = {
    "stream_name": "STREAM_NAME",
    "positions_table": "DYNAMODB_TABLE",
    "geofences_table": "GEOFENCES_TABLE",
    "bucket": "S3_BUCKET",
    "topic_arn": "SNS_TOPIC_ARN",
    "region": "AWS_REGION",
    "athena_database": "ATHENA_DATABASE",
    "athena_workgroup": "ATHENA_WORKGROUP",
    "on_failure_queue_url": "ON_FAILURE_QUEUE_URL",
}
"""Which environment variable sets which field, for the messages that name it."""


class AwsSession:
    """The settings, and one client per service. Threads may share it, as they may share the clients."""

    def __init__(self, settings: AwsSettings | None = None, *, boto: Any = None, attempts: int | None = None) -> None:
        """Make a session; nothing is sent yet.

        Args:
            settings: names of the parts.
            boto: a boto3.Session that makes the clients; None: boto3's usual rules.
            attempts: how often botocore tries a call, instead of what this module says. For tests.

        Raises:
            MissingPart: boto3 is not installed.
        """
        boto3 = _import_boto3()
        self.settings = settings or AwsSettings()
        self._boto = boto or boto3.Session(region_name=self.settings.region or None)
        self._attempts = attempts
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, name: str) -> Any:
        """Return the client of a service, such as "kinesis"; always the same one.

        Raises:
            InvalidSetting: no region is set, or the endpoint is no URL.
            Denied: there are no credentials.
        """
        from truckstream.aws.errors import aws_errors

        with self._lock:  # making a client is not safe on several threads
            client = self._clients.get(name)
            if client is None:
                with aws_errors(f"{name}:CreateClient", f"service {name}"):
                    try:
                        client = self._boto.client(name, config=self._config(name))
                    except ValueError as error:  # botocore has no class of its own for it
                        raise InvalidSetting(str(error), hint="Correct AWS_ENDPOINT_URL: an http address.") from error
                self._clients[name] = client
            return client

    def require(self, field: str) -> str:
        """Return a name from the settings.

        Raises:
            MissingPart: it is empty; names the environment variable that sets it.
        """
        value: str = getattr(self.settings, field)
        if not value:
            raise MissingPart(
                f"{VARIABLES[field]} is not set",
                hint=f"Set {VARIABLES[field]} to the name in the deployed stack's outputs.",
            )
        return value

    def close(self) -> None:
        """Close the clients' connections; a later call opens new ones."""
        with self._lock:
            for client in self._clients.values():
                client.close()

    def _config(self, name: str) -> Any:
        from botocore.config import Config

        return Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S.get(name, DEFAULT_READ_TIMEOUT_S),
            retries={
                "mode": "standard",
                "total_max_attempts": self._attempts or ATTEMPTS.get(name, DEFAULT_ATTEMPTS),
            },
            max_pool_connections=MAX_CONNECTIONS,
            tcp_keepalive=True,
            user_agent_extra=f"truckstream/{_version()}",
        )


def _import_boto3() -> Any:
    try:
        import boto3
    except ImportError:
        raise MissingPart(
            "the aws backend needs boto3, which is not installed",
            hint="Install it with: pip install 'truckstream[aws]'",
        ) from None
    return boto3


def _version() -> str:
    try:
        return version("truckstream")
    except PackageNotFoundError:  # a Lambda package holds the modules, not the distribution
        return "0"
