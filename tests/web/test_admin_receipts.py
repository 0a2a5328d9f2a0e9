"""An administrator is told what was saved, from which day, and not only that it was."""

from __future__ import annotations

import re

import pytest

from tests.web.conftest import Desk
from tests.web.test_admin_pages import ref_of
from tests.web.test_used_receipts import told

DAY = "8. september 2026"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"do": "rename", "name": "Åsane", "on": "2026-10-01"}, "Navnet er Åsane fra 1. oktober"),
        (
            {"do": "move", "region": "Sør", "municipality": "Kommune 1", "parent": "B"},
            f"Enheten står slik fra {DAY}: Sør, Kommune 1, del av B fengsel.",
        ),
        ({"do": "merge", "into": "B"}, f"Enheten er del av B fengsel fra {DAY}."),
        ({"do": "close"}, f"Enheten er lagt ned fra {DAY}."),
        ({"do": "stage", "stage": "paused"}, f"Steg i prosjektet: På pause, fra {DAY}."),
        ({"do": "naloxone", "on": "2026-09-01"}, "Nalokson er innført 1. september 2026."),
        ({"do": "naloxone", "on": ""}, "Nalokson er innført, dato ukjent."),
        ({"do": "network"}, f"Ført: deltok i læringsnettverk {DAY}."),
        ({"do": "visit"}, f"Ført: besøk fra prosjektet {DAY}."),
        ({"do": "certify", "username": "nurse"}, f"Sertifikatet er ført: Nurse, fra {DAY}."),
        ({"do": "contact", "number": "22 33 44 55"}, "Nummeret 22 33 44 55 er sjekket og i bruk."),
    ],
    ids=lambda each: each["do"] if isinstance(each, dict) else "",
)
def test_a_unit(on_sqlite: Desk, typed: dict[str, str], said: str) -> None:
    admin = on_sqlite.of("admin")
    admin.get("/admin/units/A")
    page = admin.send("/admin/units/A", typed)
    assert page.status == 200, told(page)
    assert told(page).startswith(said)
    assert told(admin.get("/admin/units/A")) == ""


def test_what_was_ended_or_is_new(on_sqlite: Desk) -> None:
    admin = on_sqlite.of("admin")
    admin.get("/admin/units/A")
    admin.send("/admin/units/A", {"do": "certify", "username": "nurse", "on": "2026-09-01"})
    admin.get("/admin/units/A")
    ended = admin.send("/admin/units/A", {"do": "uncertify/nurse"})
    assert told(ended) == f"Sertifikatet til Nurse er avsluttet {DAY}."
    admin.get("/admin/units/A")
    admin.send("/admin/units/A", {"do": "contact", "number": "22334455"})
    admin.get("/admin/units/A")
    assert told(admin.send("/admin/units/A", {"do": "number/end"})).startswith(
        "Nummeret brukes ikke lenger."
    )
    admin.get("/admin/units/new")
    new = {"code": "ny", "name": "Ny fengsel", "kind": "prison", "region": "Øst"}
    made = admin.send("/admin/units/new", new)
    assert told(made) == f"Enheten er lagt inn: Ny fengsel, fra {DAY}."


def test_an_account(on_sqlite: Desk) -> None:
    desk, admin = on_sqlite, on_sqlite.of("admin")
    desk.of("nurse")
    one = f"/admin/people/{ref_of(desk, 'nurse')}"

    def sent(*pairs: tuple[str, str]) -> str:
        admin.get(one)
        return told(admin.send(one, list(pairs)))

    digest = re.search(r'value="end/(\w+)"', admin.get(one).text)
    assert digest is not None
    assert sent(("do", f"end/{digest[1]}")) == "Nurse er logget ut på ett sted."
    assert sent(("do", "end/all")) == "Nurse er logget ut overalt."
    given = sent(("do", "give"), ("role", "officer"), ("units", "A"), ("units", "C"))
    assert given == "Rolle og enheter for Nurse: Betjent, A fengsel, C fengsel."
    assert sent(("do", "disable")) == "Brukeren til Nurse er stengt, og logget ut overalt."
    assert sent(("do", "enable")) == "Brukeren til Nurse er åpnet igjen."
