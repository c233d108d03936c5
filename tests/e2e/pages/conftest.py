"""One browser per test process; every test gets a desk of its own and fails when its pages had problems."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.support.browser import Desk, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def desk(browser: Browser) -> Iterator[Desk]:
    opened = Desk(browser)
    yield opened
    opened.close()
