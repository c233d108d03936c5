"""Files of positions as records for the stream: CSV, NDJSON, Parquet and GPX, plain or gzip.

Rows go in file order, memory stays flat, and a row that cannot become a record is passed on as it is (the
consumers set it aside with its reason) or, when it could never be on a stream, handed back as `RefusedRow`.
"""

from truckstream.cli.sources.files import check_sources, open_source
from truckstream.cli.sources.rows import RefusedRow, Source

__all__ = ["RefusedRow", "Source", "check_sources", "open_source"]
