"""Why records are set aside, by kind: the same mistake of a thousand devices is one line, not a thousand."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

_KINDS: Final = (
    # a value that breaks its field's rule: "latitude: 91.5 is outside -90..90"
    (
        re.compile(r"^(\w+): .+? (is (?:outside|out of range|not one of|not 1 to|not an ISO|not within) ?)"),
        r"\1: a value \2",
    ),
    (re.compile(r"^(timestamp): .+? (has no UTC offset|names a day|is not within)"), r"\1: a value \2"),
    (re.compile(r"^(timestamp): .+?: (seconds|the time of day|the UTC offset)"), r"\1: a value: \2"),
    (re.compile(r"^(timestamp: more than 5 min in the future) \(.*\)$"), r"\1"),
    # where in a text: "not JSON: damaged at character 17: '...'"
    (re.compile(r"(, at|at) (character|byte) \d+.*$"), ""),
    (re.compile(r"^record of [\d,]+ bytes"), "record of too many bytes"),
)


def kind_of_reason(reason: str) -> str:
    """Return the reason without the value that was sent and its place.

    >>> kind_of_reason("latitude: 91.5 is outside -90..90")
    'latitude: a value is outside -90..90'
    >>> kind_of_reason("not JSON: damaged at character 17: '}'")
    'not JSON: damaged'
    """
    for pattern, kind in _KINDS:
        reason = pattern.sub(kind, reason, count=1)
    return reason.rstrip()


def count_kinds(reasons: Iterable[tuple[str, int]]) -> Counter[str]:
    """Return how often each kind of reason occurs, from reasons and how often each does."""
    kinds: Counter[str] = Counter()
    for reason, count in reasons:
        kinds[kind_of_reason(reason)] += count
    return kinds
