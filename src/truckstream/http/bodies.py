"""Reading request bodies within limits: what is too large is refused before it is held, gzip before it is inflated."""

import asyncio
import zlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
from litestar import Request

from truckstream.core.errors import InvalidInput
from truckstream.http.problems import NotSupported, TooLarge

_GZIP_WINDOW: Final = 31
_GZIP_MAGIC: Final = b"\x1f\x8b"
_INFLATED_AT_ONCE: Final = 1024 * 1024


def _no_bound(more_bytes: int) -> None:
    del more_bytes


async def read_body(
    request: Request[Any, Any, Any],
    limit_bytes: int,
    *,
    inflated_bytes: int | None = None,
    hold: Callable[[int], None] = _no_bound,
) -> bytes:
    """Return the body, inflated when it is gzip, said or not. Raises TooLarge, NotSupported or InvalidInput.

    `hold` is told, from any thread, of every so many bytes before they are kept; it raises when they are too many.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise _too_large(limit_bytes)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit_bytes:
            raise _too_large(limit_bytes)
        hold(len(part))
        parts.append(part)
    body = b"".join(parts)
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    plain = encoding in ("", "identity")
    if encoding == "gzip" or (plain and body.startswith(_GZIP_MAGIC)):  # what no JSON and no form begins with
        return await asyncio.to_thread(inflate, body, inflated_bytes or limit_bytes, hold)
    if not plain:
        raise NotSupported(f"Content-Encoding {encoding[:40]!r} is not read here", hint="Send it plain or as gzip.")
    return body


def inflate(data: bytes, limit_bytes: int, hold: Callable[[int], None] = _no_bound) -> bytes:
    """Return gzip data inflated, several members included. Raises TooLarge for a bomb, InvalidInput for damage."""
    parts, room = [], limit_bytes
    while data:
        inflater = zlib.decompressobj(_GZIP_WINDOW)
        while not inflater.eof:
            try:
                part = inflater.decompress(data, min(room + 1, _INFLATED_AT_ONCE))
            except zlib.error as error:
                raise InvalidInput(f"body: not readable as gzip ({error})") from error
            room -= len(part)
            if room < 0:
                raise _too_large(limit_bytes, " when inflated")
            if not part and not inflater.eof:
                raise InvalidInput("body: the gzip data ends early")
            hold(len(part))
            parts.append(part)
            data = inflater.unconsumed_tail
        data = inflater.unused_data
    return b"".join(parts)


def decode_json(body: bytes) -> object:
    """Return the body as JSON. Raises InvalidInput."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"body: not JSON: {error}") from error


async def in_thread[**P, R](work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Do blocking work away from the event loop."""
    return await asyncio.to_thread(work, *args, **kwargs)


def _too_large(limit_bytes: int, how: str = "") -> TooLarge:
    return TooLarge(f"the body is larger than {limit_bytes:,} bytes{how}", hint="Send it in several requests.")
