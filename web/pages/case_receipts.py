"""What the page of a case tells of what was just done: what, for whom, until when, how to mend it.

A receipt holds codes and references; the rest is read from the case as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cases.model import AppointmentStatus, Phase
from cases.views import View
from web.i18n import marked
from web.pages.visit import Visit
from web.pages.words import in_language


@dataclass(frozen=True, slots=True)
class CaseReceipt:
    """One line, and where it is changed or taken back; empty where there is nothing to press.

    `undo` is the number of a contact that can be taken back.
    """

    text: str
    act: str = ""
    href: str = ""
    then: str = ""
    then_href: str = ""
    """What is done next, where something is."""

    note: str = ""
    """What there is to look at in what was done."""

    undo: str = ""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a receipt is worded from. `said` are the parts of its code after the verb."""

    visit: Visit
    view: View
    name: str
    units: Mapping[str, str]
    said: list[str]
    notes: Mapping[str, list[str]]

    def _(self, text: str, **values: object) -> str:
        return self.visit.translate(text, **values)

    def word(self, table: str, code: str | None) -> str:
        return in_language(self.visit.translate)(table, code)

    def part(self, at: int = 0) -> str:
        return self.said[at] if len(self.said) > at else ""


def receipt_of(
    visit: Visit,
    view: View,
    name: str,
    units: Mapping[str, str],
    notes: Mapping[str, list[str]],
) -> CaseReceipt | None:
    """The receipt of this page, None where it tells of nothing that is so.

    `notes`: what to look at beside each appointment.
    """
    verb, *said = visit.told("said").split("/")
    words = _WORDED.get(verb)
    return words(_Seen(visit, view, name, units, said, notes)) if words is not None else None


def _released(seen: _Seen) -> CaseReceipt | None:
    if not seen.view["released_at"]:
        return None
    when = seen.visit.dates.ending(seen.visit.dates.ago(seen.view["released_at"]))
    return CaseReceipt(seen._(_RELEASED, name=seen.name, when=when))


def _release_undone(seen: _Seen) -> CaseReceipt | None:
    return None if seen.view["released_at"] else CaseReceipt(seen._(_UNDONE, name=seen.name))


def _appointment(seen: _Seen, text: str, key: str = "id") -> CaseReceipt | None:
    """An appointment by its number, or by that of the one whose place it took."""
    number = seen.part()
    for each in seen.view["appointments"]:
        if each[key] == number and number:
            break
    else:
        return None
    missed = each["status"] == AppointmentStatus.NO_SHOW.value and bool(each["kind"])
    gone = each["status"] == AppointmentStatus.CANCELLED.value and bool(each["kind"])
    again = (missed or gone) and seen.view["phase"] != Phase.CLOSED.value
    here = f"/cases/{seen.view['ref']}/appointments"
    return CaseReceipt(
        seen._(
            text,
            what=seen.word("kind", each["kind"]) or seen._(_SOME),
            name=seen.name,
            when=seen.visit.dates.time(each["starts_at"]),
            status=seen.word("status", each["status"]).lower(),
        ),
        seen._(_SEE if gone else _CHANGE) if each["kind"] else "",
        f"{here}/{each['id']}" if each["kind"] else "",
        then=seen._(AGAIN) if again else "",
        then_href=f"{here}/new?after={each['id']}" if again else "",
        note=" ".join(seen.notes.get(each["id"], ())),
    )


def _contact(seen: _Seen, text: str, *, stands: bool) -> CaseReceipt | None:
    """A contact after the release, recorded or taken back."""
    for each in seen.view["appointments"]:
        gone = each["status"] == AppointmentStatus.CANCELLED.value
        if each["contact"] and each["id"] == seen.part() and gone is not stands:
            how = seen.word("how", each["how"])
            went = seen.word("contact", each["status"]).lower()
            said = seen._(
                text,
                name=seen.name,
                when=seen.visit.dates.time(each["starts_at"]),
                went=f"{went} {how}".strip(),
            )
            return CaseReceipt(said, undo=each["id"] if stands else "")
    return None


def _consent(seen: _Seen) -> CaseReceipt | None:
    key, answer = seen.part(), seen.part(1)
    if answer not in _CONSENT:
        return None
    return CaseReceipt(seen._(_CONSENT[answer], what=seen.word("consent", key), name=seen.name))


def _date(seen: _Seen) -> CaseReceipt | None:
    """The date of the kind that was set or withdrawn, and the one in force where that differs."""
    records = [each for each in seen.view["release_dates"] if each["kind"] == seen.part()]
    if not records:
        return None
    dates, on = seen.visit.dates, records[-1]["on"]
    kind = seen.word("release_kind", seen.part()).lower()
    text = _DATE_SET if on else _DATE_GONE
    said = seen._(text, name=seen.name, kind=kind, when=dates.day(on))
    in_force = seen.view["release"]
    if in_force is None:
        said = f"{said} {seen._(_NO_DATE)}"
    elif in_force["on"] != on:
        said = f"{said} {seen._(_IN_FORCE, when=dates.ending(dates.day(in_force['on'])))}"
    return CaseReceipt(said, seen._(_CHANGE), f"/cases/{seen.view['ref']}/release-date")


def _absence(seen: _Seen) -> CaseReceipt | None:
    found = {str(each["number"]): each for each in seen.view["absences"]}
    latest = max(found, key=int, default="")
    each = found.get(seen.part(1) or latest)
    text = _ABSENCES.get(seen.part())
    if each is None or text is None:
        return None
    dates = seen.visit.dates
    until = f"–{dates.day(each['to'])}" if each["to"] else ""
    when = dates.ending(dates.day(each["from"]) + until)
    what = seen.word("absence", each["kind"])
    return CaseReceipt(
        seen._(text, what=what, name=seen.name, when=when),
        seen._(_CHANGE),
        f"/cases/{seen.view['ref']}/absence",
    )


def _closed(seen: _Seen) -> CaseReceipt | None:
    why = seen.word("close_reason", seen.view["close_reason"]).lower()
    return CaseReceipt(seen._(_CLOSED, name=seen.name, why=why)) if why else None


def _transfer(seen: _Seen) -> CaseReceipt | None:
    waiting = [each for each in seen.view["transfers"] if each["state"] == "proposed"]
    if not waiting:
        return None
    to = waiting[-1]["to"]
    return CaseReceipt(
        seen._(_TRANSFER, name=seen.name, unit=seen.units.get(to, to)),
        seen._(_TAKE_BACK),
        "/transfers",
    )


_RELEASED: Final = marked("Løslatelsen er registrert: %(name)s, %(when)s")
_UNDONE: Final = marked("Løslatelsen er tatt tilbake. Saken til %(name)s er som den var før den.")
_APPOINTMENT: Final = marked("%(what)s for %(name)s, %(when)s: %(status)s.")
_MOVED: Final = marked("%(what)s for %(name)s er flyttet til %(when)s: %(status)s.")
_CORRECTED: Final = marked("Opplysningene er rettet: %(what)s for %(name)s, %(when)s: %(status)s.")
CONTACTED: Final = marked("Kontakt etter løslatelse med %(name)s, %(when)s: %(went)s.")
UNCONTACTED: Final = marked("Kontakten med %(name)s, %(when)s, er angret.")
_SOME: Final = marked("Avtale")
AGAIN: Final = marked("Avtal ny tid")
_CHANGE: Final = marked("Endre")
_SEE: Final = marked("Se avtalen")
_CONSENT: Final = {
    "given": marked("Ja er ført: %(what)s, %(name)s."),
    "withdrawn": marked("Nei er ført: %(what)s, %(name)s."),
}
_DATE_SET: Final = marked("Løslatelsesdato (%(kind)s) for %(name)s: %(when)s")
_DATE_GONE: Final = marked("Løslatelsesdatoen (%(kind)s) for %(name)s er trukket tilbake.")
_NO_DATE: Final = marked("Ingen annen dato er kjent.")
_IN_FORCE: Final = marked("Det som gjelder, er %(when)s")
_ABSENCES: Final = {
    "record": marked("%(what)s for %(name)s: %(when)s"),
    "cancel": marked("%(what)s for %(name)s er tatt tilbake: %(when)s"),
    "informed": marked("%(name)s er informert på nytt. %(what)s: %(when)s"),
}
_CLOSED: Final = marked("Saken til %(name)s er avsluttet: %(why)s.")
_TRANSFER: Final = marked(
    "Foreslått overført til %(unit)s: %(name)s. Saken er hos dere til de har godtatt."
)
_TAKE_BACK: Final = marked("Trekk tilbake")

_WORDED: Final[dict[str, Callable[[_Seen], CaseReceipt | None]]] = {
    "released": _released,
    "undone": _release_undone,
    "appointment": lambda seen: _appointment(seen, _APPOINTMENT),
    "moved": lambda seen: _appointment(seen, _MOVED, "moved_from"),
    "corrected": lambda seen: _appointment(seen, _CORRECTED, "moved_from"),
    "contact": lambda seen: _contact(seen, CONTACTED, stands=True),
    "uncontact": lambda seen: _contact(seen, UNCONTACTED, stands=False),
    "consent": _consent,
    "date": _date,
    "absence": _absence,
    "closed": _closed,
    "transfer": _transfer,
}
