"""Bugs planted one at a time: random lives must notice each, or their invariants say little.

Each is a change of one line, as somebody might make it in a hurry: the text of a function before
and after. `OVERLEV_TEST_SEQUENCES` lets all of them live; without it those that are found soon.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy.exc import IntegrityError

from cases import plan, queries, roster
from tests.cases.lives.running import copies_of_one, live
from tests.cases.roster_files import ReadHere
from tests.databases import Databases

LONG: Final = "OVERLEV_TEST_SEQUENCES" in os.environ
MOST: Final = 200
"""Runs within which a planted bug must have been found; mostly it is among the first."""

OF_EVERY_LIFE: Final = (
    "time_passes",
    "somebody_else_is_admitted",
    "the_offer_is_accepted",
    "the_sweep_comes_by",
)


@dataclass(frozen=True, slots=True)
class Planted:
    """A bug: in which function what text stands in place of what.

    `lives` are the rules that lead there, lived beside those of every life; what is checked is
    everything. `soon`: found in seconds.
    """

    name: str
    where: str
    right: str
    wrong: str
    lives: tuple[str, ...]
    soon: bool = False

    @property
    def module(self) -> str:
        return self.where.rpartition(".")[0]

    @property
    def function(self) -> str:
        return self.where.rpartition(".")[2]


PLANTED: Final = (
    Planted(
        "a transfer leaves two owners",
        "cases.transfers._moved",
        "replace(s, to_at=moved_at) if s.to_at is None else s for s in",
        "s for s in",
        (
            "a_transfer_is_proposed",
            "a_transfer_is_answered",
        ),
    ),
    Planted(
        "a release leaves a transfer waiting",
        "cases.release.released",
        "return without_open_transfer(",
        "return (lambda found, *, now: found)(",
        (
            "a_transfer_is_proposed",
            "somebody_is_released",
        ),
    ),
    Planted(
        "a release taken back leaves its deviations",
        "cases.release_undo._unmissed",
        "return task if task.missed_at is None else replace(task, missed_at=None)",
        "return task",
        (
            "somebody_is_released",
            "a_release_is_taken_back",
        ),
    ),
    Planted(
        "two persons who are one are counted as two",
        "cases.counting_as.merge_counting",
        ".values(counted_as=into)",
        ".values(counted_as=former)",
        (
            "two_are_said_to_be_one",
            "a_pair_is_decided",
        ),
    ),
    Planted(
        "kode 6 is seen by the whole unit",
        "cases.queries._visible",
        "return and_(owned, _NOT_HIDDEN)",
        "return owned",
        (
            "a_protection_is_recorded",
            "somebody_is_named",
        ),
    ),
    Planted(
        "a card alone takes a spray off the shelf",
        "cases.naloxone.after_completion",
        "if task.code != HANDED_OVER or task.answer not in WITH_SPRAY:",
        "if task.code != HANDED_OVER:",
        (
            "somebody_is_released",
            "a_task_is_completed",
            "a_task_is_simply_completed",
        ),
    ),
    Planted(
        "a health answer stands where officers read",
        "cases.service.complete_task",
        "answer=None if private else done.answer,",
        "answer=done.answer,",
        ("a_task_is_completed",),
        soon=True,
    ),
    Planted(
        "a merger leaves two owners",
        "cases.merging._into",
        "stays = (*case.stays[:-1], replace(last, to_at=merger.at), arrival)",
        "stays = (*case.stays, arrival)",
        ("units_become_one",),
    ),
    Planted(
        "a rebase is shown and not done",
        "cases.rebase.rebase",
        "store.write_many(tx, part, viewer, now=now)",
        "pass",
        (
            "a_unit_goes_its_own_way",
            "cases_are_moved_to_the_package_in_force",
        ),
    ),
    Planted(
        "events forget absences",
        "cases.shape.difference",
        "if rows:",
        'if rows and each.part.attribute != "absences":',
        (
            "a_leave_is_recorded",
            "a_leave_goes_on",
        ),
    ),
    Planted(
        "who said no is asked again",
        "cases.plan._offered_to",
        "return TaskState.CANCELLED",
        "return TaskState.OPEN",
        (
            "the_offer_is_answered",
            "an_answer_is_undone",
        ),
    ),
    Planted(
        "a message goes to somebody in prison",
        "cases.wanted._against_all",
        "if case.phase is not Phase.FOLLOW_UP or case.released_at is None:",
        "if False:",
        (
            "sms_is_consented_to",
            "an_appointment_is_booked",
        ),
    ),
    Planted(
        "a release without notice counts as planned",
        "cases.replan.release_notice",
        "if case.released_at - recorded < NOTICE_HOURS:",
        "if case.released_at < recorded:",
        (
            "somebody_is_released",
            "a_release_date_is_set_or_withdrawn",
        ),
    ),
)


@contextmanager
def planted(bug: Planted) -> Iterator[None]:
    """The bug in the house, wherever the function is called by its name."""
    module = importlib.import_module(bug.module)
    right: Any = getattr(module, bug.function)
    text = textwrap.dedent(inspect.getsource(right))
    assert text.count(bug.right) >= 1, "the code has changed: plant the bug anew"
    space = dict(vars(module))
    exec(compile(text.replace(bug.right, bug.wrong), bug.where, "exec"), space)  # noqa: S102
    wrong = space[bug.function]
    # What the function calls must be what the module has, planted bugs of a test included.
    wrong = type(right)(
        wrong.__code__, vars(module), right.__name__, right.__defaults__, right.__closure__
    )
    wrong.__kwdefaults__ = right.__kwdefaults__
    places = [
        (each, name)
        for each in list(sys.modules.values())
        if getattr(each, "__name__", "").startswith(("cases.", "app."))
        for name, value in list(vars(each).items())
        if value is right
    ]
    try:
        for each, name in places:
            setattr(each, name, wrong)
        _forget()
        yield
    finally:
        for each, name in places:
            setattr(each, name, right)
        _forget()


def _forget() -> None:
    for cached in (plan._offered, plan._due_times, queries._by_ref, queries._by_ids):
        cached.cache_clear()


@pytest.mark.timeout(0 if LONG else 300)
@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name.replace(" ", "-"))
def test_random_lives_notice_a_planted_bug(
    bug: Planted,
    sqlite_files: Databases,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not (LONG or bug.soon):
        pytest.skip("found later: with OVERLEV_TEST_SEQUENCES")
    monkeypatch.setattr(roster, "parse_in_child", ReadHere)
    with planted(bug), pytest.raises((AssertionError, IntegrityError)) as found:
        live(
            copies_of_one(sqlite_files, tmp_path),
            tmp_path,
            many=MOST,
            shrink=False,
            only=(*OF_EVERY_LIFE, *bug.lives),
        )
    print(f"{bug.name}: {_said(found)}")  # noqa: T201 - shown by -s


def _said(found: pytest.ExceptionInfo[BaseException]) -> str:
    """What noticed the bug: its words, else the line that did not hold."""
    words = str(found.value).strip().splitlines()
    return words[0] if words else str(found.traceback[-1].statement).strip()
