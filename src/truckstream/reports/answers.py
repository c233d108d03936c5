"""What the reporting API answers: the shapes of its JSON. Unknown is null, distances are km, times minutes."""

import msgspec


class Complete(msgspec.Struct, frozen=True):
    """Whether the answer rests on everything it should; the notes say what a reader must know."""

    ok: bool
    notes: list[str]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer repeats: the period as instants (`from <= t < to`), the zone, when it was made."""

    from_: str = msgspec.field(name="from")
    to: str
    tz: str
    generated_at: str
    complete: Complete


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of a period. `trips`, `stops`: those that begin in it; null where there are too many positions."""

    distance_km: float
    driving_minutes: float
    idle_minutes: float | None
    positions: int
    trucks: int
    trips: int | None
    stops: int | None


class DayTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of a local day; `gap_minutes`: silences over 5 minutes between positions, summed over the trucks."""

    date: str
    hours: float
    distance_km: float
    driving_minutes: float
    idle_minutes: float | None
    positions: int
    gap_minutes: float | None


class PreviousTotals(Totals, frozen=True, kw_only=True):
    """The same figures for the period just before."""

    from_: str = msgspec.field(name="from")
    to: str
    days: list[DayTotals]


class HourTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of an hour, of short periods only."""

    hour: str
    distance_km: float
    driving_minutes: float
    idle_minutes: float | None
    positions: int


class TruckTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums of one truck. `idle_share`: idle time as a part of driving and idle time.

    `average_speed_kmh`: over its positions with a speed; `trips` as in the totals.
    """

    truck_id: str
    distance_km: float
    driving_minutes: float
    idle_minutes: float | None
    idle_share: float | None
    max_speed_kmh: float | None
    average_speed_kmh: float | None
    positions: int
    trips: int | None


class HeatMap(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes driven per truck and hour; null without positions."""

    trucks: list[str]
    hours: list[str]
    minutes: list[list[float | None]]


class Speeds(msgspec.Struct, frozen=True, kw_only=True):
    """Driving minutes by speed: n + 1 edges of n bins, the last one open. They add up to the driving time."""

    edges_kmh: list[float]
    minutes: list[float]


class Fleet(Answer, frozen=True, kw_only=True):
    """The fleet in a period."""

    totals: Totals
    previous: PreviousTotals | None
    days: list[DayTotals]
    hours: list[HourTotals]
    trucks: list[TruckTotals]
    heatmap: HeatMap
    speeds: Speeds


class TruckChange(msgspec.Struct, frozen=True, kw_only=True):
    """One truck in both periods; null where it sent nothing."""

    truck_id: str
    now: TruckTotals | None
    then: TruckTotals | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison."""

    from_: str = msgspec.field(name="from")
    to: str
    totals: Totals
    days: list[DayTotals]
    speeds: Speeds


class Comparison(Answer, frozen=True, kw_only=True):
    """Two periods side by side."""

    now: Compared
    then: Compared
    trucks: list[TruckChange]


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to report on: first and last local date with data (null: nothing yet), trucks, zones."""

    first: str | None
    last: str | None
    tz: str
    trucks: list[str]
    zones: list[str]
    generated_at: str


class HourlyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One truck's hour: the statistics, and its begin in local time."""

    truck_id: str
    hour: str
    hour_local: str
    total_distance_km: float
    average_speed_kmh: float | None
    max_speed_kmh: float | None
    idle_time_minutes: float | None
    coordinates_count: int
    driving_time_minutes: float
    gap_time_minutes: float
    final: bool
    revision: int


class TripRow(msgspec.Struct, frozen=True, kw_only=True):
    """A trip. `end` null: still going on; `start_seen` false: the record begins with it."""

    truck_id: str
    start: str
    start_local: str
    end: str | None
    end_local: str | None
    duration_minutes: float
    distance_km: float
    average_speed_kmh: float | None
    max_speed_kmh: float | None
    start_latitude: float
    start_longitude: float
    end_latitude: float
    end_longitude: float
    positions: int
    start_seen: bool
    after: str


class StopRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stop at its middle. `end` null: still there; `start_seen` false: the record begins with it."""

    truck_id: str
    start: str
    start_local: str
    end: str | None
    end_local: str | None
    duration_minutes: float
    latitude: float
    longitude: float
    moved_km: float
    positions: int
    start_seen: bool
    after: str


class VisitRow(msgspec.Struct, frozen=True, kw_only=True):
    """A stay in a geofence. `leave` null: still inside; `minutes` then runs to the newest position.

    `arrive_seen` false: the truck was inside when its record begins.
    """

    truck_id: str
    geofence_id: str
    geofence_name: str
    arrive: str
    arrive_local: str
    leave: str | None
    leave_local: str | None
    minutes: float
    arrive_seen: bool


class HourlyPage(Answer, frozen=True, kw_only=True):
    """Some rows of the hourly table."""

    items: list[HourlyRow]
    next: str | None
    total: int


class TripPage(Answer, frozen=True, kw_only=True):
    """Some trips."""

    items: list[TripRow]
    next: str | None
    total: int


class StopPage(Answer, frozen=True, kw_only=True):
    """Some stops."""

    items: list[StopRow]
    next: str | None
    total: int


class VisitPage(Answer, frozen=True, kw_only=True):
    """Some visits."""

    items: list[VisitRow]
    next: str | None
    total: int


class Route(Answer, frozen=True, kw_only=True):
    """Where one truck went: rows as `fields` says, null where it was silent for over 5 minutes."""

    truck_id: str
    fields: list[str]
    rows: list[list[float | None] | None]
    every: int


class QualityCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How good the data is. `duplicates`, `late`: null where nobody counted in time."""

    positions: int
    gaps: int
    gap_minutes: float | None
    duplicates: int | None
    late: int | None
    rejected: int | None


class DayQuality(QualityCounts, frozen=True, kw_only=True):
    """Of a local day."""

    date: str
    hours: float


class TruckQuality(QualityCounts, frozen=True, kw_only=True):
    """Of a truck. `rejected`: records whose partition key was this truck."""

    truck_id: str


class GapRow(msgspec.Struct, frozen=True, kw_only=True):
    """A silence over 5 minutes between two positions of a truck."""

    truck_id: str
    start: str
    start_local: str
    end: str
    end_local: str
    minutes: float


class ReasonCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many records were set aside for a reason."""

    reason: str
    count: int


class Quality(Answer, frozen=True, kw_only=True):
    """The quality of the data: in all, per day, per truck; the longest gaps; why records were set aside."""

    totals: QualityCounts
    days: list[DayQuality]
    trucks: list[TruckQuality]
    gaps: list[GapRow]
    reasons: list[ReasonCount]


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A saved link: the query string of a page, without `?`, under a name."""

    link_id: str
    name: str
    query: str
    created_at: str


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """All saved links by name."""

    items: list[Link]
    next: str | None = None
