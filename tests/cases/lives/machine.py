"""Random lives of cases: time, persons, the roster, and the verbs about one case.

`Lives` is one run: a database with at most three persons, hours to months of time, and the verbs
a unit uses, given by people who may and people who may not. What a verb may and may not do to a
case is checked after each; what always holds of the whole house stands in `always`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import func, select

from cases import answer_correction, appointments, release, sending, service, sweep, transfers
from cases.access import OPERATOR, Viewer
from cases.appointments import Booking
from cases.model import (
    AnswerReason,
    AppointmentKind,
    AppointmentStatus,
    Case,
    CloseReason,
    ConsentPurpose,
    Destination,
    Participation,
    Phase,
    Receiver,
    ReleaseKind,
    TaskState,
    UndoReason,
    UnplannedReason,
    WaiveReason,
)
from cases.package import national
from cases.roster import import_roster
from cases.service import TaskDone
from cases.tables import case_, notice, task
from cases.wanted import still_wanted
from core.clock import OSLO, UTC, frozen_clock, local_date
from core.errors import OverlevError
from notifications import outbox
from notifications.delivery import deliver
from notifications.message import MessageState
from notifications.sender import MemorySender
from reports.figures import Report, compare
from reports.indicators import changed_after, count_now
from reports.recount import recount
from reports.report import snapshot
from reports.tertial import Period, Question
from tests.cases.desk import (
    COORDINATOR,
    DIRECTORATE,
    HEALTH_LEAD,
    NURSE,
    OFFICER,
    OUTSIDER,
    UNIT_LEAD,
    UNITS,
    Desk,
    all_refs,
    check_case,
    findings,
)
from tests.cases.lives.always import check_house
from tests.cases.roster_files import file_of

TASKS = tuple(rule.code for rule in national().tasks)
STEPS = 50
OPEN = (TaskState.OPEN, TaskState.PREPARED, TaskState.MISSED)
FINISHED = (TaskState.DONE, TaskState.WAIVED)
MINUTE = timedelta(minutes=1)


def codes(kind: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([member.value for member in kind])


# Whoever asks: mostly somebody who may do everything, so that runs get somewhere.
VIEWERS = st.sampled_from(
    [OPERATOR] * 8 + [NURSE, HEALTH_LEAD, OFFICER, COORDINATOR, UNIT_LEAD, OUTSIDER, DIRECTORATE],
)
WHICH = st.integers(0, 2)
# When a fact happened: None is now, else so many hundredths of the time since the admission; what
# lies outside 0 to 100 is refused.
WHEN = st.one_of(st.none(), st.integers(0, 100), st.integers(0, 100), st.integers(-5, 105))
# A task: the n-th of those it can be done to as they stand, or any by its code.
TASK = st.one_of(st.integers(0, 9), st.integers(0, 9), st.sampled_from(TASKS))
WAITS = st.one_of(
    st.integers(1, 300).map(lambda minutes: minutes * MINUTE),
    st.integers(1, 6 * 24).map(lambda hours: timedelta(hours=hours)),
    st.integers(1, 60).map(lambda days: timedelta(days=days)),
)
DAYS_AHEAD = st.one_of(st.integers(0, 10), st.integers(-20, 150))
STARTS = st.integers(0, 8 * 365 * 24 * 4).map(
    lambda quarters: datetime(2024, 1, 1, tzinfo=UTC) + quarters * timedelta(minutes=15)
)


@dataclass
class Somebody:
    """A person of a run: what the roster last said, as it would be written in the file."""

    number: str
    cells: dict[str, str] = field(default_factory=dict)


class Lives(RuleBasedStateMachine):
    """One run. `furnished` makes its database."""

    furnished: Callable[[], Any]
    folder: Path
    seen: dict[str, int]

    def __init__(self) -> None:
        super().__init__()
        self._open = self.furnished()
        self.desk: Desk = self._open.__enter__()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.people: list[Somebody] = []
        self.sent: dict[str, int] = {}
        self.reports: list[tuple[Period, datetime, Report]] = []

    # --- time and persons ---

    @initialize(start=STARTS, days=st.one_of(st.none(), DAYS_AHEAD), waited=st.integers(0, 80))
    def one_person_is_admitted(self, start: datetime, days: int | None, waited: int) -> None:
        self.now = start
        somebody = self._newcomer(waited, days)
        self._import(somebody)

    @rule(wait=WAITS)
    def time_passes(self, wait: timedelta) -> None:
        self._note_report()
        self.now += wait

    @precondition(lambda self: len(self.people) < 3)
    @rule(waited=st.integers(-20, 80), days=st.one_of(st.none(), DAYS_AHEAD))
    def somebody_else_is_admitted(self, waited: int, days: int | None) -> None:
        self._import(self._newcomer(waited, days))

    @rule(waited=st.integers(0, 30), days=st.one_of(st.none(), DAYS_AHEAD), which=WHICH)
    def somebody_is_imprisoned_again(self, waited: int, days: int | None, which: int) -> None:
        person = self.people[which % len(self.people)]
        again = self._newcomer(waited, days)
        self.people.pop()
        person.cells = again.cells | {"innsattnr": person.number}
        self._import(person)

    @rule(
        which=WHICH,
        unit=st.none() | st.sampled_from(UNITS),
        days=st.none() | DAYS_AHEAD,
        kind=st.none() | st.sampled_from(["bekreftet", "prøveløslatelse", "full tid", ""]),
        released=st.none() | st.integers(-2, 10),
        person=st.none()
        | st.sampled_from(
            [
                {"mobil": "47439150"},
                {"mobil": "47439151"},
                {"adressesperre": "STRENGT_FORTROLIG"},
                {"adressesperre": "UGRADERT"},
                {"språk": "so"},
                {"etternavn": "Dahl"},
                {"fødselsnummer": "21888824925"},
                {"fødselsdato": "21.08.1988"},
            ]
        ),
        minutes=st.none() | st.integers(0, 1439),
    )
    def the_roster_says_something_new(
        self,
        *,
        which: int,
        unit: str | None,
        days: int | None,
        kind: str | None,
        released: int | None,
        person: dict[str, str] | None,
        minutes: int | None,
    ) -> None:
        somebody = self.people[which % len(self.people)]
        cells = somebody.cells | (person or {})
        if unit is not None:
            cells["enhet"] = unit
        if days is not None:
            cells["planlagt løslatelse"] = f"{self._today(days):%d.%m.%Y}"
        if kind is not None:
            cells["løslatelsesgrunnlag"] = kind
        if released is not None:
            cells["løslatt"] = f"{self._today(-released):%d.%m.%Y}"
        if minutes is not None:
            cells["innsatt"] = f"{cells['innsatt'][:10]} {minutes // 60:02d}:{minutes % 60:02d}"
        somebody.cells = cells
        self._import(somebody, tried=True)

    @rule()
    def the_roster_comes_again(self) -> None:
        # A row that was rejected stays rejected; every other says nothing new.
        first = self._import(*self.people)
        again = self._import(*self.people)
        assert again.unchanged == again.rows - len(again.rejected)
        assert [r.reason for r in again.rejected] == [r.reason for r in first.rejected]

    # --- verbs about one case ---

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        code=TASK,
        when=WHEN,
        form=st.sampled_from([None, None, "group", "individual"]),
        answer=st.sampled_from([None, None, "at_risk", "card_and_spray"]),
    )
    def a_task_is_completed(self, code: Any, when: Any, form: Any, answer: Any, **who: Any) -> None:
        done = TaskDone(self._code(code, who, OPEN), self._at(when, who), form, answer)
        self._try(service.complete_task, who, done)

    @rule(which=WHICH, viewer=VIEWERS, code=TASK, when=WHEN)
    def a_task_is_simply_completed(self, code: Any, when: Any, **who: Any) -> None:
        done = TaskDone(self._code(code, who, OPEN), self._at(when, who))
        self._try(service.complete_task, who, done)

    @rule(which=WHICH, viewer=VIEWERS, code=TASK, why=codes(WaiveReason), when=WHEN)
    def a_task_is_waived(self, code: Any, why: str, when: Any, **who: Any) -> None:
        code = self._code(code, who, OPEN)
        self._try(service.waive_task, who, code, why, happened_at=self._at(when, who))

    @rule(which=WHICH, viewer=VIEWERS, code=TASK, why=codes(UndoReason))
    def a_task_is_undone(self, code: Any, why: str, **who: Any) -> None:
        self._try(service.undo_task, who, self._code(code, who, FINISHED), why)

    @rule(which=WHICH, viewer=VIEWERS, answer=st.sampled_from(["at_risk", "not_at_risk"]))
    def a_health_answer_is_corrected(self, answer: str, **who: Any) -> None:
        self._try(answer_correction.correct_answer, who, "intake_talk", answer)

    @rule(which=WHICH, why=codes(UndoReason))
    def an_answer_is_undone(self, why: str, **who: Any) -> None:
        self._try(service.undo_task, who, "offer_answered", why)

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        status=codes(Participation),
        when=WHEN,
        reason=st.none() | codes(AnswerReason),
    )
    def the_offer_is_answered(self, status: str, when: Any, reason: Any, **who: Any) -> None:
        self._try(service.answer_offer, who, status, happened_at=self._at(when, who), reason=reason)

    @rule(which=WHICH, when=WHEN)
    def the_offer_is_accepted(self, when: Any, **who: Any) -> None:
        self._try(service.answer_offer, who, "accepted", happened_at=self._at(when, who))

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        purpose=codes(ConsentPurpose),
        to=st.none() | codes(Receiver),
        given=st.booleans(),
        when=WHEN,
    )
    def a_consent_is_recorded(
        self, purpose: str, to: Any, given: bool, when: Any, **who: Any
    ) -> None:
        self._try(
            service.record_consent,
            who,
            purpose,
            given=given,
            receiver=to,
            happened_at=self._at(when, who),
        )

    @rule(which=WHICH)
    def sms_is_consented_to(self, **who: Any) -> None:
        self._try(service.record_consent, who, "sms", given=True)

    @rule(which=WHICH, viewer=VIEWERS, days=st.none() | DAYS_AHEAD, kind=codes(ReleaseKind))
    def a_release_date_is_set_or_withdrawn(self, days: Any, kind: str, **who: Any) -> None:
        on = None if days is None else self._today(days)
        self._try(release.set_release_date, who, on, kind=kind)

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        when=WHEN,
        to=st.sampled_from([*Destination, "liberty", "liberty"]),
        unplanned=st.none() | codes(UnplannedReason),
    )
    def somebody_is_released(self, when: Any, to: str, unplanned: Any, **who: Any) -> None:
        self._try(release.release, who, released_at=self._at(when, who), to=to, unplanned=unplanned)

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        reason=st.sampled_from(["died", "transferred_out", "deported", *CloseReason]),
        when=WHEN,
        sure=st.integers(0, 1),
    )
    def a_case_is_closed(self, reason: str, when: Any, sure: int, **who: Any) -> None:
        if sure == 0:  # not always, because a closed case is the end of most stories
            self._try(release.close, who, reason, closed_at=self._at(when, who))

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        kind=codes(AppointmentKind),
        status=st.sampled_from(["requested", "confirmed", "confirmed"]),
        hours=st.one_of(st.integers(1, 200), st.integers(-5, 30 * 24)),
        after_release=st.booleans(),
    )
    def an_appointment_is_booked(
        self, kind: str, status: str, hours: int, after_release: bool, **who: Any
    ) -> None:
        start = self.now
        case = self._case(who["which"])
        if after_release and case.release_on is not None:
            start = max(start, datetime(*case.release_on.timetuple()[:3], 9, tzinfo=OSLO))
        booking = Booking(
            kind, (start + timedelta(hours=hours)).astimezone(UTC), "Moen", "Gata 1", status=status
        )
        self._try(appointments.book, who, booking)

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        nth=st.integers(0, 3),
        status=st.one_of(st.integers(0, 4), codes(AppointmentStatus)),
        when=WHEN,
    )
    def an_appointment_goes_on(self, nth: int, status: Any, when: Any, **who: Any) -> None:
        case = self._case(who["which"])
        if not case.appointments:
            return
        this = case.appointments[nth % len(case.appointments)]
        if not isinstance(status, str):
            ways = sorted(appointments.NEXT[this.status]) or list(AppointmentStatus)
            status = ways[status % len(ways)].value
        at = self._at(when, who)
        self._try(
            appointments.record_outcome, who, status, case=case, about=this.id, happened_at=at
        )

    @rule(which=WHICH, viewer=VIEWERS, unit=st.sampled_from([*UNITS, "atlantis"]))
    def a_transfer_is_proposed(self, unit: str, **who: Any) -> None:
        self._try(transfers.propose_transfer, who, unit)

    @rule(
        which=WHICH,
        viewer=VIEWERS,
        nth=st.integers(0, 3),
        answer=st.sampled_from(["accept", "accept", "reject", "revoke"]),
    )
    def a_transfer_is_answered(self, nth: int, answer: str, **who: Any) -> None:
        # An open one if there is one, so that answers find something to answer.
        cases = [self.desk.case(ref) for ref in all_refs(self.desk)]
        cases.sort(key=lambda case: case.open_transfer is None)
        case = cases[0] if cases and nth else self._case(who["which"])
        if case.transfers:
            one = case.open_transfer or case.transfers[nth % len(case.transfers)]
            self._try(transfers.answer_transfer, who, answer, about=one.id, case=case)

    # --- the machinery ---

    @rule()
    def the_sweep_comes_by(self) -> None:
        before = {ref: self.desk.case(ref) for ref in all_refs(self.desk)}
        told_about = self._told()
        sweep.sweep(self.desk.db, now=self.now)
        settled = {ref: self.desk.case(ref) for ref in before}
        assert sweep.sweep(self.desk.db, now=self.now) == sweep.SweepResult()
        assert {ref: self.desk.case(ref) for ref in before} == settled
        told_now = self._told()
        for ref, case in before.items():
            self._check(ref)
            if case.phase is Phase.CLOSED:
                assert told_now.get(case.id) == told_about.get(case.id)
        with self.desk.db.read() as tx:
            for table in (task, case_):
                late = select(func.count()).select_from(table).where(table.c.wake_at <= self.now)
                assert tx.execute(late).scalar_one() == 0, "the sweep left something behind"
        self._check_house(swept=True)

    @rule(which=WHICH)
    def one_case_is_advanced(self, **who: Any) -> None:
        ref = self._case(who["which"]).ref
        self.desk.do(sweep.advance, ref, now=self.now)
        self._check(ref)

    @rule()
    def what_is_due_is_sent(self) -> None:
        """No message is sent twice, nor to somebody who should get none any more."""
        before = self._messages()
        sender = MemorySender()
        deliver(
            self.desk.db,
            sender,
            ask=sending.ASK,
            clock=frozen_clock(self.now),
            owner=f"test-{len(self.sent)}-{self.now.timestamp()}",
        )
        after = self._messages()
        gone = [
            about
            for about, each in after.items()
            if each.state is MessageState.ACCEPTED
            and before[about].state is not MessageState.ACCEPTED
        ]
        assert len(sender.sent) == len(gone)
        for about in gone:
            assert about not in self.sent, "sent twice"
            self.sent[about] = 1
            case = self.desk.case(after[about].subject)
            assert still_wanted(case, about) is None, "sent though nobody wants it"
            assert self.now < after[about].starts_at, "sent when it was over"
        for ref in all_refs(self.desk):
            self._check(ref)

    # --- how ---

    def _newcomer(self, waited: int, days: int | None) -> Somebody:
        admitted = (self.now - timedelta(hours=waited)).astimezone(OSLO)
        number = str(100_000 + len(self.people))
        planned = "" if days is None else f"{local_date(self.now) + timedelta(days=days):%d.%m.%Y}"
        somebody = Somebody(
            number,
            {
                "innsattnr": number,
                "fornavn": "Kari",
                "etternavn": "Berg",
                "enhet": "a",
                "innsatt": f"{admitted:%d.%m.%Y %H:%M}",
                "planlagt løslatelse": planned,
                "løslatelsesgrunnlag": "bekreftet" if planned else "",
                "mobil": "47439150",
            },
        )
        self.people.append(somebody)
        return somebody

    def _import(self, *people: Somebody, tried: bool = False) -> Any:
        path = file_of(self.folder, *(somebody.cells for somebody in people))
        dry = None
        if tried:
            dry = import_roster(self.desk.db, path, OPERATOR, now=self.now, demo=True, dry_run=True)
        result = import_roster(self.desk.db, path, OPERATOR, now=self.now, demo=True)
        path.unlink()
        assert dry in (None, result), "a dry run gives the same counts"
        for ref in all_refs(self.desk):
            self._check(ref)
        return result

    def _case(self, which: int) -> Case:
        """One of the cases, seldom a closed one."""
        cases = [self.desk.case(ref) for ref in all_refs(self.desk)]
        if not cases:
            # The one row so far was rejected: let somebody in whom nothing stands against.
            self._import(self._newcomer(1, None))
            return self._case(which)
        living = [case for case in cases if case.phase is not Phase.CLOSED]
        among = living if living and which < 2 else cases
        return among[which % len(among)]

    def _code(self, pick: Any, who: dict[str, Any], states: tuple[TaskState, ...]) -> str:
        if isinstance(pick, str):
            return pick
        fitting = [each.code for each in self._case(who["which"]).tasks if each.state in states]
        code: str = fitting[pick % len(fitting)] if fitting else TASKS[pick]
        return code

    def _try(
        self, verb: Callable[..., Case], who: dict[str, Any], *args: Any, **kwargs: Any
    ) -> None:
        """A verb that may be refused; then nothing has changed."""
        before = kwargs.pop("case", None) or self._case(who["which"])
        about = kwargs.pop("about", before.ref)
        shown = kwargs.pop("result", lambda found: found)
        viewer = who.get("viewer", OPERATOR)
        name = verb.__name__
        try:
            after = shown(self.desk.do(verb, viewer, about, *args, now=self.now, **kwargs))
        except OverlevError as refusal:
            assert refusal.status < 500, refusal  # noqa: PT017 - a verb may pass or be refused
            assert self.desk.case(before.ref) == before, "a refusal changed something"
            name += " refused"
        else:
            assert after == self.desk.case(before.ref), "the answer is not what was stored"
            self._check_step(before, after, verb.__name__)
            self._check(before.ref)
            if viewer is not OPERATOR:
                self._check_scope(viewer, before)
        self._note(name)

    def _do(
        self, verb: Callable[..., Any], *args: Any, refs: Iterable[str] | None = None, **kwargs: Any
    ) -> Any:
        """A verb that is about more than one case, or none; refused, it has changed nothing.

        Returns what it gives, None if it was refused. `refs` are the cases to look at afterwards.
        """
        name = verb.__name__
        stood = self._stands()
        found = None
        try:
            found = self.desk.do(verb, *args, now=self.now, **kwargs)
        except OverlevError as refusal:
            assert refusal.status < 500, refusal  # noqa: PT017 - a verb may pass or be refused
            assert self._stands() == stood, "a refusal changed something"
            name += " refused"
        else:
            for ref in all_refs(self.desk) if refs is None else refs:
                self._check(ref)
        self._note(name)
        return found

    def _note(self, name: str) -> None:
        self.seen[name] = self.seen.get(name, 0) + 1

    def _stands(self) -> tuple[Any, ...]:
        with self.desk.db.read() as tx:
            cases = select(func.count(), func.sum(case_.c.version)).select_from(case_)
            told = select(func.count()).select_from(notice)
            return (*tx.execute(cases).one(), tx.execute(told).scalar_one())

    def _check_scope(self, viewer: Viewer, case: Case) -> None:
        """Whoever did something to a case is of the unit that owned it, or that it was given to."""
        near = {case.unit}
        if case.open_transfer is not None:
            near.add(case.open_transfer.to_unit)
        assert viewer.units & near, "somebody did something to another unit's case"

    def _messages(self) -> dict[str, Any]:
        with self.desk.db.read() as tx:
            refs = list(tx.execute(select(case_.c.ref)).scalars())
            return {m.about: m for ref in refs for m in outbox.of_subject(tx, ref)}

    def _check(self, ref: str) -> None:
        check_case(self.desk, ref, now=self.now)

    def _check_step(self, before: Case, after: Case, verb: str) -> None:
        assert after.version >= before.version
        was = {each.code: each for each in before.tasks}
        for each in after.tasks:
            earlier = was[each.code]
            if earlier.state is TaskState.DONE and each.state is TaskState.DONE:
                assert each.due_at == earlier.due_at, "what is done keeps its due time"
            if earlier.missed_at is not None and verb != "undo_release":
                assert each.missed_at == earlier.missed_at, "a deviation is never forgotten"
        assert len(after.consents) >= len(before.consents)
        assert after.admitted_unit == before.admitted_unit
        assert after.package == before.package

    def _told(self) -> dict[int | None, int]:
        with self.desk.db.read() as tx:
            rows = tx.execute(
                select(notice.c.case_id, func.count().label("told")).group_by(notice.c.case_id)
            )
            return {row.case_id: row.told for row in rows}

    def _today(self, days: int = 0) -> date:
        return local_date(self.now) + timedelta(days=days)

    def _at(self, when: int | None, who: dict[str, Any]) -> datetime | None:
        if when is None:
            return None
        admitted_at = self._case(who["which"]).admitted_at
        return admitted_at + (self.now - admitted_at) * when / 100

    def _note_report(self) -> None:
        """Remember the figures of this moment: they must never change afterwards."""
        if len(self.reports) < 3:
            period = Period.of(local_date(self.now))
            self.reports.append((period, self.now, self._count_now(period)))

    def _count_now(self, period: Period) -> Report:
        question = Question(period, self.now)
        with snapshot(self.desk.db) as tx:
            return count_now(tx, question).report(question)

    def teardown(self) -> None:
        try:
            for ref in all_refs(self.desk):
                self._check(ref)
            self._check_house()
            assert findings(self.desk) == []
            self._check_notices()
            self._check_reports()
        finally:
            self._open.__exit__(None, None, None)

    def _check_house(self, *, swept: bool = False) -> None:
        check_house(self.desk, now=self.now, swept=swept)

    def _check_notices(self) -> None:
        with self.desk.db.read() as tx:
            rows = tx.execute(select(notice).where(notice.c.rung != "transfer_waiting")).all()
        once = {(row.case_id, row.task, row.rung, row.due_at) for row in rows}
        assert len(once) == len(rows), "a rung fired twice for one due time"
        assert all(row.at <= row.told_at for row in rows), "told before its time"

    def _check_reports(self) -> None:
        with self.desk.db.read() as tx:
            admitted = [local_date(at) for at in tx.execute(select(case_.c.admitted_at)).scalars()]
        periods = {Period.of(day) for day in (*admitted, local_date(self.now))}
        for period in periods:
            question = Question(period, self.now)
            with snapshot(self.desk.db) as tx:
                if period.first_at <= self.now and not changed_after(tx, question):
                    quick = count_now(tx, question).report(question)
                    differing = compare(quick, recount(tx, period, self.now))
                    assert not differing, f"a recount differs: {_told(differing)}"
        for period, then, figures in self.reports:
            with snapshot(self.desk.db) as tx:
                differing = compare(figures, recount(tx, period, then))
                assert not differing, f"the past of {then} moved: {_told(differing)}"


def _told(differing: Iterable[Any]) -> str:
    return "; ".join(str(each) for each in list(differing)[:4])
