"""The routes of health and monitoring."""

from collections.abc import Callable

from litestar import Response, get
from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec

from truckstream.core.status import Status
from truckstream.http.access import need
from truckstream.http.problems import problems
from truckstream.web.health import Health, HealthReader, metrics_text, status_of
from truckstream.web.live import LiveStreams

_METRICS_TYPE = "text/plain; version=0.0.4"  # the response adds the character set


def watching_handlers(
    reader: HealthReader, streams: LiveStreams, clock: Callable[[], int]
) -> tuple[list[BaseRouteHandler], list[BaseRouteHandler]]:
    """Return the handler of `/api/v1/health`, and those of `/status`, `/metrics`, `/healthz`."""
    state = streams.state

    @get(
        "/health",
        tags=["monitoring"],
        guards=[need("viewer")],
        responses=problems(),
        summary="Pipeline health",
        sync_to_thread=True,
    )
    def health() -> Health:
        """Rates, lag of each consumer, rejected records with reasons, archive and outbox."""
        return reader.health(clock(), state.count_of()["fleet"])

    @get(
        "/status",
        tags=["monitoring"],
        guards=[need("viewer")],
        responses=problems(),
        summary="Status",
        sync_to_thread=True,
    )
    def status() -> Status:
        """What `truckstream status --json` prints."""
        return status_of(reader.pipeline(clock()), state)

    @get(
        "/metrics",
        tags=["monitoring"],
        guards=[need("viewer")],
        media_type=_METRICS_TYPE,
        responses=problems(),
        summary="Metrics for Prometheus",
        sync_to_thread=True,
    )
    def metrics() -> str:
        """Prometheus text format."""
        now = status_of(reader.pipeline(clock()), state)
        return metrics_text(now, state, len(streams.viewers), streams.sent_bytes)

    @get(
        "/healthz",
        tags=["monitoring"],
        media_type="text/plain",
        summary="Is the server up?",
        sync_to_thread=False,
        responses={503: ResponseSpec(str, generate_examples=False, media_type="text/plain", description="Not well.")},
    )
    def healthz() -> Response[str]:
        """200 while the stores answer; 503 while they do not."""
        if state.failing_since_ms is not None:
            return Response("the stores do not answer\n", status_code=503, media_type="text/plain")
        return Response("ok\n", media_type="text/plain")

    return [health], [status, metrics, healthz]
