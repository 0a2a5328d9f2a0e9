"""I9: the sprays given in the period, by the naloxone ledger, in the unit of each row."""

from __future__ import annotations

from datetime import time
from typing import Final

from sqlalchemy import func, select

from cases.calendar import at
from cases.naloxone_given import GIVEN
from reports.counting import Counting

_GIVEN: Final = GIVEN.subquery("sprays")
_SPRAYS: Final = select(
    _GIVEN.c.unit,
    func.sum(_GIVEN.c.quantity),
    func.sum(_GIVEN.c.quantity * _GIVEN.c.first),
).group_by(_GIVEN.c.unit)


def sprays_given(counting: Counting) -> None:
    """Count I9 and its parts."""
    add = counting.tally.add
    for from_on, to_on in counting.eras():
        binds = {
            "first_at": at(from_on, time()),
            "next_at": at(to_on, time()),
            "as_of": counting.question.as_of,
        }
        for unit, given, first in counting.tx.execute(_SPRAYS, binds):
            where = unit, counting.regions.region_on(unit, from_on)
            add("I9", *where, int(given))
            add("I9.first", *where, int(first))
            add("I9.refill", *where, int(given - first))
