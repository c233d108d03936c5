"""Every table that can be exported: its columns, its rows, and what the file says about itself."""

from collections.abc import Callable, Iterator, Sequence
from types import NoneType, UnionType
from typing import Any, Final, Literal, NamedTuple, get_args, get_type_hints

import msgspec

from truckstream.core.errors import InvalidInput
from truckstream.core.instants import format_instant
from truckstream.reports import answers, overview
from truckstream.reports.period import Period, local_text
from truckstream.reports.quality import gap_rows, quality
from truckstream.reports.reader import Filter, Look, Reader
from truckstream.reports.rows import ListRows, Rows, each

Kind = Literal["text", "instant", "local", "number", "whole", "flag"]

_INSTANTS: Final = frozenset({"hour", "start", "end", "arrive", "leave", "timestamp"})
_ABOUT: Final = frozenset({"truck_id", "date", "hours"})
_NAMES_SHOWN: Final = 20


class Column(NamedTuple):
    """A column: its name says what it is and in which unit."""

    name: str
    kind: Kind


class Table(NamedTuple):
    """Rows in parts, each a list of cells as `columns` says. `about`: what the file is, as pairs of words."""

    name: str
    columns: list[Column]
    parts: Iterator[list[list[Any]]]
    about: list[tuple[str, str]]
    row_count: int


class RoutePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A position of a route; `gap` true: the truck was silent for over 5 minutes before it."""

    truck_id: str
    timestamp: str
    timestamp_local: str
    latitude: float
    longitude: float
    speed_kmh: float | None
    gap: bool


class ComparedFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of two periods."""

    figure: str
    now: float | None
    then: float | None
    change: float | None


class ComparedTruck(msgspec.Struct, frozen=True, kw_only=True):
    """One truck in two periods."""

    truck_id: str
    distance_km: float | None
    distance_km_then: float | None
    driving_minutes: float | None
    driving_minutes_then: float | None
    idle_minutes: float | None
    idle_minutes_then: float | None
    max_speed_kmh: float | None
    max_speed_kmh_then: float | None
    positions: int | None
    positions_then: int | None


class Wish(NamedTuple):
    """What an export is about, beside the filter."""

    truck: str | None = None
    geofence: str | None = None
    other: Period | None = None
    sort: str | None = None


def make_table(name: str, reader: Reader, wanted: Filter, wish: Wish) -> Table:
    """Return a table that `TABLES` names. Raises InvalidInput for what it lacks or cannot be sorted by."""
    maker, row = TABLES[name]
    look, rows, extra = maker(reader, wanted, wish)
    if wish.sort is not None:
        rows = rows.sorted(wish.sort)
    base = reader.base(wanted.period, look, extra)
    columns = columns_of(row)
    order = [row.__struct_fields__.index(column.name) for column in columns]
    return Table(
        name,
        columns,
        ([[cells[at] for at in order] for cells in map(msgspec.structs.astuple, part)] for part in each(rows)),
        _about(name, wanted, wish, base),
        len(rows),
    )


def columns_of(row: type[msgspec.Struct]) -> list[Column]:
    """Return the columns of a row's fields, first what the row is about.

    >>> [column.name for column in columns_of(answers.DayQuality)][:3]
    ['date', 'hours', 'positions']
    >>> columns_of(answers.GapRow)[1]
    Column(name='start', kind='instant')
    """
    hints = get_type_hints(row)
    names = sorted(row.__struct_fields__, key=lambda name: name not in _ABOUT)
    return [Column(name, _kind(name, hints[name])) for name in names]


def _kind(name: str, hint: Any) -> Kind:
    kinds = [part for part in get_args(hint) if part is not NoneType] if isinstance(hint, UnionType) else [hint]
    if name in _INSTANTS:
        return "instant"
    if name.endswith("_local"):
        return "local"
    found: Kind = {bool: "flag", int: "whole", float: "number"}.get(kinds[0], "text")  # type: ignore[assignment]
    return found


def _about(name: str, wanted: Filter, wish: Wish, base: dict[str, Any]) -> list[tuple[str, str]]:
    period = wanted.period
    names = sorted(wanted.trucks or ())
    shown = ", ".join(names[:_NAMES_SHOWN]) + (f" and {len(names) - _NAMES_SHOWN} more" if len(names) > 20 else "")
    about = [
        ("table", name),
        ("from", period.local(period.from_ms)),
        ("to", f"{period.local(period.to_ms)} (not included)"),
        ("time zone", period.tz),
        ("trucks", wish.truck or shown or "all"),
    ]
    if wish.geofence is not None:
        about.append(("geofence", wish.geofence))
    if wish.other is not None:
        about.append(("compared from", wish.other.local(wish.other.from_ms)))
        about.append(("compared to", f"{wish.other.local(wish.other.to_ms)} (not included)"))
    if wish.sort is not None:
        about.append(("order", wish.sort))
    about.append(("made", base["generated_at"]))
    return [*about, *(("note", note) for note in base["complete"].notes)]


type _Made = tuple[Look, Rows[Any], list[str]]


def _hourly(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    return *reader.hourly(wanted), []


def _trips(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    return *reader.trips(wanted), []


def _stops(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    return *reader.stops(wanted), []


def _visits(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    return *reader.visits(wanted, wish.geofence), []


def _days(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    look = reader.look(wanted)
    return look, ListRows(overview.day_totals(look.hours, look.around, wanted.period.days), ("date",)), []


def _trucks(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    look = reader.look(wanted)
    counted = reader.travel.counted(look.hours, wanted.period, wanted.trucks)
    return look, ListRows(overview.truck_totals(look.hours, counted), ("truck_id",)), []


def _quality_days(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    found = quality(reader, wanted)
    return reader.look(wanted), ListRows(found.days, ("date",)), found.complete.notes


def _quality_trucks(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    found = quality(reader, wanted)
    return reader.look(wanted), ListRows(found.trucks, ("truck_id",)), found.complete.notes


def _gaps(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    look = reader.look(wanted)
    rows, all_listed = gap_rows(reader, wanted, look)
    notes = [] if all_listed else ["Gaps within an hour are left out: there are too many positions."]
    return look, ListRows(rows, ("truck_id", "start")), notes


def _route(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    if wish.truck is None:
        raise InvalidInput("truck: a route is of one truck", hint="Add truck=ID.")
    look = reader.look(Filter(wanted.period, frozenset({wish.truck})))
    reader.travel.check_size(look.hours)
    rows, _ = reader.travel.route(wanted.period, wish.truck, 10**9)
    zone = wanted.period.zone
    points = []
    gap = False
    for row in rows:
        if row is None:
            gap = True
            continue
        at_ms, latitude, longitude, speed = row
        assert at_ms is not None
        assert latitude is not None
        assert longitude is not None
        points.append(
            RoutePoint(
                truck_id=wish.truck,
                timestamp=format_instant(int(at_ms)),
                timestamp_local=local_text(int(at_ms), zone),
                latitude=latitude,
                longitude=longitude,
                speed_kmh=speed,
                gap=gap,
            )
        )
        gap = False
    return look, ListRows(points, ("timestamp",)), []


def _other(wish: Wish) -> Period:
    if wish.other is None:
        raise InvalidInput("other_from: a comparison needs a second period", hint="Add other_from and other_to.")
    return wish.other


def _compare(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    found = reader.compare(wanted, _other(wish))
    now, then = (msgspec.structs.asdict(side.totals) for side in (found.now, found.then))
    rows = [
        ComparedFigure(figure=name, now=now[name], then=then[name], change=_minus(now[name], then[name]))
        for name in now
    ]
    return reader.look(wanted), ListRows(rows, ("figure",)), found.complete.notes


def _compare_trucks(reader: Reader, wanted: Filter, wish: Wish) -> _Made:
    found = reader.compare(wanted, _other(wish))
    fields = ("distance_km", "driving_minutes", "idle_minutes", "max_speed_kmh", "positions")
    rows = []
    for each_truck in found.trucks:
        cells: dict[str, Any] = {}
        for field in fields:
            cells[field] = getattr(each_truck.now, field, None)
            cells[f"{field}_then"] = getattr(each_truck.then, field, None)
        rows.append(ComparedTruck(truck_id=each_truck.truck_id, **cells))
    return reader.look(wanted), ListRows(rows, ("truck_id",)), found.complete.notes


def _minus(now: float | None, then: float | None) -> float | None:
    return None if now is None or then is None else round(now - then, 6)


type _Maker = Callable[[Reader, Filter, Wish], _Made]

TABLES: Final[dict[str, tuple[_Maker, type[msgspec.Struct]]]] = {
    "hourly": (_hourly, answers.HourlyRow),
    "days": (_days, answers.DayTotals),
    "trucks": (_trucks, answers.TruckTotals),
    "trips": (_trips, answers.TripRow),
    "stops": (_stops, answers.StopRow),
    "visits": (_visits, answers.VisitRow),
    "route": (_route, RoutePoint),
    "gaps": (_gaps, answers.GapRow),
    "quality_days": (_quality_days, answers.DayQuality),
    "quality_trucks": (_quality_trucks, answers.TruckQuality),
    "compare": (_compare, ComparedFigure),
    "compare_trucks": (_compare_trucks, ComparedTruck),
}
WITH_PLACES: Final[Sequence[str]] = ("route", "trips", "stops")
