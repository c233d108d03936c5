"""Signing in where the server wants tokens."""

from pathlib import Path

from playwright.sync_api import expect
from tests.support.browser import Desk, accessibility_findings, built_pages
from tests.support.fleet import at
from tests.support.web import now_ms, served, system

from truckstream.cli.web_sources import local_sources
from truckstream.http.tokens import TokenDoor, new_token
from truckstream.local.directory import DataDirectory
from truckstream.local.tokens import TokenFile
from truckstream.web.sources import WebOptions


def test_a_page_asks_for_the_token_once_and_then_shows_the_fleet(tmp_path: Path, desk: Desk) -> None:
    built_pages("web")
    directory = DataDirectory(tmp_path / "data")
    with system(directory.root) as running, local_sources(directory) as sources:
        book = TokenFile(directory.tokens)
        token, kept = new_token("viewer", "the wall screen", None, 0)
        book.add(kept)
        running.send(at("TRK-001"))
        with served(sources, WebOptions(), TokenDoor(book, now_ms)) as url:
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
            expect(page.get_by_role("button", name="Geofences")).not_to_be_visible()  # a viewer changes nothing
            assert page.evaluate("document.cookie") == ""  # scripts cannot read it
            page.reload()
            expect(page.locator('.row[data-truck="TRK-001"]')).to_be_visible()
