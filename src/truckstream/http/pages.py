"""The built pages of an application: `/` is its index, everything else lies below `/pages/`; compressed once.

A source checkout has no built pages until `scripts/pages.sh` has run; then `/` says so instead of failing.
"""

import gzip
import hashlib
import mimetypes
from pathlib import Path
from typing import Any, Final, NamedTuple

from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from truckstream.http.problems import NotFound

_COMPRESSED: Final = frozenset(
    {".html", ".js", ".mjs", ".css", ".json", ".geojson", ".svg", ".txt", ".map", ".webmanifest"}
)
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_TYPES: Final = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".geojson": "application/geo+json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".pbf": "application/x-protobuf",
}
_NOT_BUILT: Final = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>truckstream</title></head>
<body><h1>The pages are not built</h1>
<p>Run <code>scripts/pages.sh</code> in the source folder and reload. The HTTP API works without them:
<a href="/schema/openapi.json">what it offers</a>.</p></body></html>
"""


class PageFile(NamedTuple):
    """A file ready to be sent. `stamp` is when and how large it was when it was read."""

    stamp: tuple[int, int]
    body: bytes
    gzipped: bytes | None
    etag: str
    media_type: str


class Pages:
    """Files below a folder. Read when first wanted, and again when they were built anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._read: dict[str, PageFile] = {}

    def find(self, name: str) -> PageFile | None:
        """Return the file, None when there is none of that name below the folder."""
        parts = name.split("/")
        if "\\" in name or "\0" in name or any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            return None
        path = self._folder.joinpath(*parts)
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            known = self._read.get(name)
            if known is None or known.stamp != stamp:
                if not path.is_file():
                    return None
                known = self._read[name] = _page(path.suffix, path.read_bytes(), stamp)
        except (OSError, ValueError):
            return None
        return known


def _page(suffix: str, body: bytes, stamp: tuple[int, int]) -> PageFile:
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0] or "application/octet-stream"
    gzipped = gzip.compress(body, 9, mtime=0) if suffix in _COMPRESSED and len(body) > 500 else None
    return PageFile(stamp, body, gzipped, f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"', media_type)


def index_page(pages: Pages, request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the application's page, or one that says how to build it."""
    return _answer(request, pages.find("index.html") or _page(".html", _NOT_BUILT, (0, 0)), "no-cache")


def page_files(pages: Pages) -> ControllerRouterHandler:
    """Return the handler of the files below `/pages/`; those with a hash in their name may be kept for ever."""

    @get("/pages/{name:path}", include_in_schema=False, sync_to_thread=True)
    def page_file(name: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
        found = pages.find(str(name).lstrip("/"))
        if found is None:
            raise NotFound("there is no such page", hint="Start at /.")
        return _answer(request, found, _FOR_EVER if str(name).lstrip("/").startswith("assets/") else "no-cache")

    return page_file


def page_handlers(folder: Path) -> list[ControllerRouterHandler]:
    """Return the handlers of the page at `/` and of its files. They are code, no data: everybody may read them."""
    pages = Pages(folder)

    @get("/", include_in_schema=False, sync_to_thread=True)
    def index(request: Request[Any, Any, Any]) -> Response[bytes]:
        return index_page(pages, request)

    return [index, page_files(pages)]


def _answer(request: Request[Any, Any, Any], page: PageFile, caching: str) -> Response[bytes]:
    headers = {"ETag": page.etag, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    if page.etag in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers, media_type=page.media_type)
    body = page.body
    if page.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = page.gzipped
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=page.media_type)
