"""PURE: which indicators a report holds, in their order. `docs/definitions.md` says what each is.

A new indicator is a code here, a function in `indicators` and one in `recount`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from cases.model import AnswerReason, Form, Step
from cases.package import national

VERSION: Final = "1"
"""The version of the definitions; a frozen report names the one it was counted by."""

NOT_STATED: Final = "not_stated"
TASKS_DONE: Final = "tasks_done."

_NUMBER: Final = re.compile(r"I(\d+)")
_AFTER: Final = 1000
"""Where tasks stand among the families: after all of them."""

TALK_CLASSES: Final = ("le_24h", "d2_3", "d4_7", "gt_7d", "not_held")
"""When the intake talk was held after the admission (I5)."""

COUNTS: Final = ("I1", "I2", "I9", "I9.first", "I9.refill")
"""Indicators that are a number of persons or sprays and have no denominator."""

WAITING: Final = ("I12", "I14", "I14.unknown", "I15")
"""Indicators with a window: cases whose window has not passed are shown as pending."""

UNIT_PARTS: Final = ("active", "naloxone", "distributor", "in_time", "experience")
"""What I18 asks of a unit in the project."""

SHARES: Final = (
    "I3",
    "I4",
    "I5",
    *(f"I5.{part}" for part in TALK_CLASSES),
    "I6",
    "I7",
    "I8",
    "I10",
    *(f"I10.{form}" for form in Form),
    "I11",
    "I11b",
    "I12",
    "I13",
    "I13.planned",
    "I14",
    "I14.unknown",
    "I15",
    "I16",
    "I16.notice_unknown",
    "I17",
    "I18",
    *(f"I18.{part}" for part in UNIT_PARTS),
    "I19",
    *(f"I19.{step}" for step in Step),
    "I20",
    *(f"I20.{reason}" for reason in AnswerReason),
    f"I20.{NOT_STATED}",
    "I20.withdrawn",
)
"""Indicators that are a numerator of a denominator."""

CORE_TASKS: Final = tuple(f"{TASKS_DONE}{rule.code}" for rule in national().tasks)
"""The counts of finished tasks that every report has; tasks added by a unit come after them."""


def codes_with(seen: Iterable[str]) -> tuple[str, ...]:
    """Every code of a report, in order; `seen` may name tasks beyond the national package's."""
    fixed = (*COUNTS, *SHARES, *CORE_TASKS)
    return (*fixed, *sorted(set(seen) - set(fixed)))


def as_defined(codes: Iterable[str]) -> tuple[str, ...]:
    """Codes in the order of `docs/definitions.md`: I1 to I20, each with its parts, then tasks."""
    known = set(codes)

    def family(code: str) -> int:
        number = _NUMBER.match(code)
        return int(number[1]) if number else _AFTER

    return tuple(sorted((c for c in codes_with(known) if c in known), key=family))


@lru_cache(maxsize=1024)
def is_count(code: str) -> bool:
    """Whether an indicator is a plain count."""
    return code in COUNTS or code.startswith(TASKS_DONE)
