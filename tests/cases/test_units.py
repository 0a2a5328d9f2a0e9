"""Units over time: renamed, moved, merged, closed. DOMAIN sections 4 and 8."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from cases import (
    accounts,
    controllers,
    health,
    merging,
    naloxone,
    organisation,
    release,
    roster,
    roster_rows,
    service,
    sweep,
    tokens,
    transfers,
    unit_moves,
    units,
)
from cases.access import OPERATOR, Viewer
from cases.merging import Merger
from cases.model import Case, Phase, Role, Stay, TransferState
from cases.organisation import UnitClosed
from cases.service import TaskDone
from cases.tables import case_event, membership, token_unit
from cases.vault import Identity
from core.clock import local
from core.errors import BadInput, NotAllowed, Refused
from reports.figures import compare
from reports.indicators import count_now
from reports.recount import recount
from reports.tertial import Period, Question
from tests.cases.desk import (
    ADMIN,
    COORDINATOR,
    HEALTH_LEAD,
    NURSE,
    UNIT_LEAD,
    Desk,
    check_case,
    findings,
)
from tests.cases.places import Place, add_unit, complete, let_go, make_case, move, new_place
from tests.cases.roster_files import ReadHere, file_of, row, somebody
from tests.cases.strategies import oslo
from tests.steps import steps_of

MERGED_ON = date(2026, 10, 15)
MIDNIGHT = oslo("2026-10-15 00:00")
EVE = oslo("2026-10-14 12:00")
DAY = oslo("2026-10-15 09:00")
LATER = oslo("2026-11-20 10:00")


@pytest.fixture
def place(desk: Desk) -> Place:
    return new_place(desk)


def merge(place: Place, *, now: datetime = DAY, on: date = MERGED_ON) -> units.Merged:
    """The unit `code` becomes part of `other`."""
    return place.desk.do(units.merge, ADMIN, [place.code], place.other, on=on, now=now)


def found_by(place: Place, name: str, on: date) -> str | None:
    """The unit that a roster's cell leads to on a day."""
    names = place.desk.look(organisation.names_of_units, on)
    return roster_rows.unit_index(names).get(roster_rows.unit_key(name))


def stays(case: Case) -> list[tuple[str, datetime, datetime | None]]:
    return [(stay.unit, stay.from_at, stay.to_at) for stay in case.stays]


# --- versions ------------------------------------------------------------------------------------


def test_a_unit_is_called_what_it_is_called_on_that_day(place: Place) -> None:
    on = date(2026, 10, 1)
    place.desk.do(units.rename, ADMIN, place.code, "Fjord fengsel", on=on, now=EVE)

    def name_on(day: date) -> str:
        version = place.desk.look(organisation.version_on, place.code, day)
        assert version is not None
        return version.name

    assert name_on(date(2026, 9, 30)) == f"{place.code.upper()} fengsel"
    assert name_on(on) == "Fjord fengsel"
    assert found_by(place, "fjord fengsel", on) == place.code
    assert found_by(place, f"{place.code} fengsel", on) == place.code, "the former name finds it"
    assert found_by(place, "Fjord fengsel", date(2026, 9, 30)) is None


def test_a_second_change_on_the_same_day_corrects_the_first(place: Place) -> None:
    on = date(2026, 10, 1)
    for region in ("Vest", "Nord"):
        place.desk.do(units.move_region, ADMIN, place.code, region, on=on, now=EVE)
    versions = place.desk.look(organisation.versions, place.code)
    assert [(v.valid_from, v.valid_to, v.region) for v in versions] == [
        (None, on, "Øst"),
        (on, None, "Nord"),
    ]


def test_a_change_of_an_earlier_day_goes_on_as_far_as_nothing_else_was_said(place: Place) -> None:
    do, code = place.desk.do, place.code
    do(units.rename, ADMIN, code, "Ny", on=date(2026, 11, 1), now=EVE)
    do(units.move_region, ADMIN, code, "Vest", on=date(2026, 12, 1), now=EVE)

    do(units.move_region, ADMIN, code, "Nord", on=date(2026, 10, 1), now=EVE)

    versions = place.desk.look(organisation.versions, code)
    assert [(v.valid_from, v.name != "Ny", v.region) for v in versions] == [
        (None, True, "Øst"),
        (date(2026, 10, 1), True, "Nord"),
        (date(2026, 11, 1), False, "Nord"),
        (date(2026, 12, 1), False, "Vest"),
    ]


def test_what_is_so_already_is_refused(place: Place) -> None:
    with pytest.raises(Refused, match="so already"):
        place.desk.do(units.move_region, ADMIN, place.code, "Øst", on=date(2026, 10, 1), now=EVE)
    with pytest.raises(BadInput):
        place.desk.do(units.move_region, ADMIN, place.code, "Mars", on=date(2026, 10, 1), now=EVE)
    with pytest.raises(BadInput):
        place.desk.do(units.rename, ADMIN, place.code, " ", on=date(2026, 10, 1), now=EVE)


def test_a_unit_is_no_part_of_its_own_part(place: Place) -> None:
    on = date(2026, 10, 1)
    place.desk.do(units.move_parent, ADMIN, place.code, place.other, on=on, now=EVE)
    with pytest.raises(Refused):
        place.desk.do(units.move_parent, ADMIN, place.other, place.code, on=on, now=EVE)
    with pytest.raises(Refused):
        place.desk.do(units.move_parent, ADMIN, place.code, place.code, on=on, now=EVE)


def test_only_an_admin_changes_units(place: Place) -> None:
    on = date(2026, 10, 1)
    for viewer in (NURSE, COORDINATOR, UNIT_LEAD, HEALTH_LEAD):
        with pytest.raises(NotAllowed):
            place.desk.do(units.rename, viewer, place.code, "Ny", on=on, now=EVE)
        with pytest.raises(NotAllowed):
            place.desk.do(units.merge, viewer, [place.code], place.other, on=on, now=EVE)
        with pytest.raises(NotAllowed):
            place.desk.do(units.close_unit, viewer, place.code, on=on, now=EVE)


def test_an_import_corrects_the_version_of_today_and_leaves_history_alone(place: Place) -> None:
    place.desk.do(units.move_region, ADMIN, place.code, "Vest", on=date(2026, 1, 1), now=EVE)
    add_unit(place.desk, place.code, name="Rettet fengsel", region="Nord")
    versions = place.desk.look(organisation.versions, place.code)
    assert [(v.valid_from, v.name, v.region) for v in versions] == [
        (None, f"{place.code.upper()} fengsel", "Øst"),
        (date(2026, 1, 1), "Rettet fengsel", "Nord"),
    ]


def test_a_list_that_still_holds_a_merged_unit_is_taken_unless_it_changes_it(
    place: Place,
) -> None:
    merge(place, now=EVE, on=date(2025, 12, 1))
    add_unit(place.desk, place.code)
    with pytest.raises(BadInput, match="line 2, code"):
        add_unit(place.desk, place.code, region="Nord")


# --- controllers ---------------------------------------------------------------------------------


def test_under_another_municipality_the_health_answers_stay_behind(place: Place) -> None:
    case = make_case(place)
    place.desk.do(
        service.complete_task,
        OPERATOR,
        case.ref,
        TaskDone("intake_talk", answer="at_risk"),
        now=EVE,
    )
    before = place.desk.look(controllers.health_controllers, [place.code], EVE.date())

    place.desk.do(units.move_municipality, ADMIN, place.code, "Ny-by", on=MERGED_ON, now=EVE)

    after = place.desk.look(controllers.health_controllers, [place.code], MERGED_ON)
    assert before == place.desk.look(controllers.health_controllers, [place.code], EVE.date())
    assert len(after) == 1
    assert after != before
    case = place.desk.case(case.ref)
    former = Viewer("n", Role.HEALTH, frozenset({place.code}), before)
    present = Viewer("n", Role.HEALTH, frozenset({place.code}), after)
    assert place.desk.look(health.answers_for, former, case) == {"intake_talk": "at_risk"}
    assert place.desk.look(health.answers_for, present, case) == {}


def test_a_list_that_corrects_the_municipality_leaves_no_answer_with_nobody(place: Place) -> None:
    do, look, code = place.desk.do, place.desk.look, place.code
    talk = TaskDone("intake_talk", answer="at_risk")
    add_unit(place.desk, code, host_municipality="Feilby")  # nothing is held yet: a slip, mended
    held_by = look(controllers.health_controllers, [code], EVE.date())
    case = make_case(place)
    do(service.complete_task, OPERATOR, case.ref, talk, now=EVE)

    with pytest.raises(BadInput, match=r"line 2, host_municipality: .* already holds"):
        add_unit(place.desk, code, host_municipality="Rettby")
    do(units.move_municipality, ADMIN, code, "Ny-by", on=MERGED_ON, now=EVE)
    do(units.move_municipality, ADMIN, code, "Annen-by", on=MERGED_ON, now=EVE)

    assert look(controllers.health_controllers, [code], EVE.date()) == held_by
    nurse = Viewer("n", Role.HEALTH, frozenset({code}), held_by)
    assert look(health.answers_for, nurse, place.desk.case(case.ref)) == {"intake_talk": "at_risk"}


def test_a_day_of_moving_is_not_given_to_a_third_once_answers_came(place: Place) -> None:
    do, code = place.desk.do, place.code
    case = make_case(place)
    do(units.move_municipality, ADMIN, code, "Ny-by", on=EVE.date(), now=EVE)
    talk = TaskDone("intake_talk", answer="at_risk")
    do(service.complete_task, OPERATOR, case.ref, talk, now=EVE)

    with pytest.raises(Refused, match="already holds"):
        do(units.move_municipality, ADMIN, code, "Annen-by", on=EVE.date(), now=EVE)


def test_a_name_corrected_by_a_list_keeps_the_health_service(desk: Desk) -> None:
    place = new_place(desk)
    add_unit(desk, place.code, host_municipality="")
    before = desk.look(controllers.health_controllers, [place.code], EVE.date())

    add_unit(desk, place.code, host_municipality="", name="Rett navn")

    assert desk.look(controllers.health_controllers, [place.code], EVE.date()) == before


# --- mergers -------------------------------------------------------------------------------------


def test_the_open_cases_of_a_merged_unit_belong_to_the_new_one_from_midnight(
    place: Place,
) -> None:
    case = make_case(place, answer="accepted")
    assert merge(place).moved == 1

    after = place.desk.case(case.ref)

    assert stays(after) == [
        (place.code, case.admitted_at, MIDNIGHT),
        (place.other, MIDNIGHT, None),
    ]
    assert (after.unit, after.admitted_unit) == (place.other, place.code)
    assert after.transfers == ()
    assert {t.code: t.due_at for t in after.tasks} == {t.code: t.due_at for t in case.tasks}
    check_case(place.desk, case.ref, now=DAY)
    with place.desk.db.read() as tx:
        last = tx.execute(
            select(case_event.c.verb, case_event.c.unit, case_event.c.happened_at)
            .where(case_event.c.case_ref == case.ref)
            .order_by(case_event.c.seq.desc())
            .limit(1)
        ).one()
    assert tuple(last) == ("unit_merged", place.code, MIDNIGHT)


def test_closed_cases_stay_where_they_were_closed(place: Place) -> None:
    case = make_case(place)
    let_go(place, case, now=EVE)
    assert merge(place).moved == 0
    assert place.desk.case(case.ref).unit == place.code


def test_a_case_in_follow_up_goes_along_and_its_release_stays_credited(place: Place) -> None:
    case = make_case(place, answer="accepted")
    let_go(place, case, now=EVE)
    merge(place)

    after = place.desk.case(case.ref)

    assert after.phase is Phase.FOLLOW_UP
    assert (after.unit, after.released_unit) == (place.other, place.code)
    check_case(place.desk, case.ref, now=DAY)


def test_an_announced_merger_is_carried_out_by_the_sweep_on_its_day(place: Place) -> None:
    case = make_case(place)
    assert merge(place, now=EVE).moved == 0
    sweep.sweep(place.desk.db, now=MIDNIGHT - timedelta(seconds=1))
    assert place.desk.case(case.ref).unit == place.code

    sweep.sweep(place.desk.db, now=MIDNIGHT)
    after = place.desk.case(case.ref)
    assert after.unit == place.other
    assert after.stays[-1].from_at == MIDNIGHT

    sweep.sweep(place.desk.db, now=MIDNIGHT)
    assert place.desk.case(case.ref) == after


def test_a_merger_typed_in_weeks_later_puts_right_what_was_recorded_meanwhile(
    place: Place,
) -> None:
    old = make_case(place, answer="accepted")
    new = make_case(
        place,
        admitted_at=oslo("2026-10-20 09:00"),
        now=oslo("2026-10-20 10:00"),
        answer="accepted",
    )
    complete(place, old, "brief_info", now=EVE)
    complete(place, old, "talk_held", now=oslo("2026-10-20 10:00"))
    let_go(place, old, now=oslo("2026-10-21 10:00"))

    merge(place, now=LATER)

    after = place.desk.case(old.ref)
    assert stays(after)[0][2] == MIDNIGHT
    assert after.released_unit == place.other
    done = {t.code: t.done_unit for t in after.tasks if t.done_unit is not None}
    assert (done["brief_info"], done["talk_held"]) == (place.code, place.other)
    admitted = place.desk.case(new.ref)
    assert stays(admitted) == [(place.other, new.admitted_at, None)]
    assert admitted.admitted_unit == place.other
    for ref in (old.ref, new.ref):
        check_case(place.desk, ref, now=LATER)


def test_a_release_typed_in_after_the_merger_belongs_to_the_unit_of_its_day(place: Place) -> None:
    case = make_case(place, answer="accepted")
    merge(place)
    after = let_go(place, case, now=DAY, at=EVE)
    assert (after.unit, after.released_unit) == (place.other, place.code)


def test_units_merged_one_after_the_other_are_followed_to_the_end(place: Place) -> None:
    third = f"r-{place.code}"
    add_unit(place.desk, third)
    case = make_case(place)
    merge(place, now=EVE)
    place.desk.do(units.merge, ADMIN, [place.other], third, on=date(2026, 11, 1), now=EVE)

    place.desk.do(unit_moves.follow_mergers, now=LATER)

    assert [unit for unit, _, _ in stays(place.desk.case(case.ref))] == [
        place.code,
        place.other,
        third,
    ]
    assert place.desk.look(organisation.successor, place.code, LATER.date()) == third
    assert place.desk.look(organisation.successor, place.code, DAY.date()) == place.other
    assert place.desk.look(organisation.merged_into, third, LATER.date()) == {
        place.code,
        place.other,
        third,
    }


def test_whether_a_case_waits_for_a_merger_is_asked_of_open_cases_alone(place: Place) -> None:
    def closed(cases: int) -> int:
        for _ in range(cases):
            place.desk.do(release.release, OPERATOR, make_case(place).ref, now=EVE)
        with place.desk.db.read() as tx:
            return steps_of(tx, lambda: unit_moves.waits_for_merger(tx, now=LATER))

    merge(place, now=EVE)
    few, many = closed(0), closed(30)

    assert many < 1.5 * few


def test_a_dry_run_counts_like_the_import_though_the_sweep_has_not_moved_the_cases_yet(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "parse_in_child", ReadHere)
    number = somebody()
    case = make_case(place, identity=Identity(number, "Kari", "Berg"))
    make_case(place)
    merge(place, now=EVE)
    said = row(
        number,
        enhet=place.code,
        innsatt=f"{local(case.admitted_at):%d.%m.%Y %H:%M}",
        løslatt="14.10.2026",
    )
    path = file_of(tmp_path, said)

    tried, done = (
        roster.import_roster(place.desk.db, path, OPERATOR, now=DAY, demo=True, dry_run=dry)
        for dry in (True, False)
    )

    assert tried == done
    assert (done.released, done.transfers_proposed, len(done.missing_from_roster)) == (1, 0, 1)
    assert place.desk.case(case.ref).unit == place.other


def test_a_name_of_a_merged_unit_leads_to_the_new_one_from_the_day(place: Place) -> None:
    add_unit(place.desk, place.code, aliases=f"Gamle {place.code}")
    merge(place, now=EVE)
    for name in (place.code, f"{place.code.upper()} fengsel", f"Gamle {place.code}"):
        assert found_by(place, name, EVE.date()) == place.code
        assert found_by(place, name, MERGED_ON) == place.other


def test_staff_of_a_merged_unit_work_in_the_new_one_from_the_day(place: Place) -> None:
    username = f"nurse.{place.code}"
    place.desk.do(accounts.add, username, "", "health", [place.code], password=None, now=EVE)
    merge(place, now=EVE)

    assert place.desk.look(accounts.viewer_of, username, now=EVE).units == {place.code}
    viewer = place.desk.look(accounts.viewer_of, username, now=DAY)
    assert viewer.units == {place.code, place.other}, "closed cases stay behind and are still read"
    health_of_new = place.desk.look(controllers.health_controllers, [place.other], MERGED_ON)
    assert viewer.controllers == health_of_new


def test_nobody_gets_the_same_role_twice(place: Place) -> None:
    username = f"both.{place.code}"
    place.desk.do(
        accounts.add, username, "", "officer", [place.code, place.other], password=None, now=EVE
    )
    merge(place)
    with place.desk.db.read() as tx:
        rows = tx.execute(select(membership.c.unit).where(membership.c.unit == place.other)).all()
    assert len(rows) == 1


def test_tokens_of_a_merged_unit_reach_the_new_one_when_the_day_has_come(place: Place) -> None:
    for now, reach in ((EVE, False), (DAY, True)):
        fresh = new_place(place.desk)
        place.desk.do(tokens.add_token, "roster", "coordinator", [fresh.code], now=now)
        merge(fresh, now=now)
        with place.desk.db.read() as tx:
            codes = set(
                tx.execute(
                    select(token_unit.c.unit).where(
                        token_unit.c.unit.in_([fresh.code, fresh.other])
                    )
                ).scalars()
            )
        assert (fresh.other in codes) is reach


def test_departments_of_a_merged_unit_belong_to_the_new_one(place: Place) -> None:
    add_unit(place.desk, f"d-{place.code}", parent=place.code)
    merge(place)
    department = place.desk.look(organisation.version_on, f"d-{place.code}", MERGED_ON)
    assert department is not None
    assert department.parent == place.other
    before = place.desk.look(organisation.version_on, f"d-{place.code}", EVE.date())
    assert before is not None
    assert before.parent == place.code


def test_a_prison_may_be_merged_into_its_own_department(place: Place) -> None:
    add_unit(place.desk, place.other, parent=place.code)
    merge(place)
    after = place.desk.look(organisation.version_on, place.other, MERGED_ON)
    assert after is not None
    assert after.parent is None


def test_the_kits_of_a_merged_unit_count_along_in_the_new_one(place: Place) -> None:
    for unit, count in ((place.code, 3), (place.other, 4)):
        place.desk.do(naloxone.record, OPERATOR, "received", unit=unit, quantity=count, now=EVE)
    merge(place)

    stock = place.desk.do(naloxone.stock, OPERATOR, place.other, now=DAY)

    assert (stock.unit, stock.stock) == (place.other, 7)
    assert place.desk.do(naloxone.stock, OPERATOR, place.code, now=DAY) == stock


@pytest.mark.parametrize(
    ("codes", "into", "words"),
    [
        ([], "other", "Name the units"),
        (["code"], "code", "into itself"),
        (["nowhere"], "other", "no unit"),
        (["code"], "nowhere", "no unit"),
    ],
)
def test_a_merger_that_cannot_be_is_refused(
    place: Place, codes: list[str], into: str, words: str
) -> None:
    named = {"code": place.code, "other": place.other}
    with pytest.raises((Refused, BadInput), match=words):
        place.desk.do(
            units.merge,
            ADMIN,
            [named.get(code, code) for code in codes],
            named.get(into, into),
            on=MERGED_ON,
            now=DAY,
        )


def test_a_merged_unit_cannot_be_merged_changed_or_joined_again(place: Place) -> None:
    merge(place)
    with pytest.raises(UnitClosed):
        merge(place)
    with pytest.raises(UnitClosed):
        place.desk.do(units.merge, ADMIN, [place.other], place.code, on=MERGED_ON, now=DAY)
    with pytest.raises(UnitClosed):
        place.desk.do(units.rename, ADMIN, place.code, "Ny", on=LATER.date(), now=DAY)


def test_a_merger_is_not_hidden_behind_a_change_that_is_planned_already(place: Place) -> None:
    place.desk.do(units.rename, ADMIN, place.code, "Ny", on=LATER.date(), now=EVE)
    with pytest.raises(Refused, match="to change on"):
        merge(place)


# --- transfers and closing -----------------------------------------------------------------------


def test_a_transfer_to_a_closed_unit_is_refused(place: Place) -> None:
    case = make_case(place)
    place.desk.do(units.close_unit, ADMIN, place.other, on=MERGED_ON, now=EVE)
    with pytest.raises(UnitClosed, match="closed on 2026-10-15"):
        place.desk.do(transfers.propose_transfer, OPERATOR, case.ref, place.other, now=DAY)
    place.desk.do(transfers.propose_transfer, OPERATOR, case.ref, place.other, now=EVE)


def test_a_proposal_to_a_unit_that_closes_meanwhile_cannot_be_accepted(place: Place) -> None:
    case = make_case(place)
    place.desk.do(units.close_unit, ADMIN, place.other, on=MERGED_ON, now=EVE)
    proposed = place.desk.do(
        transfers.propose_transfer, OPERATOR, case.ref, place.other, now=EVE
    ).open_transfer
    assert proposed is not None
    with pytest.raises(UnitClosed):
        place.desk.do(transfers.answer_transfer, OPERATOR, proposed.id, "accept", now=DAY)


def test_a_transfer_to_a_merged_unit_reaches_the_new_one(place: Place) -> None:
    third = f"s-{place.code}"
    add_unit(place.desk, third)
    case = make_case(place, unit=third)
    merge(place)
    after = place.desk.do(transfers.propose_transfer, OPERATOR, case.ref, place.code, now=DAY)
    assert after.open_transfer is not None
    assert after.open_transfer.to_unit == place.other


def test_proposals_that_wait_are_readdressed_by_a_merger(place: Place) -> None:
    third = f"s-{place.code}"
    add_unit(place.desk, third)
    to_it, from_it, within = make_case(place, unit=third), make_case(place), make_case(place)
    for case, unit in ((to_it, place.code), (from_it, third), (within, place.other)):
        place.desk.do(transfers.propose_transfer, OPERATOR, case.ref, unit, now=EVE)

    merge(place)

    def waiting(case: Case) -> tuple[str, str, TransferState]:
        transfer = place.desk.case(case.ref).transfers[-1]
        return transfer.from_unit, transfer.to_unit, transfer.state

    assert waiting(to_it) == (third, place.other, TransferState.PROPOSED)
    assert waiting(from_it) == (place.other, third, TransferState.PROPOSED)
    assert waiting(within)[2] is TransferState.REVOKED
    for case in (to_it, from_it, within):
        check_case(place.desk, case.ref, now=DAY)


def test_a_unit_with_open_cases_or_departments_does_not_close(place: Place) -> None:
    case = make_case(place)
    with pytest.raises(Refused, match="1 open cases"):
        place.desk.do(units.close_unit, ADMIN, place.code, on=MERGED_ON, now=DAY)
    move(place, case, place.other, now=DAY)
    place.desk.do(units.close_unit, ADMIN, place.code, on=MERGED_ON, now=DAY)

    add_unit(place.desk, f"d-{place.other}", parent=place.other)
    with pytest.raises(Refused, match="departments"):
        place.desk.do(units.close_unit, ADMIN, place.other, on=LATER.date(), now=DAY)


# --- counts --------------------------------------------------------------------------------------


def test_two_units_merged_in_mid_tertial_are_counted_as_by_hand(own_desk: Desk) -> None:
    """`a` (Øst) and `b` (Vest from 1 September) become part of `c` (Nord) on 15 October."""
    do = own_desk.do
    do(units.move_region, ADMIN, "b", "Vest", on=date(2026, 9, 1), now=EVE)
    do(units.move_region, ADMIN, "c", "Nord", on=date(2026, 9, 1), now=EVE)
    place = Place(own_desk, "a", "c")

    def case(unit: str, day: str, answer: str | None = "accepted") -> Case:
        admitted_at = oslo(f"{day} 08:00")
        return make_case(
            place,
            unit=unit,
            admitted_at=admitted_at,
            now=admitted_at + timedelta(hours=1),
            answer=answer,
        )

    before_a = [case("a", "2026-09-02"), case("a", "2026-10-14"), case("a", "2026-09-02", None)]
    before_b = [case("b", "2026-09-10")]
    let_go(place, before_a[0], now=oslo("2026-10-14 23:59"))
    do(units.merge, ADMIN, ["a", "b"], "c", on=MERGED_ON, now=DAY)
    after = [case("c", "2026-10-15"), case("c", "2026-11-02", None)]
    let_go(place, before_a[1], now=oslo("2026-10-15 12:00"))
    let_go(place, before_b[0], now=oslo("2026-11-02 12:00"))
    let_go(place, after[0], now=oslo("2026-12-01 12:00"))

    question = Question(Period.parse("2026-T3"), oslo("2027-01-05 08:00"))
    with own_desk.db.read() as tx:
        report = count_now(tx, question).report(question)
        assert not list(compare(report, recount(tx, question.period, question.as_of)))

    def row(code: str) -> dict[str, tuple[int | None, int | None]]:
        places = {"nation": report.nation, **report.regions, **report.units}
        return {
            name: (cells[code].numerator, cells[code].denominator)
            for name, cells in places.items()
            if name in ("nation", "Øst", "Vest", "Nord", "a", "b", "c")
        }

    # Admissions with an answer, of all admissions, where and as admitted.
    assert row("I3") == {
        "a": (2, 3), "b": (1, 1), "c": (1, 2),
        "Øst": (2, 3), "Vest": (1, 1), "Nord": (1, 2),
        "nation": (4, 6),
    }  # fmt: skip
    # Releases before a closed day, of all releases, in the unit of that day.
    assert {name: of for name, (_, of) in row("I17").items()} == {
        "a": 1, "b": 0, "c": 3, "Øst": 1, "Vest": 0, "Nord": 3, "nation": 4,
    }  # fmt: skip
    # Participants: 2 in a, 1 in b until the merger; in c all of those in follow-up or prison then
    # and one more; a person counts once in the nation.
    assert {name: number for name, (number, _) in row("I1").items()} == {
        "a": 2, "b": 1, "c": 4, "Øst": 2, "Vest": 1, "Nord": 4, "nation": 4,
    }  # fmt: skip
    assert findings(own_desk) == []


# --- the rule itself -----------------------------------------------------------------------------

INSTANTS = st.integers(0, 100 * 24 * 60).map(lambda m: MIDNIGHT + timedelta(minutes=m - 60_000))


def a_case(admitted_at: datetime, arrivals: list[tuple[str, datetime]]) -> Case:
    ends = [at for _, at in arrivals[1:]]
    return Case(
        ref="c",
        person="p",
        unit=arrivals[-1][0],
        package="national-1",
        admitted_at=admitted_at,
        opened_at=admitted_at,
        admitted_unit=arrivals[0][0],
        counted_as="p",
        stays=tuple(
            Stay(seq, unit, at, end)
            for seq, ((unit, at), end) in enumerate(
                zip(arrivals, [*ends, None], strict=True), start=1
            )
        ),
    )


@given(st.lists(INSTANTS, min_size=1, max_size=4, unique=True), st.data())
def test_a_merger_never_leaves_a_case_without_one_owner_at_any_moment(
    instants: list[datetime], data: Any
) -> None:
    instants.sort()
    codes = data.draw(
        st.lists(st.sampled_from("abcd"), min_size=len(instants), max_size=len(instants))
    )
    case = a_case(instants[0], list(zip(codes, instants, strict=True)))
    mergers = {"a": Merger("b", data.draw(INSTANTS)), "b": Merger("c", data.draw(INSTANTS))}
    after = merging.moved(case, mergers, now=LATER)

    assert after.unit == after.stays[-1].unit
    assert after.unit not in mergers
    assert after.stays[0].from_at == case.admitted_at
    assert [s.seq for s in after.stays] == list(range(1, len(after.stays) + 1))
    for stay, following in zip(after.stays, after.stays[1:], strict=False):
        assert stay.to_at == following.from_at
        assert stay.from_at < stay.to_at
    assert after.stays[-1].to_at is None
    last = case.stays[-1]
    for instant in data.draw(st.lists(INSTANTS, max_size=5)):
        if instant < case.admitted_at:
            continue
        owner = merging.owner_at(case, instant)
        merged_at = mergers[owner].at if owner in mergers else None
        if instant < last.from_at or merged_at is None or instant < merged_at:
            assert merging.owner_at(after, instant) == owner
    assert merging.moved(after, mergers, now=MIDNIGHT) == after


def test_a_merger_typed_in_after_the_tertial_leaves_both_counts_agreed(own_desk: Desk) -> None:
    own_desk.do(units.move_region, ADMIN, "b", "Nord", on=date(2026, 9, 1), now=EVE)
    place = Place(own_desk, "a", "b")
    make_case(place, answer="accepted")
    make_case(place, admitted_at=oslo("2026-12-20 08:00"), now=oslo("2026-12-20 09:00"))
    typed_in = oslo("2027-01-04 08:00")
    own_desk.do(units.merge, ADMIN, ["a"], "b", on=date(2026, 12, 15), now=typed_in)

    question = Question(Period.parse("2026-T3"), typed_in)
    with own_desk.db.read() as tx:
        report = count_now(tx, question).report(question)
        assert not [str(d) for d in compare(report, recount(tx, question.period, typed_in))]
    assert report.units["a"]["I19"].denominator == 0
    assert report.units["b"]["I3"].denominator == 1, "admitted when there was no a any more"
