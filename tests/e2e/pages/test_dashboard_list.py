"""The dashboard of a browser without WebGL, so without its map: counts, search, list, keys, truck panel, address."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import Page, Route, expect
from tests.support.browser import PHONE, Desk
from tests.support.fleet import Fleet, at, five, rows, until

from truckstream.core.records import Position

UNKNOWN = "\u2013"


def counts(page: Page) -> dict[str, int]:
    texts = page.locator(".count:visible").all_inner_texts()
    return {word: int(number) for word, number in (text.split("\n") for text in texts)}


def shows(page: Page, *ids: str) -> None:
    until(lambda: f"the list to show {ids}, not {rows(page)}", lambda: rows(page) == list(ids))


def test_counts_are_filters_and_add_up_to_the_fleet(fleet: Fleet, desk: Desk) -> None:
    fleet.send(*five())
    fleet.fence(circle("Yard", trucks=["TRK-777"]))  # named by a geofence, never heard of
    page = desk.open(fleet.url, webgl=False)
    expect(page.locator(".fleet")).to_have_text("of 6")
    assert counts(page) == {"Moving": 2, "Idling": 1, "Stopped": 1, "Offline": 1, "Never seen": 1}
    page.get_by_role("button", name="Moving").click()
    shows(page, "TRK-001", "TRK-002")
    page.get_by_role("button", name="Offline").click()
    shows(page, "TRK-001", "TRK-002", "TRK-005")
    expect(page).to_have_url(re.compile("states=moving,offline"))
    assert sum(counts(page).values()) == 6  # a filter changes what is shown, not what is counted
    page.get_by_role("button", name="Moving").click()
    page.get_by_role("button", name="Offline").click()
    shows(page, "TRK-001", "TRK-002", "TRK-003", "TRK-004", "TRK-005", "TRK-777")


def test_search_is_a_key_away_and_escape_ends_it(fleet: Fleet, desk: Desk) -> None:
    fleet.send(*five())
    page = desk.open(fleet.url, webgl=False)
    shows(page, "TRK-001", "TRK-002", "TRK-003", "TRK-004", "TRK-005")
    page.keyboard.press("/")
    page.keyboard.type("trk-004")
    shows(page, "TRK-004")
    page.keyboard.press("Enter")  # to the list
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="TRK-004")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    shows(page, "TRK-001", "TRK-002", "TRK-003", "TRK-004", "TRK-005")


def test_a_search_without_hits_says_so_and_offers_all(fleet: Fleet, desk: Desk) -> None:
    fleet.send(*five())
    page = desk.open(f"{fleet.url}#q=nothing&states=moving", webgl=False)
    expect(page.get_by_text("The fleet has 5 trucks; search and states hide them all.")).to_be_visible()
    page.get_by_role("button", name="Show all trucks").click()
    shows(page, "TRK-001", "TRK-002", "TRK-003", "TRK-004", "TRK-005")
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_list_is_walked_by_keys_and_names_its_row_to_screen_readers(fleet: Fleet, desk: Desk) -> None:
    fleet.send(*five())
    page = desk.open(fleet.url, webgl=False)
    grid = page.get_by_role("grid", name="Trucks")
    expect(grid).to_have_attribute("aria-rowcount", "6")  # with its header
    shows(page, "TRK-001", "TRK-002", "TRK-003", "TRK-004", "TRK-005")  # those of a second frame are in their places
    page.keyboard.press("l")
    expect(grid).to_be_focused()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    active = page.locator(f"#{grid.get_attribute('aria-activedescendant')}")
    expect(active).to_contain_text("TRK-002")
    expect(page.locator(".truck-card")).not_to_be_visible()  # walking chooses nothing yet
    page.keyboard.press("Enter")
    expect(active).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("heading", name="TRK-002")).to_be_visible()
    expect(page).to_have_url(re.compile("truck=TRK-002"))
    page.keyboard.press("End")  # an open panel goes along
    expect(page.get_by_role("heading", name="TRK-005")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".truck-card")).not_to_be_visible()
    expect(page).not_to_have_url(re.compile("truck="))


def test_columns_sort_and_say_so(fleet: Fleet, desk: Desk) -> None:
    fleet.send(*five())
    page = desk.open(fleet.url, webgl=False)
    page.get_by_role("button", name="km/h").click()
    shows(page, "TRK-001", "TRK-002", "TRK-005", "TRK-003", "TRK-004")
    expect(page.get_by_role("columnheader", name="km/h")).to_have_attribute("aria-sort", "descending")
    expect(page.get_by_role("columnheader", name="Truck")).to_have_attribute("aria-sort", "none")
    page.get_by_role("button", name="Last position").click()
    until("the oldest position to be last", lambda: rows(page)[-1] == "TRK-005")
    page.get_by_role("button", name="State").click()
    shows(page, "TRK-001", "TRK-002", "TRK-003", "TRK-004", "TRK-005")


def test_a_pointer_on_the_head_does_not_keep_the_list_from_its_order(fleet: Fleet, desk: Desk) -> None:
    fleet.send(*five())
    page = desk.open(fleet.url, webgl=False)
    page.get_by_role("button", name="km/h").click()  # and there the pointer stays
    shows(page, "TRK-001", "TRK-002", "TRK-005", "TRK-003", "TRK-004")
    fleet.send(at("TRK-000", age_s=0, speed=120))
    shows(page, "TRK-000", "TRK-001", "TRK-002", "TRK-005", "TRK-003", "TRK-004")


def test_rows_change_in_place_but_never_move_under_the_pointer(fleet: Fleet, desk: Desk) -> None:
    fleet.send(*five())
    page = desk.open(fleet.url, webgl=False)
    page.get_by_role("button", name="km/h").click()
    shows(page, "TRK-001", "TRK-002", "TRK-005", "TRK-003", "TRK-004")
    row = page.locator('.row[data-truck="TRK-002"]')
    row.hover()
    fleet.send(at("TRK-002", age_s=0, speed=99, latitude=47.39, longitude=8.51))
    expect(row.locator(".speed")).to_have_text("99")
    page.wait_for_timeout(1500)
    assert rows(page)[0] == "TRK-001"
    fleet.send(at("TRK-000", age_s=0, speed=120))
    until("a new truck to come last", lambda: rows(page)[-1] == "TRK-000")
    page.locator(".brand").hover()
    until("the list to sort once the pointer left", lambda: rows(page)[:2] == ["TRK-000", "TRK-002"])


NOTES_READS = """
const real = matchMedia;
const matches = Object.getOwnPropertyDescriptor(MediaQueryList.prototype, "matches").get;
window.listened = window.readOfListened = 0;
window.matchMedia = (query) => {
    const list = real.call(window, query);
    if (!query.includes("prefers-color-scheme")) return list;
    let told = false;
    const listen = list.addEventListener;
    list.addEventListener = (...words) => {
        window.listened += 1;
        told = true;
        listen.apply(list, words);
    };
    Object.defineProperty(list, "matches", {
        get() {
            if (told) window.readOfListened += 1;
            return matches.call(list);
        },
    });
    return list;
};
"""


def test_no_change_of_light_and_dark_is_missed(fleet: Fleet, desk: Desk) -> None:
    """Chromium keeps back the event of a list whose `matches` was read since the change: half of them, in a loop."""
    page = desk.open(fleet.url, webgl=False, before=NOTES_READS)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    for theme in ("dark", "light"):
        page.get_by_role("button", name="Switch between light and dark").click()
        expect(page.locator("html")).to_have_attribute("data-theme", theme)
    assert page.evaluate("[listened, readOfListened]") == [1, 0]


def test_positions_and_new_trucks_arrive_without_a_reload(fleet: Fleet, desk: Desk) -> None:
    page = desk.open(fleet.url, webgl=False)
    expect(page.get_by_text("No trucks yet")).to_be_visible()
    expect(page.locator(".empty code").first).to_have_text("truckstream run --trucks 100")
    fleet.send(at("TRK-001", age_s=0, speed=50))
    row = page.locator('.row[data-truck="TRK-001"]')
    expect(row).to_contain_text("Moving")
    expect(row.locator(".speed")).to_have_text("50")
    expect(page.locator(".fleet")).to_have_text("of 1")
    fleet.send(at("TRK-001", age_s=0, speed=0, engine="idle"))
    expect(row).to_contain_text("Idling")


def test_truck_panel_tells_telemetry_geofences_and_alerts(fleet: Fleet, desk: Desk) -> None:
    fleet.fence(circle("Yard"))
    fleet.send(at("TRK-001", age_s=40, latitude=47.39), at("TRK-002", age_s=40))
    fleet.send(at("TRK-001", age_s=1, speed=48.4, heading=224.0))
    page = desk.open(f"{fleet.url}#truck=TRK-001", webgl=False)
    card = page.locator(".truck-card")
    for value in ("48 km/h", "224° south-west", "Running", "75 %", "408 m", "5 m", "47.37690, 8.54170"):
        expect(card.locator(".telemetry").get_by_text(value, exact=True)).to_be_visible()
    expect(card.locator(".state-line")).to_contain_text("Moving")
    expect(card.get_by_role("heading", name="In geofences").locator("xpath=..")).to_contain_text("Yard")
    expect(card.get_by_role("heading", name="Last alerts").locator("xpath=..")).to_contain_text("Arrived at Yard")
    page.get_by_role("button", name="Close (Esc)").click()
    expect(card).not_to_be_visible()


def test_unknown_values_are_a_dash_and_never_zero(fleet: Fleet, desk: Desk) -> None:
    fleet.send(at("TRK-001", speed=None, engine=None, heading=None))
    page = desk.open(f"{fleet.url}#truck=TRK-001", webgl=False)
    expect(page.locator('.row[data-truck="TRK-001"] .speed')).to_have_text(UNKNOWN)
    for term in ("Speed", "Heading", "Engine"):
        expect(page.locator(".telemetry div").filter(has_text=term)).to_contain_text(UNKNOWN)


def test_nothing_of_header_and_time_line_is_cut_off_in_windows_of_any_width(fleet: Fleet, desk: Desk) -> None:
    fleet.fence(circle("Yard", trucks=["TRK-777"]))
    fleet.send(*five())
    page = desk.open(f"{fleet.url}#truck=TRK-001", webgl=False)
    expect(page.locator(".replay-status")).to_contain_text("1\u00a0position")
    cut_off = """() => [...document.querySelectorAll('.top *, .replay-bar *')].filter(each => {
        const { left, right, width } = each.getBoundingClientRect();
        return width > 1 && (left < 0 || right > innerWidth + 0.5);
    }).map(each => each.className || each.tagName)"""
    for width in (1440, 1280, 1100, 1081, 1080, 900, 721, 720, 390, 320):
        page.set_viewport_size({"width": width, "height": 600})
        # As wide as they get: a large fleet, a long finding, no connection.
        page.evaluate("""() => {
            for (const count of document.querySelectorAll('.count strong')) count.textContent = '12,345';
            document.querySelector('.fleet').textContent = 'of 61,725';
            document.querySelector('.health-words').textContent = 'The archive is 12 min behind';
            document.querySelector('.live-word').textContent = 'reconnecting';
        }""")
        assert page.evaluate(cut_off) == [], width
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Escape")  # the list again
    whole = "each => each.scrollWidth <= each.clientWidth"
    for width in (1440, 390, 320):
        page.set_viewport_size({"width": width, "height": 600})
        assert page.locator('.row[data-truck="TRK-001"] .truck_id').evaluate(whole), width
    page.locator('.row[data-truck="TRK-001"]').click()
    page.set_viewport_size({"width": 1440, "height": 900})
    status = page.locator(".replay-status")
    expect(status).to_contain_text("1\u00a0position")
    assert status.evaluate(whole)
    edge = "each => Math.round(each.getBoundingClientRect().right)"
    assert page.locator(".live-now").evaluate(edge) == page.locator(".replay-bar").evaluate(edge)


def refused(route: Route) -> None:
    told = {"error": "the archive of that day is damaged", "hint": "Restore it.", "retryable": False}
    route.fulfill(status=400, json=told)


def test_a_day_that_cannot_be_read_is_said_whole_on_any_screen(fleet: Fleet, desk: Desk) -> None:
    fleet.send(*five())
    for size in ((1440, 900), (900, 600), PHONE):
        page = desk.open(fleet.url, size=size, webgl=False)
        page.route("**/api/v1/trips?*", refused)
        page.locator('.row[data-truck="TRK-001"]').click()
        status = page.locator(".replay-status")
        expect(status).to_contain_text("The day cannot be read. The archive of that day is damaged")
        expect(status).to_be_in_viewport(ratio=1)
        assert status.evaluate("each => each.scrollWidth <= each.clientWidth && each.clientWidth > 300")


def test_a_link_shares_the_view_and_a_broken_one_is_harmless(fleet: Fleet, desk: Desk) -> None:
    fleet.send(*five())
    page = desk.open(f"{fleet.url}#truck=TRK-003&states=idling&q=trk&map=12.5/47.36/8.55", webgl=False)
    shows(page, "TRK-003")
    expect(page.get_by_role("heading", name="TRK-003")).to_be_visible()
    expect(page.get_by_role("searchbox")).to_have_value("trk")
    page = desk.open(f"{fleet.url}#truck=<img src=x onerror=alert(1)>&states=x&map=nowhere&q=%zz", webgl=False)
    expect(page.get_by_text("This fleet has no such truck")).to_be_visible()
    expect(page.get_by_role("heading", name="<img src=x onerror=alert(1)>")).to_be_visible()


def test_a_link_opened_before_the_fleet_is_known_shows_the_truck_all_the_same(fleet: Fleet, desk: Desk) -> None:
    chosen = [at("TRK-080", age_s=90_000 - 10 * step, speed=40 + step) for step in range(12)]
    yesterday = datetime.fromtimestamp(chosen[0].timestamp_ms / 1000, ZoneInfo("Etc/GMT+3")).date()

    def complete(page: Page) -> None:
        expect(page.locator('.row[data-truck="TRK-080"][aria-selected=true]')).to_be_in_viewport()
        expect(page.locator(".sparklines")).to_contain_text("40\u201351 km/h")  # the hour up to its newest position
        expect(page.get_by_label("Day", exact=True)).to_have_value(str(yesterday))
        expect(page.locator(".replay-status")).to_contain_text("12 positions")

    fleet.send(*(at(f"TRK-{number:03}") for number in range(1, 80)))
    page = desk.open(f"{fleet.url}#truck=TRK-080", webgl=False, zone="Etc/GMT+3")
    expect(page.locator(".truck-card")).to_contain_text("no such truck")
    expect(page.locator(".replay-empty")).to_be_visible()
    fleet.send(*chosen)  # it comes with a later frame
    complete(page)
    page.reload()  # it comes with the first one, after the panel
    complete(page)


def test_a_notice_stands_beside_an_open_panel(fleet: Fleet, desk: Desk) -> None:
    for size in ((1440, 900), (1120, 800)):
        page = desk.open(fleet.url, webgl=False, size=size)
        notice = page.locator(".notices .notice", has_text="The map could not be shown")
        expect(notice).to_be_visible()
        page.get_by_role("button", name="Geofences", exact=True).click()
        expect(page.locator(".editor")).to_be_visible()
        left, panel = notice.bounding_box(), page.locator(".editor").bounding_box()
        assert left is not None
        assert panel is not None
        assert left["x"] + left["width"] < panel["x"]
        page.close()


def zone_after_midnight() -> str:
    """Return a zone in which the day is younger than an hour."""
    hour = datetime.now(UTC).hour
    return f"Etc/GMT+{hour}" if hour <= 12 else f"Etc/GMT-{24 - hour}"


def test_a_day_that_ends_while_somebody_looks_goes_over_into_the_next(fleet: Fleet, desk: Desk) -> None:
    zone = zone_after_midnight()
    today = datetime.now(ZoneInfo(zone)).date()
    yesterday = today - timedelta(days=1)
    fleet.fence(circle("Yard"))
    fleet.send(at("TRK-001", age_s=7_230, latitude=47.39), at("TRK-001", age_s=7_200))
    page = desk.open(f"{fleet.url}#truck=TRK-001", webgl=False, zone=zone)
    expect(page.get_by_label("Day", exact=True)).to_have_value(str(yesterday))
    expect(page.locator(".replay-status")).to_have_text("2 positions, 0 stops, 1 alert")
    # What was yesterday is not told as if it were today.
    dated = re.compile(rf"Arrived at Yard\s*{yesterday.day} {yesterday:%b}, \d\d:\d\d")
    expect(page.locator(".truck-card")).to_contain_text(dated)
    fleet.send(at("TRK-001", age_s=0))
    expect(page.get_by_label("Day", exact=True)).to_have_value(str(today))
    expect(page.locator(".replay-status")).to_contain_text("1 position")
    expect(page.get_by_role("button", name="Now", exact=True)).to_have_attribute("aria-pressed", "true")


def test_positions_the_page_was_not_told_of_are_no_gap_of_the_truck(fleet: Fleet, desk: Desk) -> None:
    def drive(begin_s: int, end_s: int) -> list[Position]:
        return [
            at("TRK-001", age_s=age_s, latitude=47.40 - age_s * 1e-4, longitude=8.60)
            for age_s in range(begin_s, end_s, -5)
        ]

    fleet.send(*drive(600, 400))
    page = desk.open(f"{fleet.url}#truck=TRK-001", webgl=False)
    expect(page.locator(".replay-status")).to_have_text("40 positions, 0 stops")
    # The page hears of the newest only, as after a cut; it arrives at a geofence, too.
    fleet.fence(circle("Yard", center={"latitude": 47.3995, "longitude": 8.60}))
    fleet.send(*drive(400, 0))
    expect(page.locator(".replay-status")).to_have_text(re.compile(r"^1\d\d\spositions, 0\sstops, 1\salert$"))


SHOWS_THE_HOUR = """() => {
    const hour = new Date().toLocaleTimeString('en-GB').slice(0, 3);  // read with the clock: it may end any moment
    return document.querySelector('.clock').textContent.startsWith(hour);
}"""


def test_times_stand_in_the_zone_of_the_reader_and_name_it(fleet: Fleet, desk: Desk) -> None:
    fleet.send(at("TRK-001"))
    for zone, name in (("Europe/Zurich", "Europe/Zurich"), ("America/New_York", "America/New York")):
        page = desk.open(fleet.url, zone=zone, webgl=False)
        expect(page.locator(".zone")).to_have_text(name)
        page.wait_for_function(SHOWS_THE_HOUR)


def circle(name: str, **more: object) -> dict[str, object]:
    return {
        "geofence_id": "yard",
        "name": name,
        "type": "circle",
        "center": {"latitude": 47.3769, "longitude": 8.5417},
        "radius_meters": 500,
        "alert_on": "both",
        **more,
    }
