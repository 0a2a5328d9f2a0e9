"""What the calendar asks for: each a flow with a schedule in `prefect.yaml`, safe to run twice.

Europe/Oslo, and never between 01:00 and 04:00, where a daylight-saving night would move, double or
swallow a time. A run that comes late does what its own day asks for now.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from prefect import flow, task
from prefect.artifacts import acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cases import backup as backups
from cases import retention as retaining
from cases.calendar import is_working_day
from cases.report_reminders import Missing, remind
from cases.sending import forget_texts, mailer_of, sender_of
from core.clock import local_date
from flows.house import installation, told_safely
from flows.reconcile import settle_left_runs
from reports.lifecycle import parts
from reports.morning import mornings
from reports.publish import frozen_revisions
from reports.recount import recount
from reports.report import snapshot, whole_report
from reports.tertial import Period
from reports.waiting import periods_before, reminded_last, waiting, working_days_before

T = TypeVar("T")

LATE_REMINDER: Final = timedelta(days=4)
"""A reminder that nobody could send for so long is left out: the next one tells."""


@task(name="write-down", persist_result=False, cache_policy=NO_CACHE)
async def _write_down(key: str, lines: list[str]) -> None:
    """An artifact; they can only be made inside a task."""
    await acreate_markdown_artifact("\n".join(lines), key=key)


async def _in_thread(act: Callable[[], T]) -> T:
    return await asyncio.to_thread(act)


def _last_period() -> Period:
    """The tertial that ended last."""
    today = local_date(installation().now())
    return Period.of(Period.of(today).first_on - timedelta(days=1))


def _drafted(period: Period) -> tuple[int, list[str]]:
    """Count a period both ways; how many units, and the indicators in which they differ."""
    house = installation()
    now = house.now()
    with snapshot(house.db) as tx:
        counted = whole_report(tx, period, now=now)
        again = recount(tx, period, now)
    differing = [name for name in counted.nation if counted.nation[name] != again.nation.get(name)]
    return len(counted.units), differing


@flow(name="tertial-draft", persist_result=False)
@told_safely
async def tertial_draft() -> State[Any]:
    """On the first day after a tertial: count it, and count it again from the events."""
    period = _last_period()
    units, differing = await _in_thread(lambda: _drafted(period))
    equal = "equals its recount" if not differing else f"differs in {', '.join(differing)}"
    lines = [
        f"# {period}",
        f"Counted for {units} units; {equal}.",
        f"Units check it until {period.checked_by}; it is due on {period.due_on}.",
        await _in_thread(lambda: _standing(period)),
    ]
    await _write_down(f"tertial-{str(period).lower()}", lines)
    if differing:
        return Completed(name="Differs", message=equal)
    return Completed(message=f"{period}: {units} units, {equal}")


def _standing(period: Period) -> str:
    """How far the report is: parts by their state, and whether it is frozen."""
    house = installation()
    with house.db.read() as tx:
        states = Counter(part.state for part in parts(tx, period, now=house.now()))
        revisions = frozen_revisions(tx, period)
    told = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    frozen = f"frozen, revision {revisions[-1]}" if revisions else "not frozen"
    return f"Parts of units: {told or 'none'}; the report is {frozen}."


@flow(name="tertial-due", persist_result=False)
@told_safely
async def tertial_due() -> State[Any]:
    """On the day a tertial is due: say how far it is. Asked for on each day on which one may be.

    Accepting and freezing are for the national owner, by hand.
    """
    period = _last_period()
    today = local_date(installation().now())
    if today != period.due_on:
        return Completed(name="Not today", message=f"{period} is due on {period.due_on}")
    _, differing = await _in_thread(lambda: _drafted(period))
    standing = await _in_thread(lambda: _standing(period))
    lines = [f"# {period}", "It is due today.", standing]
    await _write_down(f"tertial-{str(period).lower()}-due", lines)
    return Completed(
        name="Due today", message=f"{standing} {len(differing)} indicators differ from the recount."
    )


@flow(name="report-reminders", persist_result=False)
@told_safely
async def report_reminders() -> State[Any]:
    """On working days: remind whoever has not submitted a report, and its owner at the end."""
    told = await _in_thread(remind_of_reports)
    return Completed(message=f"{told} reminded")


def remind_of_reports() -> int:
    """Tell what the newest reminder of each period says, to whoever was not told yet; how many."""
    house = installation()
    now = house.now()
    missing = []
    with house.db.read() as tx:
        for period in periods_before(local_date(now)):
            at = reminded_last(period, now=now, within=LATE_REMINDER)
            if at is None:
                continue
            missing.append(
                Missing(
                    str(period),
                    period.due_on,
                    at,
                    frozenset(each.unit for each in waiting(tx, period, now=now)),
                    owner_too=local_date(at) >= working_days_before(period.due_on, 1),
                )
            )
    return remind(
        house.db,
        sender_of(house, sys.stderr),
        mailer_of(house.settings),
        missing,
        now=now,
        url=house.settings.public_url or "",
    )


@flow(name="morning-lists", persist_result=False)
@told_safely
async def morning_lists() -> State[Any]:
    """On working days: look whether the day's lists can be made; their numbers stay in the pages.

    How much waits for a unit may be one person's, and may tell of one whose address is secret: no
    such number goes to Prefect.
    """
    house = installation()
    now = house.now()
    if not is_working_day(local_date(now)):
        return Completed(name="No working day")

    def read() -> int:
        with house.db.read() as tx:
            return len(mornings(tx, now=now))

    await _in_thread(read)
    return Completed(message="The lists of the day are there")


@flow(name="reconcile", persist_result=False)
@told_safely
async def reconcile() -> State[Any]:
    """Settle runs whose worker is gone."""
    settled = await settle_left_runs(installation(), [each.name for each in ALL] + OTHERS)
    return Completed(message=f"{settled} runs settled")


@flow(name="retention", persist_result=False)
@told_safely
async def retention() -> State[Any]:
    """Erase what has been kept as long as it may be."""
    house = installation()
    done = await _in_thread(lambda: retaining.retain(house, now=house.now()))
    texts = await _in_thread(lambda: forget_texts(house, sender_of(house, sys.stderr)))
    return Completed(
        message=f"{done.persons} persons erased, {done.rows} rows taken out,"
        f" {texts} texts and numbers forgotten"
    )


@flow(name="backup", persist_result=False)
@told_safely
async def backup() -> State[Any]:
    """Back up both databases, and take out backups older than is kept."""
    house = installation()
    made = await _in_thread(lambda: backups.scheduled(house))
    return Completed(message=made)


OTHERS: Final = ["release-package", "sweep", "deliver"]
ALL: Final = (
    tertial_draft,
    tertial_due,
    report_reminders,
    morning_lists,
    reconcile,
    retention,
    backup,
)
"""Every flow of the calendar."""
