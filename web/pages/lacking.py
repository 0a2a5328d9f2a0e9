"""What "appointments confirmed" still wants: which appointment, and where it is got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from cases.access import acts_in, may_complete
from cases.appointments import BOOKING
from cases.consents import sees_details
from cases.model import (
    HEALTH_KINDS,
    WELFARE_KINDS,
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Case,
    Participation,
    Role,
    Task,
    TaskState,
)
from cases.registry import package_named
from cases.release import DATING
from cases.rules import APPOINTMENT_WINDOW_DAYS, check_appointments
from core.clock import local_date
from core.errors import Refused
from web.i18n import Translate, marked
from web.pages.ill_timed import before_release
from web.pages.visit import Visit
from web.pages.words import in_language

TASK: Final = "appointments_confirmed"

_STANDS: Final = frozenset({AppointmentStatus.REQUESTED, AppointmentStatus.CONFIRMED})
_WITH: Final = {
    HEALTH_KINDS: marked("helsetjenesten"),
    WELFARE_KINDS: marked("NAV eller kommunen"),
}


@dataclass(frozen=True, slots=True)
class Lack:
    """One thing that is missing, in words; `act` leads to `href`, both empty where nothing does."""

    text: str
    act: str = ""
    href: str = ""


def lacking(tx: Connection, visit: Visit, case: Case) -> list[Lack]:
    """What the case still lacks, empty where the task can be done or waits for nothing."""
    viewer, task = visit.viewer, case.task(TASK)
    if task is None or not acts_in(viewer, case.unit) or not _waits(case, task):
        return []
    # That nothing lacks tells what an appointment is for: to whoever is told so by a refusal, or
    # reads of it anyway.
    if not (may_complete(viewer, task) or viewer.reads_health):
        return []
    if case.release_on is None:
        may = viewer.role in DATING
        return [
            Lack(
                visit.translate(_NO_DATE),
                visit.translate(_SET_DATE) if may else "",
                f"/cases/{case.ref}/release-date" if may else "",
            )
        ]
    required = package_named(tx, case.package).required_appointments
    return [_lack(visit, case, kinds) for kinds in required if not _holds(case, kinds)]


def _waits(case: Case, task: Task) -> bool:
    """Whether the task is to be done, or only waits for the release date to be known."""
    if task.state is TaskState.PREPARED:
        return case.release_on is None and case.participation is not Participation.NOT_NOW
    return task.state is TaskState.OPEN


def said_of(lacks: list[Lack]) -> str:
    """All of it in one text."""
    return " ".join(each.text for each in lacks)


def _holds(case: Case, kinds: frozenset[AppointmentKind]) -> bool:
    try:
        check_appointments(case, (kinds,))
    except Refused:
        return False
    return True


def _lack(visit: Visit, case: Case, kinds: frozenset[AppointmentKind]) -> Lack:
    """Why none of these kinds counts: not confirmed, on another day, or not booked at all."""
    translate, whom = visit.translate, _whom(visit.translate, kinds)
    books = visit.viewer.role in BOOKING
    known = [kind for kind in kinds if sees_details(visit.viewer, case, kind)]
    booked = sorted(
        (each for each in case.appointments if each.kind in known and each.status in _STANDS),
        key=lambda each: (not _in_window(case, each), each.starts_at, each.id),
    )
    if booked:
        first = booked[0]
        here = f"/cases/{case.ref}/appointments/{first.id}"
        inside = _in_window(case, first)
        text, act = (
            (_UNCONFIRMED, _CONFIRM)
            if inside
            else (_BEFORE if before_release(case, first) else _OUTSIDE, _MOVE)
        )
        return Lack(
            translate(text, whom=whom, when=visit.dates.time(first.starts_at)),
            translate(act) if books else "",
            here if books else "",
        )
    if not known:
        # Whether the health service has booked one is not this viewer's to know.
        if visit.viewer.role is not Role.COORDINATOR:
            return Lack(translate(_OF_HEALTH, whom=whom))
        return Lack(translate(_HIDDEN, whom=whom), translate(_ASK), f"/cases/{case.ref}#consents")
    return Lack(
        translate(_MISSING, whom=whom),
        translate(_BOOK) if books else "",
        f"/cases/{case.ref}/appointments/new" if books else "",
    )


def _in_window(case: Case, each: Appointment) -> bool:
    if case.release_on is None:
        return False
    last = case.release_on + timedelta(days=APPOINTMENT_WINDOW_DAYS)
    return case.release_on <= local_date(each.starts_at) <= last


def _whom(translate: Translate, kinds: frozenset[AppointmentKind]) -> str:
    """With whom, as the domain groups the kinds; of a unit's own requirement the kinds by name."""
    if kinds in _WITH:
        return translate(_WITH[kinds])
    word = in_language(translate)
    named = [word("kind", each.value) for each in AppointmentKind if each in kinds]
    return f" {translate(_OR)} ".join(named)


BEFORE_IT: Final = marked("Dette mangler før «avtaler bekreftet» kan føres som gjort:")
"""What stands above the list of them."""

_OR: Final = marked("eller")
_NO_DATE: Final = marked("Løslatelsesdatoen er ikke kjent.")
_SET_DATE: Final = marked("Sett datoen")
_UNCONFIRMED: Final = marked("Avtalen %(when)s (%(whom)s) er ikke bekreftet.")
_CONFIRM: Final = marked("Bekreft den")
_OUTSIDE: Final = marked(
    "Avtalen %(when)s (%(whom)s) er utenfor de første sju dagene etter løslatelsen."
)
_BEFORE: Final = marked("Avtalen %(when)s (%(whom)s) er før løslatelsen.")
_MOVE: Final = marked("Flytt den")
_MISSING: Final = marked(
    "Bekreftet avtale mangler: %(whom)s, i de første sju dagene etter løslatelsen."
)
_BOOK: Final = marked("Legg den inn")
_OF_HEALTH: Final = marked("Bekreftet avtale mangler: %(whom)s. Helsepersonell legger den inn.")
_HIDDEN: Final = marked(
    "Bekreftet avtale mangler: %(whom)s. Helsepersonell legger den inn, eller du, når personen har"
    " samtykket til å dele."
)
_ASK: Final = marked("Til samtykkene")
