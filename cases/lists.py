"""Lists of cases: their lines, looking somebody up by name or number, and the look logged.

Names are nowhere to be searched in the database. They are looked for by opening the identities of
the viewer's own open cases, a few milliseconds for thousands; a number is found by its hash.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from cases import people, queries, vault
from cases.access import Viewer, check_may_open_cases
from cases.inmate_no import normal_inmate_no
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from cases.model import Phase
from cases.queries import CaseLine
from cases.tables import case_, person, person_identifier
from cases.vault import Identity
from core.clock import iso_local
from core.errors import BadInput

CASES_LISTED: Final = "cases_listed"
CASES_SEARCHED: Final = "cases_searched"

MOST_FOUND: Final = 50
"""Lines of a search; who finds more has to say more of the name."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: lines with the person's name, at most `MOST_FOUND` of `of`."""

    lines: tuple[tuple[CaseLine, Identity | None], ...]
    of: int


def line_view(line: CaseLine, identity: Identity | None) -> dict[str, Any]:
    """One line of a list as plain values; `identity` None for somebody erased."""
    return {
        "ref": line.ref,
        "inmate_no": identity.inmate_no if identity is not None else None,
        "unit": line.unit,
        "phase": line.phase,
        "participation": line.participation,
        "next_task": line.next_task,
        "next_due_at": iso_local(line.next_due_at) if line.next_due_at is not None else None,
        "overdue": line.overdue > 0,
        "overdue_tasks": line.overdue,
    }


def log_list(
    tx: Connection,
    viewer: Viewer,
    lines: Sequence[CaseLine],
    verb: str,
    *,
    now: datetime,
    unit: str | None = None,
) -> None:
    """One row of the access log for a list of cases, with every case on it."""
    place = unit if unit is not None or len(viewer.units) != 1 else next(iter(viewer.units))
    look = AccessRow(
        scope=place if place is not None and lines else SYSTEM_SCOPE,
        at=now,
        actor=viewer.account,
        role=viewer.role.value,
        verb=verb,
        subjects=tuple(line.ref for line in lines),
    )
    append(tx, [look], now=now)


def search(
    tx: Connection,
    viewer: Viewer,
    *,
    now: datetime,
    name: str | None = None,
    inmate_no: str | None = None,
    begins: str | None = None,
) -> Found:
    """The viewer's cases of somebody, by a name (parts of it, in any order) or by a number.

    By name, and by how a number `begins`, the open cases, by the number all of them; the earliest
    due first. The search is logged with every case it shows. Raises `BadInput` unless exactly one
    is given.
    """
    check_may_open_cases(viewer)
    if sum(each is not None for each in (name, inmate_no, begins)) != 1:
        raise BadInput("one_of_two", "Give name or inmate_no, one of them.", "name")
    if begins is not None:
        refs = _beginning(tx, viewer, normal_inmate_no(begins))
    elif name is not None:
        refs = _named(tx, viewer, _words(name))
    else:
        refs = _numbered(tx, viewer, inmate_no or "")
    shown = list(queries.case_lines(tx, viewer, now=now, refs=refs, limit=MOST_FOUND))
    identities = people.opened(tx, {line.person: line.identity_enc for line in shown})
    log_list(tx, viewer, shown, CASES_SEARCHED, now=now)
    return Found(tuple((line, identities.get(line.person)) for line in shown), len(refs))


def _named(tx: Connection, viewer: Viewer, wanted: Sequence[str]) -> list[str]:
    if not wanted:
        raise BadInput("empty", "name is empty: give a part of it.", "name")
    return _open_cases(
        tx,
        viewer,
        lambda who: _is_called(_words(f"{who.first_name} {who.last_name}"), wanted),
    )


def _beginning(tx: Connection, viewer: Viewer, number: str) -> list[str]:
    if not number:
        raise BadInput("empty", "inmate_no is empty: give the number.", "inmate_no")
    return _open_cases(tx, viewer, lambda who: normal_inmate_no(who.inmate_no).startswith(number))


def _open_cases(tx: Connection, viewer: Viewer, is_meant: Callable[[Identity], bool]) -> list[str]:
    """The open cases of those who are meant, by what only the opened identity says."""
    query = (
        select(case_.c.ref, person.c.ref.label("person"), person.c.identity_enc)
        .join(person, person.c.id == case_.c.person_id)
        .where(queries.visible_cases(viewer), case_.c.phase != Phase.CLOSED.value)
    )
    rows = tx.execute(query, queries.visible_binds(viewer)).all()
    identities = people.opened(tx, {row.person: row.identity_enc for row in rows})
    hits = {who for who, identity in identities.items() if is_meant(identity)}
    return [row.ref for row in rows if row.person in hits]


def _is_called(names: Sequence[str], wanted: Iterable[str]) -> bool:
    """Whether each part begins a name, as it is written or as without a Norwegian keyboard."""
    written = {form for name in names for form in (name, *(name.translate(t) for t in _ABROAD))}
    return all(any(name.startswith(part) for name in written) for part in wanted)


_ABROAD: Final = (
    str.maketrans({"æ": "ae", "ø": "o", "å": "a"}),
    str.maketrans({"æ": "ae", "ø": "oe", "å": "aa"}),
)


def _words(name: str) -> list[str]:
    """The parts of a name without case and accents; æ, ø and å stay letters of their own here."""
    plain = []
    for letter in name.casefold():
        stripped = unicodedata.normalize("NFKD", letter)[0] if letter not in "æøå" else letter
        plain.append(stripped if stripped.isalnum() else " ")
    return "".join(plain).split()


def _numbered(tx: Connection, viewer: Viewer, inmate_no: str) -> list[str]:
    number = normal_inmate_no(inmate_no)
    if not number:
        raise BadInput("empty", "inmate_no is empty: give the number.", "inmate_no")
    query = (
        select(case_.c.ref)
        .join(person_identifier, person_identifier.c.person_id == case_.c.person_id)
        .where(
            queries.visible_cases(viewer),
            person_identifier.c.kind == people.INMATE_NO,
            person_identifier.c.digest == bindparam("digest"),
        )
    )
    asked = {"digest": vault.digest(tx, people.INMATE_NO, number)}
    return list(tx.execute(query, asked | queries.visible_binds(viewer)).scalars())
