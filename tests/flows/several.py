"""What several Prefect servers share: a Postgres that has `pg_trgm`, and a Redis.

Neither comes with the tests: the Postgres of their wheel lacks that extension, and Prefect makes no
tables without it. Whoever asks for this test has both from Debian, else it says what is missing.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import postgres

PROGRAMS = Path("/usr/lib/postgresql")
EXTENSION = Path("/usr/share/postgresql")


def missing() -> list[str]:
    """What has to be installed by hand, each with how."""
    found = {
        "redis-server (apt-get install redis-server)": shutil.which("redis-server"),
        "a Postgres with pg_trgm (apt-get install postgresql)": programs(),
        "prefect-redis (requirements-redis.lock, see docs/operations.md)": (
            importlib.util.find_spec("prefect_redis")
        ),
    }
    return [what for what, there in found.items() if not there]


def programs() -> Path | None:
    """Debian's programs of the newest Postgres that has the extension."""
    versions = sorted(
        int(each.name) for each in PROGRAMS.glob("[1-9]*") if (each / "bin" / "initdb").is_file()
    )
    for version in reversed(versions):
        if (EXTENSION / str(version) / "extension" / "pg_trgm.control").is_file():
            return PROGRAMS / str(version) / "bin"
    return None


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """A Postgres with an empty database for Prefect; the URL as Prefect wants it."""
    postgres.start(folder, postgres.ORDINARY, programs=programs())
    try:
        yield f"postgresql+asyncpg://postgres@/postgres?host={folder / 'pg'}"
    finally:
        postgres.stop(folder, programs=programs())


@contextmanager
def messenger(folder: Path) -> Iterator[str]:
    """A Redis on this machine alone that keeps nothing on disk; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    words = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    with (folder / "redis.log").open("wb") as log:
        redis = subprocess.Popen(["redis-server", *words], stdout=log, stderr=log)
        try:
            until = time.monotonic() + 20
            while not _listens(port):
                assert redis.poll() is None, (folder / "redis.log").read_text()
                assert time.monotonic() < until
                time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            redis.terminate()
            redis.wait(20)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
