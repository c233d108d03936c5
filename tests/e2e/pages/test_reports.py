"""The pages of `truckstream reports` over small archives: what a reader sees, does, prints and exports."""

import csv
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Generator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.support.browser import PHONE, Desk, accessibility_findings, built_pages
from tests.support.report_fleet import DEPOT_NAME, TRUCKS, large_fleet, replay, small_fleet
from tests.support.reports_process import Reports, reports_of

PERIOD = "from=2024-03-28&to=2024-03-31&tz=Europe/Zurich"
DAY = "from=2024-03-29&to=2024-03-29&tz=Europe/Zurich"
SCREENS = {
    "fleet": PERIOD,
    "truck": f"view=truck&truck=TRK-2&{PERIOD}",
    "quality": f"view=quality&{PERIOD}",
    "compare": f"view=compare&{DAY}",
    "rows": f"view=rows&table=visits&{PERIOD}",
    "links": f"view=links&{PERIOD}",
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Generator[Reports]:
    built_pages("reports")
    data = tmp_path_factory.mktemp("fleet") / "data"
    small_fleet(data)
    with reports_of(data) as running:
        yield running


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Generator[Reports]:
    built_pages("reports")
    data = tmp_path_factory.mktemp("many") / "data"
    large_fleet(data, 1_000)
    with reports_of(data) as running:
        yield running


def section(page: Page, title: str) -> Locator:
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True))


def column(table: Locator, place: int) -> list[str]:
    """Return the texts of a column, the first being 1."""
    return [text.replace("\u00a0", " ") for text in table.locator(f"tbody tr > :nth-child({place})").all_inner_texts()]


def settled(page: Page) -> Page:
    expect(page.locator(".content > *").first).to_be_visible()
    expect(page.locator(".content[aria-busy]")).to_have_count(0)
    return page


# --- what it shows ----------------------------------------------------------------------------------------


def test_first_screen_answers_how_far_how_long_and_whether_all_is_there(desk: Desk, reports: Reports) -> None:
    totals = reports.get("fleet", from_="2024-03-28", to="2024-03-31", tz="Europe/Zurich")["totals"]
    page = settled(desk.open(f"{reports.url}/?{PERIOD}"))
    expect(section(page, "Distance").locator(".value")).to_have_text(f"{totals['distance_km']:,.0f}\u00a0km")
    driving = round(totals["driving_minutes"])
    expect(section(page, "Driving").locator(".value")).to_have_text(f"{driving // 60} h {driving % 60:02d} min")
    expect(section(page, "Data").locator(".value")).to_contain_text("1 of 4\u00a0days missing")
    expect(section(page, "Trucks that stand out")).to_contain_text("TRK-5 idled 12 h 24 min")
    expect(page.locator(".filter-words")).to_have_text(
        "Thu 28 Mar \u2013 Sun 31 Mar 2024 \u00b7 Europe/Zurich (UTC+01:00 to UTC+02:00) \u00b7 all trucks"
    )
    assert (
        page.evaluate("document.querySelector('.oddities').getBoundingClientRect().bottom") < 900
    )  # without scrolling


def test_gaps_are_drawn_as_gaps_and_odd_days_say_their_length(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{PERIOD}"))
    chart = section(page, "Distance").locator("svg.bars")
    expect(chart.locator(".bar")).to_have_count(3)
    expect(chart.locator(".gap")).to_have_count(1)
    expect(chart.locator(".mark")).to_have_text("23 h")
    expect(chart.locator(".lacking")).to_have_count(1)  # the 29th, when a truck fell silent
    days = section(page, "Days")
    assert column(days, 1) == ["Thu 28 Mar 2024", "Fri 29 Mar 2024", "Sat 30 Mar 2024", "Sun 31 Mar 2024"]
    assert column(days, 2) == ["24", "24", "24", "23"]
    assert column(days, 3)[2] == column(days, 5)[2] == "\u2013"
    assert column(days, 7)[2] == "no positions"
    assert column(days, 7)[1].startswith("silent for")


def test_period_before_is_a_thin_line_and_a_change_in_words(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?from=2024-03-29&to=2024-03-30&tz=Europe/Zurich"))
    expect(section(page, "Driving")).to_contain_text("against 27\u201328 Mar (12\u00a0h\u00a025\u00a0min)")
    expect(section(page, "Driving").locator("path.before")).to_have_count(1)


def test_zone_moves_hours_between_days(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{DAY}"))
    zone = page.get_by_role("combobox", name="Time zone")
    zone.click()
    zone.fill("auckl")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("tz=Pacific/Auckland"))
    expect(page.locator(".filter-words")).to_contain_text("Pacific/Auckland (UTC+13:00)")
    told = reports.get("fleet", from_="2024-03-29", to="2024-03-29", tz="Pacific/Auckland")["totals"]
    expect(section(page, "Distance").locator(".value")).to_have_text(f"{told['distance_km']:,.1f}\u00a0km")


def test_one_truck_shows_route_trips_stops_and_visits(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{SCREENS['truck']}"))
    expect(page.locator(".map[data-ready]")).to_be_visible()
    expect(page.locator(".map canvas")).to_be_visible()
    asked = {"from_": "2024-03-28", "to": "2024-03-31", "tz": "Europe/Zurich", "trucks": "TRK-2"}
    for title, name in (("Trips", "trips"), ("Stops", "stops"), ("Hourly statistics", "hourly")):
        expect(section(page, title).locator("tbody tr")).to_have_count(len(reports.items(name, **asked)))
    visits = section(page, "Geofence visits")
    assert set(column(visits, 1)) == {DEPOT_NAME}  # as text: a dialog or an error would fail the test
    assert column(visits, 2)[0] == "2024-03-28 08:00:00 or before"
    assert column(visits, 4)[0] == "3 min"
    expect(page.locator(".strip-bar")).to_have_count(4)
    expect(page.locator(".strip-day").last).to_have_text("Sun 31 Mar (23 h)")


def test_what_goes_on_is_known_up_to_the_newest_position_and_no_further(desk: Desk, reports: Reports) -> None:
    query = {"from_": "2024-03-31", "to": "2024-03-31", "tz": "Europe/Zurich", "trucks": "TRK-2"}
    stop = reports.items("stops", **query)[-1]
    assert stop["end"] is None
    page = settled(desk.open(f"{reports.url}/?view=truck&truck=TRK-2&{DAY.replace('03-29', '03-31')}", webgl=False))
    started = datetime.fromisoformat(stop["start_local"])
    newest = started + timedelta(minutes=stop["duration_minutes"])
    assert column(section(page, "Stops"), 2)[-1] == f"still there at {newest:%Y-%m-%d %H:%M:%S}"
    ends = page.locator(".strip-bar rect:not(.unheard)").evaluate_all(
        "all => all.map((one) => Number(one.getAttribute('x')) + Number(one.getAttribute('width')))"
    )
    # The strip of 23 hours is drawn in the width of 24, which is 960.
    midnight = datetime.fromisoformat("2024-03-31T00:00:00+01:00")
    assert max(ends) == pytest.approx((newest - midnight) / timedelta(hours=24) * 960, abs=2)


def test_what_a_reader_must_know_is_said_of_complete_data_too(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{DAY.replace('Europe/Zurich', 'Asia/Kolkata')}"))
    notes = page.locator(".heading .notes")
    expect(notes.locator("li")).to_contain_text("begin 30 minutes past")
    expect(notes).not_to_have_class(re.compile("warning"))
    expect(section(page, "Data").locator(".value")).to_have_text("Complete")


def test_map_controls_are_dark_in_the_dark(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{SCREENS['truck']}", dark=True))
    expect(page.locator(".map[data-ready]")).to_be_visible()
    shades = page.evaluate(
        """() => {
            const surface = getComputedStyle(document.querySelector(".card")).backgroundColor;
            return [surface, getComputedStyle(document.querySelector(".maplibregl-ctrl-group")).backgroundColor];
        }"""
    )
    assert shades[0] == shades[1] != "rgb(255, 255, 255)"


def test_figure_that_no_position_tells_is_not_drawn_as_a_gap(desk: Desk, tmp_path: Path) -> None:
    built_pages("reports")
    rows = [f"VAN-1,2024-03-29T09:{minute:02d}:00.000Z,47.4,{8.5 + minute * 0.005:.3f},," for minute in range(10)]
    replay(tmp_path / "data", rows)
    with reports_of(tmp_path / "data") as running:
        page = settled(desk.open(f"{running.url}/?{DAY}"))
        gaps = {title: section(page, title).locator("rect.gap").count() for title in ("Distance", "Idling")}
        assert gaps == {"Distance": 23, "Idling": 23}
        expect(section(page, "Idling").locator("svg title", has_text="10:00: not known")).to_have_count(1)


def test_quality_counts_what_came_twice_late_or_wrong(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{SCREENS['quality']}"))
    for title in ("Duplicates", "Late", "Rejected"):
        expect(section(page, title).locator(".value")).to_have_text("1")
    expect(section(page, "Rejected, by reason")).to_contain_text("latitude")
    assert column(section(page, "Silences"), 1)[0] in TRUCKS


def test_two_periods_stand_side_by_side(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{SCREENS['compare']}"))
    both = section(page, "Both periods")
    assert column(both, 1)[:3] == ["Distance", "Driving", "Idling"]
    assert [column(both, place)[1] for place in (2, 3, 4, 5)] == [
        "11 h 45 min",
        "12 h 25 min",
        "\u221240 min",
        "\u22125.4 %",
    ]
    page.get_by_label("Compared from").fill("2024-03-30")  # a day of no data
    page.get_by_label("Compared to, included").fill("2024-03-30")
    page.get_by_label("Compared to, included").blur()
    expect(page).to_have_url(re.compile("other_from=2024-03-30&other_to=2024-03-30"))
    expect(both.locator("tbody tr").first).to_contain_text("\u2013")


# --- real tracks ------------------------------------------------------------------------------------------


@pytest.mark.data
def test_real_tracks_show_the_reference_figures_in_both_zones(desk: Desk, test_data: Path, tmp_path: Path) -> None:
    built_pages("reports")
    data = tmp_path / "data"
    command = [sys.executable, "-m", "truckstream", "replay", str(test_data / "austin.csv.gz"), "--speed", "max"]
    subprocess.run(
        [*command, "--outlier-speed", "0", "--data", str(data)], check=True, capture_output=True, timeout=120
    )
    with open(test_data / "expected/austin/hourly.csv", encoding="utf-8") as file:
        hours = list(csv.DictReader(file))
    with reports_of(data) as austin:
        for tz in ("UTC", "America/Chicago"):
            km: dict[str, float] = defaultdict(float)
            idle: dict[str, float] = defaultdict(float)
            for hour in hours:
                day = datetime.fromisoformat(hour["hour"]).astimezone(ZoneInfo(tz)).strftime("%a %-d %b %Y")
                km[day] += float(hour["total_distance_km"])
                idle[day] += float(hour["idle_time_minutes"] or 0)
            page = settled(desk.open(f"{austin.url}/?from=2015-09-06&to=2015-09-07&tz={tz}"))
            assert sum(km.values()) == pytest.approx(28_797.090513, abs=1e-3)
            expect(section(page, "Distance").locator(".value")).to_have_text("28,797\u00a0km")
            days = section(page, "Days")
            told = dict(zip(column(days, 1), zip(column(days, 3), column(days, 5), strict=True), strict=True))
            for day, found in told.items():
                expected = (f"{km[day]:,.0f} km", duration(idle[day])) if day in km else ("\u2013", "\u2013")
                assert found == expected, (tz, day)
            assert set(km) <= set(told)
            expect(section(page, "Trucks").locator("tbody tr")).to_have_count(146)


def duration(minutes: float) -> str:
    return f"{round(minutes) // 60:,} h {round(minutes) % 60:02d} min"


# --- what one does ----------------------------------------------------------------------------------------


def test_url_holds_the_view_and_back_goes_back(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{PERIOD}"))
    section(page, "Trucks").get_by_role("button", name="Positions").click()
    expect(page).to_have_url(re.compile("sort=-positions"))
    expect(section(page, "Trucks").locator("tbody tr > :nth-child(1)").first).to_have_text("TRK-5")
    section(page, "Days").get_by_role("link", name="Fri 29 Mar 2024").click()
    expect(page.locator(".filter-words")).to_contain_text("Fri 29 Mar 2024")
    section(page, "Driving").get_by_role("link", name="Rows behind the driving time").click()
    expect(page.get_by_role("heading", name="Hourly statistics").first).to_be_visible()
    expect(page).to_have_url(re.compile("view=rows&from=2024-03-29&to=2024-03-29"))
    elsewhere = settled(desk.open(page.url))
    expect(elsewhere.locator("tbody tr")).to_have_count(page.locator("tbody tr").count())
    page.go_back()
    page.go_back()
    expect(page.locator(".filter-words")).to_contain_text("Thu 28 Mar \u2013 Sun 31 Mar 2024")


def test_dates_and_trucks_narrow_the_report(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{PERIOD}"))
    page.get_by_label("To, included").fill("2024-03-28")
    page.get_by_label("To, included").blur()
    expect(page).to_have_url(re.compile("to=2024-03-28"))
    trucks = page.get_by_role("combobox", name="Trucks")
    trucks.click()
    trucks.fill("trk-4")
    page.keyboard.press("Enter")
    expect(page.locator(".filter-words")).to_contain_text("TRK-4")
    assert column(section(page, "Trucks"), 1) == ["TRK-4"]
    page.get_by_role("button", name="Remove TRK-4 from the filter").click()
    expect(section(page, "Trucks").locator("tbody tr")).to_have_count(5)


def test_heat_map_can_be_read_by_keyboard_and_as_a_table(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{DAY}"))
    utilisation = section(page, "Utilisation")
    utilisation.locator(".heat-scroll").focus()
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    expect(utilisation.locator(".readout")).to_have_text("TRK-5, Fri 29 Mar 08:00\u201309:00: 59 min driving")
    utilisation.get_by_text("Utilisation as a table").click()
    cells = utilisation.locator("tbody tr", has_text="TRK-2").locator("td")
    expect(cells.nth(7)).to_have_text("\u2013")
    expect(cells.nth(8)).to_have_text("59")


def test_exports_hold_what_is_shown(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{PERIOD}&sort=-idle_share"))
    shown = column(section(page, "Trucks"), 1)
    with page.expect_download() as started:
        section(page, "Trucks").get_by_role("link", name="trucks as CSV").click()
    text = Path(started.value.path()).read_text(encoding="utf-8-sig")
    rows = [line.split(",") for line in text.splitlines() if not line.startswith("#")]
    assert [row[0] for row in rows[1:]] == shown
    assert "Europe/Zurich" in text
    for kind in ("XLSX", "Parquet"):
        with page.expect_download() as started:
            section(page, "Days").get_by_role("link", name=f"days as {kind}").click()
        assert started.value.failure() is None
    page = settled(desk.open(f"{reports.url}/?{SCREENS['truck']}"))
    for kind in ("GPX", "GeoJSON"):
        with page.expect_download() as started:
            section(page, "Route").get_by_role("link", name=f"route as {kind}").click()
        assert started.value.failure() is None


def test_links_are_saved_opened_and_deleted(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{SCREENS['quality']}"))
    page.get_by_role("button", name="Save link").click()
    page.get_by_label("Name").fill("Easter <b>quality</b>")
    page.get_by_role("button", name="Save", exact=True).click()
    link = page.get_by_role("link", name="Easter <b>quality</b>")
    expect(link).to_be_visible()
    expect(page.locator("tbody")).to_contain_text("Data quality, Thu 28 Mar \u2013 Sun 31 Mar 2024, Europe/Zurich")
    link.click()
    expect(page.get_by_role("heading", name="Data quality").first).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Delete the link Easter <b>quality</b>").click()
    expect(page.get_by_text("No saved links yet.")).to_be_visible()


# --- everywhere -------------------------------------------------------------------------------------------


def test_paper_has_the_filter_and_no_controls(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{SCREENS['quality']}", dark=True))
    page.emulate_media(media="print")
    expect(page.locator(".filter-words")).to_be_visible()
    expect(page.locator(".filter-words")).to_contain_text("Europe/Zurich")
    for control in (".filters", ".actions", ".top nav", ".exports"):
        expect(page.locator(control).first).to_be_hidden()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    hidden = (
        "[...document.querySelectorAll('.table-box')].filter((box) => box.scrollHeight > box.clientHeight + 1).length"
    )
    assert page.evaluate(hidden) == 0  # no row is cut off
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_paper_repeats_headings_and_draws_charts_in_their_size(desk: Desk, reports: Reports) -> None:
    page = settled(desk.open(f"{reports.url}/?{SCREENS['compare']}", size=(700, 1000)))
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    scales = page.locator(".three svg.bars").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().width / one.viewBox.baseVal.width)"
    )
    assert len(scales) == 3
    assert all(0.9 < scale < 1.1 for scale in scales), scales
    # Chromium repeats a table's heading on the next page only if no button has a box of its own in it.
    page = settled(desk.open(f"{reports.url}/?{SCREENS['quality']}"))
    page.emulate_media(media="print")
    headings = section(page, "Trucks").locator("thead button.sort")
    assert headings.evaluate_all("all => all.map((one) => one.getClientRects().length)") == [0] * 7
    expect(section(page, "Trucks").locator("thead")).to_contain_text("Duplicates")
    # The heading of a figure ends where the figures do.
    assert (
        section(page, "Trucks").locator("thead .arrow:empty").evaluate_all("all => all.map((one) => one.offsetWidth)")
        == [0] * 6
    )


def test_no_serious_accessibility_finding_in_light_or_dark(desk: Desk, reports: Reports) -> None:
    page = desk.open(f"{reports.url}/?{SCREENS['links']}")
    found = []
    for name, query in SCREENS.items():
        page.goto(f"{reports.url}/?{query}")
        settled(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            # A page is told with a frame, and this asks in frames: one alone may be drawn before the browser knows.
            page.wait_for_function("scheme => document.documentElement.dataset.theme === scheme", arg=scheme)
            found += [f"{name}, {scheme}: {finding}" for finding in accessibility_findings(page)]
    assert found == []


def test_phone_never_scrolls_sideways(desk: Desk, reports: Reports) -> None:
    page = desk.open(f"{reports.url}/?{PERIOD}", size=PHONE)
    for name, query in SCREENS.items():
        page.goto(f"{reports.url}/?{query}")
        settled(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0], name


def test_a_thousand_trucks_come_in_pages_where_there_are_more_rows(desk: Desk, many: Reports) -> None:
    page = settled(desk.open(f"{many.url}/?from=2024-03-29&to=2024-03-29&tz=UTC"))
    expect(section(page, "Trucks").locator("tbody tr")).to_have_count(1_000)
    pages = section(page, "Utilisation").get_by_role("navigation", name="Pages of trucks")
    expect(pages).to_contain_text("Trucks 1\u201340 of 1,000")
    pages.get_by_role("button", name="Next").click()
    expect(pages).to_contain_text("Trucks 41\u201380 of 1,000")
    page.goto(f"{many.url}/?view=rows&table=hourly&from=2024-03-28&to=2024-03-30&tz=UTC")
    expect(page.locator("tbody tr")).to_have_count(1_000)


def test_empty_archive_says_what_to_do_next(desk: Desk, tmp_path: Path) -> None:
    built_pages("reports")
    replay(tmp_path / "data", [])
    with reports_of(tmp_path / "data") as empty:
        page = settled(desk.open(empty.url))
        expect(page.get_by_text("The archive is empty.")).to_be_visible()
        expect(page.locator(".content")).to_contain_text("truckstream run")
        page.goto(f"{empty.url}/?view=truck")
        expect(page.get_by_text("No trucks yet.")).to_be_visible()


def test_a_server_that_is_gone_leaves_the_report_and_says_since_when(desk: Desk, tmp_path: Path) -> None:
    built_pages("reports")
    small_fleet(tmp_path / "data")
    with reports_of(tmp_path / "data") as short_lived:
        page = settled(desk.open(f"{short_lived.url}/?{PERIOD}"))
    page.get_by_role("link", name="Data quality").first.click()
    notice = page.locator(".notice.error")
    expect(notice).to_contain_text("The server does not answer.")
    expect(notice).to_contain_text(re.compile(r"Since \d\d:\d\d:\d\d Europe/Zurich; trying again every 10 s"))
    expect(section(page, "Distance").locator(".value")).to_be_visible()
