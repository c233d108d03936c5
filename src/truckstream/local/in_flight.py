"""What an event source mapping holds of each shard between polls: the batch in flight, and the next one."""

from collections import deque
from collections.abc import Sequence

from truckstream.ports import StreamRecord


class Piece:
    """A batch, or what is left of it after splitting. `through`: delivered up to here once it succeeds."""

    __slots__ = ("failure", "given_up", "records", "through", "tries")

    def __init__(self, records: Sequence[StreamRecord], through: int, tries: int = 0) -> None:
        self.records = records
        self.through = through
        self.tries = tries
        self.given_up = False
        self.failure = ""

    def split(self, place: int) -> tuple["Piece", "Piece"]:
        """Cut before the record at `place`. Splitting is not a try."""
        left, right = self.records[:place], self.records[place:]
        return (
            Piece(left, left[-1].sequence_number, self.tries),
            Piece(right, self.through, self.tries),
        )


class ShardState:
    """Where the consumer is in one shard. `position`: everything up to here is delivered or set aside."""

    def __init__(self, shard_id: str, position: int) -> None:
        self.shard_id = shard_id
        self.position = position
        self.saved_position = position
        self.gathered: list[StreamRecord] = []
        self.full = False
        self._sized, self._bytes = 0, 0  # how many of the gathered were added up, and to what
        self.window_opened_ms: int | None = None
        self.pieces: deque[Piece] = deque()
        self.failures_in_a_row = 0
        self.due_ms = 0
        self.error: Exception | None = None

    def fitting(self, records: Sequence[StreamRecord], max_batch_bytes: int) -> Sequence[StreamRecord]:
        """Return those of the next records that go into the batch with the gathered ones; note when it is full.

        Sizes are added up here only: most batches are gathered at one go, and then the stream has looked.
        """
        self._bytes += sum(len(record.data) for record in self.gathered[self._sized :])
        self._sized = len(self.gathered)
        room = max_batch_bytes - self._bytes
        for place, record in enumerate(records):
            room -= len(record.data)
            if room < 0:
                self.full = True
                return records[:place]
        return records

    def take_gathered(self) -> None:
        """Make a piece of the records gathered."""
        self.pieces.append(Piece(self.gathered, self.gathered[-1].sequence_number))
        self.gathered, self._sized, self._bytes = [], 0, 0
        self.full, self.window_opened_ms = False, None

    def move_on(self, position: int) -> None:
        """Note progress: the next try comes at once."""
        self.position = position
        self.failures_in_a_row = self.due_ms = 0
        self.error = None
