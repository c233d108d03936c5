"""The outermost layer: finds out who asks, refuses what no address may see, and puts safe headers on every answer."""

from collections.abc import Callable, Collection
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, HTTPScope, Message, Receive, Scope, Send

from truckstream.core.errors import TruckstreamError
from truckstream.http.access import CALLER, LOCAL_ADMIN, SAFE_METHODS, Caller, check_host, check_origin
from truckstream.http.problems import from_error

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), payment=(), usb=()"),
    (b"x-frame-options", b"DENY"),
)
# What monitors ask for by HEAD. Not `/` with a query: that may be a phone's position, which HEAD must not store.
_HEAD_PATHS: Final = frozenset({"/", "/healthz", "/metrics", "/status", "/api/v1/health", "/schema/openapi.json"})


class Doorman(Protocol):
    """Says who a request is from, and how often they may come."""

    def caller(self, headers: dict[str, str], method: str, address: str) -> Caller:
        """Return who asks. Raises NotAllowed or SlowDown."""
        ...


class OpenDoor:
    """Everybody on this machine is admin."""

    def caller(self, headers: dict[str, str], method: str, address: str) -> Caller:
        """Return the local admin. Raises NotAllowed when the request does not name this machine."""
        del method, address
        check_host(headers.get("host", ""))
        return LOCAL_ADMIN


class Gate:
    """An ASGI application around the real one.

    `map_urls`: where maps come from beside our own origin. `token_in_query`: returns the token of a request that
    cannot have headers of its own. A GET that changes something all the same (the phone apps' way to send a position)
    has its handler ask `check_origin`: an address has more spellings than could be told from here.
    """

    def __init__(
        self,
        app: ASGIApp,
        doorman: Doorman,
        *,
        map_urls: Collection[str] = (),
        token_in_query: Callable[[str, bytes], str | None] = lambda path, query: None,
    ) -> None:
        self._app = app
        self._doorman = doorman
        self._token_in_query = token_in_query
        self._headers = [*_HEADERS, (b"content-security-policy", content_policy(map_urls).encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        bodiless = scope["method"] == "HEAD" and _answers_head(scope)
        if bodiless:
            scope["method"] = "GET"

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name.lower() for name, _ in message["headers"]}
                headers = [*message["headers"], *(header for header in self._headers if header[0] not in own)]
                message["headers"] = headers
            elif bodiless and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            cast("dict[str, Any]", scope)[CALLER] = self._caller(scope, headers)
        except TruckstreamError as error:
            await _refuse(error, send_safely)
            return
        await self._app(scope, receive, send_safely)

    def _caller(self, scope: HTTPScope, headers: dict[str, str]) -> Caller:
        method, path = scope["method"], scope["path"]
        client = scope.get("client")
        token = self._token_in_query(path, scope["query_string"])
        if token and "authorization" not in headers:
            headers["authorization"] = f"Bearer {token}"
        caller = self._doorman.caller(headers, method, client[0] if client else "")
        if method not in SAFE_METHODS:
            check_origin(headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site"))
        return caller


def _answers_head(scope: HTTPScope) -> bool:
    path = scope["path"]
    return (path in _HEAD_PATHS or path.startswith("/pages/")) and not scope["query_string"]


def content_policy(map_urls: Collection[str] = ()) -> str:
    """Return the content security policy: our own origin, and those of maps the operator named."""
    maps = " ".join(sorted({_origin(url) for url in map_urls}))
    maps = f" {maps}" if maps else ""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        f"img-src 'self' data: blob:{maps}; connect-src 'self'{maps}; worker-src 'self' blob:; "
        f"font-src 'self'{maps}; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _refuse(error: TruckstreamError, send: Send) -> None:
    response = from_error(error)
    body = msgspec.json.encode(response.content)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), str(value).encode()) for name, value in response.headers.items()]
    start: HTTPResponseStartEvent = {
        "type": "http.response.start",
        "status": response.status_code or 500,
        "headers": headers,
    }
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})
