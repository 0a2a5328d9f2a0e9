"""The worker process: the three loops, their heartbeats, and the Prefect worker.

The main thread only waits for the signal to stop: Prefect's engine puts its own handler for SIGTERM
where a flow runs in the main thread, so no flow ever does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from typing import Final

import httpx

from cases import heartbeats
from cases.heartbeats import Beats
from cases.installation import Installation
from core.clock import system_now
from core.crypto import new_ref
from core.errors import Busy
from flows import deploying
from flows.calendar_flows import ALL, OTHERS
from flows.carrier import ASK_EVERY, Carrier
from flows.house import use
from flows.loops import loops_of
from flows.reconcile import WORKER_PREFIX, settle_left_runs
from flows.show import Show
from flows.worker import DRAIN_WITHIN, LIMIT, POOL, InlineWorker

BEAT_EVERY: Final = 10.0
SETTLE_AFTER: Final = 150.0
"""Seconds after the start, when a worker that died before is known to be dead."""

STOP_WITHIN: Final = 18.0

_log: Final = logging.getLogger(__name__)


class Service:
    """Everything a worker process does. `start`, then `stop`."""

    def __init__(self, house: Installation, *, page: str | None = None) -> None:
        use(house, page=page)
        self.name = f"{WORKER_PREFIX}{new_ref()}"
        self._house = house
        self._beats = Beats(self.name)
        self._carrier = Carrier(self.name)
        self._stopping = threading.Event()
        self._loops = loops_of(house, self._carrier, self._beats, self._stopping)
        self._writer = threading.Thread(target=self._write_beats, name="heartbeats", daemon=True)

    def start(self) -> None:
        """Begin: the loops at once, Prefect whenever it answers."""
        for loop in self._loops:
            loop.start()
        self._writer.start()
        self._carrier.start()
        self._prefect = self._carrier.spawn(self._with_prefect())

    def stop(self) -> bool:
        """Take no more work and let what is under way end; False if something did not in time."""
        until = time.monotonic() + STOP_WITHIN
        self._stopping.set()
        for loop in self._loops:
            loop.ask_to_stop()
        self._carrier.loop.call_soon_threadsafe(self._end.set)
        ended = [loop.join(max(0.0, until - time.monotonic())) for loop in self._loops]
        try:
            self._prefect.result(max(0.1, until - time.monotonic()))
        except Exception:  # noqa: BLE001 - cut off or failed: the runs are settled by reconcile
            _log.warning("what Prefect was showing was cut off")
        self._carrier.stop()
        self._writer.join(5)
        with contextlib.suppress(Busy):
            self._house.db.transact(lambda tx: heartbeats.forget(tx, self.name))
        return all(ended)

    def _write_beats(self) -> None:
        while not self._stopping.is_set():
            noted = self._beats.take()
            try:
                if noted:
                    self._house.db.transact(lambda tx: heartbeats.write(tx, noted, self.name))  # noqa: B023 - run at once
            except Busy:
                self._beats.put_back(noted)
            except Exception:  # noqa: BLE001 - the next time may be better
                self._beats.put_back(noted)
                _log.exception("heartbeats could not be written")
            # The first ones soon: somebody waits for the service to be ready.
            self._stopping.wait(BEAT_EVERY if noted else 0.2)

    async def _with_prefect(self) -> None:
        self._end = asyncio.Event()
        show = Show(self._house, self._carrier, self._beats)
        parts = [self._watch(), show.run(), self._work(), self._settle()]
        running = [asyncio.ensure_future(part) for part in parts]
        await self._end.wait()
        show.stopping.set()
        await asyncio.wait(running, timeout=DRAIN_WITHIN + 1)

    async def _watch(self) -> None:
        """Ask whether Prefect is there, and bring it what it needs once it is."""
        while not self._end.is_set():
            if await self._carrier.ask():
                self._beats.note(heartbeats.PREFECT)
                if not self._carrier.deployments.by_flow:
                    await self._deploy()
            await self._pause(ASK_EVERY if self._carrier.deployments.by_flow else 1.0)

    async def _deploy(self) -> None:
        try:
            self._carrier.deployments.by_flow = await deploying.deploy()
        except httpx.HTTPError as away:
            _log.warning("the deployments could not be brought to Prefect; tried again: %s", away)
            await self._pause(5.0)
        except Exception:  # noqa: BLE001 - the loops go on without
            _log.exception("the deployments could not be brought to Prefect; tried again")
            await self._pause(5.0)

    async def _work(self) -> None:
        """Take the runs of the work pool, for as long as Prefect answers."""
        while not self._end.is_set():
            if self._carrier.answers and self._carrier.deployments.by_flow:
                try:
                    worker = InlineWorker(POOL, name=self.name, limit=LIMIT)
                    await worker.serve(self._end)
                except httpx.HTTPError as away:
                    if self._carrier.answers:
                        _log.warning("the Prefect worker failed and comes again: %s", away)
                except Exception:  # noqa: BLE001 - Prefect may have gone away
                    if self._carrier.answers:
                        _log.exception("the Prefect worker failed and comes again")
            await self._pause(2.0)

    async def _settle(self) -> None:
        """Once, when it is known who is dead; from then on the calendar does it."""
        await self._pause(SETTLE_AFTER)
        while not self._end.is_set():
            if self._carrier.answers:
                try:
                    names = [each.name for each in ALL] + OTHERS
                    await settle_left_runs(self._house, names)
                except Exception:  # noqa: BLE001 - asked again by the calendar
                    _log.exception("runs could not be settled; the calendar tries again")
                return
            await self._pause(ASK_EVERY)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._end.wait(), seconds)
        except TimeoutError:
            return


def forget_old_heartbeats(house: Installation) -> None:
    """Heartbeats of workers long gone."""
    house.db.transact(lambda tx: heartbeats.forget_old(tx, now=system_now()))
