"""Prefect as the loops see it: it answers or not, and carries a piece of work or lets it be.

Everything of Prefect runs in one thread with an event loop of its own, so that nothing else ever
waits for it: a loop asks for a run, waits two seconds at most, and goes on without.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

import httpx
from prefect import Flow
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow_async
from prefect.settings import get_current_settings
from prefect.states import Pending

from core.log import places
from flows.due import CARRIED, Carried

T = TypeVar("T")

PATIENCE: Final = 2.0
"""Seconds that a loop waits for Prefect before it goes on without."""

ASK_EVERY: Final = 10.0
"""Seconds between two questions whether Prefect answers."""

_REFUSED: Final = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})

WORKER_LABEL: Final = "overlev.worker"

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Deployments:
    """The ids of the deployments by the name of their flow, once they are known."""

    by_flow: dict[str, UUID] = field(default_factory=dict)


class Carrier:
    """The thread in which Prefect lives. `start`, then `stop`."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self.answers = False
        self._refused = False
        self.deployments = Deployments()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="prefect", daemon=True)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of the thread."""
        if self._loop is None:
            raise RuntimeError("the carrier was not started")
        return self._loop

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.new_event_loop()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is still under way is cancelled."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(5)

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        """Run something in the thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    async def ask(self) -> bool:
        """Ask Prefect whether it is there and lets us in, and remember the answer."""
        api = get_current_settings().api
        trusted = _trusted(api.ssl_cert_file, insecurely=api.tls_insecure_skip_verify)
        secret = api.auth_string.get_secret_value() if api.auth_string else ""
        user, _, password = secret.partition(":")
        refused = False
        try:
            # Not its `/health`, which answers everybody: another's server on that port would do.
            async with httpx.AsyncClient(
                timeout=PATIENCE, verify=trusted, auth=(user, password)
            ) as client:
                answer = await client.get(f"{api.url}/admin/version")
            self.answers = answer.status_code == httpx.codes.OK
            refused = answer.status_code in _REFUSED
        except httpx.HTTPError:
            self.answers = False
        if refused and not self._refused:
            _log.warning("Prefect does not let us in: check PREFECT_API_AUTH_STRING")
        self._refused = refused
        return self.answers

    @contextmanager
    def carrying(self, flow: Flow[[], Any]) -> Iterator[Carried]:
        """Let a run of `flow` watch what is done in the block, if Prefect lets it begin in time.

        The work is done in any case, here and once; say in `said` how it went. What it raises is
        raised, and the run fails.
        """
        carried = Carried()
        run = self._begin(flow, carried)
        try:
            yield carried
        except BaseException as error:
            carried.failed = " ".join(places(error))
            raise
        finally:
            if run is not None:
                self.loop.call_soon_threadsafe(carried.ended.set)

    def _begin(self, flow: Flow[[], Any], carried: Carried) -> Future[None] | None:
        deployment = self.deployments.by_flow.get(flow.name)
        if not self.answers or deployment is None:
            return None
        run = self.spawn(self._watch(flow, deployment, carried))
        if carried.begun.wait(PATIENCE):
            return run
        self.answers = False
        run.cancel()
        _log.warning("Prefect did not let a run begin in time: going on without")
        return None

    async def _watch(self, flow: Flow[[], Any], deployment: UUID, carried: Carried) -> None:
        CARRIED.set(carried)
        try:
            async with get_client() as client:
                run = await self.create_run(client, deployment)
            await run_flow_async(flow, flow_run=run, parameters={}, return_type="state")
        except Exception:  # noqa: BLE001 - the work is done all the same; reconcile settles the run
            _log.warning("a run in Prefect was not finished", exc_info=True)

    async def create_run(
        self,
        client: PrefectClient,
        deployment: UUID,
        *,
        name: str | None = None,
        parameters: dict[str, Any] | None = None,
        tags: tuple[str, ...] = (),
    ) -> FlowRun:
        """A run of a deployment that this worker begins at once; no other may take it."""
        return await client.create_flow_run_from_deployment(
            deployment,
            name=name,
            parameters=parameters,
            tags=tags,
            # Not "Scheduled": that is what workers take.
            state=Pending(),
            labels={WORKER_LABEL: self.worker},
        )


@lru_cache(maxsize=1)
def _trusted(file: str | None, *, insecurely: bool) -> ssl.SSLContext:
    """Whom to trust as Prefect's server, as its own clients do; read once."""
    if insecurely or file is None:
        return httpx.create_ssl_context(verify=not insecurely)
    return ssl.create_default_context(cafile=file)
