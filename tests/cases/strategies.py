"""Cases for the tests of the pure rules: plain keyword functions, and random ones 2024–2032."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import strategies as st

from cases.model import (
    Answer,
    Case,
    Participation,
    Phase,
    ReleaseDate,
    ReleaseKind,
    Source,
    Task,
    TaskState,
)
from cases.package import national
from cases.plan import Plan, plan
from core.clock import OSLO, UTC

PACKAGE = national()


def oslo(text: str) -> datetime:
    """An instant written on the Norwegian wall clock, `2026-09-01 06:00`; `+` = the second one."""
    fold = int(text.endswith("+"))
    return datetime.fromisoformat(text.rstrip("+")).replace(tzinfo=OSLO, fold=fold).astimezone(UTC)


def make_case(
    admitted: str | datetime,
    opened: str | datetime | None = None,
    *,
    dates: Iterable[tuple[str, date | None, datetime]] = (),
    answers: Iterable[tuple[str, datetime, datetime]] = (),
    **facts: object,
) -> Case:
    """A case with (kind, date, recorded) and (answer, happened, recorded), tasks not planned."""
    admitted_at = oslo(admitted) if isinstance(admitted, str) else admitted
    opened_at = oslo(opened) if isinstance(opened, str) else opened or admitted_at
    given = tuple(
        Answer(seq, Participation(status), None, happened_at, recorded_at, "nurse")
        for seq, (status, happened_at, recorded_at) in enumerate(answers, start=1)
    )
    case = Case(
        ref="CASE",
        person="P",
        unit="A",
        package=PACKAGE.key,
        admitted_at=admitted_at,
        opened_at=opened_at,
        admitted_unit="A",
        counted_as="P",
        participation=given[-1].status if given else Participation.NOT_ASKED,
        answers=given,
        release_dates=tuple(
            ReleaseDate(seq, ReleaseKind(kind), on, Source.ROSTER, recorded_at, "system")
            for seq, (kind, on, recorded_at) in enumerate(dates, start=1)
        ),
    )
    return replace(case, **facts)  # type: ignore[arg-type]


def plan_of(case: Case) -> Plan:
    """The plan, at an hour that must not matter."""
    return plan(case, PACKAGE, oslo("2024-01-01 00:00"))


def as_planned(case: Case) -> Case:
    """The case with its tasks and release date as its plan has them, as a verb would store it."""
    made = plan_of(case)
    stored = {task.code: task for task in case.tasks}
    tasks = []
    for rule, planned in zip(PACKAGE.tasks, made.tasks, strict=True):
        task = stored.get(rule.code) or Task(
            rule.code, rule.step, rule.owner, rule.visibility, rule.klass, rule.required
        )
        missed_at = case.release_recorded_at if planned.state is TaskState.MISSED else None
        tasks.append(
            replace(
                task,
                state=planned.state,
                due_at=planned.due_at,
                known_at=planned.known_at,
                hurried=planned.hurried,
                settled_at=planned.settled_at,
                missed_at=missed_at,
            )
        )
    release = made.release
    return replace(
        case,
        tasks=tuple(tasks),
        release_on=release.on if release else None,
        release_kind=release.kind if release else None,
        release_known_at=release.known_at if release else None,
    )


def finished(case: Case, code: str, done_at: datetime) -> Case:
    """The planned case with one task done."""
    task = case.task(code)
    assert task is not None
    return case.with_task(
        replace(task, state=TaskState.DONE, done_at=done_at, recorded_at=done_at, settled_at=None)
    )


def released(case: Case, at: datetime, recorded_at: datetime | None = None) -> Case:
    """The case with a release recorded, not planned again yet."""
    return replace(
        case, phase=Phase.FOLLOW_UP, released_at=at, release_recorded_at=recorded_at or at
    )


_FIRST = datetime(2024, 1, 1, tzinfo=UTC)
INSTANTS = st.integers(0, 9 * 366 * 86_400 - 1).map(lambda s: _FIRST + timedelta(seconds=s))
"""Instants over nine years, every second of the day, daylight-saving nights included."""

# Whole seconds, so that a midpoint is exact.
_WAITS = st.one_of(st.integers(0, 60 * 3600), st.integers(0, 40 * 86_400)).map(
    lambda seconds: timedelta(seconds=seconds)
)
_STAYS = st.one_of(st.integers(0, 12), st.integers(0, 400))
_ANSWERS = st.sampled_from(["accepted", "declined", "not_now", "withdrawn"])


@st.composite
def cases(draw: st.DrawFn, *, answered: bool = True, dated: bool | None = None) -> Case:
    """A case in prison with up to five release date records and up to four answers.

    `dated`: True = a date is in force, False = none was ever recorded, None = either.
    """
    admitted_at = draw(INSTANTS)
    opened_at = admitted_at + draw(_WAITS)
    recorded_at = opened_at
    dates: list[tuple[str, date | None, datetime]] = []
    for _ in range(0 if dated is False else draw(st.integers(int(bool(dated)), 5))):
        kind = draw(st.sampled_from(list(ReleaseKind)))
        on = admitted_at.astimezone(OSLO).date() + timedelta(days=draw(_STAYS))
        withdrawn = draw(st.booleans()) and bool(dates)
        dates.append((kind, None if withdrawn else on, recorded_at))
        recorded_at += draw(_WAITS)
    if dated and plan_of(make_case(admitted_at, opened_at, dates=dates)).release is None:
        on = admitted_at.astimezone(OSLO).date() + timedelta(days=draw(_STAYS))
        dates.append(("confirmed", on, recorded_at))
    answers: list[tuple[str, datetime, datetime]] = []
    told_at = opened_at
    for _ in range(draw(st.integers(0, 4)) if answered else 0):
        told_at += draw(_WAITS)
        answers.append((draw(_ANSWERS), told_at, told_at + draw(_WAITS)))
    return make_case(admitted_at, opened_at, dates=dates, answers=answers)


DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))
