"""A snapshot of the stream: readers one after the other find the same end."""

from pathlib import Path

from truckstream.local.snapshot import Snapshot
from truckstream.local.stream import LocalStream
from truckstream.ports import OutgoingRecord


def records(first: int, count: int) -> list[OutgoingRecord]:
    return [OutgoingRecord("TRK-1", b"%d" % n, 1000 + n) for n in range(first, first + count)]


def payloads(snapshot: Snapshot, after: int = 0, limit: int = 100) -> list[bytes]:
    return [record.data for shard in snapshot.shards() for record in snapshot.read(shard.shard_id, after, limit)]


def test_what_is_appended_later_is_seen_after_renewal(tmp_path: Path) -> None:
    stream = LocalStream(tmp_path / "stream.db", shard_count=2)
    stream.put(records(0, 3))
    snapshot = Snapshot(stream)
    stream.put(records(3, 2))
    assert payloads(snapshot) == [b"0", b"1", b"2"]
    assert payloads(snapshot, after=2) == [b"2"]
    assert payloads(snapshot, after=3) == []
    assert payloads(snapshot, limit=2) == [b"0", b"1"]
    snapshot.renew()
    assert payloads(snapshot) == [b"0", b"1", b"2", b"3", b"4"]
    stream.close()


def test_another_process_may_append_while_the_end_stays(tmp_path: Path) -> None:
    stream = LocalStream(tmp_path / "stream.db")
    other = LocalStream(tmp_path / "stream.db", keep_for_readers=False)
    snapshot = Snapshot(stream)
    other.put(records(0, 3))
    assert payloads(snapshot) == []
    snapshot.renew()
    other.put(records(3, 3))
    assert payloads(snapshot) == [b"0", b"1", b"2"]
    other.close()
    stream.close()
