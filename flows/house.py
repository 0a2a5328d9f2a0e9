"""The installation that a flow works with, opened once in a process.

The worker gives the one it has opened; a process that a standard process pool starts opens it from
the environment (`OVERLEV_DATA` and the rest).
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Final, ParamSpec, TypeVar

from cases.installation import Installation, open_installation
from core.errors import OverlevError
from core.log import places
from core.settings import load_settings

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class _Opened:
    house: Installation | None = None
    page: str | None = None


_opened: Final = _Opened()
_lock: Final = threading.Lock()


class FlowFault(Exception):
    """What a flow failed with, as Prefect may keep it: class and places, never what it said."""


def use(house: Installation, *, page: str | None = None) -> None:
    """Work with an installation that is open already; `page` is the address of the pages."""
    with _lock:
        _opened.house = house
        _opened.page = page


def installation() -> Installation:
    """The installation of this process. Raises `UnsafeSettings`."""
    with _lock:
        if _opened.house is None:
            _opened.house = open_installation(load_settings())
        return _opened.house


def page_of(ref: str) -> str | None:
    """The address of a case's page, None where nobody knows where the pages are."""
    house = installation()
    address = house.settings.public_url or _opened.page
    return f"{address}/cases/{ref}" if address else None


def told_safely(act: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """A flow or task that fails without giving away what an exception says.

    Prefect keeps the words and the traceback of an exception; SQL errors and parsers quote values.
    Our own refusals hold nothing about a person and go as they are.
    """

    @wraps(act)
    async def safely(*args: P.args, **more: P.kwargs) -> T:
        fault: FlowFault
        try:
            return await act(*args, **more)
        except FlowFault:
            raise
        except OverlevError as refused:
            fault = FlowFault(f"{type(refused).__name__}: {refused.detail}")
        except Exception as error:  # noqa: BLE001 - whatever it is, its words stay here
            fault = FlowFault(" ".join(places(error)))
        raise fault from None

    return safely
