"""A server to be killed: for each line it is told, a new process serves until somebody kills it.

Run as `python -m tests.web.killed URL KEYS`, the key ring as the first line of its input. The port
is its first line of output, the id of each new process the next ones.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import uvicorn

from core.clock import system_now
from core.crypto import KeyRing
from core.settings import Settings
from tests.cases.desk import reopened
from web.app import create_app
from web.house import House


def main(url: str, keys: str) -> None:
    """Fork a server for each line, and wait until it is gone."""
    ring = KeyRing.from_json(sys.stdin.readline())
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    say(listener.getsockname()[1])
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            serve(url, Path(keys), ring, listener)
        say(child)
        os.waitpid(child, 0)


def say(number: int) -> None:
    """One line for whoever started us."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def serve(url: str, keys: Path, ring: KeyRing, listener: socket.socket) -> None:
    """Serve in this process, which opens the databases for itself."""
    desk = reopened(url, keys, ring)
    app = create_app(House(desk.db, system_now, Settings(), demo=True))
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")
    uvicorn.Server(config).run([listener])
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
