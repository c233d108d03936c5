"""The ways to build the same system that a plan compares: each a shape of stream, consumers and stores.

All of them keep the latest position and the presence of every truck, send alerts, and archive every position.
"""

from typing import Final

import msgspec

from truckstream.core.plan.question import LONGEST_WINDOW_S, Format, Question

AWS_BATCH: Final = 100
"""Records of a batch unless one says otherwise (Lambda's default for Kinesis)."""

LARGEST_BATCH: Final = 10_000
SHORTEST_WINDOW_S: Final = 1.0
"""Lambda asks each shard once a second: without a window a batch is what came since."""


class Shape(msgspec.Struct, frozen=True):
    """One way to build it.

    `dashboard_window_s`, `geofence_window_s`, `archive_window_s`: how long each consumer gathers a batch.
    `per_position`: every position is read and written for itself, none together with others of its truck.
    `firehose`: Firehose writes the archive. `trackers`: Amazon Location keeps the latest positions.
    """

    name: str
    title: str
    says: str
    format: Format
    dashboard_window_s: float
    geofence_window_s: float
    archive_window_s: float
    batch_records: int = LARGEST_BATCH
    stream_on_demand: bool = False
    per_position: bool = False
    compacted: bool = True
    firehose: bool = False
    trackers: bool = False


def shapes(question: Question) -> tuple[Shape, ...]:
    """Return the shapes to compare; the second is truckstream's own."""
    window_s = min(question.write_every_s, LONGEST_WINDOW_S)
    own = Shape(
        "truckstream",
        "truckstream",
        "positions share records, a truck's positions share a read and a write, files are compacted",
        question.format,
        max(window_s, SHORTEST_WINDOW_S),
        max(question.alert_window_s, SHORTEST_WINDOW_S),
        max(question.archive_window_s, SHORTEST_WINDOW_S),
    )
    plain = Shape(
        "plain",
        "plain",
        f"one record per position, one write per position and store, batches of {AWS_BATCH}, no compaction",
        "json",
        SHORTEST_WINDOW_S,
        SHORTEST_WINDOW_S,
        SHORTEST_WINDOW_S,
        batch_records=AWS_BATCH,
        per_position=True,
        compacted=False,
    )
    replace = msgspec.structs.replace
    return (
        plain,
        own,
        replace(
            own,
            name="on-demand",
            title="on-demand",
            says="truckstream on a Kinesis stream in on-demand mode",
            stream_on_demand=True,
        ),
        replace(
            own,
            name="firehose",
            title="Firehose",
            says="truckstream, but Firehose writes the archive: it reads one JSON record per position only",
            format="json",
            firehose=True,
        ),
        replace(
            own,
            name="location",
            title="Location",
            says="truckstream, but Amazon Location trackers keep the latest positions; its geofences are not counted, "
            "nor its lower prices for large volumes",
            trackers=True,
        ),
    )
