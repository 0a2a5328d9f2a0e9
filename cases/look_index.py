"""Who was on which list, by person: the way from a case to the looks of the access log at it.

A look at a list is one sealed row that names everybody on it. By `access_subject` the looks at one
person are found. On SQLite such an entry lies on a page of its person's own, so a list of fifty
dirties fifty pages: more to be written and waited for than all else of the look. So the entries of
longer lists are made later, those of many looks at once and person by person; until then a look is
found by its sealed text. On Postgres an entry costs what it weighs, and is made with the look.

`access_listed.up_to` is the last row of the log whose entries are made; see docs/adr/0103.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import ARRAY, Connection, Select, Text, bindparam, exists, func, insert, select
from sqlalchemy.dialects import sqlite

from cases.tables import access_listed, access_log, access_subject
from core.db import Database
from core.statement import Prepared

LONG: Final = 8
"""A list with more people than this has its entries made later."""

ROWS: Final = 500
NAMES: Final = 250
"""What one transaction goes through at most: rows of the log, and people on their lists. The last
list is never left in two, so it may be some more. Whoever writes waits meanwhile: some 40 ms."""

MANY: Final = 1_000
"""Rows of the log that may wait for their entries before somebody makes them in passing."""

_ENTER: Final = Prepared(insert(access_subject))
# In one go: fifty rows by themselves cost Postgres and its driver two milliseconds.
_ENTER_ALL: Final = Prepared(
    insert(access_subject).from_select(
        ["access_id", "case_ref"],
        select(
            bindparam("access_id", type_=access_subject.c.access_id.type),
            func.unnest(bindparam("refs", type_=ARRAY(Text))),
        ),
    )
)
_ENTER_LATER: Final = Prepared(sqlite.insert(access_subject).on_conflict_do_nothing())
# 0 where the row is gone: rather everything read than anything left out.
_MARK: Final = func.coalesce(select(access_listed.c.up_to).scalar_subquery(), 0)
_UP_TO: Final = Prepared(select(_MARK))
_LAST: Final = Prepared(select(func.max(access_log.c.id)))
_NEXT: Final = Prepared(
    select(access_log.c.id, access_log.c.subjects)
    .where(access_log.c.id > bindparam("after"))
    .order_by(access_log.c.id)
    .limit(bindparam("most"))
)
_MADE: Final = Prepared(
    sqlite.insert(access_listed)
    .values(id=1, up_to=bindparam("new"))
    .on_conflict_do_update(index_elements=["id"], set_={"up_to": bindparam("new")})
)


def enter(tx: Connection, access_id: int, subjects: tuple[str, ...]) -> None:
    """Make the entries of a look that was just logged, or leave them for later."""
    refs = sorted(set(subjects))
    if is_for_later(tx, len(refs)):
        return
    if tx.dialect.name == "postgresql":
        _ENTER_ALL.run(tx, {"access_id": access_id, "refs": refs})
    else:
        _ENTER.run_each(tx, [{"access_id": access_id, "case_ref": ref} for ref in refs])


def is_for_later(tx: Connection, how_many: int) -> bool:
    """Whether the entries of a list with so many people are made later."""
    return tx.dialect.name == "sqlite" and how_many > LONG


def behind(tx: Connection) -> int:
    """How many rows of the log have been written since entries were last made."""
    if tx.dialect.name != "sqlite":
        return 0
    (last,), (up_to,) = _LAST.rows(tx, {})[0], _UP_TO.rows(tx, {})[0]
    return max(0, (last or 0) - int(up_to))


def catch_up(db: Database, *, from_many: int = 1) -> int:
    """Make the entries that wait, where at least so many rows wait; returns through how many."""
    with db.read() as tx:
        if behind(tx) < from_many:
            return 0
    gone_through = 0
    while some := db.transact(_some):
        gone_through += some
    return gone_through


def _some(tx: Connection) -> int:
    """The entries of the next looks; returns through how many rows of the log it went."""
    if tx.dialect.name != "sqlite":
        return 0
    ((up_to,),) = _UP_TO.rows(tx, {})
    entries: list[tuple[str, int]] = []
    gone_through, last = 0, up_to
    for access_id, subjects in _NEXT.rows(tx, {"after": up_to, "most": ROWS}):
        refs = _named_in(subjects)
        if is_for_later(tx, len(refs)):
            entries += [(ref, access_id) for ref in refs]
        gone_through, last = gone_through + 1, access_id
        if len(entries) >= NAMES:
            break
    if entries:
        # Person by person, so that each page of the index is written once.
        _ENTER_LATER.run_each(
            tx, [{"access_id": found, "case_ref": ref} for ref, found in sorted(entries)]
        )
    if gone_through:
        _MADE.run(tx, {"new": last})
    return gone_through


def _named_in(subjects: str | None) -> list[str]:
    """Who is on a list. Nobody, where it is damaged: that is for `audit verify` to tell."""
    try:
        return json.loads(subjects) if subjects else []
    except ValueError:
        return []


def looks_at(tx: Connection, *columns: Any) -> list[Select[Any]]:
    """Queries for these columns of the looks at the case `of_case`, each look in one of them.

    `columns` are of `access_log`; the queries are to be put together with `union_all`.
    """
    found = [
        select(*columns).where(access_log.c.case_ref == bindparam("of_case")),
        select(*columns)
        .join(access_subject, access_subject.c.access_id == access_log.c.id)
        .where(access_subject.c.case_ref == bindparam("of_case")),
    ]
    if tx.dialect.name == "sqlite":
        entered = exists().where(
            access_subject.c.access_id == access_log.c.id,
            access_subject.c.case_ref == bindparam("of_case"),
        )
        found.append(
            select(*columns).where(
                access_log.c.id > _MARK,
                func.instr(access_log.c.subjects, bindparam("quoted")) > 0,
                ~entered,
            )
        )
    return found


def named(ref: str) -> dict[str, str]:
    """The bound values of `looks_at` for a case."""
    return {"of_case": ref, "quoted": json.dumps(ref)}
