"""The menu of each role: where its work is, in the order in which it is done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cases.model import Role
from web.i18n import marked


@dataclass(frozen=True, slots=True)
class Entry:
    """One place of the menu; `name` is translated where it is shown."""

    path: str
    name: str


TODAY: Final = Entry("/today", marked("I dag"))
OVERDUE: Final = Entry("/overdue", marked("Frister"))
SEARCH: Final = Entry("/search", marked("Søk"))
FOLLOW_UP: Final = Entry("/follow-up", marked("Oppfølging"))
SESSIONS: Final = Entry("/sessions", marked("Grupper"))
TRANSFERS: Final = Entry("/transfers", marked("Overføringer"))
IMPORT: Final = Entry("/import", marked("Import"))
NALOXONE: Final = Entry("/naloxone", marked("Nalokson"))
MESSAGES: Final = Entry("/messages", marked("Meldinger"))
WORKLOAD: Final = Entry("/workload", marked("Arbeidsmengde"))
DEVIATIONS: Final = Entry("/deviations", marked("Avvik"))
OWN_FIGURES: Final = Entry("/tertial/own", marked("Tall"))
TERTIAL: Final = Entry("/tertial", marked("Tertial"))
UNITS: Final = Entry("/admin/units", marked("Enheter"))
STAFF: Final = Entry("/admin/people", marked("Folk og roller"))
PACKAGES: Final = Entry("/admin/packages", marked("Pakker"))
TEXTS: Final = Entry("/admin/texts", marked("Meldingstekster"))
SETTINGS: Final = Entry("/admin/settings", marked("Innstillinger"))
SYSTEM: Final = Entry("/admin/health", marked("Drift"))
DEFINITIONS: Final = Entry("/tertial/definitions", marked("Hva tallene betyr"))

_COORDINATING: Final = (
    OVERDUE,
    TODAY,
    SEARCH,
    FOLLOW_UP,
    TRANSFERS,
    SESSIONS,
    IMPORT,
    NALOXONE,
    MESSAGES,
    WORKLOAD,
    OWN_FIGURES,
)
_OF_ROLE: Final[dict[Role, tuple[Entry, ...]]] = {
    Role.HEALTH: (TODAY, OVERDUE, SEARCH, SESSIONS, FOLLOW_UP, NALOXONE, OWN_FIGURES),
    Role.OFFICER: (TODAY, OVERDUE, SEARCH, SESSIONS, OWN_FIGURES),
    Role.COORDINATOR: _COORDINATING,
    Role.UNIT_LEAD: (DEVIATIONS, *_COORDINATING),
    Role.HEALTH_LEAD: (
        DEVIATIONS,
        OVERDUE,
        TODAY,
        SEARCH,
        SESSIONS,
        FOLLOW_UP,
        NALOXONE,
        WORKLOAD,
        OWN_FIGURES,
    ),
    Role.DIRECTORATE: (TERTIAL, DEFINITIONS),
    Role.ADMIN: (UNITS, STAFF, PACKAGES, TEXTS, SETTINGS, SYSTEM, TERTIAL),
}


@lru_cache(maxsize=16)
def menu_for(role: Role) -> tuple[Entry, ...]:
    """The menu of a role; empty for roles whose pages are not there yet."""
    return _OF_ROLE.get(role, ())


def home_of(role: Role) -> str:
    """Where a role begins its day."""
    menu = menu_for(role)
    return menu[0].path if menu else "/start"


def current_of(menu: Iterable[Entry], path: str) -> str:
    """The entry that a page lies under, "" where it lies under none: the one that says most."""
    under = (each.path for each in menu if path == each.path or path.startswith(f"{each.path}/"))
    return max(under, key=len, default="")
