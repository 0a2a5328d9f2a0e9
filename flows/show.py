"""The loop that shows cases in Prefect: once for each change, the newest first, never in a hurry.

What changed just now goes first, within a part of each round. All else (cases that a bulk import or
a demo opened, cases whose newest run Prefect will soon forget, tasks that became overdue) goes in a
trickle that takes no more than `SHARE` of a core. Nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.flow_engine import run_flow_async

from cases import showing
from cases.heartbeats import Beats
from cases.installation import Installation
from cases.showing import ToShow
from core.errors import Busy
from flows.carrier import Carrier
from flows.environment import KEPT_DAYS
from flows.release_package import FLOW, release_package
from flows.waits import Waits

T = TypeVar("T")

LOOP: Final = "show"
EVERY: Final = 5.0
BUDGET: Final = 3.0
"""Seconds of each round for what changed just now."""

SHARE: Final = 0.05
"""Of one core, for the trickle; Prefect's server needs 3.5 times what the worker needs."""

SERVER_TIMES: Final = 4.5
CREDIT: Final = 6.0
"""Seconds of CPU that the trickle may save up: the first cases of a new house are shown at once."""

SLOW_LOOK: Final = timedelta(minutes=10)
"""Between two looks through all open cases."""

FADE_LOOK: Final = timedelta(minutes=1)
KEPT: Final = timedelta(days=KEPT_DAYS) * 0.8
"""A run older than this is made again, before Prefect forgets it."""

OVERLAP: Final = timedelta(minutes=10)
"""Changes are stamped before they are committed; so far back it is looked again."""

BATCH: Final = 50

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Trickle:
    """How much CPU may be spent on what is in no hurry. Pure; times are monotonic seconds."""

    credit: float = CREDIT
    at: float | None = None

    def may(self, now: float) -> bool:
        """Whether another case may be shown."""
        if self.at is not None:
            self.credit = min(CREDIT, self.credit + (now - self.at) * SHARE)
        self.at = now
        return self.credit > 0

    def spent(self, cpu: float) -> None:
        """Seconds of this process that a case took."""
        self.credit -= cpu * SERVER_TIMES


@dataclass(slots=True)
class _Looked:
    """When the slow questions were asked, and from which change on the quick one looks."""

    floor: int
    slowly: datetime | None = None
    fading: datetime | None = None
    rest: list[ToShow] = field(default_factory=list)


class Show:
    """The loop of one worker; `run` ends soon after `stopping` is set."""

    def __init__(self, house: Installation, carrier: Carrier, beats: Beats) -> None:
        self._house = house
        self._carrier = carrier
        self._beats = beats
        self._trickle = Trickle()
        self._waits = Waits(LOOP)
        self._looked = _Looked(floor=_stamp(house.now() - OVERLAP))
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Go on until told to stop; whatever fails, the next round comes."""
        while not self.stopping.is_set():
            try:
                self._beats.note(LOOP)
                if self._carrier.answers and FLOW in self._carrier.deployments.by_flow:
                    await self._round()
                    self._waits.over()
            except Busy as busy:
                self._waits.begun(busy)
            except Exception:  # noqa: BLE001 - whatever it is, the next round must come
                _log.exception("the loop failed and goes on", extra={"loop": LOOP})
            try:
                await asyncio.wait_for(self.stopping.wait(), EVERY)
            except TimeoutError:
                continue

    async def _round(self) -> None:
        now = self._house.now()
        until = time.monotonic() + BUDGET
        fresh = await self._ask(
            lambda: self._changed(now),
        )
        if not fresh and not await self._more(now):
            return  # a client of Prefect is not made for nothing
        async with get_client() as client:
            for case in fresh:
                if time.monotonic() > until or not await self._one(client, case):
                    return
            if not fresh:
                await self._trickling(client, now, until)

    async def _trickling(self, client: PrefectClient, now: datetime, until: float) -> None:
        while time.monotonic() < until and await self._more(now):
            begun = time.process_time()
            shown = await self._one(client, self._looked.rest.pop(0))
            self._trickle.spent(time.process_time() - begun)
            if not shown:
                return

    async def _more(self, now: datetime) -> bool:
        """Whether there is something to show that is in no hurry, and may be by now."""
        if not self._trickle.may(time.monotonic()):
            return False
        if not self._looked.rest:
            self._looked.rest = await self._ask(lambda: self._in_no_hurry(now))
        return bool(self._looked.rest)

    def _changed(self, now: datetime) -> list[ToShow]:
        with self._house.db.read() as tx:
            found = showing.changed(tx, floor=self._looked.floor, now=now, most=BATCH)
        if not found:
            self._looked.floor = max(self._looked.floor, _stamp(now - OVERLAP))
        return found

    def _in_no_hurry(self, now: datetime) -> list[ToShow]:
        looked = self._looked
        with self._house.db.read() as tx:
            found = showing.behind(tx, now=now, most=BATCH, floor=looked.floor)
            if not found and _is_time(looked.slowly, SLOW_LOOK, now):
                found = showing.behind(tx, now=now, most=BATCH)
                if not found:
                    looked.slowly = now
            if not found and _is_time(looked.fading, FADE_LOOK, now):
                found = showing.fading(tx, now=now, kept=KEPT, most=BATCH)
                if not found:
                    looked.fading = now
        return found

    async def _one(self, client: PrefectClient, case: ToShow) -> bool:
        """Show one case, unless another worker does; False if Prefect did not let it."""
        worker = self._carrier.worker
        now = self._house.now()
        db = self._house.db
        claimed = await self._ask(
            lambda: db.transact(lambda tx: showing.claim(tx, case, worker, now=now))
        )
        if not claimed:
            return True
        try:
            run = await self._carrier.create_run(
                client,
                self._carrier.deployments.by_flow[FLOW],
                name=case.run_name,
                parameters={"case_ref": case.ref, "version": case.version},
                tags=(case.unit, case.phase),
            )
            await run_flow_async(
                release_package, flow_run=run, parameters=run.parameters, return_type="state"
            )
        except Exception as failed:
            db.transact(lambda tx: showing.give_back(tx, case, worker))
            if not isinstance(failed, (httpx.HTTPError, Busy)):
                raise
            self._carrier.answers = False
            return False
        at = self._house.now()
        await self._ask(lambda: db.transact(lambda tx: showing.done(tx, case, worker, now=at)))
        self._beats.note(LOOP)
        return True

    async def _ask(self, question: Callable[[], T]) -> T:
        return await asyncio.to_thread(question)


def _stamp(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000)


def _is_time(last: datetime | None, every: timedelta, now: datetime) -> bool:
    return last is None or not timedelta(0) <= now - last < every
