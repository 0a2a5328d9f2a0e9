"""The help page has a section for each kind of page, and leads to the one that was left."""

from __future__ import annotations

import re

import pytest

from cases.model import Role
from tests.people import make_case
from tests.web.browser import ADDRESS
from tests.web.conftest import Desk
from web.pages.help_sections import SECTIONS, section_about
from web.pages.menu import menu_for

OF_CASES = tuple(role for role in Role if role not in (Role.ADMIN, Role.DIRECTORATE))


def test_the_contents_lead_to_every_section(on_sqlite: Desk) -> None:
    text = on_sqlite.browser().get("/help").text
    contents = text.split('id="contents"')[1].split("</nav>")[0]

    asked = re.findall(r'href="#([a-z-]+)"', contents)

    assert asked == ["steps", *(each.anchor for each in SECTIONS)]
    for anchor in asked:
        assert text.count(f'id="{anchor}"') == 1, anchor
    assert "Om siden du kom fra" not in text


@pytest.mark.parametrize(
    ("path", "anchor"),
    [
        ("/overdue?span=month", "lists"),
        ("/follow-up", "follow-up"),
        ("/cases/aaaaaaaaaa", "case"),
        ("/cases/aaaaaaaaaa/tasks/brief_info", "case"),
        ("/cases/aaaaaaaaaa/appointments/new", "appointments"),
        ("/cases/aaaaaaaaaa/unplanned", "release"),
        ("/cases/aaaaaaaaaa/transfer", "transfers"),
    ],
)
def test_whoever_comes_from_a_page_is_led_to_what_is_said_of_it(
    on_sqlite: Desk, path: str, anchor: str
) -> None:
    browser = on_sqlite.browser()
    browser.headers["referer"] = ADDRESS + path
    contents = browser.get("/help").text.split('id="contents"')[1].split("</nav>")[0]
    assert re.findall(r'href="#([a-z-]+)"', contents)[0] == anchor


def test_every_page_of_a_menu_has_its_section() -> None:
    for role in OF_CASES:
        for entry in menu_for(role):
            assert section_about(entry.path) is not None, entry.path


def test_the_foot_of_a_page_leads_to_what_is_said_of_it(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        ref = make_case(tx).ref
    for who, path, to in (
        ("nurse", "/today", "/help#lists"),
        ("nurse", f"/cases/{ref}", "/help#case"),
        ("nurse", f"/cases/{ref}/appointments/new", "/help#appointments"),
        ("nurse", "/help", "/help"),
        ("admin", "/admin/units", "/help"),
    ):
        foot = on_sqlite.of(who).get(path).text.split('<footer class="foot">')[1]
        assert f'href="{to}"' in foot, path
    refused = on_sqlite.of("nurse")
    refused.get(f"/cases/{ref}/appointments/new")
    again = refused.send(f"/cases/{ref}/appointments/new", {"kind": "GP"})
    assert 'href="/help#appointments"' in again.text.split('<footer class="foot">')[1]
