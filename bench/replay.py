"""`replay --speed max`: positions per second through the durable stream and all three consumers."""

import argparse
import json
import math
import sys
import tempfile
from pathlib import Path

from bench.harness import Peer, Report, run_child, seconds

from truckstream.core.fleet import Fleet
from truckstream.core.records import Position, encode_position

GOAL_RATE, GOAL_MIB = 60_000, 500
START_MS = 1_705_300_200_000  # 2024-01-15T06:30:00Z
PEER_POSITIONS = 20_000
EARTH_RADIUS_M = 6_371_008.8

# Centre and size of the demonstration area: the Swiss plateau, where the simulated trucks drive.
SOUTH, NORTH, WEST, EAST = 46.2, 47.6, 6.2, 9.4


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--positions", type=int, default=1_000_000)
    parser.add_argument("--trucks", type=int, default=1_000)
    parser.add_argument("--geofences", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", type=Path, help="Keep the generated files here and use them again.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = chosen.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        source = work / f"fleet-{chosen.trucks}-{chosen.positions}.ndjson"
        fences = work / f"geofences-{chosen.geofences}.json"
        if not source.exists():
            write_positions(source, chosen.trucks, chosen.positions)
        fences.write_text(json.dumps(geofences(chosen.geofences)))
        return measure(source, fences, Path(scratch), chosen.positions, chosen.rounds)


def measure(source: Path, fences: Path, scratch: Path, positions: int, rounds: int) -> int:
    report = Report("replay")
    rates, resident, peer_rates = [], [], []
    for number in range(rounds):
        data = scratch / f"data-{number}"
        command = [
            sys.executable, "-m", "truckstream", "replay", str(source), "--geofences", str(fences),
            "--speed", "max", "--json", "--data", str(data),
        ]  # fmt: skip
        child = run_child(command)
        said = json.loads(child.stdout)
        assert (said["rows"], said["rejected"]) == (positions, 0), said
        rates.append(positions / child.seconds)
        resident.append(child.resident_mib)
        print(
            f"round {number + 1}: {rates[-1]:,.0f} positions/s, {child.cpu_s:.1f} s of CPU, "
            f"{resident[-1]:.0f} MiB, {said['alerts']:,} alerts",
            file=sys.stderr,
        )
        lines = first_lines(source, min(PEER_POSITIONS, positions))
        rules = json.loads(fences.read_text())
        peer_rates.append(len(lines) / seconds(lambda lines=lines, rules=rules: plain_loop(lines, rules)))  # type: ignore[misc]
    middle = len(rates) // 2
    peer = Peer("plain loop: stdlib json, every geofence by haversine, in memory only", sorted(peer_rates)[middle])
    report.add("throughput, whole process", sorted(rates)[middle], "positions/s", goal=GOAL_RATE, peer=peer)
    report.add("resident memory, largest", max(resident), "MiB", goal=GOAL_MIB, better="lower")
    return report.print()


def write_positions(path: Path, trucks: int, positions: int) -> None:
    """Write NDJSON of a simulated fleet in order of time."""
    fleet = Fleet(trucks, 5.0, 1, start_ms=START_MS)
    left, now_ms = positions, START_MS
    with path.with_suffix(".tmp").open("wb") as file:
        while left:
            now_ms += 5_000
            sent = [each for each in fleet.tick(now_ms) if isinstance(each, Position)][:left]
            file.writelines(encode_position(each) + b"\n" for each in sent)
            left -= len(sent)
            print(f"\rwriting the fleet's positions: {positions - left:,}", end="", file=sys.stderr)
    print(file=sys.stderr)
    path.with_suffix(".tmp").rename(path)


def geofences(count: int) -> list[dict[str, object]]:
    """Return circles (three in five) and 12-cornered polygons spread over the area, always the same."""
    fences: list[dict[str, object]] = []
    for number in range(count):
        # The R2 sequence fills the area evenly.
        latitude = SOUTH + (NORTH - SOUTH) * ((0.5 + number * 0.7548776662466927) % 1.0)
        longitude = WEST + (EAST - WEST) * ((0.5 + number * 0.5698402909980532) % 1.0)
        radius_m = 500.0 + 150.0 * (number % 20)
        fence: dict[str, object] = {
            "geofence_id": f"fence-{number:03d}",
            "name": f"Fence {number}",
            "alert_on": "both",
        }
        if number % 5 < 3:
            fence |= {
                "type": "circle",
                "center": {"latitude": latitude, "longitude": longitude},
                "radius_meters": radius_m,
            }
        else:
            corners = []
            for corner in range(12):
                size = radius_m * (1.0 if corner % 2 else 0.7) / 111_000.0
                angle = corner * math.tau / 12
                corners.append(
                    {
                        "latitude": round(latitude + size * math.cos(angle), 6),
                        "longitude": round(longitude + size * math.sin(angle) * 1.46, 6),
                    }
                )
            fence |= {"type": "polygon", "polygon": corners}
        fences.append(fence)
    return fences


def first_lines(path: Path, count: int) -> list[bytes]:
    with path.open("rb") as file:
        return [next(file) for _ in range(count)]


def plain_loop(lines: list[bytes], rules: list[dict[str, object]]) -> int:
    """The same answers the obvious way: latest positions, transitions and rows, nothing durable."""
    latest: dict[str, dict[str, object]] = {}
    inside: dict[str, set[int]] = {}
    archive: list[dict[str, object]] = []
    events = 0
    for line in lines:
        record = json.loads(line)
        truck = record["truck_id"]
        if truck not in latest or record["timestamp"] > str(latest[truck]["timestamp"]):
            latest[truck] = record
        archive.append(record)
        now = {number for number, rule in enumerate(rules) if contains(rule, record["latitude"], record["longitude"])}
        events += len(now ^ inside.get(truck, now))
        inside[truck] = now
    return events


def contains(rule: dict[str, object], latitude: float, longitude: float) -> bool:
    if rule["type"] == "circle":
        center = rule["center"]
        assert isinstance(center, dict)
        radius = rule["radius_meters"]
        assert isinstance(radius, float)
        phi1, phi2 = math.radians(latitude), math.radians(center["latitude"])
        half = math.sin((phi2 - phi1) / 2) ** 2
        half += math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(center["longitude"] - longitude) / 2) ** 2
        return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(half)) <= radius
    corners = rule["polygon"]
    assert isinstance(corners, list)
    odd = False
    for one, two in zip(corners, corners[1:] + corners[:1], strict=True):
        if (one["latitude"] > latitude) != (two["latitude"] > latitude):
            along = (latitude - one["latitude"]) / (two["latitude"] - one["latitude"])
            odd ^= longitude < one["longitude"] + along * (two["longitude"] - one["longitude"])
    return odd


if __name__ == "__main__":
    sys.exit(main())
