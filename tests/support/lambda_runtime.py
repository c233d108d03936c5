"""Lambda on this machine: AWS's own runtime client (awslambdaric) runs a built package against this Runtime API.

The child gets an environment of its own and an interpreter without site-packages (`-S`): nothing but the package
and what the real runtime brings (boto3 and the client), in a folder of its own. Not simulated: memory, IAM,
Amazon Linux.
"""

import importlib.util
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

RUNTIME = (
    "awslambdaric", "simplejson", "snapshot-restore-py",
    "boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3",
)  # fmt: skip
"""What is in Lambda's Python runtime beside the standard library."""

ACCOUNT = "123456789012"
REGION = "eu-central-1"


class FunctionError(Exception):
    """The function answered with an error, or did not answer; `kind` is its errorType."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class _Call:
    """One invocation on its way."""

    def __init__(self, payload: bytes) -> None:
        self.request_id = str(uuid.uuid4())
        self.payload = payload
        self.done = threading.Event()
        self.body: bytes | None = None
        self.error: dict[str, Any] | None = None


def package_tool() -> ModuleType:
    """Return `scripts/lambda_package.py`, which builds the packages, as a module."""
    path = Path(__file__).resolve().parents[2] / "scripts" / "lambda_package.py"
    spec = importlib.util.spec_from_file_location("lambda_package", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def runtime_folder(folder: Path) -> Path:
    """Fill a folder with links to the runtime's packages; raises PackageNotFoundError for a missing one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in RUNTIME:
        found = distribution(name)
        tops = {file.parts[0] for file in found.files or () if ".." not in file.parts}
        for top in tops:
            link = folder / top
            if not link.exists() and not top.endswith((".dist-info", ".pth")):
                link.symlink_to(Path(str(found.locate_file(top))))
    return folder


class LambdaFunction:
    """One execution environment of a package: use as a context manager, then `invoke`."""

    def __init__(
        self,
        package: Path,
        handler: str,
        runtime: Path,
        *,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
        python: str = sys.executable,
    ) -> None:
        self.timeout_s = timeout_s
        self.log: list[str] = []
        self._name = handler.rpartition(".")[2]
        self._handler = handler
        self._python = os.path.realpath(python)
        self._root = Path(tempfile.mkdtemp(prefix="lambda-task-"))
        with zipfile.ZipFile(package) as archive:
            archive.extractall(self._root)
        self._waiting: queue.Queue[_Call | None] = queue.Queue()
        self._calls: dict[str, _Call] = {}
        self._init_error: dict[str, Any] | None = None
        self._server = _serve(self)
        self._environment = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "LAMBDA_TASK_ROOT": str(self._root),
            "_HANDLER": handler,
            "PYTHONPATH": os.pathsep.join([str(self._root), str(runtime)]),
            "PATH": "/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_LAMBDA_FUNCTION_NAME": self._name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self._name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self._root),
            **(environment or {}),
        }
        self._child: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def __enter__(self) -> Self:
        child = subprocess.Popen(
            [self._python, "-S", "-m", "awslambdaric", self._handler],
            cwd=self._root,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._child = child
        assert child.stdout is not None
        self._reader = threading.Thread(target=self.log.extend, args=(iter(child.stdout.readline, ""),))
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._child is not None
        assert self._child.stdout is not None
        assert self._reader is not None
        self._child.kill()
        self._child.wait(timeout=30)
        self._reader.join(timeout=30)
        self._child.stdout.close()
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._root, ignore_errors=True)

    def invoke(self, event: object) -> Any:
        """Return the function's answer. Raises FunctionError when it raised, timed out or could not start."""
        if self._init_error is not None:
            raise FunctionError(self._init_error["errorType"], self._init_error["errorMessage"])
        call = _Call(json.dumps(event).encode())
        self._calls[call.request_id] = call
        self._waiting.put(call)
        if not call.done.wait(self.timeout_s):
            raise FunctionError("Timeout", f"no answer within {self.timeout_s:g} s:\n{''.join(self.log)}")
        if call.error is not None:
            raise FunctionError(str(call.error.get("errorType")), str(call.error.get("errorMessage")))
        assert call.body is not None
        return json.loads(call.body)

    @property
    def pid(self) -> int:
        """The process that runs the function."""
        assert self._child is not None
        return self._child.pid

    def next_call(self) -> _Call | None:
        """Wait for an invocation; None: there will be none."""
        return self._waiting.get()

    def answer(self, request_id: str, body: bytes | None, error: dict[str, Any] | None) -> None:
        """Note what the function answered."""
        call = self._calls.pop(request_id)
        call.body, call.error = body, error
        call.done.set()

    def cannot_start(self, error: dict[str, Any]) -> None:
        """Note that the function's module cannot be loaded."""
        self._init_error = error
        for request_id in list(self._calls):
            self.answer(request_id, None, error)

    @property
    def arn(self) -> str:
        """The function's name in full."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self._name}"


def _serve(function: LambdaFunction) -> ThreadingHTTPServer:
    class Api(BaseHTTPRequestHandler):
        """The Runtime API of 2018-06-01: next, response, error, init/error."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # 88 ms a call otherwise

        def do_GET(self) -> None:
            call = function.next_call()
            if call is None:
                self.close_connection = True
                return
            deadline_ms = int((time.time() + function.timeout_s) * 1000)
            trace = f"Root=1-{int(time.time()):x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=1"
            headers = {
                "Lambda-Runtime-Aws-Request-Id": call.request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": function.arn,
                "Lambda-Runtime-Trace-Id": trace,
                "Content-Type": "application/json",
            }
            self._reply(200, call.payload, headers)

        def do_POST(self) -> None:
            body = self._body()
            parts = self.path.split("/")
            if parts[-2:] == ["init", "error"]:
                function.cannot_start(json.loads(body))
            elif parts[-1] == "response":
                function.answer(parts[-2], body, None)
            else:
                function.answer(parts[-2], None, json.loads(body))
            self._reply(202, b'{"status":"OK"}', {})

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle(self) -> None:
            with suppress(OSError):  # the child may be ended while it waits
                super().handle()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


__all__ = ["ACCOUNT", "REGION", "FunctionError", "LambdaFunction", "PackageNotFoundError", "runtime_folder"]
