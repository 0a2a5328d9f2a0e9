"""The other papers of a case: checklist, consents, short form, supply, certificate, transfer.

Each is a `forms.document.Document`, which becomes a PDF or a page. Staff forms are in `nb`, `nn` or
`en`, what the person is handed in the person's language. No paper holds a health answer, and every
one about a person is a row in the access log, in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection, bindparam, select

from cases import naloxone, organisation, people, print_outs, queries, rules, sessions
from cases.access import Viewer
from cases.custody import standing
from cases.journal import AccessRow, append
from cases.model import Case, Step, Transfer
from cases.package import Package
from cases.registry import package_in_force, package_named
from cases.short_form import FILLING_IN, suggested_call
from cases.tables import account
from cases.vault import Identity
from core.clock import local_date
from core.errors import BadInput, Refused
from forms import (
    attendance,
    card_page,
    certificate,
    checklist,
    consent,
    naloxone_record,
    short_form,
    transfer_sheet,
)
from forms.card import card_pdf, check_card
from forms.document import Document
from forms.document_pdf import document_pdf
from forms.overdose import overdose_pdf
from forms.sheets import layout

__all__ = ["FORMS", "STAFF_LANGUAGE", "Printable", "attendance_list", "case_form", "printable"]

STAFF_LANGUAGE: Final = "nb"

_ACCOUNTS: Final = select(account.c.ref, account.c.display_name).where(
    account.c.ref.in_(bindparam("refs", expanding=True))
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One form asked for."""

    tx: Connection
    viewer: Viewer
    case: Case
    identity: Identity
    language: str
    now: datetime
    national: str

    def unit(self, code: str | None = None) -> str:
        """The name of a unit, the case's if none is said."""
        return _unit_name(self.tx, code or self.case.unit, self.now)


Maker = Callable[[_Asked], Document]


def case_form(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    form: str,
    *,
    now: datetime,
    national: str,
    language: str | None = None,
) -> Document:
    """A form of a case by its name in `FORMS`; the print is logged.

    Raises `BadInput` for a form there is not, `CaseNotFound`, `NotAllowed` for a role that may not
    print it, `Refused` where there is nothing to print.
    """
    if form not in FORMS:
        raise BadInput(
            "unknown_form", f"a form is {', '.join(sorted(FORMS))}, not {form!r}", "form"
        )
    case = queries.case_by_ref(tx, viewer, ref)
    identity = people.identity_of(tx, case.person)
    if identity is None:
        raise Refused("The person is erased: there is nothing left to print.")
    made, own = FORMS[form]
    spoken = language or (case.language if own else STAFF_LANGUAGE)
    document = made(_Asked(tx, viewer, case, identity, spoken, now, national))
    if form not in _LOGGED_ELSEWHERE:
        role = viewer.role.value
        verb = f"{form.replace('-', '_')}_printed"
        append(tx, [AccessRow(case.unit, now, viewer.account, role, verb, case.ref)], now=now)
    return document


@dataclass(frozen=True, slots=True)
class Printable:
    """A paper that was asked for and logged; setting it needs no database any more."""

    page: Document
    _pdf: Callable[[], bytes]

    def pdf(self) -> bytes:
        """As PDF."""
        return self._pdf()


def printable(
    tx: Connection,
    viewer: Viewer,
    ref: str,
    form: str,
    *,
    now: datetime,
    language: str | None = None,
    national: str,
    size: str = "wallet",
    to_a_sheet: int = 1,
) -> Printable:
    """A form or card of a case, as PDF and as a page. `size` and `to_a_sheet` are for cards.

    Raises as `case_form`, and `BadInput` for a layout there is not.
    """
    if form == "time-in-hand":
        card = print_outs.time_in_hand(
            tx, viewer, ref, now=now, language=language, national=national
        )
        check_card(card, size=size, to_a_sheet=to_a_sheet)
        page = card_page.time_in_hand_page(card)
        return Printable(page, partial(card_pdf, card, size=size, to_a_sheet=to_a_sheet))
    if form == "overdose":
        layout(size, to_a_sheet)
        info = print_outs.overdose(tx, viewer, ref, now=now, language=language)
        made = partial(overdose_pdf, info, size=size, to_a_sheet=to_a_sheet)
        return Printable(card_page.overdose_page(info), made)
    page = case_form(tx, viewer, ref, form, now=now, national=national, language=language)
    return Printable(page, partial(document_pdf, page))


def attendance_list(
    tx: Connection, viewer: Viewer, session_ref: str, *, now: datetime, language: str | None = None
) -> Document:
    """The list of a group session with the names of those the viewer may see; logged."""
    session = sessions.read_session(tx, viewer, session_ref, now=now)
    cases = queries.cases_by_refs(tx, viewer, (each.case_ref for each in session.attendance))
    identities = people.identities_of(tx, [case.person for case in cases.values()])
    spoken = language or STAFF_LANGUAGE
    package = package_in_force(tx, session.unit, on=local_date(now))
    persons = [
        attendance.Person(identity.inmate_no, f"{identity.first_name} {identity.last_name}".strip())
        for each in session.attendance
        if each.case_ref in cases
        and (identity := identities.get(cases[each.case_ref].person)) is not None
    ]
    return attendance.document(
        attendance.AttendanceList(
            language=spoken,
            unit=_unit_name(tx, session.unit, now),
            session_ref=session.ref,
            topic=_task_label(package, session.task, spoken),
            starts_at=session.starts_at,
            minutes=session.minutes,
            place=session.place,
            leader=session.leader,
            persons=tuple(persons),
            printed_at=now,
        )
    )


# --- each form -----------------------------------------------------------------------------------


def _checklist(asked: _Asked) -> Document:
    return checklist.document(
        checklist.Checklist(
            language=asked.language,
            unit=asked.unit(),
            case_ref=asked.case.ref,
            inmate_no=asked.identity.inmate_no,
            package=asked.case.package,
            admitted_at=asked.case.admitted_at,
            release_on=asked.case.release_on,
            steps=_steps(package_named(asked.tx, asked.case.package), asked.case, asked.language),
            printed_at=asked.now,
        )
    )


def _consent(purposes: tuple[str, ...]) -> Maker:
    def made(asked: _Asked) -> Document:
        form = consent.ConsentForm(
            asked.language, purposes, asked.identity.inmate_no, asked.unit(), asked.now
        )
        return consent.document(form)

    return made


def _short_form(asked: _Asked) -> Document:
    rules.check_role(asked.viewer, FILLING_IN, "release somebody with the short form")
    rules.check_open(asked.case)
    return short_form.document(
        short_form.ShortFormSheet(
            language=asked.language,
            unit=asked.unit(),
            case_ref=asked.case.ref,
            inmate_no=asked.identity.inmate_no,
            call_at=suggested_call(asked.case.released_at or asked.now),
            printed_at=asked.now,
        )
    )


def _naloxone(asked: _Asked) -> Document:
    rows = standing(naloxone.ledger(asked.tx, asked.viewer, now=asked.now, ref=asked.case.ref))
    refs = sorted({row.distributor for row in rows if row.distributor is not None})
    names = dict(tuple(row) for row in asked.tx.execute(_ACCOUNTS, {"refs": refs})) if refs else {}
    return naloxone_record.document(
        naloxone_record.SupplyRecord(
            language=asked.language,
            unit=asked.unit(),
            case_ref=asked.case.ref,
            inmate_no=asked.identity.inmate_no,
            rows=tuple(
                naloxone_record.Row(
                    row.happened_at,
                    row.kind.value,
                    row.quantity,
                    row.lot,
                    row.expires_on,
                    names.get(row.distributor or "", row.distributor),
                )
                for row in rows
            ),
            printed_at=asked.now,
        )
    )


def _certificate(asked: _Asked) -> Document:
    task = asked.case.task("naloxone_training")
    if task is None or task.done_at is None or not task.counts_as_done:
        raise Refused("The training is not done: complete naloxone_training first.")
    return certificate.document(
        certificate.Certificate(
            asked.language, asked.identity.name, task.done_at, task.form, asked.now
        )
    )


def _transfer(asked: _Asked) -> Document:
    newest: Transfer | None = max(
        asked.case.transfers, key=lambda each: (each.proposed_at, each.id), default=None
    )
    if newest is None:
        raise Refused("No transfer was proposed: there is no sheet to send along.")
    card = print_outs.upcoming(asked.tx, asked.viewer, asked.case, now=asked.now)
    return transfer_sheet.document(
        transfer_sheet.TransferSheet(
            language=asked.language,
            case_ref=asked.case.ref,
            inmate_no=asked.identity.inmate_no,
            from_unit=asked.unit(newest.from_unit),
            to_unit=asked.unit(newest.to_unit),
            proposed_at=newest.proposed_at,
            state=newest.state.value,
            release_on=asked.case.release_on,
            steps=_steps(package_named(asked.tx, asked.case.package), asked.case, asked.language),
            appointments=tuple(
                transfer_sheet.Booked(each.starts_at, each.whom, each.place) for each in card
            ),
            printed_at=asked.now,
        )
    )


def _time_in_hand(asked: _Asked) -> Document:
    card = print_outs.time_in_hand(
        asked.tx,
        asked.viewer,
        asked.case.ref,
        now=asked.now,
        language=asked.language,
        national=asked.national,
    )
    return card_page.time_in_hand_page(card)


def _overdose(asked: _Asked) -> Document:
    card = print_outs.overdose(
        asked.tx, asked.viewer, asked.case.ref, now=asked.now, language=asked.language
    )
    return card_page.overdose_page(card)


FORMS: Final[dict[str, tuple[Maker, bool]]] = {
    "time-in-hand": (_time_in_hand, True),
    "overdose": (_overdose, True),
    "checklist": (_checklist, False),
    "consent": (_consent(consent.PURPOSES), True),
    **{f"consent-{each}": (_consent((each,)), True) for each in consent.PURPOSES},
    "short-form": (_short_form, False),
    "naloxone": (_naloxone, False),
    "certificate": (_certificate, True),
    "transfer": (_transfer, False),
}
"""Name → how it is made, and whether it is in the person's own language."""

_LOGGED_ELSEWHERE: Final = frozenset({"time-in-hand", "overdose"})


def _steps(package: Package, case: Case, language: str) -> tuple[checklist.Step, ...]:
    in_order = [task for rule in package.tasks if (task := case.task(rule.code)) is not None]
    in_order += [task for task in case.tasks if not package.has(task.code)]
    return tuple(
        checklist.Step(
            package.step_labels(step).in_language(language),
            tuple(
                checklist.Task(
                    _task_label(package, task.code, language),
                    task.owner.value,
                    task.state.value,
                    task.due_at,
                    task.done_at,
                )
                for task in in_order
                if task.step is step
            ),
        )
        for step in Step
        if any(task.step is step for task in in_order)
    )


def _task_label(package: Package, code: str, language: str) -> str:
    return package.rule(code).labels.in_language(language) if package.has(code) else code


def _unit_name(tx: Connection, code: str, now: datetime) -> str:
    version = organisation.version_on(tx, code, local_date(now))
    return version.name if version is not None else code
