"""Receivers on one machine: a file, a stream, a signed webhook over real HTTP."""

import hashlib
import hmac
import io
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from truckstream.core.errors import InvalidSetting, TruckstreamError
from truckstream.core.presence import Alert
from truckstream.local.notifiers import FileNotifier, StdoutNotifier, WebhookNotifier

ALERTS = [Alert(f"alert-{n}", "TRK-1", "A", "Fence Ä", "enter", 1_705_312_800_000 + n, 47.0, 8.0, 1) for n in range(3)]
IDS = [each.alert_id for each in ALERTS]


class Webhook(ThreadingHTTPServer):
    """Answers with the statuses given, then 200; keeps what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alerts"


class _Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        self.server.headers.append(dict(self.headers.items()))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", self.server.url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ids(lines: bytes) -> list[str]:
    return [msgspec.json.decode(line)["alert_id"] for line in lines.splitlines()]


def test_file_gets_one_json_line_per_alert(tmp_path: Path) -> None:
    notifier = FileNotifier(tmp_path / "alerts.ndjson")
    assert list(notifier.send(ALERTS[:2])) == IDS[:2]
    assert list(notifier.send(ALERTS[2:])) == IDS[2:]
    assert ids((tmp_path / "alerts.ndjson").read_bytes()) == IDS


def test_line_torn_by_a_crash_does_not_swallow_the_next(tmp_path: Path) -> None:
    path = tmp_path / "alerts.ndjson"
    path.write_bytes(b'{"alert_id": "to')
    FileNotifier(path).send(ALERTS[:1])
    assert ids(path.read_bytes().split(b"\n", 1)[1]) == IDS[:1]


def test_unwritable_file_accepts_nothing(tmp_path: Path) -> None:
    with pytest.raises(TruckstreamError):
        FileNotifier(tmp_path / "missing" / "alerts.ndjson").send(ALERTS)


def test_full_disk_is_a_storage_error() -> None:
    with pytest.raises(TruckstreamError):
        FileNotifier(Path("/dev/full")).send(ALERTS)


def test_stream_gets_one_json_line_per_alert() -> None:
    stream = io.BytesIO()
    assert list(StdoutNotifier(stream).send(ALERTS)) == IDS
    assert ids(stream.getvalue()) == IDS


def test_webhook_gets_one_signed_array(webhook: Webhook) -> None:
    notifier = WebhookNotifier(webhook.url, "secret", clock=lambda: 123)
    assert list(notifier.send(ALERTS)) == IDS
    (body,), (headers,) = webhook.bodies, webhook.headers
    assert [each["alert_id"] for each in msgspec.json.decode(body)] == IDS
    signed = headers["X-Truckstream-Timestamp"].encode() + b"." + body
    signature = hmac.new(b"secret", signed, hashlib.sha256).hexdigest()
    assert headers["X-Truckstream-Signature"] == f"sha256={signature}"
    assert headers["X-Truckstream-Timestamp"] == "123"
    assert headers["Content-Type"] == "application/json"


def test_webhook_without_a_secret_is_not_signed(webhook: Webhook) -> None:
    WebhookNotifier(webhook.url).send(ALERTS)
    assert "X-Truckstream-Signature" not in webhook.headers[0]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503])
def test_only_a_success_answer_accepts(webhook: Webhook, status: int) -> None:
    webhook.statuses = [status]
    notifier = WebhookNotifier(webhook.url)
    assert list(notifier.send(ALERTS)) == []
    assert str(status) in notifier.last_error
    assert len(webhook.bodies) == 1  # a redirect is not followed
    assert list(notifier.send(ALERTS)) == IDS
    assert notifier.last_error == ""


def test_one_request_per_alert_stops_at_the_first_refused(webhook: Webhook) -> None:
    webhook.statuses = [200, 500]
    notifier = WebhookNotifier(webhook.url, one_per_alert=True)
    assert list(notifier.send(ALERTS)) == IDS[:1]
    assert [msgspec.json.decode(body)["alert_id"] for body in webhook.bodies] == IDS[:2]


def test_unreachable_webhook_accepts_nothing(webhook: Webhook) -> None:
    url = webhook.url
    webhook.server_close()
    notifier = WebhookNotifier(url, timeout_s=0.5)
    assert list(notifier.send(ALERTS)) == []
    assert "webhook" in notifier.last_error


@pytest.mark.parametrize("url", ["ftp://example.org/x", "file:///etc/passwd", "example.org", "", "http://"])
def test_address_must_be_http(url: str) -> None:
    with pytest.raises(InvalidSetting, match="http"):
        WebhookNotifier(url)


def test_name_of_a_webhook_does_not_hold_its_key() -> None:
    name = WebhookNotifier("https://user:pass@example.org/hook/KEY?token=TOKEN").name
    assert not any(part in name for part in ("pass", "KEY", "TOKEN"))
    assert name.startswith("webhook:example.org:")
