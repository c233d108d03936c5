"""A truck's positions of any past period: the archive, and what the stream has but the archive does not yet."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from truckstream.consumers.history import dates, read_date
from truckstream.core.columns import PositionColumns
from truckstream.core.errors import InvalidInput
from truckstream.core.instants import DAY_MS, HOUR_MS, date_of, format_instant, hour_of
from truckstream.core.records import EngineStatus, Position, ReceivedPositions
from truckstream.http.access import need
from truckstream.http.heavy import heavy
from truckstream.http.listing import Cursor, From, Limit, To, instant, json_response, read_cursor, write_cursor
from truckstream.http.problems import problems
from truckstream.web.positions import TruckId
from truckstream.web.sources import WebSources

TRAIL_FIELDS = ("timestamp_ms", "latitude", "longitude", "speed_kmh", "heading", "fuel_level_pct", "engine_status")
_HOURS_AT_ONCE = 6
_FIRST_MS = 0  # 1970
_END_MS = 7_258_118_400_000  # 2200


def positions_between(sources: WebSources, truck_id: str, from_ms: int, to_ms: int) -> Iterator[Position]:
    """Yield a truck's positions with `from_ms <= timestamp_ms < to_ms`, ascending and unique.

    The archive is read a few hours at a time, so whoever stops early has read little of it.
    """
    # Read before the archive: what is archived meanwhile is in both, and counted once.
    tail = _within(sources.recent.recent(truck_id), from_ms, to_ms)
    known = {date for date in dates(sources.archive) if date_of(from_ms) <= date <= date_of(to_ms - 1)}
    if len(tail):
        known |= {date_of(ms) for ms in tail.timestamp_ms.tolist()}
    for date in sorted(known):
        yield from _of_date(sources, truck_id, date, from_ms, to_ms, tail)


def _of_date(
    sources: WebSources, truck_id: str, date: str, from_ms: int, to_ms: int, tail: PositionColumns
) -> Iterator[Position]:
    day_ms = instant("date", date) or 0
    begin_ms, end_ms = max(hour_of(from_ms), day_ms), min(to_ms, day_ms + DAY_MS)
    while begin_ms < end_ms:
        until_ms = min(end_ms, begin_ms + _HOURS_AT_ONCE * HOUR_MS)
        files = read_date(sources.archive, sources.format, date, from_ms=begin_ms, to_ms=until_ms)
        for hour_ms in range(begin_ms, until_ms, HOUR_MS):
            parts = [tail.between(hour_ms, hour_ms + HOUR_MS)]
            if hour_ms in files.hours_ms:
                parts.insert(0, files.hour(hour_ms, (truck_id,)))
            rows = PositionColumns.concat(parts).settled().between(from_ms, to_ms)
            yield from rows.to_positions()
        begin_ms = until_ms


def _within(received: ReceivedPositions, from_ms: int, to_ms: int) -> PositionColumns:
    return PositionColumns.from_received(received).between(from_ms, to_ms)


def period(since: str | None, until: str | None, now_ms: int, *, longest_ms: int | None = None) -> tuple[int, int]:
    """Return the period of a query: the last 24 hours where nothing else is said. Raises InvalidInput.

    Without an end it reaches an hour ahead, for positions of clocks that are.
    """
    from_ms, to_ms = instant("from", since), instant("to", until)
    if from_ms is None:
        from_ms = (now_ms if to_ms is None else to_ms) - DAY_MS
    if to_ms is None:
        to_ms = now_ms + HOUR_MS if longest_ms is None else min(now_ms + HOUR_MS, from_ms + longest_ms)
    # There is nothing outside of these years, and the day before or after the first or last one has no date.
    from_ms, to_ms = max(from_ms, _FIRST_MS), min(to_ms, _END_MS)
    if from_ms >= to_ms:
        if until is None:
            raise InvalidInput("from: lies in the future", hint="Give an earlier from, or a later to with it.")
        raise InvalidInput("from: must be before to", hint="Give an earlier from or a later to.")
    if longest_ms is not None and to_ms - from_ms > longest_ms:
        raise InvalidInput(f"to: at most {longest_ms // DAY_MS} days at once", hint="Ask for a shorter period.")
    return from_ms, to_ms


class PastPosition(msgspec.Struct, frozen=True):
    """A position under its wire names."""

    truck_id: str
    timestamp: str
    latitude: float
    longitude: float
    speed_kmh: float | None
    heading: float | None
    altitude_m: float | None
    accuracy_m: float | None
    fuel_level_pct: float | None
    engine_status: EngineStatus | None


class PastPage(msgspec.Struct, frozen=True):
    """Some positions in time order, and the cursor of the next page; null when this was the last."""

    items: list[PastPosition]
    next: str | None


class TrailPage(msgspec.Struct, frozen=True):
    """Some positions as rows of `fields`."""

    fields: list[str]
    rows: list[list[Any]]
    next: str | None


def past_position(position: Position) -> PastPosition:
    """Return a position under its wire names."""
    _, timestamp_ms, *rest = msgspec.structs.astuple(position)
    return PastPosition(position.truck_id, format_instant(timestamp_ms), *rest)


def history_handlers(sources: WebSources, clock: Callable[[], int]) -> list[BaseRouteHandler]:
    """Return the handler of a truck's history."""

    @get(
        "/positions/{truck_id:str}/history",
        tags=["positions"],
        guards=[need("viewer")],
        responses=problems(),
        summary="A truck's past",
        sync_to_thread=True,
    )
    def history(
        truck_id: TruckId,
        since: From = None,
        until: To = None,
        limit: Limit = 1000,
        cursor: Cursor = None,
        fields: Annotated[
            Literal["all", "trail"], QueryParameter(description="trail: compact rows for drawing.")
        ] = "all",
    ) -> Response[PastPage | TrailPage]:
        """Positions in time order, each once; the last 24 hours where nothing else is said."""
        from_ms, to_ms = period(since, until, clock())
        if cursor:
            from_ms = max(from_ms, read_cursor(cursor, int) + 1)
        found: list[Position] = []
        with heavy():
            for position in positions_between(sources, truck_id, from_ms, to_ms) if from_ms < to_ms else ():
                found.append(position)
                if len(found) > limit:
                    break
        following = write_cursor(found[limit - 1].timestamp_ms) if len(found) > limit else None
        page = found[:limit]
        if fields == "trail":
            rows = [[getattr(position, name) for name in TRAIL_FIELDS] for position in page]
            return json_response(TrailPage(list(TRAIL_FIELDS), rows, following))
        return json_response(PastPage(list(map(past_position, page)), following))

    return [history]
