"""Which geofences each truck is in, and what it did at them: one position at a time, by event time alone.

`step` is the only engine: live alerts and the transitions made from the archive both run it. It never reads
a clock, and late positions and outliers change nothing, so the events do not depend on batches, duplicates
or redelivery. The first position of a truck sets its presence silently; so does an edited geofence.
"""

from collections.abc import Sequence

import msgspec

from truckstream.core.alerts import Alert, Event, EventType, alert_from, alert_to_json, wants_alert
from truckstream.core.fence_set import FenceSet, Here, Rule
from truckstream.core.geodesy import distance_m
from truckstream.core.outliers import Track, further, judge, plain_steps
from truckstream.core.records import Position

__all__ = [
    "Alert",
    "Candidate",
    "Event",
    "FenceSet",
    "TruckPresence",
    "Visit",
    "alert_from",
    "alert_to_json",
    "decode_presence",
    "encode_presence",
    "follow",
    "step",
    "wants_alert",
]

SPEEDING_LASTS_MS = 15_000
CROSSING_STEP_MS = 60_000
CROSSING_STEP_M = 3_000.0


class Visit(msgspec.Struct, gc=False, omit_defaults=True):
    """A truck's stay in one geofence: since when, and what was already told about it."""

    begin_ms: int
    dwell_told: bool = False
    exceeding_since_ms: int | None = None
    speeding_told: bool = False


class Candidate(msgspec.Struct, gc=False, omit_defaults=True):
    """A change of state not yet believed: the consecutive positions that show it, fewer than `confirm_fixes`."""

    positions: list[Position] = []


class TruckPresence(msgspec.Struct, gc=False, omit_defaults=True):
    """Everything the engine knows of one truck; a plain value that survives a store.

    `visits`: the geofences the truck is in. `inside`: the plain geofences around the last accepted position,
    whichever trucks they are for. `revision`: of the catalogue that all of this is about.
    """

    truck_id: str
    sequence_number: int = 0
    revision: int = 0
    track: Track | None = None
    inside: tuple[str, ...] = ()
    visits: dict[str, Visit] = {}
    candidates: dict[str, Candidate] = {}


def encode_presence(presence: TruckPresence) -> bytes:
    """Return the state as a blob without its sequence number, which may be wider than 64 bits."""
    return _encoder.encode(msgspec.structs.replace(presence, sequence_number=0))


def decode_presence(blob: bytes, sequence_number: int) -> TruckPresence:
    """Return the state kept by `encode_presence`. Raises msgspec.MsgspecError when it is not one."""
    presence = _decoder.decode(blob)
    presence.sequence_number = sequence_number
    return presence


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(TruckPresence)


def step(fences: FenceSet, presence: TruckPresence, position: Position, outlier_limit_kmh: float) -> list[Event]:
    """Apply one position to `presence` and return what happened, ordered by time.

    At one instant exits come before enters, then by geofence id. Late positions and outliers return nothing;
    a re-anchoring applies all positions it accepts. `outlier_limit_kmh` is in km/h, 0 for off.
    """
    track = presence.track
    verdict = judge(track, position, outlier_limit_kmh)
    presence.track = verdict.track
    accepted = verdict.accepted
    if not accepted:
        return []
    previous: Position | None = None
    if track is None or verdict.restarted:
        _seed(fences, presence, accepted[0])
        previous, accepted = accepted[0], accepted[1:]
    elif presence.revision != fences.revision:
        _reseed(fences, presence, track.last)
    if track is not None and not verdict.reanchored:
        previous = track.last
    events: list[Event] = []
    for each in accepted:
        events += _move(fences, presence, previous, each)
        previous = each
    return events


def follow(
    fences: FenceSet, presence: TruckPresence, positions: Sequence[Position], outlier_limit_kmh: float
) -> list[tuple[int, list[Event]]]:
    """Do `step` for each of the positions, in the order given; return the events with the place that showed them.

    For most positions there is nothing to do but to find that out: this is where the time goes.
    """
    happened: list[tuple[int, list[Event]]] = []
    all_plain, locate = fences.all_plain, fences.locate
    place = 0
    while place < len(positions):
        track = presence.track
        plain = plain_steps(track, positions, place, outlier_limit_kmh) if track is not None else 0
        if track is None or not plain:
            events = step(fences, presence, positions[place], outlier_limit_kmh)
            if events:
                happened.append((place, events))
            place += 1
            continue
        if presence.revision != fences.revision:
            _reseed(fences, presence, track.last)
        previous, around = track.last, None
        for at in range(place, place + plain):
            position = positions[at]
            if all_plain:
                located = locate(position.latitude, position.longitude)
                if located == around:
                    continue
                around = located
            events = _move(fences, presence, previous, position)
            previous = position
            if events:
                happened.append((at, events))
        place += plain
        presence.track = further(track, positions[place - 1], plain)
    return happened


def _move(fences: FenceSet, presence: TruckPresence, previous: Position | None, position: Position) -> list[Event]:
    """Apply an accepted position. `previous` None: no segment joins it with the one before."""
    here = fences.here(position.latitude, position.longitude)
    if here.plain == presence.inside and fences.all_plain:
        return []
    events: list[Event] = []
    if here.plain != presence.inside:
        _change_plain(fences, presence, here, position, events)
    if not fences.all_plain:
        if previous is not None and fences.watches_crossings:
            _find_crossings(fences, presence, previous, position, events)
        if here.special or presence.visits or presence.candidates:
            _attend_special(fences, presence, here, position, events)
    if len(events) > 1:
        events.sort(key=_order)
    return events


def _order(event: Event) -> tuple[int, int, str]:
    return (event.timestamp_ms, _RANK[event.event], event.geofence_id)


_RANK: dict[EventType, int] = {"exit": 0, "enter": 1, "dwell": 2, "speeding": 3}


# --- seeding --------------------------------------------------------------------------------------------


def _seed(fences: FenceSet, presence: TruckPresence, position: Position) -> None:
    """Set the whole presence from one position, silently."""
    presence.revision = fences.revision
    presence.visits.clear()
    presence.candidates.clear()
    here = fences.here(position.latitude, position.longitude)
    presence.inside = here.plain
    for rule in _rules_of(fences, here):
        _seed_visit(presence, rule, position)


def _seed_visit(presence: TruckPresence, rule: Rule, position: Position) -> None:
    if rule.applies_to(presence.truck_id):
        visit = presence.visits[rule.geofence_id] = Visit(position.timestamp_ms)
        _tell(rule, visit, position, presence.truck_id, [])


def _reseed(fences: FenceSet, presence: TruckPresence, last: Position) -> None:
    """Follow a new catalogue: forget changed and removed fences, set their state from `last`, silently."""
    known = presence.revision
    # An older catalogue than the one seen before (a cache, a restored store) says nothing about what changed.
    backwards = fences.revision < known
    if backwards:
        presence.candidates.clear()
    presence.revision = fences.revision
    here = fences.here(last.latitude, last.longitude)
    presence.inside = here.plain
    around = {rule.geofence_id: rule for rule in _rules_of(fences, here)}
    for geofence_id in [*presence.visits, *presence.candidates]:
        rule = fences.rules.get(geofence_id)
        if rule is None or rule.revision > known or (backwards and geofence_id not in around):
            presence.visits.pop(geofence_id, None)
            presence.candidates.pop(geofence_id, None)
    for rule in around.values():
        if (backwards or rule.revision > known) and rule.geofence_id not in presence.visits:
            _seed_visit(presence, rule, last)


def _rules_of(fences: FenceSet, here: Here) -> list[Rule]:
    return [*(fences.rules[geofence_id] for geofence_id in here.plain), *here.special]


# --- plain fences: in or out ----------------------------------------------------------------------------


def _change_plain(
    fences: FenceSet, presence: TruckPresence, here: Here, position: Position, events: list[Event]
) -> None:
    before, now = presence.inside, here.plain
    presence.inside = now
    for geofence_id in before:
        if geofence_id not in now and presence.visits.pop(geofence_id, None) is not None:
            events.append(_event("exit", presence.truck_id, geofence_id, position))
    for geofence_id in now:
        if geofence_id not in before and fences.rules[geofence_id].applies_to(presence.truck_id):
            presence.visits[geofence_id] = Visit(position.timestamp_ms)
            events.append(_event("enter", presence.truck_id, geofence_id, position))


def _event(event: EventType, truck_id: str, geofence_id: str, at: Position) -> Event:
    return Event(truck_id, geofence_id, event, at.timestamp_ms, at.latitude, at.longitude)


# --- fences with confirmation, buffer, dwell or speed limit -----------------------------------------------


def _attend_special(
    fences: FenceSet, presence: TruckPresence, here: Here, position: Position, events: list[Event]
) -> None:
    for rule in here.special:
        if rule.applies_to(presence.truck_id):
            _attend(presence, rule, position, True, events)
    for geofence_id in {**presence.visits, **presence.candidates}:
        known = fences.rules.get(geofence_id)
        if known is not None and not known.plain and known not in here.special:
            _attend(presence, known, position, False, events)


def _attend(presence: TruckPresence, rule: Rule, position: Position, contained: bool, events: list[Event]) -> None:
    """Follow one fence through one position.

    Positions that wait for confirmation are judged for dwell and speed once the state they belong to is known.
    """
    geofence_id, truck_id = rule.geofence_id, presence.truck_id
    visit = presence.visits.get(geofence_id)
    shows_inside = contained
    if visit is not None and not contained and rule.exit_buffer_m > 0:
        outside_m = rule.shape.distance_outside_m(position.latitude, position.longitude)
        shows_inside = outside_m <= rule.exit_buffer_m
    candidate = presence.candidates.pop(geofence_id, None)
    waiting = [*candidate.positions, position] if candidate is not None else [position]
    if shows_inside == (visit is not None):
        if visit is not None:
            for each in waiting:
                _tell(rule, visit, each, truck_id, events)
        return
    if len(waiting) < rule.confirm_fixes:
        presence.candidates[geofence_id] = Candidate(waiting)
        return
    first = waiting[0]
    if not shows_inside:
        del presence.visits[geofence_id]
        events.append(_event("exit", truck_id, geofence_id, first))
        return
    visit = presence.visits[geofence_id] = Visit(first.timestamp_ms)
    events.append(_event("enter", truck_id, geofence_id, first))
    for each in waiting:
        _tell(rule, visit, each, truck_id, events)


def _tell(rule: Rule, visit: Visit, position: Position, truck_id: str, events: list[Event]) -> None:
    """Add dwell and speeding for a position inside, each once: per visit, per stretch above the limit."""
    now_ms = position.timestamp_ms
    if rule.dwell_ms is not None and not visit.dwell_told and now_ms - visit.begin_ms >= rule.dwell_ms:
        visit.dwell_told = True
        events.append(_event("dwell", truck_id, rule.geofence_id, position))
    if rule.speed_limit_kmh is None or position.speed_kmh is None:
        return
    if position.speed_kmh <= rule.speed_limit_kmh:
        visit.exceeding_since_ms, visit.speeding_told = None, False
    elif visit.exceeding_since_ms is None:
        visit.exceeding_since_ms = now_ms
    elif not visit.speeding_told and now_ms - visit.exceeding_since_ms >= SPEEDING_LASTS_MS:
        visit.speeding_told = True
        events.append(_event("speeding", truck_id, rule.geofence_id, position))


# --- fences crossed between two positions -----------------------------------------------------------------


def _find_crossings(
    fences: FenceSet, presence: TruckPresence, earlier: Position, later: Position, events: list[Event]
) -> None:
    if later.timestamp_ms - earlier.timestamp_ms > CROSSING_STEP_MS:
        return
    lat1, lon1, lat2, lon2 = earlier.latitude, earlier.longitude, later.latitude, later.longitude
    if lat1 == lat2 and lon1 == lon2:
        return
    for rule in fences.maybe_crossed(lat1, lon1, lat2, lon2):
        # A visit or a candidate means that the truck is, or may be, inside at the step's beginning.
        if (
            rule.geofence_id in presence.visits
            or rule.geofence_id in presence.candidates
            or not rule.applies_to(presence.truck_id)
            or rule.shape.contains(lat2, lon2)
        ):
            continue
        fractions = rule.shape.crossing(lat1, lon1, lat2, lon2)
        if fractions is not None and distance_m(lat1, lon1, lat2, lon2) <= CROSSING_STEP_M:
            span_ms = later.timestamp_ms - earlier.timestamp_ms
            enter_ms, exit_ms = (round(fraction * span_ms) for fraction in fractions)
            if enter_ms == exit_ms:  # a touch: within one instant the exit would come first
                enter_ms, exit_ms = max(0, enter_ms - 1), min(span_ms, max(0, enter_ms - 1) + 1)
            events.append(_between("enter", rule, earlier, later, fractions[0], enter_ms))
            events.append(_between("exit", rule, earlier, later, fractions[1], exit_ms))


def _between(event: EventType, rule: Rule, earlier: Position, later: Position, fraction: float, after_ms: int) -> Event:
    """Return an event on the straight way from one position to the next."""
    east = (later.longitude - earlier.longitude + 180.0) % 360.0 - 180.0
    longitude = (earlier.longitude + fraction * east + 180.0) % 360.0 - 180.0
    return Event(
        earlier.truck_id,
        rule.geofence_id,
        event,
        earlier.timestamp_ms + after_ms,
        round(earlier.latitude + fraction * (later.latitude - earlier.latitude), 7),
        round(longitude, 7),
    )
