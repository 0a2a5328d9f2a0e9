"""A page that answers a form has an address of its own, so that one can go back to it."""

from __future__ import annotations

import gzip
import os
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from cases.retention import ANSWERS
from core.scratch import forget_files
from tests.people import make_case
from tests.web.application import application
from tests.web.browser import Browser, Page
from tests.web.conftest import PASSWORD, Desk
from web.pages.kept_pages import HOLDS, MOST, WAY, Kept, KeptPages

GOING_THERE = {"sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin"}
NOW = datetime(2026, 9, 8, 9, tzinfo=UTC)
GZIP = b"\x1f\x8b\x08"


def _refused(desk: Desk, browser: Browser) -> tuple[str, Page]:
    """A form with a time that has not come, sent as a browser sends it; its address and answer."""
    with desk.db.write() as tx:
        address = f"/cases/{make_case(tx).ref}/tasks/brief_info"
    browser.headers = dict(GOING_THERE)
    browser.get(address)
    typed = {"do": "complete", "when": "other", "at": "2026-12-24T10:00"}
    return address, browser.send(address, typed)


def test_a_refused_form_can_be_gone_back_to_with_what_was_typed(on_sqlite: Desk) -> None:
    nurse = on_sqlite.of("nurse")
    address, refused = _refused(on_sqlite, nurse)

    assert refused.url.startswith(WAY)
    assert (refused.status, "2026-12-24T10:00" in refused.text) == (422, True)
    nurse.get("/today")
    back = nurse.get(refused.url)
    assert (back.status, back.text) == (422, refused.text)

    again = nurse.send(address, {"do": "complete", "when": "now"})
    assert again.url.startswith("/cases/")
    assert "er ført" in again.text


def test_what_is_kept_is_its_own_sessions_and_not_for_ever(on_sqlite: Desk) -> None:
    nurse, other = on_sqlite.of("nurse"), on_sqlite.browser()
    address, refused = _refused(on_sqlite, nurse)
    other.sign_in("nurse", PASSWORD)
    for stranger in (on_sqlite.browser(), other, on_sqlite.of("officer")):
        assert "2026-12-24" not in stranger.get(refused.url).text

    on_sqlite.later(timedelta(minutes=29))
    assert "2026-12-24" in nurse.get(refused.url).text
    nurse.get("/today")
    on_sqlite.later(timedelta(minutes=2))
    assert nurse.get(refused.url).url == address


def test_a_program_that_sends_a_form_gets_its_answer_at_once(on_sqlite: Desk) -> None:
    nurse = on_sqlite.of("nurse")
    nurse.headers = {"sec-fetch-mode": "cors", "sec-fetch-site": "same-origin"}
    nurse.get("/today")
    page = nurse.send("/act", {"do": "nonsense"})
    assert (page.status, page.url) == (422, "/act")


def test_a_wrong_password_leaves_no_page_that_cannot_be_gone_back_to(on_sqlite: Desk) -> None:
    browser = on_sqlite.browser()
    browser.headers = dict(GOING_THERE)
    browser.get("/sign-in")
    wrong = browser.send("/sign-in", {"username": "nurse", "password": "wrong"})
    assert (wrong.status, wrong.url.startswith(WAY)) == (401, True)
    assert browser.send("/sign-in", {"username": "nurse", "password": PASSWORD}).url == "/today"
    # Back in the browser: signed in by now, so the door leads to the day's work.
    assert browser.get(wrong.url).url == "/today"


def test_the_oldest_pages_go_first_and_secrets_after_one_look(on_sqlite: Desk) -> None:
    pages = KeptPages(on_sqlite.app.state.house)
    late = NOW + timedelta(minutes=1)
    first = pages.keep(Kept(b"", 422, "a", late, once=False))
    for path in _answers(on_sqlite):
        os.utime(path, (time.time() - 60, time.time() - 60))
    refs = [pages.keep(Kept(b"", 200, "a", late, once=True)) for _ in range(MOST)]

    assert pages.look(first, "a", now=NOW) is None
    assert len(_answers(on_sqlite)) == MOST
    assert pages.look(refs[0], "b", now=NOW) is None
    assert pages.look(refs[0], "a", now=NOW) is not None
    assert pages.look(refs[0], "a", now=NOW) is None


def _answers(desk: Desk) -> list[Path]:
    return list((desk.app.state.house.settings.data / ANSWERS).iterdir())


def test_another_web_process_of_the_machine_has_the_page_too(on_sqlite: Desk) -> None:
    nurse = on_sqlite.of("nurse")
    _, refused = _refused(on_sqlite, nurse)
    other = application(on_sqlite.app.state.house)
    assert other.state.kept_pages is not on_sqlite.app.state.kept_pages
    nurse.app = other
    back = nurse.get(refused.url)
    assert (back.status, back.text) == (422, refused.text)


def unpacked_anywhere(lies: bytes) -> Iterator[bytes]:
    """What unpacks from any place in a file; sealed bytes look like packed ones now and then."""
    place = lies.find(GZIP)
    while place >= 0:
        with suppress(zlib.error):
            yield zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(lies[place:])
        place = lies.find(GZIP, place + 1)


def test_a_kept_page_lies_sealed_and_only_for_its_owner(on_sqlite: Desk) -> None:
    nurse = on_sqlite.of("nurse")
    _, refused = _refused(on_sqlite, nurse)
    (path,) = _answers(on_sqlite)
    ref = urlsplit(refused.url).path.removeprefix(WAY)
    lies = path.read_bytes()
    assert ref not in path.name
    assert path.stat().st_mode & 0o077 == 0
    assert b"2026-12-24" not in lies
    kept = Kept(gzip.compress(b"<p>2026-12-24</p>"), 422, "", NOW, once=False).written()
    assert any(b"2026-12-24" in each for each in unpacked_anywhere(kept))
    assert not any(b"2026-12-24" in each for each in unpacked_anywhere(lies)), "packed, not sealed"

    # Laid under another page's name it is no page at all.
    path.with_name(sha256(b"other").hexdigest()[:32]).write_bytes(lies)
    assert on_sqlite.app.state.kept_pages.look("other", "a", now=NOW) is None


def test_what_nobody_went_back_to_goes_when_its_time_is_over(on_sqlite: Desk) -> None:
    _refused(on_sqlite, on_sqlite.of("nurse"))
    (path,) = _answers(on_sqlite)
    assert forget_files(path.parent, after=HOLDS) == 0
    os.utime(path, (time.time() - 1_801, time.time() - 1_801))
    assert forget_files(path.parent, after=HOLDS) == 1
    assert _answers(on_sqlite) == []


def test_where_nothing_can_be_kept_the_page_comes_at_once(on_sqlite: Desk) -> None:
    nurse = on_sqlite.of("nurse")
    (on_sqlite.app.state.house.settings.data / ANSWERS).write_text("no folder")
    address, refused = _refused(on_sqlite, nurse)
    assert (refused.status, refused.url) == (422, address)
    assert "2026-12-24T10:00" in refused.text
