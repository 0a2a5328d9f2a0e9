"""Who said "not now" is asked again: when, by whom and where is said wherever it is met."""

from __future__ import annotations

from datetime import date, timedelta

from tests.people import make_case
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
