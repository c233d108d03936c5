"""Duplicates and late positions are those of the order of reception.

However batches are split and worked on again, whenever compaction runs, wherever it is killed.
"""

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckstream.consumers.archive_keys import day_ms, live_key
from truckstream.consumers.compaction import compact
from truckstream.consumers.deliveries import count_deliveries
from truckstream.core.instants import HOUR_MS, date_of
from truckstream.core.records import Position, ReceivedPositions
from truckstream.parquet import ParquetFormat
from truckstream.ports import ArchiveObject
from truckstream.testing import FaultScript, MemoryArchive, SimulatedCrash

FORMAT = ParquetFormat()
FIRST, LAST = "2024-01-14", "2024-01-19"
T0 = day_ms("2024-01-15") + 21 * HOUR_MS
KINESIS = 49590338271490256608559692538361571095921575989136588898

type Count = Counter[tuple[str, str, int]]  # "duplicates" or "late", truck, hour


class Record(NamedTuple):
    position: Position
    number: int
    within: int


class Stream:
    """Records in the order of their reception, on two shards, and the archive as its consumer writes it."""

    def __init__(self, base: int) -> None:
        self.script = FaultScript()
        self.archive = MemoryArchive(self.script)
        self._base = base
        self._shards: dict[str, list[Record]] = {"shard-0": [], "shard-1": []}
        self._archived: Counter[str] = Counter()  # records by truck
        self._newest_ms = T0

    def receive(self, position: Position) -> None:
        records = self._shards[f"shard-{ord(position.truck_id) % 2}"]
        last = records[-1] if records else Record(position, self._base, 1)
        mine = [record for record in records if record.position.truck_id == position.truck_id]
        joins = last in mine[self._archived[position.truck_id] :] and last.within == 0  # two positions in one record
        records.append(Record(position, last.number, 1) if joins else Record(position, last.number + 1, 0))
        self._newest_ms = max(self._newest_ms, position.timestamp_ms)

    def consume(self, again: int, trucks: str = "ABC") -> None:
        """Archive what is new of these trucks, by shards, and the last `again` records before it once more.

        Others may be overtaken: with a parallelization factor above 1 only a truck's records stay in order.
        """
        for shard, records in self._shards.items():
            batch = []
            for truck in trucks:
                mine = [record for record in records if record.position.truck_id == truck]
                begin = max(0, self._archived[truck] - again)
                begin -= begin < len(mine) and mine[begin].within  # records come whole
                batch += mine[begin:]
                if mine:
                    self._archived[truck] = len(mine)
            self._put(f"{shard}{trucks}", sorted(batch, key=lambda record: (record.number, record.within)))

    def compact(self, *, all_hours: bool = False) -> None:
        compact(self.archive, FORMAT, clock_ms=None if all_hours else self._newest_ms)

    def counts(self, trucks: tuple[str, ...] | None = None) -> Count:
        found: Count = Counter()
        for hour_ms, counts in count_deliveries(self.archive, FORMAT, FIRST, LAST, trucks).items():
            for kind, of_trucks in (("duplicates", counts.duplicates), ("late", counts.late)):
                for truck, count in of_trucks.items():
                    if trucks is None or truck in trucks:
                        found[kind, truck, hour_ms] += count
        return found

    def expected(self) -> Count:
        """Record by record, as the words say it."""
        found: Count = Counter()
        for truck in "ABC":
            records = [each.position for each in self._shards[f"shard-{ord(truck) % 2}"]]
            mine = [record.timestamp_ms for record in records if record.truck_id == truck]
            before: list[int] = []
            for at_ms in mine[: self._archived[truck]]:
                near = [ms for ms in before if day_ms(date_of(ms)) <= day_ms(date_of(at_ms)) + 24 * HOUR_MS]
                if at_ms in before:
                    found["duplicates", truck, at_ms // HOUR_MS * HOUR_MS] += 1
                elif any(ms > at_ms for ms in near):
                    found["late", truck, at_ms // HOUR_MS * HOUR_MS] += 1
                before.append(at_ms)
        return found

    def _put(self, lane: str, batch: list[Record]) -> None:
        for date in {date_of(record.position.timestamp_ms) for record in batch}:
            chosen = [record for record in batch if date_of(record.position.timestamp_ms) == date]
            received = ReceivedPositions(
                [record.position for record in chosen],
                [record.number for record in chosen],
                [record.within for record in chosen],
                [self._newest_ms] * len(chosen),
            )
            key = live_key(date, lane, batch[0].number, batch[-1].number)
            self.archive.put(key, FORMAT.write_received(received))


moves = st.lists(
    st.tuples(
        st.sampled_from("AABC"),
        st.sampled_from([1, 5, 30, 61, 200]),  # minutes on
        st.sampled_from([0] * 5 + [1, 2, 60, 70, 130, 1_000, 1_500]),  # minutes this one is older than the newest
        st.sampled_from([0, 0, 1, 2, 3, 6]),  # records worked on again
        st.sampled_from(["", "", "consume", "A", "BC", "compact", "all"]),
    ),
    min_size=5,
    max_size=30,
)


def play(stream: Stream, drawn: list[tuple[str, int, int, int, str]], compacting: Callable[[bool], None]) -> None:
    minute = 0
    for truck, pause, age, again, act in drawn:
        minute += pause
        at_ms = T0 + (minute - age) * 60_000
        stream.receive(Position(truck, at_ms, 47.0, 8.0))
        if act:
            stream.consume(again, act if act in ("A", "BC") else "ABC")
        if act in ("compact", "all"):
            compacting(act == "all")
    stream.consume(0)


@given(moves, st.sampled_from([1, KINESIS]))
@settings(max_examples=25)
def test_any_split_and_any_compaction_count_the_same(drawn: list[tuple[str, int, int, int, str]], base: int) -> None:
    stream = Stream(base)

    def compacting(all_hours: bool) -> None:
        stream.compact(all_hours=all_hours)
        assert stream.counts() == stream.expected()

    play(stream, drawn, compacting)
    expected = stream.expected()
    assert stream.counts() == expected
    stream.compact(all_hours=True)
    assert stream.counts() == expected
    assert stream.counts(("A",)) == Counter({key: count for key, count in expected.items() if key[1] == "A"})


@given(moves, st.integers(1, 12), st.booleans())
@settings(max_examples=25)
def test_a_compaction_killed_at_any_write_counts_the_same(
    drawn: list[tuple[str, int, int, int, str]], where: int, after_effect: bool
) -> None:
    stream = Stream(1)

    def compacting(all_hours: bool) -> None:
        stream.script.crash(len(stream.script.calls) + where, after_effect=after_effect)
        try:
            stream.compact(all_hours=all_hours)
        except SimulatedCrash:
            assert stream.counts() == stream.expected()
        stream.script.clear()

    play(stream, drawn, compacting)
    assert stream.counts() == stream.expected()
    stream.compact(all_hours=True)
    assert stream.counts() == stream.expected()


def test_an_hour_that_was_settled_without_being_counted_stays_unknown() -> None:
    stream = Stream(1)
    stream.receive(Position("A", T0, 47.0, 8.0))
    stream.receive(Position("A", T0 + HOUR_MS, 47.0, 8.0))
    stream.consume(0)
    stream.compact(all_hours=True)
    (counts,) = [file.key for file in stream.archive.list("positions/") if file.key.endswith(".bin")]
    whole = zlib.decompress(stream.archive.get(counts))
    cut = msgspec.msgpack.decode(whole)
    for hour in cut["hours"].values():
        hour["last"] = hour["last"][:-1]
    for damaged in (b"", b"\x00damaged", zlib.compress(whole[:-9]), zlib.compress(msgspec.msgpack.encode(cut))):
        stream.archive.put(counts, damaged)
        assert count_deliveries(stream.archive, FORMAT, FIRST, LAST) == {}
    stream.receive(Position("A", T0 + 2 * HOUR_MS, 47.0, 8.0))
    stream.receive(Position("A", T0, 47.0, 8.0))
    stream.consume(0)
    for _ in range(2):
        assert list(count_deliveries(stream.archive, FORMAT, FIRST, LAST)) == [T0 + 2 * HOUR_MS]
        stream.compact(all_hours=True)


class Interrupted:
    """An archive in which something happens just before the n-th time it is read."""

    def __init__(self, archive: MemoryArchive, call: int, happening: Callable[[], object]) -> None:
        self._archive, self._calls, self._happening = archive, call, happening

    def get(self, key: str) -> bytes:
        self._count()
        return self._archive.get(key)

    def list(self, prefix: str) -> Sequence[ArchiveObject]:
        self._count()
        return self._archive.list(prefix)

    def put(self, key: str, data: bytes) -> None:
        self._archive.put(key, data)

    def delete(self, keys: Iterable[str]) -> None:
        self._archive.delete(keys)

    def _count(self) -> None:
        self._calls -= 1
        if self._calls == 0:
            self._happening()


@pytest.mark.parametrize("call", range(1, 10))
def test_a_compaction_at_any_moment_of_reading_changes_no_count(call: int) -> None:
    stream = Stream(1)
    for minute in (0, 60, 120):
        stream.receive(Position("A", T0 + minute * 60_000, 47.0, 8.0))
    stream.consume(0)
    stream.compact(all_hours=True)
    for minute in (30, 60, 90):  # late, again, late
        stream.receive(Position("A", T0 + minute * 60_000, 47.0, 8.0))
    stream.consume(0)
    interrupted = Interrupted(stream.archive, call, lambda: compact(stream.archive, FORMAT, clock_ms=None))
    found = count_deliveries(interrupted, FORMAT, FIRST, LAST)
    counted = {("duplicates", hour_ms): hour.duplicates.get("A", 0) for hour_ms, hour in found.items()}
    counted |= {("late", hour_ms): hour.late.get("A", 0) for hour_ms, hour in found.items()}
    wanted = {("late", T0): 1, ("duplicates", T0 + HOUR_MS): 1, ("late", T0 + HOUR_MS): 1}
    assert {key: count for key, count in counted.items() if count} == wanted


@pytest.mark.parametrize("call", range(1, 8))
def test_what_is_archived_while_a_compaction_reads_is_counted_the_same(call: int) -> None:
    """At midnight: the first position of the new date, and then a late one of the old date."""
    stream = Stream(1)
    midnight = T0 + 3 * HOUR_MS
    stream.receive(Position("A", midnight - 120_000, 47.0, 8.0))
    stream.receive(Position("B", midnight + 1_000, 47.0, 8.0))
    stream.consume(0)

    def happening() -> None:
        stream.receive(Position("A", midnight + 2_000, 47.0, 8.0))
        stream.receive(Position("A", midnight - 60_000, 47.0, 8.0))
        stream.consume(0)

    compact(Interrupted(stream.archive, call, happening), FORMAT, clock_ms=midnight + 400_000)
    stream.consume(0)
    assert stream.counts() == stream.expected()
    stream.compact(all_hours=True)
    assert stream.counts() == stream.expected() == {("late", "A", midnight - HOUR_MS): 1}


def test_a_file_by_another_name_is_merged_and_tells_no_order() -> None:
    stream = Stream(1)
    for minute in (0, 0, 60):
        stream.receive(Position("A", T0 + minute * 60_000, 47.0, 8.0))
        stream.consume(0)
    expected = stream.expected()
    first, *_, last = [file.key for file in stream.archive.list("positions/")]
    stream.archive.put(first.rpartition("/")[0] + "/copy.parquet", stream.archive.get(first))
    assert stream.counts() == expected
    data = stream.archive.get(last)  # of an hour of its own
    stream.archive.delete([last])
    stream.archive.put(last.rpartition("/")[0] + "/by-hand.parquet", data)
    for _ in range(2):
        assert list(count_deliveries(stream.archive, FORMAT, FIRST, LAST)) == [T0]
        assert stream.counts() == expected
        stream.compact(all_hours=True)
    assert [file.key[-11:] for file in stream.archive.list("positions/")][1:] == ["h21.parquet", "h22.parquet"]


@pytest.mark.parametrize("base", [1, KINESIS])
def test_what_a_truck_sends_after_a_dead_zone_is_late_where_newer_hours_are_settled(base: int) -> None:
    stream = Stream(base)
    for minute in (0, 60, 120):
        stream.receive(Position("A", T0 + minute * 60_000, 47.0, 8.0))
        stream.consume(0)
    stream.compact(all_hours=True)
    stream.receive(Position("A", T0 + 30 * 60_000, 47.0, 8.0))
    stream.receive(Position("A", T0 + 60 * 60_000, 47.0, 8.0))
    stream.consume(0)
    stream.compact(all_hours=True)
    assert stream.counts() == {("late", "A", T0): 1, ("duplicates", "A", T0 + HOUR_MS): 1}
