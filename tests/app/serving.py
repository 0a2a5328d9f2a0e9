"""The service as whoever runs it sees it: real processes, started, asked, killed and stopped."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import httpx

ROOT: Final = Path(__file__).resolve().parents[2]
READY: Final = "Overlev is ready at "
START_WITHIN: Final = 120.0
"""Seconds; machines that run these tests are shared."""

NO_PREFECT: Final = {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
"""Where nobody answers: a server of one's own costs twenty seconds of CPU."""

PARTS: Final = {"web": " web ", "worker": " worker", "prefect": "flows.server"}
"""A part of the service by what stands in its command."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def until(true: Callable[[], Any], *, within: float = START_WITHIN, what: str = "") -> Any:
    """Wait for something to become true; what it gave."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with contextlib.suppress(httpx.HTTPError):
            found = true()
            if found:
                return found
        time.sleep(0.2)
    raise AssertionError(f"not within {within:.0f} s: {what or true}")


def command_of(pid: int) -> str:
    """How a process was started; empty once it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def living() -> Iterator[tuple[int, int, str]]:
    """Every process that runs: its number, its parent's and its command."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                yield int(folder.name), int(parent), command_of(int(folder.name))


_PR_SET_PDEATHSIG: Final = 1


def _end_with_us() -> None:
    """Whoever runs the tests may be killed; what they started must not stay."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One process of the command `overlev`, with what it said."""

    def __init__(
        self, folder: Path, *words: object, env: Mapping[str, str | None] | None = None
    ) -> None:
        given = {**os.environ, **(env or {})}
        self.folder = folder
        self.log = folder.parent / f"{folder.name}-{words[0]}-{time.monotonic_ns()}"
        self._out = self.log.with_suffix(".out").open("w+")
        self._err = self.log.with_suffix(".err").open("w+")
        command = [sys.executable, "-P", "-m", "app.cli", "--data", str(folder)]
        self._process = subprocess.Popen(
            [*command, *(str(word) for word in words)],
            cwd=ROOT,
            env={name: value for name, value in given.items() if value is not None},
            stdin=subprocess.DEVNULL,
            stdout=self._out,
            stderr=self._err,
            start_new_session=True,
            preexec_fn=_end_with_us,  # noqa: PLW1509 - tests start from one thread
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def out(self) -> str:
        return Path(self._out.name).read_text()

    @property
    def err(self) -> str:
        return Path(self._err.name).read_text()

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def ended(self, within: float = 40) -> int:
        """Its exit code."""
        code = self._process.wait(within)
        self._out.close()
        self._err.close()
        return code

    def stop(self, number: int = signal.SIGTERM, within: float = 40) -> int:
        """Ask it to end; its exit code."""
        self.send(number)
        return self.ended(within)

    def kill(self) -> None:
        """For a test that failed: nothing of it stays behind."""
        if self._process.poll() is None:
            self._process.kill()
            self.ended()


class Up(Process):
    """`overlev up` with its parts. `page` is a client of its pages and its interface."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        env: Mapping[str, str | None] | None = None,
        words: tuple[str, ...] = (),
    ) -> None:
        self.port = port or free_port()
        super().__init__(folder, "up", "--port", self.port, *words, env=env)
        self.page = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def parts(self, name: str) -> list[int]:
        """The processes of a part, the oldest first."""
        found = [
            pid
            for pid, parent, command in living()
            if parent == self.pid and PARTS[name] in command
        ]
        return sorted(found)

    def part(self, name: str) -> int | None:
        """A process of a part, None while there is none."""
        found = self.parts(name)
        return found[0] if found else None

    def kill_part(self, name: str) -> int:
        """End a part with -9; which process it was."""
        pid: int = until(lambda: self.part(name), what=f"{name} runs")
        os.kill(pid, signal.SIGKILL)
        return pid

    def ready(self) -> str:
        """Wait for the line that says so; the address."""

        def line() -> str | None:
            assert self._process.poll() is None, self.err
            said = [each for each in self.out.splitlines() if each.startswith(READY)]
            return said[0].removeprefix(READY) if said else None

        found: str = until(line, what="the line")
        return found

    def readyz(self) -> dict[str, Any]:
        """What `/readyz` says, with the status as `code`."""
        answer = self.page.get("/readyz")
        body: dict[str, Any] = answer.json()
        return body | {"code": answer.status_code}

    def left(self) -> list[str]:
        """Processes on this data folder that still run."""
        return [command for _, _, command in living() if str(self.folder) in command]


@contextlib.contextmanager
def up(folder: Path, **more: Any) -> Iterator[Up]:
    """`overlev up` that is ready; ended, if the test has not done so."""
    service = Up(folder, **more)
    try:
        service.ready()
        yield service
    finally:
        if service._process.poll() is None:
            try:
                service.stop()
            except subprocess.TimeoutExpired:
                service.kill()
        service.page.close()
