"""Receivers of alerts on one machine: a file, the terminal, a signed webhook.

A receiver may see an alert twice after a crash, always with the same `alert_id`. Each notifier accepts
nothing it has not handed over: a line on the disk, an answer in the 2xx range.
"""

import hashlib
import hmac
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Sequence
from email.message import Message
from http.client import HTTPException
from pathlib import Path
from typing import IO, BinaryIO
from urllib.parse import urlsplit

from truckstream.core.errors import InvalidSetting, Unavailable
from truckstream.core.presence import Alert, alert_to_json
from truckstream.local.database import storage_errors

WEBHOOK_TIMEOUT_S = 5.0


class FileNotifier:
    """Appends one JSON line per alert to a file, on the disk before it counts as sent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"file:{path.name}"
        self.last_error = ""

    def send(self, alerts: Sequence[Alert]) -> Collection[str]:
        """Append all or none. Raises StorageFull, Denied, ... when the file cannot be written."""
        lines = b"".join(alert_to_json(alert) + b"\n" for alert in alerts)
        with storage_errors(self._path), self._path.open("a+b", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            if end and not _ends_a_line(file, end):
                lines = b"\n" + lines  # a crash tore the last line: ours must not continue it
            try:
                _write_all(file, lines)
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise
        return [alert.alert_id for alert in alerts]


class StdoutNotifier:
    """Writes one JSON line per alert to the terminal, or to any other binary stream."""

    name = "stdout"

    def __init__(self, stream: BinaryIO | None = None) -> None:
        self._stream = stream if stream is not None else sys.stdout.buffer
        self.last_error = ""

    def send(self, alerts: Sequence[Alert]) -> Collection[str]:
        """Write all. Raises Unavailable, ... when the stream is closed."""
        with storage_errors():
            for alert in alerts:
                self._stream.write(alert_to_json(alert) + b"\n")
            self._stream.flush()
        return [alert.alert_id for alert in alerts]


class WebhookNotifier:
    """Posts alerts as JSON to an http(s) address: `[{...}, ...]`, or one object per alert.

    With a secret every request carries `X-Truckstream-Signature: sha256=<hex>`, the HMAC-SHA256 of timestamp, a dot
    and the body. `X-Truckstream-Timestamp` is the time of sending in ms since the epoch. Redirects are not
    followed: alerts go to the address someone configured, or nowhere.
    """

    def __init__(
        self,
        url: str,
        secret: str | bytes | None = None,
        *,
        one_per_alert: bool = False,
        timeout_s: float = WEBHOOK_TIMEOUT_S,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        if not _is_http(url):
            raise InvalidSetting(
                f"webhook {url!r} is not an http or https address",
                hint="Give an address like https://example.org/alerts.",
            )
        # An address may hold a key: its hash, not the address, goes into the store.
        self.name = f"webhook:{urlsplit(url).hostname}:{hashlib.sha256(url.encode()).hexdigest()[:12]}"
        self.last_error = ""
        self._url = url
        self._secret = secret.encode() if isinstance(secret, str) else secret or b""
        self._one_per_alert = one_per_alert
        self._timeout_s = timeout_s
        self._clock = clock
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(self, alerts: Sequence[Alert]) -> Collection[str]:
        """Post in order; stop at the first request without a 2xx answer, its reason in `last_error`."""
        self.last_error = ""
        accepted: list[str] = []
        try:
            if self._one_per_alert:
                for alert in alerts:
                    self._post(alert_to_json(alert))
                    accepted.append(alert.alert_id)
            else:
                self._post(b"[" + b",".join(map(alert_to_json, alerts)) + b"]")
                accepted = [alert.alert_id for alert in alerts]
        except Unavailable as error:
            self.last_error = error.message
        return accepted

    def _post(self, body: bytes) -> None:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "truckstream",
            "X-Truckstream-Timestamp": str(self._clock()),
        }
        if self._secret:
            signed = headers["X-Truckstream-Timestamp"].encode() + b"." + body
            signature = hmac.new(self._secret, signed, hashlib.sha256).hexdigest()
            headers["X-Truckstream-Signature"] = f"sha256={signature}"
        request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._timeout_s):
                return
        except urllib.error.HTTPError as error:
            error.close()
            raise Unavailable(f"the webhook answered {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise Unavailable(f"the webhook cannot be reached: {error.reason}") from error
        except (OSError, HTTPException, ValueError) as error:  # ValueError: a host name that cannot be encoded
            raise Unavailable(f"the webhook did not answer: {error or type(error).__name__}") from error


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an address, a port that is none
        return False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def _ends_a_line(file: IO[bytes], end: int) -> bool:
    file.seek(end - 1)
    return file.read(1) == b"\n"


def _write_all(file: IO[bytes], data: bytes) -> None:
    while data:
        data = data[file.write(data) :]
