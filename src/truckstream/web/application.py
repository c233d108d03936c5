"""The web application: routes, live view and gate put together over ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from truckstream import __version__
from truckstream.http.gate import Doorman, Gate, OpenDoor
from truckstream.http.pages import page_handlers
from truckstream.http.problems import HANDLERS
from truckstream.web.alerts import alerts_router
from truckstream.web.fleet_view import FleetView
from truckstream.web.geofences import geofences_router
from truckstream.web.health import HealthReader
from truckstream.web.live import LiveStreams, live_router
from truckstream.web.positions import positions_router
from truckstream.web.session import session_router
from truckstream.web.sources import WebOptions, WebSources
from truckstream.web.watching import health_router

_BODY_BYTES = 64 * 1024 * 1024


class WebApplication:
    """`asgi` is what a server serves; `litestar` the application inside; `streams` ends the live streams."""

    def __init__(self, sources: WebSources, options: WebOptions | None = None, doorman: Doorman | None = None) -> None:
        options = options or WebOptions()
        clock = options.clock
        reader = HealthReader(sources)
        view = FleetView(
            sources,
            offline_after_ms=options.offline_after_ms,
            health=lambda now_ms: msgspec.json.encode(reader.health(now_ms, len(view.state.lines))),
        )
        self.streams = streams = LiveStreams(view, clock)

        @asynccontextmanager
        async def ticking(app: Litestar) -> AsyncIterator[None]:
            del app
            await streams.start()
            try:
                yield
            finally:
                await streams.stop()

        self.litestar = Litestar(
            route_handlers=[
                positions_router(view.state, sources),
                geofences_router(sources),
                alerts_router(sources, clock),
                live_router(streams),
                health_router(reader, streams, clock),
                session_router(sources, options, open_to_all=doorman is None),
                *page_handlers(options.pages),
            ],
            exception_handlers=HANDLERS,
            lifespan=[ticking],
            openapi_config=OpenAPIConfig(
                title="truckstream",
                version=__version__,
                description="Where a delivery fleet is, what it did at geofences, and how the pipeline does.",
                path="/schema",
                render_plugins=[JsonRenderPlugin()],
                use_handler_docstrings=True,
            ),
            compression_config=CompressionConfig(
                backend="gzip", gzip_compress_level=3, minimum_size=1_000, exclude=["/api/v1/live", "/pages/", "^/$"]
            ),
            request_max_body_size=_BODY_BYTES,
            logging_config=None,
        )
        maps = [url for url in (options.map_style_url, options.map_tiles_url) if url]
        self.asgi = Gate(self.litestar, doorman or OpenDoor(), map_urls=maps, changes_by_get=changes_by_get)


def changes_by_get(path: str, query: bytes) -> bool:
    """Return whether a GET changes something: phones send positions so."""
    return path == "/api/v1/osmand" or (path == "/" and b"id=" in query)
