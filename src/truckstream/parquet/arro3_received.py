"""Received positions to a Parquet file with arro3 alone: no NumPy, for the live archive function."""

from operator import itemgetter

from truckstream.core.records import Position, ReceivedPositions
from truckstream.parquet import arro3_file as file
from truckstream.parquet.schema import DECIMALS

_by_identity_and_delivery = itemgetter(0, 1, 2, 3)


def write_received(rows: ReceivedPositions) -> bytes:
    """Return a file of all these positions, by truck, time, sequence number and index."""
    keyed: list[tuple[str, int, int, int, int, Position]] = [
        (position.truck_id, position.timestamp_ms, sequence, index, arrival_ms, position)
        for position, sequence, index, arrival_ms in zip(
            rows.positions, rows.sequence_numbers, rows.indexes, rows.arrivals_ms, strict=True
        )
    ]
    keyed.sort(key=_by_identity_and_delivery)
    positions = [row[5] for row in keyed]
    return file.write(
        {
            "truck_id": file.texts([row[0] for row in keyed]),
            "timestamp": file.integers("timestamp", [row[1] for row in keyed]),
            **{
                column.name: file.decimals(column.name, [getattr(position, column.name) for position in positions])
                for column in DECIMALS
            },
            "engine_status": file.texts([position.engine_status for position in positions]),
            "sequence_number": file.texts([f"{row[2]:056d}" for row in keyed]),
            "record_index": file.integers("record_index", [row[3] for row in keyed]),
            "arrival": file.integers("arrival", [row[4] for row in keyed]),
        }
    )
