"""What the calendar asks for: each a flow with a schedule in `prefect.yaml`, safe to run twice.

Europe/Oslo, and never between 01:00 and 04:00, where a daylight-saving night would move, double or
swallow a time. A run that comes late does what its own day asks for now.
"""

from __future__ import annotations

import asyncio
import sys
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
from cases.sending import forget_texts, sender_of
from core.clock import local_date
from flows.house import installation, told_safely
from flows.reconcile import settle_left_runs
from reports.morning import mornings
from reports.recount import recount
from reports.report import snapshot, whole_report
from reports.tertial import Period

T = TypeVar("T")


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
    ]
    await _write_down(f"tertial-{str(period).lower()}", lines)
    if differing:
        return Completed(name="Differs", message=equal)
    return Completed(message=f"{period}: {units} units, {equal}")


@flow(name="tertial-due", persist_result=False)
@told_safely
async def tertial_due() -> State[Any]:
    """On the day a tertial is due: say so. Asked for on each day on which one may be."""
    period = _last_period()
    today = local_date(installation().now())
    if today != period.due_on:
        return Completed(name="Not today", message=f"{period} is due on {period.due_on}")
    units, differing = await _in_thread(lambda: _drafted(period))
    await _write_down(
        f"tertial-{str(period).lower()}-due",
        [f"# {period}", "It is due today.", f"Counted for {units} units."],
    )
    return Completed(name="Due today", message=f"{period}: {len(differing)} indicators differ")


@flow(name="morning-lists", persist_result=False)
@told_safely
async def morning_lists() -> State[Any]:
    """On working days: how much waits for each unit."""
    house = installation()
    now = house.now()
    if not is_working_day(local_date(now)):
        return Completed(name="No working day")

    def read() -> list[Any]:
        with house.db.read() as tx:
            return list(mornings(tx, now=now))

    found = await _in_thread(read)
    lines = ["| unit | overdue | due today | releases in 7 days |", "|---|--:|--:|--:|"]
    lines += [
        f"| {each.unit} | {each.overdue} | {each.due_today} | {each.releases} |" for each in found
    ]
    await _write_down("morning", lines)
    return Completed(message=f"{sum(each.overdue for each in found)} overdue")


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
ALL: Final = (tertial_draft, tertial_due, morning_lists, reconcile, retention, backup)
"""Every flow of the calendar."""
