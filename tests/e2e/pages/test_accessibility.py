"""axe finds nothing serious on the dashboard, in light and dark, on a desk and on a phone."""

import pytest
from playwright.sync_api import expect
from tests.support.browser import DESKTOP, PHONE, Desk, accessibility_findings
from tests.support.fleet import Fleet, five, wait_for_map


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_dashboard_has_no_serious_accessibility_findings(
    fleet: Fleet, desk: Desk, size: tuple[int, int], dark: bool
) -> None:
    page = desk.open(fleet.url, size=size, dark=dark)
    expect(page.get_by_text("No trucks yet")).to_be_visible()
    assert accessibility_findings(page) == []
    fleet.send(*five())
    expect(page.locator(".fleet")).to_have_text("of 5")
    wait_for_map(page)
    assert accessibility_findings(page) == []
    page.locator('.row[data-truck="TRK-003"]').click()
    expect(page.get_by_role("heading", name="TRK-003")).to_be_visible()
    expect(page.get_by_role("heading", name="Last alerts")).to_be_visible()
    assert accessibility_findings(page) == []
