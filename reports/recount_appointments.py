"""The slow, obviously right count of I11, I12, I14 and I15, case by case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

from cases.calendar import Span, midnight_ending, shift
from cases.model import Appointment, AppointmentStatus, Case, CloseReason, TaskState
from core.clock import local_date
from reports.regions import Regions
from reports.tally import Tally
from reports.tertial import Question

Outcomes: TypeAlias = dict[str, list[datetime]]
"""When each appointment is said to have ended as confirmed, once for each time it was said."""

HEALTH = ("GP", "OAT", "SPECIALIST_ADDICTION", "MUNICIPAL_ADDICTION")
NAV_OR_MUNICIPALITY = ("NAV", "HOUSING")
WITH_CARD = ("card_and_spray", "card_only")


@dataclass(frozen=True, slots=True)
class Released:
    """A release to liberty of somebody whose answer then was accepted."""

    case: Case
    at: datetime
    outcomes: Outcomes

    @property
    def on(self) -> date:
        """The local date of the release: R."""
        return local_date(self.at)

    def until(self, days: int) -> date:
        """R + so many days."""
        return self.on + timedelta(days=days)

    def confirmed(self) -> list[Appointment]:
        """What was confirmed at the release instant, on R or later, the earliest first."""
        return sorted(
            (
                each
                for each in self.case.appointments
                if each.confirmed_at is not None
                and each.confirmed_at <= self.at
                and all(ended_at > self.at for ended_at in self.outcomes.get(each.id, ()))
                and local_date(each.starts_at) >= self.on
            ),
            key=lambda each: (each.starts_at, each.booked_at, each.id),
        )


def count_appointments(
    releases: Iterable[Released],
    admissions: Mapping[str, list[tuple[str, datetime]]],
    question: Question,
    regions: Regions,
    tally: Tally,
) -> None:
    """Count them for the releasing units. `admissions` are every person's cases that count."""
    for each in releases:
        unit = each.case.released_unit or each.case.unit
        where = unit, regions.region_on(unit, each.on)
        confirmed = each.confirmed()
        _count_in_hand(each, confirmed, where, tally)
        if confirmed:
            _count_first(each, confirmed[0], question.as_of, where, tally)
        with_health = any(appointment.kind in HEALTH for appointment in confirmed)
        if with_health and not _gone(each, admissions[each.case.counted_as]):
            _count_follow_up(each, question.as_of, where, tally)


def _count_in_hand(
    each: Released, confirmed: list[Appointment], where: tuple[str, str], tally: Tally
) -> None:
    """I11 and I11b."""
    handed = each.case.task("handed_over")
    card = handed is not None and handed.state is TaskState.DONE and handed.answer in WITH_CARD
    kinds = {a.kind for a in confirmed if local_date(a.starts_at) <= each.until(7)}
    health = any(kind in HEALTH for kind in kinds)
    welfare = any(kind in NAV_OR_MUNICIPALITY for kind in kinds)
    tally.add("I11", *where, int(card and bool(kinds)), 1)
    tally.add("I11b", *where, int(card and health and welfare), 1)


def _count_first(
    each: Released, first: Appointment, as_of: datetime, where: tuple[str, str], tally: Tally
) -> None:
    """I12 and I14."""
    if as_of < midnight_ending(each.until(3)):
        tally.add("I12", *where, 0, 0, pending=1)
    else:
        tally.add("I12", *where, int(local_date(first.starts_at) <= each.until(3)), 1)

    waited_from = first.starts_at
    if first.confirmed_at is not None and first.confirmed_at > waited_from:
        waited_from = first.confirmed_at
    if as_of < shift(waited_from, 5, Span.WORKING_DAYS):
        tally.add("I14", *where, 0, 0, pending=1)
        tally.add("I14.unknown", *where, 0, 0, pending=1)
        return
    attended = first.status is AppointmentStatus.ATTENDED
    known = attended or first.status is AppointmentStatus.NO_SHOW
    unknown = first.status in (AppointmentStatus.UNKNOWN, AppointmentStatus.CONFIRMED)
    tally.add("I14", *where, int(attended), int(known))
    tally.add("I14.unknown", *where, int(unknown), int(known or unknown))


def _gone(each: Released, admissions: list[tuple[str, datetime]]) -> bool:
    """Whether the person died or was imprisoned again by R + 21 d."""
    last_on = each.until(21)
    ended = each.case.close_reason in (CloseReason.DIED, CloseReason.REIMPRISONED)
    if ended and each.case.closed_at is not None and local_date(each.case.closed_at) <= last_on:
        return True
    return any(
        ref != each.case.ref and admitted_at >= each.at and local_date(admitted_at) <= last_on
        for ref, admitted_at in admissions
    )


def _count_follow_up(each: Released, as_of: datetime, where: tuple[str, str], tally: Tally) -> None:
    """I15."""
    if as_of < midnight_ending(each.until(21)):
        tally.add("I15", *where, 0, 0, pending=1)
        return
    followed_up = any(
        appointment.kind in HEALTH
        and appointment.status is AppointmentStatus.ATTENDED
        and each.on <= local_date(appointment.starts_at) <= each.until(21)
        for appointment in each.case.appointments
    )
    tally.add("I15", *where, int(followed_up), 1)
