"""The neutral number in messages: a unit's own once an admin has checked it. DOMAIN section 6."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cases import contacts, sending
from cases.access import OPERATOR, Viewer
from core.errors import BadInput, NotAllowed, NotFound, Refused
from tests.cases.desk import (
    ADMIN,
    COORDINATOR,
    NURSE,
    OPENED,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
    make_case,
)

NATIONAL = sending.NATIONAL_CONTACT
DAY = timedelta(days=1)


def named(desk: Desk, ref: str) -> str:
    return desk.look(sending.contact_phone, ref)


def test_a_units_number_is_named_once_an_admin_has_checked_it(own_desk: Desk) -> None:
    ours, theirs = make_case(own_desk), make_case(own_desk, unit="c")
    assert named(own_desk, ours.ref) == NATIONAL

    waiting = own_desk.do(contacts.propose, UNIT_LEAD, "a", "+4755 123456", now=OPENED)
    assert (waiting.number, waiting.state) == ("55 12 34 56", "proposed")
    assert named(own_desk, ours.ref) == NATIONAL
    own_desk.do(contacts.decide, ADMIN, "a", "check", now=OPENED + DAY)

    assert named(own_desk, ours.ref) == "55 12 34 56"
    assert named(own_desk, theirs.ref) == NATIONAL
    own_desk.do(contacts.decide, ADMIN, "a", "end", now=OPENED + 2 * DAY)
    assert named(own_desk, ours.ref) == NATIONAL


def test_a_checked_number_holds_until_its_successor_is_checked(own_desk: Desk) -> None:
    case = make_case(own_desk)
    own_desk.do(contacts.propose, ADMIN, "a", "55123456", now=OPENED)
    own_desk.do(contacts.propose, COORDINATOR, "a", "55123457", now=OPENED + DAY)
    own_desk.do(contacts.propose, COORDINATOR, "a", "55123458", now=OPENED + DAY)
    assert named(own_desk, case.ref) == "55 12 34 56"
    assert [(c.number, c.state) for c in own_desk.look(contacts.standing, UNIT_LEAD)] == [
        ("55 12 34 56", "checked"),
        ("55 12 34 58", "proposed"),
    ]

    own_desk.do(contacts.decide, ADMIN, "a", "check", now=OPENED + 2 * DAY)

    assert named(own_desk, case.ref) == "55 12 34 58"
    own_desk.do(contacts.propose, COORDINATOR, "a", "55123459", now=OPENED + 2 * DAY)
    own_desk.do(contacts.decide, ADMIN, "a", "reject", now=OPENED + 3 * DAY)
    assert named(own_desk, case.ref) == "55 12 34 58"


@pytest.mark.parametrize("number", ["", "ring oss", "02800", "113", "829 00 000", "+46701234567"])
def test_only_a_norwegian_number_that_costs_an_ordinary_call_is_taken(
    desk: Desk, number: str
) -> None:
    with pytest.raises(BadInput, match="Norwegian number"):
        desk.do(contacts.propose, OPERATOR, "a", number, now=OPENED)


def test_a_registered_persons_number_is_nobodys_contact(own_desk: Desk) -> None:
    make_case(own_desk, phone="+4747439150")

    with pytest.raises(Refused, match="registered person"):
        own_desk.do(contacts.propose, OPERATOR, "a", "474 39 150", now=OPENED)


@pytest.mark.parametrize("viewer", [NURSE, OUTSIDER])
def test_numbers_are_proposed_by_coordinators_and_leads_of_the_unit(
    desk: Desk, viewer: Viewer
) -> None:
    with pytest.raises(NotAllowed):
        desk.do(contacts.propose, viewer, "a", "55123456", now=OPENED)
    with pytest.raises(NotFound):
        desk.do(contacts.propose, COORDINATOR, "c", "55123456", now=OPENED)
    with pytest.raises(NotAllowed):
        desk.do(contacts.decide, UNIT_LEAD, "a", "check", now=OPENED)
    with pytest.raises(NotFound):
        desk.do(contacts.decide, ADMIN, "c", "check", now=OPENED)
