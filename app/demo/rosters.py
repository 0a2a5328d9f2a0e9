"""The rosters of a demo's year: twice a day, with everybody who is new or about whom it says more.

Rows go through the same reading and deciding as a file does; they are only not written to one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial
from random import Random
from typing import Final

from sqlalchemy import Connection, select

from app.demo.stays import Stay
from app.demo.world import Life, World
from cases import organisation, people, queries, vault
from cases.access import OPERATOR
from cases.inmate_no import normal_inmate_no
from cases.model import ReleaseKind
from cases.roster_columns import Column, RawRow
from cases.roster_decide import Decider
from cases.roster_rows import typed_rows, unit_index
from cases.tables import case_, person, person_identifier
from core.clock import from_local, local, local_date
from core.listed import one_of
from core.statement import Prepared

IMPORTED_AT: Final = (time(7), time(14))

_KINDS: Final = {
    ReleaseKind.CONFIRMED: "bekreftet",
    ReleaseKind.PAROLE: "prøveløslatelse",
    ReleaseKind.HOME_DETENTION: "hjemmesoning",
    ReleaseKind.TWO_THIRDS: "to tredjedeler",
    ReleaseKind.FULL_TERM: "full tid",
}
_NEWEST: Final = Prepared(
    select(person_identifier.c.digest, case_.c.id)
    .join(person, person.c.id == person_identifier.c.person_id)
    .join(case_, case_.c.person_id == person.c.id)
    .where(
        person_identifier.c.kind == people.INMATE_NO,
        one_of(person_identifier.c.digest, "digests"),
    )
    .order_by(case_.c.admitted_at, case_.c.id)
)


class Rosters:
    """What the next roster will say. `opened` is told of every case that a roster opened."""

    def __init__(self, world: World, opened: Callable[[Life, datetime], None]) -> None:
        self._world = world
        self._opened = opened
        self._units = unit_index(organisation.names_of_units(world.tx, local_date(world.until)))
        self._waiting: dict[int, Life] = {}
        self._newest: dict[str, Life] = {}

    def expect(self, stay: Stay) -> None:
        """Somebody will stand in the roster from `stay.opens_at` on."""
        life = Life(stay, Random(f"{self._world.seed}/life/{stay.number}"), stay.person.cells())
        life.cells |= {
            Column.unit.value: stay.unit,
            Column.admitted.value: f"{local(stay.admitted_at):%d.%m.%Y %H:%M}",
            Column.category.value: stay.category.value,
        }
        self._world.lives.append(life)
        self._world.agenda.add(stay.opens_at, partial(self.say, life))

    def say(self, life: Life, now: datetime, **cells: str) -> None:
        """The next roster has a row about somebody, with these cells changed."""
        del now
        life.cells |= {Column[name].value: text for name, text in cells.items()}
        self._waiting[life.stay.number] = life

    def begin(self, first: datetime) -> None:
        """Put the imports on the agenda, and one at the very end for whoever waits then."""
        day = local_date(first)
        while day <= local_date(self._world.until):
            for clock in IMPORTED_AT:
                self._world.agenda.add(from_local(day, clock), self.take_in)
            day += timedelta(days=1)
        self._world.agenda.add(self._world.until, self.take_in)

    def take_in(self, now: datetime) -> None:
        """Import a roster."""
        lives = [self._waiting[number] for number in sorted(self._waiting)]
        self._waiting.clear()
        # Twice in one roster: the second waits, as the row of a later file.
        met: dict[str, Life] = {}
        for life in lives:
            if met.setdefault(life.stay.person.inmate_no, life) is not life:
                self._waiting[life.stay.number] = life
        if met:
            self._take(list(met.values()), now)

    def _take(self, lives: list[Life], now: datetime) -> None:
        tx = self._world.tx
        raws = [
            RawRow(line, life.cells | _dates_in(life.stay, now))
            for line, life in enumerate(lives, start=2)
        ]
        readings = list(typed_rows(raws, units=self._units, now=now, demo=True))
        tallies = Decider(OPERATOR, now=now, dry_run=False).take(tx, readings)
        for tally in tallies:
            if tally.rejected is not None:
                self._world.refused[f"roster {tally.rejected.reason}"] += 1
        ids = _case_ids(tx, lives)
        again: dict[int, Life] = {}
        for life, case_id in zip(lives, ids, strict=True):
            before = self._newest.get(life.stay.person.inmate_no)
            if before is not None and before is not life and before.case is not None:
                again[before.case.id or 0] = before  # the new imprisonment may have closed it
            self._newest[life.stay.person.inmate_no] = life
            if case_id is not None:
                again[case_id] = life
        cases = queries.cases_by_ids(tx, OPERATOR, list(again))
        for case_id, life in again.items():
            is_new = life.case is None
            self._world.follow(life, cases[case_id], now)
            if is_new:
                self._opened(life, now)


def _dates_in(stay: Stay, now: datetime) -> dict[str, str]:
    """The planned date as the prison's own system has it, which is all that a roster can say."""
    known = [date for date in stay.dates if date.at <= now and not date.by_staff]
    if not known:
        return {}
    return {
        Column.planned.value: f"{known[-1].on:%d.%m.%Y}",
        Column.basis.value: _KINDS[known[-1].kind],
    }


def _case_ids(tx: Connection, lives: list[Life]) -> list[int | None]:
    """The newest case of each person, None where a row was refused."""
    digests = [
        vault.digest(tx, people.INMATE_NO, normal_inmate_no(life.stay.person.inmate_no))
        for life in lives
    ]
    newest: dict[str, int] = dict(_NEWEST.rows(tx, {"digests": sorted(digests)}))
    return [newest.get(digest) for digest in digests]
