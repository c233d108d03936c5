"""The alert feed: live, calm in a burst, acknowledged for everybody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.support.browser import Desk, accessibility_findings
from tests.support.dashboard import MINUTE_MS, NOW_MS, Dashboard, dashboard

from truckstream.core.records import Position

HERE = "#map=12/47.3769/8.5417"
ODD_NAME = "<img src=x onerror=alert(1)>"
PLACES = b"""[
  {"geofence_id": "warehouse-001", "name": "Main Warehouse", "type": "circle", "radius_meters": 500,
   "center": {"latitude": 47.3769, "longitude": 8.5417}},
  {"geofence_id": "odd", "name": "<img src=x onerror=alert(1)>", "type": "circle", "radius_meters": 500,
   "center": {"latitude": 47.4769, "longitude": 8.5417}}]"""
BURST = 500


def visit(truck_id: str, at_ms: int, latitude: float = 47.3769) -> list[Position]:
    """Return a position outside of a place and, a minute later, one inside."""
    before = Position(truck_id, at_ms - MINUTE_MS, latitude + 0.006, 8.5417)
    return [before, Position(truck_id, at_ms, latitude, 8.5417)]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    with dashboard(tmp_path_factory.mktemp("alerts") / "data") as made:
        made.geofences(PLACES)
        old = [each for n in range(250) for each in visit(f"OLD-{n:03}", NOW_MS - 300 * MINUTE_MS + n * 20_000)]
        made.send(old)
        made.send(visit("TRK-014", NOW_MS - 20 * MINUTE_MS))
        made.send(visit("TRK-015", NOW_MS - 10 * MINUTE_MS, 47.4769))
        made.send(visit("LATE-1", NOW_MS - 40 * MINUTE_MS), arrival_ms=NOW_MS)
        yield made


@pytest.fixture(scope="module")
def page(board: Dashboard, browser: Browser) -> Iterator[Page]:
    desk = Desk(browser)
    page = desk.open(board.url + HERE, size=(1280, 800))
    expect(page.locator(".maplibregl-canvas")).to_be_visible()
    yield page
    desk.close()


def test_alerts_are_sentences_and_a_press_shows_truck_and_place(page: Page) -> None:
    first = page.locator(".alert-row .sentence").first
    expect(first).to_have_text(f"TRK-015 arrived at {ODD_NAME}")
    expect(page.locator(".alert-row", has_text="TRK-014 arrived at Main Warehouse")).to_contain_text("14:40:00")
    expect(page.locator(".alert-row", has_text="LATE-1")).to_contain_text("came late")
    page.get_by_text("TRK-014 arrived at Main Warehouse").click()
    expect(page.locator(".truck-card h2")).to_have_text("TRK-014")
    page.wait_for_function("() => location.hash.includes('47.3769') && location.hash.includes('truck=TRK-014')")
    page.keyboard.press("Escape")


def test_an_alert_is_acknowledged_with_a_note_that_others_see_at_once(board: Dashboard, page: Page) -> None:
    page.get_by_role("button", name="Acknowledge: TRK-014").click()
    page.get_by_role("textbox", name="Note").fill("called the driver")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".alert-row", has_text="TRK-014")).to_contain_text("called the driver")
    page.get_by_label("Only those nobody has seen to").check()
    expect(page.locator(".alert-row", has_text="TRK-015")).to_be_visible()
    expect(page.locator(".alert-row", has_text="TRK-014")).to_have_count(0)
    page.get_by_label("Only those nobody has seen to").uncheck()
    # Somebody else takes it back: the stream brings it.
    (known,) = board.system.stores.alerts.list(truck_id="TRK-014")
    page.evaluate(
        "id => fetch(`/api/v1/alerts/${id}/acknowledgement`, {method: 'DELETE', headers: {'X-Truckstream': '1'}})",
        known.alert_id,
    )
    expect(page.get_by_role("button", name="Acknowledge: TRK-014")).to_be_visible()


def test_the_feed_is_filtered_and_read_back_to_its_beginning(page: Page) -> None:
    page.get_by_label("Geofence", exact=True).select_option(label=ODD_NAME)
    expect(page.locator(".alerts-end")).to_contain_text("That is all")
    assert page.locator(".alert-row:visible .sentence").all_inner_texts() == [f"TRK-015 arrived at {ODD_NAME}"]
    page.get_by_label("Kind of alert").select_option(label="Left")
    expect(page.locator(".alerts-end")).to_contain_text("No alert matches")
    page.get_by_label("Geofence", exact=True).select_option(label="All geofences")
    page.get_by_label("Kind of alert").select_option(label="All kinds")
    scroll = page.locator(".alerts-scroll")
    first_of_all = page.locator(".alert-row:visible", has_text="OLD-000")
    for _ in range(100):  # a page takes as long as the machine lets it, and its rows are below what was the end
        scroll.evaluate("each => { each.scrollTop = each.scrollHeight; }")
        page.wait_for_timeout(200)
        if first_of_all.count():
            break
    expect(first_of_all).to_be_visible()
    expect(page.locator(".alerts-end")).to_have_text("That is all.")
    expect(page.locator(".alerts-head .open")).to_have_text("253\u00a0open")
    assert page.locator(".alert-row").count() < 60  # 253 are listed, those in view are drawn
    scroll.evaluate("each => { each.scrollTop = 0; }")


def test_a_filter_chosen_while_another_is_being_read_is_read_as_well(board: Dashboard, desk: Desk) -> None:
    page = desk.open(board.url, size=(1280, 800), webgl=False)
    expect(page.locator(".alert-row").first).to_be_visible()
    held: list[Route] = []
    page.route("**/api/v1/alerts?*", lambda route: held.append(route))
    with page.expect_request("**/api/v1/alerts?*"):
        page.get_by_label("Kind of alert").select_option(label="Left")
    page.get_by_label("Kind of alert").select_option(label="All kinds")
    page.get_by_label("Geofence", exact=True).select_option(label=ODD_NAME)
    assert held
    page.unroute("**/api/v1/alerts?*")  # lets go what is held
    expect(page.locator(".alerts-end")).to_have_text("That is all.")
    expect(page.locator(".alert-row:visible .sentence")).to_have_text([f"TRK-015 arrived at {ODD_NAME}"])


def test_a_role_that_is_told_late_still_lets_a_dispatcher_acknowledge(board: Dashboard, desk: Desk) -> None:
    held: list[Route] = []

    def hold(page: Page) -> None:
        page.route("**/api/v1/config", lambda route: held.append(route))

    page = desk.open(board.url, size=(1280, 800), webgl=False, prepare=hold)
    row = page.locator(".alert-row", has_text="TRK-014")
    expect(row).to_be_visible()  # drawn before anybody's role is known
    held.pop().continue_()
    expect(row.get_by_role("button", name="Acknowledge: TRK-014")).to_be_visible()


def test_a_burst_moves_no_row_under_the_pointer_and_loses_none(board: Dashboard, page: Page) -> None:
    target = page.locator(".alert-row", has_text="TRK-015").first
    target.hover()
    board.send(each for n in range(BURST) for each in visit(f"NEW-{n:03}", NOW_MS - 5 * MINUTE_MS))
    newer = page.locator(".alerts-new")
    expect(newer).to_have_text(f"{BURST}\u00a0new alerts: show")
    expect(page.locator(".alert-row .sentence").first).to_have_text(f"TRK-015 arrived at {ODD_NAME}")
    expect(page.locator(".alerts-head .open")).to_have_text(f"{BURST + 253}\u00a0open")
    newer.click()
    expect(page.locator(".alert-row", has_text="NEW-000")).to_be_visible()
    expect(newer).to_be_hidden()
    assert page.locator(".alert-row").count() < 60
    assert accessibility_findings(page) == []


def test_sound_is_off_until_it_is_switched_on(page: Page) -> None:
    sound = page.get_by_role("button", name="Sound off")
    expect(sound).to_have_attribute("aria-pressed", "false")
    sound.click()
    expect(page.get_by_role("button", name="Sound on")).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("localStorage.getItem('truckstream.alertSound')") == "on"


@pytest.fixture
def empty_board(tmp_path: Path) -> Iterator[Dashboard]:
    with dashboard(tmp_path / "data") as made:
        yield made


def test_without_geofences_the_feed_says_what_to_do(empty_board: Dashboard, desk: Desk) -> None:
    page = desk.open(empty_board.url, size=(1280, 800))
    expect(page.locator(".alerts-end")).to_contain_text("there is no geofence yet")
    page.get_by_role("button", name="Draw a geofence").click()
    expect(page.locator(".editor")).to_contain_text("No geofence yet")
