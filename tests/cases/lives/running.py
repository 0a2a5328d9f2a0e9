"""Running random lives: databases of their own, how many, and which verbs must have been met."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.cases.desk import Desk, furnish, reopened
from tests.cases.lives.house import House
from tests.databases import Databases

STEPS: Final = 50

OF_A_CASE: Final = frozenset(
    {
        "complete_task",
        "waive_task",
        "undo_task",
        "correct_answer",
        "answer_offer",
        "record_consent",
        "set_release_date",
        "release",
        "undo_release",
        "release_unplanned",
        "close",
        "book",
        "move",
        "record_outcome",
        "record_contact",
        "undo_contact",
        "propose_transfer",
        "answer_transfer",
        "share_health_answers",
        "record_leave",
        "cancel_leave",
        "inform_again",
        "set_protection",
        "grant",
        "revoke",
        "record",
        "propose",
        "find",
        "decide",
    }
)
OF_THE_HOUSE: Final = frozenset(
    {
        "plan_session",
        "add_cases",
        "remove_case",
        "cancel_session",
        "hold",
        "correct",
        "merge",
        "rename",
        "move_region",
        "move_parent",
        "move_municipality",
        "close_unit",
        "import_units",
        "record_stage",
        "introduce_naloxone",
        "attend_network",
        "record_visit",
        "certify",
        "uncertify",
        "save_overlay",
        "save_national",
        "put_in_force",
        "preview_rebase",
        "rebase",
    }
)
VERBS: Final = OF_A_CASE | OF_THE_HOUSE
"""Every verb that a long run must have met, done and not only refused."""

Opening = Callable[[], Any]


def sequences(engine: str) -> int:
    """How many runs: `OVERLEV_TEST_SEQUENCES`, a tenth of it on Postgres; else 100 and 10."""
    asked = int(os.environ.get("OVERLEV_TEST_SEQUENCES", "100"))
    return asked if engine == "sqlite" else max(1, asked // 10)


def copies_of_one(databases: Databases, folder: Path) -> Opening:
    """A function that opens a furnished SQLite database of its own: a copy of one."""
    url = databases.create(migrated=True)
    furnished = furnish(url, folder / "furnished.keys")
    furnished.close()
    template = Path(url.removeprefix("sqlite:///"))

    numbers = itertools.count()

    @contextmanager
    def copied() -> Iterator[Desk]:
        # A new name each time: an older run's connection may not have let go of its file yet.
        name = f"run-{next(numbers)}"
        run, keys = folder / f"{name}.sqlite", folder / f"{name}.keys"
        shutil.copyfile(template, run)
        shutil.copyfile(folder / "furnished.keys", keys)
        desk = reopened(f"sqlite:///{run}", keys, furnished.ring)
        try:
            yield desk
        finally:
            desk.close()
            for left in folder.glob(f"{name}.*"):
                left.unlink()

    return copied


def new_each_time(databases: Databases, folder: Path) -> Opening:
    """A function that makes and furnishes a database of its own."""
    numbers = itertools.count()

    @contextmanager
    def own() -> Iterator[Desk]:
        url = databases.create(migrated=True)
        desk = furnish(url, folder / f"{next(numbers)}.keys")
        try:
            yield desk
        finally:
            desk.close()
            databases.drop(url)

    return own


def live(
    runs_on: Opening,
    folder: Path,
    *,
    many: int,
    shrink: bool = True,
    seed: bool = True,
    only: Collection[str] = (),
) -> dict[str, int]:
    """So many random lives; returns how often each verb was done and, apart, refused.

    Raises what does not hold. With `seed` they are always the same ones; without `shrink` the
    first that fails is raised as it was found. `only` are the rules by which they are lived.
    """

    class Run(House):
        furnished = staticmethod(runs_on)
        seen: dict[str, int] = {}  # noqa: RUF012 - one call, one dictionary

    Run.folder = folder
    for each in House.setup_state().rules if only else ():
        if each.function.__name__ not in only:
            setattr(Run, each.function.__name__, None)  # a rule no more
    phases = [Phase.generate, *([Phase.shrink] if shrink else [])]
    run_state_machine_as_test(
        Run,
        settings=settings(
            max_examples=many,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=seed,
            database=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Run.seen
