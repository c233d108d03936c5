"""The reporting application: routes and gate put together over the archive."""

from typing import Any

import msgspec
from litestar import Litestar, Request, Router, get
from litestar.config.compression import CompressionConfig
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from truckstream import __version__
from truckstream.http.access import Role, caller_of, need
from truckstream.http.gate import Gate, OpenDoor
from truckstream.http.pages import page_handlers
from truckstream.http.problems import HANDLERS, problems
from truckstream.http.sessions import session_handlers
from truckstream.http.tokens import TokenDoor
from truckstream.reports.file_routes import file_router
from truckstream.reports.reader import Reader
from truckstream.reports.routes import report_router
from truckstream.reports.sources import ReportOptions, ReportSources

_BODY_BYTES = 64 * 1024


class Config(msgspec.Struct, frozen=True):
    """What the pages need to know of this server."""

    version: str
    backend: str
    role: Role | None
    map_style_url: str | None
    map_tiles_url: str | None
    web_url: str | None


class ReportApplication:
    """`asgi` is what a server serves; `litestar` the application inside."""

    def __init__(
        self, sources: ReportSources, options: ReportOptions | None = None, door: TokenDoor | None = None
    ) -> None:
        options = options or ReportOptions()
        reader = Reader(sources, options.clock)
        self.litestar = Litestar(
            route_handlers=[
                report_router(reader),
                file_router(reader),
                _about_router(sources, options, door),
                *page_handlers(options.pages),
            ],
            exception_handlers=HANDLERS,
            openapi_config=OpenAPIConfig(
                title="truckstream reports",
                version=__version__,
                description="What a delivery fleet did, from the archive and its hourly statistics.",
                path="/schema",
                render_plugins=[JsonRenderPlugin()],
                use_handler_docstrings=True,
            ),
            compression_config=CompressionConfig(
                backend="gzip", gzip_compress_level=3, minimum_size=1_000, exclude=["/export/", "/pages/", "^/$"]
            ),
            request_max_body_size=_BODY_BYTES,
            logging_config=None,
        )
        maps = [url for url in (options.map_style_url, options.map_tiles_url) if url]
        self.asgi = Gate(self.litestar, door or OpenDoor(), map_urls=maps)


def _about_router(sources: ReportSources, options: ReportOptions, door: TokenDoor | None) -> Router:
    @get("/config", guards=[need("viewer")], responses=problems(), summary="Configuration", sync_to_thread=False)
    def config(request: Request[Any, Any, Any]) -> Config:
        """What the pages need to know of this server."""
        return Config(
            version=__version__,
            backend=sources.backend,
            role=caller_of(request).role,
            map_style_url=options.map_style_url,
            map_tiles_url=options.map_tiles_url,
            web_url=options.web_url,
        )

    return Router("/api/v1", route_handlers=[config, *session_handlers(door)], tags=["session"])
