"""The web application: routes, live view and gate put together over ports."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import msgspec
from litestar import Litestar, Router
from litestar.config.compression import CompressionConfig
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from truckstream import __version__
from truckstream.http.gate import Gate, OpenDoor
from truckstream.http.problems import HANDLERS
from truckstream.http.sessions import session_handlers
from truckstream.http.tokens import TokenDoor
from truckstream.web.alerts import alerts_handlers
from truckstream.web.config import config_handlers
from truckstream.web.derived import derived_handlers
from truckstream.web.fleet_view import FleetView
from truckstream.web.geofences import geofences_handlers
from truckstream.web.health import HealthReader
from truckstream.web.history import history_handlers
from truckstream.web.home import home_handlers
from truckstream.web.ingest import Ingest, ingest_handlers
from truckstream.web.live import LiveStreams, live_handlers
from truckstream.web.osmand import osmand_handlers
from truckstream.web.positions import positions_handlers
from truckstream.web.sources import WebOptions, WebSources
from truckstream.web.watching import watching_handlers

_BODY_BYTES = 64 * 1024 * 1024


class WebApplication:
    """`asgi` is what a server serves; `litestar` the application inside; `streams` ends the live streams."""

    def __init__(
        self,
        sources: WebSources,
        options: WebOptions | None = None,
        door: TokenDoor | None = None,
        known_ids: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        options = options or WebOptions()
        clock = options.clock
        reader = HealthReader(sources)
        ingest = Ingest(sources, clock)
        view = FleetView(
            sources,
            offline_after_ms=options.offline_after_ms,
            known_ids=known_ids,
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

        health, monitoring = watching_handlers(reader, streams, clock)
        self.litestar = Litestar(
            route_handlers=[
                # One router: each would answer OPTIONS of the paths it shares with another.
                Router(
                    "/api/v1",
                    route_handlers=[
                        *positions_handlers(view.state, sources, streams.look),
                        *history_handlers(sources, clock),
                        *ingest_handlers(ingest),
                        *osmand_handlers(ingest, clock),
                        *geofences_handlers(sources, clock),
                        *alerts_handlers(sources, clock),
                        *derived_handlers(sources, clock),
                        *live_handlers(streams, door),
                        *session_handlers(door),
                        *config_handlers(sources, options),
                        *health,
                    ],
                ),
                *monitoring,
                *home_handlers(options.pages, ingest, clock),
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
        self.asgi = Gate(
            self.litestar,
            door or OpenDoor(),
            map_urls=maps,
            token_in_query=token_in_query,
        )


def token_in_query(path: str, query: bytes) -> str | None:
    """Return the token a phone sent: its apps know only an address."""
    if path not in ("/", "/api/v1/osmand"):
        return None
    return dict(parse_qsl(query.decode("latin-1"))).get("token")
