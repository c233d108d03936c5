"""Pipeline health: what is wrong is said in the header, what it means and what to do in the dialog."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.browser import Desk, accessibility_findings
from tests.support.dashboard import MINUTE_MS, NOW_MS, Dashboard, dashboard

from truckstream.core.records import Position
from truckstream.ports import OutgoingRecord


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    with dashboard(tmp_path_factory.mktemp("health") / "data") as made:
        made.send([Position("TRK-001", NOW_MS - 9 * MINUTE_MS, 47.3769, 8.5417)])
        yield made


@pytest.fixture(scope="module")
def page(board: Dashboard, browser: Browser) -> Iterator[Page]:
    desk = Desk(browser)
    page = desk.open(board.url, size=(1280, 620))
    yield page
    desk.close()


def test_a_stopped_pipeline_is_said_with_what_to_do(page: Page) -> None:
    sign = page.locator(".health-sign")
    expect(sign).to_contain_text("No pipeline is running")
    sign.click()
    dialog = page.get_by_role("dialog", name="Pipeline health")
    expect(dialog.locator(".finding").first).to_contain_text("Start truckstream run")
    expect(dialog.locator(".health-figures")).to_contain_text("nobody")
    expect(dialog.get_by_role("row", name="The map")).to_contain_text("nothing")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_lag_names_the_consumer_and_rejected_records_their_reason(board: Dashboard, page: Page) -> None:
    arrivals = range(NOW_MS - 8 * MINUTE_MS, NOW_MS, MINUTE_MS)
    bad = [OutgoingRecord("TRK-002", b'{"truck_id":"TRK-002","latitude":999}', at_ms) for at_ms in arrivals]
    board.system.pipeline.put(bad)
    board.place(Position("TRK-001", at_ms, 47.3769, 8.5417) for at_ms in arrivals)
    sign = page.locator(".health-sign")
    expect(sign).to_have_attribute("data-level", "bad")
    expect(sign).to_contain_text("behind")
    sign.click()
    dialog = page.get_by_role("dialog", name="Pipeline health")
    expect(dialog.locator(".finding").first).to_contain_text("7 min behind")
    expect(dialog.locator(".findings")).to_contain_text("Alerts come late; none is lost.")
    expect(dialog.get_by_role("row", name="Geofence alerts")).to_have_attribute("data-level", "bad")
    assert accessibility_findings(page) == []
    board.system.pipeline.poll(NOW_MS, flush=True)
    expect(dialog.locator(".findings")).to_contain_text("8\u00a0records rejected")
    expect(dialog.get_by_role("table", name="Rejected records")).to_contain_text("timestamp")
    expect(sign).to_have_attribute("data-level", "notice")
