"""The geofence editor, against the real server."""

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Browser, Locator, Page, Route, expect
from tests.support.browser import PHONE, Desk, accessibility_findings
from tests.support.dashboard import MINUTE_MS, NOW_MS, Dashboard, dashboard, passage
from tests.support.fleet import until

HERE = "#map=13/47.3769/8.5417"
SMALL = (1280, 620)  # software rendering pays by the pixel
ODD_NAME = "<img src=x onerror=alert(1)>"
ROUND = b"""[{"geofence_id": "warehouse-001", "name": "Main Warehouse", "type": "circle",
  "center": {"latitude": 47.3769, "longitude": 8.5417}, "radius_meters": 500, "alert_on": "exit"}]"""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    with dashboard(tmp_path_factory.mktemp("editor") / "data") as made:
        made.send(passage("TRK-014", NOW_MS - 50 * MINUTE_MS))
        yield made


@pytest.fixture(scope="module")
def page(board: Dashboard, browser: Browser) -> Iterator[Page]:
    """One page for all tests here: loading the map is what costs."""
    desk = Desk(browser)
    page = desk.open(board.url + HERE, size=SMALL)
    expect(page.locator(".maplibregl-canvas")).to_be_visible()
    yield page
    desk.close()


@pytest.fixture
def editor(board: Dashboard, page: Page) -> Page:
    """The page with the editor just opened, and no geofence stored."""
    board.system.stores.geofences.remove(board.stored())
    while page.locator(".editor").is_visible():
        page.keyboard.press("Escape")
    page.get_by_role("button", name="Geofences", exact=True).click()
    expect(page.locator(".editor")).to_contain_text("New geofence")
    return page


def pixel(page: Page, latitude: float = 47.3769, longitude: float = 8.5417) -> tuple[float, float]:
    """Return where a place is on the screen, from the address, which holds the view."""
    zoom, centre_latitude, centre_longitude = view(page)
    box = page.locator(".maplibregl-canvas").bounding_box()
    assert box is not None
    world_px = 512 * 2**zoom
    return (
        box["x"] + box["width"] / 2 + (longitude - centre_longitude) / 360 * world_px,
        box["y"] + box["height"] / 2 - (_mercator(latitude) - _mercator(centre_latitude)) / (2 * math.pi) * world_px,
    )


def view(page: Page) -> tuple[float, float, float]:
    """Return zoom, latitude and longitude of the map's middle."""
    zoom, latitude, longitude = page.evaluate("location.hash").split("map=")[1].split("&")[0].split("/")
    return float(zoom), float(latitude), float(longitude)


def _mercator(latitude: float) -> float:
    return math.log(math.tan(math.pi / 4 + math.radians(latitude) / 2))


def press(page: Page, *points: tuple[float, float]) -> None:
    for x, y in points:
        page.mouse.move(x, y, steps=2)
        page.mouse.click(x, y)
        page.wait_for_timeout(60)  # two presses in one place at once are a double click


def drag(page: Page, begin: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*begin)
    page.mouse.down()
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def drag_by_finger(page: Page, begin: tuple[float, float], end: tuple[float, float]) -> None:
    session = page.context.new_cdp_session(page)
    halfway = ((begin[0] + end[0]) / 2, (begin[1] + end[1]) / 2)
    for kind, place in (("Start", begin), ("Move", halfway), ("Move", end)):
        points = [{"x": place[0], "y": place[1]}]
        session.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def told(page: Page, words: str) -> Locator:
    """Return the notice of what was done; the pointer on it keeps it, and its way back, however long a test takes."""
    notice = page.locator(".toast", has_text=words)
    notice.hover()
    return notice


def form(page: Page, name: str) -> str:
    return page.locator(f"#geofence-{name}").input_value()


def test_a_circle_drawn_on_the_map_is_previewed_saved_and_taken_back(board: Dashboard, editor: Page) -> None:
    editor.get_by_role("button", name="New geofence").click()
    expect(editor.locator(".draw-hint")).to_be_hidden()
    editor.fill("#geofence-name", ODD_NAME)
    editor.get_by_role("button", name="Draw on the map").click()
    expect(editor.locator(".draw-hint")).to_contain_text("Press on the centre")
    x, y = pixel(editor)
    press(editor, (x, y), (x + 60, y))
    expect(editor.locator(".draw-hint")).to_be_hidden()
    latitude, longitude = (float(part) for part in form(editor, "center").split(","))
    assert abs(latitude - 47.3769) < 0.001
    assert abs(longitude - 8.5417) < 0.001
    metres_per_pixel = 2 * math.pi * 6_378_137 * math.cos(math.radians(latitude)) / (512 * 2 ** view(editor)[0])
    assert abs(float(form(editor, "radius_m")) - 60 * metres_per_pixel) < 15
    expect(editor.locator(".preview-line")).to_contain_text("Would have fired 2 times")
    editor.get_by_text("Show them").click()
    expect(editor.locator(".preview-list")).to_contain_text("TRK-014 arrived at")
    editor.get_by_role("button", name="Save").click()
    saved = told(editor, "saved")
    expect(editor.locator(".geofence-list")).to_contain_text(ODD_NAME)
    assert list(board.stored()) == ["img-src-x-onerror-alert-1"]
    saved.get_by_role("button", name="Undo").click()
    expect(editor.locator(".toast")).to_contain_text("gone again")
    expect(editor.locator(".editor")).to_contain_text("No geofence yet")
    assert board.stored() == {}


def test_a_polygon_gets_a_hole_and_loses_a_vertex(board: Dashboard, editor: Page) -> None:
    editor.get_by_role("button", name="New geofence").click()
    editor.fill("#geofence-name", "Yard")
    editor.locator("label", has_text="Polygon").click()
    x, y = pixel(editor)
    ring = [(x - 150, y - 90), (x + 80, y - 90), (x + 90, y + 10), (x - 150, y + 90)]
    hole = [(x - 80, y - 50), (x + 20, y - 50), (x - 30, y + 50)]
    for button, points in (("Draw on the map", ring), ("Cut a hole", hole)):
        editor.get_by_role("button", name=button).click()
        expect(editor.locator(".draw-hint")).to_contain_text("corner by corner")
        press(editor, *points, points[0])
        expect(editor.locator(".draw-hint")).to_be_hidden()
    expect(editor.locator(".geofence-form")).to_contain_text("1 hole")
    drag(editor, (x + 90, y + 10), (x + 110, y + 10))
    editor.mouse.click(x + 110, y + 10, button="right")
    editor.get_by_role("button", name="Save").click()
    expect(editor.locator(".geofence-list")).to_contain_text("polygon, 6 vertices, 1 hole")
    stored = board.stored()["yard"]
    assert len(stored.polygon) == 3
    assert [len(each) for each in stored.holes] == [3]


def test_dragging_the_rim_changes_the_radius_and_saving_says_so(board: Dashboard, editor: Page) -> None:
    board.geofences(ROUND)
    before = editor.evaluate("location.hash")
    editor.get_by_role("button", name="Main Warehouse").click()
    expect(editor.locator(".preview-line")).to_contain_text("Would have fired once")
    editor.wait_for_function("before => location.hash !== before", arg=before)  # the map shows the circle
    x, y = pixel(editor, 47.3769, 8.5417 + 500 / (111_320 * math.cos(math.radians(47.3769))))
    drag(editor, (x, y), (x + 40, y + 5))
    radius_m = float(form(editor, "radius_m"))
    assert radius_m > 520
    editor.get_by_role("button", name="Save").click()
    changed = told(editor, f"radius {radius_m:.0f} m (was 500 m)")
    assert board.stored()["warehouse-001"].radius_meters == radius_m
    changed.get_by_role("button", name="Undo").click()
    expect(editor.locator(".toast")).to_contain_text("as it was")
    assert board.stored()["warehouse-001"].radius_meters == 500
    editor.get_by_role("button", name="Main Warehouse").click()
    editor.get_by_role("button", name="Delete").click()
    deleted = told(editor, "deleted")
    assert board.stored() == {}
    deleted.get_by_role("button", name="Undo").click()
    expect(editor.locator(".toast")).to_contain_text("as it was")  # the list may be the one of before
    expect(editor.locator(".geofence-list")).to_contain_text("Main Warehouse")
    assert board.stored()["warehouse-001"].radius_meters == 500


def test_a_finger_drags_the_rim_on_a_phone(board: Dashboard, desk: Desk) -> None:
    board.geofences(ROUND)
    page = desk.open(board.url + HERE, size=PHONE)
    page.get_by_role("button", name="Geofences", exact=True).click()
    before = page.evaluate("location.hash")
    page.get_by_role("button", name="Main Warehouse").click()
    page.wait_for_function("before => location.hash !== before", arg=before)  # the map shows the circle
    x, y = pixel(page, 47.3769, 8.5417 + 500 / (111_320 * math.cos(math.radians(47.3769))))
    held = view(page)
    drag_by_finger(page, (x, y), (x + 40, y + 5))
    expect(page.locator("#geofence-radius_m")).not_to_have_value("500")
    assert float(form(page, "radius_m")) > 520
    assert view(page) == held  # the finger held the rim, not the map


def test_a_geofence_is_made_with_the_keyboard_alone_and_mistakes_are_named(board: Dashboard, editor: Page) -> None:
    keys = editor.keyboard
    editor.get_by_role("button", name="New geofence").focus()
    keys.press("Enter")
    keys.press("Tab")
    keys.type("Route west")
    keys.press("Enter")  # too early: there is no shape
    expect(editor.locator("#geofence-center-error")).to_contain_text("Draw the circle")
    expect(editor.locator("#geofence-center")).to_be_focused()
    editor.locator("input[name=type]:checked").focus()
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    editor.locator("summary", has_text="as text").focus()
    keys.press("Enter")
    keys.press("Tab")
    keys.type("47.38, 8.50\n47.39, x")
    keys.press("Tab")
    editor.get_by_role("button", name="Save").focus()
    keys.press("Enter")
    expect(editor.locator("#geofence-points-error")).to_contain_text("Point 2")
    expect(editor.locator("#geofence-points")).to_be_focused()
    keys.press("Control+End")
    keys.press("Backspace")
    keys.type("8.45")
    editor.locator("#geofence-width_m").focus()
    keys.press("Control+a")
    keys.type("1,200")
    keys.press("Enter")
    expect(editor.locator(".toast")).to_contain_text("Route west")
    stored = board.stored()["route-west"]
    assert (stored.type, stored.width_meters, len(stored.path)) == ("corridor", 1200, 2)


def test_a_geofence_of_5000_vertices_stays_usable(board: Dashboard, editor: Page) -> None:
    board.geofences(json.dumps([polygon("city", "City", 5000), polygon("town", "Town", 50)]).encode())
    expect(editor.get_by_role("button", name="City")).to_contain_text("5,000 vertices")
    opening_s: dict[str, float] = {}
    for name in ("Town", "City") * 3:  # the quickest time of each: a machine may be busy once
        began = time.monotonic()
        editor.get_by_role("button", name=name).click()
        expect(editor.locator(".geofence-form h2")).to_have_text(name)
        opening_s[name] = min(time.monotonic() - began, opening_s.get(name, math.inf))
        editor.get_by_role("button", name="Back").click()
    assert opening_s["City"] < 100 * opening_s["Town"]  # a hundred times the vertices: in proportion at most
    editor.get_by_role("button", name="City").click()
    expect(editor.locator(".draw-hint")).to_contain_text("too close together to drag")
    expect(editor.locator("summary", has_text="5,000 points as text")).to_be_visible()
    editor.fill("#geofence-name", "Whole city")
    expect(editor.locator(".preview-line")).to_contain_text("Would")
    editor.get_by_role("button", name="Save").click()
    expect(editor.locator(".toast")).to_contain_text("is now “Whole city”")
    assert len(board.stored()["city"].polygon) == 5000


def polygon(geofence_id: str, name: str, vertices: int) -> dict[str, Any]:
    turns = [2 * math.pi * i / vertices for i in range(vertices)]
    ring = [{"latitude": 47.3769 + 0.02 * math.sin(t), "longitude": 8.5417 + 0.03 * math.cos(t)} for t in turns]
    return {"geofence_id": geofence_id, "name": name, "type": "polygon", "polygon": ring}


def test_one_escape_does_one_thing_wherever_the_focus_is(editor: Page, board: Dashboard) -> None:
    editor.get_by_role("button", name="New geofence").click()
    editor.get_by_role("button", name="Draw on the map").click()
    expect(editor.locator(".editor")).to_contain_text("Press on the centre")
    editor.locator(".maplibregl-canvas").focus()
    editor.keyboard.press("Escape")  # gives up drawing, and only that
    expect(editor.locator(".editor")).not_to_contain_text("Press on the centre")
    expect(editor.get_by_role("heading", name="New geofence")).to_be_visible()
    editor.fill("#geofence-name", "Yard")
    editor.locator(".maplibregl-canvas").focus()
    editor.keyboard.press("Escape")
    expect(editor.get_by_text("Not saved yet")).to_be_visible()
    expect(editor.locator("#geofence-name")).to_have_value("Yard")
    editor.get_by_role("searchbox", name="Search trucks").focus()
    editor.keyboard.press("Escape")  # leaves the search: the editor stays
    expect(editor.locator("#geofence-name")).to_have_value("Yard")
    editor.locator(".maplibregl-canvas").focus()
    editor.keyboard.press("Escape")
    expect(editor.get_by_text("No geofence yet", exact=True)).to_be_visible()
    editor.keyboard.press("Escape")
    expect(editor.locator(".editor")).to_be_hidden()
    assert board.stored() == {}


def test_a_file_is_looked_at_imported_undone_and_exported_again(board: Dashboard, editor: Page) -> None:
    board.geofences(ROUND)
    bow = [[8.5, 47.3], [8.6, 47.4], [8.6, 47.3], [8.5, 47.4], [8.5, 47.3]]
    features = [
        {
            "type": "Feature",
            "properties": {"geofence_id": "warehouse-001", "name": "Moved", "radius_meters": 100},
            "geometry": {"type": "Point", "coordinates": [8.6, 47.4]},
        },
        {"type": "Feature", "properties": {"name": "Bow"}, "geometry": {"type": "Polygon", "coordinates": [bow]}},
    ]
    data = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    expect(editor.get_by_role("button", name="Main Warehouse")).to_be_visible()
    dropped = editor.evaluate_handle(
        """text => {
            const carried = new DataTransfer();
            carried.items.add(new File([text], "dropped.geojson"));
            return carried;
        }""",
        json.dumps({"type": "FeatureCollection", "features": features[1:]}),
    )
    editor.dispatch_event(".geofence-list", "drop", {"dataTransfer": dropped})
    expect(editor.locator(".import-review")).to_contain_text("dropped.geojson holds 1\u00a0geofence. All are new.")
    editor.get_by_role("button", name="Leave it").click()
    file = editor.locator("input[type=file]")
    file.set_input_files({"name": "wrong.csv", "mimeType": "text/csv", "buffer": b"a,b"})
    expect(editor.locator(".import-review")).to_contain_text("not JSON")
    file.set_input_files({"name": "places.geojson", "mimeType": "application/json", "buffer": data})
    expect(editor.locator(".import-review")).to_contain_text("1\u00a0stored one of the same id will be replaced")
    assert board.stored()["warehouse-001"].name == "Main Warehouse"
    editor.get_by_role("button", name="Import 2").click()
    imported = told(editor, "imported")
    expect(editor.locator(".import-review")).to_contain_text("crosses itself at latitude 47.35")
    assert board.stored()["warehouse-001"].name == "Moved"
    with editor.expect_download() as download:
        editor.get_by_role("button", name="Export").press("Enter")  # the pointer stays where it is
    exported = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert [each["properties"]["geofence_id"] for each in exported["features"]] == ["bow", "warehouse-001"]
    imported.get_by_role("button", name="Undo").click()
    expect(editor.locator(".toast")).to_contain_text("undone")
    assert {key: each.name for key, each in board.stored().items()} == {"warehouse-001": "Main Warehouse"}


def test_an_answer_that_was_overtaken_does_not_hide_what_came_since(board: Dashboard, desk: Desk) -> None:
    board.system.stores.geofences.remove(board.stored())
    page = desk.open(board.url, size=SMALL, webgl=False)
    slow: list[tuple[Route, APIResponse]] = []

    def overtaken(route: Route) -> None:
        if slow:
            route.continue_()
        else:
            slow.append((route, route.fetch()))

    page.route("**/api/v1/geofences?limit=10000", overtaken)
    page.get_by_role("button", name="Geofences", exact=True).click()
    until("the list to be asked for", lambda: page.locator(".editor").is_visible() and bool(slow))
    board.geofences(ROUND)
    yard = page.get_by_role("button", name="Main Warehouse")
    expect(yard).to_be_visible()
    route, empty = slow.pop()
    with page.expect_request_finished(lambda request: "limit=10000" in request.url):
        route.fulfill(response=empty)
    page.wait_for_timeout(300)
    expect(yard).to_be_visible()


def test_the_editor_keeps_unsaved_work_is_accessible_and_fits_a_phone(board: Dashboard, desk: Desk) -> None:
    board.geofences(ROUND)
    page = desk.open(board.url + HERE, size=PHONE, dark=True)
    page.get_by_role("button", name="Geofences", exact=True).click()
    page.get_by_role("button", name="Main Warehouse").click()
    page.fill("#geofence-radius_m", "none")
    expect(page.locator("#geofence-radius_m-error")).to_contain_text("Give metres above 0")
    page.fill("#geofence-radius_m", "750")
    page.get_by_role("button", name="Back").click()
    page.locator(".editor-body").evaluate("each => { each.scrollTop = 0; }")
    expect(page.get_by_text("Not saved yet")).to_be_in_viewport(ratio=1)  # wherever the form is scrolled to
    assert accessibility_findings(page) == []
    page.get_by_role("button", name="Back").click()
    expect(page.locator(".geofence-list")).to_be_visible()
    assert board.stored()["warehouse-001"].radius_meters == 500
