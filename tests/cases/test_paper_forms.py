"""Papers of a session and of one case: who stands on them, and what is refused with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest

from cases import paper_forms, people, print_outs, protection, sessions
from cases.access import OPERATOR
from cases.model import Case
from core.errors import BadInput, NotFound, Refused
from forms.document import Document, Fields, Heading, Table
from tests.cases.desk import (
    COORDINATOR,
    NURSE,
    OUTSIDER,
    Desk,
    book,
    complete,
    make_case,
    oslo,
    propose,
)

NOW = oslo("2026-12-01 10:00")
KODE_6 = "STRENGT_FORTROLIG"

cards_of = partial(print_outs.cards_of_session, national="22 00 00 00")
form_of = partial(paper_forms.case_form, national="22 00 00 00")


def said(form: Document) -> Iterator[str]:
    for block in form.blocks:
        match block:
            case Heading(text):
                yield text
            case Fields(pairs):
                yield from (part for pair in pairs for part in pair)
            case Table(_, _, rows):
                yield from (cell for row in rows for cell in row)


def numbers(desk: Desk, *cases: Case) -> list[str]:
    with desk.db.read() as tx:
        found = [people.identity_of(tx, each.person) for each in cases]
    return [each.inmate_no for each in found if each is not None]


def test_nobody_hidden_stands_on_the_papers_of_a_session(desk: Desk) -> None:
    seen, hidden = make_case(desk), make_case(desk)
    for each in (seen, hidden):
        book(desk, each, "PROBATION", oslo("2026-12-30 10:00"), now=NOW)
    session = desk.do(
        sessions.plan_session, NURSE, "a", "naloxone_training", NOW + timedelta(days=2), now=NOW
    )
    desk.do(sessions.add_cases, NURSE, session.ref, [seen.ref, hidden.ref], now=NOW)
    both = numbers(desk, seen, hidden)
    whole = list(said(desk.do(paper_forms.attendance_list, NURSE, session.ref, now=NOW)))
    assert set(both) <= set(whole)

    desk.do(protection.set_protection, OPERATOR, hidden.ref, KODE_6, now=NOW)

    listed = list(said(desk.do(paper_forms.attendance_list, NURSE, session.ref, now=NOW)))
    cards = desk.do(cards_of, COORDINATOR, session.ref, now=NOW)
    assert both[0] in listed
    assert both[1] not in listed
    assert [card.label for card in cards] == [both[0]]
    for paper in (paper_forms.attendance_list, cards_of):
        with pytest.raises(NotFound):
            desk.do(paper, OUTSIDER, session.ref, now=NOW)


def test_a_paper_that_says_nothing_true_is_refused_with_what_to_do(desk: Desk) -> None:
    case = make_case(desk)

    for form, why in (("certificate", "complete naloxone_training"), ("transfer", "proposed")):
        with pytest.raises(Refused, match=why):
            desk.do(form_of, NURSE, case.ref, form, now=NOW)
    with pytest.raises(BadInput, match="a form is"):
        desk.do(form_of, NURSE, case.ref, "diploma", now=NOW)

    complete(desk, case, "naloxone_training", now=NOW, viewer=OPERATOR)
    propose(desk, case, "c", now=NOW)
    for form in ("certificate", "transfer"):
        desk.do(form_of, NURSE, case.ref, form, now=NOW)


def test_the_sheet_of_a_transfer_has_no_answer_of_the_health_service(desk: Desk) -> None:
    case = make_case(desk)
    complete(desk, case, "intake_talk", now=NOW, viewer=OPERATOR, answer="at_risk")
    propose(desk, case, "c", now=NOW)

    told = " ".join(said(desk.do(form_of, COORDINATOR, case.ref, "transfer", now=NOW)))

    assert "Innkomstsamtale" in told
    assert "at_risk" not in told
