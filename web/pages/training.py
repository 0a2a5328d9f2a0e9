"""A training day of a demo: another day is chosen, and everybody in the demo lives on it.

Only ahead of today: what has been recorded stays behind us, as in life. Going back to today is
possible; what was done on the training day then lies ahead, and a new demo begins afresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from starlette.responses import Response

from cases.access import Viewer
from cases.calendar import at, is_working_day
from cases.journal import SYSTEM_SCOPE, AccessRow, append
from core.clock import local_date
from core.errors import BadInput, NotFound
from core.training import TrainingClock
from reports.tertial import Period
from web.i18n import marked
from web.pages.forms import Errors, day_in, worded
from web.pages.rendering import page
from web.pages.visit import Pages, Visit, Visited, to
from web.policy import EVERYBODY, allow

router: Final = Pages()

BEGINS: Final = time(8)
"""Local wall-clock time at which a training day begins."""

AHEAD: Final = 120
"""Days that the clock may be moved ahead: enough for the next due day of a report."""

_CLOSED_DAYS: Final = 3
_MONDAY, _FRIDAY = 0, 4


@dataclass(frozen=True, slots=True)
class Offer:
    """A day worth training on; `what` is translated where it is shown."""

    on: date
    what: str

    @property
    def begins_at(self) -> datetime:
        """When such a day begins."""
        return at(self.on, BEGINS)


def offers(today: date) -> list[Offer]:
    """The days ahead that are worth training on, in their order. Pure.

    The next Monday, the next Friday, the first working day after at least three closed ones, and
    the next day on which a tertial report is due.
    """
    ahead = [today + timedelta(days=number) for number in range(1, AHEAD + 1)]
    found = [
        Offer(_next(ahead, _MONDAY), marked("Mandag: det som ble liggende i helgen")),
        Offer(_next(ahead, _FRIDAY), marked("Fredag: løslatelser før stengte kontorer")),
    ]
    reopened = next((day for day in ahead if _is_after_closed_days(day)), None)
    if reopened is not None:
        found.append(Offer(reopened, marked("Første arbeidsdag etter flere stengte dager")))
    due = min(
        on
        for on in (Period.of(today - timedelta(days=120)).due_on, Period.of(today).due_on)
        if on > today
    )
    if due in ahead:
        found.append(Offer(due, marked("Dagen tertialrapporten skal være levert")))
    return sorted(found, key=lambda offer: offer.on)


def _next(ahead: list[date], weekday: int) -> date:
    return next(day for day in ahead if day.weekday() == weekday)


def _is_after_closed_days(day: date) -> bool:
    closed = (day - timedelta(days=number) for number in range(1, _CLOSED_DAYS + 1))
    return is_working_day(day) and not any(is_working_day(each) for each in closed)


@router.get("/training")
@allow(EVERYBODY)
def training_page(visit: Visited) -> Response:
    """Which day it is in this demo, and which it could be."""
    return _page(visit, _clock(visit), {})


@router.post("/training")
@allow(EVERYBODY)
def choose(visit: Visited) -> Response:
    """Move the clock of the demo, for everybody."""
    clock = _clock(visit)
    today = local_date(visit.house.real_clock())
    if visit.typed("on") == "now":
        _move(visit, clock, None)
        return to("/training")
    try:
        chosen = day_in(visit, "on" if visit.typed("on") else "other")
        if chosen is None:
            raise BadInput("missing", "Choose a day.", "other")
        if not today < chosen <= today + timedelta(days=AHEAD):
            raise BadInput("out_of_range", f"Choose a day within {AHEAD} days.", "other")
    except BadInput as wrong:
        return _page(visit, clock, {"other": worded(visit, wrong)}, status=422)
    _move(visit, clock, at(chosen, BEGINS))
    return to("/")


def _clock(visit: Visit) -> TrainingClock:
    clock = visit.house.training
    if clock is None:
        raise NotFound("A training day is chosen in a demo only.")
    return clock


def _move(visit: Visit, clock: TrainingClock, to_instant: datetime | None) -> None:
    """Everybody is on another day from here on; the log tells who moved the clock."""
    visit.house.db.transact(lambda tx: append(tx, [_told(visit.viewer, visit.now)], now=visit.now))
    clock.move_to(to_instant)


def _told(viewer: Viewer, now: datetime) -> AccessRow:
    return AccessRow(SYSTEM_SCOPE, now, viewer.account, viewer.role.value, "training_day_chosen")


def _page(visit: Visit, clock: TrainingClock, errors: Errors, *, status: int = 200) -> Response:
    today = local_date(visit.house.real_clock())
    return page(
        visit,
        "pages/training.html",
        status,
        offers=offers(today),
        moved=bool(clock.moved_by()),
        today=today,
        last_on=today + timedelta(days=AHEAD),
        values=visit.values(),
        errors=errors,
    )
