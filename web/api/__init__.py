"""The JSON interface, version 1: one module a resource, put together here."""

from __future__ import annotations

from typing import Final

from web.api import (
    appointments,
    cases,
    description,
    forms,
    imports,
    naloxone,
    participation,
    release,
    sessions,
    tasks,
    tertials,
    transfers,
)
from web.api.description import PREFIX, PROBLEMS
from web.policy import Router

router: Final = Router(prefix=PREFIX, responses=PROBLEMS)
for _part in (
    cases,
    tasks,
    participation,
    release,
    transfers,
    appointments,
    forms,
    naloxone,
    sessions,
    imports,
    tertials,
    description,
):
    router.take(_part.router)

__all__ = ["PREFIX", "router"]
