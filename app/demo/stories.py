"""The rare things that happen to people, each told once at the head of every demo.

A demo of sixty cases would hardly hold a death, a kode 6 or a transfer that waits right now; so the
first numbers of every demo are these, and the others are left to chance. The most looked-for come
first, for demos that are smaller still.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Story(StrEnum):
    """What one of the first imprisonments is there to show."""

    RED = "red"
    AMBER = "amber"
    YELLOW = "yellow"
    LEFT_ALONE = "left_alone"
    LEFT_BEHIND = "left_behind"
    TRANSFER_OPEN = "transfer_open"
    SOON = "soon"
    TOMORROW = "tomorrow"
    COURT = "court"
    NOT_NOW_THEN_YES = "not_now_then_yes"
    DECLINED = "declined"
    NOT_NOW = "not_now"
    WITHDRAWN = "withdrawn"
    HOME = "home"
    DEPORTED = "deported"
    DIED_INSIDE = "died_inside"
    DIED_OUTSIDE = "died_outside"
    BEFORE_AGAIN = "before_again"
    AGAIN = "again"
    KODE_6 = "kode_6"
    KODE_7 = "kode_7"
    YOUNG = "young"
    NO_PHONE = "no_phone"
    FOREIGN_PHONE = "foreign_phone"
    FORGOTTEN = "forgotten"
    TYPED_LATE = "typed_late"
    TRANSFER_REJECTED = "transfer_rejected"
    IN_ERROR = "in_error"
    THERE_AND_BACK = "there_and_back"
    REFILL = "refill"
    TRANSFERRED_OUT = "transferred_out"
    BEFORE_SAME_DAY = "before_same_day"
    SAME_DAY = "same_day"
    LATE_YELLOW = "late_yellow"
    LEAVE = "leave"
    TREATMENT = "treatment"
    HALFWAY = "halfway"
    REFUSED_DATE = "refused_date"
    BEFORE_DOUBLE = "before_double"
    DOUBLE = "double"
    BEFORE_SHARED_PHONE = "before_shared_phone"
    SHARED_PHONE = "shared_phone"
    WITHDRAWN_OUTSIDE = "withdrawn_outside"
    LATE_OPENED = "late_opened"


STORIES: Final = tuple(Story)

INSIDE: Final[dict[Story, tuple[int, int]]] = {
    Story.RED: (95, -3),
    Story.AMBER: (120, -11),
    Story.YELLOW: (140, -20),
    Story.LATE_YELLOW: (130, -34),
    Story.TRANSFER_OPEN: (40, 70),
    Story.SOON: (110, 4),
    Story.TOMORROW: (96, 1),
    Story.COURT: (34, -4),
    Story.NOT_NOW_THEN_YES: (150, 12),
    Story.DECLINED: (60, 45),
    Story.NOT_NOW: (30, 90),
    Story.WITHDRAWN: (120, -9),
    Story.HOME: (160, -30),
    Story.DEPORTED: (140, -50),
    Story.DIED_INSIDE: (200, -60),
    Story.DIED_OUTSIDE: (150, -45),
    Story.BEFORE_AGAIN: (200, -60),
    Story.AGAIN: (42, 60),
    Story.BEFORE_SAME_DAY: (160, -75),
    Story.SAME_DAY: (75, 45),
    Story.FORGOTTEN: (65, -5),
    Story.TYPED_LATE: (130, -6),
    Story.TRANSFER_REJECTED: (70, 80),
    Story.THERE_AND_BACK: (90, 30),
    Story.IN_ERROR: (20, -19),
    Story.TRANSFERRED_OUT: (80, -30),
    Story.LEAVE: (200, 60),
    Story.TREATMENT: (150, 120),
    Story.HALFWAY: (220, 100),
    Story.REFUSED_DATE: (150, 34),
    Story.REFILL: (150, -25),
    Story.WITHDRAWN_OUTSIDE: (140, -16),
    Story.LATE_OPENED: (25, 90),
    Story.LEFT_ALONE: (100, 5),
    Story.LEFT_BEHIND: (90, -24),
}
"""How many days ago somebody came, and in how many days they leave (below 0: have left)."""

CAREFUL: Final = frozenset(STORIES) - {
    Story.LEFT_ALONE,
    Story.TOMORROW,
    Story.LATE_OPENED,
    Story.NO_PHONE,
    Story.FOREIGN_PHONE,
    Story.FORGOTTEN,
}
"""Stories in which everything else is done in time, so that it is the story that shows."""

NEGLECTED: Final[dict[Story | None, frozenset[str]]] = {
    Story.LEFT_ALONE: frozenset(),
    Story.LEFT_BEHIND: frozenset({"intake_talk", "offer_answered"}),
}
"""Stories in which nobody comes, and the tasks that are done all the same."""
