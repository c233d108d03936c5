"""What can go wrong between a truck and the stream: noise, dead zones, wrong clocks, broken records.

Every fault is off until asked for. A rate is the share of a truck's positions that suffers, over time.
"""

import math

import msgspec

from truckstream.core.errors import InvalidSetting
from truckstream.core.records import Position, encode_position
from truckstream.core.seeded import Seeded

MAX_JITTER_M = 1_000.0
_OUTLIER_CHANCE = 0.001  # of the positions of a truck with jitter
_DEGREE_M = 111_250.0  # of latitude or the equator at 47 degrees, within 0.3 %: enough for noise
_HOUR_MS = 3_600_000


class Faults(msgspec.Struct, frozen=True):
    """Which faults the fleet has.

    `jitter`: metres, standard deviation of a coordinate's noise; one position in a thousand is kilometres
    off. The others are shares of the positions, 0 to 1. `gaps`: lost in a dead zone (1 to 5 minutes).
    `duplicates`: sent again, at once or within 30 s. `late`: kept in a dead zone (1 to 18 minutes) and sent
    at its end, all at once. `clock`: sent while the truck's clock is hours off, early or late. `bad`:
    replaced by a broken record.
    """

    jitter: float = 0.0
    gaps: float = 0.0
    duplicates: float = 0.0
    late: float = 0.0
    clock: float = 0.0
    bad: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in self.__struct_fields__:
            value, highest = getattr(self, name), MAX_JITTER_M if name == "jitter" else 1.0
            if not 0.0 <= value <= highest:
                unit = "metres from 0 to 1000" if name == "jitter" else "a share from 0 to 1"
                raise InvalidSetting(f"fault {name}={value:g}: must be {unit}", hint=_HINT)

    @classmethod
    def parse(cls, text: str) -> "Faults":
        """Read `name=value,name=value`; an empty text means no faults. Raises InvalidSetting.

        >>> Faults.parse("jitter=8, gaps=0.01").jitter
        8.0
        """
        values: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if name not in cls.__struct_fields__:
                known = ", ".join(cls.__struct_fields__)
                raise InvalidSetting(f"fault {name!r} is not known; known are {known}", hint=_HINT)
            if name in values:
                raise InvalidSetting(f"fault {name} is given twice", hint=_HINT)
            try:
                values[name] = float(value)
            except ValueError:
                wrong = f"{value!r} is not a number" if equals and value else "needs a value"
                raise InvalidSetting(f"fault {name}: {wrong}", hint=_HINT) from None
        return cls(**values)

    @property
    def any(self) -> bool:
        """True when at least one fault is on."""
        return any(getattr(self, name) > 0.0 for name in self.__struct_fields__)


_HINT = "Write faults as in jitter=8,gaps=0.01,duplicates=0.02,late=0.01,clock=0.005,bad=0.001."

type Sent = Position | bytes
type Delivery = tuple[int, Sent]
"""When (ms since the epoch) a record reaches the producer, and the record."""


class _Spell:
    """A condition that comes and goes, and over time holds for a given share of the positions."""

    __slots__ = ("lowest_s", "more_s", "share", "skew", "until_ms")

    def __init__(self, share: float, lowest_s: float, highest_s: float, skew: int = 1) -> None:
        self.share, self.lowest_s, self.more_s, self.skew = share, lowest_s, highest_s - lowest_s, skew
        self.until_ms: int | None = None

    def holds(self, at_ms: int, every_ms: int, seeded: Seeded) -> bool:
        """Say whether the condition holds for the position at this time; `until_ms` is its end."""
        if self.share <= 0.0:
            return False
        if self.until_ms is None:  # the first position: the spell may have begun before it
            self.until_ms = at_ms
            begins = self.share
        elif at_ms < self.until_ms:
            return True
        else:
            mean_s = self.lowest_s + self.more_s / (self.skew + 1)
            positions = max(1.0, mean_s * 1000.0 / every_ms)
            begins = self.share / max(positions * (1.0 - self.share), self.share)
        if not seeded.chance(begins):
            return False
        length_s = self.lowest_s + self.more_s * seeded.fraction() ** self.skew
        self.until_ms = at_ms + max(1, round(length_s * 1000.0))
        return True


class TruckFaults:
    """The faults of one truck; they draw from their own stream, so that they never change how it drives."""

    __slots__ = ("_clock", "_clock_off_ms", "_every_ms", "_faults", "_gap", "_late", "_seeded")

    def __init__(self, faults: Faults, every_ms: int, seeded: Seeded) -> None:
        """Start with what `faults` asks for; `every_ms` is the time between two positions."""
        self._faults, self._every_ms, self._seeded = faults, every_ms, seeded
        self._gap = _Spell(faults.gaps, 60.0, 300.0)
        self._late = _Spell(faults.late, 60.0, 1080.0, skew=2)
        self._clock = _Spell(faults.clock, 300.0, 900.0)
        self._clock_off_ms = 0

    def deliveries(self, position: Position, at_ms: int) -> list[Delivery]:
        """Return what is sent for a position taken at `at_ms`: records with their time of sending."""
        faults, seeded, every_ms = self._faults, self._seeded, self._every_ms
        if faults.clock:
            position = self._by_the_trucks_clock(position, at_ms)
        if faults.jitter:
            position = _jittered(position, faults.jitter, seeded)
        if self._gap.holds(at_ms, every_ms, seeded):
            return []
        record: Sent = position
        if faults.bad and seeded.chance(faults.bad):
            record = broken(position, seeded.below(BROKEN_KINDS))
        sent_ms = at_ms
        if self._late.holds(at_ms, every_ms, seeded):
            sent_ms = self._late.until_ms or at_ms
        deliveries = [(sent_ms, record)]
        if faults.duplicates and seeded.chance(faults.duplicates):
            after_ms = 0 if seeded.chance(0.5) else 1 + seeded.below(30_000)
            deliveries.append((sent_ms + after_ms, record))
        return deliveries

    def _by_the_trucks_clock(self, position: Position, at_ms: int) -> Position:
        until_ms = self._clock.until_ms
        if not self._clock.holds(at_ms, self._every_ms, self._seeded):
            return position
        if self._clock.until_ms != until_ms:  # a new spell
            hours = self._seeded.between(1.0, 12.0)
            self._clock_off_ms = int(hours * _HOUR_MS) * (1 if self._seeded.chance(0.5) else -1)
        return msgspec.structs.replace(position, timestamp_ms=position.timestamp_ms + self._clock_off_ms)


def _jittered(position: Position, sigma_m: float, seeded: Seeded) -> Position:
    north_m, east_m = sigma_m * seeded.normal(), sigma_m * seeded.normal()
    if seeded.chance(_OUTLIER_CHANCE):
        off_m, bearing = seeded.between(2_000.0, 30_000.0), seeded.between(0.0, 2.0 * math.pi)
        north_m, east_m = off_m * math.cos(bearing), off_m * math.sin(bearing)
    latitude = position.latitude + north_m / _DEGREE_M
    longitude = position.longitude + east_m / _DEGREE_M / math.cos(math.radians(position.latitude))
    return msgspec.structs.replace(
        position,
        latitude=round(latitude, 7),
        longitude=round(longitude, 7),
        accuracy_m=round(3.0 + sigma_m * seeded.between(0.8, 1.6), 1),
    )


BROKEN_KINDS = 6


def broken(position: Position, kind: int) -> bytes:
    """Return a record that no decoder may accept; `kind` from 0 to BROKEN_KINDS - 1 says how it is broken."""
    good = encode_position(position)
    latitude = b'"latitude":'
    before, _, after = good.partition(latitude)
    rest = after[after.index(b",") :]
    return (
        good[: len(good) // 2],  # truncated
        before + latitude + b"NaN" + rest,  # not a JSON number
        before + rest[1:],  # a missing field
        before + latitude + b'"north"' + rest,  # of the wrong type
        before + latitude + b"91.5" + rest,  # out of range
        b"\x00\xff" + good[2:],  # not even text
    )[kind]
