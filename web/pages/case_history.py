"""What happened in a case, line by line, as its viewer may read it.

Beside what was done stand the dates that a roster changed and the reason why something was taken
back; the reason of a health task is for whoever may know who did it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from cases import history
from cases.access import Viewer, sees_who
from cases.consents import sees_details
from cases.model import LATE_ENTRY, AppointmentKind, Case, TransferState
from cases.release_undo import RELEASE
from cases.store import Verb
from cases.views import SEES_CONSENTS
from web.i18n import marked
from web.pages.acts import OFFER
from web.pages.visit import Visit
from web.pages.words import in_language

MOST_EVENTS: Final = 100

# What correctional staff never see the history of.
_OF_HEALTH: Final = frozenset({Verb.ANSWERED.value, Verb.ANSWER_CORRECTED.value})
_OF_CONSENT: Final = frozenset({Verb.CONSENT_RECORDED.value})
_ABOUT_TASKS: Final = frozenset(
    {
        Verb.TASK_COMPLETED.value,
        Verb.TASK_WAIVED.value,
        Verb.TASK_UNDONE.value,
        Verb.ANSWER_CORRECTED.value,
        Verb.SHORT_FORM.value,
    }
)
_ABOUT_DATES: Final = frozenset({Verb.ROSTER_UPDATED.value, Verb.RELEASE_DATE_SET.value})
_APPOINTMENTS: Final = frozenset(
    {
        Verb.APPOINTMENT_BOOKED.value,
        Verb.APPOINTMENT_OUTCOME.value,
        Verb.APPOINTMENT_MOVED.value,
        Verb.CONTACT_RECORDED.value,
        Verb.CONTACT_UNDONE.value,
    }
)
_SILENT: Final = frozenset({Verb.ADVANCED.value})


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the history; `details` are in the reader's words."""

    verb: str
    at: datetime
    late: bool
    by: str | None
    tasks: tuple[str, ...]
    details: tuple[str, ...] = ()


def history_of(
    tx: Connection, visit: Visit, case: Case, units: Mapping[str, str]
) -> list[Happened]:
    """What happened, the latest first; nothing of what belongs to the health service alone."""
    viewer = visit.viewer
    hidden = set(_SILENT)
    if not viewer.reads_health:
        hidden |= _OF_HEALTH
    if viewer.role not in SEES_CONSENTS:
        hidden |= _OF_CONSENT
    found = []
    for event in history.events_of(tx, case.ref):
        if event.verb in hidden:
            continue
        tasks = _settled_by(event)
        if OFFER in tasks and event.verb in _ABOUT_TASKS and not viewer.reads_health:
            # That an answer was taken back is the history of participation.
            tasks = tuple(code for code in tasks if code != OFFER)
            if not tasks:
                continue
        found.append(
            Happened(
                event.verb,
                event.happened_at,
                event.recorded_at - event.happened_at > LATE_ENTRY,
                event.actor if _tells_who(viewer, case, event.verb, tasks) else None,
                tasks,
                (
                    *_dates(visit, event, units),
                    *_contacts(visit, event),
                    *_said(visit, event),
                    *_booked(visit, case, event),
                    *_handed_over(visit, event, units),
                    *_reasons(visit, case, event, tasks),
                ),
            )
        )
    return found[::-1][:MOST_EVENTS]


def _settled_by(event: history.Event) -> tuple[str, ...]:
    """The tasks that an act of somebody settled or opened again.

    Not what followed from it: that all tasks of somebody open at once tells that an answer was
    taken back.
    """
    if event.verb not in _ABOUT_TASKS:
        return ()
    if undone := event.payload.get("undone"):
        return tuple(undone)
    changed = event.payload.get("tasks", {})
    return tuple(code for code, fields in changed.items() if "state" in fields)


def _tells_who(viewer: Viewer, case: Case, verb: str, tasks: tuple[str, ...]) -> bool:
    """Whether who did it is this viewer's to see: never of a health task or of an appointment."""
    if viewer.reads_health:
        return True
    if verb in _APPOINTMENTS:
        return False
    touched = (case.task(code) for code in tasks)
    return all(task is None or sees_who(viewer, task) for task in touched)


def _dates(visit: Visit, event: history.Event, units: Mapping[str, str]) -> Iterator[str]:
    """What an import, or somebody who set a date, changed: dates, and where the person is."""
    if event.verb not in _ABOUT_DATES:
        return
    dates, word, payload = visit.dates, in_language(visit.translate), event.payload
    if admitted := payload.get("case", {}).get("admitted_at"):
        yield visit.translate(_ADMITTED, when=dates.time(admitted))
    for record in _new(payload, "release_dates", "kind"):
        kind = word("release_kind", record["kind"]).lower()
        if record.get("on"):
            yield visit.translate(_DATED, kind=kind, when=dates.day(record["on"]))
        else:
            yield visit.translate(_WITHDRAWN, kind=kind)
    for proposal in _new(payload, "transfers", "to_unit"):
        to = proposal["to_unit"]
        yield visit.translate(_PROPOSED, unit=units.get(to, to))
    changed = payload.get("transfers", {}).values()
    if any(each.get("state") == TransferState.REVOKED.value for each in changed):
        yield visit.translate(_REVOKED)


def _said(visit: Visit, event: history.Event) -> Iterator[str]:
    """What was answered, and what was agreed to."""
    word, payload = in_language(visit.translate), event.payload
    if event.verb == Verb.ANSWERED.value:
        for answer in _new(payload, "answers", "status"):
            yield word("participation", answer["status"]).lower()
    if event.verb == Verb.CONSENT_RECORDED.value:
        for row in _new(payload, "consents", "purpose"):
            to = f":{row['receiver']}" if row.get("receiver") else ""
            given = visit.translate(_YES if row["given"] else _NO)
            yield f"{word('consent', row['purpose'] + to)}: {given}"


def _booked(visit: Visit, case: Case, event: history.Event) -> Iterator[str]:
    """The kind of an appointment, where the viewer sees it on the case."""
    if event.verb == Verb.APPOINTMENT_BOOKED.value:
        for row in _new(event.payload, "appointments", "kind"):
            if sees_details(visit.viewer, case, AppointmentKind(row["kind"])):
                yield in_language(visit.translate)("kind", row["kind"])


def _handed_over(visit: Visit, event: history.Event, units: Mapping[str, str]) -> Iterator[str]:
    """To whom a transfer was proposed, and what was answered."""
    if event.verb == Verb.TRANSFER_PROPOSED.value:
        for row in _new(event.payload, "transfers", "to_unit"):
            yield units.get(row["to_unit"], row["to_unit"])
    if event.verb == Verb.TRANSFER_ANSWERED.value:
        for row in event.payload.get("transfers", {}).values():
            if "state" in row:
                yield in_language(visit.translate)("transfer", row["state"]).lower()


def _contacts(visit: Visit, event: history.Event) -> Iterator[str]:
    """Whether somebody was reached, or why a contact was taken back."""
    word = in_language(visit.translate)
    if event.verb == Verb.CONTACT_RECORDED.value:
        for made in _new(event.payload, "appointments", "status"):
            yield word("contact", made["status"]).lower()
    if event.verb == Verb.CONTACT_UNDONE.value:
        for why in event.payload.get("undone", {}).values():
            yield word("undo_contact", why).lower()


def _new(payload: Mapping[str, Any], part: str, field: str) -> list[Mapping[str, Any]]:
    """The rows that an event added: only those say all of themselves."""
    return [row for row in payload.get(part, {}).values() if field in row]


def _reasons(
    visit: Visit, case: Case, event: history.Event, tasks: tuple[str, ...]
) -> Iterator[str]:
    """Why something was taken back, each reason once."""
    told: Mapping[str, str] = event.payload.get("undone", {})
    word = in_language(visit.translate)
    if event.verb == Verb.RELEASE_UNDONE.value and RELEASE in told:
        yield word("undo_release", told[RELEASE]).lower()
    reasons = {
        told[code]
        for code in tasks
        if code in told and (task := case.task(code)) is not None and sees_who(visit.viewer, task)
    }
    for reason in sorted(reasons):
        yield word("undo", reason).lower()


_YES: Final = marked("ja")
_NO: Final = marked("nei")
_ADMITTED: Final = marked("innsatt %(when)s")
_DATED: Final = marked("løslatelse %(when)s (%(kind)s)")
_WITHDRAWN: Final = marked("datoen for %(kind)s er trukket")
_PROPOSED: Final = marked("overføring til %(unit)s foreslått")
_REVOKED: Final = marked("overføring trukket tilbake")
