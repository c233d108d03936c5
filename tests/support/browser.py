"""A real browser for the page tests: Debian's Chromium, driven by Playwright, one per test process.

A page test fails when the page threw an error, broke its content security policy or asked another origin, whatever
else the test looked at.
"""

import base64
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = {"web": ROOT / "src/truckstream/web/pages", "reports": ROOT / "src/truckstream/reports/pages"}
AXE = ROOT / "frontend/node_modules/axe-core/axe.min.js"

_WITHOUT_WEBGL = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
    return kind.startsWith("webgl") ? null : real.call(this, kind, ...rest);
};
"""

PATIENCE_MS = 30_000
"""How long a page may take for anything: a busy machine is no reason to fail."""

expect.set_options(timeout=PATIENCE_MS)

DESKTOP = (1440, 900)
PHONE = (390, 844)

# Said by software rendering and by a server that is away on purpose: no fault of the page.
HARMLESS = ("GPU stall", "Failed to load resource", "net::ERR_")


def chromium_path() -> str:
    """Return the browser's program. Skips the test where there is none."""
    wanted = os.environ.get("TRUCKSTREAM_CHROMIUM")
    for name in [wanted] if wanted else ["chromium", "chromium-browser", "google-chrome"]:
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("missing part: Chromium; apt install chromium, or set TRUCKSTREAM_CHROMIUM to its program")


def built_pages(application: str) -> Path:
    """Return the folder of an application's built pages. Skips the test where they are not built."""
    folder = PAGES[application]
    if not (folder / "index.html").is_file():
        pytest.skip("missing part: the built pages; run scripts/pages.sh")
    return folder


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser; WebGL works without a graphics card, by software."""
    program = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Desk:
    """Opens pages as somebody at a desk or with a phone would, and keeps what went wrong in them."""

    browser: Browser
    problems: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def open(
        self,
        url: str,
        *,
        size: tuple[int, int] = DESKTOP,
        dark: bool = False,
        zone: str = "Europe/Zurich",
        before: str = "",
        prepare: Callable[[Page], object] | None = None,
        clock: bool = False,
        webgl: bool = True,
    ) -> Page:
        """Open the address in a browser of its own: no cookies, no storage of others.

        `before` is a script that runs before those of the page, `prepare` is called before it asks for anything;
        `clock` makes its time movable (`page.clock`).
        Without `webgl` there is no map, which is most of a page's cost here.
        """
        width, height = size
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            timezone_id=zone,
            locale="en-GB",
            has_touch=size == PHONE,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        self.contexts.append(context)
        page = context.new_page()
        if clock:
            page.clock.install()
        if not webgl:
            page.add_init_script(_WITHOUT_WEBGL)
        if before:
            page.add_init_script(before)
        if prepare:
            prepare(page)
        origin = urlsplit(url).netloc

        def asked(address: str) -> None:
            if urlsplit(address).scheme in ("http", "https") and urlsplit(address).netloc != origin:
                self.problems.append(f"asked another origin: {address}")

        page.on("pageerror", lambda error: self.problems.append(f"error in the page: {error}"))
        page.on("console", lambda message: self._said(message.type, message.text))
        page.on("request", lambda request: asked(request.url))
        page.on("dialog", lambda dialog: self._dialog(dialog))
        page.goto(url)
        return page

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(known in text for known in HARMLESS):
            self.problems.append(f"console {kind}: {text}")

    def _dialog(self, dialog: Any) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def close(self) -> None:
        """Close what was opened; raises what went wrong in the pages."""
        for context in self.contexts:
            context.close()
        assert not self.problems, "\n".join(self.problems)


def colours(page: Page, places: Sequence[tuple[float, float]]) -> list[tuple[int, int, int]]:
    """Return red, green and blue of places on the screen, as a picture of it has them."""
    picture = base64.b64encode(page.screenshot()).decode()
    reader = page.context.new_page()  # the page's own policy lets no script read a picture
    try:
        read: list[list[int]] = reader.evaluate(
            """async ([data, places]) => {
                const image = new Image();
                image.src = `data:image/png;base64,${data}`;
                await image.decode();
                const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
                canvas.drawImage(image, 0, 0);
                return places.map(([x, y]) => [...canvas.getImageData(x, y, 1, 1).data]);
            }""",
            [picture, [list(place) for place in places]],
        )
    finally:
        reader.close()
    return [(red, green, blue) for red, green, blue, _ in read]


def accessibility_findings(page: Page) -> list[str]:
    """Return axe's serious and critical findings on the page as it is now, with the elements concerned."""
    if not AXE.is_file():
        pytest.skip("missing part: axe-core; run scripts/pages.sh")
    page.evaluate(AXE.read_text(encoding="utf-8"))  # as the page's own policy forbids an added script element
    result = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['impact']}: {violation['help']}: {[node['html'][:160] for node in violation['nodes'][:5]]}"
        for violation in result["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
