"""Who is out, day by day: red the first week, amber the second, yellow until day 28.

Each row leads with what is to be done for the person: tasks that are still open, and appointments
that have been of which nobody has said how they went. A contact is an appointment like any other,
or is recorded in one act once it has been; who was reached today waits for the next day of contact.
A day of contact that passed with nobody reached since is said until somebody is, and those people
stand first; so is an appointment nobody came to, until there is a new one or the person is reached.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from cases import contact_made, queries, standing, worklist
from cases.access import COMPLETERS
from cases.appointments import NEXT
from cases.consents import sees_details
from cases.model import Appointment, AppointmentStatus, Case, Role, TaskState
from cases.registry import package_named
from core.clock import local_date
from web.pages import rows
from web.pages.acts import OF_APPOINTMENTS, told_of
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited
from web.pages.words import in_language, in_order, label_of
from web.policy import allow

CONTACTS: Final = (1, 3, 7, 14, 28, 42)
"""Days after the release on which a contact is suggested."""

_COLOURS: Final = ((7, "red"), (14, "amber"), (28, "yellow"))
FOLLOWING: Final = frozenset({Role.HEALTH, Role.HEALTH_LEAD, Role.COORDINATOR, Role.UNIT_LEAD})
"""Who follows up: an officer's work ends at the gate. All of them book appointments."""

_AHEAD: Final = frozenset({AppointmentStatus.REQUESTED, AppointmentStatus.CONFIRMED})
_AGAIN: Final = _AHEAD | {AppointmentStatus.NO_SHOW, AppointmentStatus.UNKNOWN}
"""What an appointment that was booked anew may have come to; moved and cancelled ones are none."""

router: Final = Pages()


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open task of somebody who is out; `mine` where the viewer's role may do it."""

    code: str
    label: str
    owner: str
    due_at: datetime | None
    late: bool
    answers: tuple[str, ...]
    mine: bool


@dataclass(frozen=True, slots=True)
class Meeting:
    """An appointment as far as the viewer may know it; `kind` is empty where it is not told."""

    id: str
    kind: str
    starts_at: datetime
    status: str
    contact: bool = False
    undoes: bool = False
    """Whether it is a contact that was recorded once it had been; whether this viewer undoes it."""

    code: str = ""
    """The code of `kind`."""


@dataclass(frozen=True, slots=True)
class Out:
    """Somebody who is out, how long, and what there is to do."""

    human: rows.Human
    day: int
    colour: str
    next_contact: int | None
    tasks: tuple[Waiting, ...] = ()
    been: tuple[Meeting, ...] = ()
    ahead: Meeting | None = None
    last: Meeting | None = None
    """The latest contact: an appointment that was held, or a contact that was recorded."""

    lacking: int | None = None
    """The latest day of contact before today, where nobody was reached on it or since."""

    stayed_away: tuple[Meeting, ...] = ()
    """Appointments nobody came to, with no new one and no contact since."""


@dataclass(frozen=True, slots=True)
class Went:
    """What was just said of an appointment, as it stands by now."""

    ref: str
    name: str
    meeting: Meeting


@router.get("/follow-up")
@allow(FOLLOWING)
def follow_up(visit: Visited) -> Response:
    """The window of 42 days: whose contact is lacking first, then the shortest time out."""
    on = local_date(visit.now)
    with visit.house.db.read() as tx:
        people = rows.humans(tx, worklist.in_follow_up(tx, visit.viewer))
        cases = queries.cases_by_refs(tx, visit.viewer, [each.ref for each in people])
        out = [
            _with_what_waits(tx, visit, out_of(each, on), cases.get(each.ref)) for each in people
        ]
        went = _went(tx, visit, people, cases)
        units = rows.unit_names(tx, visit.viewer, on)
        told = rows.told(tx, visit)
    out.sort(key=lambda each: each.lacking is None)
    seen = [each.ref for each in people] + ([told.ref] if told is not None else [])
    rows.log_look(visit, worklist.PEOPLE_LISTED, seen)
    return page(
        visit,
        "pages/follow_up.html",
        out=out,
        units=units,
        told=told,
        went=went,
    )


def out_of(human: rows.Human, on: date) -> Out:
    """How far somebody has come: day 0 is the day of the release."""
    released = human.released_at
    day = (on - local_date(released)).days if released is not None else 0
    colour = next((name for last, name in _COLOURS if day <= last), "")
    return Out(human, day, colour, next((each for each in CONTACTS if each >= day), None))


def _with_what_waits(tx: Connection, visit: Visit, out: Out, case: Case | None) -> Out:
    if case is None:
        return out
    ahead = [
        each for each in case.appointments if each.status in _AHEAD and each.starts_at > visit.now
    ]
    first = min(ahead, key=_by_time, default=None)
    last = _last(case, visit.now)
    if last is not None and last.status is AppointmentStatus.ATTENDED and _is_today(visit, last):
        # Who was reached today is not to be contacted again today.
        out = replace(out, next_contact=next((each for each in CONTACTS if each > out.day), None))
    return replace(
        out,
        tasks=_tasks(tx, visit, case),
        been=tuple(
            _meeting(visit, case, each)
            for each in sorted(case.appointments, key=_by_time)
            if _is_asked(visit, case, each)
        ),
        ahead=_meeting(visit, case, first) if first is not None else None,
        last=_meeting(visit, case, last) if last is not None else None,
        lacking=lacking_contact(case, visit.now),
        stayed_away=tuple(_meeting(visit, case, each) for each in stayed_away(case, visit.now)),
    )


@dataclass(frozen=True, slots=True)
class Contacts:
    """How long somebody is out, which day of contact passed without one, and which is next.

    `next` is today's until somebody is reached, and None after the last.
    """

    day: int
    lacking: int | None
    next: int | None


def contacts_of(case: Case, now: datetime) -> Contacts | None:
    """What the page of a case says of it, None for who is not out."""
    if case.released_at is None:
        return None
    day, last = (local_date(now) - local_date(case.released_at)).days, _last(case, now)
    reached = (
        last is not None
        and last.status is AppointmentStatus.ATTENDED
        and local_date(last.starts_at) == local_date(now)
    )
    following = (each for each in CONTACTS if (each > day if reached else each >= day))
    return Contacts(day, lacking_contact(case, now), next(following, None))


def lacking_contact(case: Case, now: datetime) -> int | None:
    """The latest day of contact that passed with nobody reached on it or since, None without one.

    Today's is not lacking yet; until it is, it does not take the place of the one before.
    """
    released = case.released_at
    if released is None:
        return None
    out_on = local_date(released)
    day = (local_date(now) - out_on).days
    passed = max((each for each in CONTACTS if each < day), default=None)
    if passed is None or any(
        each.status is AppointmentStatus.ATTENDED
        and each.starts_at <= now
        and (local_date(each.starts_at) - out_on).days >= passed
        for each in case.appointments
    ):
        return None
    return passed


def stayed_away(case: Case, now: datetime) -> tuple[Appointment, ...]:
    """Agreed appointments since the release that nobody came to, the latest of each kind.

    A later one of the same kind that stands takes its place, and so does any later contact.
    """
    released = case.released_at
    return tuple(
        each
        for each in sorted(case.appointments, key=_by_time)
        if released is not None
        and released <= each.starts_at <= now
        and each.status is AppointmentStatus.NO_SHOW
        and not each.unbooked
        and not any(_settles(other, each, now) for other in case.appointments)
    )


def _settles(other: Appointment, missed: Appointment, now: datetime) -> bool:
    """Whether it comes in place of one that nobody came to: a contact, or the same kind again."""
    if _by_time(other) <= _by_time(missed):
        return False
    if other.status is AppointmentStatus.ATTENDED:
        return other.starts_at <= now
    if other.status is AppointmentStatus.REQUESTED and other.starts_at <= now:
        return False
    return other.status in _AGAIN and other.kind is missed.kind and not other.unbooked


def _by_time(each: Appointment) -> tuple[datetime, str]:
    return each.starts_at, each.id


def _is_today(visit: Visit, each: Appointment) -> bool:
    return local_date(each.starts_at) == local_date(visit.now)


def _last(case: Case, now: datetime) -> Appointment | None:
    """The latest contact since the release, held or tried; what was only agreed is none."""
    released = case.released_at
    been = [
        each
        for each in case.appointments
        if released is not None
        and released <= each.starts_at <= now
        and (
            each.status is AppointmentStatus.ATTENDED
            or (each.unbooked and each.status is AppointmentStatus.NO_SHOW)
        )
    ]
    return max(been, key=_by_time, default=None)


def _tasks(tx: Connection, visit: Visit, case: Case) -> tuple[Waiting, ...]:
    """The open tasks, those of the viewer's role first."""
    package = package_named(tx, case.package)
    waiting = [
        Waiting(
            task.code,
            label_of(package, task.code, visit.language),
            task.owner.value,
            task.due_at,
            standing.is_overdue(task, visit.now),
            package.rule(task.code).answers if package.has(task.code) else (),
            visit.viewer.role in COMPLETERS[task.owner],
        )
        for task in in_order(package, case.tasks)
        if task.state is TaskState.OPEN
    ]
    return tuple(sorted(waiting, key=lambda each: not each.mine))


def _is_asked(visit: Visit, case: Case, each: Appointment) -> bool:
    """Whether this viewer can say how an appointment went, and nobody has."""
    return (
        each.starts_at <= visit.now
        and each.status in (AppointmentStatus.CONFIRMED, AppointmentStatus.UNKNOWN)
        and AppointmentStatus.ATTENDED in NEXT[each.status]
        and sees_details(visit.viewer, case, each.kind)
    )


def _meeting(visit: Visit, case: Case, each: Appointment) -> Meeting:
    known = sees_details(visit.viewer, case, each.kind)
    code = each.kind.value if known else ""
    kind = in_language(visit.translate)("kind", code) if known else ""
    return Meeting(each.id, kind, each.starts_at, each.status.value, each.unbooked, code=code)


def _went(
    tx: Connection, visit: Visit, people: list[rows.Human], cases: dict[str, Case]
) -> Went | None:
    """What the receipt tells of an appointment, None where it tells of nothing."""
    verb, ref, number = told_of(visit) or ("", "", "")
    case, human = cases.get(ref), next((each for each in people if each.ref == ref), None)
    if verb not in OF_APPOINTMENTS or case is None or human is None:
        return None
    for each in case.appointments:
        if each.id == number and sees_details(visit.viewer, case, each.kind):
            undoes = contact_made.may_undo(tx, visit.viewer, case, each)
            return Went(ref, human.name, replace(_meeting(visit, case, each), undoes=undoes))
    return None
