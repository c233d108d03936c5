"""The data files of `truckstream plan`: list prices, and what was measured of the functions."""

import tomllib
from functools import cache
from importlib.resources import files

import msgspec

from truckstream.core.plan import Measured, PriceList

_DATA = files("truckstream.cli") / "data"


@cache
def prices() -> PriceList:
    """Return the list prices that come with this version."""
    return msgspec.convert(tomllib.loads((_DATA / "prices.toml").read_text()), PriceList)


@cache
def measured() -> Measured:
    """Return the measured figures that come with this version."""
    return msgspec.json.decode((_DATA / "measured.json").read_text(), type=Measured)
