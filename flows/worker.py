"""A Prefect worker that runs flows in its own process: type `overlev-inline`.

A process of its own for each run costs 2–4 s of CPU, this 0.2 s. It takes the scheduled runs of the
work pool `overlev`: those of the calendar, and those that somebody starts from Prefect's pages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Final, cast

import httpx
from anyio.abc import TaskStatus
from prefect import Flow
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow
from prefect.workers.base import (
    BaseJobConfiguration,
    BaseVariables,
    BaseWorker,
    BaseWorkerResult,
)

from flows import calendar_flows, due
from flows.release_package import release_package

POOL: Final = "overlev"
TYPE: Final = "overlev-inline"
LIMIT: Final = 2
"""Runs at a time."""

POLL_EVERY: Final = 15.0
"""Seconds between two looks for runs that somebody started; a look costs the server 50 ms."""

SYNC_EVERY: Final = 30.0
DRAIN_WITHIN: Final = 15.0
"""Seconds that runs may take to end after the worker was asked to stop."""

FLOWS: Final[dict[str, Flow[..., Any]]] = {
    each.name: each for each in (release_package, due.sweep, due.deliver, *calendar_flows.ALL)
}
"""Every flow of ours by its name."""

_log: Final = logging.getLogger(__name__)


class InlineWorker(BaseWorker[BaseJobConfiguration, BaseVariables, BaseWorkerResult]):
    """Runs what it is given in this event loop. Its flows are those of `FLOWS`, and no others."""

    type = TYPE
    job_configuration = BaseJobConfiguration
    _description = "Runs Overlev's flows inside the worker."

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: TaskStatus[Any] | None = None,
    ) -> BaseWorkerResult:
        """Run one flow run to its end; its own states say how it went."""
        del configuration
        if task_status is not None:
            task_status.started(self.name)
        flow = FLOWS.get((await self.client.read_flow(flow_run.flow_id)).name)
        if flow is None:
            return BaseWorkerResult(identifier=self.name, status_code=1)
        try:
            # This one, unlike the engine itself, takes the parameters out of the run.
            await cast("Awaitable[Any]", run_flow(flow, flow_run=flow_run, return_type="state"))
        except httpx.HTTPError:
            _log.warning("Prefect went away during a run", extra={"run": str(flow_run.id)})
        return BaseWorkerResult(identifier=self.name, status_code=0)

    def _is_ours(self) -> bool:
        """Whether the pool is of our type: the runs of any other are for its own workers.

        Who made it so wants each run to be a process or container of its own.
        """
        return self._work_pool is None or self._work_pool.type == TYPE

    async def serve(self, stopping: asyncio.Event) -> None:
        """Take runs until `stopping` is set; then take no more and let those under way end.

        Raises `httpx.HTTPError` when Prefect goes away: come back when it answers.
        """
        async with self:
            synced = 0.0
            clock = asyncio.get_running_loop().time
            while not stopping.is_set():
                if clock() - synced >= SYNC_EVERY:
                    await self.sync_with_backend()
                    synced = clock()
                if self._is_ours():
                    await self.get_and_submit_flow_runs()
                try:
                    await asyncio.wait_for(stopping.wait(), POLL_EVERY)
                except TimeoutError:
                    continue
            until = clock() + DRAIN_WITHIN
            while self.limiter.borrowed_tokens > 0 and clock() < until:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
            if self.limiter.borrowed_tokens > 0 and self._runs_task_group is not None:
                self._runs_task_group.cancel_scope.cancel()
