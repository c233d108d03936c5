"""The preview of a geofence skips what is far away, and still says what the engine over all of history says."""

import dataclasses

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.web_memory import MemoryWorld

from truckstream.consumers import passages
from truckstream.consumers.archive_keys import live_key
from truckstream.core.geofences import Catalogue, Geofence, parse_geofence
from truckstream.core.instants import HOUR_MS, date_of
from truckstream.core.records import Position, ReceivedPositions
from truckstream.web.preview import preview

T0 = 1_705_312_800_000  # 10:00, so two hours stay within a date
STEP_MS = 120_000
TO_MS = T0 + 4 * HOUR_MS
TRUCKS = ("TRK-1", "TRK-2", "VAN-1")


def fence(**fields: object) -> Geofence:
    circle = {
        "geofence_id": "draft",
        "type": "circle",
        "center": {"latitude": 47.0, "longitude": 8.0},
        "radius_meters": 300,
    }
    return parse_geofence({**circle, **fields})[0]


def archived(positions: list[Position]) -> MemoryWorld:
    world = MemoryWorld()
    rows = ReceivedPositions(positions, list(range(1, len(positions) + 1)), [0] * len(positions), [T0] * len(positions))
    if positions:
        data = world.sources.format.write_received(rows)
        world.sources.archive.put(live_key(date_of(T0), "shard", 1, len(positions)), data)
    return world


# Places 150 m apart on a line through the fence, up to 7 km away: in, at the rim, near, far.
places = st.integers(-46, 46)
tracks = st.lists(
    st.tuples(st.sampled_from(TRUCKS), st.integers(0, 110), places, st.sampled_from([None, 20.0, 60.0])), max_size=60
)
fences = st.builds(
    fence,
    confirm_fixes=st.integers(1, 3),
    exit_buffer_meters=st.sampled_from([0, 200]),
    detect_crossing=st.booleans(),
    dwell_minutes=st.sampled_from([None, 10]),
    speed_limit_kmh=st.sampled_from([None, 30]),
    trucks=st.sampled_from([None, ["TRK-*"]]),
)


@settings(max_examples=60)
@given(given_tracks=tracks, geofence=fences, spacing_ms=st.sampled_from([STEP_MS, 20_000]))
def test_preview_finds_exactly_what_the_whole_engine_finds(
    given_tracks: list[tuple[str, int, int, float | None]], geofence: Geofence, spacing_ms: int
) -> None:
    unique = {(truck, step): (place, speed) for truck, step, place, speed in given_tracks}
    positions = [
        Position(truck, T0 + step * spacing_ms, 47.0, round(8.0 + place * 0.002, 7), speed)
        for (truck, step), (place, speed) in sorted(unique.items())
    ]
    # No speed limit: which places are believed depends on those before, of which a preview skips what is far away.
    sources = dataclasses.replace(archived(positions).sources, outlier_limit_kmh=0.0)
    found = preview(sources, geofence, T0, TO_MS, out_of_time=lambda: False)
    stored = msgspec.structs.replace(geofence, version=1, revision=1)
    events = passages.events(sources.archive, sources.format, Catalogue(1, (stored,)), limit_kmh=0.0)
    whole = sorted(events, key=lambda event: (event.timestamp_ms, event.truck_id))
    assert [(e.truck_id, e.event, e.timestamp_ms) for e in found.events] == [
        (e.truck_id, e.event, e.timestamp_ms) for e in whole
    ]
    assert found.stopped_at_ms is None


def test_preview_says_how_far_it_came_when_time_is_up() -> None:
    positions = [Position("TRK-1", T0 + n * HOUR_MS, 47.0, 8.0 + n * 0.01) for n in range(3)]
    world = archived(positions)
    asked = iter([False, True])
    found = preview(world.sources, fence(), T0, TO_MS, out_of_time=lambda: next(asked))
    assert found.stopped_at_ms == T0 + HOUR_MS
    assert found.events == []
