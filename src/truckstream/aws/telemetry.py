"""What an invocation leaves behind: structured logs, EMF metrics, and spans where they are switched on.

At INFO there are counts, durations and error messages of ours; never a payload, a truck or a place. X-Ray needs
nothing here: Lambda's active tracing records every invocation.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any, Final

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from truckstream.core.errors import MissingPart, TruckstreamError

NAMESPACE: Final = "truckstream"

METRICS: Final = {
    "Records": "Count",
    "Positions": "Count",
    "Rejected": "Count",
    "Alerts": "Count",
    "AlertsSent": "Count",
    "AlertsBuried": "Count",
    "OutboxAge": "Milliseconds",
    "SendingFailed": "Count",
    "PartialFailures": "Count",
    "Failures": "Count",
    "Placed": "Count",
    "Redriven": "Count",
    "FilesMerged": "Count",
    "HoursWritten": "Count",
    "DatesWritten": "Count",
    "Duration": "Milliseconds",
    "IteratorAge": "Milliseconds",
}
"""Every metric there is, with its unit. Dimension: `service`, the function's name."""


class Telemetry:
    """The logger and the metrics of one function."""

    def __init__(self, function: str, *, level: str, spans: str = "off") -> None:
        """Set up. Raises MissingPart when spans are switched on and OpenTelemetry is not in the package."""
        self.function = function
        self.logger = Logger(service=function, level=level, utc=True, use_rfc3339=True)
        self._metrics = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, service=function)
        self._span = _opentelemetry() if spans == "opentelemetry" else _no_span
        self._seen: dict[str, float] = {}

    def note(self, **metrics: float) -> None:
        """Add values of metrics of this invocation."""
        for name, value in metrics.items():
            self._metrics.add_metric(name, METRICS[name], value)
            self._seen[name] = value

    def span(self, name: str) -> AbstractContextManager[object]:
        """Return a span around a part of the work; nothing unless spans are switched on."""
        return self._span(name)

    @contextmanager
    def invocation(self, context: Any) -> Iterator[None]:
        """Log and measure one invocation; errors are logged with their hint and go on up."""
        begin_s = time.perf_counter()
        self._seen.clear()
        self.logger.set_correlation_id(getattr(context, "aws_request_id", None))
        try:
            with self.span(self.function):
                yield
        except BaseException as error:
            self.note(Failures=1)
            self.logger.error("invocation failed", extra=_explained(error))
            raise
        finally:
            self.note(Duration=(time.perf_counter() - begin_s) * 1000)
            self.logger.info("invocation done", extra={name: round(value, 3) for name, value in self._seen.items()})
            self._metrics.flush_metrics()


def _explained(error: BaseException) -> Mapping[str, object]:
    """Return what may be logged of an error: messages of foreign ones may quote data."""
    if isinstance(error, TruckstreamError):
        return {
            "error": type(error).__name__,
            "explanation": error.message,
            "hint": error.hint,
            "retryable": error.retryable,
        }
    return {"error": type(error).__name__}


def _no_span(name: str) -> AbstractContextManager[object]:
    return nullcontext()


def _opentelemetry() -> Callable[[str], AbstractContextManager[object]]:
    try:
        trace = import_module("opentelemetry.trace")
    except ImportError:
        raise MissingPart(
            "TRACE_SPANS=opentelemetry, but OpenTelemetry is not in the function's package",
            hint="Add the OpenTelemetry layer to the function, or unset TRACE_SPANS.",
        ) from None
    start: Callable[[str], AbstractContextManager[object]] = trace.get_tracer(NAMESPACE).start_as_current_span
    return start
