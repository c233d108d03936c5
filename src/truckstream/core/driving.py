"""How one simulated truck drives: along links, at believable speeds, with deliveries, lights and fuel stops.

A truck moves in fixed steps, so its way depends on the seed alone and not on who looks at it how often.
Accelerations, consumption and stop lengths are those of delivery trucks and vans, by common knowledge.
"""

import math

from truckstream.core.records import EngineStatus, Position
from truckstream.core.roads import TOWN_M, Network
from truckstream.core.seeded import Seeded

# A shared table of normal deviates: one lookup per use instead of a draw. Its length is a power of two.
_DEVIATES = tuple(Seeded(0xD1CE).normal() for _ in range(4096))
_LAST_DEVIATE = len(_DEVIATES) - 1

FUEL_LOW_PCT = 25.0  # the longest link takes some 19
_HALT_WITHIN_M = 1.0
_BRAKE_FROM_M = 60.0  # looked ahead on top of the braking distance
_CROSSROADS_DEG = 40.0  # a sharper turn than this in a city is taken from a standstill
_NO_HALT_M = math.inf


class _Halt:
    """A place on the current link where the truck will stand."""

    __slots__ = ("at_m", "engine", "refuel", "seconds")

    def __init__(self, at_m: float, seconds: float, engine: EngineStatus, *, refuel: bool = False) -> None:
        self.at_m, self.seconds, self.engine, self.refuel = at_m, seconds, engine, refuel


class Truck:
    """The state of one truck. `offset_m` is its way along the current link."""

    __slots__ = (
        "accelerate_m_s2",
        "brake_m_s2",
        "cap_m_s",
        "destination",
        "deviate",
        "deviate_by",
        "engine",
        "fuel_pct",
        "fuel_pct_per_m",
        "halt_at_m",
        "halts",
        "link",
        "link_number",
        "network",
        "offset_m",
        "refuelling",
        "seeded",
        "segment",
        "speed_m_s",
        "standing_s",
        "traffic",
        "traffic_s",
        "truck_id",
    )

    def __init__(self, truck_id: str, network: Network, seeded: Seeded) -> None:
        """Create a truck of a random kind; call `place` before anything else."""
        self.truck_id, self.network, self.seeded = truck_id, network, seeded
        van = seeded.chance(0.5)
        # Switzerland holds heavy goods vehicles to 80 km/h; vans may go 120.
        self.cap_m_s = seeded.between(105.0, 118.0) / 3.6 if van else seeded.between(76.0, 84.0) / 3.6
        self.accelerate_m_s2 = seeded.between(1.0, 1.6) if van else seeded.between(0.5, 0.9)
        self.brake_m_s2 = seeded.between(1.4, 2.0) if van else seeded.between(0.9, 1.3)
        # 11 l per 100 km of a 75 l tank, 30 l of a 400 l tank
        self.fuel_pct_per_m = (0.147 if van else 0.075) * 1e-3 * seeded.between(0.85, 1.15)
        self.fuel_pct = seeded.between(30.0, 100.0)
        self.deviate = seeded.below(len(_DEVIATES))
        self.deviate_by = 2 * seeded.below(len(_DEVIATES) // 2) + 1
        self.engine: EngineStatus = "running"
        self.speed_m_s = self.standing_s = 0.0
        self.traffic, self.traffic_s = 1.0, 0.0
        self.refuelling = False
        self.destination = 0

    def place(self, link_number: int, offset_m: float, *, moving: bool) -> None:
        """Put the truck on a link, already at speed when `moving`, on its way to somewhere."""
        self.link_number = link_number
        self.link = self.network.links[link_number]
        self.offset_m = min(max(offset_m, 0.0), self.link.length_m - 1.0)
        self._choose_destination(self.link.end)
        self._enter_link()
        self.segment = 0
        while self.link.along_m[self.segment + 1] < self.offset_m:
            self.segment += 1
        if moving:
            self.speed_m_s = 0.9 * min(self.link.limits_m_s[self.segment], self.cap_m_s)
        clear_m = self.offset_m + self.speed_m_s**2 / (2.0 * self.brake_m_s2) + 100.0
        while self.halts and self.halts[-1].at_m < clear_m:
            self.halts.pop()
        self.halt_at_m = self.halts[-1].at_m if self.halts else _NO_HALT_M

    def stand(self, seconds: float, engine: EngineStatus) -> None:
        """Let the truck stand where it is."""
        self.standing_s, self.engine, self.speed_m_s = seconds, "idle" if engine == "running" else engine, 0.0

    def advance(self, seconds: float) -> None:
        """Let the truck live for one step; steps of at most some 5 s keep the motion smooth."""
        if self.standing_s > 0.0:
            self._stand(seconds)
            return
        link, brake, before = self.link, self.brake_m_s2, self.speed_m_s
        self.traffic_s -= seconds
        if self.traffic_s <= 0.0:
            self._meet_traffic()
        self.deviate = number = (self.deviate + self.deviate_by) & _LAST_DEVIATE
        speed = link.limits_m_s[self.segment]
        if speed > self.cap_m_s:
            speed = self.cap_m_s
        speed *= self.traffic * (1.0 + 0.01 * _DEVIATES[number])
        lowest, highest = before - brake * seconds, before + self.accelerate_m_s2 * seconds
        speed = lowest if speed < lowest else highest if speed > highest else speed
        left_m = self.halt_at_m - self.offset_m
        if left_m < before * (before / (2.0 * brake) + 2.0 * seconds) + _BRAKE_FROM_M:
            speed = min(speed, _speed_to_stop_in(left_m, before, brake, seconds))
        way_m = 0.5 * (before + speed) * seconds
        if way_m > left_m - _HALT_WITHIN_M:
            way_m, speed = max(left_m, 0.0), 0.0
            self._halt()
        self.speed_m_s = speed
        self.fuel_pct = max(0.0, self.fuel_pct - way_m * self.fuel_pct_per_m)
        self.offset_m += way_m
        if self.offset_m >= link.length_m:
            self._next_link()
            link = self.link
        along, segment = link.along_m, self.segment
        while along[segment + 1] < self.offset_m:
            segment += 1
        self.segment = segment

    def position(self, timestamp_ms: int) -> Position:
        """Return what the truck's receiver says now, at wire resolution and without any fault."""
        link, segment = self.link, self.segment
        following = segment + 1
        start_m = link.along_m[segment]
        part = (self.offset_m - start_m) / (link.along_m[following] - start_m)
        latitude, longitude = link.latitudes[segment], link.longitudes[segment]
        altitude_m = link.altitudes_m[segment]
        self.deviate = number = (self.deviate + self.deviate_by) & _LAST_DEVIATE
        deviate = _DEVIATES[number]
        return Position(
            self.truck_id,
            timestamp_ms,
            round(latitude + part * (link.latitudes[following] - latitude), 7),
            round(longitude + part * (link.longitudes[following] - longitude), 7),
            round(self.speed_m_s * 3.6, 1),
            round(link.bearings_deg[segment], 1),
            round(altitude_m + part * (link.altitudes_m[following] - altitude_m) + deviate, 1),
            round(3.0 + 1.5 * deviate * deviate, 1),
            round(self.fuel_pct, 2),
            self.engine,
        )

    def _stand(self, seconds: float) -> None:
        self.standing_s -= seconds
        if self.engine == "idle":
            self.fuel_pct = max(0.0, self.fuel_pct - seconds * 2e-4)  # 2 l an hour of 280 l
        if self.standing_s <= 0.0:
            self.engine = "running"
            if self.refuelling:
                self.fuel_pct, self.refuelling = self.seeded.between(92.0, 100.0), False

    def _halt(self) -> None:
        halt = self.halts.pop()
        self.standing_s, self.engine, self.refuelling = halt.seconds, halt.engine, halt.refuel
        self.halt_at_m = self.halts[-1].at_m if self.halts else _NO_HALT_M

    def _meet_traffic(self) -> None:
        """Draw the pace of the next minutes: mostly a little below the limit, now and then a jam."""
        seeded = self.seeded
        self.traffic_s = seeded.between(60.0, 240.0)
        self.traffic = seeded.between(0.25, 0.6) if seeded.chance(0.05) else seeded.between(0.85, 1.02)

    def _next_link(self) -> None:
        self.offset_m -= self.link.length_m
        city = self.link.end
        if city == self.destination:
            self._choose_destination(city)
        self.link_number = self.network.towards[city][self.destination]
        self.link = self.network.links[self.link_number]
        self.segment = 0
        self._enter_link()

    def _choose_destination(self, city: int) -> None:
        """Choose the next city to deliver in: mostly near ones, so that every road sees trucks."""
        seeded, network = self.seeded, self.network
        self.destination = city
        while self.destination == city:
            for _ in range(1 + seeded.below(3)):
                leaving = network.leaving[self.destination]
                self.destination = network.links[leaving[seeded.below(len(leaving))]].end

    def _enter_link(self) -> None:
        """Plan where the truck will stand on this link: red lights in town, a delivery, low fuel."""
        seeded, length_m = self.seeded, self.link.length_m
        halts = []
        for town_m in (0.0, length_m - TOWN_M):
            for street in range(3):
                if seeded.chance(0.2):
                    at_m = town_m + 400.0 + 700.0 * street + seeded.between(0.0, 400.0)
                    halts.append(_Halt(at_m, seeded.between(10.0, 55.0), "idle"))
        if self.link.end == self.destination:
            engine: EngineStatus = "idle" if seeded.chance(0.3) else "off"
            halts.append(_Halt(length_m - seeded.between(20.0, 900.0), seeded.between(240.0, 1500.0), engine))
        if self._turn_at_end_deg() > _CROSSROADS_DEG:
            halts.append(_Halt(length_m - 2.0, seeded.between(5.0, 40.0), "idle"))
        if self.fuel_pct < FUEL_LOW_PCT:
            halts.append(_Halt(length_m - 1000.0, seeded.between(300.0, 600.0), "off", refuel=True))
        halts.sort(key=lambda halt: -halt.at_m)
        self.halts = halts
        self.halt_at_m = halts[-1].at_m if halts else _NO_HALT_M

    def _turn_at_end_deg(self) -> float:
        """Return how sharply the truck will turn at the link's end; a destination counts as about-turn."""
        city = self.link.end
        if city == self.destination:
            return 180.0
        onward = self.network.links[self.network.towards[city][self.destination]]
        return abs((onward.bearings_deg[0] - self.link.bearings_deg[-1] + 180.0) % 360.0 - 180.0)


def _speed_to_stop_in(left_m: float, before_m_s: float, brake_m_s2: float, seconds: float) -> float:
    """Return the speed after a step from which the truck can still stop in what is then left of `left_m`."""
    lost = brake_m_s2 * seconds
    inside = lost * lost - 4.0 * (lost * before_m_s - 2.0 * brake_m_s2 * left_m)
    return max(0.0, 0.5 * (math.sqrt(inside) - lost)) if inside > 0.0 else 0.0
