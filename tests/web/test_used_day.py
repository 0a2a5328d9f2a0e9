"""The day's list leads with who leaves and whom to speak with, whether a task is due or not."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from cases import appointments
from cases.access import OPERATOR
from cases.appointments import Booking
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


def test_whom_to_speak_with_today_leads_the_list_of_who_follows_up(desk: Desk) -> None:
    with desk.db.write() as tx:
        first = make_case(tx, answer="accepted", released="2026-09-07 10:00").ref
        second = make_case(tx, answer="accepted", released="2026-09-06 10:00").ref
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
