"""Runs that Prefect still calls running although their worker is gone are settled.

A process killed with -9 leaves its run "Running" for ever. A run of ours carries the name of its
worker; when that worker has given no sign of life for two minutes, nobody is working on it. What
the run should have done is done by the next look of a loop; the case it was showing is shown anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

from cases import heartbeats, showing
from cases.installation import Installation
from core.clock import system_now
from flows.carrier import WORKER_LABEL

SILENT: Final = timedelta(minutes=2)
"""A worker without a heartbeat for that long is dead: its loops beat every ten seconds."""

NAMELESS: Final = timedelta(hours=6)
"""A run that names no worker of ours (a standard process pool) is given up after that."""

_BATCH: Final = 200
_UNSETTLED: Final = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


async def settle_left_runs(house: Installation, names: list[str]) -> int:
    """Settle what dead workers left of the flows with these names; how many runs."""
    now = system_now()
    with house.db.read() as tx:
        living = heartbeats.living_workers(tx, since=now - SILENT)
    settled = 0
    dead: set[str] = set()
    async with get_client() as client:
        for run in await _unsettled(client, names):
            worker = worker_of(run)
            if not _is_left(run, worker, living, now):
                continue
            message = "The worker that ran it is gone; the work itself is not lost."
            await client.set_flow_run_state(run.id, Crashed(message=message), force=True)
            settled += 1
            if worker is not None:
                dead.add(worker)
    for worker in dead:
        house.db.transact(lambda tx, worker=worker: showing.forget_worker(tx, worker))  # type: ignore[misc]
    return settled


def worker_of(run: FlowRun) -> str | None:
    """The worker of ours that runs it, None where it names none."""
    named = run.labels.get(WORKER_LABEL) or run.infrastructure_pid
    return str(named) if named else None


def _is_left(run: FlowRun, worker: str | None, living: frozenset[str], now: datetime) -> bool:
    since = run.state.timestamp if run.state is not None else run.created
    age = now - since if since is not None else NAMELESS
    if worker is not None and worker.startswith(WORKER_PREFIX):
        return worker not in living and age > SILENT
    return age > NAMELESS


WORKER_PREFIX: Final = "worker-"


async def _unsettled(client: PrefectClient, names: list[str]) -> list[FlowRun]:
    return await client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=names)),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_UNSETTLED))
        ),
        limit=_BATCH,
    )
