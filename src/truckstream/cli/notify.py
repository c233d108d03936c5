"""Which receivers alerts go to, from options and environment."""

from contextlib import AbstractContextManager, nullcontext

from truckstream.config import read_settings
from truckstream.local.directory import DataDirectory
from truckstream.local.notifiers import FileNotifier, WebhookNotifier
from truckstream.local.sending import Sender
from truckstream.ports import Notifier


def sending(directory: DataDirectory, webhook: str | None, *, notify: bool) -> AbstractContextManager[object]:
    """Send alerts to the file in the data directory, and to the webhook when one is named.

    Raises InvalidSetting for a webhook address that is not http(s).
    """
    settings = read_settings()
    receivers: list[Notifier] = [FileNotifier(directory.sent_alerts)]
    url = webhook or settings.webhook_url
    if url:
        receivers.append(WebhookNotifier(url, settings.webhook_secret))
    return Sender(directory.alerts, receivers) if notify else nullcontext()
