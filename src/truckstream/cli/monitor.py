"""`run --port`: the status for machines, on 127.0.0.1 only: `/status` as JSON and `/metrics` for Prometheus."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from truckstream.core.errors import InvalidSetting, TruckstreamError
from truckstream.core.status import Status
from truckstream.local.directory import DataDirectory
from truckstream.local.status import status_of
from truckstream.local.stores import LocalStores

_HOST = "127.0.0.1"


@contextmanager
def monitor(directory: DataDirectory, port: int | None) -> Iterator[str]:
    """Serve while the block runs; yield the address, empty when no port was asked for.

    Raises InvalidSetting when the port cannot be taken. 0 takes a free one.
    """
    if port is None:
        yield ""
        return
    try:
        server = ThreadingHTTPServer((_HOST, port), _handler(directory))
    except OSError as error:
        raise InvalidSetting(
            f"--port {port}: {error.strerror}", hint="Choose another port; --port 0 takes a free one."
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="monitor", daemon=True)
    thread.start()
    try:
        yield f"http://{_HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def metrics_text(status: Status) -> str:
    """Return the status in Prometheus's text format.

    Metric names end in their unit; counters of a data directory, not of this process.
    """
    lines = [
        "# TYPE truckstream_consumer_lag_records gauge",
        *(
            f'truckstream_consumer_lag_records{{consumer="{name}"}} {lag.records}'
            for name, lag in status.consumers.items()
            if lag.records is not None
        ),
        "# TYPE truckstream_iterator_age_seconds gauge",
        *(
            f'truckstream_iterator_age_seconds{{consumer="{name}"}} {lag.age_ms / 1000}'
            for name, lag in status.consumers.items()
            if lag.age_ms is not None
        ),
    ]
    for name, kind, value in (
        ("trucks", "gauge", status.trucks),
        ("alerts_total", "counter", status.alerts),
        ("outbox_alerts", "gauge", status.alerts_pending),
        ("rejected_records", "gauge", status.rejected),
        ("archive_files", "gauge", status.archive_files),
        ("archive_bytes", "gauge", status.archive_bytes),
        ("last_arrival_timestamp_seconds", "gauge", (status.last_arrival_ms or 0) / 1000),
        ("newest_position_timestamp_seconds", "gauge", (status.newest_position_ms or 0) / 1000),
    ):
        lines += [f"# TYPE truckstream_{name} {kind}", f"truckstream_{name} {value}"]
    return "\n".join(lines) + "\n"


def _handler(directory: DataDirectory) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path not in ("/status", "/metrics"):
                self._answer(404, "text/plain; charset=utf-8", b"There are /status and /metrics.\n")
                return
            try:
                with LocalStores(directory) as stores:
                    status = status_of(stores)
            except TruckstreamError as error:
                self._answer(503, "text/plain; charset=utf-8", f"{error.message}\n{error.hint}\n".encode())
                return
            if self.path == "/status":
                self._answer(200, "application/json", msgspec.json.encode(status))
            else:
                self._answer(200, "text/plain; version=0.0.4; charset=utf-8", metrics_text(status).encode())

        def _answer(self, code: int, content_type: str, body: bytes) -> None:
            self.send_response(code)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            del format, arguments  # requests are no news

    return Handler
