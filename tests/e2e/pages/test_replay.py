"""The chosen truck's day: trail, time line and replay of 17,280 positions."""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Route, expect
from tests.support.browser import PHONE, Desk, accessibility_findings
from tests.support.dashboard import MINUTE_MS, NOW_MS, Dashboard, dashboard
from tests.support.fleet import until

from truckstream.core.records import Position

MIDNIGHT_MS = int(datetime(2024, 1, 13, 23, tzinfo=UTC).timestamp() * 1000)
"""14 January in Zurich begins."""

HOUR_MS = 60 * MINUTE_MS
STEPS = 17_280
PLACE = b"""[{"geofence_id": "warehouse-001", "name": "Main Warehouse", "type": "circle", "radius_meters": 300,
   "center": {"latitude": 47.40, "longitude": 8.5417}, "alert_on": "exit"}]"""


def day(truck_id: str) -> Iterator[Position]:
    """Yield a position every five seconds: rounds on a circle, silent 2:00-2:10, standing 12:00-12:30."""
    turn = 0.0
    for i in range(STEPS):
        at_ms = i * 5_000
        stands = 12 * HOUR_MS <= at_ms < 12 * HOUR_MS + 30 * MINUTE_MS
        speed_kmh = 0.0 if stands else 50.0 + 45.0 * math.sin(i / 200)
        turn += speed_kmh / 3.6 * 5 / 2_600
        if 2 * HOUR_MS < at_ms < 2 * HOUR_MS + 10 * MINUTE_MS:
            continue
        latitude, longitude = 47.3769 + 0.0234 * math.cos(turn), 8.5417 + 0.0345 * math.sin(turn)
        heading = round((math.degrees(turn) + 90) % 360, 2)
        yield Position(
            truck_id, MIDNIGHT_MS + at_ms, round(latitude, 7), round(longitude, 7), round(speed_kmh, 3), heading
        )


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    with dashboard(tmp_path_factory.mktemp("replay") / "data") as made:
        made.geofences(PLACE)
        made.send(day("TRK-001"), per_record=500)
        yield made


@pytest.fixture(scope="module")
def page(board: Dashboard, browser: Browser) -> Iterator[Page]:
    desk = Desk(browser)
    page = desk.open(f"{board.url}#truck=TRK-001&map=12/47.3769/8.5417", size=(1360, 760))
    expect(page.locator(".replay-status")).to_contain_text("positions,", timeout=30_000)
    yield page
    desk.close()


def time_of(page: Page) -> str:
    return str(page.locator(".replay-time").inner_text()).split(" ")[0]


def test_a_day_is_read_whole_with_its_stop_its_gap_and_its_alerts(page: Page) -> None:
    status = page.locator(".replay-status")
    expect(status).to_contain_text("17,161\u00a0positions, 1\u00a0stop, 1\u00a0gap,")
    assert page.get_by_label("Day", exact=True).input_value() == "2024-01-14"
    expect(page.locator(".strip .gap")).to_have_attribute("title", "No positions 02:00\u201302:10 (10 min)")
    expect(page.locator(".strip .stop")).to_have_attribute(
        "title", re.compile(r"Stopped (11:59|12:00).12:(29|30) \(30 min\)")
    )
    marks = page.locator(".strip .mark")
    assert marks.count() > 20
    label = marks.nth(3).get_attribute("title")
    assert label is not None
    assert label.startswith("TRK-001 left Main Warehouse, ")
    marks.nth(3).click()
    assert time_of(page) == label.rsplit(", ", 1)[1]


def test_the_replay_is_driven_by_keys_and_says_where_it_is(page: Page) -> None:
    slider = page.get_by_role("slider", name="Time of the replay")
    slider.focus()
    page.keyboard.press("Home")
    assert time_of(page) == "00:00:00"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert time_of(page) == "00:00:10"
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("PageUp")
    assert time_of(page) == "00:11:10"
    expect(slider).to_have_attribute("aria-valuetext", "2024-01-14 00:11:10, 78 km/h")
    expect(page.locator(".replayed")).to_be_visible()
    page.get_by_label("Speed of the replay").select_option("600")
    slider.focus()
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('.replay-time').innerText > '00:13'")
    page.keyboard.press("Space")
    stopped = time_of(page)
    page.wait_for_timeout(300)
    assert time_of(page) == stopped


def test_a_gap_is_said_and_jumped_over(page: Page) -> None:
    slider = page.get_by_role("slider", name="Time of the replay")
    slider.evaluate(f"each => {{ each.value = {MIDNIGHT_MS + 2 * HOUR_MS + 5 * MINUTE_MS}; }}")
    slider.dispatch_event("input")
    expect(page.locator(".replay-time")).to_have_text("02:05:00 · no positions")
    page.get_by_label("Speed of the replay").select_option("1")
    page.locator(".play").click()
    page.wait_for_function("() => document.querySelector('.replay-time').innerText >= '02:10'")
    page.locator(".play").click()


def test_a_seek_costs_less_than_going_through_the_day(page: Page) -> None:
    seek_ms, day_ms = page.evaluate(
        """begin => {
            const slider = document.querySelector('.replay-slider');
            const each_ms = (times, work) => {  // the quickest of five rounds: a machine may be busy once
                const rounds = Array.from({length: 5}, () => {
                    const started = performance.now();
                    for (let i = 0; i < times; i++) work(i);
                    return (performance.now() - started) / times;
                });
                return Math.min(...rounds);
            };
            const seek = (i) => {
                slider.value = begin + i * 800000;
                slider.dispatchEvent(new Event('input'));
            };
            const day = Array.from({length: 17280}, (_, i) => (
                {timestamp: begin + i * 5000, latitude: 47 + i / 1e5, longitude: 8 + i / 1e5, speed_kmh: i % 90}
            ));
            return [each_ms(100, seek), each_ms(5, () => structuredClone(day))];
        }""",
        MIDNIGHT_MS,
    )
    assert seek_ms < day_ms  # 17,280 positions; it looks for one of them


def test_the_pointer_on_the_speed_line_finds_a_position_and_a_press_goes_there(page: Page) -> None:
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    expect(page.locator(".trail-tip")).to_contain_text("12:0")
    expect(page.locator(".trail-hover")).to_be_visible()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 20)
    assert time_of(page).startswith("06:0")
    page.mouse.move(10, 300)


def test_a_day_without_positions_says_so(page: Page) -> None:
    page.get_by_role("button", name="Day before").click()
    expect(page.locator(".replay-empty")).to_contain_text("TRK-001 sent no position on Sat 13 Jan 2024")
    expect(page.locator(".play")).to_be_disabled()
    page.get_by_role("button", name="Now", exact=True).click()
    expect(page.locator(".replay-status")).to_contain_text("17,161")
    assert accessibility_findings(page) == []


def test_new_positions_of_the_day_join_the_trail(board: Dashboard, page: Page) -> None:
    last_ms = MIDNIGHT_MS + STEPS * 5_000 - 2_500
    *_, last = day("TRK-001")
    board.send([Position("TRK-001", last_ms, last.latitude, last.longitude, 30.0, 90.0)])
    expect(page.locator(".replay-status")).to_contain_text("17,162")  # out of view it comes every 10 s
    assert time_of(page) == "23:59:57"


def test_a_position_that_comes_while_the_day_is_read_joins_the_trail(board: Dashboard, desk: Desk) -> None:
    board.send([Position("TRK-002", NOW_MS - MINUTE_MS, 47.4, 8.5, 30.0, 90.0)])
    page = desk.open(board.url, webgl=False)
    row = page.locator('.row[data-truck="TRK-002"]')
    expect(row.locator(".speed")).to_have_text("30")
    slow: list[tuple[Route, APIResponse]] = []
    page.route("**/api/v1/positions/TRK-002/history?*fields=trail*", lambda route: slow.append((route, route.fetch())))
    row.click()
    until("the day to be read", lambda: row.is_visible() and bool(slow))
    board.send([Position("TRK-002", NOW_MS - MINUTE_MS // 2, 47.4, 8.501, 31.0, 90.0)])
    expect(row.locator(".speed")).to_have_text("31")
    for route, day in slow:
        route.fulfill(response=day)
    expect(page.locator(".replay-status")).to_contain_text("2\u00a0positions")


def test_the_replay_fits_a_phone_in_the_dark(board: Dashboard, desk: Desk) -> None:
    page = desk.open(f"{board.url}#truck=TRK-001", size=PHONE, dark=True)
    expect(page.locator(".replay-time")).to_contain_text("km/h", timeout=30_000)
    for part in (".play", ".replay-slider", ".live-now", ".speed-legend"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE[0]
        assert box["y"] + box["height"] <= PHONE[1]
