"""Each release as a visible flow of four steps: `release_package(case_ref, version)`.

Each task does its step (`cases.sweep.advance_step`: fire due rungs, announce what was missed, move
the phase), then names its state with the step's. So pressing Run in Prefect is safe and useful, and
a run killed in the middle is simply made again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Final, cast

from prefect import flow, task
from prefect.artifacts import acreate_link_artifact, acreate_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Completed

from cases import showing, sweep
from cases.model import Case, Step
from cases.showing import StepShown, ToShow
from core.errors import NotFound
from flows.house import installation, page_of, told_safely

if TYPE_CHECKING:
    from prefect import Task

FLOW: Final = "release-package"


def _advance(ref: str, step: Step) -> StepShown:
    """Do what is due for a step and look how it stands; writes only if something is due."""
    house = installation()
    now = house.now()
    with house.db.read() as tx:
        case, due = showing.case_of(tx, ref), sweep.step_is_due(tx, ref, step, now=now)
    if due:
        sweep.advance_step(house.db, ref, step, now=now)
        case = _read(ref)
    return showing.step_of(case, step, now=now)


def _read(ref: str) -> Case:
    with installation().db.read() as tx:
        return showing.case_of(tx, ref)


def _look(ref: str) -> ToShow:
    with installation().db.read() as tx:
        found = showing.to_show(tx, ref)
    if found is None:
        raise NotFound("There is no case with that reference.")
    return found


def _state(step: StepShown) -> State[Any]:
    open_tasks = sum(1 for _, state, _ in step.tasks if state in ("open", "overdue"))
    return Completed(name=step.state.value.capitalize(), message=f"{open_tasks} open")


def _task(number: int, step: Step) -> Task[[str], Any]:
    name = f"{number}-{step.value.lower().replace('_', '-')}"

    @task(name=name, task_run_name=name, persist_result=False, cache_policy=NO_CACHE)
    @told_safely
    async def advance(case_ref: str) -> State[Any]:
        stands = await asyncio.to_thread(_advance, case_ref, step)
        if number == len(Step):
            await _describe(case_ref)
        return _state(stands)

    return advance


async def _describe(ref: str) -> None:
    """What the run leaves: a table under the reference, and the way to the case's page."""
    now = installation().now()
    case = await asyncio.to_thread(_read, ref)
    page = page_of(ref)
    steps = [showing.step_of(case, step, now=now) for step in Step]
    table = showing.table_of(ref, steps, page=page)
    await acreate_markdown_artifact(table, key=f"case-{ref}")
    if page is not None:
        await acreate_link_artifact(page, link_text=ref, key=f"case-{ref}-page")


STEPS: Final = tuple(_task(number, step) for number, step in enumerate(Step, start=1))
"""`1-intake-talk`, `2-overdose-info`, `3-release-talk`, `4-time-in-hand`."""


@flow(name=FLOW, persist_result=False, retries=0)
@told_safely
async def release_package(case_ref: str, version: int | None = None) -> State[Any]:
    """Do and show what is due for one release, step by step.

    `case_ref` is the reference of the case; `version` names the run and may be left out.
    """
    await _named(case_ref, version)
    states = [
        await cast("Awaitable[State[Any]]", each(case_ref, return_state=True)) for each in STEPS
    ]
    for state in states:
        if not state.is_completed():
            return state
    return Completed(name="Completed", message=", ".join(str(state.name) for state in states))


async def _named(ref: str, version: int | None) -> None:
    """Name and tag a run that somebody started by hand; those of the worker are named already."""
    context = FlowRunContext.get()
    run = context.flow_run if context is not None else None
    if run is None:
        return
    if version is not None and run.name == showing.run_name(ref, version):
        return
    case = await asyncio.to_thread(_look, ref)
    async with get_client() as client:
        await client.update_flow_run(
            run.id, name=case.run_name, tags={*run.tags, case.unit, case.phase}
        )
