"""Work over the archive that takes a processor for seconds; the reports limit theirs in the same way."""

from truckstream.http.heavy import heavy

__all__ = ["heavy"]
