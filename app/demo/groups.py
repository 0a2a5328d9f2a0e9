"""Group sessions in a demo's year: planned a week ahead, filled, held, now and then put right."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import partial
from random import Random
from typing import Final

from app.demo.agenda import at_work
from app.demo.stories import NEGLECTED, Story
from app.demo.world import Life, World
from cases import attendance, queries, sessions
from cases.access import OPERATOR
from cases.calendar import is_working_day, next_working_day
from cases.model import Role, TaskState
from cases.session_rows import Attendance
from core.clock import from_local, local_date

HOURS: Final = {"brief_info": time(10), "naloxone_training": time(13), "talk_held": time(14, 30)}
"""What is done in groups, and at which time of the day."""

EVERY: Final = {"brief_info": 7, "naloxone_training": 14, "talk_held": 14}
"""Days from one session of a unit to the next."""

FEWEST: Final = 2
PLACES: Final = 12
_LEADERS: Final = {
    "brief_info": Role.COORDINATOR,
    "naloxone_training": Role.HEALTH,
    "talk_held": Role.OFFICER,
}
_ROOMS: Final = ("Undervisningsrommet", "Biblioteket", "Kapellet", "Møterom 2")


class Groups:
    """Who waits for a group in which unit, and the sessions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: dict[tuple[str, str], dict[int, Life]] = {}
        self._chance = {
            code: Random(f"{world.seed}/groups/{code}") for code in sorted(world.habits)
        }

    def begin(self, first: date) -> None:
        """Put the sessions of every unit that works in groups on the agenda."""
        for code, habits in sorted(self._world.habits.items()):
            if not habits.groups:
                continue
            weekday = self._chance[code].randint(0, 4)
            for task, clock in HOURS.items():
                if task == "naloxone_training" and not (habits.naloxone and habits.certified):
                    continue
                on = first + timedelta(days=(weekday - first.weekday()) % 7 + 7)
                while on <= local_date(self._world.until) + timedelta(days=7):
                    if is_working_day(on):
                        ahead = from_local(on - timedelta(days=6), time(9, 30))
                        starts_at = from_local(on, clock)
                        self._world.agenda.add(ahead, partial(self._plan, code, task, starts_at))
                    on += timedelta(days=EVERY[task])

    def invite(self, life: Life, task: str) -> bool:
        """Whether somebody waits for a group of this task; kode 6 never does."""
        if not self._world.habits_of(life).groups or life.stay.person.hidden:
            return False
        if life.stay.story in NEGLECTED or life.chance.random() > 0.65:
            return False
        if life.stay.story is Story.TYPED_LATE and task == "talk_held":
            return False  # its talk is held alone, and typed in days later
        self._waiting.setdefault((life.unit, task), {})[life.stay.number] = life
        return True

    def _plan(self, unit: str, task: str, starts_at: datetime, now: datetime) -> None:
        if len(self._here(unit, task)) < FEWEST:
            return
        chance = self._chance[unit]
        planned = sessions.plan_session(
            self._world.tx,
            self._world.viewer(unit, Role.COORDINATOR),
            unit,
            task,
            starts_at,
            now=now,
            leader=_LEADERS[task].value,
            place=chance.choice(_ROOMS),
            capacity=PLACES,
        )
        filled_at = starts_at - timedelta(days=1, hours=chance.randint(1, 5))
        self._world.agenda.add(filled_at, partial(self._fill, planned.ref, unit, task))
        if chance.random() < 0.04:
            at = starts_at - timedelta(hours=2)
            self._world.agenda.add(at, partial(self._cancel, planned.ref, unit))
            return
        held_at = starts_at + timedelta(minutes=75)
        if starts_at.weekday() == 4 and chance.random() < 0.25:
            # Held on Friday, typed in on Monday.
            held_at = from_local(next_working_day(local_date(starts_at)), time(9))
        self._world.agenda.add(held_at, partial(self._hold, planned.ref, unit, task, starts_at))

    def _here(self, unit: str, task: str) -> list[Life]:
        """Who still waits in this unit, by number; whoever does not any more is let go."""
        waiting = self._waiting.get((unit, task), {})
        for number in [n for n, life in waiting.items() if not self._waits(life, unit, task)]:
            del waiting[number]
        return [waiting[number] for number in sorted(waiting)]

    def _waits(self, life: Life, unit: str, task: str) -> bool:
        return (
            life.inside
            and life.unit == unit
            and life.is_open(task)
            and task not in life.typing
            and (life.accepted or task == "brief_info")
        )

    def _fill(self, ref: str, unit: str, task: str, now: datetime) -> None:
        listed = self._here(unit, task)[:PLACES]
        if listed:
            viewer = self._world.viewer(unit, Role.COORDINATOR)
            refs = [life.there.ref for life in listed]
            sessions.add_cases(self._world.tx, viewer, ref, refs, now=now)

    def _cancel(self, ref: str, unit: str, now: datetime) -> None:
        viewer = self._world.viewer(unit, Role.COORDINATOR)
        sessions.cancel_session(self._world.tx, viewer, ref, now=now)

    def _hold(self, ref: str, unit: str, task: str, at: datetime, now: datetime) -> None:
        chance = self._chance[unit]
        viewer = self._world.viewer(unit, _LEADERS[task])
        listed = {each.case_ref for each in self._listed(ref, unit)}
        candidates = self._waiting.get((unit, task), {})
        there = [
            life
            for number, life in sorted(candidates.items())
            if life.there.ref in listed and self._came(life, unit, task, at)
        ]
        present = [life for life in there if chance.random() < 0.88]
        if not present:
            self._cancel(ref, unit, now)
            return
        refs = [life.there.ref for life in present]
        attendance.hold(self._world.tx, viewer, ref, refs, now=now, held_at=at)
        self._reread(present, now)
        if chance.random() < 0.06:
            later = at_work(now + timedelta(hours=chance.randint(2, 40)), chance, office=True)
            wrong = chance.choice(present)
            self._world.agenda.add(later, partial(self._correct, ref, unit, task, wrong))

    def _listed(self, ref: str, unit: str) -> Iterable[Attendance]:
        viewer = self._world.viewer(unit, Role.COORDINATOR)
        return sessions.session_of(self._world.tx, viewer, ref).attendance

    def _came(self, life: Life, unit: str, task: str, at: datetime) -> bool:
        case = life.there
        if case.unit != unit or life.task(task).state not in (TaskState.OPEN, TaskState.MISSED):
            return False
        if life.gone_at is not None and life.gone_at < at:
            return False
        return life.goes_on(at) and (life.accepted or task == "brief_info")

    def _correct(self, ref: str, unit: str, task: str, life: Life, now: datetime) -> None:
        """One of the list was not there after all."""
        if not life.inside or life.unit != unit or not life.is_done(task):
            return
        life.planned = {taken for taken in life.planned if taken[0] != task}
        attendance.correct(
            self._world.tx,
            self._world.viewer(unit, _LEADERS[task]),
            ref,
            life.there.ref,
            "absent",
            now=now,
            reason="not_done",
        )
        self._reread([life], now)

    def _reread(self, lives: list[Life], now: datetime) -> None:
        refs = [life.there.ref for life in lives]
        cases = queries.cases_for_update(self._world.tx, OPERATOR, refs)
        for life in lives:
            self._world.follow(life, cases[life.there.ref], now)
