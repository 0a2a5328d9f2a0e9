"""The pages in a real browser: clicks counted, five roles, with and without a script, axe.

One server, one house and one browser serve the whole module, because a browser is dear. Without
Chromium everything here is skipped, and the reason says so.
"""

from __future__ import annotations

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from cases.model import Case
from cases.people import NewPerson, Registered, register
from cases.vault import Identity
from tests.databases import SqliteFiles
from tests.installation import installation
from tests.people import at, make_case
from tests.web.conftest import NOW, PASSWORD, Desk, furnish
from web.app import create_app
from web.house import House

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        CHROMIUM is None,
        reason="NO BROWSER: the pages were not looked at. Install Debian's package chromium.",
    ),
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass(slots=True)
class Office:
    """A house that is served, a browser, and everything that a page asked for from outside."""

    desk: Desk
    address: str
    browser: Browser
    asked: set[str] = field(default_factory=set)

    @contextmanager
    def at_the_desk(self, who: str, *, script: bool = True, width: int = 1280) -> Iterator[Page]:
        """A page of somebody who is signed in, in a browser of their own."""
        context = self.browser.new_context(
            base_url=self.address,
            java_script_enabled=script,
            viewport={"width": width, "height": 900},
            locale="nb-NO",
            timezone_id="Europe/Oslo",
        )
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.on("request", lambda request: self.asked.add(urlsplit(request.url).netloc))
        try:
            page.goto("/sign-in")
            page.get_by_label("Brukernavn").fill(who)
            page.get_by_label("Passord").fill(PASSWORD)
            page.get_by_role("button", name="Logg inn").click()
            page.wait_for_url(lambda url: "/sign-in" not in url)
            yield page
        finally:
            context.close()


def person(desk: Desk, name: str, number: str) -> Registered:
    """A synthetic person with a name of their own."""
    with desk.db.write() as tx:
        identity = Identity(number, name, "Prøvesen", date(1990, 1, 1))
        return register(tx, NewPerson(identity), now=at("2026-09-01 07:00"))


def case_of(desk: Desk, name: str, number: str, **more: Any) -> Case:
    """A case of such a person in unit A."""
    whom = person(desk, name, number)
    with desk.db.write() as tx:
        return make_case(tx, person=whom, **more)


@pytest.fixture(scope="module")
def office(sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    url = sqlite_files.create(migrated=True)
    folder = tmp_path_factory.mktemp("office")
    with installation(url, folder) as db, sync_playwright() as playwright:
        desk = furnish(db)
        desk.app = create_app(_house(desk, folder))
        with _served(desk) as address:
            browser = _launched(playwright)
            yield Office(desk, address, browser)
            browser.close()
    sqlite_files.drop(url)


def _house(desk: Desk, folder: Path) -> House:
    from core.settings import Settings

    now = desk.clock
    settings = Settings(data=folder)
    return House(desk.db, lambda: now[0], settings, demo=True, real_clock=lambda: now[0])


def _launched(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
    )


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


def row(page: Page, name: str, label: str) -> Any:
    """The line of one task of one person on the list of the day."""
    someone = page.locator("li.person", has_text=name)
    return someone.locator(".task", has_text=label)


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_nurse_ticks_five_tasks_for_five_people_in_two_clicks_each(
    office: Office, script: bool
) -> None:
    names = [f"{first} {script}" for first in ("Anna", "Berit", "Cato", "Dina", "Eli")]
    for number, name in enumerate(names):
        case_of(office.desk, name, f"5{int(script)}{number}0", admitted="2026-09-01 06:00")
    clicks = 0
    with office.at_the_desk("nurse", script=script) as page:
        page.goto("/today")
        for name in names:
            line = row(page, name, "Innkomstsamtale holdt")
            line.locator("summary").click()
            clicks += 1
            line.get_by_role("button", name="Ikke i risiko").click()
            clicks += 1
            page.get_by_text(f"Innkomstsamtale holdt er ført for {name} Prøvesen").wait_for()
        for name in names:
            row(page, name, "Tilbudet besvart").get_by_role("button", name="Nei").click()
            clicks += 1
            page.get_by_text(f"Tilbudet besvart for {name} Prøvesen: Takket nei").wait_for()
    assert clicks == 5 * 2 + 5


def test_a_coordinator_clears_ten_overdue_rows_in_three_clicks(office: Office) -> None:
    for number in range(10):
        case_of(office.desk, f"Rad{number}", f"60{number}", admitted="2026-08-20 06:00")
    with office.at_the_desk("coordinator") as page:
        page.goto("/overdue?step=OVERDOSE_INFO&owner=any")
        before = page.locator("input[name=pick]").count()
        assert before >= 10
        page.get_by_label("Velg alle på siden").click()
        page.locator(".picked").get_by_role("button", name="Gjort").click()
        page.get_by_role("button", name="Ja, alle er gjort").click()
        page.get_by_text(f"{before} ført som gjort.").wait_for()
        assert page.locator("input[type=checkbox][name=pick]").count() == 0


def test_the_second_of_two_sees_both_values_and_chooses(office: Office) -> None:
    case = case_of(office.desk, "Toer", "7001", admitted="2026-09-01 06:00")
    path = f"/cases/{case.ref}/tasks/brief_info"
    with office.at_the_desk("nurse") as one, office.at_the_desk("officer") as other:
        one.goto(path)
        other.goto(path)
        one.get_by_label("Individuelt").check()
        one.get_by_role("button", name="Før som gjort").click()
        one.get_by_text("er ført for Toer").wait_for()

        other.get_by_label("I gruppe").check()
        other.get_by_role("button", name="Før som gjort").click()

        other.get_by_role("heading", name="Noen var før deg").wait_for()
        text = other.locator("main").inner_text()
        assert "Individuelt" in text
        assert "I gruppe" in text
        other.get_by_role("button", name="Bytt til mitt").click()
        other.get_by_text("er ført for Toer").wait_for()
        assert "i gruppe" in other.locator("#task-brief_info").inner_text()


def test_a_double_click_counts_once(office: Office) -> None:
    case = case_of(office.desk, "Dobbel", "7002", admitted="2026-09-01 06:00")
    with office.at_the_desk("officer", script=False) as page:
        page.goto(f"/cases/{case.ref}")
        page.locator("#task-brief_info").get_by_role("button", name="Gjort:").dblclick()
        # The second click breaks off the way the first one was on: no address is waited for.
        page.locator("[role=status]").filter(has_text="er ført for Dobbel").first.wait_for()


def test_what_was_typed_outlives_the_session(office: Office) -> None:
    case = case_of(
        office.desk, "Avbrutt", "7003", admitted="2026-09-01 06:00", release_on=date(2026, 10, 1)
    )
    with office.at_the_desk("coordinator") as page:
        page.goto(f"/cases/{case.ref}/appointments/new")
        page.get_by_label("Type").select_option("OTHER")
        page.get_by_label("Tid").fill("2026-10-02T10:00")
        page.get_by_label("Hos hvem").fill("Kafé Torget")
        page.get_by_label("Hvor", exact=True).fill("Torget 1")
        office.desk.later(timedelta(hours=2))
        page.get_by_role("button", name="Legg inn").click()
        page.get_by_text("Det du skrev, er tatt vare på").wait_for()
        page.get_by_label("Brukernavn").fill("coordinator")
        page.get_by_label("Passord").fill(PASSWORD)
        page.get_by_role("button", name="Logg inn").click()
        page.get_by_role("button", name="Send nå").click()
        page.get_by_text("Kafé Torget").wait_for()
    office.desk.clock[0] = NOW


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_time_that_is_typed_is_meant_and_one_can_go_back_to_a_refused_form(
    office: Office, script: bool
) -> None:
    case = case_of(office.desk, "Tilbake", f"701{int(script)}", admitted="2026-09-01 06:00")
    with office.at_the_desk("nurse", script=script) as page:
        page.goto(f"/cases/{case.ref}/tasks/brief_info")
        page.get_by_label("Tidspunkt", exact=True).fill("2026-12-24T10:00")
        assert page.get_by_label("Et annet tidspunkt").is_checked() is script
        page.get_by_role("button", name="Før som gjort").click()
        page.get_by_text("Tidspunktet er ikke kommet ennå").first.wait_for()
        page.goto("/today")
        page.go_back()
        assert page.get_by_label("Tidspunkt", exact=True).input_value() == "2026-12-24T10:00"
        assert page.get_by_label("Et annet tidspunkt").is_checked()
        page.get_by_label("Tidspunkt", exact=True).fill("2026-09-03T10:00")
        page.get_by_role("button", name="Før som gjort").click()
        page.get_by_text("er ført for Tilbake").wait_for()
        assert "tors. 3.9. kl. 10.00" in page.locator("#task-brief_info").inner_text()


LISTS = ("/today", "/search", "/sessions", "/follow-up", "/naloxone", "/me", "/me/second-step")
BOARD = ("/overdue", "/overdue?span=month", "/transfers", "/import", "/messages", "/workload")
PUBLIC = ("/start", "/help", "/accessibility", "/status", "/today", "/cases/aaaaaaaaaa")
FIGURES = ("/tertial?period=2026-T2", "/tertial/definitions")
LEADING = ("/deviations?days=365", "/tertial/own?period=2026-T2", "/rebase")
ADMIN = (
    "/admin/units",
    "/admin/units/A",
    "/admin/people",
    "/admin/people/new",
    "/admin/packages/edit?unit=A",
    "/admin/texts",
    "/admin/settings",
    "/admin/health",
)
TASKS = ("", "/tasks/intake_talk", "/tasks/offer_answered", "/tasks/brief_info")
FORMS = (
    "/release-date",
    "/appointments/new",
    "/unplanned",
    "/transfer",
    "/release",
    "/close",
    "/absence",
)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("who", "pages", "of_case"),
    [
        ("nurse", LISTS, TASKS),
        ("coordinator", BOARD, FORMS),
        ("directorate", (*PUBLIC, *FIGURES), ()),
        ("lead", LEADING, ()),
        ("admin", ADMIN, ()),
    ],
)
def test_axe_finds_nothing_light_and_dark_narrow_and_wide(
    office: Office, who: str, pages: tuple[str, ...], of_case: tuple[str, ...]
) -> None:
    case = case_of(
        office.desk,
        "Aksel",
        f"{who}-71",
        admitted="2026-09-01 06:00",
        release_on=date(2026, 10, 1),
    )
    case_of(
        office.desk,
        "Ute",
        f"{who}-72",
        admitted="2026-08-01 06:00",
        release_on=date(2026, 9, 5),
        answer="accepted",
        released="2026-09-05 10:00",
    )
    found = []
    with office.at_the_desk(who) as page:
        for path in (*pages, *(f"/cases/{case.ref}{each}" for each in of_case)):
            page.goto(path)
            for width, scheme in ((1280, "light"), (320, "dark")):
                page.set_viewport_size({"width": width, "height": 800})
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                found += [(path, width, scheme, *each) for each in wrong_with(page)]
    assert found == []


def wrong_with(page: Page) -> Iterator[tuple[str, str]]:
    """What axe finds on a page, and whether it is wider than its window."""
    result = Axe().run(page, options={"runOnly": RULES}).response
    for each in result["violations"]:
        yield each["id"], each["nodes"][0]["html"][:120]
    too_wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    if too_wide > 0:
        yield "sideways", f"{too_wide} px"


def test_a_package_shows_what_it_does_while_it_is_written(office: Office) -> None:
    text = 'key = "a-1"\nnumber = 1\nparent = "national-1"\n[task.talk_held]\ndue = ["{due}"]\n'
    with office.at_the_desk("admin") as page:
        page.goto("/admin/packages/edit?unit=A")
        page.get_by_label("Pakken som tekst").fill(text.format(due="R - 10 d"))
        page.locator("#preview").get_by_text("Tidligere").first.wait_for()
        page.get_by_label("Pakken som tekst").fill(text.format(due="R - 2 d"))
        page.locator("#preview").get_by_text("Linje 5").wait_for()
        assert page.get_by_label("Pakken som tekst").input_value().endswith('due = ["R - 2 d"]\n')
        assert list(wrong_with(page)) == []


def test_no_page_asks_another_host(office: Office) -> None:
    assert office.asked == {urlsplit(office.address).netloc}
