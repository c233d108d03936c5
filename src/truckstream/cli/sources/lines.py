"""Blocks of bytes as lines, with a bound on the length of one line."""

from collections.abc import Iterable, Iterator

# A line longer than this is cut here: no stream takes it, and a file without line ends must not fill memory.
MAX_LINE_BYTES = 64 << 20


def line_lists(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the complete lines of each block, without their line ends; blank lines are kept as b"".

    >>> list(line_lists([b"a\\nb", b"c\\n", b"d"]))
    [[b'a'], [b'bc'], [b'd']]
    """
    rest: list[bytes] = []
    held = 0
    for block in blocks:
        lines = block.split(b"\n")
        if len(lines) == 1:
            if held < MAX_LINE_BYTES:
                rest.append(block)
                held += len(block)
            continue
        lines[0] = b"".join([*rest, lines[0]])
        last = lines.pop()
        rest, held = ([last], len(last)) if last else ([], 0)
        yield lines
    if rest:
        yield [b"".join(rest)]
