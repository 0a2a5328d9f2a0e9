"""Random small histories: cases lived through the real verbs, with late entries of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from hypothesis import strategies as st
from sqlalchemy import Connection

from cases import (
    appointments,
    naloxone,
    naloxone_rows,
    project,
    queries,
    release,
    service,
    sweep,
    transfers,
)
from cases.access import OPERATOR, SYSTEM
from cases.appointments import Booking
from cases.calendar import at as on_the_wall
from cases.custody import Kind
from cases.model import (
    AnswerReason,
    AppointmentKind,
    AppointmentStatus,
    CloseReason,
    Destination,
    Form,
    HandedOver,
    Participation,
    ReleaseKind,
    Source,
    UndoReason,
    UnplannedReason,
    WaiveReason,
)
from cases.package import national
from cases.people import Registered
from cases.service import Admission, TaskDone
from core.clock import local_date
from core.errors import OverlevError
from tests.people import REGIONS, at, make_person

BEGUN_AT = at("2026-12-20 10:00")
"""Histories begin so that the turn of the year, and of the period, lies within most of them."""

TASKS = [rule.code for rule in national().tasks]
FORMS = {rule.code: rule.forms for rule in national().tasks}


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens `wait` after the one before, `back` before it is recorded.

    Which case, task, unit or code it is about follows from `picks`, whatever there is by then.
    """

    verb: str
    wait: timedelta
    back: timedelta
    picks: tuple[int, int, int]


VERBS = (
    *("answer", "complete") * 3,
    *("admit", "release", "move", "set_date") * 2,
    *("waive", "undo", "close", "sweep"),
)
VERBS_OF_FOLLOW_UP = (
    *("book", "went", "went") * 3,
    *("postpone", "give", "release", "complete") * 2,
    *("admit", "answer", "take_back", "stage", "close", "sweep", "move"),
)
"""What happens to people around their release, to their appointments and their sprays."""

_WAITS = st.one_of(
    st.timedeltas(timedelta(microseconds=1), timedelta(hours=30)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=12)),
    st.just(timedelta(days=43)),
)
_BACK = st.one_of(
    st.just(timedelta()), st.timedeltas(timedelta(), timedelta(days=2)),
    st.timedeltas(timedelta(), timedelta(days=15)),
)  # fmt: skip


def _acts(verbs: tuple[str, ...]) -> st.SearchStrategy[list[Act]]:
    return st.lists(
        st.builds(
            Act,
            verb=st.sampled_from(verbs),
            wait=_WAITS,
            back=_BACK,
            picks=st.tuples(*[st.integers(0, 1000)] * 3),
        ),
        min_size=2,
        max_size=14,
    )


ACTS = _acts(VERBS)
ACTS_OF_FOLLOW_UP = _acts(VERBS_OF_FOLLOW_UP)

HOURS = (time(0, 0), time(0, 30), time(10, 0), time(12, 0), time(23, 30))
"""When appointments begin: often at the edge of a day."""


class History:
    """Cases and persons of one history, and the instant it stands at."""

    def __init__(self, tx: Connection, begun_at: datetime = BEGUN_AT) -> None:
        self.tx = tx
        self.now = begun_at
        self.refs: list[str] = []
        self.persons: list[Registered] = []
        self.acts = 0
        self._admit(Act("admit", timedelta(), timedelta(hours=3), (0, 0, 0)))

    def act(self, act: Act) -> None:
        """Do it, unless the domain refuses."""
        self.now += act.wait
        try:
            getattr(self, f"_{act.verb}")(act)
        except OverlevError:
            return
        self.acts += 1

    def _ref(self, act: Act) -> str:
        return self.refs[act.picks[0] % len(self.refs)]

    def _happened(self, act: Act) -> datetime:
        admitted_at = queries.case_by_ref(self.tx, SYSTEM, self._ref(act)).admitted_at
        return max(self.now - act.back, min(admitted_at, self.now))

    def _admit(self, act: Act) -> None:
        known = act.picks[0] % 3 == 1 and self.persons
        person = (
            self.persons[act.picks[1] % len(self.persons)]
            if known
            else make_person(self.tx, now=self.now)
        )
        self.persons.append(person)
        admitted_at = self.now - act.back
        admission = Admission(
            person.ref,
            person.counted_as,
            list(REGIONS)[act.picks[1] % 3],
            admitted_at,
            release_on=local_date(self.now) + timedelta(days=act.picks[2] % 60)
            if act.picks[2] % 2
            else None,
            source=Source.STAFF,
        )
        self.refs.append(service.admit(self.tx, OPERATOR, admission, now=self.now).ref)

    def _answer(self, act: Act) -> None:
        statuses = [*Participation, Participation.ACCEPTED, Participation.ACCEPTED]
        status = statuses[act.picks[1] % len(statuses)]
        reason = None
        if status in (Participation.DECLINED, Participation.WITHDRAWN) and act.picks[2] % 3:
            reason = list(AnswerReason)[act.picks[2] % len(AnswerReason)].value
        service.answer_offer(
            self.tx,
            OPERATOR,
            self._ref(act),
            status,
            reason=reason,
            happened_at=self._happened(act),
            now=self.now,
        )

    def _complete(self, act: Act) -> None:
        code = TASKS[act.picks[1] % len(TASKS)]
        form = None
        if FORMS[code] and act.picks[2] % 3:
            form = list(Form)[act.picks[2] % 2].value
        answer = list(HandedOver)[act.picks[2] % 3].value if code == "handed_over" else None
        done = TaskDone(code, self._happened(act), form, answer)
        service.complete_task(self.tx, OPERATOR, self._ref(act), done, now=self.now)

    def _waive(self, act: Act) -> None:
        reason = list(WaiveReason)[act.picks[2] % 2]
        service.waive_task(
            self.tx,
            OPERATOR,
            self._ref(act),
            TASKS[act.picks[1] % len(TASKS)],
            reason,
            happened_at=self._happened(act),
            now=self.now,
        )

    def _undo(self, act: Act) -> None:
        case = queries.case_by_ref(self.tx, SYSTEM, self._ref(act))
        finished = [task.code for task in case.tasks if task.finished]
        if finished:
            code = finished[act.picks[1] % len(finished)]
            service.undo_task(self.tx, OPERATOR, case.ref, code, UndoReason.NOT_DONE, now=self.now)

    def _set_date(self, act: Act) -> None:
        kind = list(ReleaseKind)[act.picks[1] % len(ReleaseKind)]
        on = local_date(self.now) + timedelta(days=act.picks[2] % 50)
        release.set_release_date(
            self.tx,
            OPERATOR,
            self._ref(act),
            on if act.picks[2] % 5 else None,
            kind=kind,
            now=self.now,
        )

    def _release(self, act: Act) -> None:
        places = [*[Destination.LIBERTY] * 4, *Destination]
        flagged = act.picks[2] % 4 == 0
        release.release(
            self.tx,
            OPERATOR,
            self._ref(act),
            released_at=self._happened(act),
            to=places[act.picks[1] % len(places)],
            unplanned=UnplannedReason.COURT if flagged else None,
            now=self.now,
        )

    def _close(self, act: Act) -> None:
        reasons = (CloseReason.DIED, CloseReason.REGISTERED_IN_ERROR, CloseReason.TRANSFERRED_OUT)
        release.close(
            self.tx,
            OPERATOR,
            self._ref(act),
            reasons[act.picks[1] % len(reasons)],
            closed_at=self._happened(act),
            now=self.now,
        )

    def _move(self, act: Act) -> None:
        units = list(REGIONS)
        case = transfers.propose_transfer(
            self.tx, OPERATOR, self._ref(act), units[act.picks[1] % 3], now=self.now
        )
        answer = "accept" if act.picks[2] % 4 else "reject"
        if case.open_transfer is not None:
            transfers.answer_transfer(
                self.tx, OPERATOR, case.open_transfer.id, answer, now=self.now
            )

    def _sweep(self, act: Act) -> None:
        for ref in self.refs:
            sweep.advance(self.tx, ref, now=self.now)

    def accept_and_book(self, kinds: list[int]) -> None:
        """The first case says yes, and an appointment of each kind is confirmed for it."""
        soon = timedelta(minutes=10)
        self.act(Act("answer", soon, timedelta(), (0, len(Participation), 0)))
        for pick in kinds:
            self.act(Act("book", soon, timedelta(), (0, pick, pick)))

    def _book(self, act: Act) -> None:
        kinds = list(AppointmentKind)
        on = local_date(self.now) + timedelta(days=act.picks[1] % 27)
        booking = Booking(
            kind=kinds[act.picks[1] % len(kinds)],
            starts_at=on_the_wall(on, HOURS[act.picks[2] % len(HOURS)]),
            with_whom="Mottak",
            place="Byen",
            status="requested" if act.picks[2] % 7 == 6 else "confirmed",
        )
        appointments.book(self.tx, OPERATOR, self._ref(act), booking, now=self.now)

    def _appointment(self, act: Act) -> str:
        """An appointment, the one that waits longest for its outcome if there is one."""
        booked = queries.case_by_ref(self.tx, SYSTEM, self._ref(act)).appointments
        waiting = [a for a in booked if a.status is AppointmentStatus.CONFIRMED]
        if waiting and act.picks[2] % 3:
            return min(waiting, key=lambda a: a.starts_at).id
        return booked[act.picks[2] % len(booked)].id if booked else "none"

    def _went(self, act: Act) -> None:
        statuses = [
            *(AppointmentStatus.ATTENDED,) * 3,
            *AppointmentStatus,
        ]
        appointments.record_outcome(
            self.tx,
            OPERATOR,
            self._appointment(act),
            statuses[act.picks[1] % len(statuses)],
            happened_at=self._happened(act),
            now=self.now,
        )

    def _postpone(self, act: Act) -> None:
        on = local_date(self.now) + timedelta(days=act.picks[1] % 20)
        appointments.move(
            self.tx,
            OPERATOR,
            self._appointment(act),
            on_the_wall(on, HOURS[act.picks[1] % len(HOURS)]),
            happened_at=self._happened(act),
            now=self.now,
        )

    def _give(self, act: Act) -> None:
        given = act.picks[1] % 4 != 0
        naloxone.record(
            self.tx,
            OPERATOR,
            (Kind.HANDED_OVER, Kind.REFILL)[act.picks[2] % 2] if given else Kind.TO_PROPERTY,
            ref=self._ref(act),
            quantity=1 + act.picks[1] % 3,
            happened_at=self._happened(act),
            now=self.now,
        )

    def _take_back(self, act: Act) -> None:
        rows = naloxone_rows.recorded_by(self.tx, self.now)
        if rows:
            row = rows[act.picks[1] % len(rows)]
            naloxone.undo(self.tx, OPERATOR, row.id, now=self.now)

    def _stage(self, act: Act) -> None:
        unit = list(REGIONS)[act.picks[0] % 3]
        on = local_date(self.now - act.back)
        if act.picks[1] % 3 == 0:
            day = on if act.picks[2] % 2 else None
            project.introduce_naloxone(self.tx, OPERATOR, unit, on=day, now=self.now)
            return
        stage = list(project.Stage)[act.picks[2] % len(project.Stage)]
        project.record_stage(self.tx, OPERATOR, unit, stage, on=on, now=self.now)
