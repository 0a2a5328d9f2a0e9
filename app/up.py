"""`overlev up`: a parent that starts the parts of the service, keeps them running, and stops them.

The web first, then more of it where there are cores for it, Prefect's server and the worker, each a
process of its own. The parent holds the listening socket, which all web processes share: whoever is
free takes who asks, and who asks while none is there waits and is not turned away. What dies comes
again, later and later if it keeps dying. SIGTERM and Ctrl-C stop everything in reverse. Should the
parent itself be killed, its children notice that and end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, NoReturn

from app.children import Child, Ended
from core import processors
from core.disk import writable
from core.errors import EXIT_FAULT, OverlevError, UnsafeSettings
from core.log import set_up_logging
from core.parent import COUNTED_TOGETHER
from core.scratch import private_folder
from flows import environment

HOST: Final = "127.0.0.1"
LOCK: Final = "up.lock"
"""Held by the one `up` on a data folder; its line says where the pages are."""

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
"""What stops the service, in order and with exit code 0."""

READY_WITHIN: Final = 180.0
PAGE_WITHIN: Final = 1.0
"""Seconds that one question for the first page may take; who wants us to stop waits as long."""

STOP_WITHIN: Final = {"worker": 20.0, "prefect": 4.0, "web": 4.0}
"""Seconds that each part gets to end by itself, in the order in which they are stopped."""

PORTS_TRIED: Final = 50

MOST_WEBS: Final = 2
CORES_FOR_A_WEB: Final = 2
"""Web processes, unless told otherwise: one of Python's computes on one core at a time. Prefect's
server and the worker need a core as well, and on two a second web brings nothing (ADR 100)."""

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is started: where the data lie, on which socket, and on which Prefect's server.

    `counts` is where several web processes count together what they have answered.
    """

    folder: Path
    listener: socket.socket
    prefect: socket.socket | None
    webs: int = 1
    counts: Path | None = None
    fill: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://{HOST}:{self.listener.getsockname()[1]}"


class Supervisor:
    """The parent. `run` returns the exit code once everything has ended."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._told: queue.SimpleQueue[Ended | int] = queue.SimpleQueue()
        self._children: dict[str, Child] = {}
        self._to_stop = False
        self._processors = processors.one_for_each(plan.webs, processors.cores_here())

    def run(self) -> int:
        """Start, watch, stop."""
        for number in STOPPING:
            signal.signal(number, self._asked_to_stop)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)  # `take_over` has held them back
        try:
            self._start_web(1)
            if not self._ready():
                return 0 if self._to_stop else EXIT_FAULT
            self._after_the_web()
            return self._watch()
        finally:
            self._stop()

    def _asked_to_stop(self, number: int, _: object) -> None:
        self._to_stop = True
        self._told.put(number)

    def _after_the_web(self) -> None:
        print(f"Overlev is ready at {self._plan.address}", flush=True)
        for number in range(2, self._plan.webs + 1):
            self._start_web(number)
        if self._plan.prefect is not None:
            self._start_prefect(self._plan.prefect)
        if not self._plan.fill:
            self._start_worker()
        else:
            # The year of a demo is one transaction; the worker comes when it is over.
            print(
                "The demo's cases are being made: signing in opens when they are there, in a"
                " minute or two, and its page tells how far they are",
                file=sys.stderr,
                flush=True,
            )
            self._children["fill"] = Child(
                "fill", self._plan.fill, dict(os.environ), self._told, comes_again=False
            ).start()

    def _start_prefect(self, listener: socket.socket) -> None:
        keep = listener.fileno()
        words = ("-m", "flows.server", "--fd", str(keep))
        environ = dict(os.environ)
        prefect = Child("prefect", words, environ, self._told, keep=(keep,))
        self._children["prefect"] = prefect.start()
        where = self._plan.folder / "prefect" / environment.AUTH_FILE
        print(
            f"Prefect's pages: http://{HOST}:{listener.getsockname()[1]}, the password stands in"
            f" {where}",
            file=sys.stderr,
        )

    def _start_worker(self) -> None:
        self._start("worker", "worker", "--page", self._plan.address)

    def _start_web(self, number: int) -> None:
        name = "web" if number == 1 else f"web {number}"
        listener = self._plan.listener.fileno()
        environ = {COUNTED_TOGETHER: str(self._plan.counts)} if self._plan.counts else {}
        processor = self._processors[number - 1]
        if processor is not None:
            environ[processors.ALL] = processors.as_text(processors.cores_here())
        self._start(
            name,
            "web",
            "--fd",
            str(listener),
            environ=environ,
            keep=(listener,),
            processor=processor,
        )

    def _start(
        self,
        name: str,
        *words: str,
        environ: Mapping[str, str] = NOTHING,
        keep: tuple[int, ...] = (),
        processor: int | None = None,
    ) -> None:
        command = ("-m", "app.cli", "--data", str(self._plan.folder), *words)
        child = Child(
            name, command, {**os.environ, **environ}, self._told, keep=keep, processor=processor
        )
        self._children[name] = child.start()

    def _ready(self) -> bool:
        """Wait for the first page; False if it does not come, or somebody wants us to stop."""
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            with contextlib.suppress(queue.Empty):
                told = self._told.get(timeout=0.05)
                if isinstance(told, int):
                    return False
                if not told.child.may_come_again(told):
                    break
            try:
                with urllib.request.urlopen(  # noqa: S310 - our own address
                    f"{self._plan.address}/healthz", timeout=PAGE_WITHIN
                ) as page:
                    if page.status == 200:
                        # Who asked to stop meanwhile is not told that it is ready.
                        return not self._to_stop
            except (urllib.error.URLError, OSError):
                continue
        print("overlev: the web server did not start; see the lines above", file=sys.stderr)
        return False

    def _watch(self) -> int:
        while True:
            told = self._told.get()
            if isinstance(told, int):
                return 0
            if told.child.name == "fill":
                del self._children["fill"]
                if told.code != 0:
                    print("overlev: the demo's cases could not be made", file=sys.stderr)
                self._start_worker()
                continue
            wait = told.child.come_again(told)
            print(
                f"overlev: {told.child.name} ended ({told.how}) and comes again in {wait:.1f} s",
                file=sys.stderr,
            )

    def _stop(self) -> None:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        fill = self._children.pop("fill", None)
        if fill is not None:
            fill.stop(1.0)
        for part, within in STOP_WITHIN.items():
            alike = [each for each in self._children.values() if each.name.split()[0] == part]
            until = time.monotonic() + within
            for child in alike:
                child.ask_to_end()
            for child in alike:
                if not child.stop(max(0.0, until - time.monotonic())):
                    told = f"overlev: {child.name} did not end in {within:.0f} s: ended"
                    print(told, file=sys.stderr)


def webs_here() -> int:
    """How many web processes this machine is good for."""
    return max(1, min(MOST_WEBS, len(os.sched_getaffinity(0)) // CORES_FOR_A_WEB))


def take_over(folder: Path, port: int, webs: int | None, fill: tuple[str, ...]) -> NoReturn:
    """Become the parent: the same process with another program, a fifth as large.

    Without a number of `webs` there are as many as the machine's cores are good for.
    """
    words = ["-m", "app.up", str(folder), str(port), str(webs or webs_here()), *fill]
    sys.stdout.flush()
    sys.stderr.flush()
    # Until the new program knows what to do with them, they would end it as they find it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    os.execv(sys.executable, [sys.executable, "-P", *words])  # noqa: S606 - our own program


def main(words: list[str]) -> int:
    """`python -m app.up FOLDER PORT WEBS [the words of what fills a demo]`; the exit code."""
    folder, port, webs, fill = Path(words[0]), int(words[1]), int(words[2]), tuple(words[3:])
    set_up_logging()
    try:
        with (
            only_one(folder),
            listening(port) as listener,
            _counting(folder, webs) as counts,
            prefect_beside(folder) as prefect,
        ):
            plan = Plan(folder, listener, prefect, webs, counts, fill)
            with _written_down(folder, plan.address):
                return Supervisor(plan).run()
    except OverlevError as refused:
        print(f"overlev: {refused.for_operators}", file=sys.stderr)
        return refused.exit_code


@contextlib.contextmanager
def _counting(folder: Path, webs: int) -> Iterator[Path | None]:
    """Where several web processes count; in memory: they could not bear a disk that is full."""
    if webs == 1:
        yield None
        return
    with private_folder(folder) as counts:
        yield counts


@contextlib.contextmanager
def prefect_beside(folder: Path) -> Iterator[socket.socket | None]:
    """Prepare a Prefect server of our own; None where `PREFECT_API_URL` names another.

    Its socket listens from now on and is handed to it: a port that is only chosen may be taken by
    somebody else in the ten seconds until the server wants it, or while it comes again.
    Raises `UnsafeSettings` when the port that was asked for is taken.
    """
    if os.environ.get(environment.API_URL):
        environment.for_clients(os.environ)
        yield None
        return
    with contextlib.ExitStack() as stack:
        asked = asked_prefect_port()
        listener = stack.enter_context(_listening_for_prefect() if asked is None else _on(asked))
        with writable(folder):
            port = listener.getsockname()[1]
            environment.for_a_server_of_our_own(folder, port, os.environ)
        yield listener


def asked_prefect_port() -> int | None:
    """The port that a Prefect server of our own is to have, None where any will do.

    Raises `UnsafeSettings` when it is taken, or no port.
    """
    asked = os.environ.get(environment.SERVER_PORT)
    if asked is None or os.environ.get(environment.API_URL):
        return None
    if not (asked.isdecimal() and 0 < int(asked) < 65536):
        raise _no_port_for_prefect(asked)
    with _on(int(asked)):
        return int(asked)


@contextlib.contextmanager
def _on(port: int) -> Iterator[socket.socket]:
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(_listens(port, _prefect_host()))
        except OSError as taken:
            raise _no_port_for_prefect(str(port)) from taken
        yield listener


def _no_port_for_prefect(asked: str) -> UnsafeSettings:
    return UnsafeSettings(
        f"port {asked} for Prefect cannot be used: name another with {environment.SERVER_PORT}"
    )


@contextlib.contextmanager
def _listening_for_prefect() -> Iterator[socket.socket]:
    """On the first port that is free."""
    with contextlib.ExitStack() as stack:
        for port in range(environment.PORT, environment.PORT + PORTS_TRIED):
            try:
                listener = stack.enter_context(_listens(port, _prefect_host()))
            except OSError:
                continue
            if port != environment.PORT:
                told = f"overlev: port {environment.PORT} is taken: Prefect gets {port}"
                print(told, file=sys.stderr)
            yield listener
            return
    raise UnsafeSettings(
        f"no port for Prefect is free from {environment.PORT} on: name one with"
        f" {environment.SERVER_PORT}"
    )


def _prefect_host() -> str:
    return os.environ.get(environment.SERVER_HOST, HOST)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder for this process, as long as it lives. Raises `UnsafeSettings`."""
    with writable(folder):
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            address = address_of(folder)
            raise UnsafeSettings(
                f"`overlev up` runs already on {folder}{f' ({address})' if address else ''}: stop"
                " it first, or name another --data"
            ) from None
        yield
    finally:
        os.close(descriptor)


def address_of(folder: Path) -> str | None:
    """Where the pages of the `up` on this folder are, None where none runs.

    Of a parent that was killed it is where they were: it left no time to take the line away.
    """
    try:
        return (folder / LOCK).read_text("ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


@contextlib.contextmanager
def _written_down(folder: Path, address: str) -> Iterator[None]:
    """In the file that this process holds locked; nobody else writes to it."""
    file = folder / LOCK
    with contextlib.suppress(OSError):  # a full disk is no reason not to start
        file.write_text(f"{address}\n", "ascii")
    try:
        yield
    finally:
        os.truncate(file, 0)


@contextlib.contextmanager
def listening(port: int, host: str = HOST) -> Iterator[socket.socket]:
    """A socket that listens, said at once if it cannot. Raises `UnsafeSettings`."""
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(_listens(port, host))
        except OSError as taken:
            raise UnsafeSettings(
                f"port {port} cannot be used ({taken.strerror}): name another with --port"
            ) from taken
        yield listener


@contextlib.contextmanager
def _listens(port: int, host: str) -> Iterator[socket.socket]:
    """Raises `OSError`; of two who bind at once the second may hear of it when it listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
        yield listener


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
