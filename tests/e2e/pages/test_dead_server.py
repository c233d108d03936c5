"""The dashboard while its server is away."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import expect
from tests.support.browser import PHONE, Desk, built_pages


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
            expect(notice).to_contain_text("Trying again in")
            expect(notice).to_contain_text("attempts")  # it has tried more than once
