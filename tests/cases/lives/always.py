"""What always holds of the whole house, whatever was done in whatever order.

Each of these is read from the tables alone and said in words of its own, so that a verb that is
wrong about it cannot also be right here.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, select, text

from cases.access import OPERATOR
from cases.health import note_of
from cases.model import AppointmentStatus, Case, Phase, TaskState
from cases.naloxone import WITH_SPRAY
from cases.queries import cases_by_ids, visible_binds, visible_cases
from cases.tables import (
    case_,
    group_attendance,
    group_session,
    health_answer,
    naloxone_event,
    named_access,
    package_version,
    person,
    person_merge,
    stay,
    unit_controller,
    unit_version,
)
from cases.tables.people import HIDDEN
from core.clock import local_date
from notifications.tables import outbox
from tests.cases.desk import (
    COORDINATOR,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    Desk,
)

STAFF = (NURSE, HEALTH_LEAD, OFFICER, COORDINATOR, UNIT_LEAD, OUTSIDER)


def check_house(desk: Desk, *, now: datetime, swept: bool = False) -> None:
    """Everything that holds of the house between two verbs; `swept`: right after a sweep."""
    with desk.db.read() as tx:
        ids = list(tx.execute(select(case_.c.id)).scalars())
        cases = cases_by_ids(tx, OPERATOR, ids)
        _check_kits(tx, cases)
        _check_sessions(tx, cases)
        _check_answers_stay(tx, cases)
        _check_who_sees(tx)
        _check_merged_persons(tx)
        _check_messages(tx, cases)
        if swept:
            _check_owners(tx, cases, now)


def _check_kits(tx: Connection, cases: dict[int, Case]) -> None:
    """A spray handed over at the gate has one row in the ledger that stands; else there is none."""
    rows = tx.execute(select(naloxone_event)).all()
    undone = {row.undoes for row in rows if row.undoes is not None}
    assert len(undone) == sum(row.undoes is not None for row in rows), "taken back twice"
    standing: dict[int, int] = defaultdict(int)
    for row in rows:
        assert row.quantity > 0
        assert row.recorded_at >= row.happened_at
        if row.task == "handed_over" and row.undoes is None and row.id not in undone:
            standing[row.case_id] += 1
    for case_id, case in cases.items():
        handed = case.task("handed_over")
        sprays = int(
            handed is not None and handed.state is TaskState.DONE and handed.answer in WITH_SPRAY
        )
        assert standing[case_id] == sprays, "the ledger tells another story than the gate"


def _check_sessions(tx: Connection, cases: dict[int, Case]) -> None:
    """Nobody was in two sessions at once, and what a list completed was a talk in a group."""
    query = select(group_session, group_attendance).join(
        group_attendance, group_attendance.c.session_id == group_session.c.id
    )
    there: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    taken: dict[int, int] = defaultdict(int)
    for row in tx.execute(query).mappings():
        session_state, state = row[group_session.c.state], row[group_attendance.c.state]
        taken[row[group_session.c.id]] += state == "invited"
        if row[group_session.c.capacity] is not None and session_state == "planned":
            assert taken[row[group_session.c.id]] <= row[group_session.c.capacity]
        assert state == "invited" or session_state == "held"
        if state != "present":
            assert not row[group_attendance.c.credited]
            continue
        begins = row[group_session.c.starts_at]
        case_id = row[group_attendance.c.case_id]
        there[case_id].append((begins, begins + timedelta(minutes=row[group_session.c.minutes])))
        task = cases[case_id].task(row[group_session.c.task])
        # Undone and done again since, it is another completion.
        if (
            row[group_attendance.c.credited]
            and task is not None
            and task.state is TaskState.DONE
            and (task.recorded_at, task.done_at)
            == (row[group_attendance.c.recorded_at], row[group_session.c.held_at])
        ):
            assert task.form == "group"
    for times in there.values():
        times.sort()
        for (_, ends), (begins, _) in pairwise(times):
            assert ends <= begins, "somebody was in two sessions at once"


def _check_answers_stay(tx: Connection, cases: dict[int, Case]) -> None:
    """A health answer is held by services of units that had the case, while its talk is done."""
    bound: dict[str, set[int]] = defaultdict(set)
    rows = select(unit_controller).where(unit_controller.c.kind == "health")
    for row in tx.execute(rows):
        bound[row.unit].add(row.controller_id)
    had: dict[int, set[str]] = defaultdict(set)
    for row in tx.execute(select(stay.c.case_id, stay.c.unit)):
        had[row.case_id].add(row.unit)
    into = {
        row.unit: row.merged_into
        for row in tx.execute(
            select(unit_version.c.unit, unit_version.c.merged_into).where(
                unit_version.c.merged_into.is_not(None)
            )
        )
    }
    for row in tx.execute(select(health_answer)):
        near = had[row.case_id] | {old for old, new in into.items() if new in had[row.case_id]}
        allowed = set[int]().union(*(bound[unit] for unit in near))
        assert row.controller_id in allowed, "a health answer at a service that never had the case"
        case = cases[row.case_id]
        noted = [each for each in case.appointments if note_of(each.id) == row.task]
        if noted:
            assert noted[0].unbooked, "a note of what was no contact"
            assert noted[0].status is not AppointmentStatus.CANCELLED, "a note of none"
            continue
        task = case.task(row.task)
        assert task is not None
        assert task.state is TaskState.DONE, "an answer to a talk that was not held"
        assert task.answer is None, "a health answer stands in the task"


def _check_who_sees(tx: Connection) -> None:
    """Staff see the open cases of their units and no other, under kode 6 only those named."""
    hidden = set(tx.execute(select(person.c.id).where(text(HIDDEN))).scalars())
    named: dict[int, set[str]] = defaultdict(set)
    for row in tx.execute(select(named_access).where(named_access.c.revoked_at.is_(None))):
        named[row.person_id].add(row.account)
    every = tx.execute(select(case_.c.id, case_.c.unit, case_.c.person_id)).all()
    for viewer in STAFF:
        query = select(case_.c.id).where(visible_cases(viewer))
        seen = set(tx.execute(query, visible_binds(viewer)).scalars())
        ought = {
            row.id
            for row in every
            if row.unit in viewer.units
            and (row.person_id not in hidden or viewer.account in named[row.person_id])
        }
        assert seen == ought, f"{viewer.account} sees another house than the one that is theirs"


def _check_merged_persons(tx: Connection) -> None:
    """Two who were found to be one are counted as one."""
    counted = dict(tx.execute(select(person.c.id, person.c.counted_as)).all())
    for row in tx.execute(select(person_merge).where(person_merge.c.state == "merged")):
        assert counted[row.kept_id] == counted[row.other_id], "merged, and counted as two"
    rows = select(case_.c.counted_as, person.c.counted_as.label("of_person")).join(
        person, person.c.id == case_.c.person_id
    )
    known = set(counted.values())
    for row in tx.execute(rows):
        assert row.counted_as in known, "counted as nobody"


def _check_messages(tx: Connection, cases: dict[int, Case]) -> None:
    """A message waits only for somebody released who accepted, agreed to SMS and has a visit."""
    of = {case.ref: case for case in cases.values()}
    for row in tx.execute(select(outbox).where(outbox.c.state == "wanted")):
        case = of[row.subject]
        assert case.phase is Phase.FOLLOW_UP, "a message to somebody who is not in follow-up"
        assert case.participation.value in ("accepted", "not_now")
        agreed = [each for each in case.consents if each.purpose.value == "sms"]
        latest = max(agreed, key=lambda each: (each.happened_at, each.seq), default=None)
        assert latest is not None, "a message without consent"
        assert latest.given, "a message without consent"
        assert not case.protection.value.startswith("STRENGT"), "a message under kode 6"
        assert case.released_at is not None
        assert row.send_at < row.expires_at <= row.starts_at
        assert local_date(row.send_at) <= local_date(case.released_at) + timedelta(days=42)
        times = [a.starts_at for a in case.appointments if a.status.value == "confirmed"]
        assert row.starts_at in times, "a message about no appointment"


def _check_owners(tx: Connection, cases: dict[int, Case], now: datetime) -> None:
    """After a sweep no open case belongs to a unit that has become part of another."""
    today = local_date(now)
    gone = {
        row.unit
        for row in tx.execute(select(unit_version).where(unit_version.c.merged_into.is_not(None)))
        if row.valid_to <= today
    }
    for case in cases.values():
        if case.phase is not Phase.CLOSED:
            assert case.unit not in gone, "an open case without an owner"
            waiting = case.open_transfer
            assert waiting is None or waiting.to_unit not in gone


def used_packages(tx: Connection) -> dict[str, Any]:
    """The digest of every package version that a case has used: it never changes again."""
    rows = select(package_version.c.key, package_version.c.sha256).where(
        package_version.c.used_at.is_not(None)
    )
    return dict(tx.execute(rows).all())
