"""Options that several commands share, and how their texts become values."""

import math
from pathlib import Path
from typing import Annotated

import typer

from truckstream.core.errors import InvalidSetting
from truckstream.core.instants import parse_instant

DEFAULT_DATA = Path("truckstream-data")

DataOption = Annotated[
    Path,
    typer.Option("--data", metavar="DIR", help="Data directory of the local backend.", show_default=True),
]
BackendOption = Annotated[
    str | None,
    typer.Option(
        "--backend",
        metavar="local|aws",
        help="Where the data is; default from TRUCKSTREAM_BACKEND, else local.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV.")]
TruckOption = Annotated[str | None, typer.Option("--truck", metavar="ID", help="Only this truck.")]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="From this instant on: 2024-01-15T10:30:00Z or 2024-01-15."),
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this instant.")]
OutlierOption = Annotated[
    float | None,
    typer.Option(
        "--outlier-speed",
        metavar="KMH",
        min=0,
        help="Set positions aside that need a higher speed; 0 = off. Kept with the data directory (200 at first).",
    ),
]


def instant_option(name: str, value: str | None) -> int | None:
    """Return the milliseconds of an instant or a UTC date given on the command line.

    Raises InvalidSetting naming the option.
    """
    if value is None:
        return None
    try:
        return parse_instant(value + "T00:00:00Z" if len(value) == 10 else value)
    except ValueError as error:
        raise InvalidSetting(
            f"{name}: {error}",
            hint="Write it as 2024-01-15T10:30:00Z (with an offset) or as 2024-01-15 (UTC).",
        ) from error


def speed_option(value: str) -> float:
    """Return the replay speed, times real time; infinity for `max`. Raises InvalidSetting.

    >>> speed_option("max"), speed_option("10")
    (inf, 10.0)
    """
    if value == "max":
        return math.inf
    try:
        speed = float(value)
    except ValueError:
        speed = -1.0
    if not (0 < speed < math.inf):
        raise InvalidSetting(f"--speed {value!r}", hint="Give a number above 0 (1 = as it happened) or the word max.")
    return speed
