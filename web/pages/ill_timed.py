"""Appointments at a time at which nobody comes: before the release, or when an office is closed.

Said on the case, where one is booked, and where a date is moved. Days are local dates.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cases.access import Viewer
from cases.calendar import is_working_day
from cases.consents import sees_details
from cases.model import Appointment, AppointmentKind, AppointmentStatus, Case, Participation, Phase
from cases.views import View
from cases.warnings import CaseWarning, outside_window, warnings_for
from core.clock import local_date
from web.i18n import marked
from web.pages.visit import Visit
from web.pages.words import WORDS

OFFICES: Final = frozenset(
    {
        AppointmentKind.GP,
        AppointmentKind.SPECIALIST_ADDICTION,
        AppointmentKind.MUNICIPAL_ADDICTION,
        AppointmentKind.NAV,
        AppointmentKind.HOUSING,
        AppointmentKind.DENTIST,
        AppointmentKind.PROBATION,
    }
)
"""Kinds that nobody opens for on a weekend or holiday; LAR hands out on Saturdays too."""

_STANDS: Final = frozenset({AppointmentStatus.REQUESTED, AppointmentStatus.CONFIRMED})
_AGREED: Final = _STANDS | {AppointmentStatus.ATTENDED}
_NOT_OFFERED: Final = frozenset({Participation.DECLINED, Participation.WITHDRAWN})


def before_release(case: Case, each: Appointment) -> bool:
    """Whether an appointment that stands lies before the release in force, or the actual one."""
    if each.status not in _STANDS or case.release_on is None:
        return False
    if case.released_at is not None:
        return each.starts_at < case.released_at
    return local_date(each.starts_at) < case.release_on


def on_a_closed_day(viewer: Viewer, case: Case, each: Appointment) -> bool:
    """Whether an office is closed that day, as far as the viewer may know which one it is."""
    return (
        each.kind in OFFICES
        and each.status in _STANDS
        and not is_working_day(local_date(each.starts_at))
        and sees_details(viewer, case, each.kind)
    )


def notes_of(visit: Visit, case: Case) -> dict[str, list[str]]:
    """What to look at beside each appointment, by its number; all that was outside R … R + 7 d."""
    return {each.id: list(_notes(visit, case, each)) for each in case.appointments}


def _notes(visit: Visit, case: Case, each: Appointment) -> Iterable[str]:
    if before_release(case, each):
        yield visit.translate(BEFORE)
    elif outside_window(case, each):
        yield visit.translate(OUTSIDE)
    if on_a_closed_day(visit.viewer, case, each):
        yield visit.translate(CLOSED_DAY)


def to_book_again(view: View) -> set[str]:
    """Appointments that somebody did not come to, of which no later one of the kind is agreed."""
    return {
        each["id"]
        for each in view["appointments"]
        if each["status"] == AppointmentStatus.NO_SHOW
        and each["kind"]
        and not each["contact"]
        and not any(
            later["kind"] == each["kind"]
            and later["starts_at"] > each["starts_at"]
            and later["status"] in _AGREED
            for later in view["appointments"]
        )
    }


def warned(visit: Visit, case: Case) -> list[str]:
    """The warnings of a case in words; what lies before the release is told as such."""
    found = list(warnings_for(visit.viewer, case, now=visit.now))
    said = []
    if case.phase is not Phase.CLOSED and case.participation not in _NOT_OFFERED:
        early = [each for each in case.appointments if before_release(case, each)]
        after = [
            each
            for each in case.appointments
            if outside_window(case, each) and each.starts_at > visit.now and each not in early
        ]
        if early:
            said.append(visit.translate(ONE_BEFORE))
        if early and not after and CaseWarning.APPOINTMENT_OUTSIDE_WINDOW in found:
            found.remove(CaseWarning.APPOINTMENT_OUTSIDE_WINDOW)
    return [*said, *(visit.translate(WORDS["warning"][each.value]) for each in found)]


BEFORE: Final = marked("Ligger før løslatelsen: personen kan ikke møte. Flytt den.")
OUTSIDE: Final = marked("Utenfor de første sju dagene etter løslatelsen.")
CLOSED_DAY: Final = marked("Dagen er helg eller helligdag. Er det åpent da?")
ONE_BEFORE: Final = marked("En avtale ligger før løslatelsen: personen kan ikke møte.")
