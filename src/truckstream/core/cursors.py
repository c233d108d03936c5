"""Cursors as texts that say nothing to whoever carries them."""

import msgspec

from truckstream.core.errors import InvalidInput


def write_cursor(place: object) -> str:
    """Return a place (numbers, texts, tuples of them) as an opaque text.

    >>> read_cursor(write_cursor((7, "TRK-1")), tuple[int, str])
    (7, 'TRK-1')
    """
    return msgspec.msgpack.encode(place).hex()


def read_cursor[T](text: str, kind: type[T]) -> T:
    """Return the place in a cursor. Raises InvalidInput for one that nobody here wrote."""
    try:
        place = msgspec.msgpack.decode(bytes.fromhex(text), type=kind)
        for each in place if isinstance(place, tuple) else (place,):
            if isinstance(each, int) and not -(2**63) <= each < 2**63:
                raise ValueError("no store counts so far")
        return place
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidInput("cursor: not one that this server gave", hint="Start again without a cursor.") from error
