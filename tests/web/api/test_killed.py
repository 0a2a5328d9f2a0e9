"""A real server killed with -9 the instant its 200 arrives: what was acknowledged is there.

`OVERLEV_TEST_KILLS=100` kills that often on each database; without it a few times.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cases import tokens
from cases.model import TaskState
from core.clock import system_now
from tests.cases.desk import Desk, furnish, make_case
from tests.databases import Databases

KILLS = int(os.environ.get("OVERLEV_TEST_KILLS", "3"))
ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Mortal:
    """The process that makes servers, and the port they all serve on."""

    process: subprocess.Popen[str]
    port: int
    serving: int = 0

    def live(self) -> None:
        """Start a server; one that waits in line at the port is answered when it is up."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("serve\n")
        self.process.stdin.flush()
        self.serving = int(self.process.stdout.readline())

    def die(self) -> None:
        os.kill(self.serving, signal.SIGKILL)

    def ask(
        self, path: str, token: str, key: str, body: object, *, kill: bool
    ) -> tuple[int, bytes]:
        """Send a request over a socket; with `kill`, kill the server at the first byte back."""
        sent = json.dumps(body).encode()
        head = (
            f"POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as line:
            line.sendall(head.encode() + sent)
            got = line.recv(16)
            if kill:
                self.die()
            try:
                while more := line.recv(65536):
                    got += more
            except ConnectionError:
                assert kill
        status = int(got.split(b" ", 2)[1])
        return status, got.partition(b"\r\n\r\n")[2]


@pytest.fixture
def desk(databases: Databases, tmp_path: Path) -> Iterator[Desk]:
    url = databases.create(migrated=True)
    desk = furnish(url, tmp_path / "keys.db", staffed=False)
    yield desk
    desk.close()
    databases.drop(url)


@pytest.fixture
def mortal(desk: Desk, tmp_path: Path) -> Iterator[Mortal]:
    url = desk.db.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.web.killed", url, str(tmp_path / "keys.db")]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(" ".join(desk.ring.to_json().split()) + "\n")
        process.stdin.flush()
        made = Mortal(process, int(process.stdout.readline()))
        yield made
        if made.serving:
            made.die()
        process.stdin.close()
        process.wait(30)


@pytest.mark.timeout(180 + 20 * KILLS)
def test_what_was_acknowledged_is_there_after_a_kill_and_a_repeat_gets_the_first_answer(
    desk: Desk, mortal: Mortal
) -> None:
    token = desk.do(tokens.add_token, "t", "officer", ["a"], now=system_now())
    first: list[bytes] = []
    asked = []
    for number in range(KILLS):
        case = make_case(desk)
        request = (f"/cases/{case.ref}/tasks/talk_held", token, f"key-{number}")
        mortal.live()

        status, _ = mortal.ask(*request, {"outcome": "done", "form": "group"}, kill=True)

        assert status == 200
        task = desk.case(case.ref).task("talk_held")
        assert task is not None
        assert (task.state, task.form) == (TaskState.DONE, "group")
        asked.append((request, desk.case(case.ref).version))

    mortal.live()
    for request, version in asked:
        status, body = mortal.ask(*request, {"outcome": "done", "form": "group"}, kill=False)
        first.append(body)

        assert status == 200
        assert json.loads(body)["version"] == version
        assert json.loads(body)["task"]["state"] == "done"
    for request, _ in asked:
        _, body = mortal.ask(*request, {"outcome": "done", "form": "group"}, kill=False)
        assert body in first
