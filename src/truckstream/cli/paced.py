"""A file of positions as a live feed: its rows become due at their own pace. Standard input is due at once."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path

from truckstream.cli.feeding import rejected_row
from truckstream.cli.sources import RefusedRow, open_source
from truckstream.core.errors import TruckstreamError
from truckstream.ports import OutgoingRecord, RejectedRecord

# Chunks read ahead of standard input: bounds memory, and slows the writer down when we are slower.
_CHUNKS_AHEAD = 16
_MOST_ROWS = 20_000

type Row = OutgoingRecord | RefusedRow


class PacedSource:
    """Rows of one source as time passes; the first is due at the first `tick`."""

    def __init__(self, path: Path) -> None:
        self._source = open_source(path)
        self._live = str(path) == "-"
        self._rows = self._read_ahead() if self._live else self._all_rows()
        self._held: Row | None = None
        self._origin: tuple[int, int] | None = None

    def close(self) -> None:
        """Close the file."""
        if not self._live:
            self._source.close()

    def tick(self, now_ms: int) -> tuple[list[OutgoingRecord], list[RejectedRecord]]:
        """Return the records due by `now_ms` and the rows refused on the way.

        Raises SourceUnreadable when the file cannot be read further.
        """
        records: list[OutgoingRecord] = []
        refused: list[RejectedRecord] = []
        while len(records) + len(refused) < _MOST_ROWS:
            row = self._held if self._held is not None else next(self._rows, None)
            self._held = None
            if row is None:
                break
            if isinstance(row, RefusedRow):
                refused.append(rejected_row(self._source.name, row))
            elif self._live:
                records.append(OutgoingRecord(row.partition_key, row.data))
            elif self._due(row.arrival_ms or 0, now_ms):
                records.append(row)
            else:
                self._held = row
                break
        return records, refused

    def _due(self, arrival_ms: int, now_ms: int) -> bool:
        if self._origin is None:
            self._origin = now_ms, arrival_ms
        return arrival_ms - self._origin[1] <= now_ms - self._origin[0]

    def _all_rows(self) -> Iterator[Row | None]:
        for chunk in self._source.chunks():
            yield from chunk

    def _read_ahead(self) -> Iterator[Row | None]:
        """Yield what has come in; None while nothing is there."""
        chunks: queue.Queue[list[Row] | TruckstreamError | None] = queue.Queue(_CHUNKS_AHEAD)

        def read() -> None:
            try:
                for chunk in self._source.chunks():
                    chunks.put(list(chunk))
                chunks.put(None)
            except TruckstreamError as error:
                chunks.put(error)

        threading.Thread(target=read, name="standard-input", daemon=True).start()
        while True:
            try:
                chunk = chunks.get_nowait()
            except queue.Empty:
                yield None
                continue
            if chunk is None:
                return
            if isinstance(chunk, TruckstreamError):
                raise chunk
            yield from chunk
