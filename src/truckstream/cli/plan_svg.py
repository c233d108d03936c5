"""The picture of a plan: what a month costs against fleet size, log axes, as SVG for light and dark pages."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final
from xml.sax.saxutils import escape

from truckstream.cli.plan_view import money
from truckstream.core.plan import Measured, Plan, PriceList, cost_by_fleet

WIDTH: Final = 960
HEIGHT: Final = 600
LEFT: Final = 108
RIGHT: Final = 772
TOP: Final = 112
BOTTOM: Final = 502
SMALLEST: Final = 100
LARGEST: Final = 1_000_000
_STEPS: Final = 12
"""Points of each line per factor of ten."""

_LABEL_PX: Final = 36

# Colours that keep their distance for every kind of colour vision (Okabe and Ito), lighter where the page is dark.
_COLOURS: Final = {
    "plain": ("#6b7280", "#9ca3af"),
    "truckstream": ("#00805f", "#2dd4a4"),
    "on-demand": ("#0072b2", "#62b6ef"),
    "firehose": ("#b45f06", "#f0a04b"),
    "location": ("#a8327d", "#e38ac4"),
}

_STYLE: Final = """
text { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-size: 14px; fill: var(--ink); }
.page { fill: var(--page); }
.title { font-size: 22px; font-weight: 650; }
.aside, .tick, .foot { fill: var(--soft); }
.aside { font-size: 14px; }
.tick { font-size: 13px; }
.foot { font-size: 12px; }
.grid { stroke: var(--grid); stroke-width: 1; }
.here { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 4; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.own { stroke-width: 4; }
.name { font-weight: 600; }
.cost { font-size: 13px; }
.dot { stroke: var(--page); stroke-width: 2; }
.link { fill: none; stroke-width: 1; opacity: .5; }
"""


def draw(plan: Plan, measured: Measured, prices: PriceList) -> str:
    """Return the picture of a plan's shapes over all fleet sizes; the same plan always gives the same text."""
    fleets = _fleets(plan.question.trucks)
    costs = cost_by_fleet(plan.question, fleets, measured, prices)
    bottom = math.floor(math.log10(min(map(min, costs.values()))))
    top = math.ceil(math.log10(max(map(max, costs.values()))))

    def x(trucks: float) -> float:
        low, high = math.log10(fleets[0]), math.log10(fleets[-1])
        return LEFT + (math.log10(trucks) - low) / (high - low) * (RIGHT - LEFT)

    def y(usd: float) -> float:
        return BOTTOM - (math.log10(usd) - bottom) / (top - bottom) * (BOTTOM - TOP)

    parts = [
        _head(plan),
        f"<style>{_colours()}{_STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="12"/>',
    ]
    parts += _titles(plan, prices)
    for power in range(bottom, top + 1):
        at = y(10.0**power)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{LEFT - 12}" y="{at + 4.5:.1f}" text-anchor="end">{_dollars(power)}</text>'
        )
    for power in range(math.ceil(math.log10(fleets[0])), math.floor(math.log10(fleets[-1])) + 1):
        at = x(10.0**power)
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{BOTTOM}"/>')
        parts.append(f'<text class="tick" x="{at:.1f}" y="{BOTTOM + 24}" text-anchor="middle">{10**power:,}</text>')
    parts.append(
        f'<text class="aside" x="{(LEFT + RIGHT) / 2:.1f}" y="{BOTTOM + 48}" text-anchor="middle">trucks</text>'
    )
    here = plan.question.trucks
    parts.append(f'<line class="here" x1="{x(here):.1f}" x2="{x(here):.1f}" y1="{TOP}" y2="{BOTTOM}"/>')
    parts.append(f'<text class="tick" x="{x(here):.1f}" y="{TOP - 10}" text-anchor="middle">{_trucks(here)}</text>')
    parts.append(f'<text class="tick" x="{RIGHT + 24}" y="{TOP - 10}">at {_trucks(here)}</text>')
    names = [each.shape.name for each in plan.shapes]
    for name in sorted(names, key=lambda name: name == "truckstream"):  # the own line lies on top
        points = " ".join(f"{x(trucks):.1f},{y(usd):.1f}" for trucks, usd in zip(fleets, costs[name], strict=True))
        kind = "line own" if name == "truckstream" else "line"
        parts.append(f'<polyline class="{kind}" style="stroke:var(--{name})" points="{points}"/>')
    for each in sorted(plan.shapes, key=lambda each: each.shape.name == "truckstream"):
        fill = f"fill:var(--{each.shape.name})"
        parts.append(f'<circle class="dot" style="{fill}" cx="{x(here):.1f}" cy="{y(each.usd):.1f}" r="5"/>')
    ends = [y(costs[name][-1]) for name in names]
    for each, end, at in zip(plan.shapes, ends, _spread(ends), strict=True):
        name = each.shape.name
        parts.append(
            f'<path class="link" style="stroke:var(--{name})" d="M{RIGHT + 3} {end:.1f} L{RIGHT + 18} {at:.1f}"/>'
        )
        fill = f"fill:var(--{name})"
        parts.append(f'<text class="name" style="{fill}" x="{RIGHT + 24}" y="{at - 2:.1f}">{_title(name)}</text>')
        parts.append(f'<text class="cost" x="{RIGHT + 24}" y="{at + 14:.1f}">{money(each.usd)} a month</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _fleets(trucks: int) -> tuple[int, ...]:
    low = min(SMALLEST, 10 ** math.floor(math.log10(trucks)))
    high = max(LARGEST, 10 ** math.ceil(math.log10(trucks)))
    count = round(math.log10(high / low) * _STEPS)
    return tuple(sorted({round(low * 10 ** (place / _STEPS)) for place in range(count + 1)}))


def _spread(places: Sequence[float]) -> list[float]:
    """Move labels apart that would overlap, as little as it takes, within the picture."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for _ in range(200):
        for above, below in pairwise(order):
            overlap = _LABEL_PX - (moved[below] - moved[above])
            if overlap > 0:
                moved[above] -= overlap / 2
                moved[below] += overlap / 2
        moved = [min(max(place, TOP + 4), BOTTOM - 6) for place in moved]
    return moved


def _head(plan: Plan) -> str:
    label = escape(f"Monthly cost of five shapes against fleet size; {_trucks(plan.question.trucks)} marked")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label="{label}">\n<title>{label}</title>'
    )


def _titles(plan: Plan, prices: PriceList) -> list[str]:
    question = plan.question
    gathered_s = question.every_s + (question.frame_s if question.format != "json" else 0.0)
    subtitle = (
        f"A position every {question.every_s:g} s; truckstream writes it every {question.write_every_s:g} s and "
        f"alerts within {gathered_s + question.alert_window_s:g} s"
    )
    foot = (
        f"List prices of {prices.region}, {prices.compiled}, without free tiers, discounts and data transfer. "
        "Location rests on an unverified price."
    )
    return [
        '<text class="title" x="32" y="44">What a month on AWS costs, by fleet size</text>',
        f'<text class="aside" x="32" y="70">{escape(subtitle)}</text>',
        f'<text class="foot" x="32" y="{HEIGHT - 20}">{escape(foot)}</text>',
    ]


def _colours() -> str:
    light = "".join(f" --{name}: {one};" for name, (one, _) in _COLOURS.items())
    dark = "".join(f" --{name}: {other};" for name, (_, other) in _COLOURS.items())
    return (
        f"\nsvg {{ --page: #ffffff; --ink: #1f2933; --soft: #5b6875; --grid: #e6eaee;{light} }}\n"
        f"@media (prefers-color-scheme: dark) {{\n"
        f"svg {{ --page: #14191f; --ink: #e8edf2; --soft: #9aa7b4; --grid: #2a323b;{dark} }}\n}}"
    )


def _title(name: str) -> str:
    return {
        "plain": "plain",
        "truckstream": "truckstream",
        "on-demand": "on-demand stream",
        "firehose": "Firehose archive",
        "location": "Location trackers",
    }[name]


def _trucks(count: int) -> str:
    return f"{count:,} truck{'s' if count != 1 else ''}"


def _dollars(power: int) -> str:
    if power < 0:
        return f"${10.0**power:.{-power}f}"
    return f"${10 ** (power - 6):,} M" if power >= 6 else f"${10**power:,}"
