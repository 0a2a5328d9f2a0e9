"""A receipt tells what was done: once, on one page, to whoever did it, whatever an address says."""

from __future__ import annotations

import pytest

from cases.desk import MOST_AT_ONCE
from core.crypto import new_ref
from tests.people import make_case
from tests.web.browser import Browser
from tests.web.conftest import PASSWORD, Desk
from web.pages.receipts import COOKIE, MOST, _sealed

TOLD = 'class="receipt"'


@pytest.fixture
def ref(on_sqlite: Desk) -> str:
    """A case whose first task is done already."""
    with on_sqlite.db.write() as tx:
        return make_case(tx, done=("brief_info",)).ref


def _done(browser: Browser, ref: str) -> None:
    """Give the information, and take the redirect without following it."""
    page = browser.get("/today")
    hidden = page.hidden("/act")
    answer = browser.post("/act", {**hidden, "do": f"done/{ref}/brief_info"}, follow=False)
    assert answer.headers["location"] == "/today#resume"


def test_an_address_tells_of_nothing(on_sqlite: Desk, ref: str) -> None:
    for who, path, words in (
        ("nurse", f"/today?did=done/{ref}/brief_info", "er ført"),
        ("nurse", f"/cases/{ref}?did=undo/{ref}/brief_info", "er angret"),
        ("nurse", f"/cases/{ref}?said=released", "er registrert"),
        ("coordinator", f"/overdue?many=done&ok={ref}/brief_info", "ført som gjort"),
        ("coordinator", "/overdue?done=999999&refused=5", "999999 ført"),
        ("nurse", "/me?said=password", "Passordet er"),
    ):
        page = on_sqlite.of(who).get(path)
        assert page.status == 200
        assert words not in page.text, path
        assert TOLD not in page.text, path


def test_what_was_done_is_told_once_by_the_page_that_follows(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        ref = make_case(tx).ref
    nurse = on_sqlite.of("nurse")
    _done(nurse, ref)

    assert TOLD not in nurse.get(f"/cases/{ref}").text
    assert "er ført for Test Person" in nurse.get("/today").text
    assert TOLD not in nurse.get("/today").text


def test_a_receipt_of_another_session_or_one_that_was_changed_is_not_believed(
    on_sqlite: Desk,
) -> None:
    with on_sqlite.db.write() as tx:
        ref = make_case(tx).ref
    nurse, other = on_sqlite.of("nurse"), on_sqlite.browser()
    _done(nurse, ref)
    other.sign_in("nurse", PASSWORD)
    theirs = nurse.cookies[COOKIE]
    for forged in (theirs, "", "0" * 32, "0" * 32 + theirs[32:], "x" * 5000):
        other.cookies.set(COOKIE, forged)
        page = other.get("/today")
        assert (page.status, TOLD in page.text) == (200, False)
    assert TOLD in nurse.get("/today").text


def test_the_way_through_the_sign_in_makes_no_receipt(on_sqlite: Desk, ref: str) -> None:
    browser = on_sqlite.browser()
    browser.get(f"/sign-in?next=/today%3Fdid%3Ddone/{ref}/brief_info")
    page = browser.send("/sign-in", {"username": "nurse", "password": PASSWORD})
    assert (page.status, TOLD in page.text) == (200, False)


def test_as_many_rows_as_can_be_ticked_fit() -> None:
    rows = [("no", f"{new_ref()}/appointments_confirmed/bad_input") for _ in range(MOST_AT_ONCE)]
    assert len(_sealed("token", "/overdue", rows)) <= MOST
