"""The parts of the service as processes: the web, and the worker."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from app.checks import Check
from cases.installation import Installation
from core.clock import system_now
from core.errors import EXIT_FAULT, UnsafeSettings
from core.training import TrainingClock
from flows import environment

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from core.clock import Clock
    from web.pages import Kept


def for_long() -> None:
    """Collect garbage as often as Python would: a command that ends soon hardly does (`app.cli`).

    Of what was loaded by now nothing will ever be garbage, so it is not looked through again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_AFTER)
    sys.setswitchinterval(TURN)


GARBAGE_AFTER = (2_000, 10, 10)
TURN = 0.0005
"""Seconds that a thread may keep the interpreter from others, a tenth of what Python gives it.

Whoever comes back from the database or the network mostly wants it for a moment, and often stands
in the way of all others meanwhile: the one that is writing, or the one that answers.
"""

FORGETS_EVERY = 30.0
"""Seconds between two looks at what pages keep for a moment."""

NO_PREFECT = "http://127.0.0.1:9/api"
"""Where nobody answers: a client that is told nothing would look for a server elsewhere."""


def serve_web(house: Installation, *, host: str, port: int, fd: int | None) -> int:
    """Serve until SIGTERM; requests under way get ten seconds."""
    import uvicorn

    from app.demo.pending import percent_made
    from app.up import listening
    from web.app import create_app
    from web.house import House

    app = create_app(
        House(
            house.db,
            house.clock,
            house.settings,
            demo=house.folder.demo,
            examine=lambda: _examined(house),
            filling=partial(percent_made, house.folder.path) if house.folder.demo else _nothing,
            training=house.clock if isinstance(house.clock, TrainingClock) else None,
        )
    )
    config = server_config(app)
    for_long()
    with contextlib.ExitStack() as stack:
        if fd is None:
            listener = stack.enter_context(listening(port, host))
        else:
            listener = stack.enter_context(socket.socket(fileno=os.dup(fd)))
        server = uvicorn.Server(config)
        stack.enter_context(_forgetting(app.state.lately, system_now))
        with _quiet_signals(server):
            server.run([listener])
        return 0 if server.started else EXIT_FAULT


@contextlib.contextmanager
def _forgetting(kept: Kept, clock: Clock, every: float = FORGETS_EVERY) -> Iterator[None]:
    """Beside the requests: no name lies in memory for long where nobody asks for lists."""
    over = threading.Event()

    def forget() -> None:
        while not over.wait(every):
            kept.turn(clock())

    thread = threading.Thread(target=forget, name="forgetting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _nothing() -> None:
    """What is made later in an installation that is no demo."""


def _examined(house: Installation) -> Iterable[Check]:
    """What `overlev doctor` says of the installation that is served."""
    from app.doctor import examine

    return examine(house.settings, now=house.now() if house.folder.demo else None)


def server_config(app: FastAPI) -> uvicorn.Config:
    """How the application is served."""
    import uvicorn

    return uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=True,
        lifespan="off",
        timeout_graceful_shutdown=10,
    )


@contextlib.contextmanager
def _quiet_signals(server: object) -> Iterator[None]:
    """Uvicorn raises the signal that stopped it once more when it is done; that ended cleanly."""
    del server
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve_worker(house: Installation, *, page: str | None) -> int:
    """Work until SIGTERM; what is under way gets 18 seconds to end."""
    if not os.environ.get(environment.API_URL):
        os.environ[environment.API_URL] = NO_PREFECT
    environment.for_clients(os.environ)
    os.environ.setdefault("PREFECT_HOME", str(house.folder.path / "prefect"))
    from flows.service import Service, forget_old_heartbeats

    for_long()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    service = Service(house, page=page)
    with contextlib.suppress(UnsafeSettings):
        forget_old_heartbeats(house)
    service.start()
    stop.wait()
    return 0 if service.stop() else EXIT_FAULT
