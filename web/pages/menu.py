"""The menu of each role: where its work is, in the order in which it is done."""

from __future__ import annotations

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
)
_OF_ROLE: Final[dict[Role, tuple[Entry, ...]]] = {
    Role.HEALTH: (TODAY, SEARCH, SESSIONS, FOLLOW_UP, NALOXONE),
    Role.OFFICER: (TODAY, SEARCH, SESSIONS),
    Role.COORDINATOR: _COORDINATING,
    Role.UNIT_LEAD: _COORDINATING,
    Role.HEALTH_LEAD: (OVERDUE, TODAY, SEARCH, SESSIONS, FOLLOW_UP, NALOXONE, WORKLOAD),
}


@lru_cache(maxsize=16)
def menu_for(role: Role) -> tuple[Entry, ...]:
    """The menu of a role; empty for roles whose pages are not there yet."""
    return _OF_ROLE.get(role, ())


def home_of(role: Role) -> str:
    """Where a role begins its day."""
    menu = menu_for(role)
    return menu[0].path if menu else "/start"
