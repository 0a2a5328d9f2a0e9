"""A house that is served to a real browser: staff sign in at it, and nobody asks another host."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, Response

from cases.model import Case
from cases.people import NewPerson, Registered, register
from cases.vault import Identity
from tests.installation import installation
from tests.people import at, make_case
from tests.web.conftest import NOW, PASSWORD, Desk, furnish

CHROMIUM: Final = (
    shutil.which("chromium-headless-shell")
    or shutil.which("chromium")
    or shutil.which("chromium-browser")
)

IN_A_BROWSER: Final = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="NO BROWSER: the pages were not looked at. Install Debian's package chromium.",
    ),
]
"""The marks of a module that needs the browser."""


@dataclass(slots=True)
class Office:
    """A house that is served, and a browser. Every request of every page is remembered."""

    desk: Desk
    address: str
    browser: Browser
    asked: set[str] = field(default_factory=set)

    @contextmanager
    def at_the_desk(
        self, who: str = "", *, script: bool = True, width: int = 1280
    ) -> Iterator[Page]:
        """A page of somebody who is signed in (nobody without a name), in a browser of their own.

        Fails when a page asked another host for anything, or when a script of ours failed.
        """
        context = self._opened(script=script, width=width)
        page, failed = context.new_page(), list[str]()
        page.on("pageerror", lambda error: failed.append(str(error)))
        try:
            if who:
                sign_in(page, who)
            yield page
        finally:
            context.close()
        assert self.asked == {urlsplit(self.address).netloc}
        assert failed == []

    def _opened(self, *, script: bool, width: int) -> BrowserContext:
        context = self.browser.new_context(
            base_url=self.address,
            java_script_enabled=script,
            viewport={"width": width, "height": 900},
            locale="nb-NO",
            reduced_motion="reduce",
            timezone_id="Europe/Oslo",
        )
        context.set_default_timeout(30_000)
        context.on("request", lambda request: self.asked.add(urlsplit(request.url).netloc))
        return context


def sign_in(page: Page, who: str, *, here: bool = False) -> Response:
    """Fill in the form as `who`; what it leads to. `here` is a form that is shown already."""
    if not here:
        page.goto("/sign-in")
    page.get_by_label("Brukernavn").fill(who)
    page.get_by_label("Passord").fill(PASSWORD)
    with page.expect_navigation() as went:
        page.get_by_role("button", name="Logg inn").click()
    answer = went.value
    assert answer is not None
    return answer


def launched(playwright: Playwright) -> Browser:
    """Debian's Chromium, which phones nobody."""
    return playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
    )


@contextmanager
def opened(browser: Browser, url: str, folder: Path, now: datetime = NOW) -> Iterator[Office]:
    """An office over a database with units and nobody in them."""
    with installation(url, folder) as db:
        desk = furnish(db, now, folder=folder)
        with _served(desk) as address:
            yield Office(desk, address, browser)


@contextmanager
def _served(desk: Desk) -> Iterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(64)
    config = uvicorn.Config(desk.app, log_level="critical", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(20)
    listener.close()


def person(desk: Desk, name: str, number: str) -> Registered:
    """A synthetic person with a name of their own."""
    with desk.db.write() as tx:
        identity = Identity(number, name, "Prøvesen", date(1990, 1, 1))
        return register(tx, NewPerson(identity), now=at("2026-08-01 07:00"))


def case_of(desk: Desk, name: str, number: str, **more: Any) -> Case:
    """A case of such a person in unit A."""
    whom = person(desk, name, number)
    with desk.db.write() as tx:
        return make_case(tx, person=whom, **more)
