"""Who asks, and what they may do: on 127.0.0.1 everybody is admin, on any other address a token decides.

A browser that a hostile page steers is kept out as well: where no token is wanted the Host header must name this
machine (a page cannot re-bind its name to 127.0.0.1), and what changes something must come from our own pages.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple, cast, get_args
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from truckstream.http.problems import NotAllowed, NotSignedIn

Role = Literal["viewer", "dispatcher", "admin", "device"]
ROLES: Final[Sequence[str]] = get_args(Role)

# A device sends positions of its truck and reads nothing.
_MAY: Final[dict[str, frozenset[str]]] = {
    "viewer": frozenset({"viewer"}),
    "dispatcher": frozenset({"viewer", "dispatcher"}),
    "admin": frozenset({"viewer", "dispatcher", "admin", "device"}),
    "device": frozenset({"device"}),
}
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CALLER: Final = "truckstream.caller"


class Caller(NamedTuple):
    """Who asks. `truck_id`: the one truck a device may send for; None is any."""

    role: Role | None
    name: str
    truck_id: str | None = None


NOBODY: Final = Caller(None, "")
LOCAL_ADMIN: Final = Caller("admin", "local")


def caller_of(connection: Request[Any, Any, Any] | ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Return who asks, as the gate found out."""
    scope = cast("dict[str, Any]", connection.scope)
    caller: Caller = scope.get(CALLER, NOBODY)
    return caller


def need(role: Role) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Return a guard that lets only those pass who may do what `role` may."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        del handler
        caller = caller_of(connection)
        if caller.role is None:
            raise NotSignedIn("no valid token came with the request")
        if role not in _MAY[caller.role]:
            raise NotAllowed(f"a {caller.role} may not do this; it needs the role {role}")

    return guard


def check_host(host: str) -> None:
    """Refuse a request to an open server that does not name this machine. Raises NotAllowed."""
    if _host_of(f"//{host}") not in LOOPBACK:
        raise NotAllowed(
            f"this server answers to 127.0.0.1 only, not to {host[:100]!r}",
            hint="Open it as http://127.0.0.1:PORT, or bind it to another address, where tokens are needed.",
        )


def check_origin(host: str, origin: str | None, fetch_site: str | None) -> None:
    """Refuse a change that another site's page asks for. Raises NotAllowed."""
    foreign = origin is not None and origin.partition("://")[2] != host
    if fetch_site in ("cross-site", "same-site") or foreign:
        raise NotAllowed("a page of another site asked for this", hint="Use the pages of this server, or a program.")


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # half an IPv6 address
        return None
