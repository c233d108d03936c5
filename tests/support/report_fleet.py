"""A small fleet for the report pages' tests: days whose figures a reader can check, at a daylight-saving change.

Five trucks near Zurich drive east from 08:00 local time, idle, and drive back, on 28, 29 and 31 March 2024 (a day of
23 hours); nothing at all on the 30th. TRK-5 idles long, TRK-2 falls silent at noon of the 29th. One row comes twice,
one late, one is no position. The geofence at the depot has a name that must never be read as markup.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = "Europe/Zurich"
DAYS = ("2024-03-28", "2024-03-29", "2024-03-31")
TRUCKS = tuple(f"TRK-{number}" for number in range(1, 6))
DEPOT_NAME = "Depot <img src=x onerror=alert(1)>"
STEP_DEGREES = 0.008  # of longitude in a minute at 47.4 degrees north: about 36 km/h

type Row = tuple[str, datetime, float, float, str]


def positions() -> Iterator[Row]:
    """Yield truck, time, longitude, speed and engine status, a position a minute, by time within a truck and day."""
    for truck_number, truck in enumerate(TRUCKS, start=1):
        for day in DAYS:
            start = datetime.fromisoformat(f"{day}T08:00").replace(tzinfo=ZoneInfo(ZONE))
            idle = 240 if truck == "TRK-5" else 40
            phases = [(60 + 5 * truck_number, 1), (idle, 0), (60 + 5 * truck_number, -1), (10, 0)]
            minute, longitude = 0, 8.5
            for length, direction in phases:
                for _ in range(length):
                    at = (start + timedelta(minutes=minute)).astimezone(UTC)
                    minute += 1
                    longitude += direction * STEP_DEGREES
                    if truck == "TRK-2" and day == "2024-03-29" and 90 <= minute < 150:
                        continue
                    yield truck, at, longitude, 36.2 if direction else 0.0, "running" if direction else "idle"


def csv_rows() -> list[str]:
    """Return the rows as a file has them, in order of time, then the repeated, the late and the wrong one."""
    rows = [
        f"{truck},{at:%Y-%m-%dT%H:%M:%S}.000Z,47.4000000,{longitude:.7f},{speed},{engine}"
        for truck, at, longitude, speed, engine in sorted(positions(), key=lambda row: (row[1], row[0]))
    ]
    late = rows.pop(len(rows) // 2)
    return [*rows, rows[-1], late, "TRK-1,2024-03-31T12:00:00.000Z,95.0,8.5,10,running"]


def replay(data: Path, rows: list[str], *options: str) -> None:
    """Bring rows through the whole pipeline into a data directory."""
    source = data.with_suffix(".csv")
    header = "truck_id,timestamp,latitude,longitude,speed_kmh,engine_status"
    source.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    command = [sys.executable, "-m", "truckstream", "replay", str(source), "--data", str(data), "--speed", "max"]
    subprocess.run([*command, "--no-notify", *options], check=True, capture_output=True, timeout=120)


def small_fleet(data: Path) -> None:
    """Make the data directory of the fleet described above."""
    depot = {
        "geofence_id": "depot",
        "name": DEPOT_NAME,
        "type": "circle",
        "center": {"latitude": 47.4, "longitude": 8.5},
        "radius_meters": 2000,
        "alert_on": "both",
    }
    geofences = data.with_suffix(".json")
    geofences.write_text(json.dumps([depot]), encoding="utf-8")
    replay(data, csv_rows(), "--geofences", str(geofences))


def large_fleet(data: Path, trucks: int) -> None:
    """Make a data directory of many trucks that drove three minutes each."""
    start = datetime(2024, 3, 29, 9, tzinfo=UTC)
    rows = [
        f"VAN-{number:04d},{start + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%S}.000Z,47.4,"
        f"{8.5 + minute * 0.005 * (1 + number % 7):.7f},{22.6 * (1 + number % 7) / 2:.1f},running"
        for minute in range(4)
        for number in range(trucks)
    ]
    replay(data, rows)
