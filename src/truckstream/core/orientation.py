"""On which side of a straight lon/lat line a point lies, exactly.

Users think in decimals: (0.2, 0.2) is on the line from (0.1, 0.1) to (0.3, 0.3), though the three binary
numbers are not collinear. So a coordinate means the shortest decimal that names its float (its `repr`), and
the answer is that of decimal arithmetic. Floats decide when their error cannot matter, fractions otherwise.
"""

from fractions import Fraction
from typing import Final

_ROUNDING: Final = 1e-12
"""Degrees: far above the error of a float coordinate (3e-14 to 6e-14 below 720) times the few uses of it."""


def exact(degrees: float) -> Fraction:
    """Return the decimal a coordinate was written as."""
    return Fraction(repr(float(degrees)))


def shifted(degrees: float, turns: int) -> float:
    """Return the float nearest to the decimal coordinate plus whole turns of 360 degrees."""
    return degrees if turns == 0 else float(exact(degrees) + 360 * turns)


def filter_limit(dx: float, dy: float, reach: float = 720.0) -> float:
    """Return below which |cross product| floats cannot tell the side of a point.

    `dx`, `dy`: the line's extent in degrees; `reach`: how far the point may be from the line's start.
    """
    return 1.5e-14 * reach + _ROUNDING * (abs(dx) + abs(dy))


def side(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> int:
    """Return 1 when p is left of the line a -> b, -1 right, 0 exactly on it."""
    dx, dy, qx, qy = bx - ax, by - ay, px - ax, py - ay
    cross = dx * qy - dy * qx
    limit = _ROUNDING * (abs(dx) + abs(dy) + abs(qx) + abs(qy))
    if cross > limit:
        return 1
    if cross < -limit:
        return -1
    return exact_side(exact(ax), exact(ay), exact(bx), exact(by), exact(px), exact(py))


def exact_side(ax: Fraction, ay: Fraction, bx: Fraction, by: Fraction, px: Fraction, py: Fraction) -> int:
    """As `side`, in fractions throughout."""
    cross = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    return (cross > 0) - (cross < 0)
