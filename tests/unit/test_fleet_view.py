"""The live view without a network: states, ages, changes since a tick, alerts and their acknowledgement."""

import asyncio
import gzip
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st
from tests.support.web_memory import MemoryWorld

from truckstream.core.alerts import Alert
from truckstream.core.errors import Unavailable
from truckstream.core.geofences import parse_geofence
from truckstream.core.outliers import Track
from truckstream.core.presence import TruckPresence
from truckstream.core.records import Position
from truckstream.core.truck_state import activity, is_offline
from truckstream.ports import PresenceChange
from truckstream.ports_viewing import Acknowledgement
from truckstream.web.fleet_state import REMEMBERED_TICKS
from truckstream.web.fleet_view import FleetView
from truckstream.web.frames import FrameMaker, GzipStream, Viewport, named
from truckstream.web.live import HEARTBEAT_TICKS, LiveStreams, Pace, Viewer, viewport_of

NOW = 1_705_312_800_000
OFFLINE_MS = 300_000


class World(MemoryWorld):
    def __init__(self) -> None:
        super().__init__()
        self.health = b"{}"
        self.view = FleetView(self.sources, offline_after_ms=OFFLINE_MS, health=lambda now_ms: self.read_health())
        self.state = self.view.state
        self.frames = FrameMaker(self.state, "e")

    def read_health(self) -> bytes:
        if not self.health:
            raise Unavailable("the metrics do not answer")
        return self.health

    def tick(self, now_ms: int = NOW) -> None:
        try:
            self.view.apply(self.view.refresh(now_ms))
        except Unavailable:
            self.view.fail(now_ms)

    def send(self, truck_id: str, at_ms: int, received_ms: int = 0, **fields: object) -> None:
        values = {"latitude": 47.0, "longitude": 8.0, "speed_kmh": 50.0, "engine_status": "running", **fields}
        position = Position(truck_id, at_ms, **values)  # type: ignore[arg-type]
        self.positions.put_newer([Track(position, received_ms=received_ms or at_ms)])

    def states(self) -> dict[str, str]:
        return {line.truck_id: line.state for line in self.state.lines.values()}

    def alert(self, alert_id: str) -> None:
        before = self.presence.load(["T"]).get("T")
        expected = before.sequence_number if before else None
        alert = Alert(alert_id, "T", "A", "Fence", "exit", NOW, 47.0, 8.0, 1)
        self.presence.commit([PresenceChange(expected, TruckPresence("T", (expected or 0) + 1), (alert,))])


def position(**fields: object) -> Position:
    return Position("T", NOW, 47.0, 8.0, **fields)  # type: ignore[arg-type]


def test_activity_means_what_the_statistics_mean() -> None:
    assert activity(position(speed_kmh=3.0, engine_status="running")) == "moving"
    assert activity(position(speed_kmh=2.999, engine_status="running")) == "idling"
    assert activity(position(speed_kmh=0.0)) == "idling"
    assert activity(position(speed_kmh=0.0, engine_status="off")) == "stopped"
    assert activity(position(speed_kmh=30.0, engine_status="off")) == "moving"
    assert activity(position(speed_kmh=30.0, engine_status="idle")) == "idling"


def test_a_truck_that_tells_no_speed_is_judged_by_where_it_was() -> None:
    before = Position("T", NOW - 10_000, 47.0, 8.0)
    assert activity(position(), None) == "stopped"
    assert activity(position(), before) == "stopped"
    assert activity(Position("T", NOW, 47.001, 8.0), before) == "moving"


def test_a_clock_that_runs_ahead_makes_no_truck_fresher() -> None:
    assert is_offline(NOW + 290_000, NOW, NOW + OFFLINE_MS + 1)
    assert not is_offline(NOW, NOW, NOW + OFFLINE_MS)
    # Three hours behind: as old as it says, though it arrived just now.
    assert is_offline(NOW - 3 * 3_600_000, NOW, NOW)


def test_trucks_fall_silent_without_a_position_and_come_back_with_one() -> None:
    world = World()
    world.send("A", NOW)
    world.send("B", NOW - 299_000)
    world.tick()
    assert world.states() == {"A": "moving", "B": "moving"}
    tick = world.state.tick
    world.tick(NOW + 2_000)
    assert world.states() == {"A": "moving", "B": "offline"}
    assert [line.truck_id for line in world.state.changed_since(tick)] == ["B"]
    assert world.state.lines["B"].since_ms == NOW + 1_000
    world.send("B", NOW + 3_000)
    world.tick(NOW + 4_000)
    assert (world.states()["B"], world.state.lines["B"].since_ms) == ("moving", NOW + 3_000)


def test_trucks_move_on_while_the_pipelines_health_cannot_be_read() -> None:
    world = World()
    world.send("A", NOW)
    world.tick()
    assert world.state.health == b"{}"
    world.health = b""
    world.send("A", NOW + 5_000, latitude=47.001)
    world.tick(NOW + 5_000)
    assert (world.state.lines["A"].latitude, world.state.failing_since_ms) == (47.001, None)
    assert world.state.health == b"null"  # not what it was before
    world.health = b"{}"
    world.tick(NOW + 6_000)
    assert world.state.health == b"{}"


def test_state_lasts_since_the_position_that_began_it() -> None:
    world = World()
    world.tick()
    for second, speed in ((0, 50.0), (5, 40.0), (10, 0.0), (15, 1.0)):
        world.send("A", NOW + second * 1000, speed_kmh=speed)
        world.tick(NOW + second * 1000)
    assert (world.states()["A"], world.state.lines["A"].since_ms) == ("idling", NOW + 10_000)


def test_counts_always_add_up_to_the_fleet() -> None:
    world = World()
    geofence, _ = parse_geofence(
        {"geofence_id": "g", "type": "circle", "center": {"latitude": 1, "longitude": 1}, "radius_meters": 5,
         "trucks": ["A", "NEVER", "X-*"]}
    )  # fmt: skip
    world.geofences.put([geofence])
    world.send("A", NOW)
    world.send("B", NOW - 900_000)
    world.tick()
    assert world.state.count_of() == {"moving": 1, "idling": 0, "stopped": 0, "offline": 1, "never": 1, "fleet": 3}
    world.geofences.remove(["g"])
    world.tick()
    assert world.state.count_of()["fleet"] == 2
    assert world.state.gone_since(world.state.tick - 1) == ["NEVER"]
    world.send("NEVER", NOW)
    world.tick()
    assert world.state.count_of()["moving"] == 2
    assert world.state.gone_since(0) == []


@given(st.lists(st.lists(st.sampled_from("ABCDE"), max_size=3), max_size=12), st.integers(0, 12))
def test_whoever_knows_a_tick_gets_each_later_change_once(ticks: list[list[str]], known: int) -> None:
    world = World()
    for number, trucks in enumerate(ticks):
        for truck_id in set(trucks):
            world.send(truck_id, NOW + number * 1000)
        world.tick(NOW + number * 1000)
    changed = {truck_id for number, trucks in enumerate(ticks, 1) if number > known for truck_id in trucks}
    found = [line.truck_id for line in world.state.changed_since(known)]
    assert sorted(found) == sorted(changed)


def test_a_store_that_fails_is_said_and_caught_up_with() -> None:
    world = World()
    world.send("A", NOW)
    world.tick()
    world.faults.fail("geofences.catalogue", number=2)
    world.send("B", NOW + 1_000)
    world.tick(NOW + 1_000)
    assert world.state.failing_since_ms == NOW + 1_000
    assert b'"stale_since_ms":%d' % (NOW + 1_000) in world.frames.snapshot().text
    world.tick(NOW + 2_000)
    assert world.state.failing_since_ms is None
    assert set(world.states()) == {"A", "B"}


def test_alerts_keep_their_order_and_tell_who_acknowledged() -> None:
    world = World()
    world.alert("a1")
    world.tick()
    world.alert("a2")
    world.tick()
    world.acknowledgements.put("a1", Acknowledgement(NOW, "Anna"))
    tick = world.state.tick
    world.tick()
    assert list(world.state.alerts) == ["a1", "a2"]
    frame = world.frames.frame(tick, tick, None, outside_now=True)
    assert b'"by":"Anna"' in frame.text
    assert b'"alert_id":"a2"' not in frame.text
    world.acknowledgements.remove("a1")
    world.tick()
    assert b'"acknowledged":null' in world.state.alerts["a1"].row


def test_viewers_at_the_same_place_share_one_frame() -> None:
    world = World()
    world.tick()
    tick = world.state.tick
    world.send("A", NOW)
    world.tick()
    viewport = Viewport(7.0, 46.0, 9.0, 48.0)
    one = world.frames.frame(tick, tick, viewport, outside_now=False)
    assert world.frames.frame(tick, tick, viewport, outside_now=False) is one
    assert b'"A"' in one.text
    elsewhere = world.frames.frame(tick, tick, Viewport(1.0, 1.0, 2.0, 2.0), outside_now=False)
    assert b'"A"' not in elsewhere.text
    assert not elsewhere.changes
    # What was left out comes with the trucks outside.
    assert b'"A"' in world.frames.frame(world.state.tick, tick, Viewport(1.0, 1.0, 2.0, 2.0), outside_now=True).text


def test_shared_pieces_make_a_whole_gzip_stream() -> None:
    world = World()
    world.send("A", NOW)
    world.tick()
    snapshot = named(world.frames.snapshot(), "stream-1")
    frame = world.frames.frame(0, 0, None, outside_now=True)
    for order in ((snapshot, frame, frame), (frame, snapshot)):
        stream = GzipStream()
        sent = b"".join(stream.piece(each) for each in order) + stream.end()
        assert gzip.decompress(sent) == b"".join(each.text for each in order)
    assert gzip.decompress(GzipStream().end()) == b""


def test_cursors_of_the_past_and_of_others_are_not_known() -> None:
    world = World()
    world.tick()
    first = world.state.tick
    assert world.frames.ticks_of(f"e-{first}-{first}") == (first, first)
    for cursor in (f"e-{first + 1}-{first}", f"e-{first}-{first + 1}", f"f-{first}-{first}", "", "e-1", "e-x-y"):
        assert world.frames.ticks_of(cursor) is None, cursor
    for _ in range(REMEMBERED_TICKS):
        world.tick()
    assert world.frames.ticks_of(f"e-{first}-{first}") is None


def test_a_viewport_may_cross_the_antimeridian_or_be_dragged_around_the_world() -> None:
    world = World()
    world.send("EAST", NOW, longitude=179.5)
    world.send("WEST", NOW, longitude=-179.5)
    world.send("HERE", NOW, longitude=8.0)
    world.tick()

    def inside(*numbers: float) -> set[str]:
        viewport = viewport_of(numbers)
        return {line.truck_id for line in world.state.lines.values() if viewport is None or viewport.holds(line)}

    assert inside(179, 40, -179, 50) == {"EAST", "WEST"}
    assert inside(179, 40, 181, 50) == {"EAST", "WEST"}
    assert inside(367, 40, 369, 50) == {"HERE"}
    assert inside(-180, 40, 180, 50) == {"EAST", "WEST", "HERE"}
    assert inside(-200, -90, 200, 90) == {"EAST", "WEST", "HERE"}
    assert inside(7, -10, 9, 10) == set()


def test_a_slow_viewer_gets_one_frame_for_all_it_missed() -> None:
    world = World()
    world.tick()
    streams = LiveStreams(world.view, lambda: NOW)
    viewer = Viewer("someone", None, world.state.tick, world.state.tick)
    for second in range(30):
        world.send("A", NOW + second * 1000, longitude=8.0 + second / 1000)
        world.send(f"B{second}", NOW + second * 1000)
        world.tick(NOW + second * 1000)
    frame = streams.next_frame(viewer)
    assert frame is not None
    assert frame.text.count(b'["A",') == 1
    assert frame.text.count(b'["B') == 30
    assert streams.next_frame(viewer) is None


def test_a_quiet_fleet_is_still_told_of_every_few_seconds() -> None:
    world = World()
    world.tick()
    streams = LiveStreams(world.view, lambda: NOW)
    viewer = Viewer("someone", None, world.state.tick, world.state.tick)
    told = []
    for second in range(1, 3 * HEARTBEAT_TICKS + 1):
        world.tick(NOW + second * 1000)
        told.append(streams.next_frame(viewer) is not None)
    assert told == ([False] * (HEARTBEAT_TICKS - 1) + [True]) * 3


def test_a_stream_ends_when_the_server_stops() -> None:
    async def run() -> list[bytes]:
        world = World()
        streams = LiveStreams(world.view, lambda: NOW)
        await streams.start()
        viewer = Viewer("someone", None, world.state.tick, world.state.tick)
        events: AsyncIterator[bytes] = streams.watch(viewer, world.frames.snapshot(), gzipped=True)
        sent = [await anext(events), await anext(events)]
        assert streams.viewers == {viewer.stream_id: viewer}
        ending = asyncio.ensure_future(_rest(events))
        await asyncio.sleep(0)
        await streams.stop()
        sent += await asyncio.wait_for(ending, 30)
        assert streams.viewers == {}
        return sent

    text = gzip.decompress(b"".join(asyncio.run(run()))).decode()
    assert text.startswith(": truckstream\nretry: ")
    assert "event: snapshot" in text


async def _rest(events: AsyncIterator[bytes]) -> list[bytes]:
    return [event async for event in events]


def test_stores_are_read_seldom_while_nobody_looks_and_at_once_when_somebody_does() -> None:
    async def run() -> None:
        world = World()
        streams = LiveStreams(world.view, lambda: NOW, Pace(tick_s=0.01, doze_after_s=0.5, doze_tick_s=60.0))
        await streams.start()
        while world.state.tick == 1 and not streams._dozing:
            await asyncio.sleep(0.01)
        assert world.state.tick > 1  # whoever started it looks
        while not streams._dozing:
            await asyncio.sleep(0.02)
        before = world.state.tick
        await asyncio.sleep(0.1)
        assert world.state.tick == before
        world.send("A", NOW)
        await asyncio.to_thread(streams.look)
        for _ in range(1_500):
            await asyncio.sleep(0.02)
            if world.state.tick > before + 2:
                break
            if world.state.tick > before:  # the first look has woken it; a slow machine needs more to stay awake
                streams.look()
        assert world.state.tick > before + 2
        assert set(world.states()) == {"A"}
        await streams.stop()

    asyncio.run(run())
