"""Positions as columns of integers: what the archive holds and the statistics are made from.

Every number is an integer at the resolution of the wire format (1e-7 degree, 0.001 km/h, 0.01 of the
rest), so files, sorting and comparing are exact. Unknown is the sentinel `UNKNOWN` in here and null in
every file. Identity is (truck, timestamp): of equal identities a settled row wins, then the lowest
(sequence number, index).
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from truckstream.core.records import EngineStatus, Position, ReceivedPositions

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]
Int8 = npt.NDArray[np.int8]
Bool = npt.NDArray[np.bool_]

UNKNOWN = -(2**31)
"""Sentinel of an unknown speed, heading, altitude, accuracy or fuel level: below every valid value."""

ENGINE_STATUSES: tuple[EngineStatus, ...] = ("running", "idle", "off")
ENGINE_UNKNOWN, ENGINE_RUNNING, ENGINE_IDLE, ENGINE_OFF = -1, 0, 1, 2

SEQUENCE_DIGITS = 56
"""Digits of the largest Kinesis sequence number (186 bits): text of equal width sorts as numbers do."""

SEQUENCE_SETTLED = -1
"""Sequence number of a settled row: below every real one, so that settled rows win."""

_INT64_DIGITS = 18  # a number of 18 digits always fits
_ENGINE_CODES: dict[EngineStatus | None, int] = {None: ENGINE_UNKNOWN, "running": 0, "idle": 1, "off": 2}
_FIELDS = (
    "timestamp_ms",
    "latitude_e7",
    "longitude_e7",
    "speed",
    "heading",
    "altitude",
    "accuracy",
    "fuel",
    "engine",
)


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """Where and when each row was received.

    `sequence` is int64, or 56-digit text (`S56`) when one of the numbers does not fit.
    """

    sequence: npt.NDArray[Any]
    record_index: Int32
    arrival_ms: Int64


@dataclass(frozen=True, slots=True, eq=False)
class PositionColumns:
    """Positions column by column, all arrays of equal length.

    `trucks` are the names, sorted and unique; `truck` holds places in it, so codes compare as names do.
    `speed` is in 0.001 km/h; heading, altitude, accuracy and fuel in 0.01 of degree, metre, metre and per
    cent.
    `engine` is a place in `ENGINE_STATUSES` or -1. `delivery` None: every row is settled.
    """

    trucks: tuple[str, ...]
    truck: Int32
    timestamp_ms: Int64
    latitude_e7: Int64
    longitude_e7: Int64
    speed: Int32
    heading: Int32
    altitude: Int32
    accuracy: Int32
    fuel: Int32
    engine: Int8
    delivery: Delivery | None = None

    def __len__(self) -> int:
        return len(self.truck)

    @classmethod
    def empty(cls) -> Self:
        """Return columns of no rows."""
        return cls.from_positions(())

    @classmethod
    def from_positions(cls, positions: Sequence[Position]) -> Self:
        """Return the positions as settled rows, in their order."""
        ids = [p.truck_id for p in positions]
        trucks = tuple(sorted(set(ids)))
        code_of = {name: code for code, name in enumerate(trucks)}
        count = len(ids)
        return cls(
            trucks,
            np.fromiter([code_of[name] for name in ids], np.int32, count),
            np.array([p.timestamp_ms for p in positions], np.int64),
            _scaled_exactly([p.latitude for p in positions]),
            _scaled_exactly([p.longitude for p in positions]),
            _scaled([p.speed_kmh for p in positions], 1000.0),
            _scaled([p.heading for p in positions], 100.0),
            _scaled([p.altitude_m for p in positions], 100.0),
            _scaled([p.accuracy_m for p in positions], 100.0),
            _scaled([p.fuel_level_pct for p in positions], 100.0),
            np.fromiter([_ENGINE_CODES[p.engine_status] for p in positions], np.int8, count),
        )

    @classmethod
    def from_received(cls, rows: ReceivedPositions) -> Self:
        """Return the rows with their delivery columns, in their order."""
        delivery = Delivery(
            sequence_column(rows.sequence_numbers),
            np.array(rows.indexes, np.int32),
            np.array(rows.arrivals_ms, np.int64),
        )
        return replace(cls.from_positions(rows.positions), delivery=delivery)

    @classmethod
    def concat(cls, parts: Iterable[Self]) -> Self:
        """Return the rows of all parts, in their order; settled rows keep their precedence.

        Parts that nobody else holds (of a generator) are let go column by column: all of them are never there twice.
        """
        kept = [part for part in parts if len(part)]
        if len(kept) <= 1:
            return kept[0] if kept else cls.empty()
        trucks = tuple(sorted(set().union(*(part.trucks for part in kept))))
        code_of = {name: code for code, name in enumerate(trucks)}
        codes = [np.array([code_of[name] for name in part.trucks], np.int32)[part.truck] for part in kept]
        lengths = [len(part) for part in kept]
        deliveries = [part.delivery for part in kept]
        arrays = {field: [getattr(part, field) for part in kept] for field in _FIELDS}
        del parts, kept
        delivery = _concat_delivery(deliveries, lengths)
        truck = np.concatenate(codes)
        del codes
        return cls(trucks, truck, **{field: np.concatenate(arrays.pop(field)) for field in _FIELDS}, delivery=delivery)

    def take(self, rows: Int64 | Bool | slice) -> Self:
        """Return the chosen rows, in the order chosen. `trucks` stays whole."""
        delivery = self.delivery
        if delivery is not None:
            delivery = Delivery(delivery.sequence[rows], delivery.record_index[rows], delivery.arrival_ms[rows])
        columns = {field: getattr(self, field)[rows] for field in _FIELDS}
        return type(self)(self.trucks, self.truck[rows], **columns, delivery=delivery)

    def between(self, from_ms: int, to_ms: int) -> Self:
        """Return the rows with `from_ms <= timestamp_ms < to_ms`."""
        inside = (self.timestamp_ms >= from_ms) & (self.timestamp_ms < to_ms)
        return self if inside.all() else self.take(inside)

    def of_trucks(self, truck_ids: Collection[str]) -> Self:
        """Return the rows of these trucks."""
        chosen = np.array([name in truck_ids for name in self.trucks], np.bool_)
        return self.take(chosen[self.truck]) if not chosen.all() else self

    def sorted(self) -> Self:
        """Return the rows by truck, time, sequence number and index, all of them kept."""
        order = self._by_identity()
        columns = self if order is None else self.take(order)
        if columns.delivery is None:
            return columns
        again = _repeats(columns.truck, columns.timestamp_ms)
        if not again.any():
            return columns
        order = np.arange(len(columns))
        group = np.flatnonzero(again | np.append(again[1:], False))
        order[group] = group[columns._precedence(group)]
        return columns.take(order)

    def settled(self) -> Self:
        """Return the rows that count: unique by identity, by truck and time, without delivery columns."""
        rows = self if self.delivery is None else replace(self, delivery=None)
        order = self._by_identity()
        truck, timestamp_ms = self.truck, self.timestamp_ms
        if order is not None:
            truck, timestamp_ms = truck[order], timestamp_ms[order]
        again = _repeats(truck, timestamp_ms)
        if not again.any():
            return rows if order is None else rows.take(order)
        if order is None:
            order = np.arange(len(self))
        if self.delivery is not None:
            group = np.flatnonzero(again | np.append(again[1:], False))
            order[group] = order[group][self._precedence(order[group])]
        return rows.take(order[~again])

    def to_positions(self, rows: slice = slice(None)) -> list[Position]:
        """Return the rows as positions, exactly as they were validated."""
        part = self if rows == slice(None) else self.take(rows)
        speed, heading, altitude, accuracy, fuel = (
            [None if value == UNKNOWN else value / scale for value in column.tolist()]
            for column, scale in (
                (part.speed, 1000),
                (part.heading, 100),
                (part.altitude, 100),
                (part.accuracy, 100),
                (part.fuel, 100),
            )
        )
        return list(
            map(
                Position,
                [self.trucks[code] for code in part.truck.tolist()],
                part.timestamp_ms.tolist(),
                (part.latitude_e7 / 1e7).tolist(),
                (part.longitude_e7 / 1e7).tolist(),
                speed,
                heading,
                altitude,
                accuracy,
                fuel,
                [None if code < 0 else ENGINE_STATUSES[code] for code in part.engine.tolist()],
            )
        )

    def _by_identity(self) -> Int64 | None:
        """Return the stable order by truck and time, or None when the rows are in it already."""
        if len(self) < 2:
            return None
        steps = np.diff(self.truck)
        if (steps >= 0).all() and ((steps > 0) | (np.diff(self.timestamp_ms) >= 0)).all():
            return None
        first = int(self.timestamp_ms.min())
        span = int(self.timestamp_ms.max()) - first + 1
        if span * len(self.trucks) < 2**62:  # one key sorts several times faster than two
            return np.argsort(self.truck * np.int64(span) + (self.timestamp_ms - first), kind="stable")
        return np.lexsort((self.timestamp_ms, self.truck))

    def _precedence(self, rows: Int64) -> Int64:
        """Return the stable order of these rows by truck, time, sequence number and index."""
        assert self.delivery is not None
        keys = (self.delivery.record_index, self.delivery.sequence, self.timestamp_ms, self.truck)
        return np.lexsort([key[rows] for key in keys])


def sequence_column(numbers: Sequence[int]) -> npt.NDArray[Any]:
    """Return sequence numbers as int64, or as 56-digit text when one of them does not fit."""
    if not numbers or max(numbers) < 10**_INT64_DIGITS:
        return np.array(numbers, np.int64)
    return np.array([b"%056d" % number for number in numbers], f"S{SEQUENCE_DIGITS}")


def sequence_text(sequence: npt.NDArray[Any]) -> npt.NDArray[np.bytes_]:
    """Return sequence numbers as 56-digit text; a settled row's is empty."""
    if sequence.dtype != np.int64:
        return sequence
    digits = np.full((len(sequence), SEQUENCE_DIGITS), ord("0"), np.uint8)
    rest = sequence.copy()
    for place in range(SEQUENCE_DIGITS - 1, SEQUENCE_DIGITS - 1 - _INT64_DIGITS, -1):
        rest, digit = np.divmod(rest, 10)
        digits[:, place] += digit.astype(np.uint8)
        if not rest.any():
            break
    digits[sequence == SEQUENCE_SETTLED] = 0
    return digits.view(f"S{SEQUENCE_DIGITS}").reshape(-1)


def sequence_from_text(text: npt.NDArray[np.bytes_]) -> npt.NDArray[Any]:
    """Return the column that `sequence_text` was made of."""
    digits = np.ascontiguousarray(text).view(np.uint8).reshape(-1, SEQUENCE_DIGITS)
    if (digits[:, :-_INT64_DIGITS] != ord("0")).any():
        return text
    value = np.zeros(len(text), np.int64)
    for place in range(SEQUENCE_DIGITS - _INT64_DIGITS, SEQUENCE_DIGITS):
        value = value * 10 + (digits[:, place] - ord("0"))
    return value


def _repeats(truck: Int32, timestamp_ms: Int64) -> Bool:
    """Return which rows have the identity of the row before; the rows must be sorted."""
    again = np.zeros(len(truck), np.bool_)
    again[1:] = (truck[1:] == truck[:-1]) & (timestamp_ms[1:] == timestamp_ms[:-1])
    return again


def _concat_delivery(deliveries: list[Delivery | None], lengths: list[int]) -> Delivery | None:
    """Return the deliveries of parts of these lengths; the list is emptied."""
    if all(delivery is None for delivery in deliveries):
        return None
    known = [each or _settled_delivery(count) for each, count in zip(deliveries, lengths, strict=True)]
    deliveries.clear()
    sequences = [delivery.sequence for delivery in known]
    indexes = [delivery.record_index for delivery in known]
    arrivals = [delivery.arrival_ms for delivery in known]
    del known
    if any(sequence.dtype != np.int64 for sequence in sequences):
        sequences = [sequence_text(sequence) for sequence in sequences]
    sequence = np.concatenate(sequences)
    sequences.clear()
    return Delivery(sequence, np.concatenate(indexes), np.concatenate(arrivals))


def _settled_delivery(count: int) -> Delivery:
    return Delivery(np.full(count, SEQUENCE_SETTLED, np.int64), np.zeros(count, np.int32), np.zeros(count, np.int64))


def _scaled_exactly(degrees: list[float]) -> Int64:
    return np.rint(np.array(degrees, np.float64) * 1e7).astype(np.int64)


def _scaled(values: list[float | None], scale: float) -> Int32:
    if not values or (values[0] is None and values.count(None) == len(values)):
        return np.full(len(values), UNKNOWN, np.int32)
    numbers = np.array(values, np.float64) * scale  # None becomes NaN
    return np.where(np.isnan(numbers), UNKNOWN, np.rint(numbers)).astype(np.int32)
