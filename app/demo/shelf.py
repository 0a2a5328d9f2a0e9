"""Naloxone in a demo's year: delivered, put into the property, given, returned; and what is amiss.

Most units keep their ledger well. In fixed places of the ranking of units (`app.demo.habits`) the
shelf runs out, a lot is used beyond its day, or nobody is certified; and kits stay behind in the
property of people who died or left without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from random import Random
from typing import Final

from app.demo.agenda import at_work
from app.demo.world import Life, World, username
from cases import distributors, naloxone, project
from cases.access import OPERATOR
from cases.calendar import roll_forward
from cases.model import Role
from core.clock import from_local, local_date

DELIVERED_EVERY: Final = 61
"""Days."""

_LASTS: Final = 540
_STALE_AFTER: Final = 40
"""Days from the delivery of a lot to its last day; of a lot that is used too long."""

_NEEDED: Final = 0.3
"""Kits to an admission: some do not take part, and some are still inside."""


@dataclass(frozen=True, slots=True)
class _Lot:
    name: str
    expires_on: date


class Shelf:
    """The shelves of all units."""

    def __init__(self, world: World, *, cases: int) -> None:
        self._world = world
        whole = sum(habits.size for habits in world.habits.values())
        self._admissions = {
            code: cases * habits.size / whole for code, habits in world.habits.items()
        }
        self._lots: dict[str, _Lot] = {}

    def begin(self, now: datetime) -> None:
        """Certificates, what the project knows of each unit, and the deliveries of the year."""
        today = local_date(now)
        for place, (code, habits) in enumerate(sorted(self._world.habits.items())):
            chance = Random(f"{self._world.seed}/shelf/{code}")
            if not habits.naloxone:
                continue
            for role in (Role.HEALTH, Role.HEALTH_LEAD) if habits.certified else ():
                since = today - timedelta(days=chance.randint(20, 900))
                distributors.certify(
                    self._world.tx, OPERATOR, username(code, role), code, on=since, now=now
                )
            known = project.state_of(self._world.tx, code, today)
            if known.in_project and not known.naloxone:
                on = today - timedelta(days=chance.randint(30, 1500))
                project.introduce_naloxone(self._world.tx, OPERATOR, code, on=on, now=now)
            on = today + timedelta(days=place % 5)
            while on <= local_date(self._world.until):
                at = from_local(roll_forward(on), time(9 + place % 6, 20))
                self._world.agenda.add(at, partial(self._deliver, code, chance))
                on += timedelta(days=DELIVERED_EVERY)

    def _deliver(self, unit: str, chance: Random, now: datetime) -> None:
        habits, today = self._world.habits[unit], local_date(now)
        lasts = _STALE_AFTER if habits.stale else _LASTS
        lot = _Lot(f"NX{today:%y%m}{chance.randint(10, 99)}", today + timedelta(days=lasts))
        self._lots[unit] = lot
        needed = self._admissions[unit] * _NEEDED * DELIVERED_EVERY / 365
        quantity = max(round(needed * habits.kits), 1 if habits.kits < 1 else 4)
        viewer = self._world.viewer(unit, Role.HEALTH)
        naloxone.record(
            self._world.tx,
            viewer,
            "received",
            now=now,
            unit=unit,
            quantity=quantity,
            lot=lot.name,
            expires_on=lot.expires_on,
        )
        if chance.random() < 0.08 and quantity > 3:
            kind = chance.choice(("lost", "expired"))
            naloxone.record(self._world.tx, viewer, kind, now=now, unit=unit, lot=lot.name)
        if chance.random() < 0.12:
            project.record_visit(self._world.tx, OPERATOR, unit, on=today, now=now)
        if chance.random() < 0.2:
            project.attend_network(self._world.tx, OPERATOR, unit, on=today, now=now)

    def into_property(self, life: Life, now: datetime) -> None:
        """Put a kit with somebody's things."""
        lot = self._lots.get(life.unit)
        if life.kit or lot is None:
            return
        naloxone.record(
            self._world.tx,
            self._world.viewer(life.unit, Role.HEALTH),
            "to_property",
            now=now,
            ref=life.there.ref,
            lot=lot.name,
            expires_on=lot.expires_on,
        )
        life.kit = True

    def back(self, life: Life, now: datetime) -> None:
        """Some time later somebody finds a kit that was left behind; not always."""
        if life.kit and life.chance.random() < 0.6:
            later = at_work(now + timedelta(days=life.chance.uniform(1, 20)), life.chance,
                            office=True)  # fmt: skip
            self._world.agenda.add(later, partial(self._return, life))

    def _return(self, life: Life, now: datetime) -> None:
        if life.kit:
            self._record(life, "returned", now)
            life.kit = False

    def refill(self, life: Life, now: datetime) -> None:
        """Another kit, some time after the release."""
        reason = life.chance.choice(("used", "used", "lost", "confiscated"))
        if self._world.habits_of(life).naloxone and life.goes_on(now):
            self._record(life, "refill", now, reason=reason)

    def _record(self, life: Life, kind: str, now: datetime, *, reason: str | None = None) -> None:
        lot = self._lots.get(life.unit)
        naloxone.record(
            self._world.tx,
            self._world.viewer(life.unit, Role.HEALTH),
            kind,
            now=now,
            ref=life.there.ref,
            reason=reason,
            lot=lot.name if lot is not None and kind == "refill" else None,
        )
