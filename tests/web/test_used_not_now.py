"""Who said "not now" is asked again: when, by whom and where is said wherever it is met."""

from __future__ import annotations

from datetime import date, timedelta

from cases import appointments
from cases.access import OPERATOR
from cases.appointments import Booking
from tests.people import at, make_case
from tests.web.conftest import Desk
from tests.web.test_used_day import TODAY, leading
from tests.web.test_used_receipts import told

NONE_COMES = "Det kommer ikke noe varsel før løslatelsen"


def test_the_receipt_says_when_it_is_asked_again(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        cases = {
            "Varselet «Spør om tilbudet igjen» kommer tirs. 22.9.": (None, date(2026, 10, 30)),
            "Varselet «Spør om tilbudet igjen» kommer fre. 11.9.": (date(2026, 10, 9),),
            f"{NONE_COMES} fre. 11.9.: spør igjen før den.": (date(2026, 9, 11),),
            f"{NONE_COMES} tirs. 22.9.: spør igjen før den.": (date(2026, 9, 22),),
        }
        made = {
            make_case(tx, release_on=on).ref: said for said, days in cases.items() for on in days
        }
    nurse = desk.of("nurse")
    for ref, said in made.items():
        nurse.get("/today")
        page = nurse.send("/act", {"do": f"offer/{ref}/not_now"})
        assert said in told(page), said

    nurse.get("/today")
    yes = told(nurse.send("/act", {"do": f"offer/{ref}/accepted"}))
    assert "varsel" not in yes.lower()


def test_who_leaves_and_said_not_now_is_said_on_the_day(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        waits = make_case(tx, release_on=TODAY + timedelta(days=1), answer="not_now").ref
    nurse = leading(desk.of("nurse").get("/today").text)
    assert "har svart ikke nå:" in nurse
    assert f'href="/cases/{waits}#answers"' in nurse

    for who in ("officer", "coordinator", "lead"):
        lead = leading(desk.of(who).get("/today").text)
        assert "har svart ikke nå: helsepersonell spør igjen" in lead, who
        assert "#answers" not in lead, who

    nurse_page = desk.of("nurse")
    nurse_page.get("/today")
    nurse_page.send("/act", {"do": f"offer/{waits}/accepted"})
    for who in ("nurse", "officer"):
        assert "har svart ikke nå" not in leading(desk.of(who).get("/today").text), who


def test_a_task_that_waits_says_for_what_and_offers_no_change(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        waits = make_case(tx, release_on=TODAY + timedelta(days=3), answer="not_now").ref
        undated = make_case(tx, answer="accepted").ref
    nurse = desk.of("nurse")
    shown = nurse.get(f"/cases/{waits}").text
    assert "til personen tar imot tilbudet" in shown
    assert f'href="/cases/{waits}/tasks/naloxone_training"' not in shown
    page = nurse.get(f"/cases/{waits}/tasks/naloxone_training").text
    assert "har svart «ikke nå» på tilbudet" in page
    assert f'href="/cases/{waits}/tasks/offer_answered"' in page

    officer = desk.of("officer").get(f"/cases/{waits}/tasks/talk_held").text
    assert "Helsepersonell spør igjen og fører svaret." in officer
    assert "offer_answered" not in officer

    assert "til løslatelsesdatoen er kjent" in desk.of("coordinator").get(f"/cases/{undated}").text
    page = desk.of("coordinator").get(f"/cases/{undated}/tasks/talk_booked").text
    assert "Oppgaven venter på løslatelsesdatoen" in page
    assert f'href="/cases/{undated}/release-date"' in page


def test_the_notice_leads_to_where_a_new_answer_is_given(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, answer="not_now").ref
    nurse = desk.of("nurse")

    def box() -> str:
        text = nurse.get(f"/cases/{ref}").text
        return text.split('id="answers"')[1].split("</section>", maxsplit=1)[0]

    for answer in ("accepted", "not_now", "declined"):
        assert f'value="offer/{ref}/{answer}"' in box()
    page = nurse.send("/act", {"do": f"offer/{ref}/accepted", "next": f"/cases/{ref}"})
    assert "Takket ja" in told(page)
    assert box().index("Takket ja") < box().index("Ikke nå")
    assert f'value="offer/{ref}' not in box()
    assert f'href="/cases/{ref}/tasks/offer_answered"' in box()

    for who in ("officer", "coordinator", "lead"):
        assert f'value="offer/{ref}' not in desk.of(who).get(f"/cases/{ref}").text, who


def test_a_consent_says_on_its_button_what_it_is(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, answer="not_now").ref
    nurse = desk.of("nurse")
    consents = nurse.get(f"/cases/{ref}").text.split('id="consents"')[1]
    assert ">Ja til SMS</button>" in consents
    assert ">Nei til SMS</button>" in consents
    given = nurse.send(f"/cases/{ref}/consents", {"do": "sms/given"}).text
    assert ">Trekk samtykket</button>" in given.split('id="consents"')[1]


def test_a_cancelled_appointment_is_booked_anew_with_its_details(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, release_on=date(2026, 10, 1), answer="accepted").ref
        meeting = Booking(
            "OTHER", at("2026-10-02 10:00"), "Kari Vik", "Torget 1", "22334455", "confirmed"
        )
        case = appointments.book(tx, OPERATOR, ref, meeting, now=desk.now)
    number = case.appointments[-1].id
    nurse, path = desk.of("nurse"), f"/cases/{ref}/appointments/{number}"
    anew = f"/cases/{ref}/appointments/new?after={number}"
    nurse.get(path)
    cancelled = nurse.send(path, {"do": "cancelled"})

    receipt = cancelled.text.split('role="status"')[2].split("</div>", maxsplit=1)[0]
    assert f'href="{anew}">Avtal ny tid' in receipt
    assert "Endre" not in receipt
    assert f'href="{anew}"' in nurse.get(path).text
    assert f'href="{anew}"' in nurse.get(f"/cases/{ref}").text
    form = nurse.get(anew).text
    for text in ('value="Kari Vik"', 'value="Torget 1"', 'value="OTHER" selected'):
        assert text in form
    assert "Den gamle tiden: fre. 2.10. kl. 10" in form

    # Another case's appointment tells nothing here, and who may not see an appointment gets none.
    with desk.db.write() as tx:
        other = make_case(tx).ref
    assert "Kari Vik" not in nurse.get(f"/cases/{other}/appointments/new?after={number}").text
    assert desk.of("outsider").get(anew).status == 404


def test_a_kind_that_is_hidden_is_not_filled_in(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        ref = make_case(tx, release_on=date(2026, 10, 1), answer="accepted").ref
        meeting = Booking("GP", at("2026-10-02 10:00"), "Kari Vik", "Torget 1", None, "confirmed")
        case = appointments.book(tx, OPERATOR, ref, meeting, now=desk.now)
        number = case.appointments[-1].id
        appointments.record_outcome(tx, OPERATOR, number, "cancelled", now=desk.now)
    coordinator = desk.of("coordinator")
    assert "?after=" not in coordinator.get(f"/cases/{ref}").text
    form = coordinator.get(f"/cases/{ref}/appointments/new?after={number}").text
    assert "Kari Vik" not in form
    assert 'value="GP" selected' not in form
