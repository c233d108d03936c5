"""A simulated fleet: seeded trucks between Swiss cities, each sending a position every few seconds.

The same seed, start and interval give the same records, however often `tick` is called. No clock: "now" is
an argument.
"""

import heapq
from collections.abc import Iterable

from truckstream.core.depots import DEPOT_CITIES, DEPOT_RADIUS_M, demo_geofences
from truckstream.core.driving import Truck
from truckstream.core.errors import InvalidSetting
from truckstream.core.gps_faults import Faults, Sent, TruckFaults
from truckstream.core.records import Position
from truckstream.core.roads import Network, nearest_place, swiss_network
from truckstream.core.seeded import Seeded

__all__ = ["MAX_TRUCKS", "Faults", "Fleet", "demo_geofences", "truck_ids"]

MAX_TRUCKS = 1_000_000
MIN_EVERY_S, MAX_EVERY_S = 0.05, 3_600.0
STEP_S = 5.0  # the longest step a truck moves in

_PHASE_STEP = 0.6180339887498949  # multiples of the golden ratio fill the interval evenly for any number of trucks


def truck_ids(trucks: int) -> list[str]:
    """Return the ids of a fleet: TRK-001 and so on, with four digits (or more) from 1,000 trucks on."""
    digits = max(3, len(str(trucks)))
    return [f"TRK-{number:0{digits}d}" for number in range(1, trucks + 1)]


class Fleet:
    """Trucks that drive, stop, idle and refuel; `tick` says what they send.

    Each truck has its own moment within the interval, so that the load is even. A quarter of the fleet
    starts just outside a depot on its way in, a quarter just inside on its way out: a demonstration shows
    alerts at once.
    """

    def __init__(
        self,
        trucks: int,
        every_s: float = 5.0,
        seed: int = 1,
        faults: Faults | None = None,
        *,
        start_ms: int | None = None,
        resume: Iterable[Position] = (),
    ) -> None:
        """Set up the fleet.

        Args:
            trucks: 1 to 1,000,000.
            every_s: seconds between two positions of a truck, 0.05 to 3600.
            seed: any integer.
            faults: default none.
            start_ms: milliseconds since the epoch; every truck's first position falls within one interval
            after it.
                Default: the time of the first `tick`, which then returns nothing.
            resume: last known positions; their trucks go on from the nearest place on a road, with that
            much fuel.

        Raises:
            InvalidSetting: a number is out of range.
        """
        if not 1 <= trucks <= MAX_TRUCKS:
            raise InvalidSetting(f"trucks={trucks}: must be 1 to {MAX_TRUCKS}", hint="Choose another --trucks.")
        if not MIN_EVERY_S <= every_s <= MAX_EVERY_S:
            rule = f"must be {MIN_EVERY_S:g} to {MAX_EVERY_S:g} seconds"
            raise InvalidSetting(f"every={every_s:g}: {rule}", hint="Choose another --every.")
        faults = faults if faults is not None else Faults()
        self.every_ms = round(every_s * 1000.0)
        self._steps = -(-self.every_ms // round(STEP_S * 1000.0))
        self._step_s = self.every_ms / 1000.0 / self._steps
        self._start_ms = self._now_ms = start_ms
        network = swiss_network()
        fleet = [Truck(name, network, Seeded(seed, number)) for number, name in enumerate(truck_ids(trucks))]
        known = {position.truck_id: position for position in resume}
        for number, truck in enumerate(fleet):
            last = known.get(truck.truck_id)
            if last is None or not _resume(truck, last, network):
                _start(truck, number, network)
        phases = [1 + int(number * _PHASE_STEP % 1.0 * self.every_ms) for number in range(trucks)]
        order = sorted(range(trucks), key=phases.__getitem__)
        self._due = [(phases[number], fleet[number]) for number in order]
        self._faults = (
            [TruckFaults(faults, self.every_ms, Seeded(seed, number, 0xFA)) for number in order] if faults.any else []
        )
        self._round = self._next = 0
        self._waiting: list[tuple[int, int, Sent]] = []
        self._kept = 0

    def tick(self, now_ms: int) -> list[Sent]:
        """Return what arrives after the previous tick and up to `now_ms`, in order of arrival.

        Mostly positions; with the fault `bad` also bytes that are not one. A `now_ms` before the previous
        one gives nothing. All that is due is returned at once: after a pause, call it in smaller steps to
        bound memory.
        """
        if self._start_ms is None:
            self._start_ms = self._now_ms = now_ms
        if self._now_ms is not None and now_ms <= self._now_ms:
            return []
        self._now_ms = now_ms
        sent: list[Sent] = []
        due, trucks, steps, step_s = self._due, len(self._due), range(self._steps), self._step_s
        while True:
            at_ms = self._start_ms + self._round * self.every_ms + due[self._next][0]
            if at_ms > now_ms:
                break
            truck = due[self._next][1]
            if self._round:
                for _ in steps:
                    truck.advance(step_s)
            if self._faults:
                self._send_faulty(sent, truck.position(at_ms), at_ms)
            else:
                sent.append(truck.position(at_ms))
            self._next += 1
            if self._next == trucks:
                self._next = 0
                self._round += 1
        self._release(sent, now_ms)
        return sent

    def _send_faulty(self, sent: list[Sent], position: Position, at_ms: int) -> None:
        self._release(sent, at_ms)
        for deliver_ms, record in self._faults[self._next].deliveries(position, at_ms):
            if deliver_ms <= at_ms:
                sent.append(record)
            else:
                self._kept += 1
                heapq.heappush(self._waiting, (deliver_ms, self._kept, record))

    def _release(self, sent: list[Sent], until_ms: int) -> None:
        waiting = self._waiting
        while waiting and waiting[0][0] <= until_ms:
            sent.append(heapq.heappop(waiting)[2])


def _start(truck: Truck, number: int, network: Network) -> None:
    """Place a truck: into a depot, out of one, or anywhere on the road."""
    seeded = truck.seeded
    if number % 4 < 2:
        name = DEPOT_CITIES[number // 4 % len(DEPOT_CITIES)]
        city = next(i for i, candidate in enumerate(network.cities) if candidate.name == name)
        outbound = network.leaving[city][seeded.below(len(network.leaving[city]))]
        if number % 4 == 0:
            inbound = outbound ^ 1
            to_go_m = DEPOT_RADIUS_M + seeded.between(40.0, 300.0)
            truck.place(inbound, network.links[inbound].length_m - to_go_m, moving=True)
        else:
            truck.place(outbound, DEPOT_RADIUS_M - seeded.between(80.0, 300.0), moving=True)
        return
    link = seeded.below(len(network.links))
    truck.place(link, network.links[link].length_m * seeded.fraction(), moving=True)


def _resume(truck: Truck, last: Position, network: Network) -> bool:
    """Go on from the nearest place on a road; False when none is near."""
    place = nearest_place(network, last.latitude, last.longitude, last.heading)
    if place is None:
        return False
    link, offset_m = place
    standing = last.speed_kmh == 0.0
    truck.place(link, offset_m, moving=not standing)
    if standing:
        truck.stand(truck.seeded.between(10.0, 300.0), last.engine_status or "idle")
    elif last.speed_kmh is not None:
        truck.speed_m_s = min(last.speed_kmh / 3.6, truck.cap_m_s)
    if last.fuel_level_pct is not None:
        truck.fuel_pct = last.fuel_level_pct
    return True
