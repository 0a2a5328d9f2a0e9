"""Appointments in a demo's year: asked for, agreed, moved with the release, and how they went."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import partial
from random import Random
from typing import Final

from app.demo.agenda import at_work
from app.demo.world import Life, World
from cases import appointments
from cases.access import Viewer
from cases.appointments import Booking
from cases.calendar import roll_forward
from cases.consents import shares_details
from cases.model import (
    Appointment,
    AppointmentKind,
    AppointmentStatus,
    Case,
    Role,
)
from core.clock import from_local, local_date

_HEALTH: Final = ("GP", "GP", "GP", "OAT", "OAT", "OAT", "SPECIALIST_ADDICTION",
                  "MUNICIPAL_ADDICTION", "MUNICIPAL_ADDICTION")  # fmt: skip
_WELFARE: Final = ("NAV", "NAV", "NAV", "HOUSING")
_OTHERS: Final = ("DENTIST", "PROBATION", "PEER_OR_MENTOR", "NALOXONE_OUTLET", "OTHER", "OAT")
_PLACES: Final = {
    "GP": ("Fastlegen", "Legekontoret ved torget"),
    "OAT": ("Oppfølgingsteamet", "Poliklinikken, 2. etasje"),
    "SPECIALIST_ADDICTION": ("Behandleren", "Poliklinikken, 1. etasje"),
    "MUNICIPAL_ADDICTION": ("Ruskonsulenten", "Servicetorget"),
    "NAV": ("Veilederen", "NAV-kontoret"),
    "HOUSING": ("Boligkontoret", "Rådhuset, rom 104"),
    "DENTIST": ("Tannklinikken", "Tannklinikken"),
    "PROBATION": ("Saksbehandleren", "Friomsorgskontoret"),
    "PEER_OR_MENTOR": ("Mentoren", "Kafeen ved stasjonen"),
    "NALOXONE_OUTLET": ("Utdelingsstedet", "Feltpleien"),
    "OTHER": ("Kontaktpersonen", "Telefon"),
}  # fmt: skip
_DAYS_AFTER: Final = (0, 0, 1, 1, 1, 2, 2, 3, 4, 5, 6, 7)
_WAITING: Final = frozenset({AppointmentStatus.REQUESTED, AppointmentStatus.CONFIRMED})


class Meetings:
    """Coordinators, or health staff where the person did not agree to share, and appointments."""

    def __init__(self, world: World) -> None:
        self._world = world

    def request(self, life: Life, now: datetime) -> None:
        """Ask for the appointments after the release; the answers come in the weeks after."""
        chance = life.chance
        if life.there.release_on is None or not life.inside:
            return
        kinds = [chance.choice(_HEALTH), chance.choice(_WELFARE)]
        if chance.random() < 0.45:
            kinds.append(chance.choice(_OTHERS))
        for kind in dict.fromkeys(kinds):
            if life.stay.careful or chance.random() < 0.93:
                self._book(life, kind, now)

    def _book(self, life: Life, kind: str, now: datetime, *, status: str = "requested") -> None:
        starts_at = self._start(life.there, life.chance, now)
        if starts_at is None:
            return
        whom, place = _PLACES[kind]
        case = appointments.book(
            self._world.tx,
            self._viewer(life, AppointmentKind(kind)),
            life.there.ref,
            Booking(kind, starts_at, whom, place, status=status),
            now=now,
        )
        known = {each.id for each in life.there.appointments}
        self._world.follow(life, case, now)
        made = next(each.id for each in case.appointments if each.id not in known)
        if status == "requested" and (life.stay.careful or life.chance.random() < 0.95):
            waits = (starts_at - now) * life.chance.uniform(0.05, 0.6)
            at = at_work(now + waits, life.chance, office=True)
            self._world.agenda.add(at, partial(self._confirm, life, made))

    def _start(self, case: Case, chance: Random, now: datetime) -> datetime | None:
        """A time within the week after the release, or (None) there is none to come."""
        if case.release_on is None:
            return None
        first = max(case.release_on, local_date(now))
        on = roll_forward(first + timedelta(days=chance.choice(_DAYS_AFTER)))
        at = from_local(on, time(chance.randint(9, 14), chance.choice((0, 15, 30))))
        return at if at > now + timedelta(hours=1) else None

    def _viewer(self, life: Life, kind: AppointmentKind) -> Viewer:
        role = Role.COORDINATOR if shares_details(life.there, kind) else Role.HEALTH
        return self._world.viewer(life.unit, role)

    def _find(self, life: Life, number: str) -> Appointment:
        return next(each for each in life.there.appointments if each.id == number)

    def _confirm(self, life: Life, number: str, now: datetime) -> None:
        this = self._find(life, number)
        asked = this.status is AppointmentStatus.REQUESTED
        if asked and this.starts_at > now and life.goes_on(now):
            self._set(life, this, "confirmed", now)

    def confirm_all(self, life: Life, now: datetime) -> None:
        """Ring round for what is not agreed yet."""
        for this in self._waiting(life):
            asked = this.status is AppointmentStatus.REQUESTED and this.starts_at > now
            if asked and (life.stay.careful or life.chance.random() < 0.93):
                self._set(life, this, "confirmed", now)

    def _set(self, life: Life, this: Appointment, status: str, now: datetime) -> None:
        case = appointments.record_outcome(
            self._world.tx, self._viewer(life, this.kind), this.id, status, now=now
        )
        self._world.follow(life, case, now)

    def _waiting(self, life: Life) -> list[Appointment]:
        """What is asked for or agreed, in an order that does not hang on its random numbers."""
        found = [each for each in life.there.appointments if each.status in _WAITING]
        return sorted(found, key=lambda each: (each.starts_at, each.kind.value, each.booked_at))

    # --- the release moves, the release comes ------------------------------------------------

    def watch(self, life: Life, now: datetime) -> None:
        """See that the release has another date, and put it on somebody's list."""
        case = life.there
        if case.release_on == life.release_seen:
            return
        life.release_seen = case.release_on
        if life.inside and self._waiting(life):
            careful = life.stay.careful
            if careful or life.chance.random() < self._world.habits_of(life).diligence:
                days = life.chance.uniform(0.1, 1 if careful else 5)
                at = at_work(now + timedelta(days=days), life.chance, office=True)
                self._world.agenda.add(at, partial(self._mend, life))

    def _mend(self, life: Life, now: datetime) -> None:
        """Move what no longer lies in the week after the release, or call it off."""
        case = life.there
        if not life.inside or case.release_on is None:
            return
        last = case.release_on + timedelta(days=7)
        for this in self._waiting(life):
            if case.release_on <= local_date(this.starts_at) <= last:
                continue
            starts_at = self._start(life.there, life.chance, now)
            if starts_at is None or starts_at == this.starts_at or life.chance.random() < 0.15:
                self._set(life, this, "cancelled", now)
                continue
            moved = appointments.move(
                self._world.tx, self._viewer(life, this.kind), this.id, starts_at, now=now
            )
            self._world.follow(life, moved, now)

    def after_release(self, life: Life, now: datetime) -> None:
        """Somebody asks how each appointment went; a few are booked only now."""
        chance = life.chance
        if chance.random() < 0.15:
            at = at_work(now + timedelta(days=chance.uniform(0.2, 12)), chance, office=True)
            self._world.agenda.add(at, partial(self._book_outside, life))
        for this in self._waiting(life):
            self._ask_later(life, this, now)

    def _book_outside(self, life: Life, now: datetime) -> None:
        if not life.goes_on(now):
            return
        before = {each.id for each in life.there.appointments}
        self._book(life, life.chance.choice(_HEALTH), now, status="confirmed")
        for this in self._waiting(life):
            if this.id not in before:
                self._ask_later(life, this, now)

    def _ask_later(self, life: Life, this: Appointment, now: datetime) -> None:
        chance = life.chance
        drawn = chance.random()
        if drawn < 0.04 and this.starts_at > now + timedelta(hours=3):
            at = now + (this.starts_at - now) * chance.uniform(0.1, 0.9)
            self._world.agenda.add(at, partial(self._went, life, this.id, "cancelled"))
        elif drawn < 0.9:
            went = "attended" if chance.random() < 0.76 else "no_show"
            at = max(this.starts_at, now) + timedelta(days=chance.expovariate(1 / 1.5))
            at = at_work(at + timedelta(minutes=45), chance, office=True)
            self._world.agenda.add(at, partial(self._went, life, this.id, went))

    def _went(self, life: Life, number: str, status: str, now: datetime) -> None:
        this = self._find(life, number)
        ahead, cancelled = this.starts_at > now, status == "cancelled"
        if this.status is AppointmentStatus.REQUESTED and not cancelled:
            return
        if life.goes_on(now) and this.status in _WAITING and ahead == cancelled:
            self._set(life, this, status, now)
