"""What administrators do on the pages: accounts, units, packages, texts; and never a case."""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import SecretStr

from cases import heartbeats
from core.settings import Settings
from notifications import line
from tests.web.application import application
from tests.web.conftest import PASSWORD, Desk
from tests.web.test_used_shown import with_a_service
from web.house import House
from web.pages.setting_words import MEANINGS

OVERLAY = 'key = "a-1"\nnumber = 1\nparent = "national-1"\n\n[task.talk_held]\ndue = ["{due}"]\n'


def ref_of(desk: Desk, name: str) -> str:
    page = desk.of("admin").get(f"/admin/people?text={name}")
    found = re.search(r'href="/admin/people/([^"?]+)">', page.text.split("<tbody>")[1])
    assert found is not None
    return found[1]


def test_somebody_is_invited_changes_role_and_is_shut_out(on_sqlite: Desk) -> None:
    desk = on_sqlite
    admin = desk.of("admin")
    admin.get("/admin/people/new")
    wrong = admin.send(
        "/admin/people/new", {"username": "Å se", "name": "Åse Ny", "role": "health"}
    )
    assert wrong.status == 422
    assert "Velg minst én enhet." in wrong.text
    assert 'value="Åse Ny"' in wrong.text
    made = admin.send(
        "/admin/people/new",
        {"username": "aase", "name": "Åse Ny", "role": "health", "units": "A"},
    )
    assert made.status == 200
    assert "aase" not in made.url
    invited = admin.send(made.url.partition("?")[0], {"do": "invite"})
    link = re.search(r"/invitation/[\w-]+", invited.text)
    assert link is not None

    newcomer = desk.browser()
    newcomer.get(link[0])
    newcomer.send(link[0], {"password": PASSWORD, "again": PASSWORD})
    assert newcomer.get("/today").status == 200

    one = f"/admin/people/{ref_of(desk, 'aase')}"
    assert "Pålogget nå" in admin.get(one).text
    moved = admin.send(one, [("do", "give"), ("role", "officer"), ("units", "C")])
    assert "Betjent" in moved.text
    assert newcomer.get("/today").url.startswith("/sign-in")
    again = desk.browser()
    assert again.sign_in("aase", PASSWORD).status == 200
    assert "Betjent" in again.get("/me").text
    admin.get(one)
    admin.send(one, {"do": "disable"})
    assert again.get("/today").url.startswith("/sign-in")
    assert desk.browser().sign_in("aase", PASSWORD).status == 401


def test_nobody_takes_the_last_administrator_away(on_sqlite: Desk) -> None:
    admin = on_sqlite.of("admin")
    own = f"/admin/people/{ref_of(on_sqlite, 'admin')}"
    admin.get(own)
    for sent in ([("do", "disable")], [("do", "give"), ("role", "directorate")]):
        refused = admin.send(own, sent)
        assert refused.status == 422
        assert "Dette er din egen bruker" in refused.text
    assert admin.get("/admin/units").status == 200


def test_a_password_is_given_anew_and_shown_once(on_sqlite: Desk) -> None:
    desk = on_sqlite
    nurse, admin = desk.of("nurse"), desk.of("admin")
    one = f"/admin/people/{ref_of(desk, 'nurse')}"
    admin.get(one)
    shown = admin.send(one, {"do": "reset"})
    password = re.search(r'class="code">((?:\w{4}-){3}\w{4})<', shown.text)
    assert password is not None
    assert password[1] not in admin.get(one).text
    assert nurse.get("/today").url.startswith("/sign-in")
    assert desk.browser().sign_in("nurse", password[1]).status == 200


def test_a_unit_lives_its_life_on_its_page(on_sqlite: Desk) -> None:
    desk = on_sqlite
    admin = desk.of("admin")
    admin.get("/admin/units/new")
    new = {"code": "D", "name": "D avdeling", "kind": "department", "region": "Vest"}
    wrong = admin.send("/admin/units/new", {**new, "on": "2026-09-08"})
    assert wrong.status == 422
    assert 'value="D avdeling"' in wrong.text
    admin.send("/admin/units/new", {**new, "code": "delta", "parent": "A", "on": "2026-09-08"})
    page = admin.get("/admin/units/delta")
    assert "del av A fengsel" in page.text
    tomorrow = (desk.now + timedelta(days=1)).date().isoformat()
    admin.send("/admin/units/delta", {"do": "rename", "name": "Delta hus", "on": tomorrow})
    admin.send(
        "/admin/units/delta", {"do": "stage", "stage": "contract_signed", "on": "2026-09-08"}
    )
    wrong = admin.send("/admin/units/delta", {"do": "stage", "stage": "paused", "on": "2026-09-08"})
    assert wrong.status == 422
    assert "Det steget kan ikke følge" in wrong.text
    admin.send(
        "/admin/units/delta",
        {"do": "certify", "username": "nurse", "on": "2026-09-08", "until": ""},
    )
    admin.send("/admin/units/delta", {"do": "contact", "number": "22 33 44 55"})
    page = admin.get("/admin/units/delta")
    for told in ("Delta hus", "Avtale inngått", "Nurse", "22 33 44 55"):
        assert told in page.text, told
    merged = admin.send("/admin/units/delta", {"do": "merge", "into": "B", "on": "2026-10-01"})
    assert "ble del av B fengsel" in merged.text
    assert admin.get("/admin/units/nowhere").status == 404


def test_an_overlay_shows_what_it_does_before_it_is_saved(on_sqlite: Desk) -> None:
    desk = on_sqlite
    admin = desk.of("admin")
    edit = "/admin/packages/edit"
    admin.get(f"{edit}?unit=A")
    tighter = admin.send(edit, {"unit": "A", "text": OVERLAY.format(due="R - 10 d")})
    assert "national-1+a-1" in tighter.text
    assert "Tidligere" in tighter.text
    looser = admin.send(edit, {"unit": "A", "text": OVERLAY.format(due="R - 2 d"), "do": "save"})
    assert looser.status == 422
    assert "Linje 6: En løsere regel trenger en begrunnelse" in looser.text
    assert 'class="here">   6  due = [&#34;R - 2 d&#34;]' in looser.text
    assert "R - 2 d&#34;]\n</textarea>" in looser.text
    saved = admin.send(
        edit,
        {"unit": "A", "text": OVERLAY.format(due="R - 10 d"), "do": "save", "from": "2026-09-08"},
    )
    assert saved.url == "/admin/packages"
    assert "national-1+a-1" in saved.text


def test_a_text_that_tells_too_much_is_said_to(on_sqlite: Desk) -> None:
    admin = on_sqlite.of("admin")
    page = admin.get("/admin/texts")
    assert "Sendes ikke" in page.text
    tried = admin.send("/admin/texts", {"text": "Møt i fengselet {day} kl. {time} – ść"})
    part = tried.text.split('id="tried"')[1].split("</section>")[0]
    assert "røper fengsel" in part
    assert "UCS-2" in part
    assert "{day}" not in part


def test_no_setting_shows_a_secret(on_sqlite: Desk) -> None:
    desk = on_sqlite
    settings = Settings(
        secret_key=SecretStr("secret-nobody-may-see-" + "s" * 40),
        metrics_token=SecretStr("metrics-nobody-may-see"),
        database_url="postgresql://u:password-nobody-may-see@db.example/x",
        contact_phone="22 11 00 00",
    )
    clock = desk.clock
    desk.app = application(
        House(desk.db, lambda: clock[0], settings, demo=True, real_clock=lambda: clock[0])
    )
    page = desk.of("admin").get("/admin/settings")
    assert "nobody-may-see" not in page.text
    assert "22 11 00 00" in page.text
    assert page.text.count(">Satt<") == 3


def test_what_a_setting_does_is_told_in_the_language_of_the_page(on_sqlite: Desk) -> None:
    assert list(MEANINGS) == list(Settings.model_fields)
    admin = on_sqlite.of("admin")

    told = admin.get("/admin/settings").text

    assert "mappe for databaser, nøkler og logger" in told
    assert "passordet til e-posttjeneren (eller `OVERLEV_SMTP_PASSWORD_FILE`)" in told
    assert "folder for the databases" not in told


def test_a_line_that_rests_says_why(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with_a_service(desk)
    with desk.db.write() as tx:
        resting = line.ANSWERS.resting(
            until=desk.now + timedelta(minutes=10), reason="credentials_refused"
        )
        line.write(tx, resting, now=desk.now)
        for loop in ("sweep", "deliver", "prefect", "show"):
            heartbeats.beat(tx, loop, "w", now=desk.now)
    why = "SMS-tjenesten avviser kontoen vår"
    assert why in desk.of("admin").get("/admin/health").text
    assert why in desk.of("coordinator").get("/messages").text
    desk.later(timedelta(minutes=11))
    assert (
        "Den neste meldingen prøver linjen på nytt." in desk.of("admin").get("/admin/health").text
    )
