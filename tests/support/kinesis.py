"""kinesis-local, started once per test process when first asked for, and streams on it."""

import atexit
import itertools
import os
import time
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
from tests.support.aws_parts import SETTINGS, session
from tests.support.npm_parts import LOOPBACK, installed, running
from tests.support.ports import kept_port

from truckstream.aws.session import AwsSession

_NAMES = itertools.count(1)
_SERVERS = ExitStack()
_QUICK = ("CREATE_STREAM", "DELETE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT")
_started: list[str] = []  # the address, or "" and why there is none


def kinesis_address() -> str:
    """Return the server's address. Skips the test where it cannot run, naming what is missing."""
    if not _started:
        try:
            _started.append(_start())
        except pytest.skip.Exception as missing:
            _started.extend(("", str(missing)))
    if not _started[0]:
        pytest.skip(_started[1])
    return _started[0]


def _start() -> str:
    package = installed("kinesis-local") / "node_modules" / "kinesis-local"
    ports = ExitStack()  # kept until this process ends: nobody else is given them before the server has them
    atexit.register(ports.close)
    port, tls_port = ports.enter_context(kept_port()), ports.enter_context(kept_port())
    environment = {
        **os.environ,
        "KINESIS_MOCK_CERT_PATH": str(package / "server.json"),
        "KINESIS_MOCK_PLAIN_PORT": str(port),
        "KINESIS_MOCK_TLS_PORT": str(tls_port),
        "LOG_LEVEL": "ERROR",
        **{f"{name}_DURATION": "50ms" for name in _QUICK},
    }
    atexit.register(_SERVERS.close)
    _SERVERS.enter_context(running(["node", "-r", str(LOOPBACK), str(package / "main.js")], environment, port))
    return f"http://127.0.0.1:{port}"


def kinesis_session(shard_count: int, monkeypatch: pytest.MonkeyPatch) -> AwsSession:
    """Return a session on a new stream; the endpoint comes from the standard variable."""
    address = kinesis_address()
    for variable in ("AWS_PROFILE", "AWS_ENDPOINT_URL_KINESIS"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    made = session(msgspec.structs.replace(SETTINGS, stream_name=f"stream-{next(_NAMES)}"), attempts=None)
    made.client("kinesis").create_stream(StreamName=made.settings.stream_name, ShardCount=shard_count)
    wait_until_active(made)
    return made


def wait_until_active(session: AwsSession) -> None:
    """Wait for a new or resharded stream."""
    client: Any = session.client("kinesis")
    for _ in range(200):
        summary = client.describe_stream_summary(StreamName=session.settings.stream_name)
        if summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE":
            return
        time.sleep(0.05)
    raise AssertionError("the stream did not become active")
