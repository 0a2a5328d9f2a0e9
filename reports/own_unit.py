"""What a unit's staff can learn from: their own figures over time, nothing hidden.

Another unit's figures are not here: for staff elsewhere the unit does not exist (404), and roles
that see published figures only are refused (403).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Date, bindparam, select

from cases.access import Viewer
from cases.model import CloseReason
from cases.tables import case_
from core.clock import local_date
from core.errors import BadInput
from reports.definitions import SHARES
from reports.figures import Cells, Figure
from reports.learning import Chart, Stage, funnel, p_chart
from reports.periods import periods_with_cases
from reports.recount import folded
from reports.recount_appointments import Released
from reports.report import unit_report
from reports.tertial import Period, Question
from reports.views import check_own_unit

BACK: Final = 9
"""How many tertials are compared: three years."""

LONGEST_WAIT: Final = 42
"""Days after the release until which a first appointment is counted by its day."""

_RELEASED: Final = select(case_.c.ref).where(
    case_.c.released_unit == bindparam("unit"),
    case_.c.released_on >= bindparam("first_on", type_=Date),
    case_.c.released_on < bindparam("next_on", type_=Date),
    case_.c.destination == "liberty",
    case_.c.accepted_at_release,
)


@dataclass(frozen=True, slots=True)
class Learned:
    """A unit's learning view. `first_days` counts first appointments by days after the release.

    `reports` holds all figures of every tertial that was looked at, the oldest first: none from
    before there was a case.
    """

    unit: str
    period: str
    as_of: datetime
    indicator: str
    funnel: tuple[Stage, ...]
    over_time: tuple[tuple[str, Figure], ...]
    control: Chart
    first_days: dict[int, int]
    without_appointment: int
    reports: Mapping[str, Cells]


def learned(
    tx: Connection,
    viewer: Viewer,
    period: Period,
    unit: str,
    *,
    now: datetime,
    indicator: str = "I13",
    back: int = BACK,
) -> Learned:
    """The unit's funnel in a period, and one indicator over this and the tertials before it.

    Raises `BadInput` for an indicator that is no share, `Refused` before the period begins.
    """
    check_own_unit(viewer, unit)
    if indicator not in SHARES:
        raise BadInput("unknown_code", f"{indicator!r} is no share of anything", "indicator")
    reports = figures_over_time(tx, viewer, period, unit, now=now, back=back)
    over_time = tuple((name, figures[indicator]) for name, figures in reports.items())
    told = [(name, f.numerator or 0, f.denominator or 0) for name, f in over_time]
    days, without = first_appointments(tx, Question(period, now), unit)
    return Learned(
        unit,
        str(period),
        now,
        indicator,
        tuple(funnel(reports[str(period)])),
        over_time,
        p_chart(told),
        days,
        without,
        reports,
    )


def figures_over_time(
    tx: Connection, viewer: Viewer, period: Period, unit: str, *, now: datetime, back: int = BACK
) -> dict[str, Cells]:
    """All the unit's figures of this and the tertials before it, the oldest first.

    A tertial before the first case there was has none, and is left out.
    Raises `Refused` before the period begins.
    """
    check_own_unit(viewer, unit)
    asked = [each for each in periods_with_cases(tx, period, back=back) if each.first_at <= now]
    if period not in asked:
        asked.append(period)  # counting it says why not
    return {str(each): unit_report(tx, each, unit, now=now).units[unit] for each in asked}


def first_appointments(tx: Connection, question: Question, unit: str) -> tuple[dict[int, int], int]:
    """Of a unit's released participants: days from release to the first confirmed appointment.

    By day, the earliest first; and how many had none. Counted from the events of these few cases.
    """
    period = question.period
    binds = {"unit": unit, "first_on": period.first_on, "next_on": period.next_on}
    refs = frozenset(tx.execute(_RELEASED, binds).scalars())
    days: Counter[int] = Counter()
    without = 0
    for known in folded(tx, question, only=refs):
        case = known.case
        if case is None or case.close_reason is CloseReason.REGISTERED_IN_ERROR:
            continue
        if case.released_at is None:
            continue
        confirmed = Released(case, case.released_at, known.outcomes).confirmed()
        if not confirmed:
            without += 1
            continue
        waited = local_date(confirmed[0].starts_at) - local_date(case.released_at)
        days[min(waited.days, LONGEST_WAIT)] += 1
    return dict(sorted(days.items())), without
