"""The dashboard while its server, or the network of its reader, is away."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import expect
from tests.support.browser import PATIENCE_MS, PHONE, Desk, built_pages
from tests.support.fleet import Fleet, at, five, fleet_at, until, wait_for_map
from tests.support.ports import kept_port
from tests.support.relay import relay

LONGEST_WAIT_MS = 30_000
"""Between two attempts of a page that has tried for a while (live.ts)."""


class _PagesAlone(SimpleHTTPRequestHandler):
    """What a proxy serves when the application behind it is gone: cached pages, and 502 for the rest."""

    def do_GET(self) -> None:
        self.path = self.path.removeprefix("/pages")
        if self.path.startswith("/api/"):
            self.send_error(502)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def pages_alone() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_PagesAlone, directory=str(built_pages("web"))))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_page_without_its_server_says_so_and_keeps_trying(desk: Desk) -> None:
    with pages_alone() as url:
        for size in ((1440, 900), PHONE):
            page = desk.open(url, size=size)
            notice = page.locator(".connection")
            expect(notice).to_contain_text("The server does not answer")
            expect(notice).to_contain_text("attempts")  # it has tried more than once
            expect(page.get_by_text("Waiting for the server")).to_be_visible()
            expect(page.locator(".count strong").first).to_have_text("\u2013")  # not known is not 0


def test_a_server_that_dies_is_said_since_when_and_its_return_is_noticed(tmp_path: Path, desk: Desk) -> None:
    built_pages("web")
    with kept_port() as port:
        with fleet_at(tmp_path / "data", port) as fleet:
            fleet.send(*five())
            page = desk.open(fleet.url)
            expect(page.locator(".live")).to_have_text("live")
            expect(page.locator(".fleet")).to_have_text("of 5")
            expect(page.locator(".health-sign")).to_have_attribute("data-level", re.compile("good|notice|bad"))
            wait_for_map(page)
        expect(page.locator(".live")).to_have_text("reconnecting")
        expect(page.locator(".health-sign")).to_have_attribute("data-level", "unknown")  # not as it was before the cut
        expect(page.locator(".connection")).to_contain_text(re.compile(r"No connection since \d\d:\d\d:\d\d"))
        expect(page.locator(".connection")).to_contain_text("The positions shown are from then.")
        expect(page.locator(".fleet")).to_have_text("of 5")  # what was known stays
        with fleet_at(tmp_path / "data", port) as fleet:
            fleet.send(at("TRK-006"))
            expect(page.locator(".live")).to_have_text("live", timeout=LONGEST_WAIT_MS + PATIENCE_MS)
            expect(page.locator(".connection")).not_to_be_visible()
            expect(page.locator(".fleet")).to_have_text("of 6")


def test_a_phone_without_network_for_ten_minutes_shows_ages_and_comes_back(fleet: Fleet, desk: Desk) -> None:
    first, *others = five()
    fleet.send(first, *others)
    with relay(urlsplit(fleet.url).port or 0) as network:
        page = desk.open(f"http://127.0.0.1:{network.port}/", size=PHONE, clock=True)
        row = page.locator('.row[data-truck="TRK-001"]')
        expect(row.locator(".age")).to_have_text(re.compile(r"\d s ago"))
        wait_for_map(page)
        cut_ms = int(page.evaluate("Date.now()"))
        network.unplug()
        page.clock.fast_forward("10:00")

        def minutes_since(then_ms: int) -> int:  # what the machine takes comes on top of the ten
            return int(page.evaluate("Date.now()") - then_ms) // 60_000

        expect(page.locator(".live")).to_have_text("reconnecting")
        notice = page.locator(".connection")
        expect(notice).to_contain_text("No connection since ")
        until("how long it is", lambda: f" ({minutes_since(cut_ms)} min ago)" in notice.inner_text())
        age = row.locator(".age")
        until("its age", lambda: age.inner_text() == f"{minutes_since(first.timestamp_ms)} min ago")
        network.plug()
        fleet.send(at("TRK-001", age_s=0, speed=61))
        page.evaluate("dispatchEvent(new Event('online'))")  # as the phone's system tells its browser
        expect(page.locator(".live")).to_have_text("live")
        expect(row.locator(".age")).to_have_text(re.compile(r"\d+ s ago"))
