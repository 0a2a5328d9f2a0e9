"""A report from the units' parts to the frozen one and its revisions."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import DatabaseError

from cases import service
from cases.access import OPERATOR, Viewer
from cases.model import Role
from cases.project import record_stage
from cases.protection import set_protection
from cases.tables import access_log, case_
from core.db import Database
from core.errors import BadInput, Conflict, NotAllowed, NotFound, Refused
from reports.attack import recovered
from reports.experience import QUESTIONS, codes_of, experience_from, labels
from reports.explain import explained
from reports.export import exported
from reports.lifecycle import accept, expected, experiences, freeze, part_of, parts, revise, submit
from reports.publish import directorate_report, frozen_kept
from reports.report import whole_report
from reports.tables import published_cell, report
from reports.tertial import Period
from reports.waiting import reminder_days, reminders, standing, to_send_in, waiting
from tests.people import COORDINATOR, NURSE, OFFICER, OUTSIDER, at, complete, make_case

T1 = Period.parse("2026-T1")
T2 = Period.parse("2026-T2")
CHECKED = at("2026-09-04 10:00")
LATER = at("2026-09-25 10:00")
DIRECTORATE = Viewer("kdi", Role.DIRECTORATE)
ADMIN = Viewer("admin", Role.ADMIN)
LEAD = Viewer("lead", Role.UNIT_LEAD, frozenset({"A"}), frozenset({2}))
TOLD = experience_from(
    {
        "worked": {"codes": ["naloxone", "intake_talk"], "text": "Vi fikk det til."},
        "hindered": {"codes": ["short_notice"]},
    }
)


@pytest.fixture
def summer(db: Database) -> Database:
    """Cases of the second tertial in three units; one talk is not typed in yet."""
    with db.write() as tx:
        for unit, number in (("A", 9), ("B", 6), ("C", 2)):
            for _ in range(number):
                make_case(
                    tx, unit=unit, admitted="2026-06-01 06:00", answer="accepted",
                    done={"intake_talk": "2026-06-01 20:00"},
                )  # fmt: skip
    return db


def frozen(db: Database, now: datetime = CHECKED) -> object:
    return freeze(db, DIRECTORATE, T2, now=now, threshold=5)


def talk_typed_in_late(tx: Connection) -> None:
    case = make_case(tx, unit="A", admitted="2026-08-20 06:00", opened="2026-09-10 08:00")
    complete(tx, case, "intake_talk", at("2026-08-20 12:00"), recorded_at=at("2026-09-10 09:00"))
    service.answer_offer(
        tx, OPERATOR, case.ref, "accepted", happened_at=at("2026-08-20 12:00"),
        now=at("2026-09-10 09:05"),
    )  # fmt: skip


# --- the units' parts ---


def test_a_unit_submits_and_the_national_owner_accepts(summer: Database) -> None:
    with summer.write() as tx:
        part = submit(tx, LEAD, T2, "A", TOLD, now=CHECKED)
        assert (part.state, part.in_time, part.experience, part.as_of) == (
            "submitted", True, True, CHECKED,
        )  # fmt: skip
        assert accept(tx, DIRECTORATE, T2, "A", now=LATER).state == "accepted"
        verbs = tx.execute(select(access_log.c.verb, access_log.c.actor)).all()

    assert {("report_submitted", "lead"), ("report_accepted", "kdi")} <= {*map(tuple, verbs)}


def test_what_was_submitted_stands_in_i18(summer: Database) -> None:
    with summer.write() as tx:
        submit(tx, LEAD, T2, "A", TOLD, now=CHECKED)
        submit(tx, COORDINATOR, T2, "B", now=LATER)  # after 18 September
        counted = whole_report(tx, T2, now=at("2026-09-26 08:00"))

    assert [counted.units[unit]["I18.in_time"].numerator for unit in "ABC"] == [1, 0, 0]
    assert [counted.units[unit]["I18.experience"].numerator for unit in "ABC"] == [1, 0, 0]
    assert counted.nation["I18.in_time"].denominator == 3


def test_a_part_submitted_again_replaces_it_until_it_is_accepted(summer: Database) -> None:
    with summer.write() as tx:
        first = submit(tx, LEAD, T2, "A", now=CHECKED)
        talk_typed_in_late(tx)
        second = submit(tx, LEAD, T2, "A", TOLD, now=LATER)
        assert (second.revision, second.in_time) == (2, True)
        assert first.sha256 != second.sha256
        accept(tx, DIRECTORATE, T2, "A", now=LATER)
        with pytest.raises(Refused, match="is accepted"):
            submit(tx, LEAD, T2, "A", now=LATER)
        with pytest.raises(Conflict, match="accepted already"):
            accept(tx, DIRECTORATE, T2, "A", now=LATER)


def test_of_a_unit_that_came_later_no_report_is_expected(summer: Database) -> None:
    with summer.write() as tx:
        record_stage(tx, ADMIN, "C", "withdrawn", on=date(2026, 8, 30), now=CHECKED)
        record_stage(tx, ADMIN, "C", "contract_signed", on=date(2026, 9, 1), now=CHECKED)
        there = Viewer("there", Role.UNIT_LEAD, frozenset({"C"}), frozenset({2}))
        assert "C" not in [part.unit for part in parts(tx, T2, now=CHECKED)]
        assert [expected(tx, T2, unit, now=CHECKED) for unit in "AC"] == [True, False]
        with pytest.raises(Refused, match=r"No report of C is expected for 2026-T2"):
            submit(tx, there, T2, "C", now=CHECKED)
        assert part_of(tx, T2, "C").state == "open"


def test_who_may_submit_and_accept(summer: Database) -> None:
    with summer.write() as tx:
        for viewer in (NURSE, OFFICER):
            with pytest.raises(NotAllowed):
                submit(tx, viewer, T2, "A", now=CHECKED)
        for viewer in (OUTSIDER, LEAD):
            with pytest.raises(NotFound):
                submit(tx, viewer, T2, "B", now=CHECKED)
        for viewer in (DIRECTORATE, ADMIN):
            with pytest.raises(NotAllowed):
                submit(tx, viewer, T2, "A", now=CHECKED)
        submit(tx, LEAD, T2, "A", now=CHECKED)
        for viewer in (LEAD, NURSE, ADMIN, OUTSIDER):
            with pytest.raises(NotAllowed):
                accept(tx, viewer, T2, "A", now=CHECKED)
    for viewer in (LEAD, ADMIN):
        with pytest.raises(NotAllowed):
            freeze(summer, viewer, T2, now=CHECKED, threshold=5)


def test_nothing_is_submitted_or_frozen_before_the_period_has_ended(summer: Database) -> None:
    early = at("2026-08-31 23:59")
    with summer.write() as tx:
        with pytest.raises(Refused, match="lasts until 2026-08-31"):
            submit(tx, LEAD, T2, "A", now=early)
        with pytest.raises(Refused, match="has not submitted"):
            accept(tx, DIRECTORATE, T2, "B", now=CHECKED)
    with pytest.raises(Refused, match="lasts until"):
        frozen(summer, early)
    with pytest.raises(Refused, match="not frozen yet"):
        revise(summer, DIRECTORATE, T2, now=CHECKED, threshold=5)


def test_what_a_unit_told_is_read_by_itself_and_the_national_owner(summer: Database) -> None:
    with summer.write() as tx:
        submit(tx, LEAD, T2, "A", TOLD, now=CHECKED)
        assert experiences(tx, DIRECTORATE, T2)["A"]["worked"]["codes"] == [
            "intake_talk", "naloxone",
        ]  # fmt: skip
        assert list(experiences(tx, NURSE, T2)) == ["A"]
        assert experiences(tx, OUTSIDER, T2) == {}


@pytest.mark.parametrize(
    "told",
    [
        {"praise": {"codes": []}},
        {"worked": {"codes": ["magic"]}},
        {"worked": {"codes": "naloxone"}},
        {"worked": {"text": "x" * 401}},
        {"worked": {"text": "Ring 22 00 00 00"}},
        {"worked": {"text": "fnr 010190 12345"}},
        {"worked": {"name": "Ola"}},
        {"worked": "well"},
    ],
)
def test_an_experience_report_holds_codes_and_short_texts_about_nobody(
    told: dict[str, object],
) -> None:
    with pytest.raises(BadInput):
        experience_from(told)


def test_every_code_has_a_norwegian_label() -> None:
    for question in QUESTIONS:
        assert labels()[question]["label"].endswith("?")
        assert len(codes_of(question)) >= 5


# --- who has not ---


def test_the_list_of_who_has_not(summer: Database) -> None:
    with summer.write() as tx:
        submit(tx, LEAD, T2, "A", now=CHECKED)
        assert [each.unit for each in waiting(tx, T2, now=CHECKED)] == ["B", "C"]
        assert not any(each.late for each in waiting(tx, T2, now=at("2026-09-18 23:59")))
        assert all(each.late for each in waiting(tx, T2, now=at("2026-09-19 00:00")))
        assert waiting(tx, T2, now=at("2026-08-31 12:00")) == []
        assert [part.state for part in standing(tx, DIRECTORATE, T2, now=CHECKED)] == [
            "submitted", "open", "open",
        ]  # fmt: skip
        assert [part.unit for part in standing(tx, COORDINATOR, T2, now=CHECKED)] == ["A", "B"]
        with pytest.raises(NotAllowed):
            standing(tx, ADMIN, T2, now=CHECKED)


def test_reminders_come_before_the_due_day_and_once_after_a_pause(summer: Database) -> None:
    assert reminder_days(T2) == [
        date(2026, 9, 1), date(2026, 9, 4), date(2026, 9, 11), date(2026, 9, 17),
        date(2026, 9, 18),
    ]  # fmt: skip
    with summer.write() as tx:
        submit(tx, LEAD, T2, "A", now=CHECKED)
        day = at("2026-09-17 08:05")
        told = reminders(tx, after=at("2026-09-17 08:04"), until=day)
        assert [(each.unit, each.due_on) for each in told] == [
            ("B", date(2026, 9, 18)), ("C", date(2026, 9, 18)),
        ]  # fmt: skip
        assert reminders(tx, after=day, until=at("2026-09-17 20:00")) == []
        paused = reminders(tx, after=at("2026-08-31 20:00"), until=at("2026-09-18 09:00"))
        assert [each.unit for each in paused] == ["B", "C"]


def test_who_sends_reports_in_reads_of_one_from_five_working_days_before_it_is_due(
    summer: Database,
) -> None:
    with summer.write() as tx:

        def told(who: Viewer, when: str) -> list[tuple[str, str, bool]]:
            found = to_send_in(tx, who, now=at(when))
            return [(str(each.period), each.unit, each.late) for each in found]

        both = Viewer("lead", Role.UNIT_LEAD, frozenset({"A", "B"}), frozenset({2}))
        for unit in ("A", "B"):
            submit(tx, both, T1, unit, now=at("2026-05-18 10:00"))
        assert told(LEAD, "2026-09-10 23:59") == []
        assert told(LEAD, "2026-09-11 00:00") == [("2026-T2", "A", False)]
        assert told(COORDINATOR, "2026-09-18 23:59") == [
            ("2026-T2", "A", False), ("2026-T2", "B", False),
        ]  # fmt: skip
        submit(tx, LEAD, T2, "A", now=at("2026-09-18 12:00"))
        assert told(LEAD, "2026-09-18 13:00") == []
        assert told(COORDINATOR, "2026-09-19 00:00") == [("2026-T2", "B", True)]
        assert told(COORDINATOR, "2027-01-05 10:00") == [("2026-T2", "B", True)]
        for nobody in (NURSE, OFFICER, DIRECTORATE, ADMIN):
            assert told(nobody, "2026-09-18 12:00") == []


def test_a_unit_that_came_into_the_project_after_the_due_day_was_never_asked(
    summer: Database,
) -> None:
    with summer.write() as tx:
        submit(tx, LEAD, T1, "A", now=at("2026-05-18 10:00"))
        record_stage(tx, ADMIN, "A", "withdrawn", on=date(2026, 8, 1), now=CHECKED)
        record_stage(tx, ADMIN, "A", "contract_signed", on=date(2026, 8, 20), now=LATER)
        assert expected(tx, T2, "A", now=LATER)
        assert to_send_in(tx, LEAD, now=LATER) == []


# --- frozen, corrected, revised ---


def test_a_frozen_report_never_changes_and_names_who_is_missing(summer: Database) -> None:
    with summer.write() as tx:
        submit(tx, LEAD, T2, "A", TOLD, now=CHECKED)
    published = frozen(summer)
    with summer.write() as tx:
        kept = frozen_kept(tx, T2)[0]
        assert kept.more["missing"] == ["B", "C"]
        assert kept.more["not_accepted"] == ["A"]
        assert kept.more["heads"]
        assert (kept.definitions, kept.threshold) == ("1", 5)
        talk_typed_in_late(tx)
    again = directorate_report(summer, T2, now=LATER, threshold=5)
    assert again == published
    assert (again.state, again.revision) == ("frozen", 1)
    with pytest.raises(Conflict, match="frozen already"):
        frozen(summer, LATER)
    with summer.write() as tx, pytest.raises(DatabaseError), tx.begin_nested():
        tx.execute(update(published_cell).values(numerator=0))


def test_freeze_correct_revise(summer: Database) -> None:
    first = frozen(summer)
    forms = ("json", "csv")
    printed = {form: exported(first, form) for form in forms}  # type: ignore[arg-type]
    with pytest.raises(Refused, match="has changed"):
        revise(summer, DIRECTORATE, T2, now=at("2026-09-05 10:00"), threshold=5)
    with summer.write() as tx:
        talk_typed_in_late(tx)

    second = revise(summer, DIRECTORATE, T2, now=LATER, threshold=5)

    assert second.revision == 2
    one = directorate_report(summer, T2, now=LATER, threshold=5, revision=1)
    two = directorate_report(summer, T2, now=LATER, threshold=5)
    assert (one, two) == (first, second)
    assert {form: exported(one, form) for form in forms} == printed
    with summer.read() as tx:
        told = explained(tx, OPERATOR, T2, 1, 2, threshold=5)
        theirs = explained(tx, DIRECTORATE, T2, 1, 2, threshold=5)
        outside = explained(tx, OUTSIDER, T2, 1, 2, threshold=5)
        before, after = frozen_kept(tx, T2)
    assert [event.verb for event in told.events] == ["case_opened", "task_completed", "answered"]
    assert {event.unit for event in told.events} == {"A"}
    assert (theirs.events, outside.events) == ([], [])
    assert set(theirs.arrived.values()) == {None}, "one event of each kind is a small number"
    assert "unit A I3: 9/9 against 10/10" in [str(each) for each in told.cells]
    assert before.hidden <= after.hidden
    assert recovered([before.published()], after.published()) == []
    with summer.read() as tx, pytest.raises(NotFound):
        explained(tx, OPERATOR, T2, 1, 3, threshold=5)


def test_what_arrived_of_a_hidden_person_is_neither_counted_nor_shown(summer: Database) -> None:
    frozen(summer)
    with summer.write() as tx:
        talk_typed_in_late(tx)
        late = tx.execute(select(case_.c.ref).order_by(case_.c.id.desc()).limit(1)).scalar_one()
    revise(summer, DIRECTORATE, T2, now=LATER, threshold=5)

    with summer.write() as tx:
        seen = explained(tx, NURSE, T2, 1, 2, threshold=5)
        assert late in {event.case_ref for event in seen.events}
        set_protection(tx, OPERATOR, late, "STRENGT_FORTROLIG", now=LATER)
        gone = explained(tx, NURSE, T2, 1, 2, threshold=5)
    assert gone.events == []
    assert gone.arrived == {}


def test_who_asks_of_a_frozen_period_as_of_an_instant_gets_a_cut_that_is_attacked_too(
    summer: Database,
) -> None:
    frozen(summer)
    with summer.write() as tx:
        talk_typed_in_late(tx)
    cut = directorate_report(summer, T2, now=LATER, threshold=5, as_of=LATER)

    assert (cut.state, cut.revision, cut.as_of) == ("open", 0, LATER)
    assert cut.nation["I3"].denominator in (18, None)


def test_a_unit_that_has_left_the_project_is_not_waited_for(summer: Database) -> None:
    with summer.write() as tx:
        assert [part.unit for part in parts(tx, T2, now=CHECKED)] == ["A", "B", "C"]
        assert part_of(tx, T2, "B").state == "open"
        assert tx.execute(select(report.c.id)).all() == []
