"""`truckstream geofences`: list, add, remove, import, export, test."""

import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from truckstream.cli.backends import backend_of, local_directory, open_stores
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
from truckstream.core.errors import Denied, InvalidInput, SourceUnreadable
from truckstream.core.geofences import Catalogue, Geofence, Imported, parse_geofences, to_geojson, to_json
from truckstream.core.instants import format_instant

app = typer.Typer(no_args_is_help=True, help="Manage geofences: named shapes with a rule.")

_COLUMNS = [
    Column("geofence_id"),
    Column("name"),
    Column("type"),
    Column("alert_on"),
    Column("active"),
    Column("version", None, True),
]
_EVENT_COLUMNS = [Column("truck_id"), Column("geofence_id"), Column("event"), Column("timestamp")]


def read_geofence_file(path: Path) -> Imported:
    """Return the geofences of a file (`-`: standard input); warnings go to standard error.

    Raises SourceUnreadable or InvalidGeofence naming the file.
    """
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except FileNotFoundError as error:
        raise SourceUnreadable(
            f"{path}: no such file", hint="Give a JSON array or a GeoJSON FeatureCollection."
        ) from error
    except PermissionError as error:
        raise Denied(f"{path}: permission denied", hint="Make the file readable for this user.") from error
    except OSError as error:
        raise SourceUnreadable(
            f"{path}: {error.strerror or error}", hint="Give the path of a geofence file."
        ) from error
    try:
        imported = parse_geofences(content)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error.message}", hint=error.hint) from error
    for warning in imported.warnings:
        print(f"warning: {path}: {warning}", file=sys.stderr)
    return imported


@app.command("list", epilog="Example: truckstream geofences list --json")
def list_geofences(
    data: DataOption = DEFAULT_DATA,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
    backend: BackendOption = None,
) -> None:
    """Print all geofences with their versions."""
    with open_stores(data, backend) as stores:
        rows = (
            {name: getattr(geofence, name) for name in ("geofence_id", "name", "type", "alert_on", "active", "version")}
            for geofence in stores.geofences.catalogue().geofences
        )
        emit(
            _COLUMNS,
            rows,
            choose(as_csv, as_json),
            empty="No geofences. Import some: truckstream geofences import FILE",
        )


@app.command("add", epilog="Example: truckstream geofences add depot.json")
def add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON of one or more geofences; - reads standard input.")
    ],
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Add geofences, or replace those with the same id."""
    _store(file, data, backend)


@app.command("import", epilog="Example: truckstream geofences import geofences.geojson")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="JSON array or GeoJSON FeatureCollection; - reads standard input."),
    ],
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Import a geofence file; all of it or, when one is wrong, none."""
    _store(file, data, backend)


@app.command("remove", epilog="Example: truckstream geofences remove warehouse-001")
def remove(
    geofence_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of geofences.")],
    data: DataOption = DEFAULT_DATA,
    backend: BackendOption = None,
) -> None:
    """Remove geofences; alerts raised by them stay in the log."""
    with open_stores(data, backend) as stores:
        removed = stores.geofences.remove(geofence_ids)
        for geofence_id in sorted(removed):
            typer.echo(f"removed {geofence_id}")
        missing = sorted(set(geofence_ids) - removed)
        if missing:
            raise InvalidInput(
                f"no such geofence: {', '.join(missing)}", hint="'truckstream geofences list' prints the ids."
            )


@app.command("export", epilog="Example: truckstream geofences export --geojson > geofences.geojson")
def export(
    data: DataOption = DEFAULT_DATA,
    geojson: Annotated[
        bool, typer.Option("--geojson", help="GeoJSON FeatureCollection instead of our JSON array.")
    ] = False,
    backend: BackendOption = None,
) -> None:
    """Print all geofences in a form that import reads back."""
    with open_stores(data, backend) as stores:
        geofences = stores.geofences.catalogue().geofences
        sys.stdout.write((to_geojson(geofences) if geojson else to_json(geofences)).decode() + "\n")


@app.command("test", epilog="Example: truckstream geofences test draft.json --from 2024-01-15")
def test(
    what: Annotated[
        str,
        typer.Argument(metavar="FILE|ID", help="A geofence file that is not stored yet, or the id of a stored one."),
    ],
    data: DataOption = DEFAULT_DATA,
    truck: TruckOption = None,
    from_time: FromOption = None,
    to_time: ToOption = None,
    as_csv: CsvOption = False,
    as_json: JsonOption = False,
    backend: BackendOption = None,
) -> None:
    """Say which alerts a geofence would have fired on the archived history. Nothing is stored or sent."""
    from truckstream.consumers import answers

    from_ms, to_ms = instant_option("--from", from_time), instant_option("--to", to_time)
    form = choose(as_csv, as_json)
    with open_stores(data, backend) as stores:
        stored = {geofence.geofence_id: geofence for geofence in stores.geofences.catalogue().geofences}
        candidates = [stored[what]] if what in stored else read_geofence_file(Path(what)).geofences
        events = answers.would_fire(
            stores, Catalogue(1, tuple(candidates)), truck_id=truck, from_ms=from_ms, to_ms=to_ms
        )
        counts: Counter[tuple[str, str]] = Counter()
        rows = []
        for event in events:
            counts[event.geofence_id, event.event] += 1
            if form != "table":
                rows.append(
                    {
                        "truck_id": event.truck_id,
                        "geofence_id": event.geofence_id,
                        "event": event.event,
                        "timestamp": format_instant(event.timestamp_ms),
                        "latitude": event.latitude,
                        "longitude": event.longitude,
                    }
                )
        if form != "table":
            emit(_EVENT_COLUMNS, rows, form, empty="")
            return
        for geofence in candidates:
            typer.echo(_summary(geofence, counts))


def _summary(geofence: Geofence, counts: Counter[tuple[str, str]]) -> str:
    kinds: tuple[Literal["enter", "exit", "dwell", "speeding"], ...] = ("enter", "exit", "dwell", "speeding")
    found = {kind: counts[geofence.geofence_id, kind] for kind in kinds if counts[geofence.geofence_id, kind]}
    total = sum(found.values())
    parts = ", ".join(f"{kind} {count:,}" for kind, count in found.items())
    return f"{geofence.geofence_id}: would have fired {total:,} times" + (f" ({parts})" if parts else "")


def _store(file: Path, data: Path, backend: str | None) -> None:
    imported = read_geofence_file(file)
    if backend_of(backend) == "local":
        local_directory(data, "local", must_exist=False).create()
    with open_stores(data, backend) as stores:
        before = {geofence.geofence_id: geofence.version for geofence in stores.geofences.catalogue().geofences}
        after = {
            geofence.geofence_id: geofence.version for geofence in stores.geofences.put(imported.geofences).geofences
        }
    ids = [geofence.geofence_id for geofence in imported.geofences]
    added = sum(1 for geofence_id in ids if geofence_id not in before)
    changed = sum(1 for geofence_id in ids if geofence_id in before and after[geofence_id] != before[geofence_id])
    typer.echo(f"{added:,} added, {changed:,} changed, {len(ids) - added - changed:,} unchanged")
