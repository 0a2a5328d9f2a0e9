"""What was known of a release, when: full term, two thirds, parole, confirmed, and the moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Final

from cases.model import ReleaseKind
from core.clock import local_date


class Category(StrEnum):
    """Why somebody is in prison, in the words of a roster."""

    SENTENCE = "dom"
    REMAND = "varetekt"
    FINE = "bot"


class WayOut(StrEnum):
    """How an imprisonment ends."""

    PLANNED = "planned"
    COURT = "court"
    FINE_PAID = "fine_paid"
    APPEAL = "appeal"
    OTHER = "other"
    HOME_DETENTION = "home_detention"
    DEPORTED = "deported"
    DIED = "died"
    TRANSFERRED_OUT = "transferred_out"
    IN_ERROR = "registered_in_error"


UNPLANNED: Final = frozenset({WayOut.COURT, WayOut.FINE_PAID, WayOut.APPEAL, WayOut.OTHER})
BY_PLAN: Final = frozenset({WayOut.PLANNED, WayOut.HOME_DETENTION, WayOut.DEPORTED})


@dataclass(frozen=True, slots=True)
class Known:
    """From `at` on somebody knows this date; `by_staff`: typed in here, else in the roster."""

    at: datetime
    kind: ReleaseKind
    on: date
    by_staff: bool = False


def dates_known(
    category: Category,
    way: WayOut,
    admitted_at: datetime,
    leaves_at: datetime,
    chance: Random,
) -> tuple[Known, ...]:
    """The dates of one imprisonment, in the order in which they came to be known.

    On remand there is none until a sentence; what ends without a plan was planned for later.
    """
    leaves_on = local_date(leaves_at)
    if way not in BY_PLAN:
        if category is Category.REMAND:
            return ()
        later = leaves_on + timedelta(days=chance.randint(3, 20 if way is WayOut.FINE_PAID else 90))
        kind = ReleaseKind.FULL_TERM if category is Category.FINE else ReleaseKind.TWO_THIRDS
        return (Known(admitted_at, kind, later),)
    stay = leaves_at - admitted_at
    if category is Category.REMAND:
        sentenced_at = admitted_at + stay * chance.uniform(0.3, 0.7)
        found = [Known(sentenced_at, ReleaseKind.TWO_THIRDS, leaves_on)]
    elif category is Category.FINE or stay < timedelta(days=21):
        found = [Known(admitted_at, ReleaseKind.FULL_TERM, leaves_on)]
    else:
        found = _of_a_sentence(admitted_at, leaves_at, chance)
    if chance.random() < 0.2:
        found = _moved(found, leaves_at, chance)
    if way is WayOut.HOME_DETENTION:
        at = leaves_at - min(stay / 3, timedelta(days=chance.randint(20, 45)))
        found.append(Known(at, ReleaseKind.HOME_DETENTION, leaves_on, by_staff=True))
    elif stay > timedelta(days=30) and chance.random() < 0.65:
        at = leaves_at - min(stay / 3, timedelta(days=chance.randint(9, 50)))
        kind = chance.choice((ReleaseKind.CONFIRMED, ReleaseKind.CONFIRMED, ReleaseKind.PAROLE))
        found.append(Known(at, kind, leaves_on, by_staff=chance.random() < 0.5))
    return tuple(sorted(found, key=lambda known: known.at))


def _of_a_sentence(admitted_at: datetime, leaves_at: datetime, chance: Random) -> list[Known]:
    leaves_on, stay = local_date(leaves_at), leaves_at - admitted_at
    two_thirds = ReleaseKind.TWO_THIRDS
    if chance.random() < 0.55:
        return [Known(admitted_at, two_thirds, leaves_on)]
    full_term = local_date(admitted_at + stay * 1.5)
    reckoned_at = admitted_at + stay * chance.uniform(0.05, 0.3)
    return [
        Known(admitted_at, ReleaseKind.FULL_TERM, full_term),
        Known(reckoned_at, two_thirds, leaves_on),
    ]


def _moved(found: list[Known], leaves_at: datetime, chance: Random) -> list[Known]:
    """The last date was another one at first, and was put right in time."""
    last = found[-1]
    wrong_on = last.on + timedelta(days=chance.choice((-28, -14, -6, 5, 12, 30, 60)))
    bound = min(leaves_at, leaves_at + (wrong_on - last.on))
    room = bound - last.at - timedelta(days=2)
    if room < timedelta(days=2):
        return found
    right_at = last.at + room * chance.uniform(0.3, 1)
    return [
        *found[:-1],
        Known(last.at, last.kind, wrong_on, last.by_staff),
        Known(right_at, last.kind, last.on, last.by_staff),
    ]


def refused_the_day_before(
    admitted_at: datetime, leaves_at: datetime, chance: Random
) -> tuple[Known, ...]:
    """Confirmed for a day five weeks earlier, and put off on the eve of it."""
    leaves_on = local_date(leaves_at)
    refused_at = leaves_at - timedelta(days=36)
    confirmed_at = refused_at - timedelta(days=chance.randint(20, 35))
    return (
        Known(admitted_at, ReleaseKind.TWO_THIRDS, leaves_on - timedelta(days=35)),
        Known(confirmed_at, ReleaseKind.CONFIRMED, leaves_on - timedelta(days=35), by_staff=True),
        Known(refused_at, ReleaseKind.CONFIRMED, leaves_on, by_staff=True),
    )
