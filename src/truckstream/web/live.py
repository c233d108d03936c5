"""`GET /api/v1/live`: server-sent events for the dashboard, and the loop that makes the ticks.

A viewer is a generator that waits for the next tick and asks for what changed since its last frame. A slow one
misses ticks and gets their changes in one frame: nothing is queued for it.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from litestar import Request, get, post
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, JSONBody, QueryParameter
from litestar.response import Stream

from truckstream.core.errors import InvalidInput, TruckstreamError
from truckstream.http.access import caller_of, need
from truckstream.http.problems import NotFound, SlowDown, problems
from truckstream.http.tokens import TokenDoor
from truckstream.web.fleet_view import FleetView
from truckstream.web.frames import Frame, FrameMaker, GzipStream, Viewport, named, opening

TICK_S: Final = 1.0
HEARTBEAT_TICKS: Final = 5
OUTSIDE_TICKS: Final = 10
VIEWERS: Final = 500
_RETRY_MS: Final = 2_000

_log = logging.getLogger("truckstream.web")


class Viewer:
    """One open stream: what its reader looks at, and up to where it has been told."""

    def __init__(self, owner: str, viewport: Viewport | None, inside_tick: int, outside_tick: int) -> None:
        self.stream_id = secrets.token_urlsafe(12)
        self.owner = owner
        self.viewport = viewport
        self.inside_tick = inside_tick
        self.outside_tick = outside_tick
        self.told_tick = inside_tick


class Pace(NamedTuple):
    """How often the stores are read: every `tick_s`, and every `doze_tick_s` when nobody has looked for a while.

    Reading costs little on one machine; of a deployed system every look at the table is paid for.
    """

    tick_s: float = TICK_S
    doze_after_s: float = 60.0
    doze_tick_s: float = 10.0


class LiveStreams:
    """The ticks, and everybody who watches them."""

    def __init__(self, view: FleetView, clock: Callable[[], int], pace: Pace | None = None) -> None:
        self._view = view
        self._clock = clock
        self.state = view.state
        self.frames = FrameMaker(view.state, secrets.token_hex(4))
        self.viewers: dict[str, Viewer] = {}
        self.sent_bytes = 0
        self._ticked = asyncio.Condition()
        self._stopping = False
        self._pace = pace or Pace()
        self._looked_s = time.monotonic()
        self._dozing = False
        self._wake = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        # A thread of its own: those that all share may wait for a stream that is slow to take positions.
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="ticks")

    async def start(self) -> None:
        """Read the stores for the first time and go on ticking."""
        self._loop = asyncio.get_running_loop()
        await self._tick()
        self._task = asyncio.create_task(self._run(), name="ticks")

    async def stop(self) -> None:
        """End the ticks and every stream."""
        self._stopping = True
        async with self._ticked:
            self._ticked.notify_all()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with suppress(RuntimeError):  # stopped already
            # Behind a refresh that is under way: the stores are closed next.
            await asyncio.get_running_loop().run_in_executor(self._reading, int)
        self._reading.shutdown(wait=False)

    def look(self) -> None:
        """Note that somebody looks; from any thread."""
        self._looked_s = time.monotonic()
        if self._dozing and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._stopping:
            self._dozing = not self.viewers and time.monotonic() - self._looked_s > self._pace.doze_after_s
            due = max(due + (self._pace.doze_tick_s if self._dozing else self._pace.tick_s), loop.time())
            self._wake.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), due - loop.time())
                due = loop.time()
            await self._tick()
            async with self._ticked:
                self._ticked.notify_all()

    async def _tick(self) -> None:
        """Make the next tick. What the stores cannot answer now is said to viewers, and caught up with later."""
        now_ms = self._clock()
        try:
            update = await asyncio.get_running_loop().run_in_executor(self._reading, self._view.refresh, now_ms)
        except TruckstreamError as error:
            if self.state.failing_since_ms is None:
                _log.warning("the stores do not answer: %s", error.message)
            self._view.fail(now_ms)
        except Exception:  # a bug must not leave a map that stands still and says nothing
            if self.state.failing_since_ms is None:
                _log.exception("the live view failed")
            self._view.fail(now_ms)
        else:
            self._view.apply(update)

    async def watch(
        self, viewer: Viewer, first: Frame, *, gzipped: bool, allowed: Callable[[], bool] = lambda: True
    ) -> AsyncIterator[bytes]:
        """Yield the events of one viewer, `first` first, until it goes, is no longer `allowed`, or the server stops."""
        stream = GzipStream() if gzipped else None

        def piece(frame: Frame) -> bytes:
            data = stream.piece(frame) if stream is not None else frame.text
            self.sent_bytes += len(data)
            return data

        self.viewers[viewer.stream_id] = viewer
        try:
            yield piece(opening(_RETRY_MS))
            yield piece(named(first, viewer.stream_id))
            while not self._stopping:
                async with self._ticked:
                    if self._stopping:
                        break
                    await self._ticked.wait()
                if not allowed():
                    break
                frame = self.next_frame(viewer)
                if frame is not None:
                    yield piece(frame)
            if stream is not None:
                yield stream.end()
        finally:
            self.viewers.pop(viewer.stream_id, None)

    def next_frame(self, viewer: Viewer) -> Frame | None:
        """Return what the viewer is to be told at this tick, None when that is nothing."""
        tick, viewport = self.state.tick, viewer.viewport
        # Viewers of one viewport take their turn together, and share the frame.
        turn = hash(viewport) % OUTSIDE_TICKS
        outside_now = (tick + turn) // OUTSIDE_TICKS > (viewer.outside_tick + turn) // OUTSIDE_TICKS
        frame = self.frames.frame(viewer.inside_tick, viewer.outside_tick, viewport, outside_now=outside_now)
        if not frame.changes and tick - viewer.told_tick < HEARTBEAT_TICKS:
            return None
        viewer.inside_tick = viewer.told_tick = tick
        if outside_now or viewport is None:
            viewer.outside_tick = tick
        return frame


class Opened(msgspec.Struct, frozen=True):
    """The part of the map a stream now attends to; null is everywhere."""

    bbox: Viewport | None


class ViewportChange(msgspec.Struct, frozen=True):
    """West, south, east, north in degrees; west > east crosses the antimeridian; null is everywhere."""

    bbox: tuple[float, float, float, float] | None = None


def viewport_of(numbers: Sequence[float] | None) -> Viewport | None:
    """Return the viewport of west, south, east, north. Raises InvalidInput naming what is wrong."""
    if numbers is None:
        return None
    if len(numbers) != 4 or not all(-1e6 < number < 1e6 for number in numbers):
        raise InvalidInput("bbox: four numbers are wanted", hint="Give west,south,east,north in degrees.")
    west, south, east, north = numbers
    if not (-90 <= south <= north <= 90):
        raise InvalidInput("bbox: south and north must lie in -90 to 90, south first", hint="west,south,east,north")
    if east - west >= 360:
        return None if (south, north) == (-90, 90) else Viewport(-180.0, south, 180.0, north)
    return Viewport(_wrapped(west), south, _wrapped(east), north)


def _wrapped(longitude: float) -> float:
    """Return the longitude within -180 to 180: a map that is dragged on counts beyond."""
    return longitude if -180 <= longitude <= 180 else (longitude + 180) % 360 - 180


def live_handlers(streams: LiveStreams, door: TokenDoor | None = None) -> list[BaseRouteHandler]:
    """Return the handlers of the live stream. `door` None: everybody may watch."""

    @get(
        "/live",
        tags=["live"],
        guards=[need("viewer")],
        media_type="text/event-stream",
        responses=problems(),
        summary="Follow the fleet as server-sent events",
        sync_to_thread=False,
    )
    def live(
        request: Request[Any, Any, Any],
        bbox: Annotated[
            str | None, QueryParameter(description="west,south,east,north in degrees: comes at once.")
        ] = None,
        cursor: Annotated[str | None, QueryParameter(description="An event id to go on from.")] = None,
    ) -> Stream:
        """A snapshot, then frames: at most one a second, at least one in five seconds."""
        viewport = viewport_of(_numbers(bbox)) if bbox else None
        streams.look()
        if len(streams.viewers) >= VIEWERS:
            raise SlowDown(f"{VIEWERS} viewers are connected already", after_s=10)
        ticks = streams.frames.ticks_of(request.headers.get("last-event-id") or cursor or "")
        if ticks is None:
            tick = streams.state.tick
            viewer, first = Viewer(caller_of(request).name, viewport, tick, tick), streams.frames.snapshot()
        else:
            viewer = Viewer(caller_of(request).name, viewport, *ticks)
            first = streams.frames.frame(*ticks, viewport, outside_now=True)
            viewer.inside_tick = viewer.outside_tick = viewer.told_tick = streams.state.tick
        gzipped = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if gzipped:
            headers["Content-Encoding"] = "gzip"

        def allowed() -> bool:
            try:
                return door is None or door.knows(request.headers)
            except TruckstreamError:  # the tokens cannot be read now: the viewer asks again
                return False

        events = streams.watch(viewer, first, gzipped=gzipped, allowed=allowed)
        return Stream(events, media_type="text/event-stream", headers=headers)

    @post(
        "/live/{stream_id:str}/viewport",
        tags=["live"],
        guards=[need("viewer")],
        status_code=200,
        responses=problems(404),
        summary="Look at another part of the map",
        sync_to_thread=False,
    )
    def set_viewport(
        stream_id: FromPath[str], data: JSONBody[ViewportChange], request: Request[Any, Any, Any]
    ) -> Opened:
        """What lies in it and changed meanwhile comes with the next frame."""
        viewer = streams.viewers.get(stream_id)
        if viewer is None or viewer.owner != caller_of(request).name:
            raise NotFound("no such stream is open", hint="Connect to /api/v1/live again.")
        viewer.viewport = viewport_of(data.bbox)
        viewer.inside_tick = min(viewer.inside_tick, viewer.outside_tick)
        return Opened(viewer.viewport)

    return [live, set_viewport]


def _numbers(text: str) -> Sequence[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InvalidInput("bbox: four numbers are wanted", hint="Give west,south,east,north in degrees.") from error
