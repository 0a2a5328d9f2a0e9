"""Lines of a list as their template wants them: names opened, labels of the case's own package."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain, islice
from typing import Final, NamedTuple, TypeVar

from markupsafe import Markup
from sqlalchemy import Connection

from cases import noticed, organisation, people, queries, transfers, worklist
from cases.access import Viewer
from cases.checklist import TaskRule
from cases.ladder import asked_again
from cases.model import Case, Participation, Phase
from cases.noticed import Asking
from cases.queries import CaseLine
from cases.registry import package_named
from cases.rules import CaseNotFound
from cases.task_line import TaskLine
from cases.vault import Identity
from cases.worklist import PersonLine
from core.clock import local_date
from web.i18n import marked
from web.pages.acts import OFFER, told_of
from web.pages.dates import Dates
from web.pages.visit import Visit
from web.pages.words import label_of, step_label

L = TypeVar("L")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Row:
    """One open task of somebody. `answers` are offered at once, `forms` on the task's own page."""

    ref: str
    name: str
    number: str
    unit: str
    phase: str
    release_on: date | None
    participation: str
    code: str
    label: str
    step: str
    owner: str
    due_at: datetime
    overdue: bool
    answers: tuple[str, ...]
    assigned_to: str | None
    snoozed_until: datetime | None
    assigned_by: str | None = None
    snoozed_by: str | None = None
    held: bool = False
    """Whether it is the booking of a talk that was held."""

    ready: bool = False
    """Whether a rule of its own is known to be met: a list does not look."""

    written: dict[Hashable, Markup] = field(default_factory=dict, compare=False, repr=False)
    """The row as pages have written it, by all that they had from elsewhere than the row."""

    @property
    def key(self) -> str:
        """The task as a button names it."""
        return f"{self.ref}/{self.code}"


class Human(NamedTuple):
    """Somebody of a list of people."""

    ref: str
    name: str
    number: str
    unit: str
    phase: str
    participation: str
    admitted_at: datetime
    release_on: date | None
    released_at: datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody who was searched for."""

    ref: str
    name: str
    number: str
    unit: str
    phase: str

    @classmethod
    def of(cls, line: CaseLine, identity: Identity | None) -> Found:
        """The row of a line, whose identity is None once erased."""
        return cls(
            line.ref,
            identity.name if identity is not None else "",
            identity.inmate_no if identity is not None else line.ref,
            line.unit,
            line.phase,
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What was just done, for the line above the list.

    `said` is the answer to the offer as it stands, `due_at` where the row stood in the list.
    """

    verb: str
    ref: str
    task: str
    label: str
    name: str
    finished: bool
    said: str | None
    due_at: datetime | None
    earlier: datetime | None
    """When it happened, where that was before today."""

    again_on: date | None = None
    """When the offer is asked again, where that is before the release."""

    leaves_on: date | None = None
    """The release before which it is not asked again."""


def task_rows(tx: Connection, visit: Visit, lines: Iterable[TaskLine]) -> list[Row]:
    """The rows of a list of tasks.

    A row follows from its line, whose sealed identity is part of it: as long as that is the same,
    it need not be opened again for the next look at the same list.
    """
    lines = list(lines)
    keys = [(line, visit.language, _is_late(line, visit.now)) for line in lines]

    def made(new: list[TaskLine]) -> Iterable[Row]:
        known = worklist.names(tx, new)
        return (_row(tx, visit, line, known.get(line.person)) for line in new)

    return _kept(visit, lines, keys, made)


def _kept(
    visit: Visit,
    lines: Sequence[L],
    keys: Sequence[Hashable],
    make: Callable[[list[L]], Iterable[R]],
) -> list[R]:
    """What follows from each line: as it lies under its key, or made now and kept there."""
    kept, real = visit.lately.rows, visit.house.real_clock()
    found: list[R | None] = kept.find_all(keys, now=real)
    new = [line for line, row in zip(lines, found, strict=True) if row is None]
    made = iter(make(new) if new else ())
    return [
        row if row is not None else kept.keep(key, next(made), now=real)
        for key, row in zip(keys, found, strict=True)
    ]


def _row(tx: Connection, visit: Visit, line: TaskLine, identity: Identity | None) -> Row:
    """The row of one line, whose identity is None once erased."""
    package = package_named(tx, line.package)
    rule = package.rule(line.code) if package.has(line.code) else None
    return Row(
        ref=line.ref,
        name=identity.name if identity is not None else "",
        number=identity.inmate_no if identity is not None else line.ref,
        unit=line.unit,
        phase=line.phase,
        release_on=line.release_on,
        participation=line.participation,
        code=line.code,
        label=label_of(package, line.code, visit.language),
        step=step_label(package, line.step, visit.language),
        owner=line.owner,
        due_at=line.due_at,
        overdue=_is_late(line, visit.now),
        answers=_answers(rule),
        assigned_to=line.assigned_to,
        snoozed_until=line.snoozed_until,
        assigned_by=line.assigned_by,
        snoozed_by=line.snoozed_by,
        held=line.held,
    )


def _is_late(line: TaskLine, now: datetime) -> bool:
    """Whether a row is past its time: a talk that was held needs no booking any more."""
    return line.due_at < now and not line.held


def due_said(row: Row, visit: Visit) -> str:
    """When a row is due, as its page says it; as on the case's own page."""
    return visit.translate(HELD_ALREADY) if row.held else visit.dates.due(row.due_at)


HELD_ALREADY: Final = marked("Samtalen er holdt: før også avtalen som gjort.")


def accounts_of(shown: Iterable[Row]) -> list[str | None]:
    """The accounts that rows speak of: who has a task, who gave it, who put it off."""
    return [each for row in shown for each in (row.assigned_to, row.assigned_by, row.snoozed_by)]


def given_said(row: Row, names: Mapping[str, str], me: str) -> tuple[str, str | None, str | None]:
    """To whom a row was given (`me`, `named`, `other` or nothing), their name and the giver's."""
    to = row.assigned_to
    if to is None:
        return "", None, None
    if to == me:
        giver = row.assigned_by
        return "me", None, names.get(giver) if giver is not None and giver != me else None
    return ("named", names[to], None) if to in names else ("other", None, None)


def release_said(row: Row, dates: Dates) -> str:
    """What a row says of the release: `done`, `late`, `to_come`, or nothing."""
    if row.release_on is None:
        return ""
    if row.phase != Phase.IN_PRISON.value:
        return "done"
    return "late" if dates.before_today(row.release_on) else "to_come"


def _answers(rule: TaskRule | None) -> tuple[str, ...]:
    return rule.answers if rule is not None else ()


@dataclass(frozen=True, slots=True)
class OfTheDay:
    """Who is released today or tomorrow, and who is out and to be spoken with today (and the day).

    `lacking` are those whom nobody spoke with on such a day lately (with that day, and the day it
    is today). `more` where not all of them are here.
    """

    leaving: tuple[Human, ...] = ()
    contacts: tuple[tuple[Human, int], ...] = ()
    lacking: tuple[tuple[Human, int, int], ...] = ()
    more: bool = False

    @property
    def refs(self) -> list[str]:
        """Whose cases they are."""
        out = (*(human for human, _ in self.contacts), *(human for human, *_ in self.lacking))
        return [each.ref for each in (*self.leaving, *out)]


def of_the_day(
    tx: Connection,
    visit: Visit,
    on: date,
    contacts: Sequence[int],
    *,
    most: int,
    most_called: int,
) -> OfTheDay:
    """What a day is about, whoever's task is due; who leaves comes before who is to be called."""
    found = worklist.of_the_day(
        tx, visit.viewer, on, contacts, leaving=most + 1, called=most_called + 1
    )
    parts = [found.leaving[:most], found.called[:most_called], found.lacking[:most_called]]
    shown = [*chain(*parts)]
    here = iter(_kept(visit, shown, shown, lambda new: humans(tx, new)))
    leaving, called, lacking = ([*islice(here, len(part))] for part in parts)
    return OfTheDay(
        tuple(leaving),
        tuple((each, day) for each in called if (day := _days_out(each, on)) is not None),
        tuple(
            (each, max(contact for contact in contacts if contact < day), day)
            for each in lacking
            if (day := _days_out(each, on)) is not None
        ),
        any(len(part) < len(line) for part, line in zip(parts, found, strict=True)),
    )


def _days_out(human: Human, on: date) -> int | None:
    return (on - human.release_on).days if human.release_on is not None else None


def to_answer(tx: Connection, visit: Visit) -> int:
    """How many transfers wait for an answer of the reader's units; not looked for each time."""
    viewer = visit.viewer
    return visit.lately.answered(
        viewer.account,
        ("to_answer", viewer),
        lambda: transfers.how_many_wait(tx, viewer),
        now=visit.house.real_clock(),
    )


def humans(tx: Connection, lines: Iterable[PersonLine]) -> list[Human]:
    """The rows of a list of people."""
    lines = list(lines)
    known = worklist.names(tx, lines)
    found = []
    for line in lines:
        identity = known.get(line.person)
        found.append(
            Human(
                ref=line.ref,
                name=identity.name if identity is not None else "",
                number=identity.inmate_no if identity is not None else line.ref,
                unit=line.unit,
                phase=line.phase,
                participation=line.participation,
                admitted_at=line.admitted_at,
                release_on=line.release_on,
                released_at=line.released_at,
            )
        )
    return found


def told(tx: Connection, visit: Visit) -> Told | None:
    """What was just done, None where no receipt says so or it names what is not the viewer's."""
    did = told_of(visit)
    if did is None:
        return None
    verb, ref, code = did
    try:
        case = queries.case_by_ref(tx, visit.viewer, ref)
    except CaseNotFound:
        return None
    task = case.task(code)
    if task is None:
        return None
    identity = people.identity_of(tx, case.person)
    package = package_named(tx, case.package)
    again_on, leaves_on = _asked_again(visit, case) if code == OFFER else (None, None)
    return Told(
        verb=verb,
        ref=ref,
        task=code,
        label=label_of(package, code, visit.language),
        name=identity.name if identity is not None else "",
        finished=task.finished,
        said=case.participation.value if code == OFFER else None,
        due_at=task.due_at,
        earlier=(
            task.done_at
            if task.done_at is not None and local_date(task.done_at) < local_date(visit.now)
            else None
        ),
        again_on=again_on,
        leaves_on=leaves_on,
    )


def _asked_again(visit: Visit, case: Case) -> tuple[date | None, date | None]:
    """When the offer is asked again after "not now"; else the release that comes before that.

    Only to those whom the notice reaches: from the day one reads when the answer was given.
    """
    if not visit.viewer.reads_health or not is_waiting(case.participation, case.phase):
        return None, None
    to_come = (local_date(each) for each in asked_again(case) if each > visit.now)
    again_on = next(to_come, None)
    leaves_on = case.release_on
    if again_on is not None and (leaves_on is None or again_on < leaves_on):
        return again_on, None
    return None, leaves_on


def is_waiting(participation: str, phase: str) -> bool:
    """Whether somebody in prison said "not now": what is after the intake talk waits for a yes."""
    return participation == Participation.NOT_NOW and phase == Phase.IN_PRISON


@dataclass(frozen=True, slots=True)
class Brought:
    """One notice that still asks for the viewer's role."""

    ref: str
    name: str
    number: str
    unit: str
    code: str
    since: datetime


def brought(tx: Connection, visit: Visit) -> list[Brought]:
    """What was brought to the viewer's role and still asks, the newest first."""
    lines = noticed.asking(tx, visit.viewer, now=visit.now)

    def made(new: list[Asking]) -> Iterable[Brought]:
        known = people.opened(tx, {line.person: line.identity_enc for line in new})
        return (_brought(line, known.get(line.person)) for line in new)

    return _kept(visit, lines, lines, made)


def _brought(line: Asking, identity: Identity | None) -> Brought:
    return Brought(
        line.ref,
        identity.name if identity is not None else "",
        identity.inmate_no if identity is not None else line.ref,
        line.unit,
        line.code,
        line.since,
    )


def unit_names(tx: Connection, viewer: Viewer, on: date) -> dict[str, str]:
    """The names of the viewer's units by code, in the order of their names."""
    named = organisation.names_of(tx, viewer.units, on)
    mine = ((code, named.get(code, code)) for code in viewer.units)
    return dict(sorted(mine, key=lambda each: each[1]))


def log_look(visit: Visit, verb: str, refs: Iterable[str], *, unit: str | None = None) -> None:
    """Log the list that is about to be shown, committed before a byte leaves."""
    viewer, now = visit.viewer, visit.now
    seen = list(refs)
    visit.house.db.transact(
        lambda tx: worklist.looked_at(tx, viewer, verb, seen, now=now, unit=unit)
    )
