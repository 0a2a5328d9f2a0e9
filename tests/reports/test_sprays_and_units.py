"""I9 and I18 against figures reckoned by hand: the naloxone ledger, units in the project."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import Connection, insert

from cases import distributors, naloxone, organisation, project, release, service, units
from cases.access import OPERATOR, Viewer
from cases.model import Case, Role
from cases.tables import account
from core.crypto import new_ref
from reports.counting import Counting, regions_of
from reports.figures import as_json, of_unit
from reports.recount import recount
from reports.sprays import sprays_given
from reports.tables import experience_report, report
from reports.tally import Tally
from reports.tertial import Period, Question
from tests.people import at, complete, make_case, make_person
from tests.reports.counts import counted, number, same, share, where
from tests.steps import steps_of

NOW = "2026-11-01 08:00"
T3 = Period.parse("2026-T3")
ADMIN = Viewer("admin", Role.ADMIN, frozenset(), frozenset())


def give(
    tx: Connection,
    kind: str,
    when: str,
    *,
    case: Case | None = None,
    unit: str | None = None,
    quantity: int = 1,
    recorded: str | None = None,
) -> int:
    """A row of the ledger, by its number."""
    recorded_row = naloxone.record(
        tx,
        OPERATOR,
        kind,
        ref=case.ref if case else None,
        unit=unit,
        quantity=quantity,
        happened_at=at(when),
        now=at(recorded or when),
    )
    return recorded_row.row.id


def sprays(tx: Connection, period: str = "2026-T3", now: str = NOW) -> list[int | None]:
    """All sprays, first ones, refills."""
    found = counted(tx, period, now)
    return [number(found, code) for code in ("I9", "I9.first", "I9.refill")]


# --- I9 ------------------------------------------------------------------------------------------


def test_each_spray_is_compared_with_those_of_its_person_not_with_all_there_are(
    tx: Connection,
) -> None:
    """What SQLite does for the count grows as the ledger does, not as its square."""
    taken = []
    for _ in range(2):
        for _ in range(60):
            give(tx, "handed_over", "2026-09-10 10:00", case=make_case(tx))
        taken.append(steps_of_count(tx))

    assert taken[1] < 2.5 * taken[0]


def steps_of_count(tx: Connection) -> int:
    """How many tens of steps SQLite takes to count the sprays."""
    asked = Question(T3, at(NOW))
    regions = regions_of(tx)
    counting = Counting(tx, asked, regions, Tally(regions.units))
    return steps_of(tx, lambda: sprays_given(counting))


def test_the_first_spray_is_a_first_and_every_further_one_a_refill(tx: Connection) -> None:
    case = make_case(tx)
    give(tx, "handed_over", "2026-09-10 10:00", case=case, quantity=2)
    give(tx, "handed_over", "2026-09-20 10:00", case=case)
    give(tx, "refill", "2026-09-21 10:00", case=case, quantity=3)
    give(tx, "refill", "2026-09-10 10:00", case=make_case(tx))

    assert sprays(tx) == [7, 2, 5]


def test_only_what_a_person_gets_is_given(tx: Connection) -> None:
    case = make_case(tx)
    give(tx, "received", "2026-09-10 10:00", unit="A", quantity=50)
    for kind in ("to_property", "returned", "lost", "expired"):
        give(tx, kind, "2026-09-11 10:00", case=case)

    assert sprays(tx) == [0, 0, 0]


def test_a_second_imprisonment_of_the_same_person_has_no_first_spray(tx: Connection) -> None:
    person = make_person(tx)
    early = make_case(tx, person=person, admitted="2026-05-01 09:00")
    give(tx, "handed_over", "2026-05-10 10:00", case=early)
    release.release(tx, OPERATOR, early.ref, now=at("2026-05-11 10:00"))
    late = make_case(tx, unit="B", person=person, admitted="2026-09-01 09:00")
    give(tx, "handed_over", "2026-09-10 10:00", case=late)

    assert sprays(tx, "2026-T2") == [1, 1, 0]
    assert sprays(tx) == [1, 0, 1]
    assert where(counted(tx, "2026-T3", NOW), "I9.refill") == {"Øst": 1, "B": 1}


def test_completing_the_handing_over_gives_a_spray_and_undoing_it_takes_it_back(
    tx: Connection,
) -> None:
    case = make_case(tx, answer="accepted")
    complete(tx, case, "handed_over", at("2026-09-10 10:00"), answer="spray_only")
    complete(tx, make_case(tx), "handed_over", at("2026-09-10 10:00"), answer="card_only")
    before = sprays(tx, now="2026-09-11 08:00")
    service.undo_task(tx, OPERATOR, case.ref, "handed_over", "not_done", now=at("2026-09-12 10:00"))

    assert before == [1, 1, 0]
    assert sprays(tx) == [0, 0, 0]
    # As of before it was taken back, it still stands.
    then = recount(tx, T3, at("2026-09-11 08:00"))
    assert then.nation["I9.first"].numerator == 1


def test_a_handing_over_without_a_person_is_a_first_of_the_unit(tx: Connection) -> None:
    give(tx, "handed_over", "2026-09-10 10:00", unit="C", quantity=4)

    assert where(counted(tx, "2026-T3", NOW), "I9.first") == {"Nord": 4, "C": 4}


def test_a_spray_belongs_to_the_period_and_unit_of_its_row(tx: Connection) -> None:
    case = make_case(tx, admitted="2026-12-01 09:00", unit="B")
    give(tx, "handed_over", "2026-12-31 23:30", case=case)
    give(tx, "refill", "2027-01-01 00:30", case=case)
    now = "2027-01-02 08:00"

    assert sprays(tx, now=now) == [1, 1, 0]
    assert sprays(tx, "2027-T1", now) == [1, 0, 1]
    assert where(counted(tx, "2027-T1", now), "I9") == {"Øst": 1, "B": 1}


def test_an_earlier_spray_that_is_typed_in_late_makes_a_refill_of_the_later(
    tx: Connection,
) -> None:
    person = make_person(tx)
    first = make_case(tx, person=person, admitted="2026-08-01 09:00")
    release.release(tx, OPERATOR, first.ref, now=at("2026-08-30 10:00"))
    again = make_case(tx, person=person, admitted="2026-09-05 09:00")
    give(tx, "handed_over", "2026-09-10 10:00", case=again)
    before = counted(tx, "2026-T3", "2026-09-11 08:00")
    give(tx, "handed_over", "2026-08-30 10:00", case=first, recorded="2026-09-12 10:00")

    assert number(before, "I9.first") == 1
    assert sprays(tx) == [1, 0, 1]
    same(before, recount(tx, T3, before.as_of))


def test_a_spray_to_somebody_registered_in_error_was_none(tx: Connection) -> None:
    wrong = make_case(tx)
    give(tx, "handed_over", "2026-09-10 10:00", case=wrong)
    release.close(tx, OPERATOR, wrong.ref, "registered_in_error", now=at("2026-09-12 10:00"))

    assert sprays(tx) == [0, 0, 0]


def test_a_merged_unit_keeps_the_sprays_it_gave(tx: Connection) -> None:
    case = make_case(tx)
    give(tx, "handed_over", "2026-10-10 10:00", case=case)
    units.merge(tx, ADMIN, ["A"], into="B", on=date(2026, 10, 15), now=at("2026-10-15 08:00"))
    give(tx, "refill", "2026-10-16 10:00", case=case)

    found = counted(tx, "2026-T3", NOW)

    assert where(found, "I9") == {"Vest": 1, "Øst": 1, "A": 1, "B": 1}
    assert [share(found, "I18", unit) for unit in "ABC"] == [(0, 0), (1, 1), (1, 1)]


# --- I18 -----------------------------------------------------------------------------------------


def imported(tx: Connection, code: str, *, cohort: str = "", naloxone_on: str = "") -> None:
    """One more unit of the list, in Vest."""
    row = {
        "code": code,
        "name": f"{code} fengsel",
        "kind": "prison",
        "region": "Vest",
        "host_municipality": f"{code}-by",
        "cohort_year": cohort,
        "naloxone_introduced": naloxone_on,
    }
    organisation.import_units(tx, [row], now=at("2026-01-01 00:00"))


def test_units_in_the_project_are_those_that_signed_and_did_not_withdraw(tx: Connection) -> None:
    imported(tx, "D")
    imported(tx, "E")
    for unit, stage, on in (
        ("D", "contract_signed", date(2026, 9, 10)),
        ("B", "paused", date(2026, 9, 10)),
        ("C", "withdrawn", date(2026, 9, 10)),
    ):
        project.record_stage(tx, ADMIN, unit, stage, on=on, now=at("2026-09-10 10:00"))

    found = counted(tx, "2026-T3", NOW)

    # A is active, B paused, D has signed; C has left and E is only interested.
    assert share(found, "I18") == share(found, "I18.active") == (1, 3)
    assert [share(found, "I18", unit) for unit in "ABCDE"] == [
        (1, 1),
        (0, 1),
        (0, 0),
        (0, 1),
        (0, 0),
    ]
    assert (found.regions["Vest"]["I18"].numerator, found.regions["Vest"]["I18"].denominator) == (
        1,
        2,
    )
    assert found.nation["I18"].value == 0.3333


def test_the_last_day_of_the_period_decides_about_a_unit(tx: Connection) -> None:
    for on in (date(2026, 12, 31), date(2027, 1, 1)):
        unit = "A" if on.year == 2026 else "B"
        now = at(f"{on} 10:00")
        project.record_stage(tx, ADMIN, unit, "withdrawn", on=on, now=now)

    found = counted(tx, "2026-T3", "2027-02-01 08:00")

    assert [share(found, "I18", unit)[1] for unit in "ABC"] == [0, 1, 1]
    assert share(found, "I18") == (2, 2)


def test_what_was_recorded_later_about_a_unit_is_left_out_as_of_then(tx: Connection) -> None:
    before = counted(tx, "2026-T3", "2026-10-01 08:00")
    project.record_stage(tx, ADMIN, "A", "paused", on=date(2026, 9, 10), now=at("2026-10-02 10:00"))

    assert share(before, "I18") == (3, 3)
    same(before, recount(tx, T3, before.as_of))
    assert share(counted(tx, "2026-T3", NOW), "I18") == (2, 3)


@pytest.mark.parametrize(
    ("introduced", "counts"),
    [("2026-10-01", 1), ("2026-11-02", 0), ("2025", 1), ("2027", 0), ("yes", 1), ("", 0)],
)
def test_naloxone_is_introduced_on_a_day_in_a_year_or_on_an_unknown_day(
    tx: Connection, introduced: str, counts: int
) -> None:
    imported(tx, "D", cohort="2016", naloxone_on=introduced)

    assert share(counted(tx, "2026-T3", NOW), "I18.naloxone") == (counts, 4)


def test_a_unit_has_a_distributor_while_one_is_certified(tx: Connection) -> None:
    for name in ("eva", "ola"):
        values = {"ref": new_ref(), "username": name, "display_name": name, "created_at": at(NOW)}
        tx.execute(insert(account), values)
    for name, unit, until in (("eva", "A", None), ("ola", "A", None), ("ola", "B", 15)):
        distributors.certify(
            tx,
            ADMIN,
            name,
            unit,
            on=date(2026, 9, 1),
            until=date(2026, 10, until) if until else None,
            now=at("2026-09-01 10:00"),
        )

    assert share(counted(tx, "2026-T3", "2026-10-14 08:00"), "I18.distributor") == (2, 3)
    found = counted(tx, "2026-T3", "2026-10-15 08:00")
    assert share(found, "I18.distributor") == (1, 3)
    assert where(found, "I18.distributor") == {"Vest": 1, "A": 1}


def test_a_certificate_counts_in_a_report_as_of_a_day_only_if_it_was_recorded_by_then(
    tx: Connection,
) -> None:
    values = {"ref": new_ref(), "username": "eva", "display_name": "eva", "created_at": at(NOW)}
    tx.execute(insert(account), values)
    late = at("2026-10-20 10:00")
    distributors.certify(tx, ADMIN, "eva", "A", on=date(2026, 9, 1), now=late)
    distributors.uncertify(tx, ADMIN, "eva", "A", on=date(2026, 9, 10), now=at("2026-11-02 10:00"))

    for as_of, counts in (
        ("2026-10-19 08:00", 0),
        ("2026-10-21 08:00", 1),
        ("2026-11-01 08:00", 1),
        ("2026-11-03 08:00", 0),
    ):
        assert share(counted(tx, "2026-T3", as_of), "I18.distributor") == (counts, 3), as_of


def test_reports_in_time_and_experience_reports_are_counted_from_what_was_submitted(
    tx: Connection,
) -> None:
    due = "2027-01-19"
    for unit, state, submitted in (
        ("A", "accepted", f"{due} 23:59"),
        ("B", "submitted", "2027-01-20 00:00"),
        ("C", "open", "2027-01-10 10:00"),
        ("nation", "open", "2027-01-10 10:00"),
    ):
        tx.execute(
            insert(report),
            {
                "period": "2026-T3",
                "scope": unit,
                "revision": 1,
                "state": state,
                "as_of": at(submitted),
                "definitions": "1",
                "software": "0",
                "changed_at": at("2027-01-25 10:00"),
                "changed_by": "lead",
            },
        )
    for unit, period, recorded in (
        ("B", "2026-T3", "2027-01-20 10:00"),
        ("C", "2026-T2", "2026-09-10 10:00"),
    ):
        tx.execute(
            insert(experience_report),
            {
                "period": period,
                "unit": unit,
                "revision": 1,
                "body": "{}",
                "recorded_at": at(recorded),
                "by": "lead",
            },
        )

    found = counted(tx, "2026-T3", "2027-02-01 08:00")

    assert where(found, "I18.in_time") == {"Vest": 1, "A": 1}
    assert where(found, "I18.experience") == {"Øst": 1, "B": 1}
    assert share(found, "I18.in_time") == share(found, "I18.experience") == (1, 3)
    before = counted(tx, "2026-T3", "2027-01-19 23:58")
    assert share(before, "I18.in_time") == share(before, "I18.experience") == (0, 3)


def test_nobody_has_submitted_anything_yet(tx: Connection) -> None:
    found = counted(tx, "2026-T3", NOW)

    assert share(found, "I18.in_time") == share(found, "I18.experience") == (0, 3)


def test_the_parts_stand_in_the_json_as_the_interfaces_name_them(tx: Connection) -> None:
    found = as_json(of_unit(counted(tx, "2026-T3", NOW), "A"))["units"]["A"]

    assert [
        code for code in found if code.startswith(("I9", "I11", "I12", "I14", "I15", "I18"))
    ] == [
        "I9",
        "I9.first",
        "I9.refill",
        "I11",
        "I11b",
        "I12",
        "I14",
        "I14.unknown",
        "I15",
        "I18",
        "I18.active",
        "I18.naloxone",
        "I18.distributor",
        "I18.in_time",
        "I18.experience",
    ]
    assert found["I9"] == {
        "value": 0,
        "numerator": 0,
        "denominator": None,
        "pending": None,
        "suppressed": False,
    }
    assert found["I12"]["pending"] == 0
