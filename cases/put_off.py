"""How long a task that was put off is off the board. PURE.

What is stored is for how long it was wanted; nobody's last days before the release are off the
board, whatever was wanted and however the date moved since (`worklist` asks the same of the
database).
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from cases.calendar import midnight_ending
from cases.model import Phase
from core.clock import local_date


def off_until(wanted: datetime, release_on: date | None, phase: str) -> datetime:
    """When a task stands on the board again: in prison at the latest as R - 1 d begins."""
    if phase != Phase.IN_PRISON.value or release_on is None:
        return wanted
    return min(wanted, midnight_ending(release_on - timedelta(days=2)))


def leaves_soon(release_on: date | None, phase: str, now: datetime) -> bool:
    """Whether the release is today, tomorrow or past and not recorded: nothing is put off."""
    if phase != Phase.IN_PRISON.value or release_on is None:
        return False
    return release_on <= last_day_kept(now)


def last_day_kept(now: datetime) -> date:
    """The last day of release of those whose tasks stay on the board whatever was wanted."""
    return local_date(now) + timedelta(days=1)
