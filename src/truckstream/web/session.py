"""`/api/v1/config` and `/api/v1/session`: what a page must know first, and signing in."""

from typing import Any

import msgspec
from litestar import Request, Router, get

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


class Session(msgspec.Struct, frozen=True):
    """Who the server takes the caller for. `open`: nobody needs to sign in here."""

    role: Role | None
    open: bool


def session_router(sources: WebSources, options: WebOptions, *, open_to_all: bool) -> Router:
    """Return the routes of configuration and session."""

    @get("/config", guards=[need("viewer")], responses=problems(), summary="Configuration", sync_to_thread=False)
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

    @get("/session", responses=problems(), summary="Who am I?", sync_to_thread=False)
    def session(request: Request[Any, Any, Any]) -> Session:
        """The caller's role; null when no valid token came."""
        return Session(caller_of(request).role, open_to_all)

    return Router("/api/v1", route_handlers=[config, session], tags=["session"])
