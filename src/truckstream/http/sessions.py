"""`/api/v1/session`: who am I, signing in, signing out; the same in both web applications."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.handlers import BaseRouteHandler
from litestar.params import JSONBody

from truckstream.http.access import Role, caller_of
from truckstream.http.problems import problems
from truckstream.http.tokens import COOKIE, SESSION_S, TokenDoor

_BODY_BYTES: Final = 4_096
"""Of a sign-in: strangers send it, so it is small whatever else the application takes."""


class Session(msgspec.Struct, frozen=True):
    """Who the server takes the caller for. `open`: nobody needs to sign in here."""

    role: Role | None
    open: bool


class SignIn(msgspec.Struct, frozen=True):
    """A token, as `truckstream tokens create` printed it."""

    token: Annotated[str, msgspec.Meta(max_length=200)]


def session_handlers(door: TokenDoor | None) -> list[BaseRouteHandler]:
    """Return the handlers. `door` None: nobody needs to sign in."""

    @get("/session", tags=["session"], responses=problems(), summary="Who am I?", sync_to_thread=False)
    def session(request: Request[Any, Any, Any]) -> Session:
        """The caller's role; null when no valid token came."""
        return Session(caller_of(request).role, door is None)

    @post(
        "/session",
        tags=["session"],
        status_code=200,
        responses=problems(413),
        summary="Sign in",
        request_max_body_size=_BODY_BYTES,
        sync_to_thread=True,
    )
    def sign_in(data: JSONBody[SignIn], request: Request[Any, Any, Any]) -> Response[Session]:
        """Keep the token's rights in a cookie that scripts cannot read."""
        if door is None:
            return Response(Session(caller_of(request).role, True))
        caller, value = door.sign_in(data.token, request.client.host if request.client else "")
        return Response(Session(caller.role, False), cookies=[_cookie(request, value, SESSION_S)])

    @delete(
        "/session", tags=["session"], status_code=200, responses=problems(), summary="Sign out", sync_to_thread=False
    )
    def sign_out(request: Request[Any, Any, Any]) -> Response[Session]:
        """Forget the cookie."""
        role = caller_of(request).role if door is None else None
        return Response(Session(role, door is None), cookies=[_cookie(request, "", 0)])

    return [session, sign_in, sign_out]


def _cookie(request: Request[Any, Any, Any], value: str, seconds: int) -> Cookie:
    secure = request.scope["scheme"] == "https"
    return Cookie(key=COOKIE, value=value, path="/", max_age=seconds, httponly=True, samesite="strict", secure=secure)
