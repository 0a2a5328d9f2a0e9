"""The same person under two numbers: found, decided by a person, undone. DOMAIN section 9."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from cases import duplicates, naloxone, people, queries, service
from cases.access import OPERATOR, Viewer
from cases.duplicates import DuplicateNotFound, Proposal, Why
from cases.likeness import matching_name
from cases.model import Case, Protection, Role
from cases.rules import CaseNotFound
from cases.service import Admission
from cases.tables import access_log, case_event, person, person_merge
from cases.vault import Identity
from core.errors import BadInput, Conflict, NotAllowed, Refused
from core.keystore import KeyStore
from reports.figures import compare
from reports.indicators import count_now
from reports.recount import recount
from reports.tertial import Period, Question
from tests.cases.desk import ADMIN, DIRECTORATE, Desk, as_events_tell, comparable, findings
from tests.cases.identity_numbers import first_number
from tests.cases.places import Place, let_go, make_case, move, new_place
from tests.cases.strategies import oslo

NOW = oslo("2026-09-10 10:00")
HOUR = timedelta(hours=1)
BORN = date(1988, 3, 14)

_numbers = itertools.count(1)
_individual = itertools.count(0, 20)


def identity_number(*, d_number: bool = False) -> str:
    """A synthetic identity number that no other test has."""
    individual = next(_individual)
    day, year = 1 + individual // 400, 88
    return first_number(day + 40 * d_number, 83, year, individual % 400)


@pytest.fixture
def place(desk: Desk) -> Place:
    return new_place(desk)


def known(
    place: Place,
    first_name: str = "Ola",
    last_name: str | None = None,
    *,
    national_id: str | None = None,
    born_on: date | None = BORN,
    **more: Any,
) -> Case:
    """A case of a newly registered person; the last name is this place's own."""
    name = last_name if last_name is not None else f"Nordmann{letters(place.code)}"
    number = f"D{next(_numbers)}-{place.code}"
    identity = Identity(number, first_name, name, born_on, national_id)
    return make_case(place, identity=identity, answer="accepted", **more)


def letters(code: str) -> str:
    return "".join(chr(ord("a") + int(c)) for c in code if c.isdigit())


def found(place: Place, viewer: Viewer = OPERATOR) -> list[Proposal]:
    """What waits for a decision about persons of this place."""
    here = {place.code, place.other}
    proposals = place.desk.do(duplicates.find, viewer, now=NOW)
    return [p for p in proposals if {p.kept.unit, p.other.unit} & here]


def reasons(place: Place) -> list[str]:
    return [proposal.why for proposal in found(place)]


def merged(place: Place, proposal: Proposal) -> Proposal:
    return place.desk.do(duplicates.decide, OPERATOR, proposal.id, "merge", now=NOW)


def counted(place: Place, *cases: Case) -> list[str]:
    return [place.desk.case(case.ref).counted_as for case in cases]


# --- finding -------------------------------------------------------------------------------------


def test_one_identity_number_under_two_inmate_numbers_is_proposed(place: Place) -> None:
    number = identity_number()
    one = known(place, "Ola", "Berg", national_id=number)
    known(place, "Olav", "Dahl", national_id=number, born_on=None)

    (proposal,) = found(place)

    assert (proposal.why, proposal.state) == (Why.SAME_IDENTITY_NUMBER, "proposed")
    assert proposal.kept.case_ref == one.ref, "the one met first is kept"
    assert proposal.kept.identity is not None
    assert proposal.kept.identity.first_name == "Ola"


def test_a_d_number_that_became_an_identity_number_is_proposed(place: Place) -> None:
    known(place, national_id=identity_number(d_number=True))
    known(place, national_id=identity_number())
    assert reasons(place) == [Why.D_NUMBER]


@pytest.mark.parametrize("with_number", [True, False])
def test_the_same_name_and_date_of_birth_is_proposed(place: Place, with_number: bool) -> None:
    known(place, "Åse Marie")
    known(place, "Aase", national_id=identity_number() if with_number else None)
    assert reasons(place) == [Why.SAME_NAME_AND_BIRTH]


def test_two_identity_numbers_of_one_kind_say_that_they_are_two_people(place: Place) -> None:
    for _ in range(2):
        known(place, national_id=identity_number())
    assert reasons(place) == []


def test_a_changed_name_is_found_by_phone_and_date_of_birth(place: Place) -> None:
    phone = f"+4790{next(_numbers):06d}"
    known(place, "Kari", "Gift", phone=phone)
    known(place, "Kari", "Ugift", phone=phone)
    known(place, "Barn", "Gift", phone=phone, born_on=date(2005, 1, 1))
    assert reasons(place) == [Why.CHANGED_NAME]


def test_an_earlier_name_of_a_person_is_still_found(place: Place) -> None:
    first = known(place, "Mia", "Foer")
    place.desk.do(people.change, first.person, people.PersonChange(last_name="Etter"), now=NOW)
    known(place, "Mia", "Foer")
    known(place, "Mia", "Etter")
    assert sorted(reasons(place)) == [Why.SAME_NAME_AND_BIRTH] * 2


def test_strangers_and_people_without_a_date_of_birth_are_not_proposed(place: Place) -> None:
    known(place, "Ola")
    known(place, "Kari")
    known(place, "Ola", born_on=date(1988, 3, 15))
    known(place, "Ola", born_on=None)
    assert reasons(place) == []


def test_looking_again_proposes_nothing_twice_and_changes_nobody(place: Place) -> None:
    one, other = known(place), known(place)
    before = counted(place, one, other)
    (first,), (second,) = found(place), found(place)
    assert first.id == second.id
    assert counted(place, one, other) == before


def test_a_hash_that_half_the_register_shares_proposes_nobody(own_desk: Desk) -> None:
    place = Place(own_desk, "a", "b")
    for _ in range(duplicates.MOST_ALIKE):
        known(place, "Test", "Testesen")
    pairs = duplicates.MOST_ALIKE * (duplicates.MOST_ALIKE - 1) // 2
    assert len(found(place)) == pairs
    with own_desk.db.write() as tx:
        tx.execute(person_merge.delete())
    known(place, "Test", "Testesen")
    assert found(place) == []


def test_finding_opens_the_identities_of_candidates_only(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers = [known(place, f"Fremmed{letters(str(n))}") for n in range(5)]
    one, other = known(place), known(place)
    opened: list[str] = []
    get_many = KeyStore.get_many

    def noted(self: KeyStore, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        wanted = list(pseudonyms)
        opened.extend(wanted)
        return get_many(self, wanted)

    monkeypatch.setattr(KeyStore, "get_many", noted)
    found(place)

    assert {one.person, other.person} <= set(opened)
    assert not {case.person for case in strangers} & set(opened)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (("Ola", "Nordmann"), ("OLA", "nordmann"), True),
        (("Ola Johan", "Nordmann"), ("Ola", "Lie Nordmann"), True),
        (("Ann-Kristin", "Dahl"), ("Ann Kristin", "Dahl"), True),
        (("Åse", "Sørensen"), ("Aase", "Soerensen"), True),
        (("José", "Muñoz"), ("Jose", "Munoz"), True),
        (("Łukasz", "Kowalski"), ("Lukasz", "Kowalski"), True),
        (("Ægir", "Ås"), ("Aegir", "Aas"), True),
        (("Ola", "Nordmann"), ("Nordmann", "Ola"), False),
        (("Ola", "Nordmann"), ("Ole", "Nordmann"), False),
        (("Ola", ""), ("Ola", ""), False),
        (("", ""), ("", ""), False),
    ],
)
def test_two_spellings_of_a_name_meet_and_two_names_do_not(
    one: tuple[str, str], other: tuple[str, str], alike: bool
) -> None:
    first, second = matching_name(*one), matching_name(*other)
    assert (first is not None and first == second) is alike


@given(st.text(), st.text())
def test_a_name_written_in_capitals_is_the_same_name(first: str, last: str) -> None:
    written = matching_name(first, last)
    if written is not None and first.isascii() and last.isascii():
        assert matching_name(first.upper(), last.upper()) == written


# --- deciding and undoing ------------------------------------------------------------------------


def test_a_merger_counts_the_other_persons_cases_as_the_kept_one(place: Place) -> None:
    one, other = known(place), known(place)
    (proposal,) = found(place)

    decided = merged(place, proposal)

    assert (decided.state, decided.by) == ("merged", "operator")
    assert counted(place, one, other) == [one.counted_as] * 2
    assert place.desk.case(other.ref).person == other.person, "both persons keep what is theirs"
    folded = as_events_tell(place.desk, other.ref)
    assert folded == comparable(place.desk.case(other.ref)), "a recount counts the same"
    with place.desk.db.read() as tx:
        verbs = tx.execute(
            select(case_event.c.case_ref, case_event.c.verb).where(
                case_event.c.verb == "person_merged",
                case_event.c.case_ref.in_([one.ref, other.ref]),
            )
        ).all()
    assert [tuple(row) for row in verbs] == [(other.ref, "person_merged")]
    assert found(place) == []


def test_undoing_a_merger_gives_back_exactly_what_was(place: Place) -> None:
    one, other = known(place), known(place)
    (proposal,) = found(place)
    before = counted(place, one, other)
    merged(place, proposal)

    undone = place.desk.do(duplicates.undo, OPERATOR, proposal.id, now=NOW + HOUR)

    assert undone.state == "undone"
    assert counted(place, one, other) == before
    with place.desk.db.read() as tx:
        persons = tx.execute(
            select(person.c.ref, person.c.counted_as).where(
                person.c.ref.in_([one.person, other.person])
            )
        ).all()
    assert {row.ref: row.counted_as for row in persons} == {
        one.person: one.counted_as,
        other.person: other.counted_as,
    }
    assert as_events_tell(place.desk, other.ref) == comparable(place.desk.case(other.ref))
    assert found(place) == [], "what a person has undone is not proposed again"


def test_a_case_opened_after_the_merger_is_counted_by_it_and_by_its_undoing(
    place: Place,
) -> None:
    one, other = known(place), known(place)
    let_go(place, other, now=NOW)
    (proposal,) = found(place)
    merged(place, proposal)

    def admit_again(tx: Any) -> Case:
        whose = tx.execute(
            select(person.c.counted_as).where(person.c.ref == other.person)
        ).scalar_one()
        admission = Admission(other.person, whose, place.code, NOW + HOUR, earlier=other.ref)
        return service.admit(tx, OPERATOR, admission, now=NOW + HOUR)

    again = place.desk.do(admit_again)
    assert counted(place, again) == [one.counted_as]

    place.desk.do(duplicates.undo, OPERATOR, proposal.id, now=NOW + 2 * HOUR)
    assert counted(place, again, other) == [other.counted_as] * 2


def test_older_cases_of_one_identity_number_are_brought_together_too(place: Place) -> None:
    number = identity_number()
    known(place, "Ola", "Berg", national_id=number)
    other = known(place, "Olav", "Dahl")
    place.desk.do(people.change, other.person, people.PersonChange(national_id=number), now=NOW)
    (proposal,) = found(place)
    before = counted(place, other)

    merged(place, proposal)

    assert counted(place, other) == [proposal.kept.person]
    place.desk.do(duplicates.undo, OPERATOR, proposal.id, now=NOW)
    assert counted(place, other) == before


def test_mergers_that_build_on_each_other_are_undone_last_first(place: Place) -> None:
    one, two, three = known(place), known(place), known(place)
    before = counted(place, one, two, three)
    by_pair = {(p.kept.case_ref, p.other.case_ref): p for p in found(place)}
    first = by_pair[two.ref, three.ref]
    second = by_pair[one.ref, two.ref]
    merged(place, first)
    merged(place, second)
    assert counted(place, one, two, three) == [one.counted_as] * 3

    with pytest.raises(Refused, match=f"later merger {second.id} "):
        place.desk.do(duplicates.undo, OPERATOR, first.id, now=NOW)
    place.desk.do(duplicates.undo, OPERATOR, second.id, now=NOW)
    assert counted(place, one, two, three) == [one.counted_as, *[two.counted_as] * 2]
    place.desk.do(duplicates.undo, OPERATOR, first.id, now=NOW)
    assert counted(place, one, two, three) == before


def test_people_merged_by_way_of_a_third_are_not_proposed_to_each_other(place: Place) -> None:
    one, two, three = known(place), known(place), known(place)
    by_pair = {(p.kept.case_ref, p.other.case_ref): p for p in found(place)}
    with place.desk.db.write() as tx:
        tx.execute(person_merge.delete().where(person_merge.c.id == by_pair[one.ref, three.ref].id))
    merged(place, by_pair[one.ref, two.ref])
    merged(place, by_pair[two.ref, three.ref])
    assert found(place) == []


def test_a_rejected_pair_stays_two_people_until_somebody_says_otherwise(place: Place) -> None:
    one, other = known(place), known(place)
    (proposal,) = found(place)
    decided = place.desk.do(duplicates.decide, OPERATOR, proposal.id, "reject", now=NOW)
    assert decided.state == "rejected"
    assert found(place) == []
    with pytest.raises(Conflict, match="rejected, by operator"):
        merged(place, proposal)
    with pytest.raises(Refused):
        place.desk.do(duplicates.undo, OPERATOR, proposal.id, now=NOW)

    again = place.desk.do(duplicates.propose, OPERATOR, other.ref, one.ref, now=NOW)

    assert (again.id, again.why, again.state) == (proposal.id, Why.BY_HAND, "proposed")
    merged(place, again)
    assert counted(place, one, other) == [one.counted_as] * 2
    with pytest.raises(Refused, match="merged already"):
        place.desk.do(duplicates.propose, OPERATOR, one.ref, other.ref, now=NOW)
    with pytest.raises(Refused, match="the same person"):
        place.desk.do(duplicates.propose, OPERATOR, one.ref, one.ref, now=NOW)


def test_a_decision_is_merge_or_reject(place: Place) -> None:
    with pytest.raises(BadInput):
        place.desk.do(duplicates.decide, OPERATOR, 1, "perhaps", now=NOW)
    with pytest.raises(DuplicateNotFound):
        place.desk.do(duplicates.decide, OPERATOR, 1_000_000, "merge", now=NOW)


# --- who may -------------------------------------------------------------------------------------


def test_a_coordinator_decides_only_about_people_of_own_units(place: Place) -> None:
    one, other = known(place), known(place, unit=place.other)
    here, both = (
        place.staff(Role.COORDINATOR, place.code),
        place.staff(Role.COORDINATOR, place.code, place.other),
    )
    assert found(place, here) == []
    (proposal,) = found(place, both)
    with pytest.raises(DuplicateNotFound):
        place.desk.do(duplicates.decide, here, proposal.id, "merge", now=NOW)
    with pytest.raises(CaseNotFound):
        place.desk.do(duplicates.propose, here, one.ref, other.ref, now=NOW)

    decided = place.desk.do(duplicates.decide, both, proposal.id, "merge", now=NOW)

    assert decided.by == both.account
    with pytest.raises(DuplicateNotFound):
        place.desk.do(duplicates.undo, here, proposal.id, now=NOW)
    for ref in (one.ref, other.ref):
        before = {one.ref: place.code, other.ref: place.other}[ref]
        assert place.desk.case(ref).unit == before
    with pytest.raises(CaseNotFound):
        place.desk.look(queries.case_by_ref, here, other.ref)


def test_other_roles_neither_find_nor_decide(place: Place) -> None:
    known(place), known(place)
    (proposal,) = found(place)
    for role in (Role.HEALTH, Role.HEALTH_LEAD, Role.OFFICER, Role.UNIT_LEAD):
        with pytest.raises(NotAllowed):
            found(place, place.staff(role))
        with pytest.raises(NotAllowed):
            place.desk.do(duplicates.decide, place.staff(role), proposal.id, "merge", now=NOW)
    for viewer in (ADMIN, DIRECTORATE):
        with pytest.raises(NotAllowed):
            found(place, viewer)


def test_somebody_hidden_is_not_shown_to_a_coordinator(place: Place) -> None:
    one = known(place)
    known(place)
    coordinator = place.staff(Role.COORDINATOR)
    assert len(found(place, coordinator)) == 1
    with place.desk.db.write() as tx:
        tx.execute(
            update(person)
            .where(person.c.ref == one.person)
            .values(protection=Protection.STRICTLY_CONFIDENTIAL.value)
        )
    assert found(place, coordinator) == []


def test_what_was_looked_at_and_decided_is_in_the_access_log(own_desk: Desk) -> None:
    place = Place(own_desk, "a", "b")
    known(place)
    known(place)
    (proposal,) = found(place)
    merged(place, proposal)
    own_desk.do(duplicates.undo, OPERATOR, proposal.id, now=NOW)
    with own_desk.db.read() as tx:
        verbs = tx.execute(
            select(access_log.c.verb)
            .where(access_log.c.verb.like("duplicate%"))
            .order_by(access_log.c.id)
        ).scalars()
        assert list(verbs) == ["duplicates_found", "duplicate_merged", "duplicate_undone"]
    assert findings(own_desk) == []


# --- counts --------------------------------------------------------------------------------------


def test_participants_are_counted_once_after_a_merger_and_twice_after_its_undoing(
    own_desk: Desk,
) -> None:
    place = Place(own_desk, "a", "b")
    known(place)
    other = known(place)
    move(place, other, "b", now=NOW)
    own_desk.do(naloxone.record, OPERATOR, "handed_over", ref=other.ref, now=NOW)
    (proposal,) = found(place)

    def participants(at: Any) -> int | None:
        question = Question(Period.parse("2026-T3"), at)
        with own_desk.db.read() as tx:
            report = count_now(tx, question).report(question)
            assert not list(compare(report, recount(tx, question.period, at)))
        return report.nation["I1"].numerator

    assert participants(NOW) == 2
    own_desk.do(duplicates.decide, OPERATOR, proposal.id, "merge", now=NOW + HOUR)
    assert participants(NOW + HOUR) == 1
    own_desk.do(duplicates.undo, OPERATOR, proposal.id, now=NOW + 2 * HOUR)
    assert participants(NOW + 2 * HOUR) == 2
    with own_desk.db.read() as tx:
        as_of = recount(tx, Period.parse("2026-T3"), NOW + HOUR)
    assert as_of.nation["I1"].numerator == 1, "as of then they were one"
