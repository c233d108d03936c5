"""What every list of the API shares: limits, cursors, instants in queries, JSON that is encoded once."""

from typing import Annotated, Any, Final, cast

import msgspec
from litestar import MediaType, Response
from litestar.params import QueryParameter

from truckstream.core.errors import InvalidInput
from truckstream.core.instants import parse_instant

LARGEST_LIMIT: Final = 10_000
_FORM: Final = "ISO 8601 with an offset, or a date (UTC), such as 2024-01-15T10:30:00Z."

Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST_LIMIT, description="At most so many items at once.")]
Cursor = Annotated[str | None, QueryParameter(max_length=1_000, description="`next` of the page before.")]
From = Annotated[str | None, QueryParameter(name="from", max_length=64, description=f"From this instant on: {_FORM}")]
To = Annotated[str | None, QueryParameter(name="to", max_length=64, description=f"Before this instant: {_FORM}")]


class Page(msgspec.Struct, frozen=True):
    """Some items, and the cursor of the next page; null when this was the last."""

    items: list[dict[str, Any]]
    next: str | None = None


def instant(name: str, text: str | None) -> int | None:
    """Return the milliseconds of an instant or a UTC date in a query. Raises InvalidInput naming the parameter."""
    if text is None:
        return None
    # A plus sign of an offset arrives as a blank where the sender did not encode it.
    text = f"{text}T00:00:00Z" if len(text) == 10 else text.replace(" ", "+") if text[10:11] in "Tt" else text
    try:
        return parse_instant(text)
    except ValueError as error:
        raise InvalidInput(f"{name}: {error}", hint="Write it as 2024-01-15T10:30:00Z, or as a date (UTC).") from error


def write_cursor(place: object) -> str:
    """Return a place in a list as text that nobody takes for a number."""
    return msgspec.msgpack.encode(place).hex()


def read_cursor[T](text: str, kind: type[T]) -> T:
    """Return the place. Raises InvalidInput when the text is none of ours."""
    try:
        return msgspec.msgpack.decode(bytes.fromhex(text), type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidInput("cursor: not one that this server gave", hint="Start again without a cursor.") from error


def json_response[T](content: T) -> Response[T]:
    """Return JSON that is encoded already here: in the thread of whoever made it, not on the event loop."""
    body = msgspec.json.encode(content)
    return Response(cast("T", body), media_type=MediaType.JSON, headers={"Cache-Control": "no-store"})
