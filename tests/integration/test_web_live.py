"""The live stream over real HTTP: snapshot, frames, cursor, viewport, honest ages."""

import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.web import Events, System, live, now_ms, served, served_directory, system, truck
from tests.support.web_memory import MemoryWorld

from truckstream.core.outliers import Track
from truckstream.core.records import Position, encode_position
from truckstream.ports import NotPlaced, OutgoingRecord, Placed


@pytest.fixture
def running(tmp_path: Path) -> Iterator[System]:
    with system(tmp_path / "data") as running:
        yield running


@pytest.fixture
def client(running: System) -> Iterator[httpx.Client]:
    with served_directory(running.stores.directory.root) as client:
        yield client


def at(truck_id: str, age_s: float = 0, latitude: float = 47.0, longitude: float = 8.0, speed: float = 50) -> Position:
    return Position(
        truck_id, now_ms() - round(age_s * 1000), latitude, longitude, speed, 90.0, None, None, 80.0, "running"
    )


def test_snapshot_holds_the_fleet_and_frames_what_changed(running: System) -> None:
    running.send(at("TRK-1", 10), at("TRK-2", 400), at("TRK-3", 5, speed=0))
    with served_directory(running.stores.directory.root) as client, live(client) as events:
        name, data = events.next()
        assert name == "snapshot"
        assert data["counts"] == {"moving": 1, "idling": 1, "stopped": 0, "offline": 1, "never": 0, "fleet": 3}
        assert [row[0] for row in data["trucks"]] == ["TRK-1", "TRK-2", "TRK-3"]
        running.send(at("TRK-1", latitude=47.001), at("TRK-9"))
        seen, data = changed(events, {"TRK-1", "TRK-9"})
        assert seen == {"TRK-1", "TRK-9"}
        assert data["counts"]["fleet"] == sum(n for state, n in data["counts"].items() if state != "fleet") == 4


def test_stream_resumes_at_its_cursor_without_a_snapshot(running: System, client: httpx.Client) -> None:
    running.send(at("TRK-1"))
    with live(client) as events:
        events.until(lambda data: truck(data, "TRK-1") is not None)
        cursor = events.cursor
    running.send(at("TRK-2"))
    with live(client, headers={"Last-Event-ID": cursor}) as events:
        seen = []
        for _ in range(3):
            name, data = events.next()
            assert name == "frame"
            seen += [row[0] for row in data["trucks"]]
            if seen:
                break
        assert seen == ["TRK-2"]
    for unknown in ("00000000-1-1", "nonsense", cursor.replace("-", "-9", 1)):
        with live(client, headers={"Last-Event-ID": unknown}) as events:
            assert events.next()[0] == "snapshot"


def test_trucks_outside_the_viewport_come_later_but_come(running: System, client: httpx.Client) -> None:
    with live(client, "?bbox=170,-20,-170,20") as events:
        stream_id = events.next()[1]["stream_id"]
        running.send(
            at("EAST", latitude=1, longitude=179), at("WEST", latitude=1, longitude=-179), at("FAR", longitude=0)
        )
        assert changed(events, {"EAST", "WEST", "FAR"})[0] == {"EAST", "WEST", "FAR"}
        answer = client.post(f"/api/v1/live/{stream_id}/viewport", json={"bbox": [-1, 46, 1, 48]})
        assert answer.json() == {"bbox": [-1.0, 46.0, 1.0, 48.0]}
        running.send(at("FAR", longitude=0.001))
        assert truck(_next(events), "FAR") is not None
    assert client.post(f"/api/v1/live/{stream_id}/viewport", json={"bbox": None}).status_code == 404


def changed(events: Events, wanted: set[str]) -> tuple[set[str], dict[str, Any]]:
    """Return the trucks of the frames until all that are wanted came, and the last frame.

    Consumers take the stream shard by shard: a tick may fall between two of them.
    """
    seen: set[str] = set()
    while True:
        data = events.until(lambda data: len(data["trucks"]) > 0)
        seen |= {row[0] for row in data["trucks"]}
        if wanted <= seen:
            return seen, data


def _next(events: Events) -> dict[str, object]:
    return events.until(lambda data: len(data["trucks"]) > 0, frames=3)


def test_heartbeat_comes_also_when_nothing_moves(client: httpx.Client) -> None:
    with live(client) as events:
        first = events.next()[1]["now_ms"]
        name, data = events.next()
        assert name == "frame"
        assert data["trucks"] == []
        # Every fifth tick, which test_fleet_view holds; how long ticks take is the machine's.
        assert 4_000 <= data["now_ms"] - first <= 15_000


def test_the_map_goes_on_while_many_wait_for_a_slow_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    world, taken, go_on = MemoryWorld(), threading.Semaphore(0), threading.Event()
    put = world.stream.put

    def slow(records: Sequence[OutgoingRecord]) -> Sequence[Placed | NotPlaced]:
        taken.release()
        assert go_on.wait(30)
        return put(records)

    monkeypatch.setattr(world.stream, "put", slow)
    shared_threads = min(32, (os.cpu_count() or 1) + 4)
    with served(world.sources) as url, httpx.Client(base_url=url, timeout=40) as client, live(client) as events:
        events.next()
        with ThreadPoolExecutor(shared_threads + 2) as senders:
            sent = [
                senders.submit(httpx.post, f"{url}/api/v1/positions", content=encode_position(at("TRK-1")), timeout=40)
                for _ in range(shared_threads + 2)
            ]
            try:
                assert all(taken.acquire(timeout=20) for _ in range(shared_threads))
                world.positions.put_newer([Track(at("TRK-7"))])
                assert events.until(lambda data: len(data["trucks"]) > 0)["trucks"][0][0] == "TRK-7"
                assert not any(each.done() for each in sent)
            finally:
                go_on.set()
            assert {each.result().status_code for each in sent} == {200}
