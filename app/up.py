"""`overlev up`: everything on one machine, in one process, until it is told to stop.

Migrate, then the web, then the loops. A second `up` on the same data folder, and a port that is
taken, are said at once. SIGTERM and Ctrl-C stop everything in reverse.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import uvicorn

from app.installation import Installation
from app.loops import Loops
from cases.sending import sender_of
from core.errors import EXIT_FAULT, UnsafeSettings
from web.app import create_app
from web.house import House

HOST: Final = "127.0.0.1"
READY_WITHIN: Final = 30.0


def run(house: Installation, *, port: int) -> int:
    """Serve until a signal comes; returns the exit code. Raises `UnsafeSettings`."""
    sender = sender_of(house, sys.stderr)
    with _only_one(house.folder.path), _listening(port) as listener:
        app = create_app(house_for_web(house))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                server_header=False,
                lifespan="off",
                timeout_graceful_shutdown=10,
            )
        )
        loops = Loops(house, sender)
        web = threading.Thread(target=server.run, args=([listener],), name="web", daemon=True)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        web.start()
        if not _ready(server, web):
            print("overlev: the web server did not start", file=sys.stderr)
            return EXIT_FAULT
        loops.start()
        print(f"Overlev is ready at http://{HOST}:{listener.getsockname()[1]}", flush=True)
        while not stop.wait(0.5) and web.is_alive():
            pass
        stopped = loops.stop()
        server.should_exit = True
        web.join(15)
        clean = stopped and stop.is_set() and not web.is_alive()
        return 0 if clean else EXIT_FAULT


def house_for_web(house: Installation) -> House:
    """The installation as the web sees it."""
    return House(house.db, house.clock, house.settings, demo=house.folder.demo)


def _ready(server: uvicorn.Server, web: threading.Thread) -> bool:
    waited = threading.Event()
    for _ in range(int(READY_WITHIN * 20)):
        if server.started or not web.is_alive():
            break
        waited.wait(0.05)
    return server.started


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for this process, as long as it lives."""
    descriptor = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnsafeSettings(
                f"`overlev up` runs already on {folder}: stop it first, or name another --data"
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as taken:
            raise UnsafeSettings(
                f"port {port} cannot be used ({taken.strerror}): name another with --port"
            ) from taken
        listener.listen(128)
        yield listener
