"""One browser and one installation serve a whole module, because a browser is dear."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.databases import SqliteFiles
from tests.people import UNITS
from tests.web.chromium.office import Office, launched, opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def office(
    browser: Browser, sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """A furnished house without a single case."""
    url = sqlite_files.create(migrated=True, filled=UNITS)
    with opened(browser, url, tmp_path_factory.mktemp("office")) as office:
        yield office
    sqlite_files.drop(url)
