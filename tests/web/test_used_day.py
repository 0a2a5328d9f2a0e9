"""The day's list leads with who leaves and whom to speak with, whether a task is due or not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, select

from cases import appointments
from cases.access import OPERATOR
from cases.appointments import Booking
from cases.contact_made import Contact, record_contact
from cases.tables import access_subject
from tests.people import at, make_case
from tests.web.conftest import Desk

TODAY = date(2026, 9, 8)
"""A Tuesday."""


def leading(text: str) -> str:
    """What stands above the tasks."""
    return (
        text.split('id="day"')[1].split("</section>", maxsplit=1)[0] if 'id="day"' in text else ""
    )


def test_who_is_released_today_and_tomorrow_leads_the_list_of_everybody(desk: Desk) -> None:
    with desk.db.write() as tx:
        today = make_case(tx, admitted="2026-01-05 06:00", release_on=TODAY).ref
        tomorrow = make_case(tx, release_on=TODAY + timedelta(days=1), answer="declined").ref
        later = make_case(tx, release_on=TODAY + timedelta(days=2)).ref
        elsewhere = make_case(tx, unit="C", release_on=TODAY).ref

    for who in ("nurse", "officer", "coordinator", "lead", "healthlead"):
        lead = leading(desk.of(who).get("/today").text)
        assert lead.index(today) < lead.index(tomorrow), who
        assert "Løslates i dag" in lead, who
        assert "Løslates i morgen" in lead, who
        assert later not in lead, who
        assert elsewhere not in lead, who
        assert (f'href="/cases/{today}/release"' in lead) == (who not in ("nurse", "healthlead"))
    with desk.db.read() as tx:
        seen = set(tx.execute(select(access_subject.c.case_ref)).scalars())
    assert {today, tomorrow} <= seen
    assert elsewhere in leading(desk.of("outsider").get("/today").text)


def reached(tx: Connection, ref: str, when: str, status: str = "attended") -> None:
    """Somebody called then."""
    made = Contact("phone", reached=status == "attended")
    record_contact(tx, OPERATOR, ref, made, happened_at=at(when), now=at("2026-09-08 09:00"))


def test_whom_to_speak_with_today_leads_the_list_of_who_follows_up(desk: Desk) -> None:
    with desk.db.write() as tx:
        first = make_case(tx, answer="accepted", released="2026-09-07 10:00").ref
        second = make_case(tx, answer="accepted", released="2026-09-06 10:00").ref
        reached(tx, second, "2026-09-07 12:00")
        third = make_case(tx, answer="accepted", released="2026-09-05 10:00").ref

    for who in ("nurse", "coordinator"):
        lead = leading(desk.of(who).get("/today").text)
        assert "dag 1 etter" in lead, who
        assert "dag 3 etter" in lead, who
        assert first in lead, who
        assert third in lead, who
        assert second not in lead, who
        assert 'href="/follow-up"' in lead
    assert leading(desk.of("officer").get("/today").text) == ""

    with desk.db.write() as tx:
        spoken = Booking("OTHER", at("2026-09-08 08:00"), "Kari Vik", "Telefon", status="confirmed")
        case = appointments.book(tx, OPERATOR, first, spoken, now=at("2026-09-07 12:00"))
        appointments.record_outcome(
            tx, OPERATOR, case.appointments[-1].id, "attended", now=desk.now
        )
    lead = leading(desk.of("nurse").get("/today").text)
    assert first not in lead
    assert third in lead


def test_a_contact_that_nobody_made_over_the_weekend_leads_the_list_of_monday(desk: Desk) -> None:
    """It stood there on Saturday alone; nobody of the health service is at work on a Saturday."""
    with desk.db.write() as tx:
        lacks = make_case(tx, answer="accepted", released="2026-09-02 10:00").ref
        spoken = make_case(tx, answer="accepted", released="2026-09-02 11:00").ref
        third = make_case(tx, answer="accepted", released="2026-09-04 10:00").ref
        elsewhere = make_case(tx, unit="C", answer="accepted", released="2026-09-02 10:00").ref
        for each in (lacks, spoken):
            reached(tx, each, "2026-09-03 12:00")
        reached(tx, spoken, "2026-09-05 12:00")
        reached(tx, lacks, "2026-09-05 12:00", "no_show")

    desk.later(timedelta(days=-1))  # Monday, 7 September
    for who in ("nurse", "coordinator", "healthlead", "lead"):
        lead = leading(desk.of(who).get("/today").text)
        assert lead.count("Kontakt dag 3 ikke gjort") == 1, who
        assert lead.index("ikke gjort") < lead.index(lacks) < lead.index("Ta kontakt i dag"), who
        assert "dag 5 etter løslatelsen" in lead, who
        assert lead.index("Ta kontakt i dag") < lead.index(third), who
        assert spoken not in lead, who
        assert elsewhere not in lead, who
    assert leading(desk.of("officer").get("/today").text) == ""

    with desk.db.write() as tx:
        reached(tx, lacks, "2026-09-07 08:30")
    assert "ikke gjort" not in leading(desk.of("nurse").get("/today").text)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("09-07", None),
        ("09-06", 1),
        ("09-05", None),  # day 3: that of today is the one to be made
        ("09-04", 3),
        ("09-02", 3),
        ("09-01", None),
        ("08-31", 7),
        ("08-26", 7),  # day 13, six days after
        ("08-25", None),
        ("08-19", 14),
        ("08-18", None),  # a week: the follow-up says it still
        ("07-28", None),  # day 42, the last
    ],
)
def test_the_list_says_it_until_the_next_day_of_contact_a_week_at_most(
    on_sqlite: Desk, out: str, said: int | None
) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        make_case(tx, admitted="2026-06-01 06:00", answer="accepted", released=f"2026-{out} 10:00")
    lead = leading(desk.of("nurse").get("/today").text)
    assert ("ikke gjort" in lead) == (said is not None)
    assert said is None or f"Kontakt dag {said} ikke gjort" in lead


def test_it_says_so_when_no_task_is_due_today(on_sqlite: Desk) -> None:
    desk = on_sqlite
    none = "Ingen av oppgavene dine forfaller i dag."
    with desk.db.write() as tx:
        late = make_case(tx, done=("brief_info",), release_on=TODAY + timedelta(days=1)).ref
    page = desk.of("nurse").get("/today").text
    assert late in page
    assert none in page

    with desk.db.write() as tx:
        make_case(tx, admitted="2026-09-07 14:00")
    assert none not in desk.of("nurse").get("/today").text


def test_who_is_released_today_is_there_however_many_leave_tomorrow(on_sqlite: Desk) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        today = make_case(tx, release_on=TODAY).ref
        for _ in range(14):
            make_case(tx, release_on=TODAY + timedelta(days=1))
        out = make_case(tx, answer="accepted", released="2026-09-07 10:00").ref

    lead = leading(desk.of("nurse").get("/today").text)

    assert lead.count("Løslates i morgen") == 14
    assert today in lead
    assert out in lead
    assert "Ikke alle er med her" not in lead


def test_where_there_is_no_room_for_all_who_leave_it_is_for_those_of_today(
    on_sqlite: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = on_sqlite
    monkeypatch.setattr("web.pages.today.LEADING", 3)
    with desk.db.write() as tx:
        today = make_case(tx, release_on=TODAY).ref
        for _ in range(4):
            make_case(tx, release_on=TODAY + timedelta(days=1))

    lead = leading(desk.of("nurse").get("/today").text)

    assert today in lead
    assert lead.count("Løslates i morgen") == 2


def test_who_leaves_on_a_friday_leaves_with_card_and_spray_on_the_list_of_the_officer(
    desk: Desk,
) -> None:
    """It is due on Monday, for who types it in later: the list of Friday did not hold it."""
    friday = date(2026, 9, 4)
    with desk.db.write() as tx:
        planned = make_case(tx, release_on=friday, answer="accepted").ref
        left = make_case(tx, answer="accepted", released="2026-09-04 07:00").ref
        later = make_case(tx, release_on=friday + timedelta(days=3), answer="accepted").ref
    desk.later(timedelta(days=-4))
    page = desk.of("officer").get("/today").text

    for ref in (planned, left):
        assert f'value="done/{ref}/handed_over/card_and_spray"' in page
        assert f"/cases/{ref}/tasks/handed_over" in page
    assert f"/cases/{later}/tasks/handed_over" not in page
    assert "Ingen av oppgavene dine forfaller i dag" not in page

    desk.signed.clear()
    desk.later(timedelta(days=1))  # Saturday: it still is to be typed in
    assert f"/cases/{left}/tasks/handed_over" in desk.of("officer").get("/today").text


def test_what_is_due_after_tomorrow_for_others_waits_on_a_friday_as_on_any_day(
    on_sqlite: Desk,
) -> None:
    desk = on_sqlite
    with desk.db.write() as tx:
        # The talk is to be held a week before the release: on Monday, 7 September.
        ref = make_case(tx, admitted="2026-06-01 06:00", release_on=date(2026, 9, 14)).ref
    desk.later(timedelta(days=-4))
    assert f"/cases/{ref}/tasks/talk_held" not in desk.of("officer").get("/today").text
    desk.signed.clear()
    desk.later(timedelta(days=2))
    assert f"/cases/{ref}/tasks/talk_held" in desk.of("officer").get("/today").text
