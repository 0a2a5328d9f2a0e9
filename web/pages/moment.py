"""When something happened, as forms ask it: now, yesterday, or a time that is typed."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cases.model import Case
from core.errors import BadInput
from web.pages.dates import yesterday
from web.pages.forms import time_in
from web.pages.visit import Visit

WHEN: Final = ("now", "yesterday", "other")


def said_when(visit: Visit) -> str:
    """Which of `WHEN` was meant: a time that was typed counts where the page's own "now" stood."""
    said = visit.typed("when", "now")
    return "other" if said == "now" and visit.typed("at") else said


def when_in(visit: Visit) -> datetime | None:
    """When it happened, None for now. Raises `BadInput`, also for two answers that disagree."""
    said, at = said_when(visit), time_in(visit, "at")
    if said == "other":
        if at is None:
            raise BadInput("missing", "Give when it happened.", "at")
        return at
    if at is not None:
        raise BadInput("two_times", "A time was typed and another one chosen.", "at")
    return yesterday(visit.now) if said == "yesterday" else None


def times_offered(case: Case, now: datetime) -> tuple[str, ...]:
    """Which of `WHEN` can be right for what was done before the release that is recorded."""
    last = case.released_at or now
    fits = {"now": now, "yesterday": yesterday(now)}
    return tuple(each for each in WHEN if case.admitted_at <= fits.get(each, last) <= last)


def typed_at(visit: Visit) -> datetime | None:
    """The time that was typed, None where none was, or nothing that is a time."""
    try:
        return time_in(visit, "at")
    except BadInput:
        return None
