"""Rows to Parquet bytes and back, no I/O: with PyArrow where it is installed, else with arro3 (Lambda).

Both make the same files from one declaration (`schema`) and read each other's.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING or find_spec("pyarrow") is not None:
    from truckstream.parquet.with_pyarrow import PyarrowFormat as ParquetFormat
else:
    from truckstream.parquet.with_arro3 import Arro3Format as ParquetFormat

__all__ = ["ParquetFormat"]
