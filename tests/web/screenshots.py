"""The README's pictures: `.venv/bin/python -m tests.web.screenshots` (needs Chromium).

Everybody on them is made up here; the same command makes the same pictures.
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import uvicorn
from playwright.sync_api import sync_playwright

from app.migrate import upgrade
from cases import appointments, release, service, sweep
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.people import NewPerson, register
from cases.service import TaskDone
from cases.vault import Identity
from tests.installation import installation
from tests.people import at, make_case, make_units
from tests.web.conftest import PASSWORD, Desk, furnish

EARLIER: Final = (
    ("2025-10-06", "2025-12-02", 12),
    ("2026-02-02", "2026-03-17", 17),
    ("2026-05-04", "2026-06-16", 22),
)
"""Admitted, released, and of how many of thirty participants most was done."""

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
OVERLAY: Final = """\
key = "a-1"
number = 1
parent = "national-1"

[task.talk_held]
due = ["R - 10 d"]
usual_form = "group"

[task.naloxone_training]
due = ["T0 + 14 d", "R - 14 d"]

[step.TIME_IN_HAND]
label = { nb = "Avtale i hånden" }
"""
PEOPLE: Final = (
    ("Ahmed", "Dahl", "101000", "2026-08-30 08:30", date(2026, 11, 30)),
    ("Solveig", "Nygård", "101012", "2026-09-02 14:00", date(2026, 10, 2)),
    ("Piotr", "Johansen", "101049", "2026-09-04 11:00", date(2027, 3, 20)),
    ("Bjørn", "Warsame", "101119", "2026-09-07 16:20", None),
    ("Liv", "Solbakken", "101120", "2026-09-08 07:40", date(2026, 9, 11)),
)


def main() -> int:
    """Make the pictures; 1 without a browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("no Chromium here: apt-get install chromium\n")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        url = f"sqlite:///{folder / 'overlev.db'}"
        upgrade(url)
        with installation(url, folder) as db:
            with db.write() as tx:
                make_units(tx)
            desk = furnish(db, folder=folder)
            ref = _people(desk)
            _earlier(desk)
            sweep.sweep(desk.db, now=desk.now)
            _shoot(desk, ref, chromium)
    return 0


def _people(desk: Desk) -> str:
    """The people on the pictures; returns the case that is shown whole."""
    shown = ""
    for first, last, number, admitted, release_on in PEOPLE:
        with desk.db.write() as tx:
            identity = Identity(number, first, last, date(1988, 8, 21))
            whom = register(tx, NewPerson(identity), now=at("2026-08-01 08:00"))
            answered = "accepted" if number == "101012" else None
            done = ("intake_talk", "brief_info") if answered else ()
            case = make_case(
                tx,
                person=whom,
                admitted=admitted,
                release_on=release_on,
                answer=answered,
                done=done,
            )
            if answered:
                shown = case.ref
                for kind, day, whom_with in (
                    ("GP", "2026-10-02 13:00", "Fastlege Moen"),
                    ("NAV", "2026-10-05 10:00", "NAV Bergenhus"),
                ):
                    appointments.book(
                        tx,
                        OPERATOR,
                        case.ref,
                        Booking(kind, at(day), whom_with, "Torget 1", status="confirmed"),
                        now=at("2026-09-07 10:00"),
                    )
    return shown


def _earlier(desk: Desk) -> None:
    """Who was released in the tertials before, for the counts: more and more of it gets done."""
    for first, released, done in EARLIER:
        for number in range(36):
            tasks = ["intake_talk", "brief_info"] if number < done + 4 else ["intake_talk"]
            tasks += ["naloxone_training"] if number < done else []
            with desk.db.write() as tx:
                case = make_case(
                    tx,
                    unit="ABC"[number % 3],
                    admitted=f"{first} 06:00",
                    release_on=date.fromisoformat(released),
                    answer="accepted" if number < 30 else "declined",
                    done=tasks if number < 30 else ["intake_talk"],
                )
                for kind, clock in (("GP", "09:00"), ("NAV", "12:00")):
                    if number < done:
                        day = date.fromisoformat(released) + timedelta(days=1 + number % 6)
                        booked = Booking(kind, at(f"{day} {clock}"), "Avtale", "Torget 1")
                        made = replace(booked, status="confirmed")
                        appointments.book(tx, OPERATOR, case.ref, made, now=at(f"{first} 12:00"))
                release.release(tx, OPERATOR, case.ref, now=at(f"{released} 10:00"))
                if number < done - 2:
                    given = TaskDone("handed_over", at(f"{released} 10:00"), None, "card_and_spray")
                    service.complete_task(
                        tx, OPERATOR, case.ref, given, now=at(f"{released} 11:00")
                    )


def _shoot(desk: Desk, ref: str, chromium: str) -> None:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(desk.app, log_level="critical", lifespan="off", access_log=False)
    )
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    pictures = (
        ("today", "nurse", "/today", 1180, "light"),
        ("case", "nurse", f"/cases/{ref}", 1180, "light"),
        ("board", "coordinator", "/overdue?span=week", 1180, "light"),
        ("unplanned", "officer", f"/cases/{ref}/unplanned", 390, "dark"),
        ("tertial", "directorate", "/tertial?period=2026-T2", 1180, "light"),
        ("package", "admin", "/admin/packages/edit?unit=A", 1180, "light"),
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, who, path, width, scheme in pictures:
            context = browser.new_context(
                base_url=address,
                viewport={"width": width, "height": 760},
                color_scheme=scheme,  # type: ignore[arg-type]
                locale="nb-NO",
                timezone_id="Europe/Oslo",
            )
            context.set_default_timeout(120_000)
            page = context.new_page()
            page.goto("/sign-in")
            page.get_by_label("Brukernavn").fill(who)
            page.get_by_label("Passord").fill(PASSWORD)
            page.get_by_role("button", name="Logg inn").click()
            page.wait_for_url(lambda url: "/sign-in" not in url)
            page.wait_for_load_state()
            skip = page.get_by_role("button", name="Hopp over")  # the tour, at the first sign-in
            if skip.count():
                skip.click()
                skip.wait_for(state="detached")
                page.wait_for_load_state()
            page.goto(path)
            if name == "package":
                page.get_by_label("Pakken som tekst").fill(OVERLAY)
                page.locator("#preview").get_by_text("Tidligere").first.wait_for()
            page.screenshot(path=FOLDER / f"{name}.jpg", type="jpeg", quality=72)
            context.close()
        browser.close()
    server.should_exit = True
    thread.join(20)
    listener.close()


if __name__ == "__main__":
    sys.exit(main())
