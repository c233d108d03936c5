"""The live status of `run`: a panel on a terminal, one plain line now and then elsewhere."""

import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from truckstream.core.alerts import Alert
from truckstream.core.instants import format_instant

if TYPE_CHECKING:
    from truckstream.local.runtime import Pipeline

_LINE_EVERY_S = 5.0
_RATE_OVER_S = 10.0
_RECENT_ALERTS = 5
_ALERT_STYLES = {"enter": "green", "exit": "yellow", "dwell": "cyan", "speeding": "red"}


class LiveStatus:
    """Shows a pipeline at work. Use as a context manager and call `update` as often as you like."""

    def __init__(self, pipeline: "Pipeline", title: str) -> None:
        self._pipeline = pipeline
        self._title = title
        self._started = time.monotonic()
        self._samples: deque[tuple[float, int]] = deque([(self._started, 0)])
        self._printed = self._started
        console = Console()
        self._live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        else:
            print(self._title, flush=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def update(self) -> None:
        """Refresh what is shown."""
        now = time.monotonic()
        if now - self._samples[-1][0] >= 0.5:
            self._samples.append((now, self._pipeline.records))
            while now - self._samples[0][0] > _RATE_OVER_S and len(self._samples) > 2:
                self._samples.popleft()
            if self._live:
                self._live.update(self._panel())
        if not self._live and now - self._printed >= _LINE_EVERY_S:
            self._printed = now
            print(self.line(), flush=True)

    def rate(self) -> float:
        """Return positions per second over the last seconds."""
        (since, before), (until, after) = self._samples[0], self._samples[-1]
        return (after - before) / (until - since) if until > since else 0.0

    def line(self) -> str:
        """Return the status in one line."""
        stores = self._pipeline.stores
        lags = " ".join(f"{name} {lag.records:,}" for name, lag in self._pipeline.lags().items())
        return (
            f"{time.monotonic() - self._started:6.0f} s  {self.rate():8,.1f} positions/s  "
            f"{self._pipeline.records:,} positions  "
            f"{stores.alerts.count():,} alerts  {stores.rejected.count():,} rejected  lag: {lags}"
        )

    def _panel(self) -> Group:
        stores = self._pipeline.stores
        numbers = Table.grid(padding=(0, 3))
        numbers.add_row("positions/s", "positions", "alerts", "rejected", "up", style="dim")
        rejected = stores.rejected.count()
        numbers.add_row(
            f"{self.rate():,.1f}",
            f"{self._pipeline.records:,}",
            f"{stores.alerts.count():,}",
            Text(f"{rejected:,}", style="red" if rejected else ""),
            f"{time.monotonic() - self._started:,.0f} s",
            style="bold",
        )
        consumers = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("consumer", "lag (records)", "oldest unread"):
            consumers.add_column(heading, justify="left" if heading == "consumer" else "right")
        for name, lag in self._pipeline.lags().items():
            consumers.add_row(name, f"{lag.records:,}", f"{lag.age_ms / 1000:,.1f} s" if lag.records else "-")
        parts: list[Text | Table] = [Text(self._title, style="bold blue"), numbers, Text(), consumers]
        error = self._pipeline.failure()
        if error is not None:
            parts.append(Text(f"waiting: {error.message} {error.hint}", style="red"))
        recent = stores.alerts.recent(_RECENT_ALERTS)
        if recent:
            parts += [Text(), _recent_table(recent)]
        parts += [Text(), Text("Ctrl-C stops; a restart goes on where it stopped.", style="dim")]
        return Group(*parts)


def _recent_table(alerts: Sequence[Alert]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("latest alerts (UTC)", "truck", "", "geofence"):
        table.add_column(heading)
    for alert in alerts:
        style = _ALERT_STYLES[alert.alert_type]
        table.add_row(
            format_instant(alert.timestamp_ms)[11:19], escape(alert.truck_id), Text(alert.alert_type, style=style),
            escape(alert.geofence_name),
        )  # fmt: skip
    return table
