"""Rosters taken in: every sentence of the interface's "Roster file" about what a row means."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from cases import organisation, people, queries, release, roster, roster_decide, service
from cases.access import OPERATOR
from cases.model import Case, CloseReason, Phase, Protection, ReleaseNotice
from cases.roster import ImportResult, import_roster
from cases.roster_named import Named
from cases.tables import case_
from core.db import metadata
from core.errors import BadInput, Busy, NotAllowed
from notifications.message import MessageState
from tests.cases import rosters
from tests.cases.desk import (
    COORDINATOR,
    NURSE,
    Desk,
    all_refs,
    answer_offer,
    answer_transfer,
    book,
    check_case,
    complete,
    consent,
    findings,
    let_go,
    messages,
    oslo,
    propose,
    set_date,
    state,
)
from tests.cases.roster_files import ReadHere, file_of, row, somebody

IMPORTED = oslo("2026-09-01 08:00")
NEXT_WEEK = oslo("2026-09-08 08:00")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster, "parse_in_child", ReadHere)


quick = pytest.mark.usefixtures("read_here")


def take(
    desk: Desk, path: Path, *, now: datetime = IMPORTED, dry_run: bool = False
) -> ImportResult:
    return import_roster(desk.db, path, OPERATOR, now=now, demo=True, dry_run=dry_run)


def counts(result: ImportResult) -> tuple[int, int, int, int]:
    """(created, updated, unchanged, rejected), which add up to the rows."""
    found = (result.created, result.updated, result.unchanged, len(result.rejected))
    assert sum(found) == result.rows
    assert result.transfers_proposed <= result.updated
    assert result.released <= result.updated
    return found


def newest(desk: Desk, number: str) -> Case:
    return desk.case(desk.look(queries.newest_ref, OPERATOR, number, now=NEXT_WEEK))


def table_sizes(desk: Desk) -> dict[str, int]:
    with desk.db.read() as tx:
        return {
            table.name: tx.execute(select(func.count()).select_from(table)).scalar_one()
            for table in metadata.sorted_tables
        }


def reasons(remarks: list[Any]) -> list[tuple[str, str]]:
    return [(remark.column, remark.reason) for remark in remarks]


def test_a_change_that_is_tried_twice_is_named_once(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_here: None
) -> None:
    number, once = somebody(), desk.db.transact
    take(desk, file_of(tmp_path, row(number)))

    def twice(verb: Callable[[Connection], Any]) -> Any:
        with suppress(Busy), desk.db.write() as tx:
            verb(tx)
            raise Busy("as after a deadlock")
        return once(verb)

    monkeypatch.setattr(desk.db, "transact", twice)
    named = Named()
    later = file_of(tmp_path, row(number, **{"planlagt løslatelse": "15.12.2026"}))
    import_roster(desk.db, later, OPERATOR, now=NEXT_WEEK, demo=True, named=named)

    assert [each.line for each in named.updated] == [2]


# --- the three samples --------------------------------------------------------------------------


def with_the_real_units(desk: Desk) -> None:
    with (rosters.SAMPLES / "units.csv").open(encoding="utf-8-sig") as units:
        desk.do(organisation.import_units, list(csv.DictReader(units, delimiter=";")), now=IMPORTED)


def test_the_two_samples_give_what_the_files_hold_and_again_nothing(own_desk: Desk) -> None:
    desk = own_desk
    with_the_real_units(desk)

    first = take(desk, rosters.FIRST)
    assert counts(first) == (120, 0, 0, 0)
    assert first.missing_from_roster == []
    assert counts(take(desk, rosters.FIRST)) == (0, 0, 120, 0)

    dry = take(desk, rosters.SECOND, now=NEXT_WEEK, dry_run=True)
    second = take(desk, rosters.SECOND, now=NEXT_WEEK)
    assert asdict(dry) == asdict(second)
    assert (second.created, second.unchanged) == (10, 79)
    assert (second.transfers_proposed, second.released) == (15, 4)
    assert len(second.missing_from_roster) == 9
    assert second.rejected == []
    assert counts(second) == (10, second.rows - 89, 79, 0)
    dated = [ref for ref in all_refs(desk) if len(desk.case(ref).release_dates) > 1]
    assert len(dated) == 13

    before = table_sizes(desk)
    again = take(desk, rosters.SECOND, now=NEXT_WEEK + HOUR)
    assert counts(again) == (0, 0, second.rows, 0)
    assert again.missing_from_roster == second.missing_from_roster
    assert table_sizes(desk) == before | {"import_run": before["import_run"] + 1}
    for ref in all_refs(desk):
        check_case(desk, ref, now=NEXT_WEEK + HOUR)
    assert findings(desk) == []


def test_the_first_sample_after_the_second_is_an_older_word_and_takes_nobody_back_to_prison(
    own_desk: Desk,
) -> None:
    desk = own_desk
    with_the_real_units(desk)
    take(desk, rosters.FIRST)
    take(desk, rosters.SECOND, now=NEXT_WEEK)

    result = take(desk, rosters.FIRST, now=NEXT_WEEK + HOUR)

    assert result.created == 0
    assert result.released == 0
    with desk.db.read() as tx:
        closed = select(func.count()).where(case_.c.phase != "in_prison")
        assert tx.execute(closed).scalar_one() == 4


def test_the_dirty_sample_takes_the_good_rows_and_gives_a_reason_for_each_bad_one(
    own_desk: Desk, tmp_path: Path
) -> None:
    desk = own_desk
    with_the_real_units(desk)
    rejects = tmp_path / "rejects.csv"

    result = import_roster(
        desk.db, rosters.DIRTY, OPERATOR, now=IMPORTED, demo=True, rejects=rejects
    )

    assert counts(result) == (53, 0, 1, 5)
    assert [(r.line, r.column, r.reason) for r in result.rejected] == [
        (5, "innsatt", "date_impossible"),
        (6, "enhet", "unknown_unit"),
        (43, "innsatt", "admission_missing"),
        (44, "innsattnr", "inmate_no_missing"),
        (45, "planlagt løslatelse", "release_before_admission"),
    ]
    warned = Counter(remark.reason for remark in result.warnings)
    assert warned["phone_not_usable"] == 2
    assert warned["repeated_row"] == 1
    assert warned["leading_zero_restored"] == 5
    assert warned["unknown_language"] == 1
    assert warned["control_character"] == 1
    assert warned["formula_like"] == 1
    assert warned["national_id_invalid"] == 1
    assert rejects.exists()
    again = take(desk, rosters.DIRTY)
    assert counts(again) == (0, 0, 54, 5)
    assert again.missing_from_roster == []


# --- a case, and what it remembers --------------------------------------------------------------


@quick
def test_the_moment_of_import_opens_a_case_and_records_its_date(desk: Desk, tmp_path: Path) -> None:
    number = somebody()

    result = take(desk, file_of(tmp_path, row(number)))

    case = newest(desk, number)
    assert counts(result) == (1, 0, 0, 0)
    assert (case.opened_at, case.admitted_at) == (IMPORTED, oslo("2026-08-30 08:30"))
    assert (case.release_on, case.release_kind) == (date(2026, 11, 30), "confirmed")
    assert case.release_known_at == IMPORTED
    assert [d.source for d in case.release_dates] == ["roster"]
    check_case(desk, case.ref, now=IMPORTED)


@quick
def test_the_same_file_again_changes_nothing_and_writes_no_row(
    own_desk: Desk, tmp_path: Path
) -> None:
    desk = own_desk
    path = file_of(tmp_path, row(somebody()), row(somebody(), mobil="47439150"))
    take(desk, path)
    before = table_sizes(desk)

    result = take(desk, path, now=NEXT_WEEK)

    assert counts(result) == (0, 0, 2, 0)
    assert table_sizes(desk) == before | {"import_run": 2}


@quick
def test_a_cell_acts_only_when_it_differs_from_what_the_roster_last_said(
    desk: Desk, tmp_path: Path
) -> None:
    # Staff know better: their date stands until the roster itself says something new.
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    case = newest(desk, number)
    set_date(desk, case, date(2026, 10, 5), now=IMPORTED + DAY)

    again = take(desk, file_of(tmp_path, row(number, mobil="47439150")), now=NEXT_WEEK)

    assert again.updated == 1
    assert newest(desk, number).release_on == date(2026, 10, 5)
    moved = row(number, mobil="47439150", planlagt_løslatelse="15.12.2026")
    take(desk, file_of(tmp_path, moved), now=NEXT_WEEK + DAY)
    assert newest(desk, number).release_on == date(2026, 12, 15)


@quick
@pytest.mark.parametrize(
    "emptied",
    ["planlagt løslatelse", "løslatelsesgrunnlag", "fornavn", "etternavn", "språk", "mobil"],
)
def test_an_empty_cell_never_erases(desk: Desk, tmp_path: Path, emptied: str) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number, mobil="47439150")))
    before = newest(desk, number)

    result = take(
        desk, file_of(tmp_path, row(number, mobil="47439150") | {emptied: ""}), now=NEXT_WEEK
    )

    assert counts(result) == (0, 0, 1, 0)
    assert newest(desk, number) == before
    full = take(desk, file_of(tmp_path, row(number, mobil="47439150")), now=NEXT_WEEK)
    assert counts(full) == (0, 0, 1, 0)


@quick
def test_a_planned_date_without_kind_is_full_term_with_a_warning(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()

    result = take(desk, file_of(tmp_path, row(number, løslatelsesgrunnlag="")))

    assert reasons(result.warnings) == [("løslatelsesgrunnlag", "kind_assumed")]
    assert newest(desk, number).release_kind == "full_term"


@quick
def test_a_row_withdraws_the_rosters_dates_of_another_kind_and_leaves_those_of_staff(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    case = newest(desk, number)
    set_date(desk, case, date(2026, 11, 2), kind="parole", now=IMPORTED + HOUR)

    result = take(
        desk,
        file_of(
            tmp_path,
            row(number, planlagt_løslatelse="28.12.2026", løslatelsesgrunnlag="full tid"),
        ),
        now=NEXT_WEEK,
    )

    after = newest(desk, number)
    assert result.updated == 1
    in_force = {d.kind.value: d.on for d in after.release_dates}
    assert in_force == {
        "confirmed": None,
        "parole": date(2026, 11, 2),
        "full_term": date(2026, 12, 28),
    }
    assert after.release_kind == "parole"
    check_case(desk, case.ref, now=NEXT_WEEK)


@quick
def test_another_clock_time_of_the_same_admission_updates_t0(desk: Desk, tmp_path: Path) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number, innsatt="01.09.2026")))
    before = newest(desk, number)
    assert before.admitted_at == oslo("2026-09-01 12:00")

    result = take(desk, file_of(tmp_path, row(number, innsatt="01.09.2026 17:45")), now=NEXT_WEEK)

    after = newest(desk, number)
    assert counts(result) == (0, 1, 0, 0)
    assert after.admitted_at == oslo("2026-09-01 17:45")
    assert after.task("intake_talk").due_at == oslo("2026-09-02 17:45")  # type: ignore[union-attr]
    assert after.stays[0].from_at == oslo("2026-09-01 17:45")
    check_case(desk, after.ref, now=NEXT_WEEK)


@quick
def test_an_admission_up_to_24_hours_ahead_is_taken_as_it_stands_and_later_rejected(
    desk: Desk, tmp_path: Path
) -> None:
    soon, later = somebody(), somebody()

    result = take(
        desk,
        file_of(
            tmp_path,
            row(soon, innsatt="02.09.2026 08:00"),
            row(later, innsatt="02.09.2026 08:01"),
        ),
    )

    assert reasons(result.rejected) == [("innsatt", "admitted_in_future")]
    assert newest(desk, soon).admitted_at == oslo("2026-09-02 08:00")
    check_case(desk, newest(desk, soon).ref, now=IMPORTED)


# --- units --------------------------------------------------------------------------------------


@quick
def test_another_unit_proposes_one_transfer_and_the_same_again_is_unchanged(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    path = file_of(tmp_path, row(number, enhet="B fengsel"))

    first, again = take(desk, path, now=NEXT_WEEK), take(desk, path, now=NEXT_WEEK + DAY)

    case = newest(desk, number)
    assert (first.transfers_proposed, counts(first)) == (1, (0, 1, 0, 0))
    assert (again.transfers_proposed, counts(again)) == (0, (0, 0, 1, 0))
    assert case.unit == "a"
    assert [(t.to_unit, t.state) for t in case.transfers] == [("b", "proposed")]
    check_case(desk, case.ref, now=NEXT_WEEK + DAY)


@quick
def test_a_third_unit_replaces_the_proposal_and_the_owning_unit_revokes_it(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    results = [
        take(desk, file_of(tmp_path, row(number, enhet=unit)), now=NEXT_WEEK + day * DAY)
        for day, unit in enumerate(("a", "b", "c", "a"))
    ]

    case = newest(desk, number)
    assert [r.transfers_proposed for r in results] == [0, 1, 1, 0]
    assert [r.updated for r in results] == [0, 1, 1, 1]
    assert {t.to_unit: t.state for t in case.transfers} == {"b": "revoked", "c": "revoked"}
    assert case.unit == "a"
    check_case(desk, case.ref, now=NEXT_WEEK + 4 * DAY)


@quick
def test_a_roster_that_still_says_the_old_unit_does_not_undo_an_accepted_transfer(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    path = file_of(tmp_path, row(number))
    take(desk, path)
    case = newest(desk, number)
    answer_transfer(desk, propose(desk, case, "b", now=IMPORTED + HOUR), "accept", now=NEXT_WEEK)

    still = take(desk, path, now=NEXT_WEEK + DAY)
    now_there = take(desk, file_of(tmp_path, row(number, enhet="b")), now=NEXT_WEEK + 2 * DAY)

    assert (counts(still), still.transfers_proposed) == ((0, 0, 1, 0), 0)
    assert (counts(now_there), now_there.transfers_proposed) == ((0, 0, 1, 0), 0)
    assert newest(desk, number).unit == "b"


# --- releases -----------------------------------------------------------------------------------


@quick
@pytest.mark.parametrize(
    ("said", "released_at"),
    [
        ("03.09.2026", "2026-09-03 12:00"),
        ("03.09.2026 15:20", "2026-09-03 15:20"),
        ("08.09.2026", "2026-09-08 08:00"),  # today, before noon: the moment of import
    ],
)
def test_a_release_in_the_roster_is_to_liberty_by_the_owning_unit(
    desk: Desk, tmp_path: Path, said: str, released_at: str
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    propose(desk, newest(desk, number), "b", now=IMPORTED + HOUR)

    result = take(desk, file_of(tmp_path, row(number, løslatt=said)), now=NEXT_WEEK)

    case = newest(desk, number)
    assert (result.released, counts(result)) == (1, (0, 1, 0, 0))
    assert case.released_at == oslo(released_at)
    assert (case.destination, case.released_unit) == ("liberty", "a")
    assert [t.state for t in case.transfers] == ["revoked"]
    assert case.release_notice is ReleaseNotice.UNKNOWN
    check_case(desk, case.ref, now=NEXT_WEEK)


@quick
@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("09.09.2026", "released_in_future"),
        ("08.09.2026 08:01", "released_in_future"),
        ("29.08.2026", "release_before_admission"),
    ],
)
def test_a_release_that_cannot_be_rejects_the_whole_row(
    desk: Desk, tmp_path: Path, said: str, reason: str
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    before = newest(desk, number)

    result = take(desk, file_of(tmp_path, row(number, løslatt=said, enhet="b")), now=NEXT_WEEK)

    assert reasons(result.rejected) == [("løslatt", reason)]
    assert newest(desk, number) == before
    assert number not in result.missing_from_roster


@quick
def test_a_release_without_an_earlier_case_is_skipped_with_a_warning(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()

    result = take(desk, file_of(tmp_path, row(number, løslatt="31.08.2026")))

    assert counts(result) == (0, 0, 1, 0)
    assert reasons(result.warnings) == [("løslatt", "released_without_case")]


@quick
def test_a_release_recorded_by_staff_is_not_moved_by_the_roster(desk: Desk, tmp_path: Path) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    let_go(desk, newest(desk, number), now=oslo("2026-09-03 09:00"))

    result = take(desk, file_of(tmp_path, row(number, løslatt="03.09.2026")), now=NEXT_WEEK)

    assert counts(result) == (0, 0, 1, 0)
    assert newest(desk, number).released_at == oslo("2026-09-03 09:00")


@quick
def test_a_roster_release_of_an_accepted_case_begins_its_follow_up_and_its_messages(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number, mobil="47439151", planlagt_løslatelse="03.09.2026")))
    case = newest(desk, number)
    answer_offer(desk, case, "accepted", now=IMPORTED)
    consent(desk, case, "sms", now=IMPORTED)
    book(desk, case, "GP", oslo("2026-09-10 10:00"), now=IMPORTED)

    take(
        desk,
        file_of(tmp_path, row(number, mobil="47439151", løslatt="03.09.2026")),
        now=NEXT_WEEK,
    )

    after = newest(desk, number)
    assert after.phase is Phase.FOLLOW_UP
    assert state(after, "talk_held") == "missed"
    assert [m.send_at for m in messages(desk, after)] == [oslo("2026-09-09 14:00")]
    check_case(desk, after.ref, now=NEXT_WEEK)


# --- imprisoned again ---------------------------------------------------------------------------


@quick
def test_a_new_admission_while_an_earlier_case_is_in_prison_is_rejected(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    before = newest(desk, number)

    result = take(desk, file_of(tmp_path, row(number, innsatt="05.09.2026 10:00")), now=NEXT_WEEK)

    assert reasons(result.rejected) == [("innsatt", "already_in_prison")]
    assert newest(desk, number) == before
    assert number not in result.missing_from_roster


@quick
@pytest.mark.parametrize("back", ["03.09.2026 20:00", "05.09.2026 10:00"])
def test_after_a_release_a_new_admission_is_a_new_linked_case_and_the_earlier_one_closes(
    desk: Desk, tmp_path: Path, back: str
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number, mobil="47439152")))
    first = newest(desk, number)
    answer_offer(desk, first, "accepted", now=IMPORTED)
    consent(desk, first, "sms", now=IMPORTED)
    let_go(desk, first, now=oslo("2026-09-03 12:00"))
    book(desk, first, "GP", oslo("2026-09-15 10:00"), now=oslo("2026-09-03 13:00"))

    result = take(
        desk, file_of(tmp_path, row(number, mobil="47439152", innsatt=back)), now=NEXT_WEEK
    )

    second, closed = newest(desk, number), desk.case(first.ref)
    assert counts(result) == (1, 0, 0, 0)
    assert second.ref != first.ref
    assert (second.earlier, second.person) == (first.ref, first.person)
    assert (closed.phase, closed.close_reason) == ("closed", "reimprisoned")
    assert closed.closed_at == second.admitted_at
    assert [(m.state, m.why) for m in messages(desk, closed)] == [
        (MessageState.CANCELLED, "reimprisoned")
    ]
    for case in (second, closed):
        check_case(desk, case.ref, now=NEXT_WEEK)


@quick
def test_released_and_admitted_again_in_one_file(desk: Desk, tmp_path: Path) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    answer_offer(desk, newest(desk, number), "accepted", now=IMPORTED)
    path = file_of(
        tmp_path,
        row(number, løslatt="03.09.2026 12:00"),
        row(number, innsatt="05.09.2026 10:00"),
    )

    dry = take(desk, path, now=NEXT_WEEK, dry_run=True)
    result = take(desk, path, now=NEXT_WEEK)

    assert counts(result) == (1, 1, 0, 0)
    assert asdict(dry) == asdict(result)
    second = newest(desk, number)
    assert desk.case(str(second.earlier)).close_reason is CloseReason.REIMPRISONED


@quick
def test_two_admissions_of_one_new_person_in_one_file_open_one_case(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    path = file_of(tmp_path, row(number), row(number, innsatt="31.08.2026 10:00"))

    dry = take(desk, path, dry_run=True)
    result = take(desk, path)

    assert counts(result) == (1, 0, 0, 1)
    assert reasons(result.rejected) == [("innsatt", "already_in_prison")]
    assert asdict(dry) == asdict(result)


@quick
def test_an_admission_before_an_earlier_case_ended_is_rejected(desk: Desk, tmp_path: Path) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    let_go(desk, newest(desk, number), now=oslo("2026-09-05 12:00"))

    for day in ("01.09.2026", "04.09.2026", "15.08.2026"):
        result = take(desk, file_of(tmp_path, row(number, innsatt=day)), now=NEXT_WEEK)
        assert reasons(result.rejected) == [("innsatt", "overlaps_earlier_case")]


@quick
def test_a_case_registered_in_error_does_not_stand_in_the_way_of_the_right_one(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    desk.do(
        release.close, COORDINATOR, newest(desk, number).ref, "registered_in_error", now=IMPORTED
    )

    result = take(desk, file_of(tmp_path, row(number, innsatt="28.08.2026 10:00")), now=NEXT_WEEK)

    assert counts(result) == (1, 0, 0, 0)


# --- the same number ----------------------------------------------------------------------------


@quick
def test_a_second_row_with_the_same_key_is_unchanged_if_it_says_the_same_else_rejected(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()

    result = take(
        desk,
        file_of(tmp_path, row(number), row(number), row(number, etternavn="Dahl")),
    )

    assert counts(result) == (1, 0, 1, 1)
    assert reasons(result.warnings) == [("innsattnr", "repeated_row")]
    assert [(r.line, r.column, r.reason) for r in result.rejected] == [
        (4, "innsattnr", "same_key_differs")
    ]


@quick
def test_an_inmate_number_is_the_same_in_small_and_capital_letters(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()

    result = take(
        desk,
        file_of(
            tmp_path,
            row(f"ab{number}"),
            row(f"AB{number}"),
            row(f"aB{number}", etternavn="Dahl"),
            row(f"Ab{number}", innsatt="31.08.2026 10:00"),
        ),
    )

    assert counts(result) == (1, 0, 1, 2)
    assert reasons(result.rejected) == [
        ("innsattnr", "same_key_differs"),
        ("innsatt", "already_in_prison"),
    ]


@quick
def test_a_number_in_full_width_digits_is_the_same_number(desk: Desk, tmp_path: Path) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    wide = "".join(chr(ord(digit) - ord("0") + ord("０")) for digit in number)

    assert counts(take(desk, file_of(tmp_path, row(wide)), now=NEXT_WEEK)) == (0, 0, 1, 0)


# --- persons ------------------------------------------------------------------------------------


@quick
def test_what_a_roster_says_anew_about_the_person_is_kept(desk: Desk, tmp_path: Path) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))

    result = take(
        desk,
        file_of(
            tmp_path,
            row(
                number,
                fornavn="Karin",
                mobil="47439153",
                språk="so",
                adressesperre="FORTROLIG",
                fødselsdato="21.08.1988",
            ),
        ),
        now=NEXT_WEEK,
    )

    case = newest(desk, number)
    identity = desk.look(people.identity_of, case.person)
    assert counts(result) == (0, 1, 0, 0)
    assert identity is not None
    assert (identity.first_name, identity.last_name) == ("Karin", "Berg")
    assert identity.born_on == date(1988, 8, 21)
    assert (case.language, case.protection) == ("so", Protection.CONFIDENTIAL)
    assert case.reachable
    assert desk.look(people.number_for, case.person) == "+4747439153"
    check_case(desk, case.ref, now=NEXT_WEEK)


@quick
def test_strict_address_protection_stops_every_message_at_once(desk: Desk, tmp_path: Path) -> None:
    number = somebody()
    cells = {"mobil": "47439154", "planlagt_løslatelse": "03.09.2026"}
    take(desk, file_of(tmp_path, row(number, **cells)))
    case = newest(desk, number)
    answer_offer(desk, case, "accepted", now=IMPORTED)
    consent(desk, case, "sms", now=IMPORTED)
    book(desk, case, "GP", oslo("2026-09-15 10:00"), now=IMPORTED)
    let_go(desk, case, now=oslo("2026-09-03 12:00"))
    assert [m.state for m in messages(desk, case)] == [MessageState.WANTED]

    take(
        desk,
        file_of(tmp_path, row(number, **cells, adressesperre="STRENGT_FORTROLIG")),
        now=NEXT_WEEK,
    )

    assert [m.state for m in messages(desk, case)] == [MessageState.CANCELLED]
    check_case(desk, case.ref, now=NEXT_WEEK)


@quick
def test_the_same_identity_number_under_two_inmate_numbers_counts_one_person(
    desk: Desk, tmp_path: Path
) -> None:
    one, other = somebody(), somebody()
    number = "21888824925"

    take(desk, file_of(tmp_path, row(one, fødselsnummer=number), row(other, fødselsnummer=number)))

    first, second = newest(desk, one), newest(desk, other)
    assert first.person != second.person
    assert first.counted_as == second.counted_as


@quick
def test_an_identity_number_learned_later_changes_how_the_case_is_counted(
    desk: Desk, tmp_path: Path
) -> None:
    one, other = somebody(), somebody()
    number = "25849311835"
    take(desk, file_of(tmp_path, row(one, fødselsnummer=number), row(other)))

    take(desk, file_of(tmp_path, row(other, fødselsnummer=number)), now=NEXT_WEEK)

    assert newest(desk, other).counted_as == newest(desk, one).counted_as
    check_case(desk, newest(desk, other).ref, now=NEXT_WEEK)


# --- missing from the roster --------------------------------------------------------------------


@quick
def test_who_is_in_prison_in_a_unit_of_the_file_but_not_in_it_is_listed_and_never_closed(
    own_desk: Desk, tmp_path: Path
) -> None:
    desk = own_desk
    here, gone, elsewhere, free = (somebody() for _ in range(4))
    take(
        desk,
        file_of(tmp_path, row(here), row(gone), row(elsewhere, enhet="b"), row(free)),
    )
    let_go(desk, newest(desk, free), now=IMPORTED + HOUR)

    result = take(desk, file_of(tmp_path, row(here)), now=NEXT_WEEK)

    assert result.missing_from_roster == [gone]
    assert newest(desk, gone).phase is Phase.IN_PRISON


# --- dry run, refusals, many rows ---------------------------------------------------------------


@quick
def test_a_dry_run_writes_nothing_and_gives_the_same_counts(own_desk: Desk, tmp_path: Path) -> None:
    desk = own_desk
    known = [somebody() for _ in range(5)]
    take(desk, file_of(tmp_path, *(row(number) for number in known)))
    path = file_of(
        tmp_path,
        row(known[0]),
        row(known[1], enhet="b"),
        row(known[2], løslatt="03.09.2026", mobil="02800"),
        row(known[3], planlagt_løslatelse="15.12.2026"),
        row(known[3], planlagt_løslatelse="16.12.2026"),
        row(known[0], innsatt="05.09.2026"),
        row(known[2], innsatt="05.09.2026"),
        row(somebody(), enhet="atlantis"),
        row(somebody()),
        row(somebody(), løslatt="07.09.2026"),
        row(somebody(), mobil="tulle"),
    )
    before, stored = table_sizes(desk), [desk.case(ref) for ref in all_refs(desk)]

    dry = take(desk, path, now=NEXT_WEEK, dry_run=True)

    assert table_sizes(desk) == before
    assert [desk.case(ref) for ref in all_refs(desk)] == stored
    real = take(desk, path, now=NEXT_WEEK)
    assert asdict(dry) == asdict(real)
    assert counts(real) == (3, 3, 2, 3)
    assert real.missing_from_roster == [known[4]]


def test_a_file_that_cannot_be_read_at_all_changes_nothing(own_desk: Desk, tmp_path: Path) -> None:
    desk = own_desk
    before = table_sizes(desk)
    for name, content in {
        "empty.csv": b"",
        "no-unit.csv": b"innsattnr;innsatt\n1;01.09.2026\n",
        "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(200),
        "workbook.xlsx": b"innsattnr;enhet;innsatt\n1;a;01.09.2026\n",
    }.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(BadInput) as refusal:
            take(desk, path)
        assert "\n" not in str(refusal.value)
    assert table_sizes(desk) == before


@quick
def test_several_chunks_are_taken_with_progress_and_one_bad_row_stops_nobody(
    own_desk: Desk, tmp_path: Path
) -> None:
    desk = own_desk
    rows = [row(somebody()) for _ in range(230)]
    rows[111]["innsatt"] = "31.02.2026"
    rows[222] = row(rows[221]["innsattnr"])
    told: list[tuple[int, int | None]] = []
    rejects = tmp_path / "rejects.csv"

    result = import_roster(
        desk.db,
        file_of(tmp_path, *rows),
        OPERATOR,
        now=IMPORTED,
        demo=True,
        progress=lambda *done: told.append(done),
        rejects=rejects,
    )

    assert counts(result) == (228, 0, 1, 1)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (230, 230)
    # What was rejected can be mended and imported again.
    mended = rejects.read_text("utf-8-sig").replace("31.02.2026", "30.08.2026")
    rejects.write_text(mended, "utf-8")
    assert counts(take(desk, rejects)) == (1, 0, 0, 0)
    assert findings(desk) == []


@quick
def test_an_import_that_was_cut_short_is_simply_done_again(
    own_desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = own_desk
    path = file_of(tmp_path, *(row(somebody()) for _ in range(150)))
    take_chunk = roster_decide.Decider.take
    taken: list[int] = []

    def cut_short(decider: Any, tx: Any, readings: Any) -> Any:
        tallies = take_chunk(decider, tx, readings)
        taken.append(len(tallies))
        if len(taken) == 2:
            raise KeyboardInterrupt
        return tallies

    with monkeypatch.context() as patched:
        patched.setattr(roster_decide.Decider, "take", cut_short)
        with pytest.raises(KeyboardInterrupt):
            take(desk, path)

    assert taken == [100, 50]
    assert counts(take(desk, path)) == (50, 0, 100, 0)
    assert findings(desk) == []


@quick
def test_what_was_done_before_the_roster_came_again_stays_done(desk: Desk, tmp_path: Path) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number)))
    case = newest(desk, number)
    complete(desk, case, "brief_info", now=IMPORTED)
    desk.do(service.waive_task, COORDINATOR, case.ref, "talk_booked", "absent", now=IMPORTED)

    take(desk, file_of(tmp_path, row(number, planlagt_løslatelse="05.10.2026")), now=NEXT_WEEK)

    after = newest(desk, number)
    assert (state(after, "brief_info"), state(after, "talk_booked")) == ("done", "waived")
    check_case(desk, case.ref, now=NEXT_WEEK)


@quick
def test_a_coordinator_imports_the_rows_of_own_units_only(desk: Desk, tmp_path: Path) -> None:
    file = file_of(tmp_path, row(somebody(), enhet="c"), row(somebody()))

    result = import_roster(desk.db, file, COORDINATOR, now=IMPORTED, demo=True)

    assert (result.created, reasons(result.rejected)) == (1, [("enhet", "unit_not_yours")])


@quick
def test_a_file_of_rejects_holds_nobody_of_another_unit(desk: Desk, tmp_path: Path) -> None:
    theirs, faulty, ours = somebody(), somebody(), somebody()
    file = file_of(
        tmp_path,
        row(theirs, enhet="c", etternavn="Fremmed"),
        row(faulty, enhet="c", etternavn="Ukjent", innsatt="31.02.2026"),
        row(ours, etternavn="Egen", innsatt="31.02.2026"),
    )
    rejects = tmp_path / "rejects.csv"

    result = import_roster(desk.db, file, COORDINATOR, now=IMPORTED, demo=True, rejects=rejects)

    assert [(r.line, r.reason) for r in result.rejected] == [
        (2, "unit_not_yours"),
        (3, "unit_not_yours"),
        (4, "date_impossible"),
    ]
    text = rejects.read_text("utf-8-sig")
    for hidden in (theirs, faulty, "Fremmed", "Ukjent"):
        assert hidden not in text
    assert ours in text
    assert "Egen" in text
    told = [line.rsplit(";", 1)[1] for line in text.splitlines()[1:]]
    assert told == ["4 innsatt: date_impossible"]
    rejects.write_text(text.replace("31.02.2026", "30.08.2026"), "utf-8")
    again = import_roster(desk.db, rejects, COORDINATOR, now=IMPORTED, demo=True)
    assert (again.created, reasons(again.rejected)) == (1, [])


@quick
def test_a_nurse_does_not_import_rosters(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(NotAllowed):
        import_roster(desk.db, file_of(tmp_path, row(somebody())), NURSE, now=IMPORTED, demo=True)


@quick
def test_a_clock_time_that_would_put_the_admission_after_the_release_is_rejected(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number, innsatt="01.09.2026 07:00")))
    released = let_go(desk, newest(desk, number), now=oslo("2026-09-01 11:00"))
    path = file_of(tmp_path, row(number, innsatt="01.09.2026 14:00"))

    dry, result = take(desk, path, now=NEXT_WEEK, dry_run=True), take(desk, path, now=NEXT_WEEK)

    assert reasons(result.rejected) == [("innsatt", "release_before_admission")]
    assert asdict(dry) == asdict(result)
    assert newest(desk, number) == released


@quick
def test_a_later_clock_time_of_an_admission_does_not_pass_a_transfer_of_the_same_day(
    desk: Desk, tmp_path: Path
) -> None:
    number = somebody()
    take(desk, file_of(tmp_path, row(number, innsatt="01.09.2026 07:00")))
    transfer = propose(desk, newest(desk, number), "b", now=IMPORTED)
    answer_transfer(desk, transfer, "accept", now=IMPORTED + HOUR)

    take(desk, file_of(tmp_path, row(number, innsatt="01.09.2026 14:00")), now=NEXT_WEEK)

    after = newest(desk, number)
    assert after.admitted_at == oslo("2026-09-01 14:00")
    assert after.stays[0].from_at == after.stays[0].to_at == IMPORTED + HOUR
    check_case(desk, after.ref, now=NEXT_WEEK)
