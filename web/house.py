"""What the web works with: one installation, opened by whoever starts the server.

The web knows no `app` and no global: `create_app` is handed a `House`, and a handler finds it in
`request.app.state.house` (or in the `Asked` of its request, `web.asked`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from starlette.requests import Request

from core.clock import Clock, system_now
from core.db import Database
from core.settings import Settings
from core.training import TrainingClock


class Checked(Protocol):
    """A line of `overlev doctor`: what was looked at, whether it is sound, what was seen."""

    @property
    def what(self) -> str: ...
    @property
    def ok(self) -> bool: ...
    @property
    def says(self) -> str: ...


@dataclass(frozen=True, slots=True)
class House:
    """One installation as the web sees it.

    `clock` tells the time it is here, which stands still in a demo that was frozen; `real_clock`
    is never frozen: heartbeats, sessions and tokens go by it. `examine` looks the installation
    over, None where nobody can. `filling` tells how many per cent of a demo's cases are made, None
    while none are being made. `training` is the clock of a demo, which can be moved to another day.
    """

    db: Database
    clock: Clock
    settings: Settings
    demo: bool = False
    real_clock: Clock = system_now
    examine: Callable[[], Iterable[Checked]] | None = None
    filling: Callable[[], int | None] = lambda: None
    training: TrainingClock | None = None

    def now(self) -> datetime:
        """The instant it is here, in UTC."""
        return self.clock()


def house_of(request: Request) -> House:
    """The house that serves this request."""
    house: House = request.app.state.house
    return house
