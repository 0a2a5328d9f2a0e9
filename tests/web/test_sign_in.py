"""Signing in and out, and what is kept when a session runs out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from cases import signing_in, web_sessions
from cases.tables import account, appointment, sign_in_attempt, web_session
from core.errors import BadInput
from tests.people import make_case
from tests.web.browser import Browser
from tests.web.conftest import NOW, PASSWORD, Desk


def test_a_nurse_signs_in_and_meets_her_people_of_the_day(desk: Desk) -> None:
    browser = desk.browser()

    page = browser.sign_in("nurse", PASSWORD)

    assert (page.status, page.url) == (200, "/today")
    assert "Mine i dag" in page.text


def test_a_page_leads_to_the_sign_in_and_back_again(on_sqlite: Desk) -> None:
    browser = on_sqlite.browser()

    page = browser.get("/today?x=1")
    assert page.url == "/sign-in?next=/today%3Fx%3D1"
    page = browser.send("/sign-in", {"username": "nurse", "password": PASSWORD})

    assert page.url == "/today?x=1"


def test_nobody_is_led_out_of_the_house_by_a_link(on_sqlite: Desk) -> None:
    for way_out in ("https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"):
        browser = on_sqlite.browser()
        browser.get(f"/sign-in?next={way_out}")
        page = browser.send("/sign-in", {"username": "nurse", "password": PASSWORD})
        assert page.url == "/today"


def test_a_wrong_password_and_an_unknown_name_are_told_alike(on_sqlite: Desk) -> None:
    one, other = on_sqlite.browser(), on_sqlite.browser()

    wrong = one.sign_in("nurse", "something else entirely")
    unknown = other.sign_in("nobody", "something else entirely")

    assert wrong.status == unknown.status == 401
    assert wrong.text.replace("nurse", "NAME") == unknown.text.replace("nobody", "NAME")


def at_address(desk: Desk, address: str) -> Browser:
    """A browser somewhere else on the network."""
    return Browser(desk.app, address=address)


def wrong(browser: Browser, times: int) -> None:
    for _ in range(times):
        assert browser.sign_in("nurse", "something else entirely").status == 401


def test_after_five_wrong_passwords_the_address_waits_longer_each_time(desk: Desk) -> None:
    browser = desk.browser()
    wrong(browser, signing_in.FREE_TRIES)

    page = browser.sign_in("nurse", PASSWORD)
    assert (page.status, "tirs. 8.9. kl. 09.01" in page.text) == (429, True)
    for minutes in (1, 2, 4, 8, 15):
        desk.later(timedelta(minutes=minutes))
        wrong(browser, 1)
        assert browser.sign_in("nurse", PASSWORD).status == 429
    desk.later(signing_in.WINDOW)
    assert browser.sign_in("nurse", PASSWORD).url == "/today"


def test_guesses_at_a_name_from_elsewhere_keep_its_owner_not_out(desk: Desk) -> None:
    stranger = at_address(desk, "192.0.2.7")
    wrong(stranger, signing_in.FREE_TRIES)

    assert stranger.sign_in("nurse", PASSWORD).status == 429
    assert desk.browser().sign_in("nurse", PASSWORD).url == "/today"


def test_guesses_from_everywhere_stop_unless_the_owner_was_here_today(
    on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert signing_in.MOST_PER_NAME == 100
    monkeypatch.setattr(signing_in, "MOST_PER_NAME", 6)
    at_home = on_sqlite.browser()
    at_home.sign_in("nurse", PASSWORD)
    at_home.send("/sign-out")
    for each in range(6):
        wrong(at_address(on_sqlite, f"192.0.2.{each}"), 1)

    refused = at_address(on_sqlite, "192.0.2.99").sign_in("nurse", PASSWORD)
    assert (refused.status, "ons. 9.9. kl. 09.00" in refused.text) == (429, True)
    assert at_home.sign_in("nurse", PASSWORD).url == "/today"
    on_sqlite.later(signing_in.DAY)
    assert at_address(on_sqlite, "192.0.2.99").sign_in("nurse", PASSWORD).url == "/today"


def test_the_field_to_fill_in_has_the_focus_and_only_the_wrong_one_is_red(on_sqlite: Desk) -> None:
    def fields(text: str) -> tuple[str, str]:
        name, password = (
            next(line for line in text.splitlines() if f'id="f-{field}"' in line)
            for field in ("username", "password")
        )
        return name, password

    browser = on_sqlite.browser()
    name, password = fields(browser.get("/sign-in").text)
    assert ("autofocus" in name, "autofocus" in password) == (True, False)

    name, password = fields(browser.sign_in("nurse", "something else entirely").text)
    assert ("autofocus" in name, "autofocus" in password) == (False, True)
    assert ("aria-invalid" in name, "aria-invalid" in password) == (False, True)


def test_attempts_hold_neither_name_nor_address(desk: Desk) -> None:
    desk.browser().sign_in("nurse", "something else entirely")

    with desk.db.read() as tx:
        rows = tx.execute(select(sign_in_attempt)).all()
    assert len(rows) == 3
    assert not any("nurse" in str(row) or "127.0.0.1" in str(row) for row in rows)


def test_a_session_ends_after_half_an_hour_without_a_click(desk: Desk) -> None:
    browser = desk.of("nurse")
    desk.later(timedelta(minutes=29))
    assert browser.get("/today").url == "/today"

    desk.later(timedelta(minutes=29))
    assert browser.get("/today").url == "/today"
    desk.later(timedelta(minutes=31))
    assert browser.get("/today").url.startswith("/sign-in")


def test_a_session_ends_after_ten_hours_of_clicks(on_sqlite: Desk) -> None:
    browser = on_sqlite.of("nurse")
    for _ in range(29):
        on_sqlite.later(timedelta(minutes=20))
        assert browser.get("/today").url == "/today"

    on_sqlite.later(timedelta(minutes=20))
    assert browser.get("/today").url.startswith("/sign-in")


def test_whoever_signs_out_is_out_and_the_cookie_is_worth_nothing(desk: Desk) -> None:
    browser = desk.of("nurse")
    stolen = Browser(desk.app)
    stolen.cookies.update(browser.cookies)
    assert stolen.get("/today").url == "/today"

    browser.send("/sign-out")

    assert stolen.get("/today").url.startswith("/sign-in")


def test_a_shut_account_is_out_at_once(desk: Desk) -> None:
    browser = desk.of("nurse")
    with desk.db.write() as tx:
        tx.execute(account.update().where(account.c.username == "nurse").values(disabled_at=NOW))

    assert browser.get("/today").url.startswith("/sign-in")


def test_the_table_holds_no_token(desk: Desk) -> None:
    browser = desk.of("nurse")

    with desk.db.read() as tx:
        stored = tx.execute(select(web_session.c.digest)).scalar_one()
    token = browser.cookies["overlev-session"]
    assert token != stored
    assert web_sessions.digest_of(token) == stored


def test_a_form_of_another_site_changes_nothing(desk: Desk) -> None:
    browser = desk.of("nurse")
    with desk.db.write() as tx:
        case = make_case(tx)
    browser.get("/today")
    hidden = browser.last.hidden("/act") if browser.last else {}
    do = {"do": f"done/{case.ref}/brief_info"}

    for origin in ("https://elsewhere.example", "null", None):
        assert browser.post("/act", hidden | do, origin=origin).status == 403
    browser.headers = {"sec-fetch-site": "cross-site"}
    assert browser.post("/act", hidden | do).status == 403


def test_a_form_without_its_token_is_shown_again_and_not_done(desk: Desk) -> None:
    browser = desk.of("nurse")
    with desk.db.write() as tx:
        case = make_case(tx)

    page = browser.post("/act", {"do": f"done/{case.ref}/brief_info", "next": "/today"})

    assert page.status == 200
    assert "Ingenting er endret ennå" in page.text
    done = browser.send("/act")
    assert done.url == "/today"
    assert "er ført for Test Person" in done.text


def test_what_was_typed_is_there_when_the_session_ran_out_in_the_middle(desk: Desk) -> None:
    browser = desk.of("nurse")
    with desk.db.write() as tx:
        case = make_case(tx)
    browser.get("/today")
    desk.later(timedelta(hours=1))

    page = browser.send("/act", {"do": f"done/{case.ref}/brief_info"})
    assert page.status == 401
    assert "Det du skrev, er tatt vare på" in page.text
    page = browser.send("/sign-in", {"username": "nurse", "password": PASSWORD})
    assert "Ingenting er endret ennå" in page.text
    page = browser.send("/act")

    assert page.url == "/today"
    assert "er ført for Test Person" in page.text


def test_a_release_that_waited_says_that_it_is_one_and_all_that_goes_with_it(
    on_sqlite: Desk,
) -> None:
    desk = on_sqlite
    browser = desk.of("officer")
    with desk.db.write() as tx:
        path = f"/cases/{make_case(tx).ref}/unplanned"
    browser.get(path)
    desk.later(timedelta(hours=1))
    typed = {
        "reason": "court",
        "at": "2026-09-08T09:07",
        "risk_talk": "yes",
        "spray": "yes",
        "spray_lot": "L-77",
        "call": "yes",
        "call_at": "2026-09-09T10:00",
        "call_with": "Sykepleier",
    }
    assert browser.send(path, typed).status == 401

    page = browser.send("/sign-in", {"username": "officer", "password": PASSWORD}).text

    assert "Test Person</strong><span>Registrer løslatelse</span>" in page
    shown = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert shown == {
        "Hvorfor": "Løslatt fra retten",
        "Når": "tirs. 8.9. kl. 09.07",
        "Samtale om risiko: toleransen er borte": "Ja",
        "Nalokson nesespray gitt i hånden": "Ja",
        "Lot-nummer på sprayen": "L-77",
        "Samtale, når": "ons. 9.9. kl. 10.00",
        "Samtale, med hvem": "Sykepleier",
    }


def test_a_call_that_was_not_ticked_is_not_shown_as_booked(on_sqlite: Desk) -> None:
    browser = on_sqlite.of("officer")
    with on_sqlite.db.write() as tx:
        path = f"/cases/{make_case(tx).ref}/unplanned"

    page = browser.post(path, {"reason": "court", "call_at": "2026-09-09T10:00"}).text

    assert "Løslatt fra retten" in page
    assert "Samtale, når" not in page


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ("release", "Registrer løslatelse"),
        ("release/undo", "Angre løslatelsen"),
        ("appointments/new", "Ny avtale"),
        ("appointments/1", "Avtale"),
        ("close", "Avslutt saken"),
    ],
)
def test_a_form_that_waited_is_called_what_it_does_and_nothing_else(
    on_sqlite: Desk, form: str, says: str
) -> None:
    browser = on_sqlite.of("officer")
    with on_sqlite.db.write() as tx:
        path = f"/cases/{make_case(tx).ref}"

    page = browser.post(f"{path}/{form}", {"on": "2026-09-08"}).text

    assert f"Test Person</strong><span>{says}</span>" in page


def test_a_demo_that_is_being_filled_says_so_at_the_door_and_where_it_is_busy(desk: Desk) -> None:
    state, house = desk.app.state, desk.app.state.house
    browser = desk.browser()
    hidden = browser.get("/sign-in").hidden("/sign-in")
    state.house = replace(house, filling=lambda: 60)
    try:
        page = browser.get("/sign-in")
        assert "Demoen fylles: 60 %<" in page.text
        assert ('action="/sign-in"' in page.text) is not house.db.is_sqlite
        if house.db.is_sqlite:
            with house.db.write():
                late = browser.post(
                    "/sign-in", hidden | {"username": "nurse", "password": PASSWORD}
                )
            assert (late.status, "60 % av et år" in late.text) == (503, True)
    finally:
        state.house = house
    assert "Demoen fylles" not in browser.get("/sign-in").text
    assert browser.sign_in("nurse", PASSWORD).status == 200


SAID = "Hun vil helst til Kafé Torget"


def typing(desk: Desk, who: str) -> tuple[Browser, str, dict[str, str]]:
    """Somebody with a form that is filled in and not sent yet: browser, address, fields."""
    browser = desk.of(who)
    with desk.db.write() as tx:
        case = make_case(tx, release_on=date(2026, 10, 1))
    path = f"/cases/{case.ref}/appointments/new"
    hidden = browser.get(path).hidden(path)
    return browser, path, hidden | {"kind": "OTHER", "at": "2026-10-02T10:00", "with": SAID}


def test_a_kept_form_is_given_back_to_its_own_account_and_to_nobody_else(desk: Desk) -> None:
    for who, gets in (("officer", False), ("elsewhere", False), ("nurse", True)):
        browser, path, typed = typing(desk, "nurse")
        desk.later(timedelta(hours=1))
        page = browser.post(path, typed)
        assert page.status == 401
        assert SAID not in page.text, "whoever looks at the source sees nothing"
        page = browser.send("/sign-in", {"username": who, "password": PASSWORD})
        assert page.status == 200
        assert (SAID in page.text) is gets, who
        if not gets:
            assert page.url in ("/today", "/overdue"), "not to the page of the other one's case"
        desk.signed.clear()


def test_a_form_of_an_earlier_account_is_not_shown_to_the_present_one(on_sqlite: Desk) -> None:
    for who, gets in (("officer", False), ("nurse", True)):
        browser, path, typed = typing(on_sqlite, "nurse")
        browser.cookies.clear()
        browser.sign_in(who, PASSWORD)
        page = browser.post(path, typed)
        assert (SAID in page.text) is gets, who
        with on_sqlite.db.read() as tx:
            assert tx.execute(select(func.count()).select_from(appointment)).scalar_one() == 0
        on_sqlite.signed.clear()


def test_a_kept_form_is_kept_when_the_browser_has_lost_its_cookie(on_sqlite: Desk) -> None:
    browser, path, typed = typing(on_sqlite, "nurse")
    browser.cookies.clear()
    assert browser.post(path, typed).status == 401
    page = browser.send("/sign-in", {"username": "nurse", "password": PASSWORD})
    assert SAID in page.text


def test_a_kept_tick_says_whom_it_is_about_and_tells_nothing_of_others(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        here, there = make_case(tx).ref, make_case(tx, unit="C").ref
    for ref, told in ((here, True), (there, False)):
        nurse = desk.of("nurse")
        hidden = nurse.get("/today").hidden("/act")
        desk.later(timedelta(hours=1))
        nurse.post("/act", hidden | {"do": f"done/{ref}/brief_info"})
        page = nurse.send("/sign-in", {"username": "nurse", "password": PASSWORD})
        assert "Send nå" in page.text
        assert ("Test Person" in page.text) is told
        assert ("Kort informasjon og overdosekort gitt: Gjort" in page.text) is told
        desk.signed.clear()


def test_a_kept_form_that_was_tampered_with_is_dropped(on_sqlite: Desk) -> None:
    browser, path, typed = typing(on_sqlite, "nurse")
    on_sqlite.later(timedelta(hours=1))
    kept = browser.post(path, typed).hidden("/sign-in")["kept"]
    for wrong in (kept[:-2], kept[1:], "x", "æ"):
        sent = {"username": "nurse", "password": PASSWORD, "kept": wrong}
        page = browser.send("/sign-in", sent)
        assert (page.status, page.url) == (200, "/today"), wrong
        browser.cookies.clear()
        browser.get("/sign-in")


def test_a_kept_form_passes_through_the_second_step(on_sqlite: Desk) -> None:
    browser, path, typed = typing(on_sqlite, "nurse")
    secret = second_step(on_sqlite, "nurse")
    on_sqlite.later(timedelta(hours=1))
    browser.post(path, typed)
    page = browser.send("/sign-in", {"username": "nurse", "password": PASSWORD})
    assert SAID not in page.text
    page = browser.send("/sign-in", {"code": pyotp.TOTP(secret).at(on_sqlite.now)})
    assert SAID in page.text


def test_a_password_is_never_kept_nor_shown(on_sqlite: Desk) -> None:
    browser = on_sqlite.browser()
    browser.get("/sign-in")
    hidden = browser.last.hidden("/sign-in") if browser.last else {}
    browser.sign_in("nurse", PASSWORD)
    page = browser.post("/sign-in", hidden | {"username": "nurse", "password": PASSWORD})
    assert PASSWORD not in page.text, "a sign-in form that was open in another window"
    assert page.url == "/today"

    page = browser.post("/sign-in", hidden | {"username": "officer", "password": PASSWORD})
    assert "Officer <small>" in page.text, "whoever signs in is in, and whoever was in is out"

    browser = on_sqlite.of("nurse")
    browser.get("/me")
    on_sqlite.later(timedelta(hours=1))
    new = "a wholly new password"
    sent = {"old": PASSWORD, "password": new, "again": new}
    assert "kept" not in browser.send("/me/password", sent).hidden("/sign-in")
    page = browser.send("/sign-in", {"username": "nurse", "password": PASSWORD})
    assert page.url == "/me"
    assert new not in page.text


def test_a_code_form_ends_with_the_password_it_followed(on_sqlite: Desk) -> None:
    secret = second_step(on_sqlite, "nurse")
    browser = on_sqlite.browser()
    browser.sign_in("nurse", PASSWORD)
    with on_sqlite.db.write() as tx:
        nurse = tx.execute(select(account.c.id).where(account.c.username == "nurse")).scalar_one()
        hashed = signing_in.hash_of_password("a wholly new password")
        signing_in.set_password(tx, nurse, hashed, now=on_sqlite.now)
    on_sqlite.later(timedelta(minutes=2))

    code = pyotp.TOTP(secret).at(on_sqlite.now)
    assert browser.send("/sign-in", {"code": code}).status == 401
    again = on_sqlite.browser()
    again.sign_in("nurse", "a wholly new password")
    assert again.send("/sign-in", {"code": code}).url == "/today", "the code itself was not used up"


def second_step(desk: Desk, who: str) -> str:
    """Turn the second step of an account on, two minutes ago; returns its secret."""
    secret = signing_in.new_totp_secret()
    before = desk.now - timedelta(minutes=2)
    with desk.db.write() as tx:
        found = tx.execute(select(account.c.id).where(account.c.username == who)).scalar_one()
        code = pyotp.TOTP(secret).at(before)
        signing_in.set_second_step(tx, found, secret, code, now=before)
    return secret


def test_the_second_step_asks_for_a_code_and_takes_each_code_once(desk: Desk) -> None:
    secret = signing_in.new_totp_secret()
    totp = pyotp.TOTP(secret)
    with desk.db.write() as tx:
        of_nurse = tx.execute(
            select(account.c.id).where(account.c.username == "nurse")
        ).scalar_one()
        codes = signing_in.set_second_step(tx, of_nurse, secret, totp.at(desk.now), now=desk.now)
    browser = desk.browser()

    assert "Engangskode" in browser.sign_in("nurse", PASSWORD).text
    assert browser.send("/sign-in", {"code": totp.at(desk.now)}).status == 401  # used above
    desk.later(timedelta(seconds=60))
    assert browser.send("/sign-in", {"code": totp.at(desk.now)}).url == "/today"

    again = desk.browser()
    again.sign_in("nurse", PASSWORD)
    assert again.send("/sign-in", {"code": codes[0]}).url == "/today"
    third = desk.browser()
    third.sign_in("nurse", PASSWORD)
    assert third.send("/sign-in", {"code": codes[0]}).status == 401


def test_a_second_step_that_is_on_is_replaced_only_with_a_code_of_it(on_sqlite: Desk) -> None:
    desk = on_sqlite
    first, second = signing_in.new_totp_secret(), signing_in.new_totp_secret()

    def put(secret: str, old: str) -> list[str]:
        with desk.db.write() as tx:
            nurse = select(account.c.id).where(account.c.username == "nurse")
            return signing_in.set_second_step(
                tx,
                tx.execute(nurse).scalar_one(),
                secret,
                pyotp.TOTP(secret).at(desk.now),
                old=old,
                now=desk.now,
            )

    codes = put(first, "")
    desk.later(timedelta(minutes=2))
    for old in ("", "123456", pyotp.TOTP(second).at(desk.now)):
        with pytest.raises(BadInput):
            put(second, old)
    with pytest.raises(BadInput):
        put(first, codes[0])  # the same secret: a code that was used would count again
    assert put(second, codes[0])
    desk.later(timedelta(minutes=2))
    assert put(first, pyotp.TOTP(second).at(desk.now))


def test_an_invitation_does_not_pass_by_the_second_step(on_sqlite: Desk) -> None:
    desk = on_sqlite
    secret = signing_in.new_totp_secret()
    with desk.db.write() as tx:
        nurse = tx.execute(select(account.c.id).where(account.c.username == "nurse")).scalar_one()
        signing_in.set_second_step(tx, nurse, secret, pyotp.TOTP(secret).at(desk.now), now=desk.now)
        token = signing_in.invite(tx, "nurse", now=desk.now)
    browser = desk.browser()
    browser.get(f"/invitation/{token}")
    new = "a wholly new password"

    page = browser.send(f"/invitation/{token}", {"password": new, "again": new})

    assert "Engangskode" in page.text
    assert browser.get("/today").url.startswith("/sign-in")
    desk.later(timedelta(minutes=2))
    browser.sign_in("nurse", new)
    assert browser.send("/sign-in", {"code": pyotp.TOTP(secret).at(desk.now)}).url == "/today"


def test_a_code_form_is_good_for_five_minutes_and_for_its_own_account(desk: Desk) -> None:
    secret = signing_in.new_totp_secret()
    with desk.db.write() as tx:
        of_nurse = tx.execute(
            select(account.c.id).where(account.c.username == "nurse")
        ).scalar_one()
        signing_in.set_second_step(
            tx, of_nurse, secret, pyotp.TOTP(secret).at(desk.now), now=desk.now
        )
    browser = desk.browser()
    page = browser.sign_in("nurse", PASSWORD)
    ticket = page.hidden("/sign-in")["ticket"]
    desk.later(timedelta(minutes=2))
    code = pyotp.TOTP(secret).at(desk.now)

    forged = ticket.replace("nurse", "officer")
    assert browser.post("/sign-in", {"ticket": forged, "code": code}).status == 401
    desk.later(timedelta(minutes=4))
    late = pyotp.TOTP(secret).at(desk.now)
    assert browser.post("/sign-in", {"ticket": ticket, "code": late}).status == 401


def test_a_reset_ends_sessions_and_invitations(on_sqlite: Desk) -> None:
    nurse = on_sqlite.of("nurse")
    assert nurse.get("/today").status == 200
    with on_sqlite.db.write() as tx:
        username = tx.execute(
            select(account.c.username)
            .join(web_session, web_session.c.account_id == account.c.id)
            .limit(1)
        ).scalar_one()
        old = signing_in.invite(tx, username, now=NOW)
        signing_in.shut_out(tx, username, now=NOW)
    assert nurse.get("/today").url.startswith("/sign-in")
    with on_sqlite.db.read() as tx, pytest.raises(signing_in.InvitationGone):
        signing_in.invited(tx, old, now=NOW)


def test_of_two_invitations_the_first_used_ends_the_other(on_sqlite: Desk) -> None:
    with on_sqlite.db.write() as tx:
        username = tx.execute(select(account.c.username).limit(1)).scalar_one()
        one, other = (signing_in.invite(tx, username, now=NOW) for _ in range(2))
        hashed = signing_in.hash_of_password("a long enough password")
        signing_in.accept_invitation(tx, one, hashed, now=NOW)
        with pytest.raises(signing_in.InvitationGone):
            signing_in.invited(tx, other, now=NOW)
