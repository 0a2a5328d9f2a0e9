"""`overlev up`: one command that starts everything, keeps it running and stops all of it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from core import processors
from core.processors import ALL, as_text
from tests.app.serving import NO_PREFECT, READY, Process, Up, command_of, free_port, until, up
from tests.app.shell import Shell

pytestmark = pytest.mark.timeout(300)


def test_from_an_empty_folder_to_a_page_and_to_a_clean_end(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with up(folder, env=NO_PREFECT) as service:
        assert f"Overlev is ready at http://127.0.0.1:{service.port}\n" in service.out
        assert service.page.get("/healthz").json() == {"status": "alive"}
        assert service.page.get("/", follow_redirects=True).status_code == 200

        shell = Shell(folder, {"OVERLEV_PUBLIC_URL": None})
        shell("user", "add", "kari", "--role", "admin")
        link = shell("user", "invite", "kari").out
        assert link.startswith(f"http://127.0.0.1:{service.port}/invitation/"), "this port's"

        again = Process(folder, "up", "--port", free_port(), env=NO_PREFECT)
        assert again.ended() == 2
        assert "runs already" in again.err
        assert len(again.err.splitlines()) == 1, again.err
        again = Process(folder, "up", "--port", service.port, env=NO_PREFECT)
        assert again.ended() == 2
        assert f"runs already on {folder} (http://127.0.0.1:{service.port})" in again.err

        elsewhere = tmp_path / "elsewhere"
        taken = Process(elsewhere, "up", "--port", service.port, env=NO_PREFECT)
        assert taken.ended() == 2
        assert f"port {service.port} cannot be used" in taken.err
        assert "--port" in taken.err
        assert not elsewhere.exists(), "nothing is made for a start that cannot be"
        asked = {"PREFECT_SERVER_API_PORT": str(service.port)}
        taken = Process(elsewhere, "up", "--port", free_port(), env=asked)
        assert taken.ended() == 2
        assert f"port {service.port} for Prefect cannot be used" in taken.err
        assert not elsewhere.exists()

        until(lambda: service.readyz()["code"] == 200, what="the worker's first heartbeats")
        (core,) = processors.one_for_each(1, processors.cores_here())
        if core is not None:
            assert cores_of(service, "web") == {core}
            assert cores_of(service, "worker") == os.sched_getaffinity(0)
            # Whom it starts beside itself it lets go where the others go.
            named = f"{ALL}={as_text(processors.cores_here())}".encode()
            assert named in Path(f"/proc/{service.part('web')}/environ").read_bytes().split(b"\0")
        for part in ("worker", "web"):
            killed = service.kill_part(part)
            # The parent holds the socket: whoever asks meanwhile waits and is answered.
            page = f"http://127.0.0.1:{service.port}/healthz"
            assert httpx.get(page, timeout=60).status_code == 200
            assert until(partial(service.part, part), what=f"{part} again") != killed
        if core is not None:
            assert cores_of(service, "web") == {core}, "it comes back to its core"
        assert "SIGKILL" in service.err

        began = time.monotonic()
        assert service.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 30
        assert service.left() == []
        with pytest.raises(httpx.ConnectError):
            service.page.get("/healthz")
        assert shell("user", "invite", "kari").out.startswith("/invitation/")


def test_messages_without_an_address_for_what_becomes_of_them_stop_the_start(
    tmp_path: Path,
) -> None:
    env = {
        **NO_PREFECT,
        "OVERLEV_TWILIO_ACCOUNT_SID": f"AC{0:032}",
        "OVERLEV_TWILIO_AUTH_TOKEN": "a token",
        "OVERLEV_TWILIO_SENDER": "Overlev",
    }
    for made in (False, True):  # else the worker alone would end, again and again
        if made:
            Shell(tmp_path / "data", {})("init")
        refused = Process(tmp_path / "data", "up", "--port", free_port(), env=env)
        assert refused.ended() == 2
        assert refused.err.startswith("overlev: OVERLEV_PUBLIC_URL must be an https address")
        assert len(refused.err.splitlines()) == 1, refused.err
        assert (tmp_path / "data").exists() is made


def cores_of(service: Up, part: str) -> set[int]:
    pid = service.part(part)
    assert pid is not None
    return os.sched_getaffinity(pid)


def test_two_web_processes_share_the_address_and_count_together(house: Shell) -> None:
    env = {**NO_PREFECT, "OVERLEV_WEB_PROCESSES": "2"}
    counted = 'overlev_requests_total{method="GET",route="/healthz",status="200"} '

    def ask(path: str = "/healthz") -> str:
        """Over a connection of its own, as another browser would."""
        answer = httpx.get(f"http://127.0.0.1:{service.port}{path}", timeout=60)
        assert answer.status_code == 200
        return answer.text

    def told() -> float:
        lines = ask("/metrics").splitlines()
        return sum(float(each.removeprefix(counted)) for each in lines if each.startswith(counted))

    def without(pid: int, asked: Callable[[], object]) -> object:
        """What is answered while one of them is stopped: by the other."""
        os.kill(pid, signal.SIGSTOP)
        try:
            return asked()
        finally:
            os.kill(pid, signal.SIGCONT)

    with up(house.folder, env=env) as service:
        one, other = until(
            lambda: len(webs := service.parts("web")) == 2 and all(map(_serves, webs)) and webs,
            what="two that serve",
        )
        before = told()
        for pid in (one, other):
            without(pid, lambda: [ask() for _ in range(5)])
        assert told() == before + 10
        assert [without(pid, told) for pid in (one, other)] == [before + 10, before + 10]

        os.kill(one, signal.SIGKILL)
        assert ask("/healthz")
        assert told() == before + 11, "what the killed one has counted is not lost"
        until(lambda: len({*service.parts("web"), one, other}) == 3, what="another one")

        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 30
        assert service.left() == []


def _serves(pid: int) -> bool:
    """Whether a process listens by now: it has opened what it waits for the network with."""
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed while we looked
            if "eventpoll" in str(each.readlink()):
                return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_while_it_starts_it_ends_cleanly_and_starts_nothing_more(
    house: Shell, number: int
) -> None:
    def as_soon_as(true: Callable[[Up], object]) -> None:
        service = Up(house.folder, env=NO_PREFECT)
        try:
            end = time.monotonic() + 60
            while not true(service):
                assert time.monotonic() < end
                time.sleep(0.002)
            began = time.monotonic()
            assert service.stop(number) == 0, service.err
            assert time.monotonic() - began < 15
            assert "Traceback" not in service.err
            assert READY not in service.out
            assert service.left() == []
        finally:
            service.kill()

    as_soon_as(lambda service: "app.up" in command_of(service.pid))
    as_soon_as(lambda service: service.part("web"))


def test_a_killed_parent_leaves_nothing_behind(house: Shell) -> None:
    with up(house.folder, env=NO_PREFECT) as service:
        until(lambda: service.part("worker"), what="a worker")
        os.kill(service.pid, signal.SIGKILL)
        service.ended()
        until(lambda: not service.left(), within=60, what="the parts notice and end")
