"""A plan on the terminal: tables that fit 80 columns, bars, and every line of the bill with its formula."""

import math
import sys
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from truckstream.core.plan import COMPONENTS, Measured, Plan, Planned, PriceList, as_tfvars, cost_by_fleet

FLEETS: Final = (1_000, 10_000, 100_000, 1_000_000)
_PIPE_WIDTH: Final = 100
_STYLES: Final = {
    "plain": "bright_black",
    "truckstream": "green",
    "on-demand": "cyan",
    "firehose": "yellow",
    "location": "magenta",
}
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_FORMAT_NAMES: Final = {"json": "one JSON record each", "frames": "gzip frames", "kpl": "KPL records"}


def show(plan: Plan, measured: Measured, prices: PriceList, formulas: Sequence[str]) -> None:
    """Print a plan; `formulas`: the shapes whose bill is printed line by line."""
    console = Console(highlight=False) if sys.stdout.isatty() else Console(width=_PIPE_WIDTH, highlight=False)
    _say_load(console, plan)
    _say_limits(console, plan.own)
    _say_functions(console, plan)
    _say_bill(console, plan, prices)
    _say_fleets(console, plan, measured, prices)
    _say_intervals(console, plan)
    for name in formulas:
        _say_formulas(console, plan.shape(name))
    _heading(console, "To deploy it", "terraform.tfvars")
    console.print(as_tfvars(plan.terraform_variables), soft_wrap=False)
    _say_prices(console, plan, measured, prices)
    for note in plan.notes:
        console.print(Text("! ", "bold yellow").append(note, "default"), soft_wrap=False)


def money(usd: float) -> str:
    """Return an amount as it reads best: cents when small, thousands when large.

    >>> money(0.5), money(99.4), money(12345.6), money(2632495)
    ('$0.50', '$99', '$12,346', '$2.63 M')
    """
    if usd < 10:
        return f"${usd:.2f}"
    return f"${usd:,.0f}" if usd < 1_000_000 else f"${usd / 1e6:,.2f} M"


def short(value: float) -> str:
    """Return a number with three significant digits, or all digits before the point.

    >>> short(0.00731), short(4.0), short(200000), short(525600000)
    ('0.00731', '4', '200,000', '526 million')
    """
    for scale, name in ((1e9, "billion"), (1e6, "million")):
        if abs(value) >= max(scale, 1e7):
            return f"{value / scale:,.{max(0, 2 - math.floor(math.log10(abs(value) / scale)))}f} {name}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _table(*columns: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading, justify in columns:
        table.add_column(heading, justify="right" if justify == "right" else "left", no_wrap=True)
    return table


def _heading(console: Console, text: str, aside: str = "") -> None:
    console.print()
    console.print(Text(text, "bold").append(f"  {aside}" if aside else "", "dim"))


def _say_load(console: Console, plan: Plan) -> None:
    question, load = plan.question, plan.own.load
    trucks = f"{question.trucks:,} truck{'s' if question.trucks != 1 else ''}"
    console.print(Text(f"{trucks}, a position every {question.every_s:g} s", "bold"))
    each = load.positions_per_record
    frame = "" if question.format == "json" else f" of {short(each)} position{'s' if each != 1 else ''}"
    console.print(
        f"{short(load.positions_per_s)} positions/s, {short(load.positions_per_s * 2_628_000)} a month, as "
        f"{_FORMAT_NAMES[question.format]}{frame}:\n"
        f"{short(load.records_per_s)} records/s of {short(load.record_bytes)} bytes, "
        f"{short(load.bytes_per_s)} bytes/s"
    )


def _say_limits(console: Console, own: Planned) -> None:
    _heading(console, "Stream")
    table = _table(("limit of a shard", "left"), ("needed", "right"), ("", "left"), ("shards", "right"))
    for limit in own.capacity.limits:
        needed = f"{short(limit.needed)} of {short(limit.per_shard)}" if "reads" in limit.name else short(limit.needed)
        shards = "any" if limit.name.startswith("5 reads") else f"{limit.shards:.2f}"
        if math.isinf(limit.shards):
            shards = "none will do"
        style = "bold" if limit.name == own.capacity.binding else ""
        table.add_row(limit.name, needed, limit.unit, shards, style=style)
    console.print(table)
    count = own.capacity.shards
    console.print(f"=> {count:,} shard{'s' if count != 1 else ''}; the limit that binds: {own.capacity.binding}")


def _say_functions(console: Console, plan: Plan) -> None:
    aside = f"{plan.question.memory_mb:,} MB, arm64; parallelization factor {plan.own.capacity.parallelization}"
    _heading(console, "Functions", aside)
    table = _table(
        ("consumer", "left"),
        ("batch", "right"),
        ("positions", "right"),
        ("takes", "right"),
        ("at once", "right"),
        ("GB-s/s", "right"),
    )
    for function in plan.own.capacity.functions:
        table.add_row(
            function.name,
            f"{function.window_s:g} s",
            short(function.positions_per_invocation),
            f"{function.invocation_s:.3g} s",
            f"{function.lanes:,}",
            f"{function.gb_s_per_s:.3g}",
        )
    console.print(table)


def _say_bill(console: Console, plan: Plan, prices: PriceList) -> None:
    _heading(console, "A month in US dollars", f"list prices of {prices.region}, {prices.compiled}; * not verified")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("", no_wrap=True)
    for each in plan.shapes:
        table.add_column(each.shape.title, justify="right", no_wrap=True, style=_STYLES[each.shape.name])
    for component in COMPONENTS:
        amounts = [each.by_component[component] for each in plan.shapes]
        if any(amounts):
            table.add_row(component, *(_amount(each, component) for each in plan.shapes))
    totals = [Text(_amount(each), "bold") for each in plan.shapes]
    table.add_row(Text("total", "bold"), *totals)
    own = plan.own.usd
    table.add_row(
        Text("against truckstream", "dim"), *(Text(f"{each.usd / own:,.1f} x", "dim") for each in plan.shapes)
    )
    console.print(table)
    for each in plan.shapes:
        console.print(Text(f"{each.shape.title}: ", _STYLES[each.shape.name]).append(each.shape.says, "dim"))


def _amount(planned: Planned, component: str = "") -> str:
    """Return a sum, with a mark when more than a hundredth of it rests on prices that were not verified."""
    lines = [line for line in planned.lines if component in ("", line.component)]
    usd = sum(line.usd for line in lines)
    if not usd:
        return "-"
    return money(usd) + ("*" if sum(line.usd for line in lines if not line.verified) > usd / 100 else "")


def _say_fleets(console: Console, plan: Plan, measured: Measured, prices: PriceList) -> None:
    fleets = tuple(sorted({*FLEETS, plan.question.trucks}))
    costs = cost_by_fleet(plan.question, fleets, measured, prices)
    low = math.floor(math.log10(min(map(min, costs.values()))))
    high = math.log10(max(map(max, costs.values())))
    room = max(10, min(60, console.width - 36))
    _heading(console, "Cost against fleet size", "log scale")
    for place, trucks in enumerate(fleets):
        mark = " <" if trucks == plan.question.trucks else ""
        console.print(Text(f"{trucks:,} truck{'s' if trucks != 1 else ''}{mark}", "bold" if mark else ""))
        for each in plan.shapes:
            usd = costs[each.shape.name][place]
            length = (math.log10(usd) - low) / (high - low) * room
            line = Text(f"  {each.shape.title:<12} ")
            line.append(_bar(length), _STYLES[each.shape.name])
            line.append(f" {money(usd)}", "bold" if each.shape.name == "truckstream" else "")
            console.print(line, no_wrap=True)


def _bar(length: float) -> str:
    whole, rest = divmod(max(1, round(length * 8)), 8)
    return "█" * whole + (_EIGHTHS[rest] if rest else "")


def _say_intervals(console: Console, plan: Plan) -> None:
    _heading(console, "Write interval", "truckstream with --write-every and --alert-window at so much")
    table = _table(
        ("every", "right"),
        ("position at most", "right"),
        ("alert within", "right"),
        ("a month", "right"),
        ("plain costs", "right"),
    )
    for each in plan.intervals:
        table.add_row(
            f"{each.write_every_s:g} s",
            f"{each.staleness_s:g} s old",
            f"{each.alert_delay_s:g} s",
            money(each.usd),
            f"{each.plain_ratio:.1f} x",
            style="bold" if each.write_every_s == plan.question.write_every_s else "",
        )
    console.print(table)


def _say_formulas(console: Console, planned: Planned) -> None:
    _heading(console, f"Formulas: {planned.shape.title}", "a month has 730 h; * rests on an unverified price")
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold", style="dim")
    for component in COMPONENTS:
        lines = [line for line in planned.lines if line.component == component]
        if lines:
            table.add_row(Text(component, "bold"), Text(f"{planned.by_component[component]:,.2f}", "bold"), "")
        for line in lines:
            table.add_row(f"  {line.item}{'' if line.verified else '*'}", f"{line.usd:,.2f}", line.formula)
    table.add_row(Text("total", "bold"), Text(f"{planned.usd:,.2f}", "bold"), "")
    console.print(table)


def _say_prices(console: Console, plan: Plan, measured: Measured, prices: PriceList) -> None:
    used = {line.price for each in plan.shapes for line in each.lines}
    unverified = sorted(name for name in used if not prices[name].verified)
    _heading(console, "What it rests on")
    console.print(
        f"Prices: {len(used)} used, {len(unverified)} of them unverified"
        + (f" ({', '.join(unverified)})" if unverified else "")
        + ". Sources: --json. No free tier, discount or data transfer; not what comes before the stream (AWS IoT "
        "charges every message), nor what people look at (while open, `web` reads 20 units/s per 1,000 trucks, 250 at "
        "most).\n"
        f"Functions: CPU measured {measured.measured} by `{measured.command}`, times {plan.question.cpu_factor:g} "
        "for Lambda's.",
        style="dim",
    )
