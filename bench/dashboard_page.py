"""The dashboard's page under load: its own work for one frame, as it measures it itself (`truckstream:frame`).

From the text of the event to store, list and the difference handed to the map; not the drawing, which on a machine
without a graphics card is emulation. Used by the benchmark `dashboard`; alone it takes the address of a running one.
"""

import argparse
import shutil
import sys
from dataclasses import dataclass

from bench.harness import Report

UPDATE_GOAL_MS = 50.0  # longer is what browsers call a long task: a click would wait for it

_FRAMES = """performance.getEntriesByName("truckstream:frame").map((entry) =>
    ({kind: entry.detail.kind, trucks: entry.detail.trucks, ms: entry.duration}))"""


@dataclass
class PageWork:
    """What one page did in the time it was open."""

    snapshot_ms: float
    median_ms: float
    p95_ms: float
    frames: int
    trucks_a_frame: float


def page_work(url: str, seconds: float) -> PageWork | str:
    """Open the dashboard and let it run; returns why not where a part is missing."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return "Playwright is not installed (scripts/setup.sh dev)"
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        return "there is no Chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        page.locator(".map[data-ready]").wait_for(timeout=60_000)
        page.wait_for_timeout(seconds * 1000)
        measured = page.evaluate(_FRAMES)
        browser.close()
    frames = [each for each in measured if each["kind"] == "frame" and each["trucks"] > 0]
    if not frames:
        return "no frame came"
    times = sorted(each["ms"] for each in frames)
    return PageWork(
        snapshot_ms=max(each["ms"] for each in measured if each["kind"] == "snapshot"),
        median_ms=times[len(times) // 2],
        p95_ms=times[int(len(times) * 0.95)],
        frames=len(frames),
        trucks_a_frame=sum(each["trucks"] for each in frames) / len(frames),
    )


def add_page_work(report: Report, url: str, seconds: float) -> None:
    """Add the page's figures to a report, or say why there are none."""
    work = page_work(url, seconds)
    if isinstance(work, str):
        print(f"page: not measured, {work}", file=sys.stderr)
        return
    report.add("page: trucks in a frame", work.trucks_a_frame, "trucks")
    report.add("page: first snapshot", work.snapshot_ms, "ms", better="lower")
    report.add("page: own work for a frame, median", work.median_ms, "ms", better="lower")
    report.add("page: own work for a frame, 95th percentile", work.p95_ms, "ms", goal=UPDATE_GOAL_MS, better="lower")


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="of a running dashboard, http://127.0.0.1:8080/ say")
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    report = Report("dashboard_page")
    add_page_work(report, given.url, given.seconds)
    return report.print()


if __name__ == "__main__":
    sys.exit(main())
