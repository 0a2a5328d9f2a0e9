"""The daily work of staff on their tasks: in time, late, never, waived, undone, typed in later.

Whoever sees a new due time decides when to do the task, by how the unit works; at that time it is
done if it still waits. What the unit's habits leave undone shows on the overdue board.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Final

from app.demo.agenda import at_work
from app.demo.answers import Answers
from app.demo.groups import Groups
from app.demo.meetings import Meetings
from app.demo.shelf import Shelf
from app.demo.stories import NEGLECTED, Story
from app.demo.world import Life, World, minutes
from cases import rules, service
from cases.access import Viewer
from cases.model import Case, Owner, Role, Task, TaskState
from cases.service import TaskDone
from core.errors import Refused

BEFORE_THE_ANSWER: Final = frozenset({"intake_talk", "offer_answered", "brief_info"})
"""Tasks that are worked on whatever was answered."""

AT_THE_GATE: Final = "handed_over"
TALKS: Final = frozenset({"brief_info", "naloxone_training", "talk_held"})

_HARDNESS: Final = {
    "intake_talk": 1.0,
    "offer_answered": 0.8,
    "naloxone_training": 1.6,
    "requests_sent": 1.1,
    "appointments_confirmed": 1.2,
}
"""How much more often than others a task is not done in time: the power of the diligence."""

_LEADS: Final = {Role.HEALTH: Role.HEALTH_LEAD, Role.OFFICER: Role.UNIT_LEAD,
                 Role.COORDINATOR: Role.UNIT_LEAD}  # fmt: skip
_WAIVED: Final = ("done_elsewhere", "done_elsewhere", "not_relevant", "absent", "refused_this_task")
_INTAKE: Final = ("at_risk",) * 11 + ("not_at_risk",) * 7 + ("unknown",) * 2


class Work:
    """Staff at their tasks."""

    def __init__(
        self,
        world: World,
        *,
        answers: Answers,
        groups: Groups,
        meetings: Meetings,
        shelf: Shelf,
    ) -> None:
        self._world = world
        self._answers = answers
        self._groups = groups
        self._meetings = meetings
        self._shelf = shelf

    # --- who does it when ------------------------------------------------------------------

    def plan(self, life: Life, now: datetime) -> None:
        """Take on every task that has a new due time."""
        if not life.inside:
            return
        for task in life.there.tasks:
            if task.state is not TaskState.OPEN or task.due_at is None:
                continue
            if task.code == AT_THE_GATE or not self._is_ours(life, task.code):
                continue
            taken = (task.code, task.due_at)
            if taken not in life.planned:
                life.planned.add(taken)
                self._take_on(life, task, task.due_at, now)

    def _is_ours(self, life: Life, code: str) -> bool:
        return code in BEFORE_THE_ANSWER or life.accepted

    def _take_on(self, life: Life, task: Task, due_at: datetime, now: datetime) -> None:
        in_group = task.code in TALKS and self._groups.invite(life, task.code)
        at = self._when(life, task, due_at, now, at_last=in_group)
        if at is not None:
            self._world.agenda.add(at, partial(self._do, life, task.code, due_at))

    def _when(
        self, life: Life, task: Task, due_at: datetime, now: datetime, *, at_last: bool
    ) -> datetime | None:
        """When a task is done: mostly in time; else late, or (None) never.

        `at_last`: somebody waits for a group, and is only seen alone if none comes.
        """
        chance, habits = life.chance, self._world.habits_of(life)
        diligence = habits.diligence ** _HARDNESS.get(task.code, 1.0)
        drawn = 0.0 if life.stay.careful else chance.random()
        early = chance.uniform(0.01, 0.15) if at_last else chance.uniform(0.05, 0.95)
        late = chance.expovariate(1 / 3.0)
        left = due_at - now
        if life.stay.story in NEGLECTED and task.code not in NEGLECTED[life.stay.story]:
            return None
        if drawn < diligence and left > timedelta(0):
            ahead = left * early
            if task.code != "intake_talk":
                ahead = min(ahead, timedelta(days=14 * early))
            return self._in_hours(life, task, due_at - ahead, before=due_at)
        share = (drawn - diligence) / (1 - diligence)
        if share < 0.55:
            return self._in_hours(life, task, max(due_at, now) + timedelta(days=late + 0.05))
        if share < 0.85:
            # The lead has asked after it.
            return self._in_hours(life, task, max(due_at, now) + timedelta(days=4 + 3 * late))
        return None

    def _in_hours(
        self, life: Life, task: Task, at: datetime, *, before: datetime | None = None
    ) -> datetime:
        office = task.owner is Owner.COORDINATOR
        there = at_work(at, life.chance, office=office)
        # Who is careful does it before the weekend rather than after.
        if before is not None and there > before and life.stay.careful:
            return before - minutes(life.chance, 20, 120)
        return there

    # --- doing it ----------------------------------------------------------------------------

    def _do(self, life: Life, code: str, due_at: datetime, now: datetime) -> None:
        task = life.task(code)
        if not life.inside or task.state is not TaskState.OPEN or code in life.typing:
            return
        if task.due_at != due_at:
            return  # somebody has taken it on for the new time
        if not self._is_ours(life, code):
            life.planned.discard((code, due_at))
            return
        if code == "offer_answered":
            self._answers.ask(life, now)
        elif code == "naloxone_training" and not self._world.habits_of(life).naloxone:
            if life.chance.random() < 0.5:
                self._waive(life, task, "not_relevant", now)
        elif code == "appointments_confirmed":
            self._confirm(life, task, now)
        elif code != "intake_talk" and not life.stay.careful and life.chance.random() < 0.035:
            self._waive(life, task, life.chance.choice(_WAIVED), now)
        elif self._is_typed_later(life, code):
            life.typing.add(code)
            later = now + timedelta(days=life.chance.uniform(1.2, 6))
            if life.stay.story is Story.TYPED_LATE:
                # After the release, by when it stood as missed.
                later = max(later, life.stay.leaves_at + timedelta(days=1.2))
            later = at_work(later, life.chance, office=False)
            self._world.agenda.add(later, partial(self._type, life, code, now))
        else:
            self._complete(life, code, now, now)

    def _is_typed_later(self, life: Life, code: str) -> bool:
        if code not in TALKS and code != "intake_talk":
            return False
        if life.stay.story is Story.TYPED_LATE:
            return code == "talk_held"
        if life.stay.careful:
            return False
        return life.chance.random() < self._world.habits_of(life).typed_late

    def _type(self, life: Life, code: str, done_at: datetime, now: datetime) -> None:
        """Type in what was done some days ago; a release may have come in between."""
        life.typing.discard(code)
        task, case = life.task(code), life.there
        if task.state is TaskState.OPEN or (
            task.state is TaskState.MISSED
            and case.released_at is not None
            and done_at <= case.released_at
        ):
            self._complete(life, code, done_at, now)

    def _complete(self, life: Life, code: str, done_at: datetime, now: datetime) -> None:
        task, chance = life.task(code), life.chance
        case = service.complete_task(
            self._world.tx,
            self.doer(life, task),
            life.there.ref,
            TaskDone(
                code,
                done_at,
                form="individual" if code in TALKS or code == "intake_talk" else None,
                answer=chance.choice(_INTAKE) if code == "intake_talk" else None,
            ),
            now=now,
        )
        self._done(life, code, case, now)

    def _done(self, life: Life, code: str, case: Case, now: datetime) -> None:
        self._world.follow(life, case, now)
        if code == "requests_sent":
            self._meetings.request(life, now)
        elif code == "card_printed":
            self._shelf.into_property(life, now)
        if not life.stay.careful and life.chance.random() < 0.012:
            at = now + minutes(life.chance, 10, 2000)
            self._world.agenda.add(at, partial(self._undo, life, code))

    def _undo(self, life: Life, code: str, now: datetime) -> None:
        """It was the wrong person, or was not done after all; it is to be done once more."""
        task = life.task(code)
        if not life.inside or task.state is not TaskState.DONE:
            return
        life.planned = {taken for taken in life.planned if taken[0] != code}
        reason = life.chance.choice(("wrong_person", "wrong_task", "not_done"))
        case = service.undo_task(
            self._world.tx, self.doer(life, task), life.there.ref, code, reason, now=now
        )
        self._world.follow(life, case, now)

    def _waive(self, life: Life, task: Task, reason: str, now: datetime) -> None:
        case = service.waive_task(
            self._world.tx, self.doer(life, task), life.there.ref, task.code, reason, now=now
        )
        self._world.follow(life, case, now)

    def _confirm(self, life: Life, task: Task, now: datetime) -> None:
        """Everything is agreed, or it is said that it will not be, or it just stays open."""
        self._meetings.confirm_all(life, now)
        try:
            rules.check_appointments(life.there)
        except Refused:
            if life.chance.random() < 0.45:
                reason = life.chance.choice(("refused_this_task", "not_relevant", "absent"))
                self._waive(life, task, reason, now)
            return
        self._complete(life, task.code, now, now)

    def doer(self, life: Life, task: Task) -> Viewer:
        """Somebody whose task it is: mostly the owner role, now and then its lead."""
        roles = {
            Owner.HEALTH: (Role.HEALTH,),
            Owner.OFFICER: (Role.OFFICER,),
            Owner.COORDINATOR: (Role.COORDINATOR,),
            Owner.ANY: (Role.HEALTH, Role.OFFICER, Role.COORDINATOR),
        }[task.owner]
        role = life.chance.choice(roles)
        if life.chance.random() < 0.1:
            role = _LEADS[role]
        return self._world.viewer(life.unit, role)
