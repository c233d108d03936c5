"""A small seeded generator for the fleet simulator: the same numbers on every machine and Python version.

splitmix64 (Steele, Lea and Flood, OOPSLA 2014), normals by Box-Muller. Not for secrets.
"""

import math

_MASK = (1 << 64) - 1
_GOLDEN_GAMMA = 0x9E3779B97F4A7C15


class Seeded:
    """A stream of numbers that depends on its key only."""

    __slots__ = ("_state",)

    def __init__(self, *key: int) -> None:
        """Start a stream; different keys give unrelated streams."""
        self._state = 0
        for part in key:
            self._state = (self._state ^ (part & _MASK)) & _MASK
            self._state = self.bits()

    def bits(self) -> int:
        """Return the next 64 bits."""
        self._state = (self._state + _GOLDEN_GAMMA) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def fraction(self) -> float:
        """Return a number in [0, 1)."""
        return (self.bits() >> 11) * 2.0**-53

    def between(self, low: float, high: float) -> float:
        """Return a number in [low, high)."""
        return low + (high - low) * self.fraction()

    def below(self, count: int) -> int:
        """Return an integer from 0 to count - 1."""
        return self.bits() % count

    def chance(self, probability: float) -> bool:
        """Say yes with this probability: 0 is never, 1 is always."""
        return self.fraction() < probability

    def normal(self) -> float:
        """Return a normal deviate, mean 0, deviation 1."""
        radius = math.sqrt(-2.0 * math.log(1.0 - self.fraction()))
        return radius * math.cos(2.0 * math.pi * self.fraction())
