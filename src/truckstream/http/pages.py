"""The built pages of an application: `/` is its index, everything else lies below `/pages/`.

A source checkout has no built pages until `scripts/pages.sh` has run; then `/` says so instead of failing.
"""

from pathlib import Path
from typing import Final

from litestar import MediaType, Response, get
from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router
from litestar.types import ControllerRouterHandler

_YEAR_S: Final = 31_536_000
_NOT_BUILT: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>truckstream</title></head>
<body><h1>The pages are not built</h1>
<p>Run <code>scripts/pages.sh</code> in the source folder and start this command again. The HTTP API works without
them: <a href="/schema/openapi.json">what it offers</a>.</p></body></html>
"""


def index_page(folder: Path) -> Response[bytes]:
    """Return the application's page, or one that says how to build it."""
    try:
        body = (folder / "index.html").read_bytes()
    except FileNotFoundError:
        body = _NOT_BUILT.encode()
    return Response(body, media_type=MediaType.HTML, headers={"Cache-Control": "no-cache"})


def page_files(folder: Path) -> list[ControllerRouterHandler]:
    """Return the handlers of the files below `/pages/`; those with a hash in their name may be kept for ever."""
    assets = folder / "assets"
    forever = CacheControlHeader(public=True, max_age=_YEAR_S, immutable=True)
    handlers: list[ControllerRouterHandler] = []
    if assets.is_dir():
        handlers.append(create_static_files_router("/pages/assets", [assets], name="assets", cache_control=forever))
    if folder.is_dir():
        handlers.append(
            create_static_files_router(
                "/pages", [folder], name="pages", cache_control=CacheControlHeader(no_cache=True)
            )
        )
    return handlers


def page_handlers(folder: Path) -> list[ControllerRouterHandler]:
    """Return the handlers of the page at `/` and of its files."""

    @get("/", media_type=MediaType.HTML, include_in_schema=False, sync_to_thread=True)
    def index() -> Response[bytes]:
        return index_page(folder)

    return [index, *page_files(folder)]
