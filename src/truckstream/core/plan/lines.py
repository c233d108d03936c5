"""One line of a bill: factors, a price, and the formula that anybody can compute again by hand."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from truckstream.core.plan.prices import Price, PriceList

Component = Literal[
    "stream", "functions", "latest positions", "geofences and alerts", "archive", "queries", "monitoring"
]

COMPONENTS: Final[tuple[Component, ...]] = (
    "stream",
    "functions",
    "latest positions",
    "geofences and alerts",
    "archive",
    "queries",
    "monitoring",
)


class Factor(msgspec.Struct, frozen=True):
    """A number of a formula, and what it counts."""

    value: float
    unit: str

    @property
    def text(self) -> str:
        """The number and its unit, precise enough to compute with."""
        return f"{number(self.value)} {self.unit}"


class Line(msgspec.Struct, frozen=True):
    """What one thing costs a month: the product of the factors, at a price."""

    component: Component
    item: str
    quantity: float
    usd: float
    formula: str
    price: str
    verified: bool


class Ledger:
    """Collects the lines of a bill."""

    def __init__(self, prices: PriceList) -> None:
        self._prices = prices
        self.lines: list[Line] = []

    def add(self, component: Component, item: str, price: str, factors: Sequence[tuple[float, str]]) -> None:
        """Add a line, unless it costs nothing."""
        quantity = 1.0
        for value, _ in factors:
            quantity *= value
        if quantity <= 0:
            return
        entry = self._prices[price]
        formula = " x ".join(Factor(value, unit).text for value, unit in factors)
        self.lines.append(
            Line(component, item, quantity, entry.of(quantity), f"{formula} {_at(entry)}", price, entry.verified)
        )


def _at(price: Price) -> str:
    per = "" if price.per == 1 else f"/ {price.per:,} "
    return f"{per}x ${price.usd:.10f}".rstrip("0").rstrip(".")


def number(value: float) -> str:
    """Return a number with at least five significant digits, thousands separated.

    >>> number(2628000), number(41149.5), number(33.333333), number(0.00046), number(4.0)
    ('2,628,000', '41,150', '33.333', '0.00046', '4')
    """
    if value == round(value) or abs(value) >= 100_000:
        return f"{value:,.0f}"
    digits = 0
    while abs(value) * 10**digits < 10_000 and digits < 16:
        digits += 1
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
