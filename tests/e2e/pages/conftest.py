"""One browser per file of tests; every test gets a desk of its own and fails when its pages had problems.

Not one per test process: while it runs, Playwright keeps an event loop going in the process's main thread, and tests
of other folders that come in between could not run theirs.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.support.browser import Desk, built_pages, chromium
from tests.support.fleet import Fleet, fleet_at


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def desk(browser: Browser) -> Iterator[Desk]:
    opened = Desk(browser)
    yield opened
    opened.close()


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A running pipeline without trucks, and its dashboard."""
    built_pages("web")
    with fleet_at(tmp_path / "data") as running:
        yield running
