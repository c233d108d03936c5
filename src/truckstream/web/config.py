"""`/api/v1/config`: what a page must know first."""

from typing import Any

import msgspec
from litestar import Request, get
from litestar.handlers import BaseRouteHandler

from truckstream import __version__
from truckstream.http.access import Role, caller_of, need
from truckstream.http.problems import problems
from truckstream.web.sources import WebOptions, WebSources


class Config(msgspec.Struct, frozen=True):
    """What the pages need to know of this server."""

    version: str
    backend: str
    role: Role | None
    offline_after_s: float
    map_style_url: str | None
    map_tiles_url: str | None
    reports_url: str | None


def config_handlers(sources: WebSources, options: WebOptions) -> list[BaseRouteHandler]:
    """Return the handler of the configuration."""

    @get(
        "/config",
        tags=["session"],
        guards=[need("viewer")],
        responses=problems(),
        summary="Configuration",
        sync_to_thread=False,
    )
    def config(request: Request[Any, Any, Any]) -> Config:
        """What the pages need to know of this server."""
        return Config(
            version=__version__,
            backend=sources.backend,
            role=caller_of(request).role,
            offline_after_s=options.offline_after_ms / 1000,
            map_style_url=options.map_style_url,
            map_tiles_url=options.map_tiles_url,
            reports_url=options.reports_url,
        )

    return [config]
