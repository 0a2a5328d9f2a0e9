"""What an administrator is told was saved: the value as it stands, and from which day.

A receipt holds the button, the day and which one of several; the rest is read from what is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import Connection

from cases import contacts, distributors, organisation, project
from cases.staff import Member
from core.clock import local_date, parse_date
from core.errors import BadInput
from web.i18n import marked
from web.pages.visit import Visit
from web.pages.words import in_language


@dataclass(frozen=True, slots=True)
class _Saved:
    """What a receipt about a unit is worded from; `on` is the day from which it holds."""

    tx: Connection
    visit: Visit
    code: str
    on: date
    which: str

    def _(self, text: str, **values: object) -> str:
        return self.visit.translate(text, **values)

    @property
    def when(self) -> str:
        return self.visit.dates.long_day(self.on)

    def named(self, code: str | None) -> str:
        """What a unit is called on that day."""
        return organisation.unit_names(self.tx, self.on).get(code or "", code or "")


def said_of(do: str, on: date, which: str = "") -> str:
    """What the receipt of a unit's page holds."""
    return f"{do}/{on.isoformat()}/{which}"


def unit_saved(tx: Connection, visit: Visit, code: str) -> str:
    """What the receipt of this unit's page says, empty where it tells of nothing."""
    said = visit.told("said")
    if not said:
        return ""
    do, _, rest = said.partition("/")
    day, _, which = rest.partition("/")
    try:
        on = parse_date(day, field="on")
    except BadInput:
        on = local_date(visit.now)
    word = _UNIT.get(do)
    text = word(_Saved(tx, visit, code, on, which)) if word is not None else ""
    return text or visit.translate(_SAVED)


def _new(saved: _Saved) -> str:
    return saved._(_NEW, unit=saved.named(saved.code), when=saved.when)


def _renamed(saved: _Saved) -> str:
    return saved._(_NAME, name=saved.named(saved.code), when=saved.when)


def _moved(saved: _Saved) -> str:
    there = organisation.version_on(saved.tx, saved.code, saved.on)
    if there is None:
        return ""
    parts = [there.region, there.municipality or ""]
    if there.parent:
        parts.append(saved._(_PART_OF, unit=saved.named(there.parent)))
    where = ", ".join(part for part in parts if part)
    return saved._(_PLACE, where=where, when=saved.when)


def _merged(saved: _Saved) -> str:
    into = next(
        (
            each.merged_into
            for each in organisation.versions(saved.tx, saved.code)
            if each.merged_into and each.valid_to == saved.on
        ),
        None,
    )
    return saved._(_MERGED, unit=saved.named(into), when=saved.when) if into else ""


def _stage(saved: _Saved) -> str:
    stage = project.state_of(saved.tx, saved.code, saved.on).stage
    word = in_language(saved.visit.translate)
    return saved._(_STAGE, stage=word("stage", stage.value), when=saved.when) if stage else ""


def _naloxone(saved: _Saved) -> str:
    # Without a day it is known that it was introduced, not when.
    return saved._(_NALOXONE, when=saved.when) if saved.which else saved._(_NALOXONE_SOME_DAY)


def _distributor(text: str) -> Callable[[_Saved], str]:
    def worded(saved: _Saved) -> str:
        # Of one that ended that day, too.
        known = distributors.of_unit(saved.tx, saved.code, saved.on - timedelta(days=1))
        name = next((each.name for each in known if each.username == saved.which), saved.which)
        return saved._(text, name=name, when=saved.when)

    return worded


def _in_use(saved: _Saved) -> str:
    for each in contacts.standing(saved.tx, saved.visit.viewer):
        if each.unit == saved.code and each.state == "checked":
            return saved._(_NUMBER, number=each.number)
    return ""


def _decided(saved: _Saved) -> str:
    if saved.which == "check":
        return _in_use(saved)
    national = saved.visit.house.settings.contact_phone
    return saved._(_NO_NUMBER[saved.which], number=national) if saved.which in _NO_NUMBER else ""


def person_saved(visit: Visit, member: Member, units: Mapping[str, str]) -> str:
    """What the receipt of an account's page says, empty where it tells of nothing."""
    do, _, which = visit.told("said").partition("/")
    if not do:
        return ""
    if do == "give":
        role = in_language(visit.translate)("role", member.role)
        places = [units.get(code, code) for code in member.units]
        what = ", ".join([role, *places])
        return visit.translate(_GIVEN, name=member.name, what=what)
    text = _ENDED_ALL if do == "end" and which == "all" else _PERSON.get(do, _SAVED)
    return visit.translate(text, name=member.name) if "%(name)s" in text else visit.translate(text)


_SAVED: Final = marked("Lagret.")
_NEW: Final = marked("Enheten er lagt inn: %(unit)s, fra %(when)s.")
_NAME: Final = marked("Navnet er %(name)s fra %(when)s.")
_PLACE: Final = marked("Enheten står slik fra %(when)s: %(where)s.")
_PART_OF: Final = marked("del av %(unit)s")
_MERGED: Final = marked("Enheten er del av %(unit)s fra %(when)s.")
_CLOSED: Final = marked("Enheten er lagt ned fra %(when)s.")
_STAGE: Final = marked("Steg i prosjektet: %(stage)s, fra %(when)s.")
_NALOXONE: Final = marked("Nalokson er innført %(when)s.")
_NALOXONE_SOME_DAY: Final = marked("Nalokson er innført, dato ukjent.")
_NETWORK: Final = marked("Ført: deltok i læringsnettverk %(when)s.")
_VISIT: Final = marked("Ført: besøk fra prosjektet %(when)s.")
_CERTIFIED: Final = marked("Sertifikatet er ført: %(name)s, fra %(when)s.")
_UNCERTIFIED: Final = marked("Sertifikatet til %(name)s er avsluttet %(when)s.")
_NUMBER: Final = marked("Nummeret %(number)s er sjekket og i bruk.")
_NO_NUMBER: Final = {
    "reject": marked("Nummeret er avvist. Uten et annet brukes det nasjonale, %(number)s."),
    "end": marked("Nummeret brukes ikke lenger. Enheten bruker det nasjonale, %(number)s."),
}
_GIVEN: Final = marked("Rolle og enheter for %(name)s: %(what)s.")
_ENDED_ALL: Final = marked("%(name)s er logget ut overalt.")
_PERSON: Final = {
    "made": marked("Brukeren er laget. Lag en invitasjon, så kan personen velge passord."),
    "disable": marked("Brukeren til %(name)s er stengt, og logget ut overalt."),
    "enable": marked("Brukeren til %(name)s er åpnet igjen."),
    "end": marked("%(name)s er logget ut på ett sted."),
}

_UNIT: Final[dict[str, Callable[[_Saved], str]]] = {
    "new": _new,
    "rename": _renamed,
    "move": _moved,
    "merge": _merged,
    "close": lambda saved: saved._(_CLOSED, when=saved.when),
    "stage": _stage,
    "naloxone": _naloxone,
    "network": lambda saved: saved._(_NETWORK, when=saved.when),
    "visit": lambda saved: saved._(_VISIT, when=saved.when),
    "certify": _distributor(_CERTIFIED),
    "uncertify": _distributor(_UNCERTIFIED),
    "contact": _in_use,
    "number": _decided,
}
