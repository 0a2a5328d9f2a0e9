"""`overlev up`: one command that starts everything, keeps it running and stops all of it."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.app.serving import NO_PREFECT, Process, free_port, until, up
from tests.app.shell import Shell

pytestmark = pytest.mark.timeout(300)


def test_from_an_empty_folder_to_a_page_and_to_a_clean_end(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with up(folder, env=NO_PREFECT) as service:
        assert f"Overlev is ready at http://127.0.0.1:{service.port}\n" in service.out
        assert service.page.get("/healthz").json() == {"status": "alive"}
        assert service.page.get("/", follow_redirects=True).status_code == 200

        again = Process(folder, "up", "--port", free_port(), env=NO_PREFECT)
        assert again.ended() == 2
        assert "runs already" in again.err
        assert len(again.err.splitlines()) == 1, again.err

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
        for part in ("worker", "web"):
            killed = service.kill_part(part)
            # The parent holds the socket: whoever asks meanwhile waits and is answered.
            page = f"http://127.0.0.1:{service.port}/healthz"
            assert httpx.get(page, timeout=60).status_code == 200
            assert until(partial(service.part, part), what=f"{part} again") != killed
        assert "SIGKILL" in service.err

        began = time.monotonic()
        assert service.stop(signal.SIGINT) == 0
        assert time.monotonic() - began < 30
        assert service.left() == []
        with pytest.raises(httpx.ConnectError):
            service.page.get("/healthz")


def test_a_killed_parent_leaves_nothing_behind(house: Shell) -> None:
    with up(house.folder, env=NO_PREFECT) as service:
        until(lambda: service.part("worker"), what="a worker")
        os.kill(service.pid, signal.SIGKILL)
        service.ended()
        until(lambda: not service.left(), within=60, what="the parts notice and end")
