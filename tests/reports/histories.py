"""Random small histories: cases lived through the real verbs, with late entries of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import strategies as st
from sqlalchemy import Connection

from cases import queries, release, service, sweep, transfers
from cases.access import OPERATOR, SYSTEM
from cases.model import (
    AnswerReason,
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
_WAITS = st.one_of(
    st.timedeltas(timedelta(microseconds=1), timedelta(hours=30)),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=12)),
    st.just(timedelta(days=43)),
)
_BACK = st.one_of(
    st.just(timedelta()), st.timedeltas(timedelta(), timedelta(days=2)),
    st.timedeltas(timedelta(), timedelta(days=15)),
)  # fmt: skip
ACTS = st.lists(
    st.builds(
        Act,
        verb=st.sampled_from(VERBS),
        wait=_WAITS,
        back=_BACK,
        picks=st.tuples(*[st.integers(0, 1000)] * 3),
    ),
    min_size=2,
    max_size=14,
)


class History:
    """Cases and persons of one history, and the instant it stands at."""

    def __init__(self, tx: Connection) -> None:
        self.tx = tx
        self.now = BEGUN_AT
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
