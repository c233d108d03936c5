"""Reading one geofence's fields from decoded JSON, with errors that name the geofence, the field and the mend."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from math import isfinite
from typing import Final, Never

from truckstream.core.errors import InvalidGeofence
from truckstream.core.geofence_model import LatLon

LARGEST_M: Final = 20_037_508.0
"""Half way round the equator, rounded: nothing on earth is farther."""
VERTEX_HINT: Final = 'Write each point as {"latitude": 47.3769, "longitude": 8.5417}.'
POSITION_HINT: Final = "Write each GeoJSON position as [longitude, latitude], longitude first."


def kind_of(value: object) -> str:
    """Return what a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"


class Fields:
    """The fields of one geofence. `label` names it in errors: its id, or its place in the file.

    Null counts as absent. What was never asked for is listed by `leftover`.
    """

    def __init__(self, given: Mapping[str, object], label: str) -> None:
        self._given = {name: value for name, value in given.items() if value is not None}
        self._asked: set[str] = set()
        self.label = label

    def refuse(self, field: str, rule: str, hint: str | None = None) -> Never:
        """Raise for a field of this geofence."""
        raise InvalidGeofence(self.label, field, rule, hint=hint)

    def has(self, field: str) -> bool:
        """Say whether the field is given."""
        return field in self._given

    def leftover(self) -> list[str]:
        """Return the fields nobody asked for."""
        return [name for name in self._given if name not in self._asked]

    def get(self, field: str) -> object:
        """Return the raw value, None when absent."""
        self._asked.add(field)
        return self._given.get(field)

    def required(self, field: str, hint: str) -> object:
        """Return the raw value; refuse when absent, naming a field that may be a misspelling of it."""
        value = self.get(field)
        if value is None:
            near = get_close_matches(field, [name for name in self._given if name != field], n=1, cutoff=0.75)
            self.refuse(field, "is missing", f"Rename {near[0]!r} to {field!r}." if near else hint)
        return value

    def text(self, field: str, default: str) -> str:
        """Return a text."""
        value = self.get(field)
        if value is None:
            return default
        if not isinstance(value, str):
            self.refuse(field, f"must be text, not {kind_of(value)}", f'Put it in quotes: "{field}": "...".')
        return value

    def flag(self, field: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.get(field)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.refuse(field, f"must be true or false, not {kind_of(value)}", "Write true or false, without quotes.")
        return value

    def positive(self, field: str, unit: str, example: str, *, at_most: float | None = None) -> float | None:
        """Return a finite number above 0, None when absent."""
        return self._number(field, unit, example, at_most, lambda x: x > 0, "above 0")

    def not_negative(self, field: str, unit: str, example: str, *, at_most: float) -> float:
        """Return a finite number of at least 0; 0 when absent."""
        return self._number(field, unit, example, at_most, lambda x: x >= 0, "at least 0") or 0.0

    def _number(
        self, field: str, unit: str, example: str, at_most: float | None, fits: Callable[[float], bool], rule: str
    ) -> float | None:
        value = self.get(field)
        if value is None:
            return None
        hint = f"Give {field} in {unit}, for example {example}."
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(field, f"must be a number, not {kind_of(value)}", hint)
        limit = f" and at most {at_most:,.0f}" if at_most is not None else ""
        if not _finite(value) or not fits(value) or (at_most is not None and value > at_most):
            self.refuse(field, f"must be {rule}{limit}, not {_short(value)}", hint)
        return float(value)

    def count(self, field: str, default: int) -> int:
        """Return a whole number of at least 1."""
        value = self.get(field)
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
            self.refuse(field, "must be a whole number of at least 1", f"Give {field} as a count, for example 2.")
        return value

    def items(self, field: str, value: object, hint: str) -> Sequence[object]:
        """Return a value that must be a list."""
        if not isinstance(value, list | tuple):
            self.refuse(field, f"must be a list, not {kind_of(value)}", hint)
        return value

    def vertex(self, field: str, value: object) -> LatLon:
        """Return a {"latitude", "longitude"} object."""
        if not isinstance(value, dict):
            self.refuse(field, f"must be an object with latitude and longitude, not {kind_of(value)}", VERTEX_HINT)
        for name in ("latitude", "longitude"):
            if value.get(name) is None:
                self.refuse(f"{field}.{name}", "is missing", VERTEX_HINT)
        return LatLon(
            self._degrees(f"{field}.latitude", value["latitude"], 90, VERTEX_HINT),
            self._degrees(f"{field}.longitude", value["longitude"], 360, VERTEX_HINT),
        )

    def vertices(self, field: str, value: object) -> list[LatLon]:
        """Return a list of {"latitude", "longitude"} objects."""
        items = self.items(field, value, VERTEX_HINT)
        return [self.vertex(f"{field}[{i}]", item) for i, item in enumerate(items)]

    def position(self, field: str, value: object) -> LatLon:
        """Return a GeoJSON position, longitude first; a height is dropped."""
        items = self.items(field, value, POSITION_HINT)
        if len(items) < 2:
            self.refuse(field, "must have a longitude and a latitude", POSITION_HINT)
        lat = self._degrees(f"{field}[1]", items[1], 90, POSITION_HINT)
        return LatLon(lat, self._degrees(f"{field}[0]", items[0], 360, POSITION_HINT))

    def positions(self, field: str, value: object) -> list[LatLon]:
        """Return a list of GeoJSON positions."""
        items = self.items(field, value, POSITION_HINT)
        return [self.position(f"{field}[{i}]", item) for i, item in enumerate(items)]

    def _degrees(self, field: str, value: object, limit: int, hint: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.refuse(field, f"must be a number of degrees, not {kind_of(value)}", hint)
        if not _finite(value) or abs(value) > limit:
            name = "latitude" if limit == 90 else "longitude"
            self.refuse(field, f"{name} must be -{limit} to {limit}, not {_short(value)}", hint)
        return float(value) + 0.0


def _finite(value: float) -> bool:
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _short(value: float) -> str:
    text = str(value)
    return text if len(text) <= 30 else text[:27] + "..."
