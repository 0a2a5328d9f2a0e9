"""Whom a form that waits is about, and what its button does: in words, read before it goes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from cases import people, queries
from cases.access import CASE_ROLES
from cases.registry import package_named
from cases.views import CASE_READ
from web.i18n import Translate, marked
from web.pages import rows
from web.pages.acts import CONTACT, OF_APPOINTMENTS, OFFER, OUTCOME, UNCONTACT
from web.pages.visit import Visit
from web.pages.words import in_language, label_of

_LISTS: Final = ("/act", "/overdue")
_OF_CASE: Final = re.compile(r"^/cases/(\w+)(?:/tasks/(\w+))?")
_DEEDS: Final = {
    "absence": marked("Permisjon eller fravær"),
    "appointments/new": marked("Ny avtale"),
    "close": marked("Avslutt saken"),
    "contact": marked("Kontakt etter løslatelse"),
    "release": marked("Registrer løslatelse"),
    "release/undo": marked("Angre løslatelsen"),
    "release-date": marked("Løslatelsesdato"),
    "transfer": marked("Overfør til annen enhet"),
    "unplanned": marked("Registrer løslatelse"),
}
"""What a form about a whole case does, by all that follows the case in its address."""

_AN_APPOINTMENT: Final = re.compile(r"appointments/\w+")

_DOES: Final = {
    "done": marked("Gjort"),
    "yesterday": marked("Gjort i går"),
    "waive": marked("Frafall"),
    "undo": marked("Angre"),
    "snooze": marked("Utsett"),
    "wake": marked("Angre"),
    UNCONTACT: marked("Angre"),
}


def begun(visit: Visit, path: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each person with the task and what is done with it; empty for a form about nobody."""
    session = visit.session
    picks, says = _picks(path, pairs), _says(visit.translate, pairs)
    says = says or _deed(visit.translate, path)
    if session is None or session.viewer.role not in CASE_ROLES or not picks:
        return []
    with visit.house.db.read() as tx:
        cases = queries.cases_by_refs(tx, visit.viewer, dict.fromkeys(ref for ref, _ in picks))
        known = people.identities_of(tx, [case.person for case in cases.values()])
        lines = []
        for ref, code in picks:
            if (case := cases.get(ref)) is None:
                continue
            identity = known.get(case.person)
            package = package_named(tx, case.package)
            told = (label_of(package, code, visit.language) if code else "", says)
            name = identity.name if identity is not None else ref
            lines.append((name, ": ".join(each for each in told if each)))
    for case in cases.values():
        rows.log_look(visit, CASE_READ, [case.ref], unit=case.unit)
    return lines


def _deed(translate: Translate, path: str) -> str:
    """What a form about a whole case does; empty for any other, and for what has no name here.

    By the whole of the address: to undo a release is not to register one.
    """
    if (of := _OF_CASE.match(path)) is None:
        return ""
    rest = path.partition("?")[0][len(f"/cases/{of[1]}/") :]
    if rest in _DEEDS:
        return translate(_DEEDS[rest])
    return translate(marked("Avtale")) if _AN_APPOINTMENT.fullmatch(rest) else ""


def _picks(path: str, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Cases and tasks, each once; a form about a case as a whole has no task."""
    if found := _OF_CASE.match(path):
        return [(found[1], found[2] or "")]
    if path.partition("?")[0] not in _LISTS:
        return []
    named = [value for name, value in pairs if name == "pick"]
    verb, _, rest = dict(pairs).get("do", "").partition("/")
    if verb == "offer":
        named.append(f"{rest.partition('/')[0]}/{OFFER}")
    elif rest.count("/"):
        named.append("/".join(rest.split("/")[:2]))
    if verb in OF_APPOINTMENTS:  # the form is about no task
        return [(rest.partition("/")[0], "")]
    parts = [each.partition("/") for each in dict.fromkeys(named)]
    return [(ref, code) for ref, _, code in parts if ref and code]


def _says(translate: Translate, pairs: Sequence[tuple[str, str]]) -> str:
    """What the button said that was pressed; empty where the form says it in fields."""
    verb, *rest = dict(pairs).get("do", "").split("/")
    word = in_language(translate)
    if verb == "offer":
        return word("participation", rest[-1]) if rest else ""
    if verb == OUTCOME:
        return word("status", rest[-1]) if rest else ""
    if verb == CONTACT:
        return word("contact", rest[-1]) if rest else ""
    if verb == "done" and len(rest) == 3:
        return word("answer", rest[2])
    return translate(_DOES[verb]) if verb in _DOES else ""
