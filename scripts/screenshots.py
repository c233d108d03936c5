"""Makes the pictures of the README: a simulated fleet through the real pipeline, the real pages in Chromium.

Usage: .venv/bin/python scripts/screenshots.py [reports|dashboard|dashboard=URL ...]     (default: all)

Pictures go to docs/images. The pages must be built (scripts/pages.sh). `dashboard` lets a fleet drive for twenty
minutes first, so that its panels have something to show; with an address it takes a dashboard that runs already.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page  # noqa: E402
from tests.support.browser import DESKTOP, PHONE, chromium  # noqa: E402
from tests.support.npm_parts import free_port  # noqa: E402
from tests.support.reports_process import reports_of  # noqa: E402

IMAGES = ROOT / "docs" / "images"
ZONE = ZoneInfo("Europe/Zurich")
FIRST_DAY, DAYS, TRUCKS = "2026-03-16", 14, 24
MOST_BYTES = 250_000


def truckstream(*words: str | Path) -> None:
    """Run a command of the product."""
    subprocess.run([sys.executable, "-m", "truckstream", *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def working_fleet(folder: Path) -> Path:
    """Make a data directory of two weeks in which trucks work in shifts, rest on Sunday, and one breaks down."""
    start = datetime.fromisoformat(FIRST_DAY).replace(tzinfo=ZONE)
    everything, shifts = folder / "all.ndjson", folder / "shifts.ndjson"
    truckstream(
        "simulate", "--trucks", str(TRUCKS), "--every", "60", "--duration", str(DAYS * 86_400), "--start",
        start.isoformat(), "--faults", "duplicates=0.002,late=0.003", "--output", everything,
    )  # fmt: skip
    with open(everything, encoding="utf-8") as source, open(shifts, "w", encoding="utf-8") as target:
        target.writelines(at_work(source))
    truckstream("replay", shifts, "--speed", "max", "--no-notify", "--data", folder / "data")
    return folder / "data"


def at_work(lines: Iterator[str]) -> Iterator[str]:
    """Yield the records of trucks on their shift; one truck leaves its engine running long after it."""
    for line in lines:
        record = json.loads(line)
        truck, at = record["truck_id"], datetime.fromisoformat(record["timestamp"]).astimezone(ZONE)
        hour = at.hour + at.minute / 60
        of_day = random.Random(f"{truck} {at.date()}")
        of_truck = random.Random(truck)
        begin = of_truck.uniform(5.2, 7.5) + of_day.gauss(0, 0.2)
        end = begin + of_truck.uniform(8, 10) + of_day.gauss(0, 0.4)
        resting = at.weekday() == 6 or (at.weekday() == 5 and of_truck.random() < 0.6)
        broken = truck == "TRK-009" and at.day == 26 and hour > 10
        if resting or broken:
            continue
        if begin <= hour < end:
            yield line
        elif truck == "TRK-014" and end <= hour < end + 3:
            record |= {"latitude": 46.2074505, "longitude": 6.1434711, "speed_kmh": 0, "engine_status": "idle"}
            yield json.dumps(record) + "\n"


def save(page: Page, name: str) -> None:
    """Write the picture of a page. Raises ValueError when it is too large for a README."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    picture = IMAGES / f"{name}.png"
    page.screenshot(path=picture)
    size = picture.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(f"{picture}: {size:,} bytes, more than {MOST_BYTES:,}")
    print(f"{picture.relative_to(ROOT)}: {size:,} bytes")


def reports() -> None:
    """The reports of a week of the working fleet: the fleet in light and on a phone, one truck in dark."""
    with tempfile.TemporaryDirectory() as folder:
        data = working_fleet(Path(folder))
        last = datetime.fromisoformat(FIRST_DAY) + timedelta(days=DAYS - 1)
        first = last - timedelta(days=6)
        period = f"from={first:%Y-%m-%d}&to={last:%Y-%m-%d}&tz={ZONE.key}"
        with reports_of(data) as running, chromium() as browser:
            for name, size, scheme, view, drawn in (
                ("reports-light", (DESKTOP[0], 1_080), "light", "", ".heat-scroll canvas"),
                ("reports-dark", (DESKTOP[0], 1_080), "dark", "view=truck&truck=TRK-004&", ".map[data-ready]"),
                ("reports-phone", PHONE, "light", "", ".heat-scroll canvas"),
            ):
                page = browser.new_context(**looks(size, scheme)).new_page()
                page.goto(f"{running.url}/?{view}{period}")
                page.locator(drawn).wait_for(timeout=60_000)
                page.wait_for_timeout(8_000)  # the map's data come in steps
                save(page, name)


def looks(size: tuple[int, int], scheme: str) -> dict[str, Any]:
    """Return the settings of a browser that looks so."""
    viewport = {"width": size[0], "height": size[1]}
    return {"viewport": viewport, "color_scheme": scheme, "locale": "en-GB", "timezone_id": ZONE.key}


@contextmanager
def driving_fleet() -> Iterator[str]:
    """Run the whole system for a while; yield its dashboard's address."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "truckstream", "run", "--trucks", "300", "--data", folder, "--port", str(port)]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            time.sleep(20 * 60)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(60)


def dashboard(url: str) -> None:
    """The live dashboard: the fleet in light, one truck in dark, both on a phone."""
    with urllib.request.urlopen(f"{url}/api/v1/alerts?type=exit&order=desc&limit=1") as answer:
        alert = json.load(answer)["items"][0]  # a truck with something to tell
    place = f"map=10.5/{alert['latitude']:.3f}/{alert['longitude'] + 0.12:.3f}"
    with chromium() as browser:
        for name, size, scheme, fragment in (
            ("dashboard-light", DESKTOP, "light", ""),
            ("dashboard-dark", DESKTOP, "dark", f"#truck={alert['truck_id']}&{place}"),
            ("phone", PHONE, "light", ""),
            ("phone-dark", PHONE, "dark", f"#truck={alert['truck_id']}"),
        ):
            page = browser.new_context(**looks(size, scheme)).new_page()
            page.goto(f"{url}/{fragment}")
            page.locator(".map[data-ready]").wait_for(timeout=60_000)
            page.locator(".live[data-phase=live]").wait_for(timeout=30_000)
            if fragment:
                page.locator(".sparkline").first.wait_for(timeout=60_000)
                page.get_by_text("Reading the day").wait_for(state="hidden", timeout=60_000)
            page.wait_for_timeout(8_000)  # the map's data come in steps
            save(page, name)


def dashboard_of_a_driving_fleet() -> None:
    """As above, with a fleet of its own."""
    with driving_fleet() as url:
        dashboard(url)


PICTURES: dict[str, Callable[[], None]] = {"reports": reports, "dashboard": dashboard_of_a_driving_fleet}


if __name__ == "__main__":
    for wanted in sys.argv[1:] or PICTURES:
        if wanted.startswith("dashboard=http"):
            dashboard(wanted.removeprefix("dashboard=").rstrip("/"))
            continue
        if wanted not in PICTURES:
            sys.exit(f"{__doc__}\nunknown picture {wanted!r}: one of {', '.join(PICTURES)}")
        PICTURES[wanted]()
