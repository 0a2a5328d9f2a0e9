"""One person from the roster to the end of follow-up, through the pages alone, by five roles."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from cases.sweep import sweep
from tests.people import at
from tests.web.browser import ADDRESS, Browser, Page
from tests.web.conftest import Desk

ROSTER = (
    "innsattnr;fornavn;etternavn;fødselsdato;enhet;innsatt;planlagt løslatelse;"
    "løslatelsesgrunnlag;mobil\n"
    "909090;Kari;Prøvesen;01.02.1990;A;08.09.2026 08:00;08.10.2026;bekreftet;\n"
    ";Uten;Nummer;;A;08.09.2026;;;\n"
)


def upload(browser: Browser, text: str, name: str = "liste.csv", made: str = "") -> Page:
    """Choose a file on the import page and send it."""
    import asyncio

    import httpx

    page = browser.get("/import")
    csrf = page.hidden("/import")["csrf"]

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(browser.app)
        async with httpx.AsyncClient(
            transport=transport, base_url=ADDRESS, cookies=browser.cookies
        ) as client:
            return await client.post(
                "/import",
                data={"csrf": csrf, "made": made},
                files={"file": (name, text.encode(), "text/csv")},
                headers={"origin": ADDRESS},
            )

    answer = asyncio.run(send())
    if answer.is_redirect:
        return browser.get(answer.headers["location"])
    return Page(answer.status_code, "/import", answer.text, answer.headers)


def waited(browser: Browser, path: str, until: str) -> Page:
    """The page of an import, loaded anew until it has come so far."""
    for _ in range(600):
        page = browser.get(path)
        if until in page.text:
            return page
        time.sleep(0.1)
    raise AssertionError(browser.last.text if browser.last else "")


@pytest.fixture
def house(on_sqlite: Desk) -> Desk:
    return on_sqlite


def test_one_person_from_the_roster_to_the_end_of_follow_up(  # noqa: PLR0915 - one story
    house: Desk,
) -> None:
    coordinator, nurse, officer = signed_in(house, at("2026-09-08 09:30"))

    # The coordinator looks at the file, takes it in, and finds the rejected row.
    path = upload(coordinator, ROSTER).url
    page = waited(coordinator, path, "Forhåndsvisning")
    assert "Innsattnummer mangler" in page.text
    coordinator.send(path, {"do": "take"})
    page = waited(coordinator, path, "Importen er ferdig")
    assert ";Uten;Nummer" in coordinator.get(f"{path}/rejects").text

    # The nurse holds the talk and asks.
    nurse.get("/search")
    case = nurse.send("/search", {"text": "909090"}).url
    ref = case.rpartition("/")[2]
    nurse.get("/today")
    assert "er ført" in act(nurse, f"done/{ref}/intake_talk/at_risk").text
    assert ": Ikke nå." in act(nurse, f"offer/{ref}/not_now").text
    assert "Ikke nå" in nurse.get(case).text
    assert ": Takket ja." in act(nurse, f"offer/{ref}/accepted").text
    assert "er ført" in act(nurse, f"done/{ref}/naloxone_training").text

    # The officer gives the information, on the wrong person, and takes it back.
    assert "er ført" in act(officer, f"done/{ref}/brief_info").text
    assert "er angret" in act(officer, f"undo/{ref}/brief_info/wrong_person").text
    assert "er ført" in act(officer, f"done/{ref}/brief_info").text

    # The date moves; what it moves is shown first.
    where = f"{case}/release-date"
    coordinator.get(where)
    page = coordinator.send(where, {"do": "show", "kind": "confirmed", "on": "15.10.2026"})
    assert "Dette flyttes" in page.text
    assert "Løslatelsessamtale holdt" in page.text
    fields = {"do": "save", "kind": "confirmed", "on": "15.10.2026"}
    assert coordinator.send(where, fields).url == case

    # Consents, and appointments: before them, they cannot be confirmed.
    assert "Bekreftet avtale mangler" in act(coordinator, f"done/{ref}/appointments_confirmed").text
    for consent in ("sms/given", "sharing:health/given", "sharing:nav/given"):
        coordinator.get(case)
        assert coordinator.send(f"{case}/consents", {"do": consent}).status == 200
    for kind, when in (("GP", "2026-10-16T10:00"), ("NAV", "2026-10-16T13:00")):
        coordinator.get(f"{case}/appointments/new")
        booked = {"kind": kind, "at": when, "with": f"{kind}-kontoret", "place": "Torget 1"}
        page = coordinator.send(f"{case}/appointments/new", booked | {"status": "confirmed"})
        assert f"{kind}-kontoret" in page.text
    for task in ("requests_sent", "appointments_confirmed", "talk_booked", "card_printed"):
        assert "er ført" in act(coordinator, f"done/{ref}/{task}").text, task
    assert coordinator.get(f"{case}/card.pdf").headers["content-type"] == "application/pdf"

    # The release talk on a Monday, typed in on the Tuesday; the gate.
    coordinator, nurse, officer = signed_in(house, at("2026-10-13 10:00"))
    assert "er ført" in act(officer, f"yesterday/{ref}/talk_held").text
    coordinator, nurse, officer = signed_in(house, at("2026-10-15 10:00"))
    officer.get(f"{case}/release")
    assert "Ikke gjort ennå" not in (officer.last.text if officer.last else "")
    page = officer.send(f"{case}/release", {"at": "2026-10-15T09:30", "to": "liberty"})
    assert "Oppfølging" in page.text
    assert "er ført" in act(officer, f"done/{ref}/handed_over/card_and_spray").text

    # Followed up, day by day, and closed by itself.
    assert "Ta kontakt i dag" not in nurse.get("/follow-up").text
    coordinator, nurse, officer = signed_in(house, at("2026-10-16 15:00"))
    assert "Ta kontakt i dag" in nurse.get("/follow-up").text
    number = re.findall(rf"{case}/appointments/(\w+)", coordinator.get(case).text)
    coordinator.get(f"{case}/appointments/{number[-2]}")
    page = coordinator.send(f"{case}/appointments/{number[-2]}", {"do": "attended"})
    assert "Møtte" in page.text
    signed_in(house, at("2026-11-28 10:00"))
    sweep(house.db, now=house.now)
    assert "Saken er avsluttet: Fullført." in house.of("lead").get(case).text
    assert house.of("outsider").get(case).status == 404


def signed_in(house: Desk, now: datetime) -> tuple[Browser, Browser, Browser]:
    """Another day: everybody signs in anew. Coordinator, nurse and officer."""
    house.clock[0] = now
    house.signed.clear()
    return house.of("coordinator"), house.of("nurse"), house.of("officer")


def act(browser: Browser, do: str, **more: Any) -> Page:
    """Press a button of the list of the day."""
    browser.get("/today")
    return browser.send("/act", {"do": do, **more})


def test_a_transfer_is_given_and_taken_and_the_sender_reads_its_past(house: Desk) -> None:
    from tests.people import make_case

    with house.db.write() as tx:
        ref = make_case(tx).ref
    lead, taker = house.of("lead"), house.of("elsewhere")
    lead.get(f"/cases/{ref}/transfer")
    assert lead.send(f"/cases/{ref}/transfer", {"unit": ""}).status == 422
    lead.get(f"/cases/{ref}/transfer")
    summary = lead.send(f"/cases/{ref}/transfer", {"unit": "C", "do": "show"})
    number = re.findall(r"innsattnummeret (\S+),", summary.text)[0]
    assert 'value="accept/' not in taker.get("/transfers").text
    lead.send(f"/cases/{ref}/transfer", {"unit": "C", "do": "propose"})
    page = taker.get("/transfers")
    # The receiver knows whom it is asked about by the number; the rest is not theirs yet.
    assert number in page.text
    assert "Test" not in page.text
    assert "Test Person" in lead.get("/transfers").text
    assert taker.get(f"/cases/{ref}").status == 404
    taker.get("/transfers")
    number = re.findall(r'value="accept/(\w+)"', page.text)[0]
    assert "Saken er hos dere" in taker.send("/transfers", {"do": f"accept/{number}"}).text
    assert taker.get(f"/cases/{ref}").status == 200
    given = lead.get(f"/cases/{ref}").text
    assert "slik den var da dere ga den fra dere, til tirs. 22.9.</p>" in given
    house.later(timedelta(hours=9))


def test_a_group_is_planned_filled_and_entered(house: Desk) -> None:
    from tests.people import make_case

    with house.db.write() as tx:
        refs = [make_case(tx).ref for _ in range(3)]
    officer = house.of("officer")
    officer.get("/sessions")
    fields = {"task": "brief_info", "unit": "A", "at": "2026-09-08T08:00", "place": "Klasserommet"}
    page = officer.send("/sessions", fields)
    assert "Hvem kan bli med?" in page.text
    where = page.url
    # The form of the list and that of the people to add lead to the same address.
    hidden = page.hidden(where)
    page = officer.post(where, [*hidden.items(), *(("add", ref) for ref in refs), ("do", "add")])
    assert page.text.count('name="present"') == 3
    hidden = page.hidden(where)
    present = [("present", ref) for ref in refs[:2]]
    page = officer.post(where, [*hidden.items(), *present, ("do", "hold")])
    assert "Oppmøtet er ført." in page.text
    states = [_state(officer.get(f"/cases/{ref}").text, "brief_info") for ref in refs]
    assert states == ["Gjort", "Gjort", ""]
    assert house.of("outsider").get(where).status == 404


def _state(text: str, task: str) -> str:
    part = text.split(f'id="task-{task}"')[1].split("</li>", maxsplit=1)[0]
    return "Gjort" if ">Gjort</span>" in part else ""


def test_an_unplanned_release_is_one_page(house: Desk) -> None:
    from datetime import date

    from tests.people import make_case

    with house.db.write() as tx:
        ref = make_case(tx, release_on=date(2026, 12, 1)).ref
    nurse = house.of("nurse")
    where = f"/cases/{ref}/unplanned"
    nurse.get(where)
    ticked = dict.fromkeys(("risk_talk", "signs_and_113", "spray", "card"), "yes")
    page = nurse.send(
        where,
        {
            **ticked,
            "reason": "court",
            "accepted": "yes",
            "call": "yes",
            "call_at": "2026-09-09T10:00",
            "call_with": "Vakttelefonen",
            "share_health": "yes",
            "at": "2026-09-08T08:30",
        },
    )
    assert page.url == f"/cases/{ref}", page.text
    assert "Oppfølging" in page.text
    assert "Vakttelefonen" in page.text
    assert _state(page.text, "brief_info") == "Gjort"
    assert "For kort varsel" in page.text


def test_many_rows_are_put_off_handed_on_and_waived(house: Desk) -> None:
    from tests.people import make_case

    with house.db.write() as tx:
        refs = [make_case(tx, admitted="2026-08-20 06:00").ref for _ in range(3)]
    coordinator = house.of("coordinator")

    def many(do: str, of: list[str], **more: str) -> Page:
        page = coordinator.get("/overdue")
        hidden = page.hidden("/overdue")
        picks = [("pick", f"{ref}/brief_info") for ref in of]
        return coordinator.post("/overdue", [*hidden.items(), *picks, ("do", do), *more.items()])

    assert "1 utsatt" in many("snooze-7", refs[:1]).text
    assert f"{refs[0]}/brief_info" not in coordinator.get("/overdue").text
    assert f"{refs[0]}/brief_info" in coordinator.get("/overdue?snoozed=1").text
    officer = re.findall(
        r'<option value="(\w+)">Officer</option>', coordinator.get("/overdue").text
    )
    assert "1 gitt til Officer" in many("assign", refs[1:2], to=officer[0]).text
    assert "gitt til Officer" in coordinator.get("/overdue").text
    assert "1 frafalt" in many("waive", refs[2:], why="absent").text
    assert f"{refs[2]}/brief_info" not in coordinator.get("/overdue?snoozed=1").text
    assert "Velg minst én rad først." in many("done", []).text
    health_task = coordinator.post(
        "/overdue",
        [
            *coordinator.get("/overdue").hidden("/overdue").items(),
            ("pick", f"{refs[0]}/intake_talk"),
            ("do", "done"),
        ],
    )
    assert "1 kunne ikke føres" in health_task.text

    coordinator.get("/overdue?step=OVERDOSE_INFO")
    page = coordinator.send("/overdue/filters", {"name": "Info"})
    assert 'href="/overdue?step=OVERDOSE_INFO">Info</a>' in page.text
    other = house.of("lead").get("/overdue").text
    assert "Info</a>" not in other


def test_the_shelf_is_kept_and_a_row_taken_back(house: Desk) -> None:
    nurse = house.of("nurse")
    nurse.get("/naloxone")
    page = nurse.send("/naloxone", {"kind": "received", "count": "10", "lot": "L1"})
    assert ">10</dd>" in page.text
    page = nurse.send("/naloxone", {"do": "undo/1"})
    assert ">10</dd>" in page.text
    assert "Angre raden?" in page.text
    page = nurse.send("/naloxone", {"do": "undo/1", "sure": "1"})
    assert ">0</dd>" in page.text
    page = nurse.send("/naloxone", {"kind": "received", "count": ""})
    assert page.status == 422
    assert "Dette må fylles ut." in page.text


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("", "liste.csv", "Filen er tom."),
        ("hei", "liste.pdf", "Filen må være CSV eller Excel"),
    ],
)
def test_a_file_of_the_wrong_kind_is_told_at_once(
    house: Desk, text: str, name: str, said: str
) -> None:
    page = upload(house.of("coordinator"), text, name)
    assert page.status == 422
    assert said in page.text


def test_a_file_that_is_no_roster_is_told_and_nothing_is_kept(house: Desk) -> None:
    coordinator = house.of("coordinator")
    path = upload(coordinator, "a;b\n1;2\n").url
    waited(coordinator, path, "Filen kan ikke leses")
    assert house.of("lead").get(path).status == 404


def test_an_invitation_is_good_once(house: Desk) -> None:
    from sqlalchemy import update

    from cases import signing_in
    from cases.tables import account

    with house.db.write() as tx:
        tx.execute(update(account).where(account.c.username == "nurse").values(password_hash=None))
        token = signing_in.invite(tx, "nurse", now=house.now)
    browser = house.browser()
    path = f"/invitation/{token}"
    browser.get(path)
    assert browser.send(path, {"password": "short", "again": "short"}).status == 422
    page = browser.send(path, {"password": "fire ord er nok", "again": "fire ord er nok"})
    assert page.url == "/me/second-step"
    gone = house.browser().get(path)
    assert gone.status == 404
    assert "Be administratoren om en ny." in gone.text
    assert house.browser().sign_in("nurse", "fire ord er nok").url == "/today"
