"""Which receivers alerts go to, from options and environment."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from truckstream.config import read_settings
from truckstream.local.directory import DataDirectory
from truckstream.local.notifiers import FileNotifier, WebhookNotifier
from truckstream.local.sending import Sender
from truckstream.ports import Notifier


@contextmanager
def sending(directory: DataDirectory, webhook: str | None, *, notify: bool) -> Iterator[None]:
    """Send alerts to the file in the data directory, and to the webhook when one is named.

    Says at the end what could not be delivered yet. Raises InvalidSetting for a webhook address that is not http(s).
    """
    settings = read_settings()
    receivers: list[Notifier] = [FileNotifier(directory.sent_alerts)]
    url = webhook or settings.webhook_url
    if url:
        receivers.append(WebhookNotifier(url, settings.webhook_secret))
    if not notify:
        yield
        return
    with Sender(directory.alerts, receivers) as sender:
        yield
    if sender.left:
        print(f"warning: {sender.left}", file=sys.stderr)
