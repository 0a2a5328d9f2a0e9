"""Everything a new demo holds: the package, units and staff, and the year of its cases."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from app.demo.staff import units_and_staff
from cases.tables import case_


def fill(tx: Connection, password: str, *, cases: int, seed: int, now: datetime) -> list[str]:
    """Fill a demo's database, in the caller's transaction; returns the names of the accounts.

    A database that has cases already keeps them and gets no more: a second folder joins it, or an
    `init` was cut short after the database was done.
    """
    if cases == 0 or tx.execute(select(case_.c.id).limit(1)).first() is not None:
        return [each.username for each in units_and_staff(tx, password, now=now)]
    from app.demo.progress import year_passing
    from app.demo.year import beginning, live
    from cases.registry import register_national

    begin = beginning(now)
    register_national(tx, now=begin)
    staff = units_and_staff(tx, password, now=begin)
    with year_passing(cases) as told:
        live(tx, cases=cases, seed=seed, now=now, progress=told)
    return [each.username for each in staff]
