"""A catalogue compiled for the presence engine: who a fence applies to, what it asks, which fences are here.

Built once per catalogue revision and shared by all trucks. Inactive geofences are left out: they are as if
absent. Fences are ordered by id, so that equal catalogues compile to equal sets everywhere.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from truckstream.core.geofences import Catalogue, Geofence, shape_of
from truckstream.core.index import ShapeIndex

_MS_PER_MINUTE = 60_000
_REMEMBERED_PLACES = 10_000  # distinct sets of overlapping fences kept; beyond it the memory starts anew


class Rule:
    """One geofence ready to be applied: its shape, its options as numbers, its trucks as one pattern."""

    __slots__ = (
        "confirm_fixes",
        "detect_crossing",
        "dwell_ms",
        "exit_buffer_m",
        "geofence",
        "geofence_id",
        "plain",
        "revision",
        "shape",
        "speed_limit_kmh",
        "trucks",
    )

    def __init__(self, geofence: Geofence) -> None:
        self.geofence = geofence
        self.geofence_id = geofence.geofence_id
        self.revision = geofence.revision
        self.shape = shape_of(geofence)
        self.confirm_fixes = geofence.confirm_fixes
        self.exit_buffer_m = geofence.exit_buffer_meters
        self.detect_crossing = geofence.detect_crossing
        self.dwell_ms = None if geofence.dwell_minutes is None else round(geofence.dwell_minutes * _MS_PER_MINUTE)
        self.speed_limit_kmh = geofence.speed_limit_kmh
        self.trucks = None if geofence.trucks is None else _any_of(geofence.trucks)
        # Plain fences need no attention while a truck stays in or out of them.
        self.plain = (
            self.confirm_fixes <= 1
            and self.exit_buffer_m <= 0
            and not self.detect_crossing
            and self.dwell_ms is None
            and self.speed_limit_kmh is None
        )

    def applies_to(self, truck_id: str) -> bool:
        """Return whether the geofence is meant for this truck."""
        return self.trucks is None or self.trucks.fullmatch(truck_id) is not None


class Here(NamedTuple):
    """The fences around one place: ids of plain ones, and the rules that need attention at every position."""

    plain: tuple[str, ...]
    special: tuple[Rule, ...]


NOWHERE = Here((), ())


class FenceSet:
    """All active geofences of one catalogue revision, ready for `core.presence.step`."""

    def __init__(self, catalogue: Catalogue) -> None:
        active = sorted((g for g in catalogue.geofences if g.active), key=lambda g: g.geofence_id)
        ordered = [Rule(geofence) for geofence in active]
        crossed = [rule for rule in ordered if rule.detect_crossing]
        self.catalogue = catalogue
        self.revision = catalogue.revision
        self.rules = {rule.geofence_id: rule for rule in ordered}
        self.all_plain = all(rule.plain for rule in ordered)
        self.locate = ShapeIndex([rule.shape for rule in ordered]).locate
        self.watches_crossings = bool(crossed)
        self._ordered = ordered
        self._crossed = crossed
        self._crossed_index = ShapeIndex([rule.shape for rule in crossed])
        self._places: dict[tuple[int, ...], Here] = {}

    def here(self, latitude: float, longitude: float) -> Here:
        """Return the fences that contain the place, for whichever truck."""
        located = self.locate(latitude, longitude)
        if not located:
            return NOWHERE
        known = self._places.get(located)
        if known is None:
            if len(self._places) >= _REMEMBERED_PLACES:
                self._places.clear()
            rules = [self._ordered[ordinal] for ordinal in located]
            known = self._places[located] = Here(
                tuple(rule.geofence_id for rule in rules if rule.plain),
                tuple(rule for rule in rules if not rule.plain),
            )
        return known

    def maybe_crossed(self, lat1: float, lon1: float, lat2: float, lon2: float) -> Iterable[Rule]:
        """Return the rules with `detect_crossing` whose shape may touch the segment."""
        for ordinal in self._crossed_index.candidates_crossed(lat1, lon1, lat2, lon2):
            yield self._crossed[ordinal]


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """Return one pattern for truck ids in which only `*` is special."""
    return re.compile("|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns) or r"(?!)")
