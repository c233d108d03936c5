"""Commands that print what the stores hold: positions, alerts, transitions, stats, rejected, query.

What reads Parquet is imported by the commands that need it: the others start in a third of the time.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import typer

from truckstream.cli.backends import open_stores
from truckstream.cli.options import (
    DEFAULT_DATA,
    BackendOption,
    CsvOption,
    DataOption,
    FromOption,
    JsonOption,
    ToOption,
    TruckOption,
    instant_option,
)
from truckstream.cli.output import Column, choose, emit
from truckstream.core.alerts import alert_fields
from truckstream.core.instants import format_hour, format_instant
from truckstream.core.records import Position
from truckstream.local.stores import LocalStores

QUERY_EXAMPLE = 'Example: truckstream query "select truck_id, count(*) from positions group by truck_id" --csv'

_POSITION_COLUMNS = [
    Column("truck_id"),
    Column("timestamp"),
    Column("latitude", 7, True),
    Column("longitude", 7, True),
    Column("speed_kmh", None, True, "km/h"),
    Column("heading", None, True),
    Column("altitude_m", None, True, detail=True),
    Column("accuracy_m", None, True, detail=True),
    Column("fuel_level_pct", None, True, "fuel %"),
    Column("engine_status", label="engine"),
]
_ALERT_COLUMNS = [
    Column("timestamp"),
    Column("truck_id"),
    Column("alert_type", label="type"),
    Column("geofence_id", detail=True),
    Column("geofence_name", label="geofence"),
    Column("latitude", 7, True),
    Column("longitude", 7, True),
    Column("geofence_version", None, True, detail=True),
    Column("late"),
    Column("alert_id", detail=True),
]
_TRANSITION_COLUMNS = [Column("truck_id"), Column("geofence_id"), Column("event"), Column("timestamp")]
_STATS_COLUMNS = [
    Column("truck_id"),
    Column("hour"),
    Column("total_distance_km", 6, True, "km"),
    Column("average_speed_kmh", 4, True, "avg km/h"),
    Column("max_speed_kmh", 3, True, "max km/h"),
    Column("idle_time_minutes", 4, True, "idle min"),
    Column("coordinates_count", None, True, "positions"),
    Column("final"),
    Column("revision", None, True, detail=True),
    Column("driving_time_minutes", 4, True, detail=True),
    Column("gap_time_minutes", 4, True, detail=True),
]
_REJECTED_COLUMNS = [
    Column("shard_id", label="shard or source"),
    Column("sequence_number", None, True, "sequence"),
    Column("index", None, True),
    Column("arrival", detail=True),
    Column("reason"),
    Column("payload"),
]
# A table shows the start of a payload; --csv and --json show all of it.
_PAYLOAD_PREVIEW = 60


def position_row(position: Position) -> dict[str, object]:
    """Return a position under its wire names."""
    row: dict[str, object] = {
        "truck_id": position.truck_id,
        "timestamp": format_instant(position.timestamp_ms),
    }
    for name in position.__struct_fields__[2:]:
        row[name] = getattr(position, name)
    return row


def positions(
    data: DataOption = DEFAULT_DATA,
    truck: TruckOption = None,
    from_time: FromOption = None,
    to_time: ToOption = None,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
    backend: BackendOption = None,
) -> None:
    """Print the latest position of every truck."""
    from_ms, to_ms = instant_option("--from", from_time), instant_option("--to", to_time)
    with open_stores(data, backend) as stores:
        latest = (track.last for track in stores.positions.list())
        rows = (
            position_row(position)
            for position in latest
            if truck in (None, position.truck_id) and _within(position.timestamp_ms, from_ms, to_ms)
        )
        emit(_POSITION_COLUMNS, rows, choose(as_csv, as_json), empty="No positions yet.")


def alerts(
    data: DataOption = DEFAULT_DATA,
    truck: TruckOption = None,
    from_time: FromOption = None,
    to_time: ToOption = None,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
    backend: BackendOption = None,
) -> None:
    """Print the alerts raised live, with the geofence version that was valid then."""
    from_ms, to_ms = instant_option("--from", from_time), instant_option("--to", to_time)
    with open_stores(data, backend) as stores:
        found = stores.alerts.list(truck_id=truck, from_ms=from_ms, to_ms=to_ms)
        rows = (alert_fields(alert) for alert in found)
        emit(_ALERT_COLUMNS, rows, choose(as_csv, as_json), empty="No alerts yet.")


def transitions(
    data: DataOption = DEFAULT_DATA,
    truck: TruckOption = None,
    from_time: FromOption = None,
    to_time: ToOption = None,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
    backend: BackendOption = None,
) -> None:
    """Print every enter and exit of the current geofences over the whole archive, late data included."""
    from truckstream.consumers import answers

    from_ms, to_ms = instant_option("--from", from_time), instant_option("--to", to_time)
    with open_stores(data, backend) as stores:
        found = answers.transitions(stores, truck_id=truck, from_ms=from_ms, to_ms=to_ms)
        rows = (
            {
                "truck_id": event.truck_id,
                "geofence_id": event.geofence_id,
                "event": event.event,
                "timestamp": format_instant(event.timestamp_ms),
                "latitude": event.latitude,
                "longitude": event.longitude,
            }
            for event in found
        )
        emit(_TRANSITION_COLUMNS, rows, choose(as_csv, as_json), empty="No transitions.")


def stats(
    data: DataOption = DEFAULT_DATA,
    truck: TruckOption = None,
    from_time: FromOption = None,
    to_time: ToOption = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Compute everything anew from the archive.")] = False,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
    backend: BackendOption = None,
) -> None:
    """Print hourly statistics per truck, open hours included (final = false)."""
    from truckstream.consumers import answers

    from_ms, to_ms = instant_option("--from", from_time), instant_option("--to", to_time)
    with open_stores(data, backend) as stores:
        table = answers.hourly_statistics(stores, refresh=refresh).select(
            trucks=None if truck is None else {truck}, from_ms=from_ms, to_ms=to_ms
        )
        rows = (
            {"truck_id": row.truck_id, "hour": format_hour(row.hour_ms)}
            | {column.name: getattr(row, column.name) for column in _STATS_COLUMNS[2:]}
            for row in table.rows()
        )
        emit(_STATS_COLUMNS, rows, choose(as_csv, as_json), empty="No statistics for this selection.")


def rejected(
    data: DataOption = DEFAULT_DATA,
    truck: TruckOption = None,
    from_time: FromOption = None,
    to_time: ToOption = None,
    redrive: Annotated[
        bool,
        typer.Option("--redrive", help="Put the listed records on the stream again; the next run takes them."),
    ] = False,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
    backend: BackendOption = None,
) -> None:
    """Print the records set aside, with the reason (--from and --to: by arrival)."""
    from_ms, to_ms = instant_option("--from", from_time), instant_option("--to", to_time)
    form = choose(as_csv, as_json)
    with open_stores(data, backend) as stores:
        if not isinstance(stores, LocalStores):
            for lost in stores.collect_given_up().lost:
                print(f"warning: no longer on the stream: {lost}", file=sys.stderr)
        found = (
            record
            for record in stores.rejected.list(from_ms=from_ms, to_ms=to_ms)
            if truck in (None, record.partition_key)
        )
        if redrive:
            done = stores.redrive(list(found))
            typer.echo(
                f"{done.placed:,} records put on the stream again"
                + (f"; {done.refused:,} stay: no stream takes them, correct their source" if done.refused else "")
            )
            return

        def rows() -> Iterator[Mapping[str, object]]:
            for record in found:
                payload = record.payload.decode("utf-8", "backslashreplace")
                if form == "table" and len(payload) > _PAYLOAD_PREVIEW:
                    payload = payload[:_PAYLOAD_PREVIEW] + "..."
                yield {
                    "shard_id": record.shard_id,
                    "sequence_number": record.sequence_number,
                    "index": record.index,
                    "arrival": format_instant(record.arrival_ms),
                    "reason": record.reason,
                    "payload": payload,
                    "partition_key": record.partition_key,
                }

        emit(_REJECTED_COLUMNS, rows(), form, empty="No rejected records.")


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A SELECT over the tables positions and hourly_stats.")],
    data: DataOption = DEFAULT_DATA,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
    backend: BackendOption = None,
) -> None:
    """Run SQL over the archive: tables positions and hourly_stats, times in UTC."""
    with open_stores(data, backend) as stores:
        names, found = stores.query(sql)
        names = _distinct(names)
        columns = [Column(name) for name in names]
        rows = (dict(zip(names, row, strict=True)) for row in found)
        emit(columns, rows, choose(as_csv, as_json), empty="No rows.")
        if not isinstance(stores, LocalStores) and (cost := stores.analytics.last_cost):
            print(f"Athena read {cost.scanned_bytes:,} bytes: about {cost.usd:.6f} USD", file=sys.stderr)


def _within(instant_ms: int, from_ms: int | None, to_ms: int | None) -> bool:
    return (from_ms is None or instant_ms >= from_ms) and (to_ms is None or instant_ms < to_ms)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the column names with a number where a name comes again, so that no column hides another.

    >>> _distinct(["a", "b", "a"])
    ['a', 'b', 'a_2']
    """
    result: list[str] = []
    for name in names:
        fresh, number = name, 1
        while fresh in result or (number > 1 and fresh in names):
            number += 1
            fresh = f"{name}_{number}"
        result.append(fresh)
    return result
