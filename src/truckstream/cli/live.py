"""The live status of `run`: a panel on a terminal, one plain line now and then elsewhere."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from truckstream.core.alerts import Alert
from truckstream.core.instants import format_instant
from truckstream.core.status import Lag

if TYPE_CHECKING:
    from truckstream.local.runtime import Pipeline

_LINE_EVERY_S = 5.0
_RATE_OVER_S = 10.0
_LOOK_EVERY_S = 0.5
RECENT_ALERTS = 5
_RESUMES = "Ctrl-C stops; a restart goes on where it stopped."
_ALERT_STYLES = {"enter": "green", "exit": "yellow", "dwell": "cyan", "speeding": "red"}


class Glance(msgspec.Struct, frozen=True):
    """What is shown at one moment. None: not known (yet)."""

    positions: int
    alerts: int | None
    rejected: int | None
    lags: Mapping[str, Lag]
    recent: Sequence[Alert] = ()
    trouble: str = ""


def glance_at(pipeline: "Pipeline") -> Glance:
    """Return what there is to see of a pipeline on this machine."""
    stores, error = pipeline.stores, pipeline.failure()
    trouble = [f"waiting: {error.message} {error.hint}"] if error is not None else []
    trouble += [f"{job}: {each.message} {each.hint}" for job, each in pipeline.troubles.items()]
    return Glance(
        positions=pipeline.records,
        alerts=stores.alerts.count(),
        rejected=stores.rejected.count(),
        lags=pipeline.lags(),
        recent=stores.alerts.recent(RECENT_ALERTS),
        trouble=" ".join(trouble),
    )


class LiveStatus:
    """Shows a system at work. Use as a context manager and call `update` as often as you like."""

    def __init__(self, look: Callable[[], Glance], title: str, *, ending: str = _RESUMES) -> None:
        self._look = look
        self._title = title
        self._ending = ending
        self._started = time.monotonic()
        self._looked = self._started
        self._samples: deque[tuple[float, int]] = deque([(self._started, 0)])
        self._printed = self._started
        self._trouble = ""
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
        if now - self._looked >= _LOOK_EVERY_S:
            self._looked = now
            seen = self._look()
            self._sample(now, seen)
            if self._live:
                self._live.update(self._panel(seen))
            else:
                self._tell_trouble(seen.trouble)
        if not self._live and now - self._printed >= _LINE_EVERY_S:
            self._printed = now
            print(self.line(), flush=True)

    def _tell_trouble(self, trouble: str) -> None:
        """Print it when it is new: a log says when it began, and when it was over."""
        if trouble != self._trouble:
            print(f"warning: {trouble}" if trouble else "the trouble is over", flush=True)
        self._trouble = trouble

    def _sample(self, now: float, seen: Glance) -> None:
        self._samples.append((now, seen.positions))
        while now - self._samples[0][0] > _RATE_OVER_S and len(self._samples) > 2:
            self._samples.popleft()

    def rate(self) -> float:
        """Return positions per second over the last seconds."""
        (since, before), (until, after) = self._samples[0], self._samples[-1]
        return (after - before) / (until - since) if until > since else 0.0

    def line(self) -> str:
        """Return the status in one line."""
        seen = self._look()
        lags = " ".join(f"{name} {_lag_text(lag)}" for name, lag in seen.lags.items())
        return (
            f"{time.monotonic() - self._started:6.0f} s  {self.rate():8,.1f} positions/s  "
            f"{seen.positions:,} positions  "
            f"{_number(seen.alerts)} alerts  {_number(seen.rejected)} rejected  lag: {lags or '?'}"
        )

    def _panel(self, seen: Glance) -> Group:
        numbers = Table.grid(padding=(0, 3))
        numbers.add_row("positions/s", "positions", "alerts", "rejected", "up", style="dim")
        numbers.add_row(
            f"{self.rate():,.1f}",
            f"{seen.positions:,}",
            _number(seen.alerts),
            Text(_number(seen.rejected), style="red" if seen.rejected else ""),
            f"{time.monotonic() - self._started:,.0f} s",
            style="bold",
        )
        consumers = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("consumer", "lag (records)", "oldest unread", ""):
            consumers.add_column(heading, justify="right" if heading.startswith(("lag", "oldest")) else "left")
        for name, lag in seen.lags.items():
            consumers.add_row(name, *lag_texts(lag), Text(lag.state, style="red"))
        parts: list[Text | Table] = [Text(self._title, style="bold blue"), numbers, Text(), consumers]
        if seen.trouble:
            parts.append(Text(seen.trouble, style="red"))
        if seen.recent:
            parts += [Text(), _recent_table(seen.recent)]
        parts += [Text(), Text(self._ending, style="dim")]
        return Group(*parts)


def lag_texts(lag: Lag) -> tuple[str, str]:
    """Return unread records and the age of the oldest as shown; "?" for what the backend does not tell."""
    records = "?" if lag.records is None else f"{lag.records:,}"
    if lag.records == 0:
        return records, "-"
    return records, "?" if lag.age_ms is None else f"{lag.age_ms / 1000:,.1f} s"


def _lag_text(lag: Lag) -> str:
    records, age = lag_texts(lag)
    return f"{age} old" if lag.records is None else records


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


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
