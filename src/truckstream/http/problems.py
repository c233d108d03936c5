"""Every error a client may see: one JSON form, `{"error", "hint", "retryable"}`, and the OpenAPI text of it."""

import logging
import math
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap

from truckstream.core.errors import (
    DataDirectoryInUse,
    Denied,
    InvalidInput,
    MissingPart,
    StorageFull,
    Throttled,
    TruckstreamError,
    Unavailable,
)

RETRY_AFTER_S: Final = 2

_log = logging.getLogger("truckstream.http")

_NAMED: Final = re.compile(r"([a-z_]+): ")
"""What is wrong with a field begins with its name."""
_LACKING: Final = re.compile(r"missing required field `(\w+)`")


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is wrong, what to do, and whether the same request may succeed later."""

    error: str
    hint: str
    retryable: bool = msgspec.field(default_factory=bool)
    field: str | None = None


class NotFound(TruckstreamError):
    """There is no such thing here."""

    hint = "Check the address; a list of what there is has the same path without the last part."


class Conflict(TruckstreamError):
    """The thing exists already, or was changed meanwhile."""


class NotSignedIn(TruckstreamError):
    """No valid token came with the request."""

    hint = "Send 'Authorization: Bearer TOKEN', or sign in on the page. 'truckstream tokens create' makes a token."


class NotAllowed(TruckstreamError):
    """The caller may not do this."""

    hint = "Ask for a token with another role: 'truckstream tokens create --role ROLE'."


class TooLarge(TruckstreamError):
    """The body is larger than the limit."""


class NotSupported(TruckstreamError):
    """The body is in a form that is not read here."""


class SlowDown(TruckstreamError):
    """Too many requests, or the stream takes no more now."""

    retryable = True
    hint = "Send the same request again after the seconds named by Retry-After."

    def __init__(self, message: str, *, hint: str | None = None, after_s: float = RETRY_AFTER_S) -> None:
        super().__init__(message, hint=hint)
        self.after_s = after_s


_STATUS: Final[tuple[tuple[type[TruckstreamError], int], ...]] = (
    (NotFound, 404),
    (Conflict, 409),
    (NotSignedIn, 401),
    (NotAllowed, 403),
    (TooLarge, 413),
    (NotSupported, 415),
    (SlowDown, 429),
    (Throttled, 429),
    (InvalidInput, 400),
    (StorageFull, 503),
    (DataDirectoryInUse, 503),
    (MissingPart, 503),
    (Denied, 503),
    (Unavailable, 503),
)
_HINTS: Final = {
    400: "Correct the request; /schema/openapi.json says what it may hold.",
    404: "Check the address; /schema/openapi.json lists all of them.",
    405: "Use a method that the Allow header names.",
    413: "Send less at once.",
    415: "Send application/json.",
}


def status_of(error: TruckstreamError) -> int:
    """Return the HTTP status that says what kind of error this is."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 503)


def problem_response(status: int, problem: Problem, headers: Mapping[str, str] | None = None) -> Response[Problem]:
    """Return a problem as a response."""
    return Response(problem, status_code=status, media_type=MediaType.JSON, headers=dict(headers or {}))


def from_error(error: TruckstreamError) -> Response[Problem]:
    """Return what a client sees of one of our own errors."""
    status = status_of(error)
    headers = {}
    if status in (429, 503):
        headers["Retry-After"] = str(max(1, math.ceil(getattr(error, "after_s", RETRY_AFTER_S))))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    field = getattr(error, "field", None)
    if field is None and isinstance(error, InvalidInput) and (named := _NAMED.match(error.message)):
        field = named[1]
    retryable = error.retryable or status in (429, 503)
    return problem_response(status, Problem(error.message, error.hint, retryable, field), headers)


def _handle_error(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    if isinstance(error, TruckstreamError):
        if status_of(error) == 503:
            _log.warning("%s %s: %s", request.method, request.scope["path"], error.message)
        return from_error(error)
    _log.exception("%s %s", request.method, request.scope["path"])
    return problem_response(500, Problem("the server failed on this request", "This is a bug; please report it."))


def _handle_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    detail, field = error.detail, None
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first = error.extra[0]
        field, detail = _complaint(request, str(first.get("key") or ""), str(first.get("message", detail)))
    status = error.status_code
    hint = _HINTS.get(status, "See /schema/openapi.json.")
    return problem_response(status, Problem(detail, hint, status >= 500, field), error.headers)


def _complaint(request: Request[Any, Any, Any], key: str, message: str) -> tuple[str | None, str]:
    """Return the field to blame, in the words of the sender, and what is wrong with it."""
    if key == "data" and (lacking := _LACKING.search(message)):
        return lacking[1], f"{lacking[1]}: is missing"
    if key == "data":
        return "body", f"body: {'is missing' if message == repr(key) else message}"
    field = _name_sent(request, key)
    parameter = request.route_handler.parsed_fn_signature.parameters.get(key)
    if parameter is not None and message.startswith("Invalid enum value") and (words := _choices(parameter.annotation)):
        message = f"{message}: one of {', '.join(words)}"
    return field or None, f"{field}: {message}" if field else message


def _choices(annotation: Any) -> list[str]:
    """Return the words that an annotation allows; none where it allows more than some words."""
    annotation = getattr(annotation, "__value__", annotation)  # of a type alias
    if get_origin(annotation) is Literal:
        return [str(word) for word in get_args(annotation)]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(member.value) for member in annotation]
    return [word for part in get_args(annotation) for word in _choices(part)]


def _name_sent(request: Request[Any, Any, Any], name: str) -> str:
    """Return a parameter's name in the address, which may differ from that in our code."""
    parameter = request.route_handler.parsed_fn_signature.parameters.get(name)
    return getattr(parameter.kwarg_definition, "name", None) or name if parameter is not None else name


HANDLERS: Final[ExceptionHandlersMap] = {HTTPException: _handle_http, Exception: _handle_error}

_DESCRIPTIONS: Final = {
    400: "The request breaks a rule; `field` names it where there is one.",
    401: "No valid token came with the request.",
    403: "The caller may not do this.",
    404: "There is no such thing.",
    405: "The address does not take this method.",
    409: "It exists already, or was changed meanwhile.",
    413: "The body is too large.",
    415: "The body's form is not read here.",
    429: "Slow down: `Retry-After` says for how many seconds.",
    503: "A store does not answer now; nothing was changed or it may be repeated.",
}
_ALWAYS: Final = (400, 401, 403, 429, 503)


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """Return the OpenAPI text of the errors every address may answer, and of these."""
    return {
        status: ResponseSpec(Problem, generate_examples=False, description=_DESCRIPTIONS[status])
        for status in sorted({*_ALWAYS, *statuses})
    }
