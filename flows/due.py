"""The sweep and the delivery as flows: carried for a loop of the worker, or run by hand.

When a loop has work it asks for a run (`flows.carrier`) and does the work itself; the flow then
only waits and tells how it went. Started from Prefect's pages the flow does the work.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field
from threading import Event
from typing import Any, Final

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from cases.sending import deliver_due, sender_of
from cases.sweep import sweep as sweep_all
from flows.house import FlowFault, installation, told_safely


@dataclass(slots=True)
class Carried:
    """A run that watches work done elsewhere: `begun` once Prefect let it begin."""

    begun: Event = field(default_factory=Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    said: str = ""
    failed: str = ""


CARRIED: Final[ContextVar[Carried | None]] = ContextVar("carried", default=None)


def counted(result: Any) -> str:
    """What a result counts, in words, without what is nothing: `3 notices, 1 closed`."""
    counts = {name: number for name, number in asdict(result).items() if number}
    told = [f"{number} {name.replace('_', ' ')}" for name, number in counts.items()]
    return ", ".join(told) or "nothing"


async def _watched(act: Callable[[], Any]) -> State[Any]:
    carried = CARRIED.get()
    if carried is None:
        return Completed(message=counted(await asyncio.to_thread(act)))
    carried.begun.set()
    await carried.ended.wait()
    if carried.failed:
        raise FlowFault(carried.failed)
    return Completed(message=carried.said)


@flow(name="sweep", persist_result=False)
@told_safely
async def sweep() -> State[Any]:
    """Fire what is due now: ladder rungs, phase changes, closings. Twice does nothing more."""
    return await _watched(lambda: sweep_all(installation().db, now=installation().now()))


@flow(name="deliver", persist_result=False)
@told_safely
async def deliver() -> State[Any]:
    """Send what is due in the outbox; each message at most once."""
    return await _watched(
        lambda: deliver_due(installation(), sender_of(installation(), sys.stderr))
    )
