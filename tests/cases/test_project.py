"""The life of units in the project, for I18. DOMAIN sections 4 and 8."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.exc import DBAPIError

from cases import accounts, distributors, organisation, project, units
from cases.model import Role
from cases.project import FOLLOWS, ProjectState, Stage
from cases.tables import unit_project
from core.errors import BadInput, NotAllowed, Refused
from tests.cases.desk import ADMIN, DIRECTORATE, Desk
from tests.cases.places import Place, add_unit, new_place
from tests.cases.strategies import oslo

NOW = oslo("2026-11-01 10:00")
ON = date(2026, 11, 1)


@pytest.fixture
def place(desk: Desk) -> Place:
    return new_place(desk)


def outside(place: Place) -> str:
    """A unit that is interested and no more."""
    code = f"i-{place.code}"
    add_unit(place.desk, code, cohort_year="")
    return code


def state(place: Place, unit: str, on: date = ON) -> ProjectState:
    return place.desk.look(project.project_state, on)[unit]


def record(place: Place, unit: str, stage: str, on: date, year: int | None = None) -> ProjectState:
    return place.desk.do(project.record_stage, ADMIN, unit, stage, on=on, now=NOW, cohort_year=year)


def test_a_cohort_year_in_the_list_makes_a_unit_active_and_none_leaves_it_interested(
    place: Place,
) -> None:
    active, interested = state(place, place.code), state(place, outside(place))
    assert (active.stage, active.cohort_year, active.in_project) == (Stage.ACTIVE, 2016, True)
    assert (interested.stage, interested.in_project) == (Stage.INTERESTED, False)


def test_a_unit_signs_becomes_active_pauses_and_withdraws_each_on_its_day(place: Place) -> None:
    code = outside(place)
    record(place, code, "contract_signed", date(2026, 3, 1))
    record(place, code, "active", date(2026, 4, 1), 2027)
    record(place, code, "paused", date(2026, 5, 1))
    record(place, code, "active", date(2026, 6, 1))
    record(place, code, "withdrawn", date(2026, 7, 1))

    days = [date(2026, month, day) for month in range(2, 8) for day in (1, 28)]
    assert [(state(place, code, day).stage or Stage.INTERESTED).value for day in days] == [
        "interested", "interested",
        "contract_signed", "contract_signed",
        "active", "active",
        "paused", "paused",
        "active", "active",
        "withdrawn", "withdrawn",
    ]  # fmt: skip
    assert [state(place, code, day).in_project for day in days[::2]] == [
        False, True, True, True, True, False,
    ]  # fmt: skip
    assert state(place, code, date(2026, 6, 1)).cohort_year == 2027, "the cohort it had before"
    assert state(place, code, date(2026, 6, 15)).since == date(2026, 6, 1)


@pytest.mark.parametrize("stage", list(Stage))
def test_only_what_follows_a_stage_may_follow_it(place: Place, stage: Stage) -> None:
    for after in set(Stage) - FOLLOWS[stage]:
        code = f"{stage[:3]}-{after[:3]}-{place.code}"
        add_unit(place.desk, code, cohort_year="")
        path = {
            Stage.INTERESTED: [],
            Stage.CONTRACT_SIGNED: [Stage.CONTRACT_SIGNED],
            Stage.ACTIVE: [Stage.CONTRACT_SIGNED, Stage.ACTIVE],
            Stage.PAUSED: [Stage.CONTRACT_SIGNED, Stage.ACTIVE, Stage.PAUSED],
            Stage.WITHDRAWN: [Stage.WITHDRAWN],
        }[stage]
        for month, each in enumerate(path, start=2):
            record(place, code, each, date(2026, month, 1))
        with pytest.raises(Refused, match="what follows is"):
            record(place, code, after, ON)


@pytest.mark.parametrize(
    ("written", "on", "introduced"),
    [
        ("2018-05-01", date(2018, 4, 30), False),
        ("2018-05-01", date(2018, 5, 1), True),
        ("2018", date(2017, 12, 31), False),
        ("2018", date(2018, 1, 1), True),
        ("yes", date(2016, 1, 1), True),
        ("", date(2026, 1, 1), False),
    ],
)
def test_naloxone_is_introduced_on_a_day_in_a_year_or_nobody_knows_when(
    place: Place, written: str, on: date, introduced: bool
) -> None:
    code = f"n-{place.code}"
    add_unit(place.desk, code, naloxone_introduced=written)
    assert state(place, code, on).naloxone is introduced


def test_naloxone_is_recorded_with_its_day_or_without(place: Place) -> None:
    place.desk.do(project.introduce_naloxone, ADMIN, place.code, on=date(2026, 5, 1), now=NOW)
    place.desk.do(project.introduce_naloxone, ADMIN, place.other, on=None, now=NOW)
    assert state(place, place.code, date(2026, 4, 30)).naloxone is False
    assert state(place, place.code).naloxone_on == date(2026, 5, 1)
    assert state(place, place.other, date(2020, 1, 1)).naloxone is True
    assert state(place, place.other).naloxone_on is None


def test_networks_and_visits_are_counted_to_the_day_and_recorded_once(place: Place) -> None:
    do, code = place.desk.do, place.code
    for month in (3, 9):
        do(project.attend_network, ADMIN, code, on=date(2026, month, 1), now=NOW)
    do(project.record_visit, ADMIN, code, on=date(2026, 4, 1), now=NOW)
    with pytest.raises(Refused, match="recorded already"):
        do(project.record_visit, ADMIN, code, on=date(2026, 4, 1), now=NOW)
    june = state(place, code, date(2026, 6, 1))
    assert (june.networks, june.visits) == (1, 1)
    assert state(place, code).networks == 2


def test_distributors_are_those_certified_on_the_day(place: Place) -> None:
    for name in ("one", "two"):
        username = f"{name}.{place.code}"
        place.desk.do(accounts.add, username, "", "health", [place.code], password=None, now=NOW)
        place.desk.do(
            distributors.certify, ADMIN, username, place.code, on=date(2026, 5, 1), now=NOW
        )
    place.desk.do(distributors.uncertify, ADMIN, f"one.{place.code}", place.code, on=ON, now=NOW)
    days = (date(2026, 4, 30), date(2026, 5, 1), date(2026, 10, 31), ON)
    assert [state(place, place.code, day).distributors for day in days] == [0, 2, 2, 1]


def test_what_was_recorded_later_is_left_out_as_of_then(place: Place) -> None:
    record(place, place.code, "paused", date(2026, 5, 1))
    then = place.desk.look(project.project_state, ON, as_of=oslo("2026-10-31 10:00"))[place.code]
    assert (then.stage, state(place, place.code).stage) == (Stage.ACTIVE, Stage.PAUSED)


def test_a_new_unit_takes_up_the_project_life_of_those_it_is_made_of(place: Place) -> None:
    new = outside(place)
    add_unit(place.desk, place.other, cohort_year="2014", naloxone_introduced="2018-05-01")
    place.desk.do(
        units.merge, ADMIN, [place.code, place.other], new, on=date(2026, 10, 15), now=NOW
    )
    on_the_eve, after = state(place, new, date(2026, 10, 14)), state(place, new)
    assert on_the_eve.in_project is False
    assert (after.stage, after.cohort_year) == (Stage.ACTIVE, 2014)
    assert (after.naloxone, after.naloxone_on) == (True, date(2018, 5, 1))
    there = place.desk.look(project.project_state, ON)
    assert not {place.code, place.other} & there.keys(), "they stand no more"


def test_a_unit_in_the_project_keeps_its_own_cohort_through_a_merger(place: Place) -> None:
    add_unit(place.desk, place.other, cohort_year="2019")
    place.desk.do(units.merge, ADMIN, [place.code], place.other, on=date(2026, 10, 15), now=NOW)
    assert state(place, place.other).cohort_year == 2019


def test_the_project_is_kept_by_admins_and_its_record_only_grows(place: Place) -> None:
    for viewer in (DIRECTORATE, place.staff(Role.UNIT_LEAD), place.staff(Role.COORDINATOR)):
        with pytest.raises(NotAllowed):
            place.desk.do(project.record_visit, viewer, place.code, on=ON, now=NOW)
    with pytest.raises(DBAPIError), place.desk.db.write() as tx:
        tx.execute(unit_project.update().values(value=None))


def test_nonsense_about_the_project_is_refused_with_the_reason(place: Place) -> None:
    with pytest.raises(BadInput, match="stage must be"):
        record(place, place.code, "finished", ON)
    with pytest.raises(BadInput, match="cohort"):
        record(place, place.code, "paused", ON, 2016)
    record(place, outside(place), "contract_signed", ON)
    with pytest.raises(BadInput, match="no cohort year"):
        record(place, f"i-{place.code}", "active", ON, 20016)
    with pytest.raises(BadInput, match="no unit"):
        place.desk.do(project.record_visit, ADMIN, "nowhere", on=ON, now=NOW)
    place.desk.do(units.close_unit, ADMIN, place.code, on=ON, now=NOW)
    with pytest.raises(organisation.UnitClosed):
        place.desk.do(project.record_visit, ADMIN, place.code, on=ON, now=NOW)
