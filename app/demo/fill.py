"""Everything a new demo holds: the package, units and staff, and the year of its cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from app.demo.staff import units_and_staff
from cases.tables import case_
from core.db import unhurried


@dataclass(frozen=True, slots=True)
class Filled:
    """What a demo holds now: its accounts, cases made, and cases that were there before.

    `refused` are acts of the year that a verb refused, by verb and error: none, as far as we know.
    """

    accounts: list[str]
    made: int = 0
    there: int = 0
    refused: dict[str, int] = field(default_factory=dict)


def fill(tx: Connection, password: str, *, cases: int, seed: int, now: datetime) -> Filled:
    """Fill a demo's database, in the caller's transaction.

    A database that has cases already keeps them and gets no more: a second folder joins it, or an
    `init` was cut short after the database was done.
    """
    there: int = tx.execute(select(func.count()).select_from(case_)).scalar_one()
    if cases == 0 or there:
        staff = units_and_staff(tx, password, now=now)
        return Filled([each.username for each in staff], there=there)
    from app.demo.progress import year_passing
    from app.demo.year import beginning, live
    from cases.registry import register_national

    unhurried(tx)
    begin = beginning(now)
    register_national(tx, now=begin)
    staff = units_and_staff(tx, password, now=begin)
    with year_passing(cases) as told:
        lived = live(tx, cases=cases, seed=seed, now=now, progress=told)
    return Filled([each.username for each in staff], lived.cases, refused=dict(lived.refused))
