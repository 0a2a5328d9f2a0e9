"""A web process, for `bench.api`: `python -m bench.api_server KIND URL KEYS FD NUMBER OF`.

`ours` is the application as `overlev web` serves it. `bare` is what the framework alone costs: the
same request read by a model, the recorded rows of a completion written by the driver, one commit.
It is the NUMBERth of so many at the socket FD, says that it is ready, and ends at the end of its
input.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from app.serving import for_long, server_config
from bench.clock import NOW
from bench.places import SECRET, Place
from bench.recording import Recording, Replay
from cases.vault import Secrets
from core.crypto import KeyRing
from core.db import Database
from core.keystore import KeyStore
from core.settings import Settings
from core.turns import WriterQueue
from web.app import create_app
from web.house import House


class Said(BaseModel):
    """A completion, as the framework alone reads it."""

    outcome: str
    form: str | None = None


def ours(url: str, keys_file: Path) -> FastAPI:
    """The application over a database of the benchmark, at its frozen time."""
    ring = KeyRing.derive(SECRET)
    keys = KeyStore(f"sqlite:///{keys_file}", ring)
    db = Database(url, secrets=Secrets(ring, keys))
    return create_app(House(db, lambda: NOW, Settings(), demo=True, real_clock=lambda: NOW))


def bare(url: str, keys_file: Path, number: int, of: int) -> FastAPI:
    """FastAPI and the driver, nothing else; it writes each `of`th transaction."""
    recording = pickle.loads(keys_file.with_suffix(".recording").read_bytes())  # noqa: S301 - ours
    ring = KeyRing.derive(SECRET)
    keys = KeyStore(f"sqlite:///{keys_file}", ring)
    place = Place(url, keys_file, Database(url), keys)
    replay = Replay(place, Recording(recording.transactions[number::of]))
    queue, one_at_a_time = WriterQueue(keys_file, 5.0), threading.Lock()
    turn = queue.turn if place.engine == "sqlite" else lambda: one_at_a_time
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/api/v1/cases/{ref}/tasks/{task}")
    def settle(ref: str, task: str, said: Said) -> dict[str, Any]:
        with turn():
            replay.run(1)
        return {"ref": ref, "task": task, "outcome": said.outcome}

    return app


def main(kind: str, url: str, keys_file: str, *place: str) -> None:
    """Serve until the input ends."""
    keys, (fd, number, of) = Path(keys_file), map(int, place)
    app = ours(url, keys) if kind == "ours" else bare(url, keys, number, of)
    listener = socket.socket(fileno=fd)
    threading.Thread(target=_end_with_input, daemon=True).start()
    for_long()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    uvicorn.Server(server_config(app)).run([listener])


def _end_with_input() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
