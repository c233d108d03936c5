"""Signing in where the server wants tokens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import expect
from tests.support.browser import Desk, accessibility_findings, built_pages
from tests.support.fleet import HOME, at
from tests.support.web import System, now_ms, served, system

from truckstream.cli.web_sources import local_sources
from truckstream.core.geofence_reading import parse_geofence
from truckstream.http.access import Role
from truckstream.http.tokens import TokenDoor, new_token
from truckstream.local.directory import DataDirectory
from truckstream.local.tokens import TokenFile
from truckstream.web.sources import WebOptions


@contextmanager
def guarded(folder: Path, role: Role = "viewer") -> Iterator[tuple[System, str, str]]:
    """Run a system behind tokens; yield it, a token of the role, and the address."""
    built_pages("web")
    directory = DataDirectory(folder)
    with system(directory.root) as running, local_sources(directory) as sources:
        book = TokenFile(directory.tokens)
        token, kept = new_token(role, "the wall screen", None, 0)
        book.add(kept)
        with served(sources, WebOptions(), TokenDoor(book, now_ms)) as url:
            yield running, token, url


def test_a_page_asks_for_the_token_once_and_then_shows_the_fleet(tmp_path: Path, desk: Desk) -> None:
    with guarded(tmp_path / "data") as (running, token, url):
        running.send(at("TRK-001"))
        page = desk.open(url, webgl=False)
        field = page.get_by_label("Access token")
        expect(field).to_be_focused()
        assert accessibility_findings(page) == []
        field.fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert").filter(has_text="token")).to_be_visible()
        field.fill(token)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator('.row[data-truck="TRK-001"]')).to_be_visible()
        assert page.evaluate("document.cookie") == ""  # scripts cannot read it
        page.reload()
        expect(page.locator('.row[data-truck="TRK-001"]')).to_be_visible()


def test_a_viewer_looks_at_alerts_and_geofences_and_changes_none(tmp_path: Path, desk: Desk) -> None:
    with guarded(tmp_path / "data") as (running, token, url):
        place = {"latitude": HOME[0], "longitude": HOME[1]}
        yard = {"geofence_id": "yard", "name": "Yard", "type": "circle", "center": place, "radius_meters": 500}
        running.stores.geofences.put([parse_geofence(yard)[0]])
        running.send(at("TRK-001", age_s=60, latitude=HOME[0] + 0.01), at("TRK-001", age_s=10))
        page = desk.open(url, webgl=False)
        page.get_by_label("Access token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator(".alert-row .sentence")).to_have_text(["TRK-001 arrived at Yard"])
        expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
        page.get_by_role("button", name="Geofences", exact=True).click()
        editor = page.locator(".editor")
        expect(editor.get_by_role("button", name="Export")).to_be_visible()
        editor.get_by_role("button", name="Yard").click()
        expect(editor).to_contain_text("may look but not change")
        expect(page.locator("#geofence-radius_m")).to_have_value("500")
        expect(page.locator("#geofence-radius_m")).to_be_disabled()
        expect(page.locator(".preview")).not_to_be_visible()  # the server lets a viewer ask for none
        for name in ("New geofence", "Import", "Save", "Delete"):
            expect(editor.get_by_role("button", name=name)).to_have_count(0)
        assert accessibility_findings(page) == []


def test_a_dispatcher_who_signs_in_may_acknowledge_at_once(tmp_path: Path, desk: Desk) -> None:
    with guarded(tmp_path / "data", "dispatcher") as (running, token, url):
        place = {"latitude": HOME[0], "longitude": HOME[1]}
        yard = {"geofence_id": "yard", "name": "Yard", "type": "circle", "center": place, "radius_meters": 500}
        running.stores.geofences.put([parse_geofence(yard)[0]])
        running.send(at("TRK-001", age_s=60, latitude=HOME[0] + 0.01), at("TRK-001", age_s=10))
        page = desk.open(url, webgl=False)
        field = page.get_by_label("Access token")
        expect(field).to_be_focused()
        page.wait_for_load_state("networkidle")  # the parts of the page are there before somebody has typed
        field.fill(token)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Acknowledge: TRK-001 arrived at Yard").click()
        page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
        expect(page.locator(".alert-row")).to_contain_text("the wall screen")
